"""Every view that shows numbers, at the width of the smallest window, with the widest values that the limits allow.

The painted texts are checked (`painted.py`): each must lie within its clip, in the font that paints it.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton, QTreeView, QWidget
from pytestqt.qtbot import QtBot

from block_values import block_responses
from experiment_curves import curves
from painted import cut_texts
from resnet_studio.analysis import published as published_figures
from resnet_studio.analysis.comparison import compare
from resnet_studio.analysis.comparison_rows import rows
from resnet_studio.analysis.published import VerifiedFigure, published
from resnet_studio.analysis.table import LayerRow, LayerTable, plan_table
from resnet_studio.gui.activations.ab.predictions import PairedPredictions
from resnet_studio.gui.activations.ab.view import ABView
from resnet_studio.gui.activations.block.view import BlockView
from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.activations.images.strip import ImageStrip
from resnet_studio.gui.activations.input.transform_panel import TransformPanel
from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.kernels.view import KernelsView
from resnet_studio.gui.activations.maps.view import MapsView
from resnet_studio.gui.activations.pin_bar import PinBar
from resnet_studio.gui.activations.pins import Pin
from resnet_studio.gui.activations.statistics.view import StatisticsView
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.architecture.summary import ArchitectureSummary
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.common.status_bar import StatusBar
from resnet_studio.gui.compare.view import SHOWN, CompareView
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.gui.selftest import SelftestDialog
from resnet_studio.gui.theme import ThemeName
from resnet_studio.gui.training.degradation.table import ErrorTable
from resnet_studio.gui.training.run_state import Cost, RunState
from resnet_studio.gui.training.runs.view import RunsView
from resnet_studio.gui.training.setup.estimate import EstimatePanel
from resnet_studio.gui.training.setup.view import SetupView
from resnet_studio.gui.training.snapshots.time_slider import TimeSlider
from resnet_studio.gui.verify.view import VerifyView
from resnet_studio.inference.ab import ABPair
from resnet_studio.inference.channel_statistics import statistics
from resnet_studio.inference.feature_maps import Place, layer_maps
from resnet_studio.inference.kernels import Kernels
from resnet_studio.inference.transforms import RANGES, ImageTransforms
from resnet_studio.inference.values import (
    Device,
    ForwardResult,
    ForwardSpec,
    Frame,
    Photograph,
    Prediction,
    Preprocessing,
    RandomWeights,
    WeightsInfo,
)
from resnet_studio.networks.architecture import LIMITS, MOST_BLOCKS, MOST_STAGES, Architecture, Residual
from resnet_studio.networks.block_tensors import block_tensors
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.progress import Progress
from resnet_studio.selftest.report import at_most, skipped
from resnet_studio.training.datasets import Estimate
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.events import Ended, Measured, Prepared, Stepped
from resnet_studio.training.runs.run_folder import Manifest
from themed import themed
from training_values import data_view
from widest import COLUMN, PAGE, PANEL, WORKSPACE, cut, everything, settle, shown

pytestmark = pytest.mark.usefixtures("window_fonts")

MOST = {name: most for name, (_, most) in LIMITS.items()}
SCROLL_BAR = 10
"""Width in pixels of the bar with which the form scrolls in a low window."""
WIDEST = Residual(
    Bottleneck(groups=2, width_per_group=128), (MOST_BLOCKS, *[2] * (MOST_STAGES - 1)), shortcut="C",
    width=MOST["width"], stem="cifar", channels=MOST["channels"], image=MOST["image"], classes=MOST["classes"],
)  # fmt: skip
WIDE = replace(WIDEST, blocks=(2,) * MOST_STAGES)
"""As wide in every stage, with few enough rows to expand them all."""
LEAST = Residual(Basic(), (1,), width=1, stem="cifar", channels=1, image=8, classes=2)
LABELS = ("a class with a long name, class 999999",) * 5
SHARES = (1.0, 0.9999, 0.85, 0.0951, 0.0001)
RESNET50 = preset("resnet50")
PREDICTIONS = tuple(map(Prediction, LABELS, SHARES))
EXTREMES = np.array([-3.4e38, -1.23e-38, -1234.5, -0.000123, 0.0, 0.000123, 1234.5, 1.23e-38, 3.4e38], np.float32)
"""The extremes of float32, and values between them that take the most characters."""
WIDE_VALUES = np.array([-1.23e-30, -123456.0, -0.000123, 0.0, 1.23e-30, 123456.0, -1.23e30, 1.23e30], np.float32)
INFO = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), LABELS)


def result(values: np.ndarray, layer: str = "layer4.999.relu3", architecture: Residual = RESNET50) -> ForwardResult:
    pixels = np.zeros((224, 224, 3), np.uint8)
    spec = ForwardSpec("sample:china", architecture)
    return ForwardResult(
        spec, "00", Frame(2, 2, 4, 4), pixels, INFO, (layer_maps(layer, values),), 9999.99, PREDICTIONS
    )


def maps(channels: int, side: int, values: np.ndarray = WIDE_VALUES) -> np.ndarray:
    """A layer whose channels have one value each, in turn."""
    return values[np.arange(channels) % len(values)][:, None, None].repeat(side, 1).repeat(side, 2)


# The detector itself.


class Painting(QWidget):
    """Paints a text into 64 pixels, and optionally a second one."""

    def __init__(self, text: str, at: int = 20, second: str = "") -> None:
        super().__init__()
        self._text, self._at, self._second = text, at, second

    def paintEvent(self, event: object) -> None:
        painter = QPainter(self)
        painter.drawText(QRect(self._at, 10, 64, 20), Qt.AlignmentFlag.AlignRight, self._text)
        painter.drawText(QPoint(30, 25), self._second)


@pytest.mark.parametrize(
    ("widget", "found"),
    [
        (lambda: Painting("80,433 %"), []),
        (lambda: Painting("1,280,433 %"), ["needs"]),
        (lambda: Painting("12 %", at=-45), ["needs"]),
        (lambda: Painting("80,433 %", second="72"), ["lies over"]),
        (lambda: QLabel("128×112×112 and 1,000,000 more"), ["needs"]),
    ],
)
def test_cut_texts_are_found(qtbot: QtBot, widget, found: list[str]) -> None:  # type: ignore[no-untyped-def]
    painting = widget()
    qtbot.addWidget(painting)
    painting.setMinimumSize(1, 1)
    painting.resize(90, 40)
    painting.show()
    lines = list(cut_texts(painting))
    assert len(lines) == len(found)
    assert all(part in line for part, line in zip(found, lines, strict=True))


# Layers, Verify, Compare and the panel on the left.


def counted(table: LayerTable) -> LayerTable:
    """The table as if fvcore had counted it."""
    rows = tuple(LayerRow(row.layer, row.macs, row.macs) for row in table.rows)
    return replace(table, rows=rows)


@pytest.mark.parametrize("network", [WIDE, LEAST, preset("resnet152"), preset("article50"), preset("vgg19")])
def test_the_layer_table(qtbot: QtBot, network) -> None:  # type: ignore[no-untyped-def]
    view = LayersView()
    shown(qtbot, view, WORKSPACE, 2000)
    view.show_table(plan_table(network))
    view.findChild(QTreeView, "layerTable").expandAll()
    assert cut(view) == []
    view.findChild(QWidget, "unitSwitch").button("operations").click()
    view.findChild(QComboBox, "countChoice").setCurrentIndex(1)
    view.findChild(QComboBox, "countChoice").activated.emit(1)
    assert cut(view) == []


def test_a_deep_network_s_last_rows(qtbot: QtBot) -> None:
    """The names and numbers of block 999 fit although only a few blocks are measured for the widths."""
    view = LayersView()
    shown(qtbot, view, WORKSPACE)
    view.show_table(plan_table(replace(WIDEST, blocks=(MOST_BLOCKS,))))
    view.show_layer("layer1.999.relu3")
    assert any(text == "999" or text.endswith(".999") for text in everything(view))
    assert cut(view) == []


@pytest.mark.parametrize("width", [520, WORKSPACE, 1616])
def test_the_names_of_the_stage_bars(qtbot: QtBot, width: int) -> None:
    view = LayersView()
    qtbot.addWidget(view)
    view.resize(width, 640)
    view.show()
    view.show_table(plan_table(WIDE))
    assert [line for line in cut(view) if "StageBar" in line] == []


def test_the_summary_of_an_architecture(qtbot: QtBot) -> None:
    """The memory warning appears and disappears with edits, and shows all of its lines each time."""
    parent = QWidget()
    summary = ArchitectureSummary()
    summary.setParent(parent)
    summary.setFixedWidth(PANEL)
    shown(qtbot, parent, PANEL)
    for network in (preset("resnet50"), WIDE, LEAST, WIDEST):
        summary.show_table(plan_table(network))
        summary.show_paper_comparison("paper 25.5 M parameters: doesn't match, see Verify", good=False)
        settle()
        summary.resize(PANEL, summary.heightForWidth(PANEL))
        assert cut(summary) == []


@pytest.mark.parametrize("shows", SHOWN)
@pytest.mark.parametrize("width", [WORKSPACE, 1136])
def test_a_comparison(qtbot: QtBot, shows: str, width: int) -> None:
    view = CompareView()
    shown(qtbot, view, width, 1200)
    view.show_comparison(compare([plan_table(network) for network in (LEAST, WIDE, preset("vgg19"), WIDEST)]))
    view.findChild(QWidget, "compareWhat").button(shows).click()
    table = view.findChild(QWidget, "compareTable")
    assert cut(view) == []
    assert table.horizontalScrollBar().maximum() == 0 or shows == "blocks"
    for column in range(1, 4):
        table.select_column(column)
        assert cut(view) == []


@pytest.mark.parametrize("order", ["stage", "difference"])
@pytest.mark.parametrize("width", [WORKSPACE, 1136, 1616])
def test_every_digit_of_five_networks_is_there(qtbot: QtBot, width: int, order: str) -> None:
    """The workspace's width in windows of 1024, 1440, and 1920 pixels; high enough to show all rows."""
    view = CompareView()
    shown(qtbot, view, width, 3000)
    names = ("resnet50", "vgg19", "resnet152", "resnet1202-cifar", "alexnet")
    comparison = compare([plan_table(preset(name)) for name in names])
    view.show_comparison(comparison)
    view.findChild(QWidget, "compareOrder").button(order).click()
    assert cut(view) == []
    table, texts = view.findChild(QWidget, "compareTable"), Counter(everything(view))
    assert table.horizontalScrollBar().maximum() == 0
    wanted = Counter(
        text
        for row in rows(comparison)
        for entry in row.entries
        for text in (entry.value, entry.share or entry.delta)
        if any(map(str.isdigit, text)) and "×" not in entry.value  # ≠ stands before sizes in narrow columns
    )
    assert wanted <= texts


