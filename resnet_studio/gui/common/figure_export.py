"""Exports a painted figure as PNG at twice the screen's resolution, SVG or PDF, and the button for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRect, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QMenu, QToolButton

from resnet_studio.atomic import write_file
from resnet_studio.export.provenance import made_with
from resnet_studio.gui import theme
from resnet_studio.gui.common.button_feedback import reserve_width
from resnet_studio.gui.common.file_dialogs import save_dialog
from resnet_studio.gui.common.helpers import set_names

SCALE = 2
"""Pixels of a PNG per pixel of the screen."""
STAMP, EDGE = 24, 16
"""Pixels: height of the line that says what made a figure, and its distance from the left."""
SCREEN_RESOLUTION, POINTS_PER_INCH = 96, 72
"""Pixels per inch of the screen, as Qt takes it for fonts."""


def write_figure(
    path: Path, size: QSize, title: str, paint: Callable[[QPainter], None], *, stamped: bool = False
) -> None:
    """Write PNG, SVG or PDF by the file's extension. Raises `OSError` on failure, and an existing file stays.

    A line below the figure says which versions made it, unless the figure is `stamped` already.
    """
    render = {".svg": _svg, ".pdf": _pdf}.get(path.suffix.lower(), _png)
    data = render(size, title, paint) if stamped else render(size + QSize(0, STAMP), title, _with_stamp(size, paint))
    if data is None:
        raise OSError(f"{path.name} could not be written")
    write_file(path, bytes(data.data()))


def _with_stamp(size: QSize, paint: Callable[[QPainter], None]) -> Callable[[QPainter], None]:
    stamp = made_with()  # reads files: an error while something is painted would end the program

    def paint_both(painter: QPainter) -> None:
        paint(painter)
        painter.setFont(theme.text_font(8))
        painter.setPen(QColor(theme.current().muted))
        line = QRect(EDGE, size.height(), size.width() - 2 * EDGE, STAMP - EDGE // 2)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, stamp)

    return paint_both


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


def _pdf(size: QSize, title: str, paint: Callable[[QPainter], None]) -> QByteArray | None:
    """One page of that size, with text as text in embedded fonts."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(title)
    writer.setCreator("resnet-studio")
    writer.setResolution(SCREEN_RESOLUTION)
    points = QSizeF(size) * POINTS_PER_INCH / SCREEN_RESOLUTION
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    painter = QPainter()
    if not painter.begin(writer):
        return None
    _paint(painter, size, paint)
    return buffer.data() if painter.end() else None


def _paint(painter: QPainter, size: QSize, paint: Callable[[QPainter], None]) -> None:
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(theme.current().window))
    paint(painter)


FILE_TYPES = {
    "png": ("Image (PNG)", "Image (*.png)"),
    "svg": ("Vector image (SVG)", "Vector image (*.svg)"),
    "pdf": ("Document (PDF)", "Document (*.pdf)"),
    "csv": ("Values (CSV)", "Table (*.csv)"),
}


USUAL, SAVING = "Export ▾", "Saving…"


class ExportButton(QToolButton):
    """Emits the path of the file to write; its extension is the file type.

    It shows that the file is being written while the signal is handled, and as long as `show_saving` says so.
    """

    pathSelected = Signal(object)

    def __init__(self, object_name: str, accessible_name: str, tooltip: str, stem: str) -> None:
        """`stem` is the suggested name of the file."""
        super().__init__()
        set_names(self, object_name, accessible_name, tooltip)
        self.stem = stem
        self._saving = self._emitting = False
        self.setText(USUAL)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._fill(menu)
        self.setMenu(menu)
        reserve_width(self, SAVING)

    def show_saving(self, saving: bool) -> None:
        """Show whether a file is being written, and disable the button meanwhile."""
        self._saving = saving
        self._update()

    def _fill(self, menu: QMenu) -> None:
        """Add the file types to the menu."""
        for ending, (label, kind) in FILE_TYPES.items():
            menu.addAction(label, partial(self._open_dialog, ending, kind, self.pathSelected.emit))

    def _open_dialog(self, ending: str, kind: str, on_selected: Callable[[Path], object], *, detail: str = "") -> None:
        """Let the user select where to save; `detail` is added to the suggested name."""
        dialog = save_dialog(self, self.accessibleName(), f"{self.stem}{detail}.{ending}", kind)
        dialog.fileSelected.connect(lambda path: self._emit(on_selected, Path(path)))

    def _emit(self, on_selected: Callable[[Path], object], path: Path) -> None:
        self._emitting = True
        self._update()
        try:
            on_selected(path)
        finally:
            self._emitting = False
            self._update()

    def _update(self) -> None:
        busy = self._saving or self._emitting
        self.setText(SAVING if busy else USUAL)
        self.setEnabled(not busy)
        self.repaint()
