"""Whose weights the Kernels page asks for, through a window with its engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.kernels.controller import LANE
from resnet_studio.gui.activations.kernels.norm_bars import NormBars
from resnet_studio.gui.activations.kernels.view import KernelsView
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, ACTIVATIONS
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.kernels import Kernels
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine
TINY = replace(preset("resnet20-cifar"), blocks=(1, 1), width=8)
KERNELS, MAPS = ACTIVATION_PAGES.index("Kernels"), ACTIVATION_PAGES.index("Maps")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    kept = SessionState(
        architecture=to_json(TINY), workspace=ACTIVATIONS, layer="layer1.0.relu2", activations_page=KERNELS
    )  # fmt: skip
    window = MainWindow(kept)
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def answers(window: MainWindow) -> list[Kernels]:
    found: list[Kernels] = []
    window.work.answered.connect(lambda lane, answer: found.append(answer) if lane == LANE else None)
    return found


def test_the_page_shows_the_weights_behind_the_chosen_layer(qtbot: QtBot, window: MainWindow) -> None:
    found, heading = answers(window), window.findChild(KernelsView).findChild(QLabel, "kernelsHeading")
    window.start_engine()
    qtbot.waitUntil(lambda: len(found) == 1, timeout=PATIENCE)
    state = build(TINY, seed=0).state_dict()
    np.testing.assert_array_equal(found[0].values, state["layer1.0.conv2.weight"].numpy())
    assert heading.text() == "<b>layer1.0.conv2</b> · 8 filters of 8×3×3"
    window.studio.subject.choose_layer("fc")
    qtbot.waitUntil(lambda: len(found) == 2, timeout=PATIENCE)
    np.testing.assert_array_equal(found[1].values[:, :, 0, 0], state["fc.weight"].numpy())
    assert heading.text() == "<b>fc</b> · 10 rows of 16"


def test_only_what_is_on_the_screen_is_asked_for_and_once(qtbot: QtBot, window: MainWindow) -> None:
    found, subject = answers(window), window.studio.subject
    window.start_engine()
    qtbot.waitUntil(lambda: len(found) == 1, timeout=PATIENCE)
    subject.choose_layer("layer1.0.bn2")  # which the same convolution feeds
    window.activations.show_page(MAPS)
    with qtbot.waitSignal(subject.looked, timeout=PATIENCE):
        subject.choose_layer("conv1")
    assert [one.layer for one in found] == ["layer1.0.conv2"]
    window.activations.show_page(KERNELS)
    qtbot.waitUntil(lambda: len(found) == 2, timeout=PATIENCE)
    assert found[1].colour


def test_a_filter_and_its_channel_are_chosen_together(qtbot: QtBot, window: MainWindow) -> None:
    found, view = answers(window), window.findChild(KernelsView)
    window.start_engine()
    qtbot.waitUntil(lambda: len(found) == 1 and window.studio.subject.look is not None, timeout=PATIENCE)
    view.findChild(NormBars).filter_chosen.emit(5)
    assert window.activations.view.findChild(QLabel, "channelTitle").text().startswith("channel 5")
    window.activations.show_page(MAPS)
    window.activations._channel_wished.emit(3)
    assert view.findChild(QLabel, "filterNorm").text().startswith("<b>filter 3</b>")
