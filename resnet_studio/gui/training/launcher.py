"""Starting trainings as processes of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, Signal

from resnet_studio import children
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError


class RunLauncher(QObject):
    """Starts detached processes, which can outlive the window. The monitor finds out whether they have begun."""

    errorOccurred = Signal(str, str)
    """A sentence for the user, and details."""

    def __init__(self, monitor: RunMonitor) -> None:
        super().__init__(monitor)
        self._monitor = monitor
        self._started: set[Path] = set()
        monitor.startEnded.connect(self._on_start_ended)

    def launch(self, folder: Path, *command: str) -> bool:
        """Start a command of the program that trains a run or an experiment, with its log in that folder.

        Returns whether a process was started: one for a folder at a time. If the system can't, an error is emitted.
        """
        if self._monitor.is_starting(folder):
            return False
        process = QProcess()
        program, *arguments = children.command(*command)
        process.setProgram(program)
        process.setArguments(arguments)
        process.setWorkingDirectory(str(children.working_folder()))
        try:
            descriptor = run_folder.open_run_file(folder, run_folder.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except (RunError, OSError) as error:
            self.errorOccurred.emit(f"The run could not be started: {error}.", "")
            return False
        # Qt opens the log by name and would follow a link that has replaced it since.
        log = f"/dev/fd/{descriptor}" if os.path.isdir("/dev/fd") else str(folder / run_folder.LOG)
        process.setStandardOutputFile(log, QProcess.OpenModeFlag.Append)
        process.setStandardErrorFile(log, QProcess.OpenModeFlag.Append)
        started: object = process.startDetached()  # a bool, although the stubs say otherwise
        os.close(descriptor)
        if not started:
            self.errorOccurred.emit(f"The run could not be started: {process.errorString()}.", "")
            return False
        self._started.add(folder)
        self._monitor.expect(folder)
        return True

    def resume(self, folders: Iterable[Path]) -> None:
        """Resume runs that were stopped, killed or failed, and begin those that never have."""
        for folder in folders:
            self.launch(folder, "train", "--resume" if run_folder.has_begun(folder) else "--run", str(folder))

    def stop_all(self) -> None:
        """Ask everything that this window has started to stop."""
        for folder in self._started:
            for path in (folder, *run_folder.find_runs(folder)):  # an experiment gets the request as a whole, too
                if path.is_dir():
                    run_folder.make_request(path, run_folder.STOP)

    def _on_start_ended(self, folder: Path, began: bool) -> None:
        if not began:
            self.errorOccurred.emit(f"{folder.name} did not start.", _log_tail(folder / run_folder.LOG))


def _log_tail(log: Path) -> str:
    """The last 2000 characters that a process printed."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
    except OSError:
        return ""
