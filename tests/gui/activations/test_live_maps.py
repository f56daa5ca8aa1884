"""Maps that follow the hand: the real window, a real engine, a mouse."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.app_controller import ACTIVATIONS, LAYERS
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Live:
    """A window whose first look has come."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        kept = SessionState(architecture=to_json(preset("resnet20-cifar")), workspace=ACTIVATIONS)
        self.window = MainWindow(kept)
        qtbot.addWidget(self.window)
        self.looks: list[ForwardResult] = []
        self.window.studio.subject.looked.connect(self.looks.append)
        self.window.show()
        self.window.start_engine()
        self.input = self.window.findChild(InputView)
        qtbot.waitUntil(lambda: bool(self.looks) and not self.input.crop().isEmpty(), timeout=PATIENCE)

    @property
    def handles(self) -> ImageTransforms:
        return self.window.studio.subject.subject.handles

    def drag(self, which: int, steps: int) -> None:
        """Move over the photograph (0) or the input (1), a pixel a step, each as soon as a look has come."""
        middle = self.input.boxes()[which].center().toPoint()
        QTest.mousePress(self.input, LEFT, NONE, middle)
        for step in range(1, steps + 1):
            come = len(self.looks)
            QTest.mouseMove(self.input, middle + QPoint(step, 0))
            self.qtbot.waitUntil(lambda come=come: len(self.looks) > come, timeout=PATIENCE)
        QTest.mouseRelease(self.input, LEFT, NONE, middle + QPoint(steps, 0))

    def rest(self) -> ForwardResult:
        """The look at what there is now."""
        self.qtbot.waitUntil(
            lambda: self.looks[-1].subject == self.window.studio.subject.subject and not self.looks[-1].brief,
            timeout=PATIENCE,
        )
        return self.looks[-1]


@pytest.fixture
def live(qtbot: QtBot) -> Iterator[Live]:
    live = Live(qtbot)
    yield live
    live.window.close()


def test_maps_follow_the_crop_while_it_is_dragged(live: Live) -> None:
    before = live.looks[-1]
    live.drag(0, 6)
    last = live.rest()
    panned = [look.subject.handles.x for look in live.looks[1:]]
    assert len(set(panned)) >= 6
    assert panned == sorted(panned)  # no answer comes after a newer one
    assert last.subject.handles == live.handles
    assert not np.array_equal(last.layers[0].values, before.layers[0].values)
    live.qtbot.mouseClick(live.window.findChild(QPushButton, "resetHandles"), LEFT)
    again = live.rest()
    assert again.subject.handles == IDENTITY
    assert np.array_equal(again.seen, before.seen)


def test_predictions_follow_an_occluder(live: Live) -> None:
    live.drag(1, 3)
    seen = live.rest()
    assert isinstance(seen.subject.handles.occluder, Occluder)
    assert seen.predictions
    assert all(look.predictions for look in live.looks)


def test_a_frame_does_not_lay_the_window_out_anew(live: Live) -> None:
    live.drag(0, 3)
    live.rest()
    QApplication.processEvents()  # the status line says that the engine rests
    asked: list[QEvent.Type] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
            if watched is live.window and event.type() == QEvent.Type.LayoutRequest:
                asked.append(event.type())
            return False

    watch = Watch()
    live.window.installEventFilter(watch)
    live.drag(0, 8)
    assert not asked
    live.rest()


def test_faster_than_the_engine_only_the_newest_counts(live: Live) -> None:
    subject = live.window.studio.subject
    come = len(live.looks)
    for step in range(1, 201):
        subject.turn(ImageTransforms(x=step / 1000), moving=True)
    subject.turn(ImageTransforms(x=0.2), moving=False)
    assert live.rest().subject.handles.x == 0.2
    assert len(live.looks) - come < 20


def test_an_engine_that_dies_under_the_hand_goes_on(live: Live) -> None:
    with live.qtbot.waitSignal(live.window.link.died, timeout=PATIENCE):
        live.window.studio.subject.turn(ImageTransforms(zoom=2), moving=True)
        os.kill(live.window.link.pid, signal.SIGKILL)
    live.window.studio.subject.turn(ImageTransforms(zoom=3), moving=True)
    live.window.studio.subject.turn(ImageTransforms(zoom=4), moving=False)
    assert live.rest().subject.handles.zoom == 4


def test_nothing_is_asked_for_while_another_workspace_is_in_front(live: Live) -> None:
    live.window.workspaces.setCurrentIndex(LAYERS)
    come = len(live.looks)
    live.window.studio.subject.turn(ImageTransforms(zoom=2), moving=False)
    live.window.studio.images.choose("sample:flower")
    live.window.workspaces.setCurrentIndex(ACTIVATIONS)
    assert live.rest().subject.image == "sample:flower"
    assert len(live.looks) == come + 1


def test_what_a_hand_has_done_is_there_at_the_next_start(live: Live) -> None:
    live.window.studio.subject.turn(ImageTransforms(zoom=2, occluder=Occluder(0.1, 0.2)), moving=False)
    kept = live.window.kept()
    live.window.close()
    window = MainWindow(kept)
    live.qtbot.addWidget(window)
    assert window.studio.subject.subject.handles == ImageTransforms(zoom=2, occluder=Occluder(0.1, 0.2))
    window.close()
