"""The Training workspace: creates its four tabs and connects them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from resnet_studio.gui.app_controller import TRAINING, AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.training.degradation.controller import connect_degradation
from resnet_studio.gui.training.experiment_monitor import ExperimentMonitor
from resnet_studio.gui.training.launcher import TrainingLauncher
from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_picker import RunPicker
from resnet_studio.gui.training.runs.controller import connect_runs
from resnet_studio.gui.training.snapshots.controller import SnapshotsController
from resnet_studio.inference.values import HALF_SUFFIX, Device
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs import run_folder

TABS = ("New run", "Runs", "Maps", "Degradation")
NEW, RUNS, MAPS, DEGRADATION = range(4)


class TrainingWorkspace(QObject):
    """Owns what the tabs share: the launcher, the monitors and the commands."""

    errorOccurred = Signal(str, str)
    """A sentence for the message bar, and details."""

    def __init__(self, controller: AppController, engine: EngineClient, folder: Path | None = None) -> None:
        super().__init__()
        self._controller, self._engine = controller, engine
        self.folder = folder or run_folder.runs_folder()
        self.monitor = RunMonitor(self)
        self.commands = RunCommands(self.monitor)
        self.snapshots = SnapshotsController(self.monitor)
        self.experiments = ExperimentMonitor(self.monitor)
        self.launcher = TrainingLauncher(controller.session, engine, self.folder)
        self.launcher.errorOccurred.connect(self.errorOccurred)
        self.tabs: LazyTabWidget | None = None
        self._is_current = controller.session.state.workspace == TRAINING
        self._just_started: Path | None = None
        self._devices: Sequence[Device] = ()
        engine.devicesFound.connect(self._set_devices)

    def make(self) -> QWidget:
        """Create the tab widget; each tab is created when it is first opened."""
        makers = (self._make_new, self._make_runs, self._make_maps, self._make_degradation)
        self.tabs = tabs = LazyTabWidget(tuple(zip(TABS, makers, strict=True)), "trainingPages", "Training", "Alt+")
        self.monitor.set_folder(self.folder)
        self.launcher.runStarted.connect(self._on_run_started)
        self.launcher.pendingChanged.connect(self.monitor.set_resuming)
        saved = self._controller.session.state
        tabs.set_initial_tab(min(max(saved.training_page, 0), len(TABS) - 1))
        tabs.entered.connect(self._save_tab)
        self._update_active()
        return tabs

    def enter(self, workspace: int) -> None:
        """Note which workspace of the window is visible now."""
        self._is_current = workspace == TRAINING
        self._update_active()

    def open_run(self, path: Path) -> None:
        """Follow a run, or the runs of a folder, outside the runs folder, and show the table of runs."""
        self.monitor.add_folder(path)
        self.show_tab(RUNS)

    def show_tab(self, tab: int) -> None:
        """Show a tab, once the workspace has been created."""
        if self.tabs is not None:
            self.tabs.setCurrentIndex(tab)

    def start_search(self) -> bool:
        """Focus the filter of the runs, if the Runs tab is visible."""
        found = self.tabs is not None and self.tabs.currentIndex() == RUNS
        if found:
            self.runs.start_search()
        return found

    def close(self) -> None:
        """Clean up as the window closes. Runs continue, unless the user chose to stop them."""
        if self._controller.session.state.stop_runs:
            self.launcher.stop_own_runs()
        self.launcher.close()
        self.snapshots.stop()
        self.monitor.stop()
        self.commands.close()
        self.experiments.stop()

    def _make_new(self) -> QWidget:
        from resnet_studio.gui.training.setup.view import SetupView

        view, trainer = SetupView(), self.launcher
        view.recipeRequested.connect(trainer.set_recipe)
        view.startRequested.connect(trainer.start)
        view.downloadRequested.connect(trainer.download)
        view.presetRequested.connect(lambda name: self._controller.session.set_architecture(preset(name)))
        trainer.adviceChanged.connect(view.show_advice)
        trainer.recipeChanged.connect(view.show_recipe)
        trainer.networkFitted.connect(view.show_architecture)
        trainer.obstacleChanged.connect(view.show_obstacle)
        trainer.dataOpened.connect(view.show_data)
        trainer.dataFailed.connect(view.show_data_problem)
        trainer.dataLoading.connect(view.show_loading)
        trainer.estimateChanged.connect(view.show_estimate)
        trainer.nameChanged.connect(view.show_name)
        trainer.startingChanged.connect(view.show_starting)
        self._engine.devicesFound.connect(lambda _: view.show_devices(self._devices))
        if self._devices:
            view.show_devices(self._devices)
        trainer.emit_current()
        return view

    def _make_runs(self) -> QWidget:
        from resnet_studio.gui.training.runs.view import RunsView

        self.runs = view = RunsView()
        connect_runs(view, self.monitor, self.commands)
        self.monitor.runsChanged.connect(lambda _: self._select_started())
        view.resumeRequested.connect(self.launcher.resume)
        view.runsSelected.connect(self._show_maps_of)
        return view

    def _make_maps(self) -> QWidget:
        from resnet_studio.gui.training.snapshots.view import SnapshotsView

        view, picker, snapshots = SnapshotsView(), RunPicker(), self.snapshots
        view.stepRequested.connect(snapshots.request_step)
        picker.runSelected.connect(snapshots.select_run)
        snapshots.runsChanged.connect(picker.show_runs)
        snapshots.runChanged.connect(view.show_run)
        snapshots.probeLoaded.connect(view.show_probe)
        snapshots.failed.connect(view.show_problem)
        snapshots.refresh()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(picker)
        column.addWidget(view, 1)
        return page

    def _make_degradation(self) -> QWidget:
        from resnet_studio.gui.training.degradation.view import DegradationView

        view = DegradationView()
        connect_degradation(view, self.experiments, self.folder, self.launcher.launch)
        self.launcher.pendingChanged.connect(view.show_pending)
        return view

    def _show_maps_of(self, folders: Sequence[Path]) -> None:
        """If exactly one run is selected in the table, show its maps."""
        if len(folders) == 1:
            self.snapshots.select_run(folders[0])

    def _set_devices(self, devices: Sequence[Device]) -> None:
        self._devices = [device for device in devices if not device.name.endswith(HALF_SUFFIX)]

    def _save_tab(self, tab: int) -> None:
        self._controller.session.state.training_page = tab
        self._update_active()

    def _update_active(self) -> None:
        """Request data and estimates for the next run only while its tab is visible."""
        if self.tabs is not None:
            self.launcher.set_active(self._is_current and self.tabs.currentIndex() == NEW)

    def _on_run_started(self, folder: Path, new: bool) -> None:
        """Show a run that this window started in the table, unless the user has switched to another tab meanwhile."""
        self.monitor.rescan()
        still_here = self._is_current and self.tabs is not None and self.tabs.currentIndex() == NEW
        if new and still_here:
            self._just_started = folder
            self.show_tab(RUNS)
            self._select_started()

    def _select_started(self) -> None:
        """Select the run that was started last, as soon as it is in the table."""
        if self._just_started and self.monitor.run(self._just_started):
            self.runs.select_runs([self._just_started])
            self._just_started = None
