"""The Degradation tab: figure, errors, verdict, settings, and following and starting experiments."""

from __future__ import annotations

import csv
import math
import time
import xml.etree.ElementTree as Xml
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyqtgraph as pg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QProgressBar, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from experiment_curves import PER_EPOCH, curves, events
from resnet_studio.gui import theme
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.training.degradation import controller
from resnet_studio.gui.training.degradation.figure import Subplots
from resnet_studio.gui.training.degradation.view import DegradationView
from resnet_studio.gui.training.experiment_monitor import ExperimentMonitor
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.degradation import experiment as degradation
from resnet_studio.training.degradation.experiment import Experiment, ExperimentRun
from resnet_studio.training.degradation.verdict import judge
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.events import Stepped, to_line

ERRORS = {
    "plain20": [0.8, 0.4, 0.1, 0.05], "plain56": [0.9, 0.9, 0.8, 0.7], "resnet20": [0.5, 0.1, 0.0, 0.0],
    "resnet56": [0.6, 0.2, 0.02, 0.0],
}  # fmt: skip
STAGES = ("conv1", "conv2_x", "conv3_x", "conv4_x", "fc")
NORMS = [{stage: 10.0 ** (1 - number - place) for place, stage in enumerate(STAGES)} for number in range(3)]
LEFT = Qt.MouseButton.LeftButton


def run_of(part: ExperimentRun, **named: Any) -> Curves:
    errors = [value + 0.01 * part.recipe.seed for value in ERRORS[part.name.partition("-")[0]]]
    return curves(part, errors, [value + 0.05 for value in errors], NORMS, **named)


def experiment_state(folder: str = "/runs/one", experiment: Experiment | None = None) -> ExperimentState:
    experiment = experiment or Experiment(replace(RECIPES["digits-degradation"], length=4))
    return ExperimentState(Path(folder), experiment, {part.name: run_of(part) for part in experiment.runs})


class Page:
    """The view, with actions of a user."""

    def __init__(self, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.view = DegradationView()
        qtbot.addWidget(self.view)
        self.view.resize(1136, 816)
        self.view.show()

    def find(self, kind: type[Any], name: str) -> Any:
        found = self.view.findChild(kind, name)
        assert found is not None, name
        return found

    def text(self, name: str) -> str:
        return str(self.find(QLabel, name).text()).replace("\N{NO-BREAK SPACE}", " ")

    def click(self, name: str) -> None:
        self.qtbot.mouseClick(self.find(QPushButton, name), LEFT)

    def type(self, name: str, text: str) -> QLineEdit:
        line: QLineEdit = self.find(QLineEdit, name)
        line.setFocus()
        line.selectAll()
        self.qtbot.keyClicks(line, text)
        self.qtbot.keyClick(line, Qt.Key.Key_Tab)
        return line

    def lines(self, figure: str) -> list[list[pg.PlotCurveItem]]:
        """The lines of each subplot, without the edges of ranges."""
        boxes = [item for item in self.find(Subplots, figure).ci.items if isinstance(item, pg.ViewBox)]
        return [[item for item in box.addedItems if isinstance(item, pg.PlotCurveItem)] for box in boxes]


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[Page]:
    theme.apply(QApplication.instance(), "light")
    yield Page(qtbot)
    theme.apply(QApplication.instance(), "light")


def test_an_empty_page_shows_a_hint(page: Page) -> None:
    assert page.find(QLabel, "degradationEmpty").isVisible()
    assert "Click Run experiment" in page.text("degradationEmpty")
    assert not page.find(Subplots, "degradationFigure").isVisible()


def test_the_button_requests_the_experiment(page: Page) -> None:
    with page.qtbot.waitSignal(page.view.experimentRequested) as signal:
        page.click("runDegradation")
    assert signal.args == [Experiment()]
    page.type("depthsChoice", "8, 14, 20")
    page.type("epochsChoice", "1")
    line = page.type("seedsChoice", "0-2, 7")
    assert page.text("experimentLength").startswith("24 runs, about 0:")
    with page.qtbot.waitSignal(page.view.experimentRequested) as signal:
        page.qtbot.keyClick(line, Qt.Key.Key_Return)
    recipe = replace(RECIPES["digits-degradation"], length=1, warmup=0)
    assert signal.args == [Experiment(recipe, (8, 14, 20), (0, 1, 2, 7))]


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("depths", "20, 21", "6n + 2"), ("depths", "20", "at least two"), ("depths", "x", "must be integers"),
        ("depths", "18, 34", "8×8"), ("epochs", "0", "at least 1"), ("epochs", "", "must be integers"),
        ("epochs", "99999999", "integer from 1"), ("seeds", "1, 1", "different"),
        ("seeds", "0-9999999", "1 to 1,000"), ("seeds", "3-2", "1 to 1,000"),
    ],
)  # fmt: skip
def test_invalid_settings_are_reported_under_the_row(page: Page, field: str, text: str, message: str) -> None:
    line = page.type(f"{field}Choice", text) if text else page.find(QLineEdit, f"{field}Choice")
    if not text:
        line.selectAll()
        page.qtbot.keyClick(line, Qt.Key.Key_Delete)
        page.qtbot.keyClick(line, Qt.Key.Key_Return)
    assert message in page.text("experimentProblem")
    assert line.property("wrong")
    assert not page.find(QPushButton, "runDegradation").isEnabled()
    with page.qtbot.assertNotEmitted(page.view.experimentRequested):
        page.qtbot.keyClick(line, Qt.Key.Key_Return)


