"""Which layer's weights the Kernels tab requests, in a window with its engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.kernels.norm_bars import NormBars
from resnet_studio.gui.activations.kernels.view import KernelsView
from resnet_studio.gui.activations.maps.view import MapsView
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.kernels import Kernels
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS

TINY = replace(preset("resnet20-cifar"), blocks=(1, 1), width=8)
KERNELS, MAPS = ActivationsWorkspace.pages.index("Kernels"), ActivationsWorkspace.pages.index("Maps")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    state = SessionState(
        architecture=TINY, workspace=ACTIVATIONS, layer="layer1.0.relu2", activations_page=KERNELS
    )  # fmt: skip
    window = MainWindow(state)
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def answers(window: MainWindow) -> list[Kernels]:
    kernels: list[Kernels] = []
    window.findChild(ActivationsWorkspace).factory.kernels.kernelsChanged.connect(kernels.append)
    return kernels


def test_the_tab_shows_the_weights_behind_the_selected_layer(qtbot: QtBot, window: MainWindow) -> None:
    kernels, heading = answers(window), window.findChild(KernelsView).findChild(QLabel, "kernelsHeading")
    window.start_engine()
    qtbot.waitUntil(lambda: len(kernels) == 1)
    state = build(TINY, seed=0).state_dict()
    np.testing.assert_array_equal(kernels[0].values, state["layer1.0.conv2.weight"].numpy())
    assert heading.text() == "<b>layer1.0.conv2</b> · 8 filters of 8×3×3"
    window.controller.activations.set_layer("fc")
    qtbot.waitUntil(lambda: len(kernels) == 2)
    np.testing.assert_array_equal(kernels[1].values[:, :, 0, 0], state["fc.weight"].numpy())
    assert heading.text() == "<b>fc</b> · 10 rows of 16"


def test_weights_are_requested_once_and_only_while_the_view_is_visible(qtbot: QtBot, window: MainWindow) -> None:
    kernels, activations = answers(window), window.controller.activations
    window.start_engine()
    qtbot.waitUntil(lambda: len(kernels) == 1)
    activations.set_layer("layer1.0.bn2")  # has the same convolution
    window.findChild(ActivationsWorkspace).open_page(MAPS)
    with qtbot.waitSignal(activations.forwardFinished):
        activations.set_layer("conv1")
    assert [answer.layer for answer in kernels] == ["layer1.0.conv2"]
    window.findChild(ActivationsWorkspace).open_page(KERNELS)
    qtbot.waitUntil(lambda: len(kernels) == 2)
    assert kernels[1].is_rgb


def test_a_filter_and_its_channel_are_selected_together(qtbot: QtBot, window: MainWindow) -> None:
    kernels, view = answers(window), window.findChild(KernelsView)
    window.start_engine()
    qtbot.waitUntil(lambda: len(kernels) == 1 and window.controller.activations.result is not None)
    view.findChild(NormBars).filterSelected.emit(5)
    assert window.findChild(QLabel, "channelTitle").text().startswith("channel 5")
    window.findChild(ActivationsWorkspace).open_page(MAPS)
    window.findChild(MapsView).show_channel(3)
    assert view.findChild(QLabel, "filterNorm").text().startswith("<b>filter 3</b>")
