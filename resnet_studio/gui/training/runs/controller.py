"""Connects the Runs tab to the run monitor and the run commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor

if TYPE_CHECKING:
    from resnet_studio.gui.training.runs.view import RunsView  # imports pyqtgraph, which would delay the window


def connect_runs(view: RunsView, monitor: RunMonitor, commands: RunCommands) -> None:
    """Connect everything but `resumeRequested`, which starts a process."""
    monitor.runsChanged.connect(view.show_runs)
    monitor.runChanged.connect(view.show_run)
    monitor.runChanged.connect(view.panel.update_run)
    monitor.failed.connect(view.show_problem)
    commands.message.connect(view.show_message)
    commands.failed.connect(view.show_problem)
    view.renameRequested.connect(commands.rename)
    view.colorRequested.connect(commands.set_color)
    view.stopRequested.connect(commands.stop)
    view.stopNowRequested.connect(commands.stop_now)
    view.pauseRequested.connect(commands.pause)
    view.unpauseRequested.connect(commands.unpause)
    view.openFolderRequested.connect(commands.open_folder)
    view.deleteRequested.connect(commands.delete)
    view.undoRequested.connect(commands.undo)
    view.csvRequested.connect(commands.write_table)
    commands.savingChanged.connect(view.panel.tools.export.show_saving)
    view.show_runs(monitor.runs())
