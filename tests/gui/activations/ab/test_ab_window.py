"""A/B in the whole window with a real engine: the trained residual network and its plain counterpart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSlider
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.ab.view import ABView
from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.ab import ABPair, SideBOverrides
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS, PLAIN_DIGITS, bundled_weights
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    state = SessionState(
        architecture=preset(DIGITS), image=DIGIT_SAMPLE, layer="layer2.0", workspace=ACTIVATIONS,
        activations_page=ActivationsWorkspace.pages.index("A/B"), beside=SideBOverrides(preset(PLAIN_DIGITS)),
    )  # fmt: skip
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def test_two_networks_are_compared_and_both_follow_the_transforms(qtbot: QtBot, window: MainWindow) -> None:
    view = window.findChild(ABView)
    pairs: list[ABPair] = []
    window.findChild(ActivationsWorkspace).factory.ab.pairChanged.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs))
    for result, name in ((pairs[-1].a, DIGITS), (pairs[-1].b, PLAIN_DIGITS)):
        assert result.spec.weights == bundled_weights(preset(name))
        assert result.weights.trained
    assert view.findChild(QLabel, "sideBNetwork").accessibleDescription() == f"B  {PLAIN_DIGITS}"
    slider = window.findChild(QSlider, "brightnessHandle")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    brighter = window.controller.activations.spec.transforms
    assert brighter.brightness > 1
    qtbot.waitUntil(lambda: pairs[-1].b.spec.transforms == brighter)
    assert all(pair.a.spec.transforms == pair.b.spec.transforms for pair in pairs)


def test_a_click_exchanges_the_sides(qtbot: QtBot, window: MainWindow) -> None:
    view = window.findChild(ABView)
    pairs: list[ABPair] = []
    window.findChild(ActivationsWorkspace).factory.ab.pairChanged.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs))
    before = pairs[-1]
    qtbot.mouseClick(view.findChild(QPushButton, "swapSides"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pairs[-1].a.spec == before.b.spec)
    assert pairs[-1].b.spec == before.a.spec
    for one, other in zip(pairs[-1].maps, reversed(before.maps), strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one.values, other.values)


def test_the_framed_channel_is_the_same_on_every_tab(qtbot: QtBot, window: MainWindow) -> None:
    """A channel framed in A/B is framed in Maps and shown enlarged, and one framed in Maps is framed in A/B."""
    pairs: list[ABPair] = []
    window.findChild(ActivationsWorkspace).factory.ab.pairChanged.connect(pairs.append)
    qtbot.waitUntil(lambda: bool(pairs))
    enlarged, side_a, maps = window.findChild(ChannelView), mosaic(window, "sideAMaps"), mosaic(window, "featureMaps")
    for _ in range(15):
        qtbot.keyClick(side_a, Qt.Key.Key_Right)
    assert (side_a.tile(), mosaic(window, "sideBMaps").tile(), maps.tile()) == (15, 15, 15)
    assert enlarged.findChild(QLabel, "channelTitle").text().endswith("15")
    window.findChild(ActivationsWorkspace).open_page(ActivationsWorkspace.pages.index("Maps"))
    assert maps.isVisible()
    assert maps.tile() == 15
    for _ in range(4):
        qtbot.keyClick(maps, Qt.Key.Key_Left)
    assert enlarged.findChild(QLabel, "channelTitle").text().endswith("11")
    window.findChild(ActivationsWorkspace).open_page(ActivationsWorkspace.pages.index("A/B"))
    assert (side_a.tile(), mosaic(window, "sideBMaps").tile()) == (11, 11)
    count = len(pairs)
    qtbot.keyClick(window.findChild(QSlider, "brightnessHandle"), Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: len(pairs) > count)
    assert (side_a.tile(), maps.tile()) == (11, 11)


def mosaic(window: MainWindow, name: str) -> MosaicView:
    return window.findChild(MosaicView, name)
