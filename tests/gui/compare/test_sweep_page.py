"""The Sweep page, by mouse and keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from layer_timings import probes, roofline, timed, true_seconds
from painted import cut_texts
from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.analysis.predicted_time import PROBES
from resnet_studio.analysis.roundings import change
from resnet_studio.cli.main import main
from resnet_studio.formatting import short_time
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.compare.sweep.controller import SweepController
from resnet_studio.gui.compare.sweep.model import CANDIDATE_ROLE
from resnet_studio.gui.compare.sweep.view import SweepView
from resnet_studio.gui.measurements import MeasurementController
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.architecture import Architecture, Baseline, from_json
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.presets import preset
from widest import WORKSPACE, settle

pytestmark = pytest.mark.usefixtures("window_fonts")
RESNET = preset("resnet50")
LEFT = Qt.MouseButton.LeftButton


def slow(layer: Layer) -> float:
    """A device that takes twice as long as the law says."""
    return 2 * roofline(layer)


class Page:
    """The page with a fake engine, and what it has requested."""

    def __init__(self, qtbot: QtBot, cache: MeasurementCache, texts: dict[str, str], base: Architecture) -> None:
        self.engine = FakeEngine()
        self.app = AppController(SessionState(architecture=base, sweep=texts), self.engine)
        self.app.measurements.stop()
        self.app.measurements = MeasurementController(self.app.session, self.engine, cache)
        self.view = SweepView()
        qtbot.addWidget(self.view)
        self._qtbot = qtbot
        self.controller = SweepController(self.view, self.app)
        self.view.resize(1000, 700)
        self.view.show()
        self.controller.set_active(True)

    def line(self, key: str) -> QLineEdit:
        return self.view.findChild(QLineEdit, f"sweep_{key}")  # type: ignore[return-value]

    def button(self, name: str) -> QPushButton:
        return self.view.findChild(QPushButton, name)  # type: ignore[return-value]

    def label(self, name: str) -> QLabel:
        return self.view.findChild(QLabel, name)  # type: ignore[return-value]

    def click(self, name: str) -> None:
        self._qtbot.mouseClick(self.button(name), LEFT)

    def type(self, key: str, text: str) -> None:
        line = self.line(key)
        line.setFocus()
        line.selectAll()
        self._qtbot.keyClicks(line, text)
        self._qtbot.keyClick(line, Qt.Key.Key_Return)

    def settle(self) -> None:
        self._qtbot.waitUntil(lambda: not self.controller.busy)

    def section(self, title: str) -> int:
        model = self.view.table.model()
        titles = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]
        return titles.index(title)

    def visible_columns(self) -> list[str]:
        model, table = self.view.table.model(), self.view.table
        columns = (column for column in range(model.columnCount()) if not table.isColumnHidden(column))
        return [model.headerData(column, Qt.Orientation.Horizontal) for column in columns]

    def column(self, title: str) -> list[str]:
        model, column = self.view.table.model(), self.section(title)
        return [str(model.index(row, column).data()) for row in range(model.rowCount())]

    def show(self, shown: str) -> None:
        """Click on one of Front, In budget and All."""
        control = self.view.findChild(SegmentedControl, "sweepShown")
        self._qtbot.mouseClick(control.button(shown), LEFT)

    def click_row(
        self, row: int, *, double: bool = False, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    ) -> None:  # fmt: skip
        table = self.view.table
        place = table.visualRect(table.model().index(row, 1)).center()
        self._qtbot.mouseClick(table.viewport(), LEFT, modifier, place)
        if double:
            self._qtbot.mouseDClick(table.viewport(), LEFT, modifier, place)

    @property
    def notes(self) -> str:
        return self.view.findChild(QPlainTextEdit, "sweepNotes").toPlainText()

    @property
    def summary(self) -> str:
        return self.label("sweepSummary").accessibleDescription()

    def close(self) -> None:
        self.controller.set_active(False)
        self.app.close()

    def architectures(self) -> list[Architecture]:
        """Of the rows, from top to bottom."""
        model = self.view.table.model()
        return [
            model.index(row, 0).data(CANDIDATE_ROLE).architecture for row in range(model.rowCount())
        ]  # fmt: skip


@pytest.fixture
def open_page(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page with texts in its form."""
    pages: list[Page] = []

    def make(base: Architecture = RESNET, measured: Sequence[Measurement] = (), **texts: str) -> Page:
        cache = MeasurementCache(tmp_path)
        for measurement in measured:
            cache.store(measurement)
        pages.append(Page(qtbot, cache, texts, base))
        pages[-1].settle()
        return pages[-1]

    yield make
    for page in pages:
        page.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page(depth="18, 34", width="32, 64", max_macs="2G")


