"""The Scatter page with mouse and keys: points, labels, the network under the mouse, scales, and exports."""

from __future__ import annotations

import csv
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures
from resnet_studio.analysis.network_sets import FAMILIES
from resnet_studio.analysis.scatter import scatter
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.compare.scatter.legend import ScatterLegend
from resnet_studio.gui.compare.scatter.markers import MARKERS
from resnet_studio.gui.compare.scatter.state import SOURCES, MeasureOffer, ScatterState, about
from resnet_studio.gui.compare.scatter.view import ScatterView
from resnet_studio.gui.plots.label_placement import Rect
from resnet_studio.networks.presets import PRESETS, preset
from themed import themed
from widest import WORKSPACE, cut

NAMES = ("alexnet", "vgg19", "resnet18", "resnet34", "resnet50-v1.5", "mobilenet_v2", "densenet121", "vgg16")
FRONT = ("mobilenet_v2", "densenet121", "resnet50-v1.5")
"""Of FLOPs and published errors: 27.8 % for 0.3 G, 25.6 % for 2.8 G, 19.1 % for 4.1 G; the others are beaten."""


def state(
    x: str = "macs", y: str = "published_error", names: Sequence[str] = NAMES, current: str = "resnet34",
    offer: MeasureOffer | None = None, **seconds: float,
) -> ScatterState:  # fmt: skip
    figures = [NetworkFigures(preset(name), seconds.get(name)) for name in names]
    found = scatter(figures, QUANTITIES[x], QUANTITIES[y])
    return ScatterState("dozen", found, NetworkFigures(preset(current), seconds.get(current)), "flops", offer)


@pytest.fixture
def view(qtbot: QtBot, window_fonts: None) -> Iterator[ScatterView]:
    view = ScatterView()
    qtbot.addWidget(view)
    view.resize(1100, 760)
    view.show_state(state())
    view.show()
    QApplication.processEvents()
    return view


def place(view: ScatterView, name: str) -> QPoint:
    """Where a network's point is on the plot."""
    return view.plot.mapFromScene(view.plot.layer.position(index(view, name)))


def index(view: ScatterView, name: str) -> int:
    return [point.title for point in view.plot._scatter.points].index(name)


def click(view: ScatterView, name: str) -> None:
    QTest.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(view, name))


def text(view: ScatterView, name: str) -> str:
    label = view.findChild(QLabel, name)
    assert label is not None
    return label.text()


def labeled(view: ScatterView) -> list[str]:
    return [view.plot._scatter.points[label.index].title for label in view.plot.layer.labels]


