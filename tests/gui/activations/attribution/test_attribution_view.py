"""The Why page under mouse and keys, on values whose place can be read from the value."""

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

from resnet_studio.gui.activations.attribution.class_picker import class_number
from resnet_studio.gui.activations.attribution.overlay import OverlayView
from resnet_studio.gui.activations.attribution.view import AttributionView
from resnet_studio.inference.attribution import (
    METHODS,
    MISSING,
    NOT_YET,
    Attribution,
    Sweep,
    changed_since,
    drawing,
    edges,
    heat,
    layers_with_maps,
    missing,
    sweep_drawing,
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
SUBJECT = ForwardSpec("sample:digit-3", preset("resnet20-digits"))
INFO = WeightsInfo("digits", True, Preprocessing(8, 8, (0.5,), (0.5,)), LABELS)
SEEN = np.zeros((8, 8, 3), np.uint8)
PREDICTIONS = (Prediction("d", 0.9, 3), Prediction("f", 0.06, 5))


def found(method: str = "grad-cam", **changes: object) -> Attribution:
    """Values that grow from 0 to 15 row by row at the layer; row and column can be read from the large ones."""
    row, column = np.mgrid[:8, :8]
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    large = (row + column / 10).astype(np.float32)
    whole = Attribution(
        SUBJECT, method, "layer3.2" if METHODS[method].layered else "", 3, "d", 0.9, values, large, SEEN, "0" * 64,
        INFO, 0.012,
    )  # fmt: skip
    return replace(whole, **changes)


def swept(done: int = 16, **changes: object) -> Sweep:
    """Squares of 2 every 2: the probability falls from 0.9 by 0.05 a position, below 0.49 another class wins."""
    probabilities = 0.9 - 0.05 * np.arange(16, dtype=np.float32)
    winners = np.where(probabilities < 0.49, 5, 3).astype(np.int32)
    probabilities[done:], winners[done:] = np.nan, NOT_YET
    whole = Sweep(
        SUBJECT, 3, "d", 0.95, 3, 2, (0, 2, 4, 6), probabilities.reshape(4, 4), winners.reshape(4, 4), LABELS, SEEN,
        INFO, 0.5,
    )  # fmt: skip
    return replace(whole, **changes)


def look(
    predictions: tuple[Prediction, ...] = PREDICTIONS, info: WeightsInfo = INFO, *, brief: bool = False
) -> ForwardResult:
    return ForwardResult(SUBJECT, "0" * 64, Frame(4, 4, 8, 8), SEEN, info, (), 0.1, predictions, brief)


@pytest.fixture
def view(qtbot: QtBot) -> AttributionView:
    view = AttributionView()
    qtbot.addWidget(view)
    view.resize(640, 640)
    view.show()
    view.show_subject(SUBJECT)
    view.show_look(look())
    return view


def button(view: AttributionView, name: str) -> QPushButton:
    return view.findChild(QPushButton, name)


def choice(view: AttributionView, name: str) -> QComboBox:
    return view.findChild(QComboBox, name)


def texts(box: QComboBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count())]


