"""The A/B tab with mouse and keys, on pairs whose values are known by formula."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QGraphicsView,
    QLabel,
    QPushButton,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.ab.panel import HINT, PENDING, SAME_AS_A
from resnet_studio.gui.activations.ab.predictions import PairedPredictions
from resnet_studio.gui.activations.ab.view import ABView
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.mosaic import LinkedMosaic
from resnet_studio.inference.ab import ABPair, SideBOverrides
from resnet_studio.inference.feature_maps import MapStyle, Place, layer_maps, lookup_table, to_indices
from resnet_studio.inference.values import (
    SAMPLES,
    ForwardResult,
    ForwardSpec,
    Frame,
    Prediction,
    Preprocessing,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
)
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs.weights import RunWeights
from themed import themed

LEFT = Qt.MouseButton.LeftButton
RESNET, PLAIN = preset("resnet34"), preset("plain34")
RANDOM = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",))
TRAINED = replace(RANDOM, source="plain34.pth", trained=True)
SIDE_A = ForwardSpec("sample:china", RESNET)


def place_values(channels: int, side: int = 4) -> NDArray[np.float32]:
    """The value 5.23 lies in channel 5, row 2, column 3."""
    channel, row, column = np.meshgrid(np.arange(channels), np.arange(side), np.arange(side), indexing="ij")
    return (channel + row / 10 + column / 100).astype(np.float32)


def forward_result(
    values: NDArray[np.float32] | None, layer: str = "layer2.0", architecture: Architecture = RESNET,
    weights: WeightsInfo = RANDOM, predictions: tuple[Prediction, ...] = (),
) -> ForwardResult:  # fmt: skip
    maps = () if values is None else (layer_maps(layer, values),)
    pixels = np.zeros((2, 2, 3), np.uint8)
    spec = ForwardSpec("sample:china", architecture)
    return ForwardResult(spec, "00", Frame(1, 1, 2, 2), pixels, weights, maps, 0.1, predictions)


def pair(a: NDArray[np.float32], b: NDArray[np.float32] | None) -> ABPair:
    tops = [
        tuple(Prediction(name, 0.5 - 0.1 * n) for n, name in enumerate(names.split()))
        for names in ("cat dog cow hen fox", "dog ant cat elk bee")
    ]
    side_a = forward_result(a, predictions=tops[0])
    return ABPair(side_a, forward_result(b, architecture=PLAIN, weights=TRAINED, predictions=tops[1]), "layer2.0")


@pytest.fixture
def view(qtbot: QtBot) -> ABView:
    view = ABView()
    qtbot.addWidget(view)
    view.resize(620, 680)
    view.show_images(SAMPLES)
    view.show_overrides(SideBOverrides(architecture=PLAIN), SIDE_A)
    view.show()
    return view


@pytest.fixture
def shown(view: ABView) -> ABView:
    view.show_pair(pair(place_values(9), 2 * place_values(9)))
    QApplication.processEvents()
    return view


def mosaic(view: ABView, name: str) -> LinkedMosaic:
    return view.findChild(LinkedMosaic, f"{name}Maps")


def viewport(view: ABView, name: str) -> QWidget:
    return mosaic(view, name).findChild(QGraphicsView).viewport()


def point(view: ABView, name: str, channel: int, row: int, column: int) -> QPoint:
    """Where in a side's viewport a value is painted."""
    one = mosaic(view, name)
    x, y = one._geometry.pixel(Place(channel, row, column))
    return one.findChild(QGraphicsView).mapFromScene(one._image.mapToScene(QPointF(x + 0.5, y + 0.5)))


def color(view: ABView, name: str, channel: int, row: int, column: int) -> tuple[int, int, int]:
    image: QImage = viewport(view, name).grab().toImage()
    found = image.pixelColor(point(view, name, channel, row, column))
    return found.red(), found.green(), found.blue()


def press(qtbot: QtBot, view: ABView, accessible_name: str) -> None:
    (button,) = (one for one in view.findChildren(QAbstractButton) if one.accessibleName() == accessible_name)
    qtbot.mouseClick(button, LEFT)
    QApplication.processEvents()


