"""A/B in the whole window with a real engine: the trained residual network beside its plain twin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.ab.view import ABView
from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, ACTIVATIONS
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.ab import ABPair
from resnet_studio.inference.weights.bundled import A_DIGIT, DIGITS, PLAIN_DIGITS, shipped_weights
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    kept = SessionState(
        architecture=to_json(preset(DIGITS)), image=A_DIGIT, layer="layer2.0", workspace=ACTIVATIONS,
        activations_page=ACTIVATION_PAGES.index("A/B"), beside={"architecture": to_json(preset(PLAIN_DIGITS))},
    )  # fmt: skip
    window = MainWindow(kept)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_two_networks_are_beside_each_other_and_follow_the_hand(qtbot: QtBot, window: MainWindow) -> None:
    view = window.findChild(ABView)
    pairs: list[ABPair] = []
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


def test_sides_are_exchanged_by_a_click(qtbot: QtBot, window: MainWindow) -> None:
    view = window.findChild(ABView)
    pairs: list[ABPair] = []
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


def test_one_channel_is_framed_on_every_page(qtbot: QtBot, window: MainWindow) -> None:
    """Framed in A/B it is framed in Maps and large, and framed in Maps it is framed in A/B."""
    pairs: list[ABPair] = []
    window.activations._beside.paired.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs), timeout=PATIENCE)
    large, side, maps = window.findChild(ChannelView), mosaic(window, "sideAMaps"), mosaic(window, "featureMaps")
    for _ in range(15):
        qtbot.keyClick(side, Qt.Key.Key_Right)
    assert (side.channel(), mosaic(window, "sideBMaps").channel(), maps.channel()) == (15, 15, 15)
    assert large.findChild(QLabel, "channelTitle").text().endswith("15")
    window.activations.show_page(ACTIVATION_PAGES.index("Maps"))
    assert maps.isVisible()
    assert maps.channel() == 15
    for _ in range(4):
        qtbot.keyClick(maps, Qt.Key.Key_Left)
    assert large.findChild(QLabel, "channelTitle").text().endswith("11")
    window.activations.show_page(ACTIVATION_PAGES.index("A/B"))
    assert (side.channel(), mosaic(window, "sideBMaps").channel()) == (11, 11)
    came = len(pairs)
    qtbot.keyClick(window.findChild(QSlider, "brightnessHandle"), Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: len(pairs) > came, timeout=PATIENCE)
    assert (side.channel(), maps.channel()) == (11, 11)


def mosaic(window: MainWindow, name: str) -> MosaicView:
    return window.findChild(MosaicView, name)
