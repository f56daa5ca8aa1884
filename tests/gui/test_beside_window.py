"""A/B in the whole window with a real engine: the trained residual network beside its plain twin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from resnet_studio.gui.session import Kept
from resnet_studio.gui.studio import ACTIVATION_PAGES, ACTIVATIONS
from resnet_studio.gui.views.side_by_side import SideBySideView
from resnet_studio.gui.window import StudioWindow
from resnet_studio.inference.beside import Pair
from resnet_studio.inference.shipped import A_DIGIT, DIGITS, PLAIN_DIGITS, shipped_weights
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[StudioWindow]:
    kept = Kept(
        architecture=to_json(preset(DIGITS)), image=A_DIGIT, layer="layer2.0", workspace=ACTIVATIONS,
        activations_page=ACTIVATION_PAGES.index("A/B"), beside={"architecture": to_json(preset(PLAIN_DIGITS))},
    )  # fmt: skip
    window = StudioWindow(kept)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_two_networks_are_beside_each_other_and_follow_the_hand(qtbot: QtBot, window: StudioWindow) -> None:
    view = window.findChild(SideBySideView)
    pairs: list[Pair] = []
    window.activations._beside.paired.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs), timeout=PATIENCE)
    for look, name in ((pairs[-1].a, DIGITS), (pairs[-1].b, PLAIN_DIGITS)):
        assert look.subject.weights == shipped_weights(preset(name))
        assert look.weights.trained
    assert view.findChild(QLabel, "sideBNetwork").accessibleDescription() == f"B  {PLAIN_DIGITS}"
    slider = window.findChild(QSlider, "brightnessHandle")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    brighter = window.studio.subject.subject.handles
    assert brighter.brightness > 1
    qtbot.waitUntil(lambda: pairs[-1].b.subject.handles == brighter, timeout=PATIENCE)
    assert all(pair.a.subject.handles == pair.b.subject.handles for pair in pairs)


def test_sides_are_exchanged_by_a_click(qtbot: QtBot, window: StudioWindow) -> None:
    view = window.findChild(SideBySideView)
    pairs: list[Pair] = []
    window.activations._beside.paired.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs), timeout=PATIENCE)
    before = pairs[-1]
    qtbot.mouseClick(view.findChild(QPushButton, "swapSides"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pairs[-1].a.subject == before.b.subject, timeout=PATIENCE)
    assert pairs[-1].b.subject == before.a.subject
    for one, other in zip(pairs[-1].maps, reversed(before.maps), strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one.values, other.values)
