"""Writing what a function paints to a file: PNG at twice the screen's pixels, or SVG with real lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QSize, Signal
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from resnet_studio.atomic import write_file
from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import busy, make_room
from resnet_studio.gui.common.helpers import named

SCALE = 2
"""Pixels of a PNG for each of the screen's."""


def write_picture(path: Path, size: QSize, title: str, paint: Callable[[QPainter], None]) -> None:
    """Write the kind of file that the ending asks for; if that can't be done (`OSError`), the old file stays."""
    make = _svg if path.suffix.lower() == ".svg" else _png
    written = make(size, title, paint)
    if written is None:
        raise OSError(f"{path.name} could not be written")
    write_file(path, bytes(written.data()))


def _png(size: QSize, _title: str, paint: Callable[[QPainter], None]) -> QByteArray | None:
    image = QImage(size * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    painter = QPainter(image)
    _paint(painter, size, paint)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer.data() if image.save(buffer, "PNG") else None  # type: ignore[call-overload]  # the stub wants bytes


def _svg(size: QSize, title: str, paint: Callable[[QPainter], None]) -> QByteArray | None:
    buffer = QBuffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    painter = QPainter()
    if not painter.begin(generator):
        return None
    _paint(painter, size, paint)
    return buffer.data() if painter.end() else None


def _paint(painter: QPainter, size: QSize, paint: Callable[[QPainter], None]) -> None:
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(theme.current().window))
    paint(painter)


KINDS = {
    "png": ("Picture (PNG)", "Picture (*.png)"),
    "svg": ("Drawing (SVG)", "Drawing (*.svg)"),
    "csv": ("Values (CSV)", "Table (*.csv)"),
}


class ExportButton(QToolButton):
    """Emits the path of the file to be written; its ending tells the kind."""

    path_chosen = Signal(object)

    def __init__(self, object_name: str, spoken: str, tip: str, stem: str) -> None:
        """`stem` is what the file is called unless the user says otherwise."""
        super().__init__()
        named(self, object_name, spoken, tip)
        self.stem = stem
        self.setText("Export ▾")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for ending, (what, _) in KINDS.items():
            menu.addAction(what, partial(self._ask, ending))
        self.setMenu(menu)
        make_room(self, "Saving…")

    def _take(self, path: str) -> None:
        with busy(self, "Saving…"):
            self.path_chosen.emit(Path(path))

    def _ask(self, ending: str) -> None:
        dialog = named(QFileDialog(self, self.accessibleName()), "exportDialog", self.accessibleName())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(KINDS[ending][1])
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{self.stem}.{ending}")
        dialog.fileSelected.connect(self._take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