def test_a_comparison_with_a_smaller_network(qtbot: QtBot) -> None:
    view = CompareView()
    shown(qtbot, view, WORKSPACE, 1200)
    view.show_comparison(compare([plan_table(network) for network in (WIDEST, LEAST)]))
    assert cut(view) == []
    assert any(text.startswith("÷") for text in everything(view))


@pytest.mark.parametrize("theme", ["light", None])
@pytest.mark.parametrize("order", [1, -1])
def test_the_parts_of_other_networks_have_whole_names(qtbot: QtBot, theme: ThemeName | None, order: int) -> None:
    """Their font is the theme's in the window, and the platform's without one."""
    with themed(theme) if theme else nullcontext():
        view = CompareView()
        shown(qtbot, view, 1136, 2400)
        networks = [preset(name) for name in ("resnet50", "plain34")]
        view.show_comparison(compare([plan_table(network) for network in networks]))
        settle()
        networks = [preset(name) for name in ("efficientnet_b0", "plain34")][::order]
        view.show_comparison(compare([plan_table(network) for network in networks]))
        assert cut(view) == []
        assert {f"features.{number}" for number in range(9)} <= set(everything(view))


@pytest.mark.parametrize("network", [preset("resnet50"), preset("article18"), preset("preresnet50"), preset("vgg19")])
def test_the_form_in_a_narrow_window(qtbot: QtBot, network: Architecture) -> None:
    panel = ArchitecturePanel()
    panel.setFixedWidth(PANEL)
    shown(qtbot, panel, PANEL)
    panel.show_architecture(network)
    assert panel.minimumSizeHint().width() <= PANEL - SCROLL_BAR
    assert cut(panel) == []
    for button in panel.findChildren(QToolButton):
        assert button.fontMetrics().horizontalAdvance(button.text()) + 4 <= button.width()