def overlap(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_points_are_where_their_values_are(view: ScatterView) -> None:
    low, high = view.plot.box.viewRange()[0]
    area = view.plot.box.sceneBoundingRect()
    for name in NAMES:
        macs = QUANTITIES["macs"].of(NetworkFigures(preset(name)))
        share = (math.log10(macs) - low) / (high - low)  # FLOPs range widely
        assert view.plot.layer.position(index(view, name)).x() == pytest.approx(area.left() + share * area.width())


def test_the_cheaper_is_left_and_the_better_is_below(view: ScatterView) -> None:
    cheap, good = place(view, "mobilenet_v2"), place(view, "resnet50-v1.5")
    assert cheap.x() < good.x()
    assert cheap.y() < good.y()


def test_every_label_is_readable(view: ScatterView) -> None:
    labels = view.plot.layer.labels
    assert len(labels) == len(NAMES)
    assert not any(overlap(one.rect, other.rect) for one, other in combinations(labels, 2))
    for label in labels:
        left, top, right, bottom = label.rect
        for at in range(len(NAMES)):
            point = view.plot.layer.position(at)
            assert not (left - 4 < point.x() < right + 4 and top - 4 < point.y() < bottom + 4)


def test_the_current_network_and_the_front_are_labeled_even_in_a_crowd(view: ScatterView) -> None:
    view.show_state(state(names=tuple(PRESETS), current="resnet50-v1.5"))
    QApplication.processEvents()
    found = view.plot._scatter
    front = {found.points[at].title for at in found.front}
    assert len(front) > 10
    assert front | {"resnet50-v1.5"} <= set(labeled(view))
    assert labeled(view)[0] == "resnet50-v1.5"
    assert len(labeled(view)) < len(found.points)
    assert not any(overlap(one.rect, other.rect) for one, other in combinations(view.plot.layer.labels, 2))


def test_a_click_selects_the_network(qtbot: QtBot, view: ScatterView) -> None:
    for name in ("vgg19", "mobilenet_v2"):
        with qtbot.waitSignal(view.architectureSelected) as selected:
            click(view, name)
        assert selected.args == [preset(name)]


def test_a_click_beside_the_points_selects_nothing(qtbot: QtBot, view: ScatterView) -> None:
    with qtbot.assertNotEmitted(view.architectureSelected):
        QTest.mouseClick(view.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(view, "vgg19") - QPoint(60, 60))


def test_the_network_under_the_mouse_shows_its_figures(view: ScatterView) -> None:
    assert text(view, "scatterNetwork") == "resnet34"
    assert text(view, "scatterRole") == "ResNet, current network"
    QTest.mouseMove(view.plot.viewport(), place(view, "vgg19"))
    assert text(view, "scatterNetwork") == "vgg19"
    assert text(view, "scatterRole") == "VGG"
    assert text(view, "scatter_parameters") == "144 M"
    assert text(view, "scatter_macs") == "19.6 G"
    assert text(view, "scatter_published_error") == "27.62 %"  # 100 % − 72.376 %
    assert text(view, "scatter_seconds") == "–"
    assert "center crop 224 of 256" in text(view, "scatterSources")
    QTest.mouseMove(view.plot.viewport(), QPoint(2, 2))
    assert text(view, "scatterNetwork") == "resnet34"


def test_arrow_keys_walk_along_x_and_enter_selects(qtbot: QtBot, view: ScatterView) -> None:
    view.plot.setFocus()
    order = sorted(NAMES, key=lambda name: QUANTITIES["macs"].of(NetworkFigures(preset(name))) or 0)
    at = order.index("resnet34")
    qtbot.keyClick(view.plot, Qt.Key.Key_Right)
    assert text(view, "scatterNetwork") == order[at + 1]
    for _ in NAMES:
        qtbot.keyClick(view.plot, Qt.Key.Key_Left)
    assert text(view, "scatterNetwork") == order[0]
    with qtbot.waitSignal(view.architectureSelected) as selected:
        qtbot.keyClick(view.plot, Qt.Key.Key_Return)
    assert selected.args == [preset(order[0])]


def test_zooming_and_back(qtbot: QtBot, view: ScatterView) -> None:
    before = view.plot.box.viewRange()
    qtbot.keyClick(view.plot, Qt.Key.Key_Plus)
    low, high = view.plot.box.viewRange()[0]
    assert high - low == pytest.approx(0.8 * (before[0][1] - before[0][0]))
    view.show_state(state(current="vgg16"))  # the zoom stays while the networks do
    assert view.plot.box.viewRange()[0] == [low, high]
    qtbot.keyClick(view.plot, Qt.Key.Key_0)
    assert view.plot.box.viewRange()[0] == pytest.approx(before[0])
    qtbot.keyClick(view.plot, Qt.Key.Key_Plus)
    view.show_state(state(names=NAMES[:5]))
    assert set(labeled(view)) == set(NAMES[:5])


def test_scales_follow_the_values_until_they_are_chosen(qtbot: QtBot, view: ScatterView) -> None:
    log_x, log_y = (view.findChild(QCheckBox, f"scatterLog{axis}") for axis in "XY")
    assert log_x.isChecked()  # from 0.3 to 19.6 G
    assert not log_y.isChecked()  # from 19 to 43 %
    qtbot.mouseClick(log_x, Qt.MouseButton.LeftButton, pos=QPoint(8, log_x.height() // 2))
    assert not log_x.isChecked()
    low, high = view.plot.box.viewRange()[0]
    assert low < 300_774_272 < 19_632_062_464 < high
    view.show_state(state(current="vgg16"))
    assert not log_x.isChecked()
    view.show_state(state(x="parameters"))
    assert log_x.isChecked()


def test_zero_is_not_on_a_logarithmic_axis(view: ScatterView) -> None:
    view.show_state(state(x="seconds", resnet18=0.02, vgg16=0.4))
    assert view.findChild(QCheckBox, "scatterLogX").isChecked()
    assert len(view.plot._scatter.points) == 2


def test_ticks_are_written_as_the_quantity_is(view: ScatterView) -> None:
    assert view.plot.bottom.tickStrings([8, 9, 9 + math.log10(5), 12], 1, 1) == ["100 M", "1 G", "5 G", "1 T"]
    assert view.plot.left.tickStrings([20, 22.5], 1, 2.5) == ["20", "22.5"]
    assert view.plot.left.labelText == "ImageNet error, center crop (%)"
    assert view.plot.bottom.labelText == "FLOPs (MAC)"


def test_quantities_and_networks_are_requested(qtbot: QtBot, view: ScatterView) -> None:
    x = view.findChild(ComboBox, "scatterX")
    with qtbot.waitSignal(view.quantityRequested) as requested:
        x.setFocus()
        qtbot.keyClick(x, Qt.Key.Key_Down)
    assert requested.args == ["x", "parameters"]
    source = view.findChild(ComboBox, "scatterSource")
    with qtbot.waitSignal(view.sourceRequested) as source_requested:
        source.setFocus()
        qtbot.keyClick(source, Qt.Key.Key_Down)
    keys = list(SOURCES)
    assert source_requested.args == [keys[keys.index("dozen") + 1]]


def test_what_is_missing_is_said_and_can_be_measured(qtbot: QtBot, view: ScatterView) -> None:
    view.show_state(state(x="seconds", offer=MeasureOffer(7, 28), resnet18=0.02))
    button = view.findChild(QPushButton, "measureNetworks")
    assert text(view, "scatterNotice") == "7 of 8 networks have no measured time"
    assert button.text() == "Measure these 7 (about 30 s)"
    with qtbot.waitSignal(view.measureRequested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    view.show_measuring("Measured 2 of 7")
    assert not button.isVisible()
    assert text(view, "scatterNotice") == "Measured 2 of 7"
    with qtbot.waitSignal(view.cancelRequested):
        qtbot.mouseClick(view.findChild(QPushButton, "cancelMeasuring"), Qt.MouseButton.LeftButton)
    view.show_measuring("")
    assert button.isVisible()


def test_an_empty_plot_says_what_to_do(view: ScatterView) -> None:
    view.show_state(state(x="seconds", offer=MeasureOffer(8, 32)))
    assert "Measure them" in text(view, "scatterEmpty")
    view.show_state(state(y="best_run_error"))
    assert text(view, "scatterEmpty").startswith("No best error of a run is known of these networks.")
    assert not view.plot.isVisible()


def test_the_legend_has_the_families_that_are_there(view: ScatterView) -> None:
    legend = view.findChild(ScatterLegend, "scatterLegend")
    assert legend.entries == ("ResNet", "AlexNet", "VGG", "DenseNet", "MobileNet", "Pareto front", "current network")


def test_no_two_families_look_alike() -> None:
    assert set(MARKERS) == set(FAMILIES)
    assert len(set(MARKERS.values())) == len(MARKERS)


def svg_texts(path: Path) -> str:
    return " ".join("".join(element.itertext()) for element in ET.parse(path).iter() if element.tag.endswith("}text"))


def test_pictures_have_points_axes_legend_and_stamp(view: ScatterView, tmp_path: Path) -> None:
    for suffix in ("svg", "png", "pdf"):
        view.save(tmp_path / f"plot.{suffix}")
        assert text(view, "scatterNotice") == f"Saved plot.{suffix}."
    texts = svg_texts(tmp_path / "plot.svg")
    for expected in (
        *NAMES,
        "VGG",
        "Pareto front",
        "FLOPs (MAC)",
        "ImageNet error, center crop (%)",
        "5 G",
        "made with resnet-studio",
    ):
        assert expected in texts
    image = QImage(str(tmp_path / "plot.png"))
    assert image.width() == 2 * (view.plot.width() + 32)
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF-")


def test_markers_are_where_the_plot_has_them_in_an_exported_picture(view: ScatterView, tmp_path: Path) -> None:
    view.save(tmp_path / "plot.png")
    image = QImage(str(tmp_path / "plot.png"))
    position: QPointF = view.plot.layer.position(index(view, "mobilenet_v2"))
    color = image.pixelColor(round(2 * (16 + position.x())), round(2 * (16 + 28 + position.y())))
    assert color.name() == "#56b4e9"  # Okabe and Ito's sky blue


def test_values_are_exported(view: ScatterView, tmp_path: Path) -> None:
    view.save(tmp_path / "plot.csv")
    lines = (tmp_path / "plot.csv").read_text(encoding="utf-8").splitlines()
    rows = {row["network"]: row for row in csv.DictReader(lines)}
    assert rows["vgg19"]["macs"] == "19632062464"
    assert {name for name, row in rows.items() if row["front"]} == set(FRONT)


def test_a_file_that_cannot_be_written_is_said(view: ScatterView, tmp_path: Path) -> None:
    view.save(tmp_path / "nowhere" / "plot.svg")
    assert text(view, "scatterNotice").startswith("plot.svg could not be written: ")


def test_nothing_is_cut_in_the_smallest_window(qtbot: QtBot, view: ScatterView) -> None:
    view.resize(WORKSPACE, 520)
    view.show_state(state(names=tuple(PRESETS), x="intensity", y="training_bytes", offer=MeasureOffer(120, 480)))
    view.plot.hovered.emit(index(view, "resnet1202-cifar"))  # the widest figures, without the title over the plot
    assert view.width() == WORKSPACE
    assert cut(view) == []


def test_both_themes_are_drawn(view: ScatterView) -> None:
    light = view.plot.grab().toImage().pixelColor(3, 3)
    with themed("dark"):
        QApplication.processEvents()
        assert view.plot.grab().toImage().pixelColor(3, 3) != light


@pytest.mark.parametrize(("seconds", "shown"), [(4, "4 s"), (52, "50 s"), (508, "8 min")])
def test_estimates_are_rounded(seconds: float, shown: str) -> None:
    assert about(seconds) == shown