def turn_wheel(widget: QWidget, at: QPoint, notches: int) -> None:
    for _ in range(notches):
        none = Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(
            QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, none,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)
    QApplication.processEvents()


def text(view: ABView, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.accessibleDescription() or label.text()


def test_each_side_shows_its_network_and_the_statistics_of_its_layer(shown: ABView) -> None:
    assert text(shown, "sideANetwork") == "A  resnet34"
    assert text(shown, "sideAWeights and image") == "random, seed 0, untrained · china"
    assert text(shown, "sideBWeights and image") == "plain34.pth, trained · china"
    assert text(shown, "sideALayer") == "layer2.0 · 9 channels, 4×4"
    mean = 4 + 0.15 + 0.015
    assert text(shown, "sideAStatistics").startswith(f"mean {mean:.3g} · std ")
    assert text(shown, "sideAStatistics").endswith("0.7 % zeros")


def test_hovering_shows_the_values_of_both_sides_and_their_difference(shown: ABView) -> None:
    QTest.mouseMove(viewport(shown, "sideA"), point(shown, "sideA", 5, 2, 3))
    expected = "channel 5 · row 2, column 3 · A 5.23 · B 10.5 · A − B −5.23"
    assert text(shown, "pairReadout") == expected
    QTest.mouseMove(viewport(shown, "sideB"), point(shown, "sideB", 5, 2, 3))
    assert text(shown, "pairReadout") == expected
    shown.show_pair(pair(place_values(9) + 20, place_values(9)))
    assert text(shown, "pairReadout") == "channel 5 · row 2, column 3 · A 25.2 · B 5.23 · A − B 20"
    QTest.mouseMove(viewport(shown, "sideB"), QPoint(2, viewport(shown, "sideB").height() - 2))
    assert text(shown, "pairReadout") == HINT


def test_the_wheel_on_one_side_zooms_all(qtbot: QtBot, shown: ABView) -> None:
    press(qtbot, shown, "Views: all")
    for name in ("sideA", "sideB", "difference"):
        before = point(shown, "sideA", 8, 3, 3)
        turn_wheel(viewport(shown, name), point(shown, name, 4, 1, 1), notches=2)
        places = {side: point(shown, side, 8, 3, 3) for side in ("sideA", "sideB", "difference")}
        assert places["sideA"] != before
        for place in places.values():
            assert (place - places["sideA"]).manhattanLength() <= 2
    at = point(shown, "sideB", 4, 1, 1)
    for act in (qtbot.mouseClick, qtbot.mouseDClick, qtbot.mouseRelease):
        act(viewport(shown, "sideB"), LEFT, pos=at)
    QApplication.processEvents()
    for name in ("sideA", "sideB", "difference"):
        assert viewport(shown, name).rect().contains(point(shown, name, 8, 3, 3))
        assert viewport(shown, name).rect().contains(point(shown, name, 0, 0, 0))


def test_zoom_covers_the_same_fraction_where_shapes_differ(shown: ABView) -> None:
    shown.show_pair(pair(place_values(9), place_values(9, side=8)))
    QApplication.processEvents()
    turn_wheel(viewport(shown, "sideA"), point(shown, "sideA", 4, 2, 2), notches=3)
    a, b = point(shown, "sideA", 4, 2, 2), point(shown, "sideB", 4, 4, 4)
    assert (a - b).manhattanLength() <= 24  # 4×4 and 8×8 maps with the same line between them


def test_a_channel_is_framed_on_all_sides(qtbot: QtBot, shown: ABView) -> None:
    with qtbot.waitSignal(shown.panel.channelShown) as emitted:
        qtbot.mouseClick(viewport(shown, "sideB"), LEFT, pos=point(shown, "sideB", 7, 1, 1))
    number, values, pixels, layer = emitted.args
    assert (number, layer, pixels.shape) == (7, "layer2.0", (4, 4, 3))
    np.testing.assert_array_equal(values, place_values(9)[7])
    assert mosaic(shown, "sideA").tile() == mosaic(shown, "sideB").tile() == 7
    QTest.keyClick(mosaic(shown, "sideA"), Qt.Key.Key_Left)
    assert mosaic(shown, "sideB").tile() == 6
    shown.show_pair(pair(place_values(9), place_values(3)))
    QTest.keyClick(mosaic(shown, "sideA"), Qt.Key.Key_Right)
    assert (mosaic(shown, "sideA").tile(), mosaic(shown, "sideB").tile()) == (7, 2)


def test_on_a_shared_scale_equal_values_have_equal_colors(qtbot: QtBot, shown: ABView) -> None:
    shown.findChild(QComboBox, "pairColours").setCurrentText("grey")
    press(qtbot, shown, "Contrast: shared")
    # One scale goes from 0 to 2 × 8.33, so that A's 8 has the gray of B's 2 × 4.
    assert color(shown, "sideA", 8, 0, 0) == color(shown, "sideB", 4, 0, 0)
    assert color(shown, "sideA", 8, 0, 0) == pytest.approx((255 * 8 / 16.66,) * 3, abs=2)
    press(qtbot, shown, "Contrast: layer")
    assert color(shown, "sideA", 8, 0, 0) == color(shown, "sideB", 8, 0, 0)
    press(qtbot, shown, "Contrast: channel")
    assert color(shown, "sideA", 8, 0, 0) == (0, 0, 0)
    assert color(shown, "sideA", 8, 3, 3) == (255, 255, 255)


def test_the_difference_diverges_around_zero(qtbot: QtBot, shown: ABView) -> None:
    shown.show_pair(pair(place_values(9), 8 - place_values(9)))
    press(qtbot, shown, "Views: difference")
    assert not mosaic(shown, "sideA").isVisible()
    difference = 2 * place_values(9) - 8
    expected = lookup_table("diverging")[to_indices(difference, MapStyle("layer", "diverging"))]
    for channel, row, column in ((0, 0, 0), (4, 0, 0), (8, 3, 3)):
        expected_color = pytest.approx(expected[channel, row, column].tolist(), abs=2)
        assert list(color(shown, "difference", channel, row, column)) == expected_color
    assert text(shown, "differenceLayer") == f"mean abs(A − B) {abs(difference).mean():.3g}"
    press(qtbot, shown, "Views: all")
    assert all(mosaic(shown, name).isVisible() for name in ("sideA", "sideB", "difference"))


def test_equal_maps_are_reported(qtbot: QtBot, shown: ABView) -> None:
    press(qtbot, shown, "Views: all")
    shown.show_pair(pair(place_values(9), place_values(9)))
    assert text(shown, "differenceLayer") == "no difference: all values are equal"


def test_different_shapes_show_a_reason_instead_of_a_difference(qtbot: QtBot, shown: ABView) -> None:
    press(qtbot, shown, "Views: all")
    shown.show_pair(pair(place_values(9), place_values(5)))
    assert not mosaic(shown, "difference").isVisible()
    QApplication.processEvents()
    assert text(shown, "differenceWhy").startswith("No difference: the shapes 9×4×4 and 5×4×4")
    QTest.mouseMove(viewport(shown, "sideA"), point(shown, "sideA", 3, 1, 1))
    assert text(shown, "pairReadout") == "channel 3 · row 1, column 1 · A 3.11"
    shown.show_pair(pair(place_values(9), place_values(9)))
    assert mosaic(shown, "difference").isVisible()


def test_a_layer_without_counterpart_is_reported(shown: ABView) -> None:
    side_a = forward_result(place_values(9), "layer2.0.downsample.1")
    shown.show_pair(ABPair(side_a, forward_result(None, architecture=PLAIN), "layer2.0.downsample.1"))
    assert text(shown, "sideBWhy") == "plain34 has no layer that matches layer2.0.downsample.1"
    assert mosaic(shown, "sideA").isVisible()


def test_without_overrides_the_view_shows_what_to_do(view: ABView) -> None:
    view.show_overrides(SideBOverrides(), SIDE_A)
    alone = forward_result(place_values(9), predictions=(Prediction("cat", 0.5),))
    view.show_pair(ABPair(alone, alone, "layer2.0"))
    assert text(view, "sideBWhy") == SAME_AS_A
    assert not view.findChild(QPushButton, "swapSides").isEnabled()
    assert not view.findChild(QPushButton, "takeSecond").isEnabled()


def test_an_error_of_side_b_is_shown_in_its_pane_with_the_suggested_fixes(qtbot: QtBot, shown: ABView) -> None:
    better = SideBOverrides(weights=WeightsFile(Path("net.pth"), head=False))
    shown.show_problem("net.pth doesn't match this network", [("Load all but the head", better)])
    assert text(shown, "sideBWhy") == "net.pth doesn't match this network"
    assert mosaic(shown, "sideA").isVisible()
    with qtbot.waitSignal(shown.overridesRequested) as requested:
        qtbot.mouseClick(shown.findChild(QPushButton, "sideBMapsOffer0"), LEFT)
    assert requested.args == [better]
    shown.show_pair(pair(place_values(9), place_values(9)))
    assert mosaic(shown, "sideB").isVisible()


def test_a_doubtful_stride_of_side_b_is_one_click_away_from_the_likely_one(qtbot: QtBot, shown: ABView) -> None:
    """Side B keeps its weights, and the warning goes with side B."""
    doubts, button = shown.findChild(QLabel, "weightsDoubtsSideB"), shown.findChild(QPushButton, "moveStrideSideB")
    assert doubts.isHidden()
    on_1x1, on_3x3 = (replace(preset("resnet50"), block=Bottleneck(place)) for place in ("1x1", "3x3"))
    weights = replace(TRAINED, caveats=("most files need the stride on the 3×3",), likely_architecture=on_3x3)
    result = forward_result(place_values(9), architecture=on_1x1, weights=weights)
    file = WeightsFile(Path("/nets/fine_tuned.pth"))
    doubtful = replace(result, spec=replace(result.spec, weights=file))
    shown.show_pair(ABPair(forward_result(place_values(9)), doubtful, "layer2.0"))
    assert doubts.text() == "most files need the stride on the 3×3"
    with qtbot.waitSignal(shown.overridesRequested) as requested:
        qtbot.mouseClick(button, LEFT)
    assert requested.args == [SideBOverrides(on_3x3, file)]
    shown.show_problem("The file is damaged", ())
    assert not doubts.isVisible()
    assert not button.isVisible()
    shown.show_pair(ABPair(doubtful, doubtful, "layer2.0"))  # side A's warning is shown above
    assert not button.isVisible()


def test_predictions_that_both_sides_name_are_connected(shown: ABView) -> None:
    predictions = shown.findChild(PairedPredictions)
    assert predictions.shared_rows() == [(0, 2), (1, 0)]
    at = predictions.row_rect(0, 1).center().toPoint()
    QApplication.sendEvent(predictions, QHelpEvent(QHelpEvent.Type.ToolTip, at, predictions.mapToGlobal(at)))
    assert QToolTip.text() == "dog\nA 40 %\nB 50 %"
    at = predictions.row_rect(1, 1).center().toPoint()
    QApplication.sendEvent(predictions, QHelpEvent(QHelpEvent.Type.ToolTip, at, predictions.mapToGlobal(at)))
    assert QToolTip.text() == "ant\nA not in its top 5\nB 40 %"
    QToolTip.hideText()
    assert predictions.accessibleDescription().startswith("A: cat 50 %, dog 40 %")


def test_counterpart_seed_and_image_are_one_click_away(qtbot: QtBot, view: ABView) -> None:
    requested: list[SideBOverrides] = []
    view.overridesRequested.connect(requested.append)
    view.overridesRequested.connect(lambda overrides: view.show_overrides(overrides, SIDE_A))
    view.show_overrides(SideBOverrides(), SIDE_A)
    counterpart = view.findChild(QPushButton, "besideTwin")
    assert counterpart.text() == "plain network"
    qtbot.mouseClick(counterpart, LEFT)
    assert requested[-1] == SideBOverrides(PLAIN)
    seed = view.findChild(QPushButton, "besideSeed")
    for _ in range(2):
        qtbot.mouseClick(seed, LEFT)
    assert [overrides.weights for overrides in requested[-2:]] == [RandomWeights(1), RandomWeights(2)]
    for _ in range(2):
        qtbot.mouseClick(view.findChild(QPushButton, "besideNext"), LEFT)
    assert requested[-1] == SideBOverrides(PLAIN, RandomWeights(2), SAMPLES[2])
    view.show_overrides(SideBOverrides(), replace(SIDE_A, architecture=PLAIN))
    assert counterpart.text() == "residual network"
    view.show_overrides(SideBOverrides(), replace(SIDE_A, architecture=preset("vgg19")))
    assert not counterpart.isEnabled()


def test_presets_are_found_by_any_part_of_their_name(qtbot: QtBot, view: ABView) -> None:
    network = view.findChild(QComboBox, "besideNetwork")
    assert network.currentText() == "plain34"
    requested: list[SideBOverrides] = []
    view.overridesRequested.connect(requested.append)
    network.textActivated.emit("vgg19")
    assert requested == [SideBOverrides(preset("vgg19"))]
    network.setEditText("ResNet-50-D")
    qtbot.keyClick(network.lineEdit(), Qt.Key.Key_Return)
    assert requested[-1] == SideBOverrides(preset("resnet50d"))
    network.setEditText("")
    qtbot.keyClick(network.lineEdit(), Qt.Key.Key_Return)
    assert requested[-1] == SideBOverrides()


def test_offered_weights_are_those_that_may_fit(view: ABView) -> None:
    choice = view.findChild(QComboBox, "besideWeights")

    def offered(overrides: SideBOverrides) -> list[str]:
        view.show_overrides(overrides, SIDE_A)
        return [choice.itemText(row) for row in range(choice.count())]

    seeds, files = [f"random, seed {n}" for n in range(4)], ["Open file…", "Checkpoint of run…"]
    assert offered(SideBOverrides(PLAIN)) == ["same weights", *seeds, *files]
    assert offered(SideBOverrides()) == ["same weights", *seeds, "torchvision's resnet34, IMAGENET1K_V1", *files]
    digits = offered(SideBOverrides(preset("resnet20-digits")))
    assert digits == ["same weights", "resnet20-digits.safetensors", *seeds, *files]
    checkpoint = WeightsFile(Path("/runs/first/checkpoints/step-000110/weights.safetensors"))
    assert offered(SideBOverrides(weights=checkpoint))[1] == "step-000110 of first"
    assert choice.currentText() == "step-000110 of first"


@pytest.mark.parametrize(
    "weights", [RandomWeights(2), PublishedWeights("resnet34", "IMAGENET1K_V1"), None],
)  # fmt: skip
def test_weights_are_selected_from_the_list(view: ABView, weights: RandomWeights | None) -> None:
    requested: list[SideBOverrides] = []
    view.overridesRequested.connect(requested.append)
    view.show_overrides(SideBOverrides(weights=RandomWeights(1)), SIDE_A)
    choice = view.findChild(QComboBox, "besideWeights")
    words = {None: "same weights", RandomWeights(2): "random, seed 2"}
    row = choice.findText(words.get(weights, "torchvision's resnet34, IMAGENET1K_V1"))  # type: ignore[arg-type]
    choice.setCurrentIndex(row)
    choice.activated.emit(row)
    assert requested == [SideBOverrides(weights=weights)]


def test_bundled_weights_are_selected_from_the_list(view: ABView) -> None:
    requested: list[SideBOverrides] = []
    view.overridesRequested.connect(requested.append)
    digits = preset("resnet20-digits")
    view.show_overrides(SideBOverrides(digits), SIDE_A)
    view.findChild(QComboBox, "besideWeights").activated.emit(1)
    assert requested == [SideBOverrides(digits, bundled_weights(digits))]


def test_file_dialogs_are_opened(qtbot: QtBot, view: ABView, tmp_path: Path) -> None:
    for name, content in (("net.pth", "x"), ("net.json", json.dumps(to_json(PLAIN)))):
        (tmp_path / name).write_text(content)
    requested: list[object] = []
    view.overridesRequested.connect(requested.append)
    view.chooser.architectureFileSelected.connect(requested.append)
    choice, network = (view.findChild(QComboBox, name) for name in ("besideWeights", "besideNetwork"))
    for box, words, name in (
        (choice, "Open file…", "net.pth"), (choice, "Checkpoint of run…", "net.pth"),
        (network, "Open JSON…", "net.json"),
    ):  # fmt: skip
        before = box.currentText()
        box.activated.emit(box.findText(words))
        box.textActivated.emit(words)
        assert box.currentText() == before
        (dialog,) = view.findChildren(QFileDialog)
        dialog.selectFile(str(tmp_path / name))
        dialog.accept()
        qtbot.waitUntil(lambda: not view.findChildren(QFileDialog))
    file = SideBOverrides(PLAIN, WeightsFile(tmp_path / "net.pth"))
    assert requested == [file, file, str(tmp_path / "net.json")]


def test_checkpoints_of_runs_are_offered_if_they_fit(view: ABView) -> None:
    files = [WeightsFile(Path(f"/runs/first/checkpoints/step-{step:06}/weights.safetensors")) for step in (10, 110)]
    found = [RunWeights(file, "first", step, "digits", PLAIN) for file, step in zip(files, (10, 110), strict=True)]
    view.show_runs([*found, RunWeights(files[0], "second", 5, "digits", preset("resnet18"))])
    choice = view.findChild(QComboBox, "besideWeights")
    offered = [choice.itemText(row) for row in range(choice.count())]
    assert [text for text in offered if "step" in text] == ["first, step 10", "first, step 110"]
    requested: list[SideBOverrides] = []
    view.overridesRequested.connect(requested.append)
    choice.activated.emit(offered.index("first, step 110"))
    assert requested == [SideBOverrides(PLAIN, files[1])]


def test_side_a_is_shown_while_side_b_is_running(view: ABView) -> None:
    alone = forward_result(place_values(9))
    view.show_pending(ABPair(alone, alone, "layer2.0"))
    assert mosaic(view, "sideA").isVisible()
    assert text(view, "sideBWhy") == PENDING
    view.show_pair(pair(place_values(9), place_values(9)))
    view.show_pending(ABPair(alone, alone, "layer2.0"))
    assert mosaic(view, "sideB").isVisible()


def test_buttons_request_swap_and_use_of_side_b(qtbot: QtBot, shown: ABView) -> None:
    with qtbot.waitSignal(shown.swapRequested):
        qtbot.mouseClick(shown.findChild(QPushButton, "swapSides"), LEFT)
    with qtbot.waitSignal(shown.useSideBRequested):
        qtbot.mouseClick(shown.findChild(QPushButton, "takeSecond"), LEFT)


def test_the_view_emits_whether_it_is_visible(qtbot: QtBot, view: ABView) -> None:
    emitted: list[bool] = []
    view.visibilityChanged.connect(emitted.append)
    view.hide()
    view.show()
    assert emitted == [False, True]


@pytest.mark.parametrize("size", [(360, 360), (590, 560), (620, 680)])
@pytest.mark.parametrize("views", ["both", "difference", "all"])
def test_maps_have_their_minimum_height_at_every_size(
    qtbot: QtBot, shown: ABView, size: tuple[int, int], views: str
) -> None:
    press(qtbot, shown, f"Views: {views}")
    shown.resize(*size)
    QApplication.processEvents()
    assert (shown.width(), shown.height()) == size
    for name in {"both": ["sideA", "sideB"], "difference": ["difference"]}.get(views, ["sideA", "difference"]):
        assert mosaic(shown, name).height() >= 72
    for widget in shown.findChildren(SegmentedControl):
        assert shown.rect().contains(widget.mapTo(shown, widget.rect().bottomRight()))
    heights = {mosaic(shown, name).height() for name in ("sideA", "sideB") if mosaic(shown, name).isVisible()}
    assert len(heights) <= 1


def test_every_control_has_a_name_and_a_tooltip(shown: ABView) -> None:
    for control in (*shown.findChildren(QPushButton), *shown.findChildren(QComboBox)):
        if control.isVisibleTo(shown):
            assert control.objectName(), control
            assert control.accessibleName(), control.objectName()
            assert control.toolTip(), control.objectName()


def test_both_themes(qtbot: QtBot, shown: ABView) -> None:
    press(qtbot, shown, "Views: all")
    images = []
    for name in ("light", "dark"):
        with themed(name):  # type: ignore[arg-type]
            images.append(shown.grab().toImage())
    corner = QPoint(3, images[0].height() - 60)
    assert images[0].pixelColor(corner) != images[1].pixelColor(corner)
