"""The degradation experiment on the screen: the article's figure, gradients stage by stage, and the verdict."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.causes import why
from resnet_studio.gui.common.button_feedback import answer, make_room
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.common.message_bar import NoticeLine
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.degradation.figure import ExperimentFigure
from resnet_studio.gui.training.degradation.form import ExperimentForm
from resnet_studio.gui.training.degradation.table import ErrorTable
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.gui.training.runs.actions import OFFER_AFTER, lost
from resnet_studio.gui.training.runs.model import seconds_left
from resnet_studio.plain import printable
from resnet_studio.training.degradation.verdict import Verdict, judge
from resnet_studio.training.runs.curves import Axis
from resnet_studio.training.runs.run_folder import STOP_NOW

EMPTY = (
    "Plain networks of 20 and 56 layers and their residual twins learn the same images in the same order. If the "
    "deeper plain network ends with the higher error even on the images that it was trained on, that is the "
    "degradation which residual networks were made against.\n\n"
    "On the digits this takes about half a minute on two cores, and needs no download. Press Run the experiment."
)
SIDE, CHOICE, WIDE = (248, 336), (136, 216), 960
"""Least and greatest width of the column with numbers and verdict, and of the choice; of the view with a bar."""
MOST_DAMAGED = 3
"""How many damaged experiments are named; the tooltip has all."""
AXES = {"step": "Step", "epoch": "Epoch"}
AXIS_TIPS = {"step": "Against steps: updates of the weights", "epoch": "Against epochs: passes over all images"}


class DegradationView(QWidget):
    """Shows experiments, and emits which are to be run, stopped or gone on with; folders are `Path`s."""

    experiment_wished = Signal(object)
    """An `Experiment`."""
    stop_wished = Signal(object)
    stop_now_wished = Signal(object)
    resume_wished = Signal(object)
    """Do what is not finished of it."""
    chosen_changed = Signal(object)
    """The folder of the experiment that is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Path, ExperimentState] = {}
        self._asked_at = -math.inf
        """When this window asked an experiment to stop, on the monotonic clock."""
        self._chosen: Path | None = None
        self._awaited: frozenset[Path] = frozenset()
        self._stale = False
        """Whether the chosen experiment has grown while nobody looked."""
        self._form, self._news = ExperimentForm(), NoticeLine()
        self._figure, self._table, self._verdict = ExperimentFigure(), ErrorTable(), VerdictPanel()
        self._choice = ComboBox({}, "experimentChoice", "Experiment", "Which experiment is shown")
        self._choice.setMinimumWidth(CHOICE[0])
        self._choice.setMaximumWidth(CHOICE[1])
        self._progress = named(QLabel(wordWrap=True), "experimentProgress", "How far the experiment is")
        self._bar = named(QProgressBar(), "experimentBar", "How much of the experiment is done")
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setFixedWidth(96)
        self._stop = named(QPushButton("Stop"), "stopExperiment", "", "Stop it; what is finished is kept")
        self._stop_now = named(
            QPushButton(), "stopExperimentNow", "Stop now", "End it at once; the run goes back to its newest checkpoint"
        )
        self._stop_now.hide()
        self._resume = named(QPushButton("Resume"), "resumeExperiment", "", "Train what is not finished")
        self._axis = named(
            SegmentedControl(AXES, "x axis", AXIS_TIPS), "figureAxis", "x axis", "What the curves are drawn against"
        )
        self._axis.show_value("epoch")
        self._export = ExportButton("exportFigure", "Export the figure", "Save figure and verdict, or the values", "")
        self._damaged = named(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "damagedExperiments", "Damaged experiments"
        )
        self._damaged.setProperty("problem", True)
        self._damaged.hide()
        self._pages = QStackedWidget()
        self._side = QWidget()
        self._side.setMinimumWidth(SIDE[0])
        self._side.setMaximumWidth(SIDE[1])
        self._lay_out()
        self._connect()

    def show_experiments(self, experiments: Sequence[ExperimentState]) -> None:
        """Offer these, given oldest first. The chosen one stays, and a new one is shown at once."""
        fresh = [one for one in experiments if one.folder not in self._known]
        self._known = {one.folder: one for one in experiments}
        titles = {str(folder): one.name for folder, one in reversed(self._known.items())}
        self._choice.show_values(titles)
        if self._chosen not in self._known or any(one.live for one in fresh):
            newest = fresh or list(experiments)
            self._chosen = newest[-1].folder if newest else None
        self._show()

    @property
    def starting(self) -> bool:
        """Whether a new experiment was started of which nothing was heard yet."""
        return any(folder in self._known and not self._known[folder].curves for folder in self._awaited)

    def show_awaited(self, folders: frozenset[Path]) -> None:
        """Of these, the experiments among them, the processes were started and nothing was heard yet."""
        self._awaited = folders
        self._show()

    def show_experiment(self, followed: ExperimentState) -> None:
        """Show what has become of an experiment."""
        if followed.folder in self._known:
            self._known[followed.folder] = followed
            self._stale = self._stale or followed.folder == self._chosen
            if self._stale and self.isVisible():
                self._show()

    def choose(self, folder: Path) -> None:
        """Look at this experiment, if it is known."""
        if folder in self._known and folder != self._chosen:
            self._chosen = folder
            self._show()
            self.chosen_changed.emit(folder)

    def show_data(self, data: str) -> None:
        """Offer these data for the next experiment: the name of a set, or a folder's path."""
        self._form.show_data(data)

    def show_damaged(self, sentences: Sequence[str]) -> None:
        """Name the experiments that can't be read, as long as they can't."""
        self._damaged.setText(printable("\n".join(sentences[:MOST_DAMAGED])))
        self._damaged.setToolTip(tooltip("\n".join(sentences)))
        self._damaged.setVisible(bool(sentences))

    def show_told(self, text: str) -> None:
        """Say what was done."""
        self._news.tell(text)

    def show_problem(self, text: str) -> None:
        """Say what could not be done."""
        self._news.tell(text, problem=True)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's names)
        super().resizeEvent(event)
        self._show_bar()
        self._make_way()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        if self._stale:
            self._show()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._figure.dress()
            self._show()

    def _lay_out(self) -> None:
        empty = named(QLabel(EMPTY, wordWrap=True), "degradationEmpty", "What to do next")
        empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        empty.setProperty("quiet", True)
        empty.setContentsMargins(10 * GRID, 0, 10 * GRID, 0)
        self._pages.addWidget(empty)
        self._pages.addWidget(self._make_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(self._form)
        column.addWidget(self._damaged)
        column.addWidget(self._news)
        column.addWidget(rule())
        column.addWidget(self._pages, 1)

    def _make_page(self) -> QWidget:
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        before: tuple[QWidget, ...] = (self._choice, self._bar, self._progress)
        after: tuple[QWidget, ...] = (self._stop_now, self._stop, self._resume, self._axis, self._export)
        for widget in before:
            tools.addWidget(widget, {self._choice: 1, self._progress: 2}.get(widget, 0))
        for widget in after:
            tools.addWidget(widget)
        beside = QVBoxLayout(self._side)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(2 * GRID)
        beside.addWidget(self._table)
        beside.addWidget(rule())
        beside.addWidget(self._verdict, 1)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self._figure, 2)
        row.addWidget(self._side, 1)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(tools)
        column.addLayout(row, 1)
        return page

    def _connect(self) -> None:
        self._form.wished.connect(self.experiment_wished)
        self._choice.chosen.connect(lambda folder: self.choose(Path(folder)))
        self._stop.clicked.connect(self._ask_to_stop)
        self._stop_now.clicked.connect(self._ask_to_stop_now)
        self._resume.clicked.connect(lambda: self.resume_wished.emit(self._chosen))
        self._axis.chosen.connect(self._show)
        self._export.path_chosen.connect(self.save)

    def save(self, path: Path) -> None:
        """Write figure and verdict (PNG, SVG) or the figure's values (CSV), as the path's ending asks for."""
        if self._chosen is None:
            return
        followed = self._known[self._chosen]
        try:
            self._figure.save(path, followed, judge(followed.experiment, followed.curves))
        except OSError as error:
            self.show_problem(f"{path} could not be written: {why(error)}")
        else:
            self.show_told(f"{path.name} is written.")

    def _ask_to_stop(self) -> None:
        self._asked_at = time.monotonic()
        self.stop_wished.emit(self._chosen)
        QTimer.singleShot(round(1000 * OFFER_AFTER) + 100, self, self._show)

    def _ask_to_stop_now(self) -> None:
        self._stop_now.setEnabled(False)
        self._stop_now.setText("Stopping now…")
        self.stop_now_wished.emit(self._chosen)

    def _show_stopping(self, followed: ExperimentState) -> None:
        """Say that it is stopping and how long that may take; after a while, offer to end it at once."""
        self._stop.setVisible(followed.live)
        self._stop.setEnabled(not followed.stopping)
        self._stop.setText(f"Stopping…{seconds_left(followed.step_left)}" if followed.stopping else "Stop")
        now = followed.stopping and STOP_NOW in followed.asked
        part = followed.current
        offered = followed.stopping and part is not None and time.monotonic() - self._asked_at > OFFER_AFTER
        self._stop_now.setVisible(now or offered)
        self._stop_now.setEnabled(not now)
        losing = (followed.curves[part.name],) if part else ()
        self._stop_now.setText("Stopping now…" if now else f"Stop now ({lost(*losing)})")
        self._make_way()

    def _show(self) -> None:
        """Show the chosen experiment, or how to get one."""
        self._stale = False
        self._form.show_starting(starting=self.starting)
        self._pages.setCurrentIndex(0 if self._chosen is None else 1)
        if self._chosen is None:
            return
        followed = self._known[self._chosen]
        self._choice.show_value(str(followed.folder))
        self._progress.setText(followed.problem() if followed.problem() and not followed.live else followed.progress())
        self._bar.setValue(round(1000 * followed.share()))
        self._show_bar()
        self._show_stopping(followed)
        resuming = followed.folder in self._awaited
        self._resume.setVisible(not followed.live and not followed.complete)
        self._resume.setEnabled(not resuming)
        self._resume.setText("Resuming…" if resuming else "Resume")
        self._export.stem = followed.name
        self._export.setEnabled(bool(followed.curves))
        self._figure.show_experiment(followed.experiment, followed.curves, cast("Axis", self._axis.value()))
        self._table.show_errors(followed.experiment, followed.curves)
        self._verdict.show_verdict(judge(followed.experiment, followed.curves))

    def _make_way(self) -> None:
        """Axis and export leave their room in a narrow window while ending at once is offered."""
        for widget in (self._axis, self._export):
            widget.setVisible(self.width() >= WIDE or self._stop_now.isHidden())

    def _show_bar(self) -> None:
        """The bar is there while something is to be done, where there is room."""
        followed = self._known.get(self._chosen) if self._chosen else None
        self._bar.setVisible(followed is not None and not followed.complete and self.width() >= WIDE)


