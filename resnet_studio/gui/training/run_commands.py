"""What a user wants done with runs: renamed, coloured, stopped, put into the trash and taken out again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QFile, QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from resnet_studio.causes import why
from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.labels import Label, free_color, write_label
from resnet_studio.training.runs.summary import CurveTable, write_csv


@dataclass(frozen=True, slots=True)
class TrashedRun:
    """A run that was moved: where it was and where it is now."""

    name: str
    folder: Path
    trash: Path


class RunCommands(QObject):
    """Does it at once, as each is a file made, moved or written; says what came of it where that isn't plain to see."""

    told = Signal(str, bool)
    """A sentence, and whether what it tells can be undone."""
    failed = Signal(str)
    saving_changed = Signal(bool)
    """Whether curves are being written to a file."""

    def __init__(self, watch: RunMonitor) -> None:
        super().__init__(watch)
        self._watch = watch
        self._trashed: list[TrashedRun] = []
        self._writing = BackgroundReader(self)

    def rename(self, folder: Path, name: str) -> None:
        """Call a run so in every window; the name it was made with, or none, takes its own name back."""
        if run := self._watch.run(folder):
            name = name.strip()
            own = run.manifest.name if run.manifest else folder.name
            self._label(folder, replace(run.label, name="" if name == own else name))

    def colour(self, folders: Iterable[Path], colour: str) -> None:
        """Give runs a color of the palette; none gives each the one that the fewest others have."""
        for folder in folders:
            if run := self._watch.run(folder):
                others = [other.label.colour for other in self._watch.runs() if other is not run]
                self._label(folder, replace(run.label, colour=colour or free_color(others)))

    def stop(self, folders: Iterable[Path]) -> None:
        """Ask live runs to end after the step they are in; they keep a checkpoint."""
        self._request(folders, lambda folder: run_folder.request(folder, run_folder.STOP))

    def stop_now(self, folders: Iterable[Path]) -> None:
        """Ask runs that are stopping to end at once, at their newest checkpoints."""
        self._request(folders, lambda folder: run_folder.request(folder, run_folder.STOP_NOW))

    def pause(self, folders: Iterable[Path]) -> None:
        """Ask live runs to wait."""
        self._request(folders, lambda folder: run_folder.request(folder, run_folder.PAUSE))

    def go_on(self, folders: Iterable[Path]) -> None:
        """Let paused runs go on."""
        self._request(folders, lambda folder: run_folder.withdraw(folder, run_folder.PAUSE))

    def open_folder(self, folder: Path) -> None:
        """Show a run's files in the desktop's file manager."""
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.failed.emit(f"No file manager could be opened. The run is in {folder}")

    def delete(self, folders: Sequence[Path]) -> None:
        """Move runs to the trash; a live one stays, and the user is told to stop it first."""
        known = [run for folder in folders if (run := self._watch.run(folder))]
        busy = [run for run in known if run.live or run.resuming]
        if busy:
            them = "it" if len(busy) == 1 else "them"
            self.failed.emit(f"{_names([run.name for run in busy])} running; stop {them} before deleting.")
        self._trashed = []
        for run in known:
            if run not in busy:
                self._trash(run.folder, run.name)
        if self._trashed:
            names = [one.name for one in self._trashed]
            self.told.emit(f"{_names(names)} in the trash.", True)

    def undo(self) -> None:
        """Take back what was deleted last."""
        for one in self._trashed:
            try:
                if one.folder.exists():
                    raise FileExistsError(f"there is another run in {one.folder}")
                shutil.move(one.trash, one.folder)
                _trash_note(one.trash).unlink(missing_ok=True)
            except OSError as error:
                self.failed.emit(f"{one.name} stays in the trash: {why(error)}")
        self._trashed = []
        self._watch.look_again()

    def write_table(self, path: Path, tables: Sequence[CurveTable]) -> None:
        """Write curves as text; of a hundred long runs that takes some seconds, off the window's thread."""

        def written(_: object) -> None:
            self.saving_changed.emit(False)
            self.told.emit(f"{path.name} is written.", False)

        def failed(error: Exception) -> None:
            self.saving_changed.emit(False)
            self.failed.emit(f"{path.name} could not be written: {cause(error)}")

        self.saving_changed.emit(True)
        self._writing.run(lambda: write_csv(path, tables), written, failed)

    def close(self) -> None:
        """The window goes; what is being written is waited for."""
        self._writing.stop()

    def _trash(self, folder: Path, name: str) -> None:
        file = QFile(str(folder))
        if file.moveToTrash():  # and the file is called as it is there now
            self._trashed.append(TrashedRun(name, folder, Path(file.fileName())))
            self._watch.forget(folder)
        else:
            self.failed.emit(f"{name} could not be moved to the trash. Delete its folder by hand: {folder}")

    def _label(self, folder: Path, label: Label) -> None:
        try:
            write_label(folder, label)
        except OSError as error:
            self.failed.emit(f"{folder.name} keeps its label: {why(error)}")
        self._watch.look_again()

    def _request(self, folders: Iterable[Path], ask: Callable[[Path], None]) -> None:
        for folder in folders:
            run = self._watch.run(folder)
            if run and run.live:
                try:
                    ask(folder)
                except OSError as error:
                    self.failed.emit(f"{run.name} can't be asked: {why(error)}")
                self._watch.note_request(folder)


def _names(names: Sequence[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{len(names)} runs are"


def _trash_note(trash: Path) -> Path:
    """Where a desktop that follows freedesktop.org's rules keeps what it knows of something in the trash."""
    return trash.parent.parent / "info" / f"{trash.name}.trashinfo"
