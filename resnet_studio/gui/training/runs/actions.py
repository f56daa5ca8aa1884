"""Actions on the selected runs: buttons above the table, and the same in its context menu."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.styles import PALETTE, TITLES, palette_color, swatch
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.model import step_left_text
from resnet_studio.training.runs.curves import Curves

ACTIONS = {
    "stop_now": ("Stop now", "Stop immediately; the run reverts to its latest checkpoint"),
    "stop": ("Stop", "Stop after the current step; saves a checkpoint, so the run can be resumed"),
    "pause": ("Pause", "Pause after the current step"),
    "go_on": ("Continue", "Continue the paused run"),
    "resume": ("Resume", "Continue from the latest checkpoint"),
    "rename": ("Rename", "Rename the run (F2)"),
    "show": ("Show", "Plot the selected runs (Space)"),
    "hide": ("Hide", "Remove the selected runs from the plots (Space)"),
    "show_only": ("Show only these", "Plot only the selected runs"),
    "show_all": ("Show all runs", "Plot all runs"),
    "open_folder": ("Open folder", "Show the run's files in the file manager"),
    "delete": ("Delete", "Move the selected runs to the trash (Delete)"),
}
BUTTONS = ("stop_now", "stop", "pause", "go_on", "resume", "rename")
MENU = (
    "rename", "color", "", "show", "hide", "show_only", "show_all", "", "stop", "stop_now", "pause", "go_on", "resume",
    "", "open_folder", "delete",
)  # fmt: skip
OBJECT_NAMES = {
    "stop_now": "stopRunNow", "stop": "stopRun", "pause": "pauseRun", "go_on": "continueRun", "resume": "resumeRun",
    "rename": "renameRun", "delete": "deleteRun",
}  # fmt: skip


PENDING = {
    "stop_now": "stopping now", "stop": "stopping", "pause": "pausing", "go_on": "continuing", "resume": "resuming",
}  # fmt: skip
"""How a requested action is named until the run has completed it."""
STOPPING = "The run finishes its current step, which takes about this long, and saves a checkpoint"
OFFER_AFTER = 1.0
"""Seconds until a stopping run can be stopped immediately, so that a double-click on Stop can't hit it."""


