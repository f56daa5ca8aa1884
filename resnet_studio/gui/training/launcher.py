"""The recipe in hand, what it would see and cost, and the runs that are started with it. Knows no widget."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from resnet_studio import children
from resnet_studio.causes import why
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress
from resnet_studio.training import recipe as recipes
from resnet_studio.training.datasets import SOURCES, DataError, DataView, fitted, is_folder
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.reader import SILENT_AFTER
from resnet_studio.training.runs.run_folder import Manifest, RunError

STARTING = 500, 30.0
"""Milliseconds between two looks whether a run has begun; seconds without a sign after which it is said that it has
not."""
SMALL, FOR_SMALL = 64, "resnet20-cifar"
"""Side of images that the paper's ImageNet stem is not made for, and the preset that is."""


class TrainingLauncher(QObject):
    """Takes wishes about the next run, and starts it as its own process, which this window may outlive or not."""

    recipe_changed = Signal(object)
    fitting_changed = Signal(str, object, int)
    """The title of the network as it is fitted to the data, what was changed for that, and its depth."""
    obstacle_changed = Signal(str)
    """Why this network can't be trained on these data; empty where it can."""
    data_viewed = Signal(object)
    data_refused = Signal(str, bool)
    """Why there are no data, and whether they can be downloaded."""
    data_awaited = Signal(str, str, object)
    """The data that are being opened or fetched, in words how far that is, and the share that is done, if known."""
    estimated = Signal(object)
    """An `Estimate`; None while it is being made."""
    advice_changed = Signal(str, str)
    """What would suit the data better than the network in hand, and the preset that does; empty where nothing would."""
    name_changed = Signal(str)
    """What the next run is called unless told otherwise."""
    starting_changed = Signal(str)
    """The name of the new run that is starting; empty once it has begun, or never will."""
    awaited_changed = Signal(object)
    """Folders of the runs and experiments whose processes were started, and of which nothing was heard yet."""
    started = Signal(object, bool)
    """The folder of a run that has begun, and whether it is a new one."""
    problem = Signal(str, str)
    """A sentence for the user, and details."""

    def __init__(self, session: Session, work: EngineClient, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.own: set[Path] = set()
        """Folders of runs and experiments that this window has started."""
        self._session, self._work = session, work
        self._recipe = recipes.from_json(session.kept.recipe)
        self._view: DataView | None = None
        self._asked: dict[str, object] = {}
        self._wanted = False
        self._awaited: dict[Path, tuple[float, int]] = {}
        """When each was started, and how much its runs had told by then."""
        self._starting: Path | None = None
        """The new run that is starting: another can't be started meanwhile."""
        self._look = QTimer(self, interval=STARTING[0])
        self._look.timeout.connect(self._look_for_starts)
        work.data_viewed.connect(self._take_view)
        work.data_opening.connect(self._tell_opening)
        work.estimated.connect(self.estimated)
        work.failed.connect(self._take_failure)
        session.architecture_changed.connect(self._follow)

    @property
    def recipe(self) -> Recipe:
        """How the next run is trained."""
        return self._recipe

    def begin(self) -> None:
        """Tell what there is."""
        self.recipe_changed.emit(self._recipe)
        self._tell_name()

    def want(self, wanted: bool) -> None:
        """Whether anybody looks at what the recipe sees and costs: the engine is asked only then."""
        self._wanted = wanted
        self._follow()

    def take(self, recipe: Recipe) -> None:
        """Train with this recipe next."""
        if recipe == self._recipe:
            return
        if recipe.data != self._recipe.data:
            self._view = None
        self._recipe = recipe
        self._session.kept.recipe = recipes.to_json(recipe)
        self.recipe_changed.emit(recipe)
        self._follow()

    def download(self) -> None:
        """Fetch the data set in hand."""
        self.data_awaited.emit(self._recipe.data, "", None)
        self._work.view_data(self._recipe, self._session.architecture.image, True)

    def start(self, name: str = "") -> None:
        """Start a run of the architecture and the recipe in hand, as `resnet-studio train` would.

        The run is there, with its name, before its process is: nobody else takes the name meanwhile, and none is lost.
        """
        if self._starting is not None:
            return
        architecture = self._session.architecture
        name = name.strip() or run_folder.free_name(self.folder, architecture, self._recipe.data)
        try:
            folder = run_folder.place(self.folder, name)
        except RunError as error:
            self.problem.emit(f"{error}.", "")
            return
        recipe = self._recipe
        if is_folder(recipe.data):  # the process stands elsewhere
            recipe = replace(recipe, data=str(Path(recipe.data).expanduser().absolute()))
        manifest = Manifest(
            folder.name, architecture, recipe, time.time(), ("resnet-studio",), run_folder.environment(),
            run_folder.this_machine(),
        )  # fmt: skip
        try:
            run_folder.make(folder, manifest)
        except RunError as error:
            self.problem.emit(f"{error}. Choose another name, or another folder for runs.", "")
            return
        self._tell_starting(folder)  # before the process is started, which can take longer than a user's patience
        if not self._launch(folder, ["train", "--resume", str(folder)]):
            self._tell_starting(None)

    def resume(self, folders: Sequence[Path]) -> None:
        """Go on with runs that were stopped, killed or failed, each once."""
        for folder in (one for one in folders if one not in self._awaited):
            self._launch(folder, ["train", "--resume", str(folder)])

    def launch(self, folder: Path, command: Sequence[str]) -> None:
        """Start another command of the program that keeps what it does in `folder`, which it makes itself."""
        if folder in self._awaited:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.problem.emit(f"An experiment can't be kept in {folder.parent}: {why(error)}.", "")
            return
        self._launch(folder, command)

    def stop_own(self) -> None:
        """Ask the runs that this window has started to stop."""
        for folder in self.own:
            for one in (folder, *run_folder.find(folder)):  # an experiment is asked as a whole, too
                if one.is_dir():
                    run_folder.request(one, run_folder.STOP)

    def close(self) -> None:
        """The window goes: look for nothing any more."""
        self._look.stop()

    def _launch(self, folder: Path, command: Sequence[str]) -> bool:
        """Start a process of the program; False, and a message, where the system can't."""
        process, told = QProcess(), _told(folder)
        program, *arguments = children.command(*command)
        process.setProgram(program)
        process.setArguments(arguments)
        process.setWorkingDirectory(str(children.own_folder()))
        try:
            descriptor = run_folder.open_own(folder, run_folder.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except (RunError, OSError) as error:
            self.problem.emit(f"The run could not be started: {error}.", "")
            return False
        # Qt opens a log by name, and would follow a link that has taken its place since.
        log = f"/dev/fd/{descriptor}" if os.path.isdir("/dev/fd") else str(folder / run_folder.LOG)
        process.setStandardOutputFile(log, QProcess.OpenModeFlag.Append)
        process.setStandardErrorFile(log, QProcess.OpenModeFlag.Append)
        begun: object = process.startDetached()  # a bool, whatever its stubs say
        os.close(descriptor)
        if not begun:
            self.problem.emit(f"The run could not be started: {process.errorString()}.", "")
            return False
        self.own.add(folder)
        self._awaited[folder] = time.monotonic(), told
        self._look.start()
        self._tell_name()
        self.awaited_changed.emit(frozenset(self._awaited))
        return True

    def _look_for_starts(self) -> None:
        """Tell of runs that have begun, and of those that never will."""
        for folder, (since, before) in list(self._awaited.items()):
            if _told(folder) > before:
                self.started.emit(folder, self._end_waiting(folder))
            elif time.monotonic() - since > STARTING[1] and not _beats(folder):
                self._end_waiting(folder)
                self.problem.emit(f"{folder.name} did not start.", _end_of(folder / run_folder.LOG))
        if not self._awaited:
            self._look.stop()

    def _tell_starting(self, folder: Path | None) -> None:
        self._starting = folder
        self.starting_changed.emit(folder.name if folder else "")

    def _end_waiting(self, folder: Path) -> bool:
        """It has begun, or never will; whether it was the new run."""
        del self._awaited[folder]
        new = folder == self._starting
        if new:
            self._tell_starting(None)
        self.awaited_changed.emit(frozenset(self._awaited))
        return new

    def _follow(self) -> None:
        """Architecture or recipe are others: what is seen, what is fitted and what it costs follow."""
        self._tell_name()
        if not self._wanted:
            return
        recipe, image = self._recipe, self._session.architecture.image
        parts = (recipe.data, recipe.augmentation, recipe.holdout, recipe.normalise, recipe.damaged, recipe.seed)
        question = (*parts, image if is_folder(recipe.data) else 0)
        if self._asked.get("data") != question:
            self._asked["data"] = question
            self.data_awaited.emit(recipe.data, "", None)
            self._work.view_data(recipe, image, False)
        elif self._view is not None:
            self._fit(self._view)

    def _take_view(self, view: DataView) -> None:
        self._view = view
        self.data_viewed.emit(view)
        self._fit(view)

    def _fit(self, view: DataView) -> None:
        channels, image, _ = view.size
        try:
            architecture, changes = fitted(self._session.architecture, channels, image, len(view.classes))
        except (ArchitectureError, DataError) as error:
            self.obstacle_changed.emit(f"{title(self._session.architecture)} can't be trained on these data: {error}")
            return
        self.obstacle_changed.emit("")
        self.fitting_changed.emit(title(architecture), changes, architecture.depth)
        self._advise(image)
        self._estimate(architecture, sum(view.training_counts))

    def _advise(self, image: int) -> None:
        """Small images and a stem that makes them four times smaller do not go together."""
        architecture = self._session.architecture
        if image <= SMALL and isinstance(architecture, Residual) and architecture.stem == "imagenet":
            told = f"The ImageNet stem makes {image}×{image} images four times smaller. {FOR_SMALL} is made for them."
            self.advice_changed.emit(told, FOR_SMALL)
        else:
            self.advice_changed.emit("", "")

    def _estimate(self, architecture: Architecture, images: int) -> None:
        recipe = self._recipe
        question = (architecture, images, recipe.batch_size, recipe.precision, recipe.optimizer, recipe.device,
                    recipe.length, recipe.unit)  # fmt: skip
        if self._asked.get("estimate") != question:
            self._asked["estimate"] = question
            self.estimated.emit(None)
            self._work.estimate(recipe, architecture, images)

    def _tell_opening(self, progress: Progress) -> None:
        self.data_awaited.emit(self._recipe.data, progress.what, progress.done / max(1, progress.of))

    def _take_failure(self, kind: str, error: Exception) -> None:
        if kind == "data":
            absent = self._recipe.data in SOURCES and SOURCES[self._recipe.data].megabytes > 0
            self._view = None
            self.data_refused.emit(str(error), absent)

    def _tell_name(self) -> None:
        self.name_changed.emit(run_folder.free_name(self.folder, self._session.architecture, self._recipe.data))


def _told(folder: Path) -> int:
    """Bytes of events in a run's folder, or in those of an experiment."""
    logs = [one / run_folder.EVENTS for one in (folder, *run_folder.find(folder))]
    return sum(log.stat().st_size for log in logs if log.exists())


def _beats(folder: Path) -> bool:
    """Whether a run there, or one of an experiment, gave a sign of life lately: PyTorch may take long to load."""
    for one in (folder, *run_folder.find(folder)):
        with suppress(OSError):
            if time.time() - (one / run_folder.HEARTBEAT).stat().st_mtime < SILENT_AFTER:
                return True
    return False


def _end_of(log: Path) -> str:
    """The last lines of what a process printed."""
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-2000:].strip()
    except OSError:
        return ""