def said(view: QWidget, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.text() if label.isVisibleTo(view) else ""


def picture(view: AttributionView, name: str) -> OverlayView:
    return view.findChild(OverlayView, name)


def choose(box: QComboBox, row: int, qtbot: QtBot) -> None:
    """As the keyboard does it: step to the row."""
    box.setFocus()
    while box.currentIndex() != row:
        qtbot.keyClick(box, Qt.Key.Key_Down if box.currentIndex() < row else Qt.Key.Key_Up)


def to_sweep(view: AttributionView, qtbot: QtBot) -> None:
    part = next(one for one in view.findChildren(QToolButton) if one.text() == "What would flip it")
    qtbot.mouseClick(part, Qt.MouseButton.LeftButton)


def colour_at(part: OverlayView, point: QPoint) -> tuple[int, int, int]:
    colour = QColor(part.grab().toImage().pixel(point))
    return colour.red(), colour.green(), colour.blue()


def test_compute_asks_for_the_usual_question(view: AttributionView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(view.explain_wished) as asked:
        qtbot.mouseClick(button(view, "whyCompute"), Qt.MouseButton.LeftButton)
    assert asked.args == ["grad-cam", "", None]


def test_method_layer_and_class_are_what_is_asked(view: AttributionView, qtbot: QtBot) -> None:
    methods, layers, classes = (choice(view, name) for name in ("whyMethod", "whyLayer", "whyClass"))
    assert texts(methods) == [method.title for method in METHODS.values()]
    assert [text.strip() for text in texts(layers)] == ["last (layer3.2)", *layers_with_maps(SUBJECT.architecture)]
    assert texts(classes) == ["most probable (d)", "d · 90 %", "f · 6.0 %", "other…"]
    view.show_attribution(found())
    told: list[tuple[object, ...]] = []
    view.question_changed.connect(lambda *question: told.append(question))
    assert said(view, "whyHint") == ""
    choose(methods, 1, qtbot)
    choose(layers, 1, qtbot)
    choose(classes, 2, qtbot)
    assert told[-1] == ("guided-grad-cam", "conv1", 5)
    assert "last block" in said(view, "whyHint")
    with qtbot.waitSignal(view.explain_wished) as asked:
        qtbot.mouseClick(button(view, "whyCompute"), Qt.MouseButton.LeftButton)
    assert tuple(asked.args) == told[-1]
    choose(methods, list(METHODS).index("saliency"), qtbot)
    assert told[-1] == ("saliency", "", 5)
    assert not layers.isEnabled()
    assert said(view, "whyHint") == ""


def test_any_other_class_is_taken_by_number_or_name(view: AttributionView, qtbot: QtBot) -> None:
    classes, field = choice(view, "whyClass"), view.findChild(QLineEdit, "whyOtherClass")
    told: list[object] = []
    view.question_changed.connect(lambda _method, _layer, target: told.append(target))
    for typed, number in (("7", 7), ("B", 1)):
        choose(classes, classes.count() - 1, qtbot)
        assert field.isVisible()
        qtbot.keyClicks(field, typed)
        qtbot.keyClick(field, Qt.Key.Key_Return)
        assert told[-1] == number
        assert classes.currentText() == LABELS[number]
        assert field.isHidden()
    choose(classes, classes.count() - 1, qtbot)
    before = list(told)
    qtbot.keyClicks(field, "10")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert told == before
    assert field.property("wrong") is True


def test_names_that_are_digits_come_before_numbers() -> None:
    labels = ("7", "one", "two")
    assert class_number("7", labels) == 0
    assert class_number(" TWO ", labels) == 2
    assert class_number("1", labels) == 1
    for wrong in ("3", "-1", "three", "", "²"):
        assert class_number(wrong, labels) is None


def test_the_class_stays_while_others_become_probable_and_goes_with_its_network(
    view: AttributionView, qtbot: QtBot
) -> None:
    classes = choice(view, "whyClass")
    choose(classes, 2, qtbot)
    view.show_look(look((Prediction("a", 0.8, 0),)))
    assert texts(classes) == ["most probable (a)", "a · 80 %", "f", "other…"]
    assert classes.currentText() == "f"
    view.show_look(look((Prediction("x", 1.0, 0),), replace(INFO, labels=("x",)), brief=True))
    assert classes.currentText() == "f"  # a brief look passes by
    view.show_look(look((Prediction("x", 1.0, 0),), replace(INFO, labels=("x",))))
    assert texts(classes) == ["most probable (x)", "x · 100 %", "other…"]
    assert classes.currentText() == "most probable (x)"


def test_layers_follow_the_architecture_and_a_chosen_one_stays_where_it_is_there(
    view: AttributionView, qtbot: QtBot
) -> None:
    layers = choice(view, "whyLayer")
    choose(layers, layers.findData("layer1.1"), qtbot)
    view.show_subject(replace(SUBJECT, architecture=preset("resnet18")))
    assert layers.currentData() == "layer1.1"
    view.show_subject(replace(SUBJECT, architecture=preset("vgg19")))
    assert layers.currentText() == "last (features.35)"


def test_an_answer_is_shown_in_its_colours_over_the_input_and_alone(view: AttributionView, qtbot: QtBot) -> None:
    assert "Compute" in said(view, "whyEmpty")
    answer = found()
    view.show_attribution(answer)
    qtbot.waitExposed(view)
    title = said(view, "whyTitle")
    assert all(part in title for part in ("Grad-CAM", "layer3.2", "4×4", "for d (90 %)", "12 ms"))
    alone, over, ramp = picture(view, "whyAlone"), picture(view, "whyOverlay"), lookup_table("magma")
    colours = heat(answer.values, drawing(answer))
    assert colours[0, 0].tolist() == ramp[2].tolist()  # zero is the first colour, the greatest the last
    assert colours[3, 3].tolist() == ramp[255].tolist()
    for place in ((0, 0), (1, 2), (3, 3)):
        assert colour_at(alone, alone.centre(*place)) == tuple(colours[place].tolist())
    slider = view.findChild(QSlider, "whyStrength")
    large = heat(answer.at_input, drawing(answer))[7, 7]
    for percent in (100, 50, 0):  # the input is black
        slider.setValue(percent)
        assert colour_at(over, over.centre(7, 7)) == pytest.approx(large.astype(int) * percent / 100, abs=2)
    assert [said(view.attribution, f"colourBar{end}") for end in ("Low", "High")] == ["0", "15"]


def test_hovering_reads_the_layers_value_and_the_inputs(view: AttributionView, qtbot: QtBot) -> None:
    view.show_attribution(found())
    alone, over = picture(view, "whyAlone"), picture(view, "whyOverlay")
    qtbot.mouseMove(alone, alone.centre(2, 1))
    assert said(view, "whyReadout") == "row 2, column 1: 9"
    qtbot.mouseMove(over, over.centre(6, 5))
    assert said(view, "whyReadout") == "row 6, column 5: 6.5"
    alone.hovered.emit(None)
    assert METHODS["grad-cam"].what in said(view, "whyReadout")


@pytest.mark.parametrize("method", METHODS)
def test_signed_methods_diverge_around_zero_and_others_begin_there(method: str) -> None:
    values = np.linspace(-0.5, 1, 16, dtype=np.float32).reshape(4, 4)
    how = drawing(found(method, values=values))
    assert (how.colours, how.limits) == (
        ("diverging", (-1.0, 1.0)) if METHODS[method].signed else ("magma", (0.0, 1.0))
    )


def test_a_few_outliers_do_not_bleach_the_rest() -> None:
    values = np.linspace(0, 1, 1000, dtype=np.float32).reshape(20, 50)
    values.flat[:5] = 1e6
    end = drawing(found("saliency", values=values)).limits[1]
    assert 0.99 < end <= 1
    assert drawing(found(values=np.zeros((2, 2), np.float32))).limits == (0.0, 1.0)


def test_doubts_are_told(view: AttributionView) -> None:
    view.show_attribution(found())
    assert said(view, "whyNotes") == ""
    view.show_attribution(found(weights=replace(INFO, trained=False)))
    assert "random network" in said(view, "whyNotes")
    view.show_attribution(found(values=np.zeros((2, 2), np.float32)))
    assert "every value is 0" in said(view, "whyNotes")
    view.show_attribution(found("integrated-gradients", delta=-0.25))
    assert "off by 0.25" in said(view, "whyTitle")


def test_a_result_says_when_the_subject_is_another(view: AttributionView) -> None:
    view.show_attribution(found())
    view.show_sweep(swept())
    view.show_subject(replace(SUBJECT, image="sample:china"))
    for notes in ("whyNotes", "sweepNotes"):
        assert "of digit 3" in view.findChild(QLabel, notes).text()
    view.show_subject(replace(SUBJECT, handles=ImageTransforms(occluder=Occluder())))
    assert "before it was changed by hand" in view.findChild(QLabel, "whyNotes").text()
    assert view.findChild(QLabel, "sweepNotes").text() == ""  # the sweep leaves the occluder out
    view.show_subject(SUBJECT)
    assert view.findChild(QLabel, "whyNotes").text() == ""


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (SUBJECT, ""),
        (replace(SUBJECT, device="mps"), ""),
        (replace(SUBJECT, image="sample:china", handles=ImageTransforms(zoom=2)), "of digit 3"),
        (replace(SUBJECT, architecture=preset("resnet18"), weights=RandomWeights(3)), "of another network"),
        (replace(SUBJECT, weights=RandomWeights(3)), "with other weights"),
        (replace(SUBJECT, handles=ImageTransforms(zoom=2)), "of the image before it was changed by hand"),
    ],
)
def test_what_has_changed_is_named(now: ForwardSpec, said: str) -> None:
    assert changed_since(SUBJECT, now) == said