class RunActions(QWidget):
    """A row of buttons. Actions that don't apply to the selected runs are disabled, in the menu too."""

    actionRequested = Signal(str)
    """One of `ACTIONS`."""
    colorRequested = Signal(str)
    """A color name of the palette; empty for one that few other runs have."""

    def __init__(self, menu: QMenu) -> None:
        super().__init__()
        self._actions = {name: self._make_action(name) for name in ACTIONS}
        self._colors = QMenu("Color", self)
        self._colors.setObjectName("runColours")
        self._colors.aboutToShow.connect(self._fill_colors)
        self._buttons = {name: self._make_button(name) for name in (*BUTTONS, "delete")}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for name in BUTTONS:
            row.addWidget(self._buttons[name])
        row.addWidget(self._make_color_button())
        row.addWidget(self._buttons["delete"])
        for name in MENU:
            if name == "color":
                menu.addMenu(self._colors)
            elif name:
                menu.addAction(self._actions[name])
            else:
                menu.addSeparator()
        self.show_selected((), ())

    def show_selected(self, selected: Sequence[RunState], shown: Sequence[RunState]) -> None:
        """Enable the actions that apply to the selected runs, given the runs that are shown in the plots."""
        live = [run for run in selected if run.live]
        not_stopping = [run for run in live if not run.pending.startswith("stopping")]
        paused = [run for run in not_stopping if run.curves.state == "paused"]
        ended = [run for run in selected if not run.live]
        drawn = [run for run in selected if run in shown]
        resumable = [run for run in ended if not (run.curves.state == "finished" or run.problem)]
        applicable = {
            "stop": not_stopping, "stop_now": [run for run in live if run.pending == "stopping"],
            "pause": any(run not in paused and run.pending != "pausing" for run in not_stopping),
            "go_on": any(run.pending != "continuing" for run in paused),
            "resume": ended and resumable == list(selected) and not all(run.resuming for run in resumable),
            "rename": len(selected) == 1,
            "show": len(drawn) < len(selected), "hide": drawn, "show_only": selected, "show_all": True,
            "open_folder": len(selected) == 1, "delete": selected,
        }  # fmt: skip
        for name, action in self._actions.items():
            action.setEnabled(bool(applicable[name]))
        self._show_pending(selected)
        instead = {"resume": resumable and not live, "go_on": paused and not applicable["pause"]}
        for name, other in (("stop", "resume"), ("pause", "go_on")):  # only one of the two makes sense at a time
            self._buttons[name].setVisible(not instead[other] and (name != "pause" or bool(not_stopping) or not live))
            self._buttons[other].setVisible(bool(instead[other]))
        offered = any(offers_stop_now(run) for run in live)
        self._actions["stop_now"].setVisible(offered)
        self._buttons["stop_now"].setVisible(offered)
        self._colors.setEnabled(bool(selected))
        self._color_button.setEnabled(bool(selected))

    def _show_pending(self, selected: Sequence[RunState]) -> None:
        """Show on the buttons the requests that are not completed yet."""
        by_pending = {what: [run for run in selected if run.pending == what] for what in PENDING.values()}
        for name, what in PENDING.items():
            if name != "stop":
                waits = by_pending[what] and not self._actions[name].isEnabled()
                self._set_text(name, f"{what.capitalize()}…" if waits else ACTIONS[name][0])
        stopping = by_pending["stopping"]
        waits = bool(stopping) and not self._actions["stop"].isEnabled()
        self._set_text("stop", f"Stopping…{step_left_text(*stopping)}" if waits else "Stop")
        self._actions["stop"].setToolTip(STOPPING if waits else ACTIONS["stop"][1])
        if stopping:
            self._set_text("stop_now", f"Stop now ({loss_text(*(run.curves for run in stopping))})")

    def _set_text(self, name: str, text: str) -> None:
        """Set the text of menu and button. Qt would remove the ellipsis from the button's."""
        self._actions[name].setText(text)
        self._actions[name].setIconText(text)

    def _make_action(self, name: str) -> QAction:
        label, tip = ACTIONS[name]
        action = QAction(label, self)
        action.setToolTip(tip)
        if name == "rename":
            action.setText("Rename")
            action.setShortcutVisibleInContextMenu(True)
            action.setShortcut(QKeySequence("F2"))
        action.triggered.connect(lambda: self.actionRequested.emit(name))
        return action

    def _make_button(self, name: str) -> QToolButton:
        button = set_names(QToolButton(), OBJECT_NAMES[name], ACTIONS[name][0], ACTIONS[name][1])
        button.setDefaultAction(self._actions[name])
        return button

    def _make_color_button(self) -> QToolButton:
        self._color_button = set_names(QToolButton(), "colourRun", "Color", "Curve color of the selected runs")
        self._color_button.setText("Color ▾")
        self._color_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._color_button.setMenu(self._colors)
        return self._color_button

    def _fill_colors(self) -> None:
        """Fill the menu with the palette in the current theme."""
        self._colors.clear()
        for name in PALETTE:
            action = self._colors.addAction(swatch(palette_color(name)), TITLES.get(name, name))
            action.triggered.connect(lambda _=False, name=name: self.colorRequested.emit(name))
        self._colors.addSeparator()
        self._colors.addAction("automatic", lambda: self.colorRequested.emit(""))


def offers_stop_now(run: RunState) -> bool:
    """Whether a run takes long enough to stop that Stop now is offered, or Stop now was already requested."""
    asked_long_ago = time.monotonic() - run.requested_at > OFFER_AFTER
    return run.pending == "stopping now" or (run.pending == "stopping" and asked_long_ago)


def loss_text(*stopping: Curves) -> str:
    """What stopping these runs immediately would lose: the steps since their latest checkpoints."""
    steps = sum(curves.unsaved_steps for curves in stopping)
    if not any(curves.steps for curves in stopping):
        return "loses nothing"
    return f"loses {steps:,} step{'' if steps == 1 else 's'}" if steps else "loses this step"
