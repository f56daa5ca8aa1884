"""What can be done with the chosen runs: buttons above the table, and the same in its menu."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from resnet_studio.gui.followed import FollowedRun
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.run_colours import PALETTE, TITLES, named_colour, swatch

ACTIONS = {
    "stop": ("Stop", "End the run; it keeps a checkpoint and can be resumed"),
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
BUTTONS = ("stop", "pause", "go_on", "resume", "rename")
MENU = (
    "rename", "colour", "", "show", "hide", "show_only", "show_all", "", "stop", "pause", "go_on", "resume", "",
    "open_folder", "delete",
)  # fmt: skip
NAMES = {
    "stop": "stopRun", "pause": "pauseRun", "go_on": "continueRun", "resume": "resumeRun", "rename": "renameRun",
    "delete": "deleteRun",
}  # fmt: skip


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

    def show_chosen(self, chosen: Sequence[FollowedRun], shown: Sequence[FollowedRun]) -> None:
        """Enable what applies to the chosen runs, of which some are among those that are shown."""
        live = [run for run in chosen if run.live]
        paused = [run for run in live if run.curves.state == "paused"]
        ended = [run for run in chosen if not run.live]
        drawn = [run for run in chosen if run in shown]
        apply = {
            "stop": live, "pause": len(live) > len(paused), "go_on": paused,
            "resume": ended and not live and not any(
                run.curves.state == "finished" or run.problem for run in ended
            ),
            "rename": len(chosen) == 1,
            "show": len(drawn) < len(chosen), "hide": drawn, "show_only": chosen, "show_all": True,
            "open_folder": len(chosen) == 1, "delete": chosen,
        }  # fmt: skip
        for name, action in self._actions.items():
            action.setEnabled(bool(apply[name]))
        for name, instead in (("stop", "resume"), ("pause", "go_on")):  # one of the two makes sense at a time
            swap = bool(apply[instead] and not apply[name])
            self._buttons[name].setVisible(not swap)
            self._buttons[instead].setVisible(swap)
        self._colours.setEnabled(bool(chosen))
        self._colour_button.setEnabled(bool(chosen))

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
