"""The Attribution tab with mouse and keys, on values that contain their place."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from overlay_pixels import pixel_center
from resnet_studio.gui.activations.attribution.class_picker import class_number
from resnet_studio.gui.activations.attribution.overlay import OverlayView
from resnet_studio.gui.activations.attribution.view import AttributionView
from resnet_studio.inference.attribution import (
    METHODS,
    MISSING_CAPTUM,
    NOT_COMPUTED,
    Attribution,
    OcclusionMap,
    attribution_style,
    cell_edges,
    describe_changes,
    heatmap,
    layers_with_maps,
    missing_captum_message,
    occlusion_style,
)
from resnet_studio.inference.feature_maps import lookup_table
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import (
    ForwardResult,
    ForwardSpec,
    Frame,
    Prediction,
    Preprocessing,
    RandomWeights,
    WeightsInfo,
)
from resnet_studio.networks.presets import preset

LABELS = tuple("abcdefghij")
SPEC = ForwardSpec("sample:digit-3", preset("resnet20-digits"))
INFO = WeightsInfo("digits", True, Preprocessing(8, 8, (0.5,), (0.5,)), LABELS)
MODEL_INPUT = np.zeros((8, 8, 3), np.uint8)
PREDICTIONS = (Prediction("d", 0.9, 3), Prediction("f", 0.06, 5))


def attribution(method: str = "grad-cam", **changes: object) -> Attribution:
    """Values at the layer rise from 0 to 15 row by row; a value at the input is its row plus a tenth of its column."""
    row, column = np.mgrid[:8, :8]
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    at_input = (row + column / 10).astype(np.float32)
    result = Attribution(
        SPEC, method, "layer3.2" if METHODS[method].has_layer else "", 3, "d", 0.9, values, at_input,
        MODEL_INPUT, "0" * 64,
        INFO, 0.012,
    )  # fmt: skip
    return replace(result, **changes)


def occlusion_map(computed: int = 16, **changes: object) -> OcclusionMap:
    """Patch 2, stride 2: the probability falls from 0.9 by 0.05 per position; below 0.49 another class wins."""
    probabilities = 0.9 - 0.05 * np.arange(16, dtype=np.float32)
    top_classes = np.where(probabilities < 0.49, 5, 3).astype(np.int32)
    probabilities[computed:], top_classes[computed:] = np.nan, NOT_COMPUTED
    result = OcclusionMap(
        SPEC, 3, "d", 0.95, 3, 2, (0, 2, 4, 6), (0, 2, 4, 6), probabilities.reshape(4, 4), top_classes.reshape(4, 4),
        LABELS, MODEL_INPUT, INFO, 0.5,
    )  # fmt: skip
    return replace(result, **changes)


def forward_result(
    predictions: tuple[Prediction, ...] = PREDICTIONS, info: WeightsInfo = INFO, *, preview: bool = False
) -> ForwardResult:
    return ForwardResult(SPEC, "0" * 64, Frame(4, 4, 8, 8), MODEL_INPUT, info, (), 0.1, predictions, preview)


@pytest.fixture
def view(qtbot: QtBot) -> AttributionView:
    view = AttributionView()
    qtbot.addWidget(view)
    view.resize(640, 640)
    view.show()
    view.set_spec(SPEC)
    view.show_result(forward_result())
    return view


def button(view: AttributionView, name: str) -> QPushButton:
    return view.findChild(QPushButton, name)


def choice(view: AttributionView, name: str) -> QComboBox:
    return view.findChild(QComboBox, name)


def texts(box: QComboBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def label_text(view: QWidget, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.text() if label.isVisibleTo(view) else ""


def picture(view: AttributionView, name: str) -> OverlayView:
    return view.findChild(OverlayView, name)


def select_row(box: QComboBox, row: int, qtbot: QtBot) -> None:
    """Step to the row with the arrow keys."""
    box.setFocus()
    while box.currentIndex() != row:
        qtbot.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < row else Qt.Key.Key_Up)


def show_occlusion_panel(view: AttributionView, qtbot: QtBot) -> None:
    overlay = next(one for one in view.findChildren(QToolButton) if one.text() == "Occlusion test")
    qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton)


def color_at(overlay: OverlayView, point: QPoint) -> tuple[int, int, int]:
    color = QColor(overlay.grab().toImage().pixel(point))
    return color.red(), color.green(), color.blue()


def test_compute_requests_the_default_attribution(view: AttributionView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.attributionRequested) as signal:
        qtbot.mouseClick(button(view, "whyCompute"), Qt.MouseButton.LeftButton)
    assert signal.args == ["grad-cam", "", None]


def test_method_layer_and_class_are_requested(view: AttributionView, qtbot: QtBot) -> None:
    methods, layers, classes = (choice(view, name) for name in ("whyMethod", "whyLayer", "whyClass"))
    assert texts(methods) == [method.title for method in METHODS.values()]
    assert [text.strip() for text in texts(layers)] == ["last (layer3.2)", *layers_with_maps(SPEC.architecture)]
    assert texts(classes) == ["most probable (d)", "d · 90 %", "f · 6.0 %", "other…"]
    view.show_attribution(attribution())
    emitted: list[tuple[object, ...]] = []
    view.requestChanged.connect(lambda *request: emitted.append(request))
    assert label_text(view, "whyHint") == ""
    select_row(methods, 1, qtbot)
    select_row(layers, 1, qtbot)
    select_row(classes, 2, qtbot)
    assert emitted[-1] == ("guided-grad-cam", "conv1", 5)
    assert "last block" in label_text(view, "whyHint")
    with qtbot.waitSignal(view.attributionRequested) as signal:
        qtbot.mouseClick(button(view, "whyCompute"), Qt.MouseButton.LeftButton)
    assert tuple(signal.args) == emitted[-1]
    select_row(methods, list(METHODS).index("saliency"), qtbot)
    assert emitted[-1] == ("saliency", "", 5)
    assert not layers.isEnabled()
    assert label_text(view, "whyHint") == ""


def test_any_other_class_is_entered_by_index_or_name(view: AttributionView, qtbot: QtBot) -> None:
    classes, field = choice(view, "whyClass"), view.findChild(QLineEdit, "whyOtherClass")
    emitted: list[object] = []
    view.requestChanged.connect(lambda _method, _layer, target: emitted.append(target))
    for text, number in (("7", 7), ("B", 1)):
        select_row(classes, classes.count() - 1, qtbot)
        assert field.isVisible()
        qtbot.keyClicks(field, text)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert emitted[-1] == number
        assert classes.currentText() == LABELS[number]
        assert field.isHidden()
    select_row(classes, classes.count() - 1, qtbot)
    before = list(emitted)
    qtbot.keyClicks(field, "10")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert emitted == before
    assert field.property("wrong") is True


def test_names_that_are_digits_come_before_indices() -> None:
    labels = ("7", "one", "two")
    assert class_number("7", labels) == 0
    assert class_number(" TWO ", labels) == 2
    assert class_number("1", labels) == 1
    for wrong in ("3", "-1", "three", "", "²"):
        assert class_number(wrong, labels) is None


def test_the_class_stays_while_others_become_probable_and_is_reset_with_the_network(
    view: AttributionView, qtbot: QtBot
) -> None:
    classes = choice(view, "whyClass")
    select_row(classes, 2, qtbot)
    view.show_result(forward_result((Prediction("a", 0.8, 0),)))
    assert texts(classes) == ["most probable (a)", "a · 80 %", "f", "other…"]
    assert classes.currentText() == "f"
    view.show_result(forward_result((Prediction("x", 1.0, 0),), replace(INFO, labels=("x",)), preview=True))
    assert classes.currentText() == "f"  # previews are ignored
    view.show_result(forward_result((Prediction("x", 1.0, 0),), replace(INFO, labels=("x",))))
    assert texts(classes) == ["most probable (x)", "x · 100 %", "other…"]
    assert classes.currentText() == "most probable (x)"


def test_layers_follow_the_architecture_and_the_selected_one_stays_if_it_exists(
    view: AttributionView, qtbot: QtBot
) -> None:
    layers = choice(view, "whyLayer")
    select_row(layers, layers.findData("layer1.1"), qtbot)
    view.set_spec(replace(SPEC, architecture=preset("resnet18")))
    assert layers.currentData() == "layer1.1"
    view.set_spec(replace(SPEC, architecture=preset("vgg19")))
    assert layers.currentText() == "last (features.35)"


def test_an_attribution_is_shown_over_the_input_and_alone(view: AttributionView, qtbot: QtBot) -> None:
    assert "Compute" in label_text(view, "whyEmpty")
    answer = attribution()
    view.show_attribution(answer)
    qtbot.waitExposed(view)
    title = label_text(view, "whyTitle")
    assert all(overlay in title for overlay in ("Grad-CAM", "layer3.2", "4×4", "for d (90 %)", "12 ms"))
    alone, over, ramp = picture(view, "whyAlone"), picture(view, "whyOverlay"), lookup_table("magma")
    colors = heatmap(answer.values, attribution_style(answer))
    assert colors[0, 0].tolist() == ramp[2].tolist()  # zero has the first color, the greatest value the last
    assert colors[3, 3].tolist() == ramp[255].tolist()
    for place in ((0, 0), (1, 2), (3, 3)):
        assert color_at(alone, pixel_center(alone, *place)) == tuple(colors[place].tolist())
    slider = view.findChild(QSlider, "whyStrength")
    corner_color = heatmap(answer.at_input, attribution_style(answer))[7, 7]
    for percent in (100, 50, 0):  # the input is black
        slider.setValue(percent)
        shown = color_at(over, pixel_center(over, 7, 7))
        assert shown == pytest.approx(corner_color.astype(int) * percent / 100, abs=2)
    assert [label_text(view.attribution, f"colourBar{end}") for end in ("Low", "High")] == ["0", "15"]


def test_hovering_shows_the_value_at_the_layer_and_at_the_input(view: AttributionView, qtbot: QtBot) -> None:
    view.show_attribution(attribution())
    alone, over = picture(view, "whyAlone"), picture(view, "whyOverlay")
    qtbot.mouseMove(alone, pixel_center(alone, 2, 1))
    assert label_text(view, "whyReadout") == "row 2, column 1: 9"
    qtbot.mouseMove(over, pixel_center(over, 6, 5))
    assert label_text(view, "whyReadout") == "row 6, column 5: 6.5"
    alone.hovered.emit(None)
    assert METHODS["grad-cam"].meaning in label_text(view, "whyReadout")


@pytest.mark.parametrize("method", METHODS)
def test_signed_methods_diverge_around_zero_and_others_start_there(method: str) -> None:
    values = np.linspace(-0.5, 1, 16, dtype=np.float32).reshape(4, 4)
    style = attribution_style(attribution(method, values=values))
    assert (style.colours, style.limits) == (
        ("diverging", (-1.0, 1.0)) if METHODS[method].signed else ("magma", (0.0, 1.0))
    )


def test_a_few_outliers_do_not_stretch_the_color_scale() -> None:
    values = np.linspace(0, 1, 1000, dtype=np.float32).reshape(20, 50)
    values.flat[:5] = 1e6
    end = attribution_style(attribution("saliency", values=values)).limits[1]
    assert 0.99 < end <= 1
    assert attribution_style(attribution(values=np.zeros((2, 2), np.float32))).limits == (0.0, 1.0)


def test_caveats_are_shown(view: AttributionView) -> None:
    view.show_attribution(attribution())
    assert label_text(view, "whyNotes") == ""
    view.show_attribution(attribution(weights=replace(INFO, trained=False)))
    assert "random network" in label_text(view, "whyNotes")
    view.show_attribution(attribution(values=np.zeros((2, 2), np.float32)))
    assert "all values are 0" in label_text(view, "whyNotes")
    view.show_attribution(attribution("integrated-gradients", delta=-0.25))
    assert "convergence delta 0.25" in label_text(view, "whyTitle")


def test_an_outdated_result_is_marked(view: AttributionView) -> None:
    view.show_attribution(attribution())
    view.show_occlusion(occlusion_map())
    view.set_spec(replace(SPEC, image="sample:china"))
    for notes in ("whyNotes", "sweepNotes"):
        assert "for digit 3" in view.findChild(QLabel, notes).text()
    view.set_spec(replace(SPEC, transforms=ImageTransforms(occluder=Occluder())))
    assert "for an earlier edit of the image" in view.findChild(QLabel, "whyNotes").text()
    assert view.findChild(QLabel, "sweepNotes").text() == ""  # occlusion ignores the occluder
    view.set_spec(SPEC)
    assert view.findChild(QLabel, "whyNotes").text() == ""


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (SPEC, ""),
        (replace(SPEC, device="mps"), ""),
        (replace(SPEC, image="sample:china", transforms=ImageTransforms(zoom=2)), "for digit 3"),
        (replace(SPEC, architecture=preset("resnet18"), weights=RandomWeights(3)), "for another network"),
        (replace(SPEC, weights=RandomWeights(3)), "for other weights"),
        (replace(SPEC, transforms=ImageTransforms(zoom=2)), "for an earlier edit of the image"),
    ],
)
def test_what_has_changed_is_named(now: ForwardSpec, expected: str) -> None:
    assert describe_changes(SPEC, now) == expected


def test_without_captum_occlusion_works_and_the_rest_says_what_to_install(
    view: AttributionView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    view.show_missing(missing_captum_message())
    assert label_text(view, "whyEmpty") == MISSING_CAPTUM
    assert f"{sys.executable} -m pip install 'captum" in MISSING_CAPTUM
    assert not any(button(view, name).isEnabled() for name in ("whyCompute",))
    show_occlusion_panel(view, qtbot)
    with qtbot.waitSignal(view.occlusionRequested) as signal:
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    assert signal.args == [2, 1, None]


def test_patch_and_stride_are_requested_and_positions_counted(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    patch, stride = (view.findChild(QSpinBox, name) for name in ("sweepPatch", "sweepStride"))
    assert (patch.value(), stride.value()) == (2, 1)
    assert label_text(view, "sweepCount") == "49 positions"
    patch.setValue(8)
    assert label_text(view, "sweepCount") == "1 position"
    patch.setValue(3)
    stride.setValue(2)
    assert label_text(view, "sweepCount") == "16 positions"  # 0, 2, 4 and 5
    with qtbot.waitSignal(view.occlusionRequested) as signal:
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    assert signal.args == [3, 2, None]
    view.set_spec(replace(SPEC, architecture=preset("resnet18")))
    assert (patch.value(), stride.value()) == (56, 28)


def test_a_running_occlusion_map_can_be_canceled(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    view.show_running(False, True)
    assert button(view, "sweepStart").text() == "Cancel"
    with qtbot.waitSignal(view.occlusion.cancelRequested):
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    view.show_running(False, False)
    assert button(view, "sweepStart").text() == "Start"


def test_the_map_fills_in(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    overlay = picture(view, "sweepMap")
    for computed in (6, 16):
        occlusion = occlusion_map(computed)
        view.show_occlusion(occlusion)
        view.findChild(QSlider, "sweepStrength").setValue(100)
        colors = heatmap(occlusion.probabilities, occlusion_style(occlusion))
        at = cell_edges((0, 2, 4, 6), 2, 8).tolist()
        for row in range(4):
            for column in range(4):
                expected = tuple(colors[row, column].tolist()) if 4 * row + column < computed else (0, 0, 0)
                assert color_at(overlay, pixel_center(overlay, at[row], at[column])) == expected
    assert "6 of 16" not in label_text(view, "sweepTitle")
    view.show_occlusion(occlusion_map(6))
    assert "6 of 16 positions" in label_text(view, "sweepTitle")
    assert "6 positions so far" in label_text(view, "sweepHeading")


def test_cell_edges_are_halfway_between_the_squares_and_fill_the_input() -> None:
    assert cell_edges((0, 2, 4, 6), 2, 8).tolist() == [0, 2, 4, 6, 8]
    assert cell_edges((0, 3, 4), 4, 8).tolist() == [0, 4, 6, 8]  # middles 2, 5 and 6
    assert cell_edges((0,), 8, 8).tolist() == [0, 8]


def test_an_input_that_is_not_square_has_more_positions_on_its_longer_side(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    spec = replace(SPEC, architecture=replace(SPEC.architecture, image=(8, 16)))
    view.set_spec(spec)
    assert [view.findChild(QSpinBox, name).value() for name in ("sweepPatch", "sweepStride")] == [2, 1]
    assert view.findChild(QSpinBox, "sweepPatch").maximum() == 8
    assert label_text(view, "sweepCount") == "105 positions"  # 7 rows × 15 columns
    probabilities = np.array([[0.9, 0.8, 0.7, 0.6], [0.5, 0.4, 0.3, 0.2]], np.float32)
    view.show_occlusion(
        occlusion_map(
            spec=spec, patch=4, tops=(0, 4), lefts=(0, 4, 8, 12), probabilities=probabilities,
            top_classes=np.full((2, 4), 3, np.int32), model_input=np.zeros((8, 16, 3), np.uint8),
        )
    )  # fmt: skip
    overlay = picture(view, "sweepMap")
    assert overlay.image_rect().width() == pytest.approx(2 * overlay.image_rect().height(), abs=1)
    qtbot.mouseMove(overlay, pixel_center(overlay, 6, 9))
    assert label_text(view, "sweepReadout") == "patch at row 4, column 8: d at 30 %, the same class wins"
    with qtbot.waitSignal(view.occlusion.occluderRequested) as signal:
        qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton, pos=pixel_center(overlay, 6, 9))
    assert signal.args == [Occluder(10 / 16, 6 / 8, 4 / 8)]


def test_where_another_class_wins_is_listed_the_least_probable_first(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    view.show_occlusion(occlusion_map())
    rows = view.findChild(QListWidget, "sweepFlips")
    listed = [rows.item(row).text() for row in range(rows.count())]
    assert label_text(view, "sweepHeading") == "Another class wins at 7 of 16 positions:"
    assert listed[:2] == ["f wins at row 6, column 6", "f wins at row 6, column 4"]
    assert len(listed) == 7
    view.show_occlusion(occlusion_map(3))
    assert label_text(view, "sweepHeading").startswith("No other class wins at any of 3 positions so far. Lowest")
    assert rows.item(0).text() == "80 % at row 0, column 4"
    assert rows.count() == 3


def test_hovering_shows_a_position_and_a_click_requests_the_occluder_there(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    view.show_occlusion(occlusion_map(14))
    overlay = picture(view, "sweepMap")
    qtbot.mouseMove(overlay, pixel_center(overlay, 4, 3))
    assert label_text(view, "sweepReadout") == "patch at row 4, column 2: d at 45 %, f wins"
    with qtbot.waitSignal(view.occlusion.occluderRequested) as signal:
        qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton, pos=pixel_center(overlay, 4, 3))
    assert signal.args == [Occluder(x=3 / 8, y=5 / 8, side=2 / 8)]
    qtbot.mouseMove(overlay, pixel_center(overlay, 0, 0))
    assert label_text(view, "sweepReadout") == "patch at row 0, column 0: d at 90 %, the same class wins"
    with qtbot.assertNotEmitted(view.occlusion.occluderRequested):
        qtbot.mouseClick(overlay, Qt.MouseButton.LeftButton, pos=pixel_center(overlay, 7, 7))  # not reached yet
    overlay.hovered.emit(None)
    assert "click" in label_text(view, "sweepReadout")


def test_a_list_item_shows_its_position_and_return_requests_the_occluder(view: AttributionView, qtbot: QtBot) -> None:
    show_occlusion_panel(view, qtbot)
    view.show_occlusion(occlusion_map())
    rows = view.findChild(QListWidget, "sweepFlips")
    rows.setFocus()
    rows.setCurrentRow(0)
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert label_text(view, "sweepReadout") == "patch at row 6, column 4: d at 20 %, f wins"
    with qtbot.waitSignal(view.occlusion.occluderRequested) as signal:
        qtbot.keyClick(rows, Qt.Key.Key_Return)
    assert signal.args == [Occluder(x=5 / 8, y=7 / 8, side=2 / 8)]


def test_follow_emits_the_request_first(view: AttributionView, qtbot: QtBot) -> None:
    emitted: list[object] = []
    view.requestChanged.connect(lambda *request: emitted.append(request))
    view.followToggled.connect(emitted.append)
    qtbot.mouseClick(view.findChild(QCheckBox, "whyFollow"), Qt.MouseButton.LeftButton, pos=QPoint(8, 12))
    assert emitted == [("grad-cam", "", None), True]


def test_the_view_emits_whether_it_is_visible(view: AttributionView, qtbot: QtBot) -> None:
    emitted: list[bool] = []
    view.visibilityChanged.connect(emitted.append)
    view.hide()
    view.show()
    assert emitted == [False, True]
