"""The next run: its recipe, its data, the network as fitted to them, and what it will cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from resnet_studio.engine.protocol import CanceledError
from resnet_studio.formatting import dimensions
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.gui.training.launcher import RunLauncher
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width
from resnet_studio.networks.presets import preset, title
from resnet_studio.progress import Progress
from resnet_studio.training.datasets import DATASETS, DataError, DataView, data_title, fit_architecture, is_folder
from resnet_studio.training.recipe import Recipe, RecipeError
from resnet_studio.training.recipe_edits import with_absolute_data
from resnet_studio.training.residual_paths import check_residual_paths
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError

if TYPE_CHECKING:
    from resnet_studio.gui.training.setup.view import SetupView  # imports pyqtgraph, which would delay the window

SMALL, FOR_SMALL = 64, "resnet20-cifar"
"""Largest image side that is too small for the ImageNet stem, and the preset to suggest for it."""


class SetupController(QObject):
    """Prepares the next run in a view and makes it. Data and cost are requested only while the view is visible."""

    runBegan = Signal(object)
    """The folder of a run that was started in the view and has begun."""
    errorOccurred = Signal(str, str)
    """A sentence for the message bar, and details."""

    def __init__(
        self, view: SetupView, session: Session, engine: EngineClient, monitor: RunMonitor, launcher: RunLauncher,
        folder: Path,
    ) -> None:  # fmt: skip
        """`folder` is the folder of runs."""
        super().__init__(view)
        self._view, self._session, self._engine, self._launcher = view, session, engine, launcher
        self._folder = folder
        self._data: DataView | None = None
        self._requested_data: object = None
        self._requested_estimate: object = None
        self._starting: Path | None = None
        """The new run that is starting. Only one can start at a time."""
        view.recipeRequested.connect(self.set_recipe)
        view.startRequested.connect(self.start)
        view.downloadRequested.connect(self.download)
        view.presetRequested.connect(lambda name: session.set_architecture(preset(name)))
        view.visibilityChanged.connect(self._refresh)
        session.architectureChanged.connect(self._refresh)
        monitor.startEnded.connect(self._on_start_ended)
        view.show_recipe(self.recipe)
        self._show_name()

    @property
    def recipe(self) -> Recipe:
        """The recipe of the next run, which the session keeps."""
        return self._session.state.recipe

    def set_recipe(self, recipe: Recipe) -> None:
        """Use this recipe for the next run."""
        if recipe == self.recipe:
            return
        if recipe.data != self.recipe.data:
            self._data = None
        self._session.update(recipe=recipe)
        self._view.show_recipe(recipe)
        self._refresh()

    def download(self) -> None:
        """Download the recipe's data set."""
        self._request_data(download=True)

    def start(self, name: str = "") -> None:
        """Make a run of the current architecture and recipe, as `resnet-studio train` would, and start its process."""
        if self._starting is not None:
            return
        architecture = self._session.architecture
        try:
            folder = run_folder.new_folder(self._folder, name.strip() or self._free_name())
            run_folder.make_run(folder, architecture, with_absolute_data(self.recipe))
        except DataError as error:
            self.errorOccurred.emit(f"{error}.", "")
            return
        except RunError as error:
            self.errorOccurred.emit(f"{error}. Choose another name or another runs folder.", "")
            return
        self._set_starting(folder)  # starting the process can block for a while; update the button first
        if not self._launcher.launch(folder, "train", "--run", str(folder)):
            self._set_starting(None)
        self._show_name()

    def _on_start_ended(self, folder: Path, began: bool) -> None:
        if folder == self._starting:
            self._set_starting(None)
            if began:
                self.runBegan.emit(folder)

    def _set_starting(self, folder: Path | None) -> None:
        self._starting = folder
        self._view.show_starting(folder.name if folder else "")

    def _free_name(self) -> str:
        return run_folder.free_name(self._folder, self._session.architecture, self.recipe.data)

    def _show_name(self) -> None:
        self._view.show_name(self._free_name())

    def _refresh(self, *_: object) -> None:
        """Update name, data, fitted network and cost after a change of architecture or recipe."""
        self._show_name()
        if not self._view.isVisible():
            return
        recipe, image = self.recipe, self._session.architecture.image
        parts = (recipe.data, recipe.augmentation, recipe.holdout, recipe.normalise, recipe.damaged, recipe.seed)
        wanted = (*parts, image if is_folder(recipe.data) else 0)
        if self._requested_data != wanted:
            self._requested_data = wanted
            self._request_data(download=False)
        elif self._data is not None:
            self._fit_network(self._data)

    def _request_data(self, *, download: bool) -> None:
        recipe = self.recipe
        self._view.show_loading(recipe.data)
        self._engine.request(
            "data_view", recipe, self._session.architecture.image, download, lane="data",
            label=f"opening {data_title(recipe.data)}", on_result=self._on_data, on_progress=self._on_data_progress,
            on_error=self._on_data_error,
        )  # fmt: skip

    def _on_data(self, data: DataView) -> None:
        self._data = data
        self._view.show_data(data)
        self._fit_network(data)

    def _on_data_progress(self, progress: Progress) -> None:
        self._view.show_loading(self.recipe.data, progress.what, progress.done / max(1, progress.of))

    def _on_data_error(self, error: Exception) -> bool:
        data = self.recipe.data
        canceled = isinstance(error, CanceledError)
        if canceled:
            self._requested_data = None
        self._data = None
        text = f"Loading {data_title(data)} was canceled." if canceled else str(error)
        self._view.show_data_problem(text, data in DATASETS and DATASETS[data].download_megabytes > 0)
        return True

    def _fit_network(self, data: DataView) -> None:
        channels, *sides = data.size
        image, chosen = as_image_size(sides), self._session.architecture
        try:
            architecture, changes = fit_architecture(chosen, channels, image, len(data.classes))
            check_residual_paths(self.recipe, architecture)
        except (ArchitectureError, DataError) as error:
            self._view.show_obstacle(f"{title(chosen)} can't be trained on this data: {error}")
            return
        except RecipeError as error:
            self._view.show_obstacle(str(error))
            return
        self._view.show_obstacle("")
        self._view.show_architecture(title(architecture), changes, architecture.depth)
        self._view.show_advice(*_advice(chosen, image))
        self._request_estimate(architecture, sum(data.training_counts))

    def _request_estimate(self, architecture: Architecture, images: int) -> None:
        recipe = self.recipe
        wanted = (architecture, images, recipe.batch_size, recipe.precision, recipe.optimizer, recipe.device,
                  recipe.length, recipe.unit)  # fmt: skip
        if self._requested_estimate != wanted:
            self._requested_estimate = wanted
            self._view.show_estimate(None)
            self._engine.request(
                "estimate", recipe, architecture, images, label=f"timing a step of {title(architecture)}",
                on_result=self._view.show_estimate, on_error=self._on_estimate_error,
            )  # fmt: skip

    def _on_estimate_error(self, error: Exception) -> None:
        if isinstance(error, CanceledError):
            self._requested_estimate = None


def _advice(architecture: Architecture, image: ImageSize) -> tuple[str, str]:
    """Advice against the ImageNet stem, which downsamples 4×, for small images, and the preset to use instead."""
    size = height_width(image)
    if max(size) <= SMALL and isinstance(architecture, Residual) and architecture.stem != "cifar":
        text = f"The ImageNet stem downsamples {dimensions(size)} images 4×. {FOR_SMALL} is made for small images."
        return text, FOR_SMALL
    return "", ""
