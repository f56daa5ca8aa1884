"""A window at the Figure workspace, driven with mouse and keys."""

from __future__ import annotations

from typing import Any, cast

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from resnet_studio.figures.drawing import Box
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.figure.canvas import FigureCanvas
from resnet_studio.gui.figure.view import FigureView
from resnet_studio.gui.figure.workspace import FigureWorkspace
from resnet_studio.gui.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton


class FigureWindow:
    """A window at the Figure workspace, without an engine."""

    def __init__(self, qtbot: QtBot, window: MainWindow) -> None:
        self.qtbot, self.window = qtbot, window
        self.session, self.app = window.controller.session, window.controller
        self.workspace = cast("FigureWorkspace", window.findChild(FigureWorkspace))

    @property
    def view(self) -> FigureView:
        return self.workspace.view

    @property
    def canvas(self) -> FigureCanvas:
        return self.view.canvas

    def find(self, kind: type[Any], name: str) -> Any:
        found = self.window.findChild(kind, name)
        assert found is not None, name
        return found

    def text(self, name: str) -> str:
        label: QLabel = self.find(QLabel, name)
        return label.text()

    def boxes(self, column: int) -> list[Box]:
        """The boxes of a network, as they follow one another."""
        return [self.canvas.index.box(number) for number in self.canvas.index.columns.get(column, ())]

    def box(self, column: int, layer: str) -> Box:
        return next(box for box in self.boxes(column) if box.layer == layer)

    def place(self, box: Box) -> QPoint:
        """Where a box's center is in the viewport, after scrolling to it."""
        number = self.canvas.index.drawing.items.index(box)
        self.canvas.reveal(number)
        return self.canvas.mapFromScene(*box.rect.center)

    def click(self, box: Box) -> None:
        self.qtbot.mouseClick(self.canvas.viewport(), LEFT, pos=self.place(box))

    def choose(self, name: str, value: str) -> None:
        """Click a button of a segmented control."""
        self.qtbot.mouseClick(self.find(SegmentedControl, name).button(value), LEFT)

    def select(self, name: str, value: str) -> None:
        """Select a value of a combo box by its keys."""
        box: ComboBox = self.find(ComboBox, name)
        box.setFocus()
        self.qtbot.keyClick(box, Qt.Key.Key_Home)
        while box.value() != value:
            before = box.value()
            self.qtbot.keyClick(box, Qt.Key.Key_Down)
            assert box.value() != before, f"{name} has no {value}"

    def selected(self) -> list[str]:
        """The layers of the marked boxes."""
        return [self.canvas.index.box(number).layer for number in self.canvas._marks.selected]

    def headings(self) -> list[str]:
        """The titles over the networks."""
        return [label.text for label in self.canvas.index.drawing.labels() if label.bold]
