"""The Kernels tab with mouse and keys, on weights whose value contains their place."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QGraphicsView, QLabel, QSpinBox, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.kernels.grid import FilterGrid
from resnet_studio.gui.activations.kernels.norm_bars import NormBars
from resnet_studio.gui.activations.kernels.view import EMPTY, HINTS, LOADING, KernelsView
from resnet_studio.inference.feature_maps import LOWEST, lookup_table
from resnet_studio.inference.kernels import Kernels
from resnet_studio.inference.values import Preprocessing, RandomWeights, WeightsInfo
from resnet_studio.networks.presets import preset
from themed import themed

LABELS = ("class 0", "tabby", "class 2", "class 3")
INFO = WeightsInfo("resnet18.pth", True, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), LABELS)


def place_values(
    shape: tuple[int, int, int, int], *, linear: bool = False, every: int = 1, layer: str = "conv"
) -> Kernels:
    """The weight 5.321 belongs to filter 5, input 3, row 2, column 1."""
    places = np.meshgrid(*map(np.arange, shape), indexing="ij")
    values = sum(place / 10**power for power, place in enumerate(places)).astype(np.float32)
    flat = values.reshape(len(values), -1).astype(np.float64)
    return Kernels(
        preset("resnet18"), RandomWeights(), layer, linear, values, shape[1] * every, every,
        np.linalg.norm(flat, axis=1), flat.mean(1), flat.std(1), INFO,
    )  # fmt: skip


@pytest.fixture
def view(qtbot: QtBot) -> KernelsView:
    view = KernelsView()
    qtbot.addWidget(view)
    view.resize(600, 700)
    view.show()
    view.show_loading("layer1.0.relu1", "conv")
    view.show_kernels(place_values((9, 4, 3, 3)))
    QApplication.processEvents()
    return view


def label(view: QWidget, name: str) -> str:
    return view.findChild(QLabel, name).text()


def viewport(view: QWidget) -> QWidget:
    return view.findChild(QGraphicsView).viewport()


def tile(view: KernelsView, number: int, row: int = 0, column: int = 0) -> QPoint:
    """Where on the screen a weight is painted."""
    tiles = view.findChild(FilterGrid)
    (item,) = (item for item in tiles.findChild(QGraphicsView).items() if isinstance(item, pg.ImageItem))
    x, y = tiles._geometry.corner(number)
    fine = tiles._upsampling
    point = QPointF(x + (column + 0.5) * fine, y + (row + 0.5) * fine)
    return tiles.findChild(QGraphicsView).mapFromScene(item.mapToScene(point))


def pixel(view: KernelsView, point: QPoint) -> tuple[int, int, int]:
    color = viewport(view).grab().toImage().pixelColor(point)
    return color.red(), color.green(), color.blue()


def press(qtbot: QtBot, view: KernelsView, accessible_name: str) -> None:
    (button,) = (one for one in view.findChildren(QToolButton) if one.accessibleName() == accessible_name)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def test_before_there_are_weights_the_view_shows_what_is_loading(qtbot: QtBot) -> None:
    view = KernelsView()
    qtbot.addWidget(view)
    assert label(view, "kernelsEmpty") == EMPTY
    view.show_loading("bn1", "conv1")
    assert label(view, "kernelsEmpty") == LOADING.format("conv1")
    view.show_problem("net.pth is damaged.")
    assert label(view, "kernelsEmpty") == "net.pth is damaged."


def test_the_heading_names_the_weights(view: KernelsView) -> None:
    assert label(view, "kernelsHeading") == "<b>conv</b> · 9 filters of 4×3×3"
    assert label(view, "kernelsAbout") == "weights that feed layer1.0.relu1 · resnet18.pth"
    view.show_loading("conv", "conv")
    assert label(view, "kernelsAbout") == "resnet18.pth"


def test_hovering_shows_the_weight(view: KernelsView) -> None:
    QTest.mouseMove(viewport(view), tile(view, 5, 2, 1))
    assert label(view, "kernelsReadout") == "filter 5 · input 0 · row 2, column 1 · 5.02"
    assert float(view.findChild(QLabel, "kernelsReadout").toolTip()) == pytest.approx(5.021)
    QTest.mouseMove(viewport(view), QPoint(viewport(view).width() - 2, viewport(view).height() - 2))
    assert label(view, "kernelsReadout") == HINTS["input"]


def test_the_stepper_steps_through_the_input_channels(qtbot: QtBot, view: KernelsView) -> None:
    number = view.findChild(QSpinBox, "kernelNumber")
    assert number.text() == "0 of 4"
    press(qtbot, view, "Next")
    QTest.mouseMove(viewport(view), tile(view, 5, 2, 1))
    assert label(view, "kernelsReadout").startswith("filter 5 · input 1 · row 2, column 1 · 5.12")
    for _ in range(2):
        press(qtbot, view, "Previous")
    assert number.text() == "3 of 4"  # wraps around
    qtbot.keyClick(number, Qt.Key.Key_Down)
    assert number.text() == "2 of 4"


def test_one_filter_with_all_its_inputs(qtbot: QtBot, view: KernelsView) -> None:
    qtbot.mouseClick(viewport(view), Qt.MouseButton.LeftButton, pos=tile(view, 7))
    press(qtbot, view, "Slice: by filter")
    number = view.findChild(QSpinBox, "kernelNumber")
    assert number.text() == "7 of 9"
    QTest.mouseMove(viewport(view), tile(view, 3, 1, 2))
    assert label(view, "kernelsReadout") == "filter 7 · input 3 · row 1, column 2 · 7.31"
    with qtbot.waitSignal(view.channelSelected) as signal:
        press(qtbot, view, "Next")
    assert signal.args == [8]
    assert label(view, "filterNorm").startswith("<b>filter 8</b>")
    qtbot.mouseClick(viewport(view), Qt.MouseButton.LeftButton, pos=tile(view, 2))
    QApplication.processEvents()
    assert number.text() == "2 of 4"  # that input channel in every filter
    QTest.mouseMove(viewport(view), tile(view, 5, 2, 1))
    assert label(view, "kernelsReadout").startswith("filter 5 · input 2")


def test_a_click_selects_the_filter_and_its_channel(qtbot: QtBot, view: KernelsView) -> None:
    with qtbot.waitSignal(view.channelSelected) as signal:
        qtbot.mouseClick(viewport(view), Qt.MouseButton.LeftButton, pos=tile(view, 4))
    assert signal.args == [4]
    kernels = place_values((9, 4, 3, 3))
    norm = f"{np.sqrt((kernels.values[4].astype(np.float64) ** 2).sum()):.3g}"
    assert label(view, "filterNorm").startswith(f"<b>filter 4</b> · L2 norm {norm}, rank 5 of 9<br>mean ")
    selected: list[int] = []
    view.channelSelected.connect(selected.append)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Right):
        QTest.keyClick(view.findChild(FilterGrid), key)
    assert selected == [3, 4, 5]


def test_a_channel_shown_elsewhere_frames_its_filter(view: KernelsView) -> None:
    emitted: list[int] = []
    view.channelSelected.connect(emitted.append)
    view.show_filter(6)
    assert label(view, "filterNorm").startswith("<b>filter 6</b>")
    view.show_filter(600)
    assert label(view, "filterNorm").startswith("<b>filter 6</b>")
    assert emitted == []


def test_norms_are_sorted_and_a_click_selects(qtbot: QtBot, view: KernelsView) -> None:
    norms = view.findChild(NormBars)
    assert [norms.rank(number) for number in range(9)] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    width = norms.width() / 9
    QTest.mouseMove(norms, QPoint(int(2.5 * width), 40))
    assert label(view, "filterNorm").startswith("<b>filter 6</b>")
    with qtbot.waitSignal(view.channelSelected) as signal:
        qtbot.mouseClick(norms, Qt.MouseButton.LeftButton, pos=QPoint(int(1.5 * width), 40))
    assert signal.args == [7]
    QTest.mouseMove(norms, QPoint(-1, -1))
    with qtbot.waitSignal(view.channelSelected) as signal:
        QTest.keyClick(norms, Qt.Key.Key_Right)
    assert signal.args == [6]


def test_nan_norms_come_last(qtbot: QtBot) -> None:
    norms = NormBars()
    qtbot.addWidget(norms)
    norms.show_norms(np.array([1.0, np.nan, 3.0, np.inf]))
    assert [norms.rank(number) for number in range(4)] == [3, 4, 2, 1]
    norms.show_filter(1)
    norms.grab()
    norms.show_norms(np.zeros(3))
    norms.grab()


def test_filters_of_the_first_layer_are_rgb_images(qtbot: QtBot, view: KernelsView) -> None:
    values = np.zeros((4, 3, 5, 5), np.float32)
    values[2, 0] = 1.0
    values[3, 1] = -0.5
    first = place_values((4, 3, 5, 5))
    view.show_kernels(
        Kernels(
            first.architecture, first.source, "conv1", False, values, 3, 1,
            first.norms, first.means, first.stds, INFO,
        )
    )  # fmt: skip
    QApplication.processEvents()
    assert view.findChild(QWidget, "kernelSlice").isHidden()
    assert view.findChild(QWidget, "colourBar").isHidden()
    assert label(view, "kernelsGrey") == "gray is zero, full color ±1"
    assert pixel(view, tile(view, 1, 2, 2)) == (128, 128, 128)
    assert pixel(view, tile(view, 2, 2, 2)) == (255, 128, 128)
    assert pixel(view, tile(view, 3, 2, 2)) == (128, 64, 128)
    press(qtbot, view, "Contrast: per tile")
    assert pixel(view, tile(view, 3, 2, 2)) == (128, 0, 128)
    QTest.mouseMove(viewport(view), tile(view, 3, 2, 2))
    assert label(view, "kernelsReadout") == "filter 3 · row 2, column 2 · red 0 · green −0.5 · blue 0"


def test_weights_of_one_value_are_a_matrix(qtbot: QtBot, view: KernelsView) -> None:
    view.show_kernels(place_values((4, 8, 1, 1), linear=True, layer="fc"))
    QApplication.processEvents()
    assert label(view, "kernelsHeading") == "<b>fc</b> · 4 rows of 8"
    QTest.mouseMove(viewport(view), tile(view, 1, 0, 7))
    assert label(view, "kernelsReadout") == "row 1, tabby · input 7 · 1.7"
    ramp = lookup_table("diverging")
    assert pixel(view, tile(view, 3, 0, 7)) == tuple(ramp[255].tolist())
    zero = tuple(ramp[round((LOWEST + 255) / 2)].tolist())
    assert pixel(view, tile(view, 0, 0, 0)) == pytest.approx(zero, abs=3)
    with qtbot.waitSignal(view.channelSelected) as signal:
        qtbot.mouseClick(viewport(view), Qt.MouseButton.LeftButton, pos=tile(view, 2, 0, 5))
    assert signal.args == [2]


def test_skipped_input_channels_are_reported_and_numbered(qtbot: QtBot, view: KernelsView) -> None:
    view.show_kernels(place_values((9, 4, 3, 3), every=7, layer="large"))
    assert "1 in 7 input channels shown" in label(view, "kernelsAbout")
    press(qtbot, view, "Next")
    assert view.findChild(QSpinBox, "kernelNumber").text() == "7 of 28"
    QTest.mouseMove(viewport(view), tile(view, 5, 2, 1))
    assert label(view, "kernelsReadout").startswith("filter 5 · input 7 · row 2, column 1 · 5.12")


@pytest.mark.parametrize("name", ["light", "dark"])
def test_both_themes_and_large_layers(view: KernelsView, name: theme.ThemeName) -> None:
    with themed(name):
        for shape in ((512, 512, 3, 3), (1000, 2048, 1, 1), (1, 1, 1, 1), (64, 3, 7, 7)):
            view.show_kernels(place_values(shape, layer=str(shape)))
            QApplication.processEvents()
            corner = viewport(view).grab().toImage().pixelColor(viewport(view).rect().bottomRight())
            assert shape[2] == 1 or corner.name() == theme.current().window
            view.grab()


def test_every_control_has_a_name_and_a_tooltip(view: KernelsView) -> None:
    controls = [*view.findChildren(QAbstractButton), view.findChild(QSpinBox), view.findChild(NormBars)]
    assert len(controls) >= 8
    assert not [one for one in controls if not (one.toolTip() and one.accessibleName())]


@pytest.mark.parametrize("size", [(390, 560), (620, 760)])
def test_nothing_is_wider_than_the_view(view: KernelsView, size: tuple[int, int]) -> None:
    view.resize(*size)
    QApplication.processEvents()
    assert (view.width(), view.height()) == size
