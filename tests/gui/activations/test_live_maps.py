"""Maps that follow a drag: the real window, a real engine, a mouse."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QProgressBar, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS, LAYERS

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Live:
    """A window that has received its first result."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        state = SessionState(architecture=preset("resnet20-cifar"), workspace=ACTIVATIONS)
        self.window = MainWindow(state)
        qtbot.addWidget(self.window)
        self.results: list[ForwardResult] = []
        self.window.controller.activations.forwardFinished.connect(self.results.append)
        self.window.show()
        with qtbot.waitSignal(self.window.workspaces.prepared):  # which changes layouts, too
            self.window.start_engine()
        self.input = self.window.findChild(InputView)
        qtbot.waitUntil(lambda: bool(self.results) and not self.input.picture_geometry.crop.isEmpty())

    @property
    def transforms(self) -> ImageTransforms:
        return self.window.controller.activations.spec.transforms

    def drag(self, which: int, steps: int) -> None:
        """Move over the photograph (0) or the input (1), one pixel per step, each as soon as a result has come."""
        middle = self.input.picture_geometry.boxes[which].center().toPoint()
        QTest.mousePress(self.input, LEFT, NONE, middle)
        for step in range(1, steps + 1):
            count = len(self.results)
            QTest.mouseMove(self.input, middle + QPoint(step, 0))
            self.qtbot.waitUntil(lambda count=count: len(self.results) > count)
        QTest.mouseRelease(self.input, LEFT, NONE, middle + QPoint(steps, 0))

    def settled_result(self) -> ForwardResult:
        """The full-quality result of the current spec."""
        self.qtbot.waitUntil(
            lambda: self.results[-1].spec == self.window.controller.activations.spec and not self.results[-1].preview,
        )
        return self.results[-1]


@pytest.fixture
def live(qtbot: QtBot) -> Iterator[Live]:
    live = Live(qtbot)
    yield live
    live.window.close()


def test_maps_follow_the_crop_while_it_is_dragged(live: Live) -> None:
    before = live.results[-1]
    live.drag(0, 6)
    last = live.settled_result()
    panned = [result.spec.transforms.x for result in live.results[1:]]
    assert len(set(panned)) >= 6
    assert panned == sorted(panned)  # no answer comes after one to a newer request
    assert last.spec.transforms == live.transforms
    assert not np.array_equal(last.layers[0].values, before.layers[0].values)
    live.qtbot.mouseClick(live.window.findChild(QPushButton, "resetHandles"), LEFT)
    again = live.settled_result()
    assert again.spec.transforms == IDENTITY
    assert np.array_equal(again.model_input, before.model_input)


def test_predictions_follow_an_occluder(live: Live) -> None:
    live.drag(1, 3)
    result = live.settled_result()
    assert isinstance(result.spec.transforms.occluder, Occluder)
    assert result.predictions
    assert all(result.predictions for result in live.results)


def test_a_preview_causes_no_relayout_of_the_window(live: Live) -> None:
    live.drag(0, 3)
    live.settled_result()
    progress = live.window.findChild(QProgressBar, "progress")
    live.qtbot.waitUntil(lambda: not progress.isVisible())  # the engine is idle
    for _ in range(3):  # a layout request goes up from the status bar to the window
        QApplication.processEvents()
    layout_requests: list[QEvent.Type] = []

    class LayoutWatcher(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if watched is live.window and event.type() == QEvent.Type.LayoutRequest:
                layout_requests.append(event.type())
            return False

    watcher = LayoutWatcher()
    live.window.installEventFilter(watcher)
    live.drag(0, 8)
    assert not layout_requests
    live.settled_result()


def test_requests_faster_than_the_engine_are_dropped_for_the_newest(live: Live) -> None:
    activations = live.window.controller.activations
    count = len(live.results)
    for step in range(1, 201):
        activations.set_transforms(ImageTransforms(x=step / 1000), moving=True)
    activations.set_transforms(ImageTransforms(x=0.2), moving=False)
    assert live.settled_result().spec.transforms.x == 0.2
    assert len(live.results) - count < 20


def test_an_engine_that_dies_during_a_drag_is_restarted(live: Live) -> None:
    with live.qtbot.waitSignal(live.window.engine.died):
        live.window.controller.activations.set_transforms(ImageTransforms(zoom=2), moving=True)
        os.kill(live.window.engine.pid, signal.SIGKILL)
    live.window.controller.activations.set_transforms(ImageTransforms(zoom=3), moving=True)
    live.window.controller.activations.set_transforms(ImageTransforms(zoom=4), moving=False)
    assert live.settled_result().spec.transforms.zoom == 4


def test_nothing_is_requested_while_another_workspace_is_visible(live: Live) -> None:
    live.window.workspaces.setCurrentIndex(LAYERS)
    count = len(live.results)
    live.window.controller.activations.set_transforms(ImageTransforms(zoom=2), moving=False)
    live.window.controller.images.select("sample:flower")
    live.window.workspaces.setCurrentIndex(ACTIVATIONS)
    assert live.settled_result().spec.image == "sample:flower"
    assert len(live.results) == count + 1


def test_transforms_are_restored_at_the_next_start(live: Live) -> None:
    live.window.controller.activations.set_transforms(
        ImageTransforms(zoom=2, occluder=Occluder(0.1, 0.2)), moving=False
    )
    state = live.window.session_state()
    live.window.close()
    window = MainWindow(state)
    live.qtbot.addWidget(window)
    assert window.controller.activations.spec.transforms == ImageTransforms(zoom=2, occluder=Occluder(0.1, 0.2))
    window.close()