def test_it_is_empty_at_first_and_an_example_shows_what_it_does(open_page: Callable[..., Page]) -> None:
    page = open_page()
    assert "18, 34, 50" in page.label("sweepEmpty").text()
    assert not page.button("sweepMeasure").isEnabled()
    page.click("sweepExample")
    page.settle()
    assert page.line("depth").text() == "18, 34, 50"
    assert page.view.table.model().rowCount() > 0
    assert page.app.session.state.sweep["max_macs"] == "1G"


def test_the_example_of_a_baseline_varies_what_it_has(open_page: Callable[..., Page]) -> None:
    page = open_page(Baseline("vgg11"))
    page.click("sweepExample")
    page.settle()
    assert not page.line("depth").isVisible()
    page.show("all")
    assert [architecture.image for architecture in page.architectures()] == [160, 192, 224]


def test_the_table_has_the_front_with_the_best_first(page: Page) -> None:
    parameters = [totals(architecture).parameters for architecture in page.architectures()]
    assert parameters == sorted(parameters, reverse=True)
    assert len(parameters) == 3  # 34 layers 64 wide have 3.66 G FLOPs
    assert page.column("front") == ["★ 1", "★ 2", "★ 3"]
    assert page.summary == "4 networks, 3 within 2 G FLOPs, 3 on the front"
    QAbstractItemModelTester(page.view.table.model(), QAbstractItemModelTester.FailureReportingMode.Fatal)


def test_networks_beyond_the_budget_are_shown_on_demand(page: Page) -> None:
    assert "over budget" not in page.visible_columns()
    page.show("all")
    assert len(page.architectures()) == 4
    assert page.column("over budget").count("FLOPs") == 1
    page.show("fitting")
    assert len(page.architectures()) == 3


def test_typing_changes_the_table_and_the_session(page: Page) -> None:
    page.type("width", "32..96:32")
    page.settle()
    assert page.app.session.state.sweep["width"] == "32..96:32"
    page.show("all")
    assert {architecture.width for architecture in page.architectures()} == {32, 64, 96}  # type: ignore[union-attr]


def test_a_wrong_text_is_said_and_marked_and_the_table_stays(page: Page) -> None:
    page.type("width", "64..32")
    assert page.summary == "Width: the range '64..32' must go up"
    assert page.line("width").property("wrong")
    assert len(page.architectures()) == 3
    page.type("width", "32")
    page.settle()
    assert not page.line("width").property("wrong")
    assert "2 networks" in page.summary


def test_any_field_can_be_added(page: Page, qtbot: QtBot) -> None:
    more = page.view.findChild(QComboBox, "sweepAddField")
    more.setFocus()
    qtbot.keyClicks(more, "short")
    qtbot.keyClick(more, Qt.Key.Key_Return)
    page.type("shortcut", "A,B")
    page.settle()
    page.show("all")
    assert {architecture.shortcut for architecture in page.architectures()} == {"A", "B"}  # type: ignore[union-attr]
    assert more.findText("shortcut") < 0


def test_a_click_on_a_heading_sorts_and_keeps_the_selection(page: Page, qtbot: QtBot) -> None:
    page.click_row(0)
    selected = page.view.table.selected()[0].architecture
    header = page.view.table.horizontalHeader()
    column = page.visible_columns().index("FLOPs (MAC)")
    place = QPoint(header.sectionViewportPosition(page.section("FLOPs (MAC)")) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), LEFT, pos=place)
    macs = [totals(architecture).macs for architecture in page.architectures()]
    assert column > 0
    assert macs == sorted(macs)
    assert page.view.table.selected()[0].architecture == selected


def test_a_double_click_or_enter_makes_a_network_current(page: Page, qtbot: QtBot) -> None:
    wanted = page.architectures()[1]
    page.click_row(1, double=True)
    assert page.app.session.architecture == wanted
    page.settle()
    page.click_row(0)
    other = page.view.table.selected()[0].architecture
    qtbot.keyClick(page.view.table, Qt.Key.Key_Return)
    assert page.app.session.architecture == other


def test_roundings_of_the_selected_network_are_explained(open_page: Callable[..., Page]) -> None:
    page = open_page(depth="18", width="fit:4", max_macs="1G")
    page.click_row(0)
    (built,) = page.architectures()
    cost = change(totals(built).macs / 10**9 - 1)  # the formula's width would take all of the budget
    assert f"→ 44 (down to a multiple of 4): {cost} FLOPs" in page.notes
    assert "not accuracy" in page.notes


def test_what_is_impossible_is_said_with_its_reason(open_page: Callable[..., Page]) -> None:
    page = open_page(depth="18, 19")
    assert page.summary.endswith("· 1 combination impossible")
    assert "19 is no depth of bottleneck blocks" in page.notes


def test_nothing_in_the_budget_says_what_to_do(open_page: Callable[..., Page]) -> None:
    page = open_page(depth="18", max_macs="1k")
    assert page.label("sweepNothing").isVisible()


