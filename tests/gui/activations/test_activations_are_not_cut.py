"""The pages of Activations that `test_nothing_is_cut.py` leaves out, at the width of the smallest window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QTreeView, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.attribution.overlay import OverlayView
from resnet_studio.gui.activations.attribution.view import AttributionView
from resnet_studio.gui.activations.layer_picker import LayerPicker
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.inference.attribution import METHODS, Attribution, OcclusionMap, default_layer
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    Frame,
    Prediction,
    Preprocessing,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
)
from resnet_studio.networks.architecture import LIMITS, MOST_BLOCKS, MOST_STAGES, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import preset
from widest import PAGE, cut, settle, shown

pytestmark = pytest.mark.usefixtures("window_fonts")

MOST = {name: most for name, (_, most) in LIMITS.items()}
PICKER = 152
"""Width in pixels of the column of images and layers in the smallest window."""
LABEL = "a class with a long name, class 999999"
LABELS = (LABEL,) * 1000
INPUT = np.zeros((32, 32, 3), np.uint8)
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), LABELS)
SPEC = ForwardSpec("sample:china", preset("resnet1202-cifar"))
WIDE_VALUES = np.resize(np.array([-1.23e-30, 123456.0, 1.23e30, -0.000123], np.float32), (8, 8))


def attribution(method: str) -> Attribution:
    layer = default_layer(SPEC.architecture) if METHODS[method].has_layer else ""
    at_input = np.repeat(np.repeat(WIDE_VALUES, 4, 0), 4, 1)
    return Attribution(SPEC, method, layer, 999, LABEL, 0.9999, WIDE_VALUES, at_input, INPUT, "0" * 64, INFO, 9999.99)


def occlusion_map(side: int) -> OcclusionMap:
    """Another class wins at every position."""
    starts = tuple(range(0, 32, side))
    count = len(starts)
    return OcclusionMap(
        SPEC, 999, LABEL, 0.9999, 999, side, starts, starts, np.full((count, count), 0.0001, np.float32),
        np.full((count, count), 998, np.int32), LABELS, INPUT, INFO, 9999.99,
    )  # fmt: skip


@pytest.fixture
def attribution_view(qtbot: QtBot) -> AttributionView:
    view = AttributionView()
    shown(qtbot, view, PAGE, 800)
    view.set_spec(SPEC)
    predictions = tuple(Prediction(LABEL, share, 999) for share in (0.9999, 0.0001))
    view.show_result(ForwardResult(SPEC, "0" * 64, Frame(4, 4, 8, 8), INPUT, INFO, (), 0.1, predictions))
    return view


@pytest.mark.parametrize("method", METHODS)
def test_an_attribution(attribution_view: AttributionView, method: str) -> None:
    assert cut(attribution_view) == []
    attribution_view.show_attribution(attribution(method))
    attribution_view.set_spec(replace(SPEC, weights=RandomWeights(999_999)))  # what is shown is outdated
    assert cut(attribution_view) == []
    for overlay in attribution_view.findChildren(OverlayView):
        overlay.hovered.emit((7, 7))
        assert cut(attribution_view) == []
    attribution_view.show_running(attribution=True, occlusion=True)
    assert cut(attribution_view) == []


@pytest.mark.parametrize("side", [1, 16])
def test_an_occlusion_map(attribution_view: AttributionView, side: int) -> None:
    attribution_view._part.button("flip").click()
    assert cut(attribution_view) == []
    attribution_view.show_occlusion(occlusion_map(side))
    assert cut(attribution_view) == []
    attribution_view.occlusion._map.hovered.emit((31, 31))
    assert cut(attribution_view) == []


@pytest.mark.parametrize("width", [PAGE, 640])
def test_the_weights_and_their_warnings(qtbot: QtBot, width: int) -> None:
    container, row = QWidget(), WeightsRow()
    QVBoxLayout(container).addWidget(row)
    container.layout().setContentsMargins(0, 0, 0, 0)
    shown(qtbot, container, width, 300)
    warnings = tuple(f"{count:,} of 1,000,000 tensors belong to no layer and were not loaded" for count in (1, 999_999))
    info = replace(
        INFO, source="a-checkpoint-with-a-long-name-epoch-999.safetensors", sha256="ab" * 32, notes=("converted",),
        caveats=warnings, likely_architecture=preset("resnet50-v1.5"),
    )  # fmt: skip
    row.show_weights(info, WeightsFile(Path("/weights/a-checkpoint-with-a-long-name-epoch-999.safetensors")))
    assert [line for line in cut(row) if "weightsSource" not in line] == []  # the name is elided in its middle
    row.show_weights(INFO, RandomWeights(999_999))
    assert cut(row) == []


def test_the_layers_to_pick_from(qtbot: QtBot) -> None:
    network = Residual(
        Bottleneck(), (2,) * (MOST_STAGES - 1) + (MOST_BLOCKS,), shortcut="C", width=MOST["width"],
        image=(MOST["image"], 224), classes=MOST["classes"],
    )  # fmt: skip
    picker = LayerPicker()
    shown(qtbot, picker, PICKER, 600)
    picker.show_layers(network)
    tree = picker.findChild(QTreeView, "layerList")
    for layer in ("conv1", "layer1.0.downsample.0", f"layer{MOST_STAGES}.{MOST_BLOCKS - 1}.relu3"):
        picker.show_selected(layer)
        settle()
        assert tree.currentIndex().isValid()
        assert cut(picker) == []
