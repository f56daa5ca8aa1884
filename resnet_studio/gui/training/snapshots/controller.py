"""Snapshots of feature maps that runs save: picks the run to show and reads them in the background."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_state import RunState
from resnet_studio.training import snapshots
from resnet_studio.training.datasets import Snapshot
from resnet_studio.training.runs.events import Probed
from resnet_studio.training.snapshots import SnapshotError


class SnapshotsController(QObject):
    """Shows the snapshots of the selected run; until one is selected, of the run that was the newest with snapshots at
    first. Call `stop` at the end."""

    runChanged = Signal(str, object)
    """Name of the run that is shown, and the steps of its snapshots."""
    runsChanged = Signal(object, object)
    """Names of the runs with snapshots by folder, newest first, and the folder of the one shown."""
    probeLoaded = Signal(object)
    failed = Signal(int, str)
    """A step, and why its snapshot can't be shown."""

    def __init__(self, monitor: RunMonitor) -> None:
        super().__init__(monitor)
        self._monitor = monitor
        self._selected: Path | None = None
        self._shown: Path | None = None
        self._reading = BackgroundReader(self)
        monitor.runsChanged.connect(lambda _: self._update())
        monitor.runChanged.connect(self._on_run_changed)

    @property
    def shown(self) -> Path | None:
        """The folder of the run whose maps are shown."""
        return self._shown

    def refresh(self) -> None:
        """Emit the current state, for a view that was just created."""
        self._update()

    def select_run(self, folder: Path) -> None:
        """Show this run."""
        self._selected = folder
        self._update()

    def request_step(self, step: int) -> None:
        """Read the snapshot of a step; a newer request replaces waiting ones."""
        run = self._monitor.run(self._shown) if self._shown else None
        probed = None if run is None else next((probe for probe in run.curves.probes if probe.step == step), None)
        if run is None or probed is None:
            self.failed.emit(step, f"The feature maps of step {step:,} no longer exist.")
            return
        folder = run.folder
        self._reading.drop_pending()
        self._reading.run(
            lambda: read(folder, probed),
            lambda answer: self._on_read(folder, step, answer),
            lambda error: self._on_read(
                folder, step, f"The feature maps of step {step:,} can't be read: {failure_reason(error)}"
            ),
        )

    def stop(self) -> None:
        """Stop reading. Waits for a read in progress."""
        self._reading.stop()

    def _on_run_changed(self, run: RunState) -> None:
        if run.folder == self._shown or run.curves.probes:
            self._update()

    def _update(self) -> None:
        found = {run.folder: run for run in reversed(self._monitor.runs()) if run.curves.probes}
        current = next((folder for folder in (self._selected, self._shown) if folder in found), None)
        shown = current or next(iter(found), None)
        self._shown = shown
        self.runsChanged.emit({folder: run.name for folder, run in found.items()}, shown)
        if shown is None:
            self.runChanged.emit("", ())
        else:
            self.runChanged.emit(found[shown].name, tuple(probe.step for probe in found[shown].curves.probes))

    def _on_read(self, folder: Path, step: int, answer: Snapshot | str) -> None:
        if folder != self._shown:
            return
        if isinstance(answer, Snapshot):
            self.probeLoaded.emit(answer)
        else:
            self.failed.emit(step, answer)


def read(folder: Path, probed: Probed) -> Snapshot | str:
    """A snapshot, or why it can't be read."""
    try:
        return snapshots.load(folder / probed.file)
    except SnapshotError as error:
        return str(error)
