"""What follows from each wish: which values the views are to show, and what the engine is to be asked.

The window connects views to this and this to views; it knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.comparison import Comparison, compare
from resnet_studio.analysis.published import Figure, holds, paper_figure
from resnet_studio.analysis.table import LayerTable, plan_table
from resnet_studio.gui.session import Kept, Session
from resnet_studio.gui.work import Work
from resnet_studio.inference.errors import DeviceError, WeightsError, WeightsMismatch
from resnet_studio.inference.shipped import A_DIGIT, DIGITS, shipped_weights
from resnet_studio.inference.values import SAMPLES, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture, from_json, to_json
from resnet_studio.networks.plan import Layer, plan
from resnet_studio.networks.presets import preset
from resnet_studio.networks.reading import read_architecture
from resnet_studio.training import runs

LAYERS, VERIFY, ACTIVATIONS, COMPARE, TRAINING = range(5)
"""The workspaces in the order of their tabs."""
WEIGHT_ENDINGS = {".pth", ".pt", ".safetensors"}
IMAGE_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
MOST_IMAGES, MOST_THUMBNAILS = 200, 36


class Studio(QObject):
    """The values in hand: an architecture, what it is compared with, an image, weights, a layer."""

    architecture_changed = Signal(object)
    """The architecture in hand is another. All that follows from it is told after this."""
    table_changed = Signal(object)
    standing_changed = Signal(str, bool)
    """How the architecture stands to the paper's figure, and whether that is well."""
    comparison_changed = Signal(object)
    images_changed = Signal(object)
    chosen_changed = Signal(str, str)
    """The image and the layer that are looked at."""
    workspace_wished = Signal(int)
    runs_dropped = Signal(object)
    """A folder that is a run, or has runs in it."""
    problem = Signal(str, str, str)
    """Something that the user has to know: a sentence, details, and what `accept_offer` would do about it."""
    look_refused = Signal(str)
    """Why the image could not be pushed through the network."""

    def __init__(self, kept: Kept, work: Work) -> None:
        super().__init__()
        self.session = Session(kept)
        self.work = work
        self._workspace = kept.workspace
        self._weights = self._good_weights = _weights(kept.weights)
        self._offered: Callable[[], None] | None = None
        self._verified: tuple[Architecture, ...] = ()
        self._asked: dict[str, tuple[object, ...]] = {}
        """What each kind of question was last asked of, so that it is asked once."""
        self.session.architecture_changed.connect(self._follow)
        work.table_counted.connect(self._take_table)
        work.failed.connect(self._take_failure)
        work.looked.connect(self._keep_weights)

    @property
    def table(self) -> LayerTable:
        """The layer table of the architecture in hand: fvcore's if it has been counted, else the plan's."""
        return self._table(self.session.architecture)

    def begin(self) -> None:
        """Tell what there is, from the plan alone where the engine has not been asked."""
        self._follow(self.session.architecture)

    def images(self) -> list[str]:
        """The images at hand: the user's, then the samples."""
        return [*self.session.kept.images, *SAMPLES]

    def comparison(self) -> Comparison:
        """The networks that are compared."""
        return compare([self._table(one) for one in self._compared()])

    def enter(self, workspace: int) -> None:
        """A workspace comes to the front: ask now for what it shows."""
        self._workspace = self.session.kept.workspace = workspace
        self._ask_workspace()

    def repeat(self) -> None:
        """Ask again for what is on the screen (F5)."""
        self._asked.clear()
        self._ask_workspace()

    def cancel(self) -> None:
        """End what is running."""
        self._asked.clear()
        self.work.cancel()

    def compare_with(self, wished: Sequence[Architecture | None]) -> None:
        """Compare these; None stands for the architecture in hand, wherever it goes."""
        self.session.kept.compared = [to_json(one) if one else None for one in wished]
        self._ask_workspace()

    def choose_image(self, reference: str) -> None:
        """Look at that image."""
        self.session.kept.image = reference
        self._tell_chosen()
        self._ask_workspace()

    def choose_layer(self, name: str) -> None:
        """Look at that layer's maps."""
        self.session.kept.layer = name
        self._tell_chosen()
        self._ask_workspace()

    def choose_weights(self, path: str) -> None:
        """Run with the weights of a file, or with random ones where the path is empty."""
        self._take_weights(_weights(path))

    def look_at_digits(self) -> None:
        """Take the trained network that comes with the program in hand, with an image for it."""
        self.session.kept.image = A_DIGIT
        self._weights = RandomWeights()
        self.session.take(preset(DIGITS))
        self._take_shipped(self.session.architecture)
        self._tell_chosen()
        self._ask_workspace()

    def choose_device(self, name: str) -> None:
        """Run on that device from now on."""
        self.session.kept.device = name
        self._ask_workspace()

    def verify_with(self, extra: tuple[Architecture, ...]) -> None:
        """Verify these beside the published figures."""
        self._verified = self._asked["verify"] = extra
        self.work.verify(extra)

    def open_paths(self, paths: Sequence[str]) -> None:
        """Take architectures, weight files, images and folders of images from paths."""
        images: list[str] = []
        for path in (Path(path).absolute() for path in paths):  # the session may be opened from another folder
            ending = path.suffix.lower()
            if ending == ".json":
                self._open_architecture(path)
            elif ending in WEIGHT_ENDINGS:
                self.choose_weights(str(path))
                self.workspace_wished.emit(ACTIVATIONS)
            elif path.is_dir() and not (runs.is_run(path) or runs.find(path)):
                images += _images_in(path)
            elif path.is_dir():
                self.workspace_wished.emit(TRAINING)
                self.runs_dropped.emit(path)
                return
            else:
                images.append(str(path))
        if images:
            self._add_images(images)
        elif paths and all(Path(path).is_dir() for path in paths):
            endings = ", ".join(sorted(IMAGE_ENDINGS))
            self._tell(f"There is no image in {Path(paths[0]).name}. Images end in {endings}.")

    def accept_offer(self) -> None:
        """Do what the last problem offered."""
        if self._offered:
            self._offered()

    def _add_images(self, images: list[str]) -> None:
        kept = self.session.kept
        kept.images = list(dict.fromkeys([*images, *kept.images]))[:MOST_IMAGES]
        self.images_changed.emit(self.images())
        self.workspace_wished.emit(ACTIVATIONS)
        self.choose_image(images[0])

    def _open_architecture(self, path: Path) -> None:
        try:
            self.session.take(read_architecture(path))
        except ValueError as error:
            self._tell(str(error))

    def _follow(self, architecture: Architecture) -> None:
        """The architecture in hand is another: everything that hangs on it follows."""
        table = self._table(architecture)
        self._take_shipped(architecture)
        self.architecture_changed.emit(architecture)
        self.table_changed.emit(table)
        self._tell_standing(table)
        called = [layer for layer in plan(architecture) if layer.called]
        if self.session.kept.layer not in {name for layer in called for name in (layer.name, layer.block) if name}:
            self.session.kept.layer = _first_relu(plan(architecture)).name
        self._tell_chosen()
        if not table.counted:
            self.work.count(architecture)
        self._ask_workspace()

    def _take_shipped(self, architecture: Architecture) -> None:
        """Weights that come with the program take the place of random ones, and go with their architecture."""
        shipped = shipped_weights(architecture)
        if shipped and isinstance(self._weights, RandomWeights):
            self._weights = shipped
        elif not shipped and self._weights == shipped_weights(preset(DIGITS)):
            self._weights = self._good_weights = RandomWeights()

    def _ask_workspace(self) -> None:
        """Ask for what the workspace in front shows, unless that has been asked already."""
        kept, architecture = self.session.kept, self.session.architecture
        if self._workspace == VERIFY and "verify" not in self._asked:
            self.verify_with(self._verified)
        elif self._workspace == COMPARE:
            self._tell_comparison()
            for one in self._compared():
                self.work.count_compared(one)
        elif self._workspace == ACTIVATIONS:
            self._ask_once("photograph", self.work.open_photograph, kept.image)
            self._ask_once("look", self.work.look, kept.image, architecture, self._weights, kept.device, (kept.layer,))
            self._ask_once("thumbnails", self.work.make_thumbnails, tuple(self.images()[:MOST_THUMBNAILS]))

    def _ask_once(self, kind: str, ask: Callable[..., None], *question: object) -> None:
        if self._asked.get(kind) != question:
            self._asked[kind] = question
            ask(*question)

    def _take_table(self, table: LayerTable) -> None:
        if table.architecture == self.session.architecture:
            self.table_changed.emit(table)
            self._tell_standing(table)
        if table.architecture in self._compared():
            self._tell_comparison()

    def _take_failure(self, kind: str, error: Exception) -> None:
        sentence = str(error) or type(error).__name__
        if kind in ("look", "photograph"):
            self.look_refused.emit(sentence)
        if isinstance(error, WeightsError):
            self._give_up_weights(error)
        elif isinstance(error, DeviceError):
            self._tell(sentence, offer="Run on the CPU", offered=lambda: self.choose_device("cpu"))
        else:
            self._tell(sentence, "\n".join(getattr(error, "__notes__", ())))

    def _give_up_weights(self, error: WeightsError) -> None:
        """Go back to the weights of the last look, or to random ones where it is those that no longer fit."""
        refused = self._weights
        back = self._good_weights if self._good_weights != refused else RandomWeights()
        used = "random weights" if isinstance(back, RandomWeights) else back.path.name
        details, offer = "", ""
        if isinstance(error, WeightsMismatch):
            details = error.table()
            offer = "Load all but the head" if error.only_head and isinstance(refused, WeightsFile) else ""
        sentence = f"{error}. In use: {used}."
        self._tell(
            sentence, details, offer, lambda: self._take_weights(replace(cast("WeightsFile", refused), head=False))
        )
        self._take_weights(back)

    def _tell(
        self, sentence: str, details: str = "", offer: str = "", offered: Callable[[], None] | None = None
    ) -> None:
        self._offered = offered if offer else None
        self.problem.emit(sentence, details, offer)

    def _take_weights(self, weights: WeightsSource) -> None:
        self._weights = weights
        self.session.kept.weights = "" if isinstance(weights, RandomWeights) else str(weights.path)
        self._ask_workspace()

    def _keep_weights(self) -> None:
        self._good_weights = self._weights

    def _tell_standing(self, table: LayerTable) -> None:
        figure = paper_figure(table.architecture)
        if figure is None:
            self.standing_changed.emit("no figure in the paper", False)
            return
        measured = table.totals.macs if figure.quantity == "macs" else table.totals.parameters
        good = holds(figure, measured)
        self.standing_changed.emit(_standing(figure, good), good)

    def _tell_chosen(self) -> None:
        self.chosen_changed.emit(self.session.kept.image, self.session.kept.layer)

    def _tell_comparison(self) -> None:
        if self._workspace == COMPARE:
            self.comparison_changed.emit(self.comparison())

    def _compared(self) -> list[Architecture]:
        return [from_json(one) if one else self.session.architecture for one in self.session.kept.compared]

    def _table(self, architecture: Architecture) -> LayerTable:
        return self.work.known_table(architecture) or plan_table(architecture)


def _weights(path: str) -> WeightsSource:
    return WeightsFile(Path(path)) if path else RandomWeights()


def _standing(figure: Figure, good: bool) -> str:
    of = "" if figure.quantity == "macs" else " parameters"
    return f"paper {figure.text}{of} ✓" if good else f"paper {figure.text}{of}: differs, see Verify"


def _first_relu(layers: Sequence[Layer]) -> Layer:
    return next(layer for layer in layers if layer.kind == "relu")


def _images_in(folder: Path) -> list[str]:
    found = (str(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_ENDINGS)
    return list(found)[:MOST_IMAGES]
