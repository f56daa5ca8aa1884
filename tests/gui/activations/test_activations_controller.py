"""An image's transforms are reset with the next image, unless the user keeps them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QListView, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import SAMPLES
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE
from workspace_numbers import ACTIVATIONS

LEFT = Qt.MouseButton.LeftButton
CHANGED = ImageTransforms(x=0.3, zoom=2.0, noise=0.25, occluder=Occluder(0.25, 0.75))


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A window without an engine, whose requests stay queued."""
    window = MainWindow(SessionState(workspace=ACTIVATIONS, image=SAMPLES[0], handles=CHANGED))
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def transforms(window: MainWindow) -> ImageTransforms:
    return window.controller.activations.spec.transforms


def strip(window: MainWindow) -> QListView:
    return window.findChild(QListView, "imageStrip")


def toggle_keep(qtbot: QtBot, window: MainWindow) -> None:
    box = window.findChild(QCheckBox, "keepHandles")
    assert box.text() == "Keep for next image"
    box.click()


def test_the_next_image_resets_the_transforms(qtbot: QtBot, window: MainWindow) -> None:
    assert transforms(window) == CHANGED
    qtbot.keyClick(strip(window), Qt.Key.Key_Down)
    assert window.controller.images.selected == SAMPLES[1]
    assert transforms(window) == IDENTITY
    assert not window.findChild(QCheckBox, "occluderHandle").isChecked()
    assert window.findChild(QSlider, "noiseHandle").value() == 0
    assert window.findChild(InputView).picture_geometry.occluder.isNull()
    assert window.session_state().handles == IDENTITY


def test_kept_transforms_apply_to_every_image(qtbot: QtBot, window: MainWindow) -> None:
    toggle_keep(qtbot, window)
    for image in SAMPLES[1:4]:
        qtbot.keyClick(strip(window), Qt.Key.Key_Down)
        assert window.controller.images.selected == image
        assert transforms(window) == CHANGED
    toggle_keep(qtbot, window)
    qtbot.keyClick(strip(window), Qt.Key.Key_Up)
    assert transforms(window) == IDENTITY


def test_the_digits_example_resets_the_transforms(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert (window.controller.images.selected, transforms(window)) == (DIGIT_SAMPLE, IDENTITY)
    window.controller.activations.set_transforms(CHANGED)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert transforms(window) == IDENTITY
    window.controller.activations.set_transforms(CHANGED)
    toggle_keep(qtbot, window)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), LEFT)
    assert transforms(window) == CHANGED


@pytest.mark.parametrize("method", ["prepend", "set_images", "select_next"])
def test_transforms_are_reset_however_the_next_image_is_selected(window: MainWindow, method: str) -> None:
    images = window.controller.images
    {
        "prepend": lambda: images.prepend(["/other.png"]),
        "set_images": lambda: images.set_images(["/other.png"]),
        "select_next": images.select_next,
    }[method]()
    assert transforms(window) == IDENTITY


def test_selecting_the_same_image_keeps_the_transforms(window: MainWindow) -> None:
    window.controller.images.select(SAMPLES[0])
    assert transforms(window) == CHANGED
    window.controller.session.undo()
    window.rerun()
    assert transforms(window) == CHANGED


def test_kept_transforms_are_saved_with_the_session(qtbot: QtBot, window: MainWindow) -> None:
    toggle_keep(qtbot, window)
    restarted = MainWindow(window.session_state())
    qtbot.addWidget(restarted)
    assert transforms(restarted) == CHANGED
    assert restarted.findChild(QCheckBox, "keepHandles").isChecked()
    restarted.close()
