"""What can be done with the chosen runs: buttons above the table, and the same in its menu."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.plots.styles import PALETTE, TITLES, named_colour, swatch
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.gui.training.runs.model import step_left
from resnet_studio.training.runs.curves import Curves

ACTIONS = {
    "stop_now": ("Stop now", "End the run at once; it goes back to its newest checkpoint"),
    "stop": ("Stop", "End the run after the step it is in; it keeps a checkpoint and can be resumed"),
    "pause": ("Pause", "Let the run wait after the step it is in"),
    "go_on": ("Continue", "Let the paused run go on"),
    "resume": ("Resume", "Go on from the newest checkpoint"),
    "rename": ("Rename", "Call the run something else (F2)"),
    "show": ("Show", "Draw the chosen runs (Space)"),
    "hide": ("Hide", "Take the chosen runs out of the plots (Space)"),
    "show_only": ("Show only these", "Draw the chosen runs and no others"),
    "show_all": ("Show all runs", "Draw every run"),
    "open_folder": ("Open folder", "Show the run's files"),
    "delete": ("Delete", "Move the runs to the trash (Delete)"),
}
BUTTONS = ("stop_now", "stop", "pause", "go_on", "resume", "rename")
MENU = (
    "rename", "colour", "", "show", "hide", "show_only", "show_all", "", "stop", "stop_now", "pause", "go_on", "resume",
    "", "open_folder", "delete",
)  # fmt: skip
NAMES = {
    "stop_now": "stopRunNow", "stop": "stopRun", "pause": "pauseRun", "go_on": "continueRun", "resume": "resumeRun",
    "rename": "renameRun", "delete": "deleteRun",
}  # fmt: skip


WAITING = {
    "stop_now": "stopping now", "stop": "stopping", "pause": "pausing", "go_on": "continuing", "resume": "resuming",
}  # fmt: skip
"""What a run is said to be doing until it has done what an action asked for."""
STOPPING = "The run finishes the step it is in, which takes about so long, and keeps a checkpoint"
OFFER_AFTER = 1.0
"""Seconds after which a run that has not stopped yet can be stopped at once: not where a second click still hits."""


class RunActions(QWidget):
    """A row of buttons; what does not apply to the chosen runs is greyed out, in the menu too."""

    wished = Signal(str)
    """One of `ACTIONS`."""
    colour_wished = Signal(str)
    """A name of the palette, or nothing for one that few other runs have."""

    def __init__(self, menu: QMenu) -> None:
        super().__init__()
        self._actions = {name: self._make_action(name) for name in ACTIONS}
        self._colours = QMenu("Colour", self)
        self._colours.setObjectName("runColours")
        self._colours.aboutToShow.connect(self._fill_colours)
        self._buttons = {name: self._make_button(name) for name in (*BUTTONS, "delete")}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for name in BUTTONS:
            row.addWidget(self._buttons[name])
        row.addWidget(self._make_colour_button())
        row.addWidget(self._buttons["delete"])
        for name in MENU:
            if name == "colour":
                menu.addMenu(self._colours)
            elif name:
                menu.addAction(self._actions[name])
            else:
                menu.addSeparator()
        self.show_chosen((), ())

    def show_chosen(self, chosen: Sequence[RunState], shown: Sequence[RunState]) -> None:
        """Enable what applies to the chosen runs, of which some are among those that are shown."""
        live = [run for run in chosen if run.live]
        going = [run for run in live if not run.pending.startswith("stopping")]
        paused = [run for run in going if run.curves.state == "paused"]
        ended = [run for run in chosen if not run.live]
        drawn = [run for run in chosen if run in shown]
        resumable = [run for run in ended if not (run.curves.state == "finished" or run.problem)]
        apply = {
            "stop": going, "stop_now": [run for run in live if run.pending == "stopping"],
            "pause": any(run not in paused and run.pending != "pausing" for run in going),
            "go_on": any(run.pending != "continuing" for run in paused),
            "resume": ended and resumable == list(chosen) and not all(run.resuming for run in resumable),
            "rename": len(chosen) == 1,
            "show": len(drawn) < len(chosen), "hide": drawn, "show_only": chosen, "show_all": True,
            "open_folder": len(chosen) == 1, "delete": chosen,
        }  # fmt: skip
        for name, action in self._actions.items():
            action.setEnabled(bool(apply[name]))
        self._show_pending(chosen)
        instead = {"resume": resumable and not live, "go_on": paused and not apply["pause"]}
        for name, other in (("stop", "resume"), ("pause", "go_on")):  # one of the two makes sense at a time
            self._buttons[name].setVisible(not instead[other] and (name != "pause" or bool(going) or not live))
            self._buttons[other].setVisible(bool(instead[other]))
        offered = any(offered_now(run) for run in live)
        self._actions["stop_now"].setVisible(offered)
        self._buttons["stop_now"].setVisible(offered)
        self._colours.setEnabled(bool(chosen))
        self._colour_button.setEnabled(bool(chosen))

    def _show_pending(self, chosen: Sequence[RunState]) -> None:
        """Say on the buttons what was asked for and is not done yet."""
        by_pending = {what: [run for run in chosen if run.pending == what] for what in WAITING.values()}
        for name, what in WAITING.items():
            if name != "stop":
                waits = by_pending[what] and not self._actions[name].isEnabled()
                self._set_text(name, f"{what.capitalize()}…" if waits else ACTIONS[name][0])
        stopping = by_pending["stopping"]
        waits = bool(stopping) and not self._actions["stop"].isEnabled()
        self._set_text("stop", f"Stopping…{step_left(*stopping)}" if waits else "Stop")
        self._actions["stop"].setToolTip(STOPPING if waits else ACTIONS["stop"][1])
        if stopping:
            self._set_text("stop_now", f"Stop now ({lost(*(run.curves for run in stopping))})")

    def _set_text(self, name: str, text: str) -> None:
        """Both for the menu and for the button, from which Qt would take the dots away."""
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
        action.triggered.connect(lambda: self.wished.emit(name))
        return action

    def _make_button(self, name: str) -> QToolButton:
        button = named(QToolButton(), NAMES[name], ACTIONS[name][0], ACTIONS[name][1])
        button.setDefaultAction(self._actions[name])
        return button

    def _make_colour_button(self) -> QToolButton:
        self._colour_button = named(QToolButton(), "colourRun", "Colour", "Colour of the chosen runs' curves")
        self._colour_button.setText("Colour ▾")
        self._colour_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._colour_button.setMenu(self._colours)
        return self._colour_button

    def _fill_colours(self) -> None:
        """The palette as it looks on the theme in use."""
        self._colours.clear()
        for name in PALETTE:
            action = self._colours.addAction(swatch(named_colour(name)), TITLES.get(name, name))
            action.triggered.connect(lambda _=False, name=name: self.colour_wished.emit(name))
        self._colours.addSeparator()
        self._colours.addAction("automatic", lambda: self.colour_wished.emit(""))


def offered_now(run: RunState) -> bool:
    """Whether a run takes so long to stop that ending it at once is offered, or is being ended at once."""
    asked_long_ago = time.monotonic() - run.asked_at > OFFER_AFTER
    return run.pending == "stopping now" or (run.pending == "stopping" and asked_long_ago)


def lost(*stopping: Curves) -> str:
    """What ending these runs at once would lose: what they trained since their newest checkpoints."""
    steps = sum(curves.unsaved for curves in stopping)
    if not any(curves.steps for curves in stopping):
        return "nothing is lost"
    return f"loses {steps:,} step{'' if steps == 1 else 's'}" if steps else "loses this step"