def test_published_and_measured_figures(qtbot: QtBot) -> None:
    """Every preset as a column next to the widest network, and measured values of ten times the printed ones."""
    view = VerifyView()
    view.set_current_architecture(WIDE)
    shown(qtbot, view, WORKSPACE, 900)
    view.findChild(QWidget, "inHand").click()
    for factor in (1, 10):
        results = [
            VerifiedFigure(
                figure,
                published_figures.network(figure.subject),
                factor * figure.value,
                factor == 1,
                f"{figure.value:,} " * 12,
            )
            for figure in published()
        ]
        view.show_results(results)
        assert cut(view) == []
    view._menu.set_checked(tuple(PRESETS))
    view._show_columns()
    assert cut(view) == []


# Activations: its right column.


@pytest.mark.parametrize("size", [(20, 2000), (2000, 20), (1, 20000), (20000, 1), (9999, 9999)])
@pytest.mark.parametrize("side", [8, 224, MOST["image"]])
@pytest.mark.parametrize("width", [COLUMN, 280])
def test_images_of_every_shape(qtbot: QtBot, size: tuple[int, int], side: int, width: int) -> None:
    view = InputView()
    shown(qtbot, view, width, 400)
    width, height = min(size[0], 400), min(size[1], 400)
    view.show_photograph(Photograph("x", np.zeros((height, width, 3), np.uint8), "0" * 64, (), size))
    view.show_model_input(np.zeros((min(side, 300),) * 2 + (3,), np.uint8), INFO.preprocessing)
    assert cut(view) == []
    assert f"{size[0]}×{size[1]}" in everything(view)


