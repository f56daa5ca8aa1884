"""What a hand has changed of an image goes with that image, unless it is kept for the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QListView, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.app_controller import ACTIVATIONS
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder, changed
from resnet_studio.inference.values import SAMPLES
from resnet_studio.inference.weights.bundled import A_DIGIT

LEFT = Qt.MouseButton.LeftButton
TOUCHED = ImageTransforms(x=0.3, zoom=2.0, noise=0.25, occluder=Occluder(0.25, 0.75))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """No engine is needed: what would be asked of one waits."""
    window = MainWindow(SessionState(workspace=ACTIVATIONS, image=SAMPLES[0], handles=changed(TOUCHED)))
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def handles(window: MainWindow) -> ImageTransforms:
    return window.studio.subject.subject.handles


def strip(window: MainWindow) -> QListView:
    return window.findChild(QListView, "imageStrip")


def keep(qtbot: QtBot, window: MainWindow) -> None:
    box = window.findChild(QCheckBox, "keepHandles")
    assert box.text() == "Keep for the next image"
    box.click()


def test_the_next_image_begins_as_it_is(qtbot: QtBot, window: MainWindow) -> None:
    assert handles(window) == TOUCHED
    qtbot.keyClick(strip(window), Qt.Key.Key_Down)
    assert window.studio.images.chosen == SAMPLES[1]
    assert handles(window) == IDENTITY
    assert not window.findChild(QCheckBox, "occluderHandle").isChecked()
    assert window.findChild(QSlider, "noiseHandle").value() == 0
    assert window.findChild(InputView).occluder_box().isNull()
    assert window.kept().handles == {}


def test_what_is_kept_goes_with_every_image(qtbot: QtBot, window: MainWindow) -> None:
    keep(qtbot, window)
    for image in SAMPLES[1:4]:
        qtbot.keyClick(strip(window), Qt.Key.Key_Down)
        assert window.studio.images.chosen == image
        assert handles(window) == TOUCHED
    keep(qtbot, window)
    qtbot.keyClick(strip(window), Qt.Key.Key_Up)
    assert handles(window) == IDENTITY


def test_the_network_for_digits_answers_to_the_whole_digit(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert (window.studio.images.chosen, handles(window)) == (A_DIGIT, IDENTITY)
    window.studio.subject.turn(TOUCHED)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert handles(window) == IDENTITY
    window.studio.subject.turn(TOUCHED)
    keep(qtbot, window)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert handles(window) == TOUCHED


@pytest.mark.parametrize("way", ["add", "take", "step"])
def test_however_the_next_image_comes(window: MainWindow, way: str) -> None:
    images = window.studio.images
    {"add": lambda: images.add(["/other.png"]), "take": lambda: images.take(["/other.png"]), "step": images.step}[way]()
    assert handles(window) == IDENTITY


def test_the_same_image_again_is_no_other(window: MainWindow) -> None:
    window.studio.images.choose(SAMPLES[0])
    assert handles(window) == TOUCHED
    window.studio.session.undo()
    window.studio.repeat()
    assert handles(window) == TOUCHED


def test_the_session_remembers_what_is_kept(qtbot: QtBot, window: MainWindow) -> None:
    keep(qtbot, window)
    again = MainWindow(window.kept())
    qtbot.addWidget(again)
    assert handles(again) == TOUCHED
    assert again.findChild(QCheckBox, "keepHandles").isChecked()
    again.close()
