"""The Block tab with mouse and keys, on values whose place and sum are known by formula."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from block_values import PLAIN, SMALL, block_responses, block_result
from resnet_studio.gui.activations.block.depth_plot import DepthPlot
from resnet_studio.gui.activations.block.view import HINT, NO_BLOCKS, BlockView
from resnet_studio.gui.common.mosaic import LinkedMosaic
from resnet_studio.inference.counterparts import TrainedWeights
from resnet_studio.inference.feature_maps import MapStyle, lookup_table, to_indices
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.block_tensors import block_tensors
from resnet_studio.networks.presets import preset
from themed import themed

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[BlockView]:
    with themed("light"):
        view = BlockView()
        qtbot.addWidget(view)
        view.resize(900, 800)
        view.show()
        yield view


def show_block_maps(
    view: BlockView, block: str = "layer1.1", architecture: Residual = SMALL, factor: float = 1.0
) -> BlockView:
    view.show_block(architecture, block_tensors(architecture, block))
    view.show_result(block_result(block, architecture, factor))
    QApplication.processEvents()
    return view


def mosaics(view: BlockView) -> list[LinkedMosaic]:
    found = [one for one in view.findChildren(LinkedMosaic) if one.isVisible()]
    return sorted(found, key=lambda one: (one.mapTo(view, QPoint()).y(), one.mapTo(view, QPoint()).x()))


def viewport(mosaic: LinkedMosaic) -> QWidget:
    return mosaic.findChild(pg.GraphicsView).viewport()


def point(mosaic: LinkedMosaic, channel: int, row: int, column: int, side: int = 4) -> QPoint:
    """Where on the screen a value is painted."""
    (image,) = (one for one in mosaic.findChild(pg.GraphicsView).items() if isinstance(one, pg.ImageItem))
    across = (image.width() + 1) // (side + 1)
    x, y = channel % across * (side + 1) + column, channel // across * (side + 1) + row
    return mosaic.findChild(pg.GraphicsView).mapFromScene(image.mapToScene(QPointF(x + 0.5, y + 0.5)))


def pixel(mosaic: LinkedMosaic, channel: int, row: int, column: int) -> tuple[int, int, int]:
    color = viewport(mosaic).grab().toImage().pixelColor(point(mosaic, channel, row, column))
    return color.red(), color.green(), color.blue()


def label_text(view: BlockView, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.accessibleDescription() or label.text()


def headings(view: BlockView) -> list[str]:
    labels = [view.findChild(QLabel, f"term{number}") for number in range(4)]
    return [label.text() for label in labels if label.isVisible()]


def test_the_four_tensors_are_in_one_row_with_their_statistics(view: BlockView) -> None:
    show_block_maps(view)
    assert headings(view) == ["x", "+  F(x)", "=  x + F(x)", "→  ReLU"]
    assert [label_text(view, f"termLayer{number}") for number in range(4)] == ["layer1.0.relu2", "bn2", "add", "relu2"]
    x = block_result("layer1.1").layers[-1].values
    for number, values in enumerate((x, 3 - 2 * x, 3 - x, np.maximum(3 - x, 0))):
        assert label_text(view, f"termMean{number}") == f"mean {values.mean(dtype=float):.3g}".replace("-", "−")
        assert label_text(view, f"termDeviation{number}") == f"std {values.std(dtype=float):.3g}"
    sizes = {(one.width(), one.height()) for one in mosaics(view)}
    assert len(sizes) == 1
    assert len({one.mapTo(view, QPoint()).y() for one in mosaics(view)}) == 1


def test_in_a_narrow_view_they_are_in_two_rows(view: BlockView) -> None:
    show_block_maps(view).resize(420, 800)
    QApplication.processEvents()
    places = [one.mapTo(view, QPoint()) for one in mosaics(view)]
    assert places[0].y() == places[1].y() < places[2].y() == places[3].y()
    assert places[0].x() == places[2].x() < places[1].x() == places[3].x()


def test_a_gate_has_a_pane_and_colors_of_its_own(view: BlockView) -> None:
    """F(x) · gate = gated F(x), + x = their sum → ReLU; each of the gate's factors fills its channel's map."""
    gated = replace(SMALL, se=4)
    show_block_maps(view, architecture=gated)
    labels = [view.findChild(QLabel, f"term{number}").text() for number in range(6)]
    assert labels == ["F(x)", "×  gate", "=  gated F(x)", "+  x", "=  sum", "→  ReLU"]
    assert label_text(view, "termLayer1") == "se.gate"
    style, table = MapStyle("fixed", "magma", (0.0, 1.0)), lookup_table("magma")
    pane = mosaics(view)[1]
    for channel in (0, 3, 8):
        color = tuple(table[to_indices(np.float32([[[1 / (1 + channel)]]]), style)[0, 0, 0]])
        assert {pixel(pane, channel, row, column) for row, column in ((0, 0), (2, 1), (3, 3))} == {color}
    x = block_result("layer1.1", gated).layers[-1].values
    ungated = (3 - 2 * x) * (1 + np.arange(9))[:, None, None]
    assert view.findChild(QLabel, "colourBarHigh").text() == f"{np.abs(ungated).max():.3g}"


def test_hovering_a_gated_block_shows_its_equation(view: BlockView) -> None:
    show_block_maps(view, architecture=replace(SMALL, se=4))
    mosaic = mosaics(view)[1]
    QTest.mouseMove(viewport(mosaic), point(mosaic, 3, 1, 2))
    QApplication.processEvents()
    text = view.findChild(QLabel, "blockReadout").text()
    # x = 3.12, F(x) = 3 − 6.24 = −3.24 after the gate 1/4
    assert text.endswith("F(x) −13 × 0.25 = −3.24 + x 3.12 = −0.12 → 0")


def test_a_gated_block_fits_a_narrow_view(view: BlockView) -> None:
    show_block_maps(view, architecture=replace(SMALL, se=4)).resize(319, 800)
    QApplication.processEvents()
    places = [one.mapTo(view, QPoint()) for one in mosaics(view)]
    assert len(places) == 6
    assert len({place.x() for place in places}) == 2
    assert all(one.width() >= 100 and one.height() >= 50 for one in mosaics(view))
    view.resize(319, 400)
    QApplication.processEvents()
    assert all(one.height() >= 40 for one in mosaics(view))


def test_all_share_one_color_scale_centered_on_zero(view: BlockView) -> None:
    show_block_maps(view)
    x = block_result("layer1.1").layers[-1].values
    greatest = float(np.abs(3 - 2 * x).max())
    assert view.findChild(QLabel, "colourBarHigh").text() == f"{greatest:.3g}"
    assert view.findChild(QLabel, "colourBarLow").text() == f"−{greatest:.3g}"
    style, table = MapStyle("fixed", "diverging", (-greatest, greatest)), lookup_table("diverging")
    for mosaic, values in zip(mosaics(view), (x, 3 - 2 * x, 3 - x, np.maximum(3 - x, 0)), strict=True):
        for place in ((0, 1, 2), (4, 2, 2), (8, 3, 3)):
            assert pixel(mosaic, *place) == tuple(table[to_indices(values, style)[place]])


@pytest.mark.parametrize("over", range(4))
def test_hovering_shows_the_four_values_at_one_place(view: BlockView, over: int) -> None:
    mosaic = mosaics(show_block_maps(view))[over]
    QTest.mouseMove(viewport(mosaic), point(mosaic, 5, 2, 3))
    assert label_text(view, "blockReadout") == "channel 5 · row 2, column 3 · x 5.23 + F(x) −7.46 = −2.23 → 0"
    QTest.mouseMove(viewport(mosaic), point(mosaic, 1, 0, 0))
    assert label_text(view, "blockReadout") == "channel 1 · row 0, column 0 · x 1 + F(x) 1 = 2 → 2"


def test_the_place_is_marked_in_the_others_until_the_mouse_leaves(view: BlockView) -> None:
    first, second = mosaics(show_block_maps(view))[:2]
    plain = viewport(second).grab().toImage()
    QTest.mouseMove(viewport(first), point(first, 4, 2, 2))
    QApplication.processEvents()
    assert viewport(second).grab().toImage() != plain
    QTest.mouseMove(viewport(first), QPoint(viewport(first).width() - 2, viewport(first).height() - 2))
    QApplication.processEvents()
    assert viewport(second).grab().toImage() == plain
    assert label_text(view, "blockReadout") == f"9×4×4 · {HINT}"


def test_values_under_the_mouse_are_updated_with_each_result(view: BlockView) -> None:
    mosaic = mosaics(show_block_maps(view))[0]
    QTest.mouseMove(viewport(mosaic), point(mosaic, 2, 1, 0))
    view.show_result(block_result("layer1.1", factor=2))
    assert label_text(view, "blockReadout") == "channel 2 · row 1, column 0 · x 4.2 + F(x) −5.4 = −1.2 → 0"


def test_a_click_or_a_key_selects_the_channel_in_all(view: BlockView) -> None:
    show_block_maps(view)
    second = mosaics(view)[1]
    QTest.mouseClick(viewport(second), LEFT, pos=point(second, 7, 1, 1))
    assert [one.tile() for one in mosaics(view)] == [7] * 4
    QTest.keyClick(mosaics(view)[3], Qt.Key.Key_Left)
    assert [one.tile() for one in mosaics(view)] == [6] * 4


def test_zoom_is_shared_and_stays_while_values_change(view: BlockView) -> None:
    show_block_maps(view)
    third = mosaics(view)[2]
    at = point(third, 4, 2, 2)
    before = [point(one, 8, 3, 3) for one in mosaics(view)]
    where = QPointF(at)
    wheel = QWheelEvent(
        where, QPointF(viewport(third).mapToGlobal(at)), QPoint(), QPoint(0, 480), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport(third), wheel)
    QApplication.processEvents()
    after = [point(one, 8, 3, 3) for one in mosaics(view)]
    assert all((now - then).manhattanLength() > 20 for now, then in zip(after, before, strict=True))
    assert max((one - after[2]).manhattanLength() for one in after) <= 2
    view.show_result(block_result("layer1.1", factor=3))
    QApplication.processEvents()
    assert [point(one, 8, 3, 3) for one in mosaics(view)] == after
    for act in (QTest.mouseClick, QTest.mouseDClick, QTest.mouseRelease):
        act(viewport(mosaics(view)[0]), LEFT, pos=at)
    QApplication.processEvents()
    assert [point(one, 8, 3, 3) for one in mosaics(view)] == before


def test_where_x_has_another_shape_the_shortcuts_output_is_shown(view: BlockView) -> None:
    show_block_maps(view, "layer2.0")
    assert headings(view) == ["shortcut(x)", "+  F(x)", "=  sum", "→  ReLU"]
    assert label_text(view, "termLayer0") == "downsample.1"
    assert label_text(view, "blockKind") == "basic, projection"
    assert label_text(view, "blockReadout") == f"18×2×2 · x is 9×4×4 · {HINT}"
    mosaic = mosaics(view)[0]
    QTest.mouseMove(viewport(mosaic), point(mosaic, 3, 1, 0, side=2))
    assert label_text(view, "blockReadout") == "channel 3 · row 1, column 0 · shortcut(x) 3.1 + F(x) −3.2 = −0.1 → 0"


def test_a_plain_block_shows_no_addition(view: BlockView) -> None:
    show_block_maps(view, architecture=PLAIN)
    assert headings(view) == ["x", "F(x)", "→  ReLU"]
    mosaic = mosaics(view)[1]
    QTest.mouseMove(viewport(mosaic), point(mosaic, 1, 2, 0))
    assert label_text(view, "blockReadout") == "channel 1 · row 2, column 0 · x 1.2 · F(x) 0.6 → 0.6"
    show_block_maps(view, "layer2.0", PLAIN)
    assert headings(view) == ["F(x)", "→  ReLU"]
    show_block_maps(view)
    assert len(mosaics(view)) == 4


def test_the_previous_block_stays_until_the_maps_of_the_next_arrive(view: BlockView) -> None:
    show_block_maps(view)
    view.show_block(SMALL, block_tensors(SMALL, "layer2.1"))
    assert label_text(view, "termLayer0") == "layer1.0.relu2"
    view.show_result(replace(block_result("layer2.1"), spec=ForwardSpec("sample:china", PLAIN)))
    assert label_text(view, "termLayer0") == "layer1.0.relu2"
    view.show_result(block_result("layer2.1"))
    assert label_text(view, "termLayer0") == "layer2.0.relu2"


def test_before_the_first_result_the_view_shows_what_is_running(view: BlockView) -> None:
    empty = view.findChild(QLabel, "blockEmpty")
    view.show_block(SMALL, block_tensors(SMALL, "layer1.1"))
    assert empty.isVisible()
    assert empty.text() == "Running layer1.1 …"
    view.show_problem("china can't be opened")
    assert empty.text() == "china can't be opened"
    view.show_block(preset("vgg19"), None)
    assert empty.text() == NO_BLOCKS.format("vgg19")
    show_block_maps(view)
    assert empty.isHidden()


def test_arrow_buttons_and_keys_step_through_the_blocks(view: BlockView, qtbot: QtBot) -> None:
    show_block_maps(view)
    selected: list[str] = []
    view.blockSelected.connect(selected.append)
    choice = view.findChild(QComboBox, "blockChoice")
    assert [choice.itemText(row) for row in range(choice.count())] == ["layer1.0", "layer1.1", "layer2.0", "layer2.1"]
    qtbot.mouseClick(view.findChild(QToolButton, "blockAfter"), LEFT)
    qtbot.mouseClick(view.findChild(QToolButton, "blockBefore"), LEFT)
    qtbot.keyClick(choice, Qt.Key.Key_Right)
    qtbot.keyClick(choice, Qt.Key.Key_Left)
    assert selected == ["layer2.0", "layer1.0", "layer2.0", "layer1.0"]
    assert choice.currentText() == "layer1.1"  # until another block is set
    view.show_block(SMALL, block_tensors(SMALL, "layer2.1"))
    assert not view.findChild(QToolButton, "blockAfter").isEnabled()
    qtbot.keyClick(choice, Qt.Key.Key_Right)
    assert len(selected) == 4


def test_the_view_emits_whether_it_is_visible(view: BlockView) -> None:
    emitted: list[bool] = []
    view.visibilityChanged.connect(emitted.append)
    view.hide()
    view.show()
    assert emitted == [False, True]


# The responses over depth


def plot(view: BlockView) -> DepthPlot:
    return view.findChild(DepthPlot)


def at(view: BlockView, block: int, value: float) -> QPoint:
    """Where the plot draws a value."""
    return plot(view).mapFromScene(plot(view).getViewBox().mapViewToScene(QPointF(block, value)))


def curves(view: BlockView) -> list[pg.PlotCurveItem]:
    return [one for one in plot(view).items() if isinstance(one, pg.PlotCurveItem)]


def show_measured(view: BlockView) -> BlockView:
    show_block_maps(view)
    view.responses.show_responses(block_responses(ForwardSpec("sample:china", SMALL)))
    QApplication.processEvents()
    return view


def legend(view: BlockView) -> list[str]:
    labels = [view.findChild(QLabel, f"response{number}") for number in range(2)]
    return [label.accessibleDescription() for label in labels if label.isVisible()]


def test_four_lines_residual_solid_and_plain_dashed(view: BlockView) -> None:
    show_measured(view)
    drawn = {(tuple(one.yData), one.opts["pen"].style()) for one in curves(view)}
    solid, dashed = Qt.PenStyle.SolidLine, Qt.PenStyle.CustomDashLine
    assert drawn == {
        ((1, 2, 3, 4), solid), ((0.5, 1, 1.5, 2), solid), ((2, 4, 6, 8), dashed), ((1, 2, 3, 4), dashed),
    }  # fmt: skip
    low, high = plot(view).getViewBox().viewRange()[1]
    assert low == 0
    assert 8 < high < 9


def test_the_legend_names_the_weights(view: BlockView) -> None:
    spec = ForwardSpec("sample:digit-3", preset("resnet20-digits"))
    residual, plain = block_responses(spec)
    view.show_block(spec.architecture, block_tensors(spec.architecture, "layer1.1"))
    view.show_result(block_result("layer1.1", preset("resnet20-digits")))  # type: ignore[arg-type]
    view.responses.show_responses((replace(residual, source="mine.pth", trained=True), plain))
    assert legend(view) == ["resnet20-digits, mine.pth", "plain20-digits, random, seed 0, untrained"]
    view.responses.show_responses((residual,))
    assert legend(view) == ["resnet20-digits, random, seed 0, untrained"]


def test_a_click_on_the_plot_selects_that_block(view: BlockView, qtbot: QtBot) -> None:
    show_measured(view)
    selected: list[str] = []
    view.blockSelected.connect(selected.append)
    for number in (2, 0, 3):
        qtbot.mouseClick(plot(view).viewport(), LEFT, pos=at(view, number, 3.0))
    assert selected == ["layer2.0", "layer1.0", "layer2.1"]


def test_the_values_of_the_block_under_the_mouse_are_shown(view: BlockView) -> None:
    show_measured(view)
    assert label_text(view, "responseReadout") == "layer1.1 · residual: F(x) 2, x 1 · plain: F(x) 4, x 2"
    QTest.mouseMove(plot(view).viewport(), at(view, 2, 3.0))
    assert label_text(view, "responseReadout") == "layer2.0 · residual: F(x) 3, x 1.5 · plain: F(x) 6, x 3"
    QTest.mouseMove(plot(view).viewport(), QPoint(2, 2))
    assert label_text(view, "responseReadout").startswith("layer1.1")


def test_nan_leaves_a_gap(view: BlockView) -> None:
    show_measured(view)
    one = replace(
        block_responses(ForwardSpec("sample:china", SMALL))[0], residuals=(1.0, nan, nan, 2.0), inputs=(nan,) * 4
    )
    view.responses.show_responses((one,))
    assert label_text(view, "responseReadout") == "layer1.1 · residual: F(x) NaN, x NaN"
    assert 2 < plot(view).getViewBox().viewRange()[1][1] < 2.3
    plot(view).grab()


def test_weights_for_the_counterpart_are_offered_if_there_are_some(view: BlockView, qtbot: QtBot) -> None:
    show_measured(view)
    choice = view.findChild(QComboBox, "twinWeights")
    assert choice.isHidden()
    runs = [TrainedWeights(f"run-{number}, 110 steps", WeightsFile(Path(f"{number}.safetensors"))) for number in "12"]
    view.responses.show_choices(runs, runs[1].weights)
    assert choice.isVisible()
    assert choice.currentText() == "run-2, 110 steps"
    selected: list[object] = []
    view.responses.weightsRequested.connect(selected.append)
    for _ in range(2):
        qtbot.keyClick(choice, Qt.Key.Key_Up if len(selected) else Qt.Key.Key_Down)
    assert selected == [None, runs[1].weights]
    view.responses.show_choices(runs, RandomWeights())
    assert choice.currentText() == "random, untrained"


@pytest.mark.parametrize("ending", ["csv", "png", "svg"])
def test_export(view: BlockView, qtbot: QtBot, tmp_path: Path, ending: str) -> None:
    show_measured(view)
    button = view.findChild(QToolButton, "exportResponses")
    next(action for action in button.menu().actions() if ending.upper() in action.text()).trigger()
    dialog = view.findChild(QFileDialog, "exportDialog")
    path = tmp_path / f"responses.{ending}"
    dialog.selectFile(str(path))
    with qtbot.waitSignal(button.pathSelected):
        dialog.accept()
    assert label_text(view, "responseReadout") == f"Saved responses.{ending}."
    if ending == "csv":
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert [row[0] for row in rows] == ["block", "layer1.0", "layer1.1", "layer2.0", "layer2.1"]
        assert [row[1:] for row in rows[1:]] == [
            [str(n * 1.0), str(n / 2), str(n * 2.0), str(n * 1.0)] for n in range(1, 5)
        ]
    elif ending == "png":
        assert QImage(str(path)).width() == 2 * (plot(view).width() + 32)
    else:
        assert "<path" in path.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_reported(view: BlockView, tmp_path: Path) -> None:
    show_measured(view).responses.save(tmp_path / "no folder" / "responses.csv")
    assert label_text(view, "responseReadout").startswith("responses.csv could not be written: ")


def test_the_plot_follows_the_theme(view: BlockView) -> None:
    show_measured(view)
    with themed("dark"):
        QApplication.processEvents()
        assert plot(view).grab().toImage().pixelColor(1, 1).lightness() < 60
        pens = {one.opts["pen"].color().name() for one in curves(view)}
        assert QColor("#56b4e9").name() in pens