def test_without_captum_the_sweep_works_and_the_rest_says_what_to_do(
    view: AttributionView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    view.show_missing(missing())
    assert said(view, "whyEmpty") == MISSING
    assert f"{sys.executable} -m pip install 'captum" in MISSING
    assert not any(button(view, name).isEnabled() for name in ("whyCompute",))
    to_sweep(view, qtbot)
    with qtbot.waitSignal(view.sweep_wished) as asked:
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    assert asked.args == [2, 1, None]


def test_square_and_stride_are_asked_for_and_counted(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    patch, stride = (view.findChild(QSpinBox, name) for name in ("sweepPatch", "sweepStride"))
    assert (patch.value(), stride.value()) == (2, 1)
    assert said(view, "sweepCount") == "49 positions"
    patch.setValue(8)
    assert said(view, "sweepCount") == "1 position"
    patch.setValue(3)
    stride.setValue(2)
    assert said(view, "sweepCount") == "16 positions"  # 0, 2, 4 and 5
    with qtbot.waitSignal(view.sweep_wished) as asked:
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    assert asked.args == [3, 2, None]
    view.show_subject(replace(SUBJECT, architecture=preset("resnet18")))
    assert (patch.value(), stride.value()) == (56, 28)


def test_while_it_runs_it_can_be_cancelled(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    view.show_running(False, True)
    assert button(view, "sweepStart").text() == "Cancel"
    with qtbot.waitSignal(view.cancel_wished):
        qtbot.mouseClick(button(view, "sweepStart"), Qt.MouseButton.LeftButton)
    view.show_running(False, False)
    assert button(view, "sweepStart").text() == "Start"


def test_the_map_fills_in(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    part = picture(view, "sweepMap")
    for done in (6, 16):
        sweep = swept(done)
        view.show_sweep(sweep)
        view.findChild(QSlider, "sweepStrength").setValue(100)
        colours = heat(sweep.probabilities, sweep_drawing(sweep))
        at = edges(sweep).tolist()
        for row in range(4):
            for column in range(4):
                expected = tuple(colours[row, column].tolist()) if 4 * row + column < done else (0, 0, 0)
                assert colour_at(part, part.centre(at[row], at[column])) == expected
    assert "6 of 16" not in said(view, "sweepTitle")
    view.show_sweep(swept(6))
    assert "6 of 16 positions" in said(view, "sweepTitle")
    assert "6 positions so far" in said(view, "sweepHeading")


def test_cells_lie_halfway_between_the_squares_and_fill_the_input() -> None:
    assert edges(swept()).tolist() == [0, 2, 4, 6, 8]
    assert edges(swept(starts=(0, 3, 4), patch=4)).tolist() == [0, 4, 6, 8]  # middles 2, 5 and 6
    assert edges(swept(starts=(0,), patch=8)).tolist() == [0, 8]


def test_where_another_class_wins_is_listed_the_least_probable_first(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    view.show_sweep(swept())
    rows = view.findChild(QListWidget, "sweepFlips")
    listed = [rows.item(row).text() for row in range(rows.count())]
    assert said(view, "sweepHeading") == "Another class wins at 7 of 16 positions:"
    assert listed[:2] == ["f wins at row 6, column 6", "f wins at row 6, column 4"]
    assert len(listed) == 7
    view.show_sweep(swept(3))
    assert said(view, "sweepHeading").startswith("No other class wins at any of 3 positions so far. The lowest")
    assert rows.item(0).text() == "80 % at row 0, column 4"
    assert rows.count() == 3


def test_hovering_reads_a_position_and_a_click_puts_the_occluder_there(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    view.show_sweep(swept(14))
    part = picture(view, "sweepMap")
    qtbot.mouseMove(part, part.centre(4, 3))
    assert said(view, "sweepReadout") == "square at row 4, column 2: d at 45 %, f wins"
    with qtbot.waitSignal(view.occluder_wished) as wished:
        qtbot.mouseClick(part, Qt.MouseButton.LeftButton, pos=part.centre(4, 3))
    assert wished.args == [Occluder(x=3 / 8, y=5 / 8, side=2 / 8)]
    qtbot.mouseMove(part, part.centre(0, 0))
    assert said(view, "sweepReadout") == "square at row 0, column 0: d at 90 %, the same class wins"
    with qtbot.assertNotEmitted(view.occluder_wished):
        qtbot.mouseClick(part, Qt.MouseButton.LeftButton, pos=part.centre(7, 7))  # not reached yet
    part.hovered.emit(None)
    assert "click" in said(view, "sweepReadout")


def test_a_line_of_the_list_shows_its_place_and_return_covers_it(view: AttributionView, qtbot: QtBot) -> None:
    to_sweep(view, qtbot)
    view.show_sweep(swept())
    rows = view.findChild(QListWidget, "sweepFlips")
    rows.setFocus()
    rows.setCurrentRow(0)
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert said(view, "sweepReadout") == "square at row 6, column 4: d at 20 %, f wins"
    with qtbot.waitSignal(view.occluder_wished) as wished:
        qtbot.keyClick(rows, Qt.Key.Key_Return)
    assert wished.args == [Occluder(x=5 / 8, y=7 / 8, side=2 / 8)]


def test_follow_tells_the_question_first(view: AttributionView, qtbot: QtBot) -> None:
    told: list[object] = []
    view.question_changed.connect(lambda *question: told.append(question))
    view.follow_wished.connect(told.append)
    qtbot.mouseClick(view.findChild(QCheckBox, "whyFollow"), Qt.MouseButton.LeftButton, pos=QPoint(8, 12))
    assert told == [("grad-cam", "", None), True]


def test_the_page_tells_when_it_is_on_the_screen(view: AttributionView, qtbot: QtBot) -> None:
    told: list[bool] = []
    view.entered.connect(told.append)
    view.hide()
    view.show()
    assert told == [False, True]
