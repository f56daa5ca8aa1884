"""Writing what a function paints to a file: PNG at twice the screen's pixels, or SVG with real lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from resnet_studio.gui import theme

SCALE = 2
"""Pixels of a PNG for each of the screen's."""


def write_picture(path: Path, size: QSize, title: str, paint: Callable[[QPainter], None]) -> None:
    """Write the kind of file that the path's ending asks for; `OSError` if that can't be done."""
    write = _write_svg if path.suffix.lower() == ".svg" else _write_png
    if not write(path, size, title, paint):
        raise OSError(f"{path.name} could not be written")


def _write_png(path: Path, size: QSize, _title: str, paint: Callable[[QPainter], None]) -> bool:
    image = QImage(size * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    painter = QPainter(image)
    _paint(painter, size, paint)
    painter.end()
    return image.save(str(path), "PNG")  # type: ignore[call-overload,no-any-return]  # the stub wants bytes


def _write_svg(path: Path, size: QSize, title: str, paint: Callable[[QPainter], None]) -> bool:
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    painter = QPainter()
    if not painter.begin(generator):
        return False
    _paint(painter, size, paint)
    return painter.end()


def _paint(painter: QPainter, size: QSize, paint: Callable[[QPainter], None]) -> None:
    painter.fillRect(QRect(0, 0, size.width(), size.height()), QColor(theme.current().window))
    paint(painter)
