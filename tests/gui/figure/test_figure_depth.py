"""The figure of networks as deep as the limits allow: it folds by itself, and is laid out in time slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from figure_window import FigureWindow
from resnet_studio.networks.architecture import MOST_BLOCKS, MOST_STAGES, Residual
from resnet_studio.networks.plan import clear_plans
from resnet_studio.networks.presets import preset

Open = Callable[..., FigureWindow]
DEEPEST = Residual(blocks=(MOST_BLOCKS,) * MOST_STAGES, shortcut="C", width=1)


@pytest.fixture(autouse=True)
def plans() -> Iterator[None]:
    yield
    clear_plans()


def texts(figure: FigureWindow) -> set[str]:
    return {label.text for label in figure.canvas.index.drawing.labels()}


def test_the_deepest_network_folds_by_itself(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(figure_networks=[None])
    figure.session.set_architecture(DEEPEST)
    assert figure.headings() == ["50-layer residual"]  # until the deepest is laid out
    qtbot.waitUntil(lambda: f"×{MOST_BLOCKS:,}" in texts(figure) or f"×{MOST_BLOCKS - 1:,}" in texts(figure))
    assert len(figure.boxes(0)) < 100
    qtbot.waitUntil(lambda: not figure.app.updating)
    figure.click(figure.box(0, "layer2.1.conv2"))
    assert figure.session.state.layer == "layer2.1.conv2"
    assert figure.text("figureInfoDetail").endswith("one of 999 equal blocks")
    figure.app.activations.set_layer("layer2.700.conv3")  # which is folded away
    assert figure.selected() == ["layer2.1.conv3"]
    figure.session.set_architecture(replace(DEEPEST, classes=11))
    qtbot.waitUntil(lambda: "fc 11" in {line for box in figure.boxes(0) for line in box.lines})
    figure.session.set_architecture(preset("resnet50"))
    assert figure.headings() == ["50-layer residual"]


def test_what_has_too_many_boxes_is_refused_with_the_reason(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(figure_networks=[None], architecture=DEEPEST, figure_repeated="all")
    qtbot.waitUntil(figure.view._empty.isVisible)
    assert figure.text("figureEmpty").startswith("The figure would have 18,004 boxes")
    figure.select("figureRepeated", "auto")
    qtbot.waitUntil(figure.canvas.isVisible)


def test_twelve_hundred_layers_are_shown_and_searched(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(figure_networks=[None], architecture=preset("resnet1202-cifar"), figure_repeated="all")
    qtbot.waitUntil(lambda: len(figure.boxes(0)) == 1203)
    figure.canvas.fit()
    figure.canvas.viewport().repaint()
    search = figure.view.tools.search
    search.setFocus()
    qtbot.keyClicks(search, "layer3.199.conv2")
    assert search.accessibleDescription() == "1 of 1"
    assert figure.canvas.zoom == pytest.approx(1)  # enlarged, to be seen
    box = figure.canvas.mapFromScene(*figure.box(0, "layer3.199.conv2").rect.center)
    assert figure.canvas.viewport().rect().contains(box)
