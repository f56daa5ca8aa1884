"""A theme within a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtWidgets import QApplication

from resnet_studio.gui import theme


@contextmanager
def themed(name: theme.ThemeName) -> Iterator[None]:
    """Apply a theme, and restore the application's style afterwards."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    sheet, palette, style, font = app.styleSheet(), app.palette(), app.style().objectName(), app.font()
    try:
        theme.apply(app, name)
        QApplication.processEvents()
        yield
    finally:
        theme.apply(app, "light")
        app.setStyleSheet(sheet)
        app.setPalette(palette)
        app.setStyle(style)
        app.setFont(font)
