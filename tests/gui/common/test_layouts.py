"""A scrolling column whose content is higher where it is wider."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.common.layouts import VerticalScrollArea


class Picture(QWidget):
    """As high as it is wide."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(50, max(50, self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.updateGeometry()


@pytest.mark.parametrize("height", range(284, 304))
def test_the_bar_does_not_come_and_go_without_end(qtbot: QtBot, height: int) -> None:
    held = QWidget()
    column = QVBoxLayout(held)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(Picture())
    tall = VerticalScrollArea(held)
    qtbot.addWidget(tall)
    tall.show()
    tall.resize(300, height)
    QApplication.processEvents()
    bar = tall.verticalScrollBar()
    assert tall.viewport().width() == 300 - bar.width()
    assert bar.isEnabled() == (bar.maximum() > 0) == (held.height() > tall.viewport().height())