FIXED = "\N{NO-BREAK SPACE}"


class VerdictPanel(QWidget):
    """Scrolls where there is not room for all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._copied = ""
        self._head = QLabel("Verdict")
        self._head.setProperty("heading", True)
        self._copy = named(QPushButton("Copy"), "copyVerdict", "Copy the verdict", "Copy the verdict and its rule")
        make_room(self._copy, "Copied")
        self._copy.clicked.connect(self._put_on_clipboard)
        self._text = named(QLabel(wordWrap=True), "verdict", "Verdict in words")
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._rule = named(QLabel(wordWrap=True), "verdictRule", "When a network counts as worse")
        self._rule.setProperty("quiet", True)
        self._rule.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._lay_out()

    def show_verdict(self, verdict: Verdict) -> None:
        """Show what the numbers say so far."""
        text = unbroken("\n\n".join(verdict.sentences))
        if self._text.text() != text:
            self._text.setText(text)
        self._rule.setText(verdict.rule)
        self._copied = "\n".join(filter(None, [*verdict.sentences, verdict.rule]))

    def _put_on_clipboard(self) -> None:
        QApplication.clipboard().setText(self._copied)
        answer(self._copy, "Copied")

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._head, 1)
        head.addWidget(self._copy)
        words = QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID)
        column.addWidget(self._text)
        column.addWidget(self._rule)
        column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(words)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addLayout(head)
        whole.addWidget(scroll, 1)


def unbroken(text: str) -> str:
    """The text with every number and its unit on one line."""
    return text.replace(" %", f"{FIXED}%").replace(" ×", f"{FIXED}×")