def test_the_transforms(qtbot: QtBot) -> None:
    panel = TransformPanel()
    shown(qtbot, panel, COLUMN)
    low = {name: limits[0] for name, limits in RANGES.items()}
    high = {name: limits[1] for name, limits in RANGES.items()}
    for values in (low, high):
        panel.show_transforms(
            replace(ImageTransforms(), **{name: values[name] for name in values if hasattr(ImageTransforms(), name)})
        )
        assert cut(panel) == []


def test_predictions(qtbot: QtBot) -> None:
    """A long name is elided, its percentage never is."""
    one, two = PredictionBars(), PairedPredictions()
    shown(qtbot, one, COLUMN)
    shown(qtbot, two, PAGE)
    one.set_predictions(PREDICTIONS, correct=LABELS[0])
    two.show_predictions(PREDICTIONS, PREDICTIONS)
    for widget in (one, two):
        assert [line for line in cut(widget) if "elided" not in line] == []
        assert {"100 %", "> 99 %", "< 0.1 %", "9.5 %"} <= set(everything(widget))


@pytest.mark.parametrize("value", EXTREMES.tolist())
def test_a_channel(qtbot: QtBot, value: float) -> None:
    view = ChannelView()
    shown(qtbot, view, COLUMN, 420)
    values = np.full((4, 4), value, np.float32)
    values[0, 0] = -value
    view.show_channel(65535, values, np.zeros((4, 4, 3), np.uint8))
    view.show_receptive_field("RF 4096×4096", "")
    assert cut(view) == []


@pytest.mark.parametrize("editable", [False, True])
def test_a_color_bar(qtbot: QtBot, editable: bool) -> None:
    bar = ColorBar()
    shown(qtbot, bar, PAGE if editable else 192, 40)
    bar.set_range("viridis", (-1.23e-38, 1.23e-38), editable=editable)
    assert cut(bar) == []


# Activations: its pages.


def test_maps(qtbot: QtBot) -> None:
    view = MapsView()
    shown(qtbot, view, PAGE)
    for values in (maps(2048, 4), maps(4, 60)):
        view.show_selection("sample:china", "layer6.999.downsample.0")
        view.show_result(result(values, "layer6.999.downsample.0"))
        assert cut(view) == []
        for number in range(4):
            view.panel._show_value(Place(number, 3, 3))
            assert cut(view) == []


@pytest.mark.parametrize("width", [PAGE, 600])
def test_channel_statistics(qtbot: QtBot, width: int) -> None:
    view = StatisticsView()
    shown(qtbot, view, width, 700)
    view.show_selection("sample:china", "layer1.0.relu1")
    for values in (maps(2048, 4), maps(64, 4, EXTREMES)):
        with np.errstate(over="ignore"):
            view.show_result(result(values, "layer1.0.relu1"))
            view.show_accumulated(replace(statistics(values), images=999, active_images=np.full(len(values), 999)))
        assert cut(view) == []
        table = view.findChild(QWidget, "channelTable")
        table.verticalScrollBar().setValue(table.verticalScrollBar().maximum())
        assert cut(view) == []
        table.horizontalScrollBar().setValue(table.horizontalScrollBar().maximum())
        assert cut(view) == []