def test_other_data_are_selected_by_keyboard(page: Page) -> None:
    box = page.find(QComboBox, "data")
    box.setFocus()
    page.qtbot.keyClick(box, Qt.Key.Key_Down)
    with page.qtbot.waitSignal(page.view.experimentRequested) as signal:
        page.click("runDegradation")
    assert signal.args[0].recipe.data == "mnist"
    page.view.show_data("/photos/birds")
    page.type("depthsChoice", "18, 34")
    with page.qtbot.waitSignal(page.view.experimentRequested) as signal:
        page.click("runDegradation")
    assert (signal.args[0].recipe.data, signal.args[0].depths) == ("/photos/birds", (18, 34))


def test_the_figure_is_the_articles(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    training, test = page.lines("degradationFigure")
    for lines, extra in ((training, 0.0), (test, 0.05)):
        for line, errors in zip(lines, ERRORS.values(), strict=True):
            x, y = line.getData()
            assert x.tolist() == [1, 2, 3, 4]
            assert y.tolist() == pytest.approx([100 * (error + extra) for error in errors])
    pens = [line.opts["pen"] for line in training]
    assert [pen.style() == Qt.PenStyle.CustomDashLine for pen in pens] == [True, True, False, False]
    assert pens[0].color() == pens[1].color() != pens[2].color() == pens[3].color()
    assert pens[0].widthF() == pens[2].widthF() < pens[1].widthF() == pens[3].widthF()


@pytest.mark.parametrize("width", [1136, 720])
def test_subplots_fill_their_space_evenly(page: Page, width: int) -> None:
    whole = experiment_state()
    page.view.show_experiments([replace(whole, curves={})])  # as one that is just starting
    page.view.show_experiment(whole)
    page.view.resize(width, 700)
    for name in ("degradationFigure", "gradientFigure"):
        figure = page.find(Subplots, name)
        boxes = [item for item in figure.ci.items if isinstance(item, pg.ViewBox)]
        page.qtbot.waitUntil(lambda figure=figure, boxes=boxes: boxes[0].height() > figure.height() - 72)
        widths = [box.width() for box in boxes]
        assert max(widths) - min(widths) < 1
        assert sum(widths) > 0.6 * figure.width()


def test_gradients_have_a_subplot_for_each_stage(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    panels = page.lines("gradientFigure")
    assert len(panels) == len(STAGES)
    for place, lines in enumerate(panels):
        assert len(lines) == 4
        x, y = lines[1].getData()
        assert x.tolist() == pytest.approx([1 / PER_EPOCH, 3 / PER_EPOCH, 5 / PER_EPOCH])
        assert y.tolist() == pytest.approx([1 - place, -place, -1 - place])  # powers of ten


def test_the_x_axis_is_a_choice(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    page.qtbot.mouseClick(page.find(SegmentedControl, "figureAxis").button("step"), LEFT)
    assert page.lines("degradationFigure")[0][0].getData()[0].tolist() == [10, 20, 30, 40]


def test_errors_are_in_the_legend_with_all_digits_on_hover(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    assert page.text("plain56Training") == "70.0 %"
    assert page.text("plain56Test") == "75.0 %"
    assert page.text("ResNet20Training") == "0.00 %"
    assert page.find(QLabel, "plain56Training").toolTip() == "seed 0: 70 %"
    assert page.text("trainingHeading") == "measured\ntraining"


def test_several_seeds_have_medians_and_ranges(page: Page) -> None:
    experiment = Experiment(replace(RECIPES["digits-degradation"], length=4), seeds=(0, 1, 5))
    page.view.show_experiments([experiment_state(experiment=experiment)])
    assert page.text("plain56Training") == "71.0 %"
    assert page.find(QLabel, "plain56Training").toolTip().splitlines()[2] == "seed 5: 75 %"
    box = next(item for item in page.find(Subplots, "degradationFigure").ci.items if isinstance(item, pg.ViewBox))
    ranges = [item for item in box.addedItems if isinstance(item, pg.FillBetweenItem)]
    low, high = (curve.getData()[1].tolist() for curve in ranges[1].curves)
    assert low == pytest.approx([90, 90, 80, 70])
    assert high == pytest.approx([95, 95, 85, 75])
    assert "medians and ranges over 3 seeds" in page.text("verdict")


def test_the_verdict_can_be_copied(page: Page) -> None:
    one = experiment_state()
    page.view.show_experiments([one])
    verdict = judge(one.experiment, one.curves)
    assert page.text("verdict") == "\n\n".join(verdict.sentences)
    assert page.text("verdict").startswith("Degradation observed after 40 steps")
    page.click("copyVerdict")
    assert QApplication.clipboard().text() == "\n".join([*verdict.sentences, verdict.rule])


def test_a_live_experiment_grows_and_can_be_stopped(page: Page) -> None:
    whole = experiment_state()
    first, second = whole.experiment.runs[:2]
    half = run_of(second, how=None, epochs=8)
    live = replace(whole, curves={first.name: whole.curves[first.name]} | {second.name: half})
    page.view.show_experiments([live])
    assert page.text("experimentProgress") == "plain-56, epoch 4 of 8 · run 2 of 4"
    assert page.find(QProgressBar, "experimentBar").value() == round(1000 * 1.5 / 4)
    assert page.text("verdict") == "Verdict pending: waiting for plain-56 to finish."
    assert page.text("ResNet56Test") == "–"
    before = len(page.lines("degradationFigure")[0][1].getData()[0])
    half.add(Stepped(0.0, 40, (1.0,) * PER_EPOCH, (0.6,) * PER_EPOCH, (0.1,) * PER_EPOCH, 5.0, 1.0))
    page.view.show_experiment(live)
    assert page.text("experimentProgress") == "plain-56, epoch 5 of 8 · run 2 of 4"
    assert before == 4
    with page.qtbot.waitSignal(page.view.stopRequested) as signal:
        page.click("stopExperiment")
    assert signal.args == [whole.folder]
    assert not page.find(QPushButton, "resumeExperiment").isVisible()


def test_a_stopped_experiment_can_be_resumed(page: Page) -> None:
    whole = experiment_state()
    first = whole.experiment.runs[0]
    page.view.show_experiments([replace(whole, curves={first.name: run_of(first, how="stopped")})])
    assert page.text("experimentProgress") == "stopped · 0 of 4 runs finished"
    assert not page.find(QPushButton, "stopExperiment").isVisible()
    with page.qtbot.waitSignal(page.view.resumeRequested) as signal:
        page.click("resumeExperiment")
    assert signal.args == [whole.folder]


def test_the_reason_of_a_failed_run_is_shown(page: Page) -> None:
    whole = experiment_state()
    broken = run_of(whole.experiment.runs[1], how="failed", why="the loss is not a number")
    page.view.show_experiments([replace(whole, curves={**whole.curves, "plain56-seed0": broken})])
    assert page.text("experimentProgress") == "plain56-seed0 failed: the loss is not a number"
    assert "waiting for plain-56" in page.text("verdict")


def test_experiments_are_selected_from_a_list(page: Page) -> None:
    other = Experiment(replace(RECIPES["digits-degradation"], length=4), (20, 56), (3,))
    one, two = experiment_state("/runs/one"), experiment_state("/runs/two", other)
    page.view.show_experiments([one, two])
    box = page.find(QComboBox, "experimentChoice")
    assert [box.itemText(row) for row in range(box.count())] == ["two", "one"]
    assert box.currentText() == "two"
    assert page.text("plain56Training") == "73.0 %"
    box.setFocus()
    with page.qtbot.waitSignal(page.view.experimentSelected) as signal:
        page.qtbot.keyClick(box, Qt.Key.Key_Down)
    assert signal.args == [one.folder]
    assert page.text("plain56Training") == "70.0 %"
    page.view.show_experiments([one, two, experiment_state("/runs/three")])
    assert box.currentText() == "one"
    page.view.show_experiments([])
    assert page.find(QLabel, "degradationEmpty").isVisible()


def test_both_themes_are_followed(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    figure = page.find(Subplots, "degradationFigure")
    for name, colors in (("dark", theme.DARK), ("light", theme.LIGHT)):
        theme.apply(QApplication.instance(), name)
        page.qtbot.waitUntil(lambda: figure.backgroundBrush().color() == QColor(theme.current().window))
        assert figure.grab().toImage().pixelColor(2, 2) == QColor(colors.window)


def test_exports_have_legend_labels_and_verdict(page: Page, tmp_path: Path) -> None:
    page.view.show_experiments([experiment_state()])
    for ending in ("png", "svg", "csv"):
        page.view.save(tmp_path / f"figure.{ending}")
        assert page.text("newsText") == f"Saved figure.{ending}."
    assert QImage(str(tmp_path / "figure.png")).width() > 2 * page.find(Subplots, "degradationFigure").width()
    words = " ".join(Xml.parse(tmp_path / "figure.svg").getroot().itertext())
    for word in (
        "Measured training error (%)",
        "Test error (%)",
        "plain-20",
        "ResNet-56",
        "conv2_x",
        "Degradation observed",
    ):
        assert word in words
    assert "<image" not in (tmp_path / "figure.svg").read_text()
    with (tmp_path / "figure.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * (2 * 4 + 3 * len(STAGES))
    ends = [row for row in rows if (row["network"], row["quantity"], row["step"]) == ("plain-56", "test error", "40")]
    assert [(row["unit"], float(row["value"]), row["epoch"]) for row in ends] == [("%", pytest.approx(75), "4")]
    page.view.save(tmp_path / "no" / "figure.png")
    assert "could not be written" in page.text("newsText")


def test_it_fits_the_smallest_window(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    page.view.resize(700, 480)
    page.qtbot.waitUntil(lambda: page.view.width() == 700)
    for name in ("runDegradation", "copyVerdict", "exportFigure", "plain56Test"):
        widget = page.find(QWidget, name)
        page.qtbot.waitUntil(lambda one=widget: one.mapTo(page.view, one.rect().bottomRight()).x() < 700)


def test_every_control_has_a_name(page: Page) -> None:
    page.view.show_experiments([experiment_state()])
    for kind in (QPushButton, QLineEdit, QComboBox):
        for control in page.view.findChildren(kind):
            assert control.accessibleName() or control.text(), control.objectName()
            assert control.toolTip(), control.objectName()


class DegradationHarness:
    """The view connected to the experiments of a folder."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.launched: list[tuple[Path, tuple[str, ...]]] = []
        self.monitor = RunMonitor()
        self.experiments = ExperimentMonitor(self.monitor)
        controller.connect_degradation(page.view, self.monitor, self.experiments, folder, self.launch)
        self.monitor.set_folder(folder)

    def launch(self, folder: Path, *command: str) -> None:
        """As a `RunLauncher`, but without a process."""
        self.launched.append((folder, command))
        self.monitor.expect(folder)

    def write(self, folder: Path, part: ExperimentRun, **named: Any) -> None:
        """A run's folder as a training leaves it."""
        manifest = run_folder.Manifest(part.name, part.network.architecture, part.recipe, time.time())
        run_folder.create(folder / part.name, manifest)
        (folder / part.name / run_folder.HEARTBEAT).touch()
        errors = ERRORS[part.name.partition("-")[0]]
        lines = [to_line(event) + "\n" for event in events(part, errors, errors, NORMS, **named)]
        (folder / part.name / run_folder.EVENTS).write_text("".join(lines))

    def stop(self) -> None:
        self.monitor.stop()
        self.experiments.stop()


@pytest.fixture
def make_harness(page: Page, tmp_path: Path) -> Iterator[Callable[[], DegradationHarness]]:
    made: list[DegradationHarness] = []

    def make() -> DegradationHarness:
        made.append(DegradationHarness(page, tmp_path))
        return made[0]

    yield make
    for one in made:
        one.stop()


def test_finished_experiments_are_found(
    page: Page, make_harness: Callable[[], DegradationHarness], tmp_path: Path
) -> None:
    experiment = Experiment(replace(RECIPES["digits-degradation"], length=4))
    folder = tmp_path / "degradation-digits-1"
    degradation.create(folder, experiment)
    broken = tmp_path / "broken"
    degradation.create(broken, experiment)
    made = make_harness()
    for part in experiment.runs:
        made.write(folder, part)
    made.write(broken, experiment.runs[0])
    (broken / degradation.EXPERIMENT).write_text("{")
    page.qtbot.waitUntil(lambda: page.text("experimentProgress") == "4 of 4 runs finished")
    page.qtbot.waitUntil(lambda: page.text("verdict").startswith("Degradation observed"))
    assert page.find(QComboBox, "experimentChoice").count() == 1
    assert folder in made.monitor.experiments()
    page.qtbot.waitUntil(lambda: page.find(QLabel, "damagedExperiments").isVisible())
    assert page.text("damagedExperiments").startswith("broken: experiment.json is damaged")


def test_an_experiment_is_started_followed_stopped_and_resumed(
    page: Page, make_harness: Callable[[], DegradationHarness]
) -> None:
    made = make_harness()
    page.type("epochsChoice", "4")
    page.click("runDegradation")
    folder = made.folder / "degradation-digits-1"
    assert made.launched == [(folder, ("experiment", "degradation", "--resume", str(folder)))]
    experiment = degradation.read_experiment(folder)
    assert experiment.recipe.length == 4
    assert page.text("experimentProgress") == "starting · 0 of 4 runs finished"
    first, second = experiment.runs[:2]
    made.write(folder, first)
    made.write(folder, second, how=None)
    wanted = "plain-56, epoch 4 of 4 · run 2 of 4"
    page.qtbot.waitUntil(lambda: page.text("experimentProgress") == wanted)
    page.click("stopExperiment")
    assert (folder / run_folder.STOP).exists()
    with (folder / second.name / run_folder.EVENTS).open("a") as file:
        file.write(to_line(events(second, [0.1], [0.1], how="stopped")[-1]) + "\n")
    wanted = "stopped · 1 of 4 runs finished"
    page.qtbot.waitUntil(lambda: page.text("experimentProgress") == wanted)
    page.click("resumeExperiment")
    assert len(made.launched) == 2
    assert not (folder / run_folder.STOP).exists()
    assert page.find(QPushButton, "stopExperiment").isVisible()


def test_requests_are_shown_at_once(page: Page, make_harness: Callable[[], DegradationHarness]) -> None:
    made = make_harness()
    run, stop, now = (
        page.find(QPushButton, name) for name in ("runDegradation", "stopExperiment", "stopExperimentNow")
    )
    page.click("runDegradation")
    folder = made.folder / "degradation-digits-1"
    assert (run.text(), run.isEnabled()) == ("Starting…", False)
    page.click("runDegradation")
    page.qtbot.keyClick(page.find(QLineEdit, "depthsChoice"), Qt.Key.Key_Return)
    page.view.experimentRequested.emit(Experiment())
    assert [launched for launched, _ in made.launched] == [folder]
    experiment = degradation.read_experiment(folder)
    made.write(folder, experiment.runs[0], how=None)
    page.qtbot.waitUntil(lambda: page.text("experimentProgress").startswith("plain-20, epoch"))
    assert (run.text(), run.isEnabled()) == ("Run experiment", True)
    page.click("stopExperiment")
    assert (stop.text().partition("…")[0], stop.isEnabled(), now.isVisible()) == ("Stopping", False, False)
    page.qtbot.waitUntil(now.isVisible)
    steps = made.monitor.run(folder / experiment.runs[0].name).curves.steps
    assert now.text() == f"Stop now (loses {steps} steps)"
    page.click("stopExperimentNow")
    assert (now.text(), now.isEnabled()) == ("Stopping now…", False)
    assert (folder / run_folder.STOP_NOW).exists()


def test_a_removed_experiment_is_removed_from_the_view(
    page: Page, make_harness: Callable[[], DegradationHarness], tmp_path: Path
) -> None:
    experiment = Experiment()
    folder = tmp_path / "mine"
    degradation.create(folder, experiment)
    made = make_harness()
    made.write(folder, experiment.runs[0])
    page.qtbot.waitUntil(lambda: len(made.experiments.experiments()) == 1)
    folder.rename(tmp_path.parent / f"{tmp_path.name}-away")
    page.qtbot.waitUntil(lambda: page.find(QLabel, "degradationEmpty").isVisible())


def test_waiting_for_the_next_run_times_out() -> None:
    whole = experiment_state()
    first = run_of(whole.experiment.runs[0])
    waiting = replace(whole, curves={whole.experiment.runs[0].name: first})
    first.ended_at = time.time()
    assert waiting.live
    assert waiting.progress() == "starting · 1 of 4 runs finished"
    first.ended_at = time.time() - 60
    assert not waiting.live
    assert waiting.progress() == "not finished · 1 of 4 runs finished"
    assert math.isclose(waiting.share(), 0.25)


def test_stop_now_fits_a_narrow_window(page: Page) -> None:
    whole = experiment_state()
    second = whole.experiment.runs[1]
    live = {second.name: run_of(second, how=None, epochs=8)}
    page.view.show_experiments([replace(whole, curves=live, requests=frozenset({run_folder.STOP}), step_left=125.0)])
    now = page.find(QPushButton, "stopExperimentNow")
    assert now.isVisible()
    assert page.find(QPushButton, "stopExperiment").text() == "Stopping… 2:05"
    for width in (940, 700):  # step by step, as when dragging the edge
        page.view.resize(width, 560)
        QApplication.processEvents()
    assert page.view.width() == 700
    assert now.width() >= now.sizeHint().width()
