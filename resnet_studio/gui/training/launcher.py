"""The current recipe, its data and cost, and starting runs with it. Uses no widgets."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from resnet_studio import children
from resnet_studio.causes import os_reason
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress
from resnet_studio.training import recipe as recipes
from resnet_studio.training.datasets import DATASETS, DataError, DataView, fit_architecture, is_folder
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.reader import HEARTBEAT_TIMEOUT
from resnet_studio.training.runs.run_folder import Manifest, RunError

STARTING = 500, 30.0
"""Milliseconds between checks whether a run has begun; seconds without a heartbeat after which it counts as failed to
start."""
SMALL, FOR_SMALL = 64, "resnet20-cifar"
"""Largest image side that is too small for the ImageNet stem, and the preset to suggest for it."""


class TrainingLauncher(QObject):
    """Prepares the next run and starts it as a detached process, which can outlive the window."""

    recipeChanged = Signal(object)
    networkFitted = Signal(str, object, int)
    """Title of the network as fitted to the data, the changes that made, and its depth."""
    obstacleChanged = Signal(str)
    """Why this network can't be trained on these data; empty if it can."""
    dataOpened = Signal(object)
    dataFailed = Signal(str, bool)
    """Why there are no data, and whether they can be downloaded."""
    dataLoading = Signal(str, str, object)
    """The data set being opened or downloaded, the progress as text, and the fraction done, if known."""
    estimateChanged = Signal(object)
    """An `Estimate`; None while it is being computed."""
    adviceChanged = Signal(str, str)
    """Advice on a network that suits the data better, and its preset; both empty if there is none."""
    nameChanged = Signal(str)
    """Default name of the next run."""
    startingChanged = Signal(str)
    """Name of the new run that is starting; empty once it has begun or failed to start."""
    pendingChanged = Signal(object)
    """Folders of the runs and experiments whose processes were started but have not written an event yet."""
    runStarted = Signal(object, bool)
    """The folder of a run that has begun, and whether it is a new one."""
    errorOccurred = Signal(str, str)
    """A sentence for the user, and details."""

    def __init__(self, session: Session, engine: EngineClient, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.own_folders: set[Path] = set()
        """Folders of runs and experiments that this window has started."""
        self._session, self._engine = session, engine
        self._recipe = recipes.from_json(session.state.recipe)
        self._data_view: DataView | None = None
        self._requests: dict[str, object] = {}
        self._active = False
        self._pending: dict[Path, tuple[float, int]] = {}
        """When each was started, and the size of its events by then, in bytes."""
        self._starting: Path | None = None
        """The new run that is starting. Only one can start at a time."""
        self._start_timer = QTimer(self, interval=STARTING[0])
        self._start_timer.timeout.connect(self._check_starts)
        engine.dataViewReady.connect(self._on_data_view)
        engine.dataProgressChanged.connect(self._on_data_progress)
        engine.estimateReady.connect(self.estimateChanged)
        engine.failed.connect(self._on_request_failed)
        session.architectureChanged.connect(self._refresh)

    @property
    def recipe(self) -> Recipe:
        """The recipe of the next run."""
        return self._recipe

    def emit_current(self) -> None:
        """Emit the current recipe and name, for a view that was just created."""
        self.recipeChanged.emit(self._recipe)
        self._emit_name()

    def set_active(self, active: bool) -> None:
        """Request data and estimates from the engine only while active, that is while they are visible."""
        self._active = active
        self._refresh()

    def set_recipe(self, recipe: Recipe) -> None:
        """Use this recipe for the next run."""
        if recipe == self._recipe:
            return
        if recipe.data != self._recipe.data:
            self._data_view = None
        self._recipe = recipe
        self._session.state.recipe = recipes.to_json(recipe)
        self.recipeChanged.emit(recipe)
        self._refresh()

    def download(self) -> None:
        """Download the recipe's data set."""
        self.dataLoading.emit(self._recipe.data, "", None)
        self._engine.request_data_view(self._recipe, self._session.architecture.image, True)

    def start(self, name: str = "") -> None:
        """Start a run of the current architecture and recipe, as `resnet-studio train` would.

        The run's folder is created before its process, so that no other run can take the name meanwhile.
        """
        if self._starting is not None:
            return
        architecture = self._session.architecture
        name = name.strip() or run_folder.free_name(self.folder, architecture, self._recipe.data)
        try:
            folder = run_folder.new_folder(self.folder, name)
        except RunError as error:
            self.errorOccurred.emit(f"{error}.", "")
            return
        recipe = self._recipe
        if is_folder(recipe.data):  # the process has another working directory
            recipe = replace(recipe, data=str(Path(recipe.data).expanduser().absolute()))
        manifest = Manifest(
            folder.name, architecture, recipe, time.time(), ("resnet-studio",), run_folder.library_versions(),
            run_folder.hostname(),
        )  # fmt: skip
        try:
            run_folder.create(folder, manifest)
        except RunError as error:
            self.errorOccurred.emit(f"{error}. Choose another name or another runs folder.", "")
            return
        self._set_starting(folder)  # starting the process can block for a while; update the button first
        if not self._launch(folder, ["train", "--resume", str(folder)]):
            self._set_starting(None)

    def resume(self, folders: Sequence[Path]) -> None:
        """Resume runs that were stopped, killed or failed, each once."""
        for folder in (folder for folder in folders if folder not in self._pending):
            self._launch(folder, ["train", "--resume", str(folder)])

    def launch(self, folder: Path, command: Sequence[str]) -> None:
        """Start another command of the program, with its log in `folder`, which is created if needed."""
        if folder in self._pending:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.errorOccurred.emit(f"The experiment can't be saved in {folder.parent}: {os_reason(error)}.", "")
            return
        self._launch(folder, command)

    def stop_own_runs(self) -> None:
        """Ask the runs that this window has started to stop."""
        for folder in self.own_folders:
            for path in (folder, *run_folder.find_runs(folder)):  # an experiment gets the request as a whole, too
                if path.is_dir():
                    run_folder.make_request(path, run_folder.STOP)

    def close(self) -> None:
        """Stop checking for starts, as the window closes."""
        self._start_timer.stop()

    def _launch(self, folder: Path, command: Sequence[str]) -> bool:
        """Start a process of the program. Return False, and emit an error, if the system can't."""
        process, size_before = QProcess(), _event_bytes(folder)
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
        begun: object = process.startDetached()  # a bool, although the stubs say otherwise
        os.close(descriptor)
        if not begun:
            self.errorOccurred.emit(f"The run could not be started: {process.errorString()}.", "")
            return False
        self.own_folders.add(folder)
        self._pending[folder] = time.monotonic(), size_before
        self._start_timer.start()
        self._emit_name()
        self.pendingChanged.emit(frozenset(self._pending))
        return True

    def _check_starts(self) -> None:
        """Report runs that have begun, and those that failed to start."""
        for folder, (since, size_before) in list(self._pending.items()):
            if _event_bytes(folder) > size_before:
                self.runStarted.emit(folder, self._remove_pending(folder))
            elif time.monotonic() - since > STARTING[1] and not _has_recent_heartbeat(folder):
                self._remove_pending(folder)
                self.errorOccurred.emit(f"{folder.name} did not start.", _log_tail(folder / run_folder.LOG))
        if not self._pending:
            self._start_timer.stop()

    def _set_starting(self, folder: Path | None) -> None:
        self._starting = folder
        self.startingChanged.emit(folder.name if folder else "")

    def _remove_pending(self, folder: Path) -> bool:
        """Remove a run that has begun or failed to start. Return whether it was the new run."""
        del self._pending[folder]
        new = folder == self._starting
        if new:
            self._set_starting(None)
        self.pendingChanged.emit(frozenset(self._pending))
        return new

    def _refresh(self) -> None:
        """Update the name, data, fitted network and estimate after a change of architecture or recipe."""
        self._emit_name()
        if not self._active:
            return
        recipe, image = self._recipe, self._session.architecture.image
        parts = (recipe.data, recipe.augmentation, recipe.holdout, recipe.normalise, recipe.damaged, recipe.seed)
        request = (*parts, image if is_folder(recipe.data) else 0)
        if self._requests.get("data") != request:
            self._requests["data"] = request
            self.dataLoading.emit(recipe.data, "", None)
            self._engine.request_data_view(recipe, image, False)
        elif self._data_view is not None:
            self._fit_network(self._data_view)

    def _on_data_view(self, view: DataView) -> None:
        self._data_view = view
        self.dataOpened.emit(view)
        self._fit_network(view)

    def _fit_network(self, view: DataView) -> None:
        channels, image, _ = view.size
        try:
            architecture, changes = fit_architecture(self._session.architecture, channels, image, len(view.classes))
        except (ArchitectureError, DataError) as error:
            self.obstacleChanged.emit(f"{title(self._session.architecture)} can't be trained on this data: {error}")
            return
        self.obstacleChanged.emit("")
        self.networkFitted.emit(title(architecture), changes, architecture.depth)
        self._update_advice(image)
        self._request_estimate(architecture, sum(view.training_counts))

    def _update_advice(self, image: int) -> None:
        """Advise against the ImageNet stem, which downsamples 4×, for small images."""
        architecture = self._session.architecture
        if image <= SMALL and isinstance(architecture, Residual) and architecture.stem == "imagenet":
            advice = f"The ImageNet stem downsamples {image}×{image} images 4×. {FOR_SMALL} is made for small images."
            self.adviceChanged.emit(advice, FOR_SMALL)
        else:
            self.adviceChanged.emit("", "")

    def _request_estimate(self, architecture: Architecture, images: int) -> None:
        recipe = self._recipe
        request = (architecture, images, recipe.batch_size, recipe.precision, recipe.optimizer, recipe.device,
                    recipe.length, recipe.unit)  # fmt: skip
        if self._requests.get("estimate") != request:
            self._requests["estimate"] = request
            self.estimateChanged.emit(None)
            self._engine.request_estimate(recipe, architecture, images)

    def _on_data_progress(self, progress: Progress) -> None:
        self.dataLoading.emit(self._recipe.data, progress.what, progress.done / max(1, progress.of))

    def _on_request_failed(self, kind: str, error: Exception) -> None:
        if kind == "data":
            absent = self._recipe.data in DATASETS and DATASETS[self._recipe.data].download_megabytes > 0
            self._data_view = None
            self.dataFailed.emit(str(error), absent)

    def _emit_name(self) -> None:
        self.nameChanged.emit(run_folder.free_name(self.folder, self._session.architecture, self._recipe.data))


def _event_bytes(folder: Path) -> int:
    """Total size in bytes of the events of a run, or of all runs of an experiment."""
    logs = [path / run_folder.EVENTS for path in (folder, *run_folder.find_runs(folder))]
    return sum(log.stat().st_size for log in logs if log.exists())


def _has_recent_heartbeat(folder: Path) -> bool:
    """Whether the run, or one of the experiment's, has a recent heartbeat: PyTorch may take long to load."""
    for path in (folder, *run_folder.find_runs(folder)):
        with suppress(OSError):
            if time.time() - (path / run_folder.HEARTBEAT).stat().st_mtime < HEARTBEAT_TIMEOUT:
                return True
    return False


def _log_tail(log: Path) -> str:
    """The last 2000 characters that a process printed."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
    except OSError:
        return ""