def test_two_sides(qtbot: QtBot) -> None:
    view = ABView()
    shown(qtbot, view, PAGE, 700)
    spec = ForwardSpec("sample:china", preset("resnet50"))
    pair = ABPair(result(maps(64, 4)), result(maps(64, 4, -WIDE_VALUES)), "layer4.999.relu3")
    doubtful = replace(INFO, caveats=("most files need the stride on the 3×3",), likely_architecture=preset("resnet50"))
    view.show_pair(replace(pair, b=replace(pair.b, spec=replace(spec, weights=RandomWeights(1)), weights=doubtful)))
    for views in ("both", "difference", "all"):
        view._views.button(views).click()
        assert cut(view) == []
        view.panel._on_hovered(view.panel.panes[0], Place(63, 3, 3))
        assert cut(view) == []


def test_a_block(qtbot: QtBot) -> None:
    network = replace(preset("resnet152"), blocks=(3, 8, 1000, 3))
    name = "layer3.999"
    view = BlockView()
    shown(qtbot, view, PAGE, 900)
    view.show_block(network, block_tensors(network, name))
    tensors = block_tensors(network, name)
    names = dict.fromkeys((*tensors.names, tensors.x))
    layers = tuple(layer_maps(tensor, maps(1024, 2)) for tensor in names)
    view.show_result(replace(result(maps(2, 2), architecture=network), layers=layers))
    view.responses.show_responses(block_responses(ForwardSpec("sample:china", network), scale=1.23e-9))
    view.responses.show_block(name)
    assert cut(view) == []
    view._show_values(Place(1000, 1, 1))
    assert cut(view) == []


def test_kernels(qtbot: QtBot) -> None:
    values = np.resize(WIDE_VALUES, (2048, 3, 3, 3)).astype(np.float32)
    flat = values.reshape(2048, -1).astype(np.float64)
    kernels = Kernels(
        preset("resnet50"), RandomWeights(), "layer4.2.downsample.0", False, values, 2048, 683,
        np.linalg.norm(flat, axis=1), flat.mean(1), flat.std(1), INFO,
    )  # fmt: skip
    view = KernelsView()
    shown(qtbot, view, PAGE, 560)
    view.show_loading("layer4.2.downsample.0", "layer4.2.downsample.0")
    view.show_kernels(kernels)
    for number in (0, 1, 6, 2047):
        view.show_filter(number)
        assert cut(view) == []


def test_pinned_channels(qtbot: QtBot) -> None:
    pin_bar = PinBar()
    shown(qtbot, pin_bar, PAGE, 140)
    pin_bar.show_layers(WIDE)
    pin_bar.show_pins([Pin("layer6.1.downsample.0", 65535), Pin("layer6.1.relu3", 65535)])
    assert cut(pin_bar) == []


def test_the_number_of_images(qtbot: QtBot) -> None:
    strip = ImageStrip()
    shown(qtbot, strip, 152)
    references = [f"/images/image {number:05}.png" for number in range(10_000)]
    strip.show_images(references)
    strip.show_unlisted(1_271_167)
    strip.show_selected(references[-1])
    strip.show_skipped(["damaged"] * 9_999)
    assert cut(strip) == []


# Training.


def long_run(number: int) -> RunState:
    """A run of ten million steps and several months, of which almost a million steps are done."""
    recipe = Recipe(data="/data/imagenet-of-2012", length=9_999, device="cuda:7")
    manifest = Manifest("resnet152-imagenet-of-2012-1", preset("resnet152"), recipe, 1_700_000_000.0)
    run = RunState(Path(f"/runs/{number}"), manifest, number, curves=Curves(), cost=Cost(888_888_888, 888 * 10**9))
    for event in (
        Prepared(0.0, {}, (), ("a",) * 1000, 1_281_167, 50_000, "", 5_005, 9_999_990, "", (0.5,) * 3, (0.2,) * 3),
        Stepped(1.0, 888_887, (8.888e-9,), (0.9999,), (0.0001,), 8_888_888.0, 8888.8),
        Measured(1.0, "test", 888_888, 1.0, 1.0, 50_000, 8_888_888.0),
        *([Ended(2.0, "failed", 888_888, "The loss of step 888,888 is not a number")] if number else []),
    ):
        run.curves.add(event)
    run.loaded = True
    return run


