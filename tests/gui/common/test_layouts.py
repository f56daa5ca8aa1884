"""A vertical scroll area whose content is higher when it is wider."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.common.layouts import VerticalScrollArea


class Picture(QWidget):
    """As high as it is wide."""

    def minimumSizeHint(self) -> QSize:
        return QSize(50, max(50, self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()


@pytest.mark.parametrize("height", range(284, 304))
def test_the_scroll_bar_does_not_flicker(qtbot: QtBot, height: int) -> None:
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(Picture())
    area = VerticalScrollArea(content)
    qtbot.addWidget(area)
    area.show()
    area.resize(300, height)
    QApplication.processEvents()
    bar = area.verticalScrollBar()
    assert area.viewport().width() == 300 - bar.width()
    assert bar.isEnabled() == (bar.maximum() > 0) == (content.height() > area.viewport().height())
