"""The maps that runs keep: which run's are shown, and reading them off the window's thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.training import snapshots
from resnet_studio.training.datasets import Probe
from resnet_studio.training.runs.events import Probed
from resnet_studio.training.snapshots import SnapshotError


class SnapshotsController(QObject):
    """Shows the chosen run's moments; without a choice those of the newest run that had some at first. `stop` in the
    end."""

    run_changed = Signal(str, object)
    """Name of the run that is shown, and the steps of its moments."""
    runs_changed = Signal(object, object)
    """Names of the runs that have moments by their folders, newest first, and the folder of the one shown."""
    probe_read = Signal(object)
    failed = Signal(int, str)
    """A step, and why its maps can't be shown."""

    def __init__(self, watch: RunMonitor) -> None:
        super().__init__(watch)
        self._watch = watch
        self._chosen: Path | None = None
        self._shown: Path | None = None
        self._reading = BackgroundReader(self)
        watch.runs_changed.connect(lambda _: self._follow())
        watch.run_changed.connect(self._take)

    def begin(self) -> None:
        """Tell what there is."""
        self._follow()

    def choose(self, folder: Path) -> None:
        """Show this run."""
        self._chosen = folder
        self._follow()

    def ask(self, step: int) -> None:
        """Read the maps of a moment; the newest question counts."""
        run = self._watch.run(self._shown) if self._shown else None
        probed = None if run is None else next((one for one in run.curves.probes if one.step == step), None)
        if run is None or probed is None:
            self.failed.emit(step, f"There are no maps of step {step:,} any more.")
            return
        folder = run.folder
        self._reading.drop_waiting()
        self._reading.run(
            lambda: read(folder, probed),
            lambda answer: self._tell(folder, step, answer),
            lambda error: self._tell(folder, step, f"The maps of step {step:,} can't be read: {cause(error)}"),
        )

    def stop(self) -> None:
        """End reading; what is being read is waited for."""
        self._reading.stop()

    def _take(self, run: RunState) -> None:
        if run.folder == self._shown or run.curves.probes:
            self._follow()

    def _follow(self) -> None:
        found = {run.folder: run for run in reversed(self._watch.runs()) if run.curves.probes}
        kept = next((folder for folder in (self._chosen, self._shown) if folder in found), None)
        shown = kept or next(iter(found), None)
        self._shown = shown
        self.runs_changed.emit({folder: run.name for folder, run in found.items()}, shown)
        if shown is None:
            self.run_changed.emit("", ())
        else:
            self.run_changed.emit(found[shown].name, tuple(one.step for one in found[shown].curves.probes))

    def _tell(self, folder: Path, step: int, answer: Probe | str) -> None:
        if folder != self._shown:
            return
        if isinstance(answer, Probe):
            self.probe_read.emit(answer)
        else:
            self.failed.emit(step, answer)


def read(folder: Path, probed: Probed) -> Probe | str:
    """A moment's maps, or why they can't be had."""
    try:
        return snapshots.load(folder / probed.file)
    except SnapshotError as error:
        return str(error)
