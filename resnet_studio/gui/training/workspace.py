"""The Training workspace: its pages, and the only place where they are connected."""

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
from resnet_studio.inference.values import HALF, Device
from resnet_studio.networks.presets import preset
from resnet_studio.training.runs import run_folder

PAGES = ("New run", "Runs", "Maps", "Degradation")
NEW, RUNS, MAPS, DEGRADATION = range(4)


class TrainingWorkspace(QObject):
    """What the window needs to know of training: the workspace's widget, what is live, and when to let go."""

    problem = Signal(str, str)
    """A sentence for the banner, and details."""

    def __init__(self, studio: AppController, work: EngineClient, folder: Path | None = None) -> None:
        super().__init__()
        self._studio, self._work = studio, work
        self.folder = folder or run_folder.runs_folder()
        self.watch = RunMonitor(self)
        self.keeper = RunCommands(self.watch)
        self.probes = SnapshotsController(self.watch)
        self.experiments = ExperimentMonitor(self.watch)
        self.trainer = TrainingLauncher(studio.session, work, self.folder)
        self.trainer.problem.connect(self.problem)
        self.pages: LazyTabWidget | None = None
        self._in_front = studio.session.kept.workspace == TRAINING
        self._just_started: Path | None = None
        self._devices: Sequence[Device] = ()
        work.devices_found.connect(self._keep_devices)

    def make(self) -> QWidget:
        """The workspace; its pages are made when they are opened."""
        makers = (self._make_new, self._make_runs, self._make_maps, self._make_degradation)
        self.pages = pages = LazyTabWidget(tuple(zip(PAGES, makers, strict=True)), "trainingPages", "Training", "Alt+")
        self.watch.watch(self.folder)
        self.trainer.started.connect(self._show_started)
        self.trainer.awaited_changed.connect(self.watch.note_resuming)
        kept = self._studio.session.kept
        page = min(max(kept.training_page, 0), len(PAGES) - 1)
        pages.start_with(page)
        pages.entered.connect(self._keep_page)
        self._tell_wanted()
        return pages

    def enter(self, workspace: int) -> None:
        """A workspace of the window has come to the front."""
        self._in_front = workspace == TRAINING
        self._tell_wanted()

    def open_run(self, path: Path) -> None:
        """Follow a run, or the runs in a folder, that lies elsewhere, and show the table of runs."""
        self.watch.add(path)
        self.show_page(RUNS)

    def show_page(self, page: int) -> None:
        """Bring a page to the front. The workspace is made by then."""
        if self.pages is not None:
            self.pages.setCurrentIndex(page)

    def start_search(self) -> bool:
        """Put the cursor where runs can be filtered, if they are on the screen."""
        found = self.pages is not None and self.pages.currentIndex() == RUNS
        if found:
            self.runs.start_search()
        return found

    def close(self) -> None:
        """The window goes; runs go on, or stop where the user wants it so."""
        if self._studio.session.kept.stop_runs:
            self.trainer.stop_own()
        self.trainer.close()
        self.probes.stop()
        self.watch.stop()
        self.keeper.close()
        self.experiments.stop()

    def _make_new(self) -> QWidget:
        from resnet_studio.gui.training.setup.view import SetupView

        view, trainer = SetupView(), self.trainer
        view.recipe_wished.connect(trainer.take)
        view.start_wished.connect(trainer.start)
        view.download_wished.connect(trainer.download)
        view.preset_wished.connect(lambda name: self._studio.session.take(preset(name)))
        trainer.advice_changed.connect(view.show_advice)
        trainer.recipe_changed.connect(view.show_recipe)
        trainer.fitting_changed.connect(view.show_architecture)
        trainer.obstacle_changed.connect(view.show_obstacle)
        trainer.data_viewed.connect(view.show_data)
        trainer.data_refused.connect(view.show_data_problem)
        trainer.data_awaited.connect(view.show_loading)
        trainer.estimated.connect(view.show_estimate)
        trainer.name_changed.connect(view.show_name)
        trainer.starting_changed.connect(view.show_starting)
        self._work.devices_found.connect(lambda _: view.show_devices(self._devices))
        if self._devices:
            view.show_devices(self._devices)
        trainer.begin()
        return view

    def _make_runs(self) -> QWidget:
        from resnet_studio.gui.training.runs.view import RunsView

        self.runs = view = RunsView()
        connect_runs(view, self.watch, self.keeper)
        self.watch.runs_changed.connect(lambda _: self._choose_started())
        view.resume_wished.connect(self.trainer.resume)
        view.chosen_changed.connect(self._show_maps_of)
        return view

    def _make_maps(self) -> QWidget:
        from resnet_studio.gui.training.snapshots.view import SnapshotsView

        view, choice, desk = SnapshotsView(), RunPicker(), self.probes
        view.step_wished.connect(desk.ask)
        choice.chosen.connect(desk.choose)
        desk.runs_changed.connect(choice.show_runs)
        desk.run_changed.connect(view.show_run)
        desk.probe_read.connect(view.show_probe)
        desk.failed.connect(view.show_problem)
        desk.begin()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(choice)
        column.addWidget(view, 1)
        return page

    def _make_degradation(self) -> QWidget:
        from resnet_studio.gui.training.degradation.view import DegradationView

        view = DegradationView()
        connect_degradation(view, self.experiments, self.folder, self.trainer.launch)
        self.trainer.awaited_changed.connect(view.show_awaited)
        return view

    def _show_maps_of(self, folders: Sequence[Path]) -> None:
        """One run that is chosen in the table is the one whose maps are shown."""
        if len(folders) == 1:
            self.probes.choose(folders[0])

    def _keep_devices(self, devices: Sequence[Device]) -> None:
        self._devices = [device for device in devices if not device.name.endswith(HALF)]

    def _keep_page(self, page: int) -> None:
        self._studio.session.kept.training_page = page
        self._tell_wanted()

    def _tell_wanted(self) -> None:
        """What the next run sees and costs is asked for while its page is on the screen."""
        if self.pages is not None:
            self.trainer.want(self._in_front and self.pages.currentIndex() == NEW)

    def _show_started(self, folder: Path, new: bool) -> None:
        """A run of this window has begun: show it in the table, unless the user has gone to another page meanwhile."""
        self.watch.look_again()
        waits_here = self._in_front and self.pages is not None and self.pages.currentIndex() == NEW
        if new and waits_here:
            self._just_started = folder
            self.show_page(RUNS)
            self._choose_started()

    def _choose_started(self) -> None:
        """Choose the run that was started last, as soon as it is in the table."""
        if self._just_started and self.watch.run(self._just_started):
            self.runs.choose([self._just_started])
            self._just_started = None
