"""The Training workspace: makes its pages and connects them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget

from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.actions import add_action
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.training.command_lines import (
    experiment_command,
    runs_command,
    snapshots_command,
    train_command,
)
from resnet_studio.gui.training.degradation.controller import connect_degradation
from resnet_studio.gui.training.experiment_monitor import ExperimentMonitor
from resnet_studio.gui.training.launcher import RunLauncher
from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.run_picker import RunPicker
from resnet_studio.gui.training.runs.controller import connect_runs
from resnet_studio.gui.training.snapshots.controller import SnapshotsController
from resnet_studio.inference.values import HALF_SUFFIX, Device
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe_edits import with_absolute_data
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError

NEW, RUNS, MAPS, DEGRADATION = range(4)


class TrainingWorkspace(Workspace):
    """Owns what the pages share: the launcher, the monitors and the commands."""

    title = "Training"
    pages = ("New run", "Runs", "Maps", "Degradation")
    page_shortcut = "Alt+"

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        self.monitor = RunMonitor(self)
        self.commands = RunCommands(self.monitor)
        self.snapshots = SnapshotsController(self.monitor)
        self.experiments = ExperimentMonitor(self.monitor)
        self.launcher = RunLauncher(self.monitor)
        self.launcher.errorOccurred.connect(self._show_error)
        self._devices: Sequence[Device] = ()
        app.devicesFound.connect(self._set_devices)
        app.image_sources.runsFound.connect(self.open_runs)
        app.trainingRequested.connect(self.train)

    def make(self) -> QWidget:
        makers = (self._make_new, self._make_runs, self._make_maps, self._make_degradation)
        self.tabs = LazyTabWidget(
            tuple(zip(self.pages, makers, strict=True)), "trainingPages", self.title, self.page_shortcut
        )
        self.monitor.set_folder(self.app.runs_folder)
        self.tabs.set_initial_tab(self.app.session.state.training_page)
        self.tabs.entered.connect(self._on_page_entered)
        return self.tabs

    def open_runs(self, folder: Path) -> None:
        """Follow a run, or the runs of a folder, outside the runs folder, and show the table of runs."""
        self.open_page(RUNS)
        self.monitor.add_folder(folder)

    def train(self, architectures: Sequence[Architecture]) -> None:
        """Train these with the recipe of New run: a single one is shown there, of several a run each is started."""
        if len(architectures) == 1:
            self.app.session.set_architecture(architectures[0])
            self.open_page(NEW)
            return
        self.open_page(RUNS)
        folders = [folder for architecture in architectures if (folder := self._make_run(architecture))]
        self.launcher.resume(folders)

    def start_search(self) -> bool:
        """Focus the filter of the runs, if their page is visible."""
        found = self.tabs is not None and self.tabs.currentIndex() == RUNS
        if found:
            self.runs.start_search()
        return found

    def command_line(self) -> tuple[str, ...]:
        app, page = self.app, self.tabs.currentIndex() if self.tabs else NEW
        if page == RUNS:
            return runs_command(self.runs.selected_folders(), app.runs_folder)
        if page == MAPS:
            return snapshots_command(self.snapshots.shown)
        if page == DEGRADATION:
            return experiment_command(self.degradation.next_experiment(), app.runs_folder)
        return train_command(app.session.architecture, app.session.state.recipe, app.runs_folder)

    def add_actions(self, menu: QMenu) -> None:
        stop_runs = add_action(
            menu, "Stop runs when the window closes", lambda: self._set_stop_runs(stop_runs.isChecked())
        )
        stop_runs.setCheckable(True)
        stop_runs.setChecked(self.app.session.state.stop_runs)

    def close(self) -> None:
        """Clean up as the window closes. Runs continue, unless the user chose to stop them."""
        if self.app.session.state.stop_runs:
            self.launcher.stop_all()
        self.snapshots.stop()
        self.monitor.stop()
        self.commands.close()
        self.experiments.stop()

    def _make_new(self) -> QWidget:
        from resnet_studio.gui.training.setup.controller import SetupController
        from resnet_studio.gui.training.setup.view import SetupView

        app, view = self.app, SetupView()
        self.setup = SetupController(view, app.session, app.engine, self.monitor, self.launcher, app.runs_folder)
        self.setup.runBegan.connect(self._on_run_began)
        self.setup.errorOccurred.connect(self._show_error)
        app.devicesFound.connect(lambda _: view.show_devices(self._devices))
        if self._devices:
            view.show_devices(self._devices)
        return view

    def _make_runs(self) -> QWidget:
        from resnet_studio.gui.training.runs.view import RunsView

        self.runs = view = RunsView()
        connect_runs(view, self.monitor, self.commands)
        view.resumeRequested.connect(self.launcher.resume)
        view.saveRequested.connect(self.app.exports.write)
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

        self.degradation = view = DegradationView()
        connect_degradation(view, self.monitor, self.experiments, self.app.runs_folder, self.launcher.launch)
        return view

    def _make_run(self, architecture: Architecture) -> Path | None:
        """The folder of a new run of that network with the session's recipe; None, with a message, if it can't be."""
        where, recipe = self.app.runs_folder, self.app.session.state.recipe
        try:
            folder = run_folder.new_folder(where, run_folder.free_name(where, architecture, recipe.data))
            run_folder.make_run(folder, architecture, with_absolute_data(recipe))
        except (DataError, RunError) as error:
            self._show_error(f"{error}.", "")
            return None
        return folder

    def _show_maps_of(self, folders: Sequence[Path]) -> None:
        """If exactly one run is selected in the table, show its maps."""
        if len(folders) == 1:
            self.snapshots.select_run(folders[0])

    def _set_devices(self, devices: Sequence[Device]) -> None:
        self._devices = [device for device in devices if not device.name.endswith(HALF_SUFFIX)]

    def _set_stop_runs(self, stop: bool) -> None:
        self.app.session.update(stop_runs=stop)

    def _on_page_entered(self, page: int) -> None:
        self.app.session.update(training_page=page)

    def _show_error(self, sentence: str, details: str) -> None:
        self.app.errorOccurred.emit(sentence, details, ())

    def _on_run_began(self, folder: Path) -> None:
        """Select a run in the table that was started in New run, unless that page was left meanwhile."""
        if self.is_current and self.tabs is not None and self.tabs.currentIndex() == NEW:
            self.tabs.setCurrentIndex(RUNS)
            self.runs.select_runs([folder])