def test_time_needs_measured_layers_and_offers_to_measure_them(page: Page) -> None:
    page.type("max_ms", "10")
    assert "press Measure layers" in page.summary
    page.click("sweepLayers")
    (_, specs) = page.engine.pending["measure"]
    assert [spec.architecture for spec in specs] == list(PROBES)
    assert page.button("sweepMeasure").text() == "Measuring…"
    for measurement in probes():
        page.engine.part("measure", measurement)
    page.engine.answer("measure", None)
    page.settle()
    assert "10 ms per image" in page.summary
    found = [true_seconds(architecture) for architecture in page.architectures()]
    assert found
    assert max(found) < 0.0101
    assert "half of 24 networks within" in page.notes


def test_layers_of_an_earlier_session_predict_at_once(open_page: Callable[..., Page], qtbot: QtBot) -> None:
    page = open_page(measured=probes(), depth="18", width="32, 64", max_ms="100")
    qtbot.waitUntil(lambda: "100 ms per image" in page.summary)
    page.settle()
    assert page.column("predicted")[0] == short_time(true_seconds(page.architectures()[0]))


def test_the_best_are_measured_and_shown_beside_the_prediction(open_page: Callable[..., Page], qtbot: QtBot) -> None:
    page = open_page(measured=probes(), depth="18", width="32, 40, 48, 56")
    qtbot.waitUntil(lambda: "predicted" in page.visible_columns())
    page.settle()
    assert page.button("sweepMeasure").text() == "Measure the best 3"
    page.click("sweepMeasure")
    assert not page.button("sweepTrain").hasFocus()
    (_, specs) = page.engine.pending["measure"]
    assert [spec.architecture for spec in specs] == page.architectures()[:3]
    for spec in specs:
        page.engine.part("measure", timed(spec.architecture, slow))
    page.engine.answer("measure", None)
    page.settle()
    assert page.column("error")[0].startswith("−4")  # the device takes almost twice as long
    assert page.column("measured")[3] == "–"
    page.type("max_ms", "25")
    page.settle()
    found = dict(zip(page.architectures(), page.column("measured"), strict=True))
    for spec in specs:
        late = true_seconds(spec.architecture, slow) > 0.025
        assert found[spec.architecture].endswith("✗" if late else "✓")


def test_selected_networks_are_trained_or_plotted(page: Page) -> None:
    asked: list[object] = []
    page.view.trainingRequested.connect(asked.append)
    page.view.scatterRequested.connect(asked.append)
    page.click("sweepTrain")
    page.click_row(0)
    page.click_row(1, modifier=Qt.KeyboardModifier.ControlModifier)
    assert page.button("sweepTrain").text() == "Train 2 selected"
    page.click("sweepTrain")
    page.click("sweepScatter")
    everything = tuple(page.architectures())
    assert asked == [everything, everything[:2], everything]


def test_the_unit_of_the_window_rules_the_column_and_the_budget(page: Page) -> None:
    page.app.session.set_flop_unit("operations")
    page.settle()
    assert "FLOPs (2 × MAC)" in page.visible_columns()
    assert all(totals(architecture).macs <= 10**9 for architecture in page.architectures())


def test_the_current_network_is_the_base(page: Page) -> None:
    page.app.session.set_architecture(replace(RESNET, shortcut="C"))
    page.settle()
    assert {architecture.shortcut for architecture in page.architectures()} == {"C"}  # type: ignore[union-attr]


def test_it_works_out_nothing_while_it_is_not_visible(page: Page) -> None:
    page.controller.set_active(False)
    before = page.architectures()
    page.app.session.set_architecture(replace(RESNET, shortcut="C"))
    assert not page.controller.busy
    assert page.architectures() == before


@pytest.mark.parametrize("width", [WORKSPACE, 1100])
def test_no_number_is_cut(open_page: Callable[..., Page], width: int) -> None:
    page = open_page(
        blocks="1000,1000,1000,1000,1000,1000", width="1, 2048", image="4096", classes="1000000", shortcut="none, D",
    )  # fmt: skip
    page.show("all")
    page.view.resize(width, 640)
    settle()
    assert not list(cut_texts(page.view))


def test_the_command_line_makes_the_same_table(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.app.session.set_architecture(replace(RESNET, shortcut="C"))
    page.type("depth", "18, 34")
    page.type("max_macs", "2G")
    page.settle()
    arguments = page.controller.command_line()
    assert arguments[:2] == ("sweep", "resnet50 shortcut=C")
    assert main([*arguments, "--json"]) == 0
    front = [from_json(one["architecture"]) for one in json.loads(capsys.readouterr().out)["front"]]
    assert front == page.architectures()
    page.app.session.set_flop_unit("operations")
    assert page.controller.command_line()[-4:] == ("--max-macs", "1000000000", "--unit", "operations")


def test_nothing_varied_has_no_command_line(open_page: Callable[..., Page]) -> None:
    with pytest.raises(ValueError, match="Nothing is varied"):
        open_page().controller.command_line()