@pytest.mark.parametrize("width", [WORKSPACE, 1664])
def test_the_table_of_runs_and_the_legend(qtbot: QtBot, width: int) -> None:
    view = RunsView()
    shown(qtbot, view, width, 560)
    view.show_runs([long_run(0), long_run(1)])
    assert cut(view) == []


def test_networks_of_an_experiment(qtbot: QtBot) -> None:
    experiment = Experiment(replace(RECIPES["digits-degradation"], length=4), depths=(20, 1202))
    table = ErrorTable()
    shown(qtbot, table, 200)
    runs = {part.name: curves(part, [1.0, 0.999], [1.0, 0.999]) for part in experiment.runs}
    table.show_errors(experiment, runs)
    settle()
    assert "99.9 %" in everything(table)
    assert cut(table) == []


@pytest.mark.parametrize("seconds", [0.0, 0.000123, 5.4, 500.0])
def test_what_a_run_would_cost(qtbot: QtBot, seconds: float) -> None:
    estimate = Estimate(seconds, 1_281_167, 1_281_167_000, 888_888_888_888, 999_999_999_999, 720_000_000, 65_536)
    panel, setup = EstimatePanel(), SetupView()
    shown(qtbot, panel, 180)
    shown(qtbot, setup, WORKSPACE, 540)
    for view in (panel, setup._estimate_panel):
        view.show_network(
            "resnet1202-cifar at 4096×4096", ("channels 3 → 1", "image 224 → 4,096", "classes 10 → 1,000")
        )
        view.show_estimate(estimate, "CPU")
    setup.show_data(replace(data_view(), training_counts=(1_281_167,) * 10, test_counts=(1_281_167,) * 10))
    assert cut(panel) == []
    assert cut(setup) == []


def test_steps_of_a_training(qtbot: QtBot) -> None:
    slider = TimeSlider()
    shown(qtbot, slider, 420, 60)
    slider.show_steps([0, 50_044_000, 50_044_995], reset=True)
    assert cut(slider) == []


def test_the_status_bar(qtbot: QtBot) -> None:
    status_bar = StatusBar()
    shown(qtbot, status_bar, 1000, 32)
    status_bar.set_devices([Device("cpu", "CPU"), Device("cuda:0", "NVIDIA H100 80GB HBM3, 79.1 GiB")], "cuda:0")
    status_bar.set_engine_state("starting")
    status_bar.show_progress(Progress(9_999, 10_000, "running 10,000 images through resnet1202-cifar at 4096×4096"))
    status_bar.show_idle(8888.88)
    status_bar.show_progress(Progress(9_999, 10_000, "running 10,000 images through resnet1202-cifar at 4096×4096"))
    assert cut(status_bar) == []


def test_a_message_with_actions(qtbot: QtBot) -> None:
    message_bar = MessageBar()
    shown(qtbot, message_bar, 1000, 300)
    sentence = "epoch-999.safetensors is made for 1,000,000 classes, this network has 10. Still using random weights."
    offers = ("Switch to resnet1202-cifar, 4096×4096", "Load all but the head", "Load backbone without its head")
    message_bar.show_message(sentence, "fc.weight  1000000×2048  10×2048\n" * 40, offers)
    message_bar.findChild(QPushButton, "bannerMore").click()
    assert cut(message_bar) == []


def test_the_test_of_a_device(qtbot: QtBot) -> None:
    dialog = SelftestDialog(Device("cuda:0", "NVIDIA H100 80GB HBM3, 79.1 GiB"))
    qtbot.addWidget(dialog)
    dialog.show()
    assert cut(dialog) == []
    advice = "Update the driver and PyTorch, or train in fp32; until it passes, train on the CPU"
    dialog.add_check(at_most("process memory grown over 1,000 images", 1.23e30, 1.23e-30, "images/s", advice=advice))
    dialog.add_check(skipped("torch.compile, ResNet-18, batch 1", "can't compile: " + "a long reason, " * 12))
    assert cut(dialog) == []
