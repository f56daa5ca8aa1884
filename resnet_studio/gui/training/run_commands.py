"""Commands on runs: rename, set the color, stop, pause, move to the trash and restore."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QFile, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from resnet_studio.causes import os_reason
from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.labels import Label, free_color, write_label
from resnet_studio.training.runs.summary import CurveTable, write_csv


@dataclass(frozen=True, slots=True)
class TrashedRun:
    """A run that was moved to the trash: its old folder and its new one."""

    name: str
    folder: Path
    trash: Path


class RunCommands(QObject):
    """Executes commands by creating, moving or writing files; emits a message where the result isn't visible."""

    message = Signal(str, bool)
    """A sentence, and whether the action can be undone."""
    failed = Signal(str)
    savingChanged = Signal(bool)
    """Whether curves are being written to a file."""

    def __init__(self, monitor: RunMonitor) -> None:
        super().__init__(monitor)
        self._monitor = monitor
        self._trashed: list[TrashedRun] = []
        self._writing = BackgroundReader(self)

    def rename(self, folder: Path, name: str) -> None:
        """Set the display name of a run, in every window. Its original name, or an empty one, resets it."""
        if run := self._monitor.run(folder):
            name = name.strip()
            own = run.manifest.name if run.manifest else folder.name
            self._write_label(folder, replace(run.label, name="" if name == own else name))

    def set_color(self, folders: Iterable[Path], color: str) -> None:
        """Give runs a color of the palette; an empty one picks the least used color for each."""
        for folder in folders:
            if run := self._monitor.run(folder):
                others = [other.label.colour for other in self._monitor.runs() if other is not run]
                self._write_label(folder, replace(run.label, colour=color or free_color(others)))

    def stop(self, folders: Iterable[Path]) -> None:
        """Request that live runs stop after the current step, with a checkpoint."""
        self._request(folders, lambda folder: run_folder.make_request(folder, run_folder.STOP))

    def stop_now(self, folders: Iterable[Path]) -> None:
        """Request that stopping runs end immediately, at their latest checkpoint."""
        self._request(folders, lambda folder: run_folder.make_request(folder, run_folder.STOP_NOW))

    def pause(self, folders: Iterable[Path]) -> None:
        """Request that live runs pause."""
        self._request(folders, lambda folder: run_folder.make_request(folder, run_folder.PAUSE))

    def unpause(self, folders: Iterable[Path]) -> None:
        """Let paused runs continue."""
        self._request(folders, lambda folder: run_folder.withdraw_request(folder, run_folder.PAUSE))

    def open_folder(self, folder: Path) -> None:
        """Open a run's folder in the desktop's file manager."""
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.failed.emit(f"Could not open a file manager. The run is in {folder}")

    def delete(self, folders: Sequence[Path]) -> None:
        """Move runs to the trash. Live ones are left, with a message to stop them first."""
        known = [run for folder in folders if (run := self._monitor.run(folder))]
        busy = [run for run in known if run.live or run.resuming]
        if busy:
            them = "it" if len(busy) == 1 else "them"
            self.failed.emit(f"{_names_with_verb([run.name for run in busy])} running; stop {them} before deleting.")
        self._trashed = []
        for run in known:
            if run not in busy:
                self._trash(run.folder, run.name)
        if self._trashed:
            names = [trashed.name for trashed in self._trashed]
            self.message.emit(f"{_names_with_verb(names)} in the trash.", True)

    def undo(self) -> None:
        """Restore the runs that were deleted last."""
        for trashed in self._trashed:
            try:
                if trashed.folder.exists():
                    raise FileExistsError(f"another run already exists in {trashed.folder}")
                shutil.move(trashed.trash, trashed.folder)
                _trash_info(trashed.trash).unlink(missing_ok=True)
            except OSError as error:
                self.failed.emit(f"{trashed.name} could not be restored from the trash: {os_reason(error)}")
        self._trashed = []
        self._monitor.rescan()

    def write_table(self, path: Path, tables: Sequence[CurveTable]) -> None:
        """Write curves as CSV in a background thread; with a hundred long runs that takes some seconds."""

        def written(_: object) -> None:
            self.savingChanged.emit(False)
            self.message.emit(f"Saved {path.name}.", False)

        def failed(error: Exception) -> None:
            self.savingChanged.emit(False)
            self.failed.emit(f"{path.name} could not be written: {failure_reason(error)}")

        self.savingChanged.emit(True)
        self._writing.run(lambda: write_csv(path, tables), written, failed)

    def close(self) -> None:
        """Wait for files being written, as the window closes."""
        self._writing.stop()

    def _trash(self, folder: Path, name: str) -> None:
        file = QFile(str(folder))
        if file.moveToTrash():  # now `fileName` is the path in the trash
            self._trashed.append(TrashedRun(name, folder, Path(file.fileName())))
            self._monitor.remove(folder)
        else:
            self.failed.emit(f"{name} could not be moved to the trash. Delete its folder manually: {folder}")

    def _write_label(self, folder: Path, label: Label) -> None:
        try:
            write_label(folder, label)
        except OSError as error:
            self.failed.emit(f"The label of {folder.name} could not be saved: {os_reason(error)}")
        self._monitor.rescan()

    def _request(self, folders: Iterable[Path], ask: Callable[[Path], None]) -> None:
        for folder in folders:
            run = self._monitor.run(folder)
            if run and run.live:
                try:
                    ask(folder)
                except OSError as error:
                    self.failed.emit(f"{run.name} could not be controlled: {os_reason(error)}")
                self._monitor.note_request(folder)


def _names_with_verb(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{len(names)} runs are"


def _trash_info(trash: Path) -> Path:
    """The info file of a trashed item, by the freedesktop.org trash specification."""
    return trash.parent.parent / "info" / f"{trash.name}.trashinfo"
