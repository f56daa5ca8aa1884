"""The page of runs, what it follows and what it can do, joined together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor

if TYPE_CHECKING:
    from resnet_studio.gui.training.runs.view import RunsView  # it brings pyqtgraph, which the window does not wait for


def connect_runs(view: RunsView, watch: RunMonitor, keeper: RunCommands) -> None:
    """Show what is followed, and do what is wished. Only `resume_wished` is left, which takes a process."""
    watch.runs_changed.connect(view.show_runs)
    watch.run_changed.connect(view.show_run)
    watch.refused.connect(view.show_problem)
    keeper.told.connect(view.show_told)
    keeper.failed.connect(view.show_problem)
    view.rename_wished.connect(keeper.rename)
    view.colour_wished.connect(keeper.colour)
    view.stop_wished.connect(keeper.stop)
    view.stop_now_wished.connect(keeper.stop_now)
    view.pause_wished.connect(keeper.pause)
    view.go_on_wished.connect(keeper.go_on)
    view.folder_wished.connect(keeper.open_folder)
    view.deletion_wished.connect(keeper.delete)
    view.undo_wished.connect(keeper.undo)
    view.csv_wished.connect(keeper.write_table)
    keeper.saving_changed.connect(view.panel.tools.show_saving)
    view.show_runs(watch.runs())
