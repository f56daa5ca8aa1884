"""The session: the state that is restored at the next start, and the current architecture with undo."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from msgspec import Meta
from PySide6.QtCore import QObject, Signal

from resnet_studio import codec
from resnet_studio.analysis.quantity_keys import QuantityKey
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.inference.ab import SideBOverrides
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms
from resnet_studio.inference.values import RandomWeights, WeightsSource
from resnet_studio.inference.weights.sources import weights_from_text, weights_to_text
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.own_module import ModuleSource, OwnModule
from resnet_studio.networks.parsing import ARCHITECTURE
from resnet_studio.networks.presets import PRESETS
from resnet_studio.training.recipe import RECIPE, Recipe
from resnet_studio.training.recipes import RECIPES

VERSION = 3
Text = Annotated[str, Meta(max_length=4096, pattern=r"\A[^\0\ud800-\udc7f\udd00-\udfff]*\Z")]
"""Text that may be a path: without NUL and without surrogates that stand for no byte of a name."""
Texts = Annotated[list[Text], Meta(max_length=10_000)]
ComparedArchitecture = Annotated[Architecture, ARCHITECTURE] | None
MOST_FIGURE_NETWORKS = 8
IN_THE_ARTICLE = PRESETS["vgg19"], PRESETS["plain34"], PRESETS["resnet34"]
"""The columns of Figure 3 of the paper, which the article shows."""
PinnedChannel = tuple[Text, Annotated[int, Meta(ge=0, le=1 << 20)]]


RANDOM, NO_OVERRIDES, NO_MODULE = RandomWeights(), SideBOverrides(), ModuleSource()


def _weights_from_text(text: Any) -> WeightsSource:
    return weights_from_text(codec.decode(Text, text))


@dataclass(frozen=True, slots=True)
class SessionState:
    """What is saved and restored. The annotations say which values of a file are accepted."""

    version: float = VERSION
    architecture: Annotated[Architecture, ARCHITECTURE] = PRESETS["resnet50"]
    """The current one, or the last before it that is no `OwnModule`, as a session runs no code."""
    module: ModuleSource = NO_MODULE
    """Where the current architecture comes from, if it is an `OwnModule`."""
    compared: Annotated[list[ComparedArchitecture], Meta(min_length=1, max_length=100)] = field(
        default_factory=lambda: [None, PRESETS["plain34"]]
    )
    """None stands for the current architecture."""
    workspace: Annotated[int, Meta(ge=0, le=99)] = 0
    """Its number; the window opens the first one if it has none of that number."""
    image: Text = "sample:china"
    images: Texts = field(default_factory=list)
    recent: Texts = field(default_factory=list)
    """Files, folders and data sets that images came from, the newest first."""
    handles: ImageTransforms = IDENTITY
    keep_handles: bool = False
    """Whether the transforms are kept for the next image."""
    weights: Annotated[WeightsSource, codec.Form(weights_to_text, _weights_from_text)] = RANDOM
    layer: Text = ""
    hidden_columns: Annotated[list[Text], Meta(max_length=100)] = field(default_factory=lambda: ["field", "intensity"])
    """Columns of the layer table that are hidden."""
    activations_page: Annotated[int, Meta(ge=0, le=5)] = 0
    compare_page: Annotated[int, Meta(ge=0, le=2)] = 0
    scatter_source: Literal["compared", "torchvision", "dozen", "all", "sweep"] = "torchvision"
    """Which networks Compare plots."""
    scatter_x: QuantityKey = "macs"
    scatter_y: QuantityKey = "published_error"
    sweep: Annotated[dict[Text, Text], Meta(max_length=100)] = field(default_factory=dict)
    """What is typed in Compare's sweep, by field and limit."""
    pins: Annotated[list[PinnedChannel], Meta(max_length=10_000)] = field(default_factory=list)
    """Layer and channel of each pinned map."""
    beside: SideBOverrides = NO_OVERRIDES
    """What side B of A/B overrides."""
    device: Text = "cpu"
    theme: Literal["system", "light", "dark"] = "system"
    flop_unit: FlopUnit = "flops"
    """In which all of the window's FLOPs are, but for those that are quoted from elsewhere."""
    geometry: bytes = b""
    unclean: Annotated[int, Meta(ge=0, le=1 << 30)] = 0
    """How often in a row the window ended unexpectedly; while it is open, this time is counted, too."""
    recipe: Annotated[Recipe, RECIPE] = RECIPES["digits-quick"]
    """How the next run is trained."""
    training_page: Annotated[int, Meta(ge=0, le=3)] = 0
    figure_networks: Annotated[list[ComparedArchitecture], Meta(min_length=1, max_length=MOST_FIGURE_NETWORKS)] = field(
        default_factory=lambda: list(IN_THE_ARTICLE)
    )
    """The networks of the figure; None stands for the current architecture."""
    figure_form: Literal["columns", "horizontal", "block"] = "columns"
    figure_repeated: Literal["auto", "folded", "all"] = "auto"
    """Whether repeated blocks are drawn once with their number; "auto" folds where there are many."""
    figure_color: Literal["stage", "flops", "parameters", "time", "receptive-field"] = "stage"
    figure_palette: Literal["theme", "print"] = "theme"
    stop_runs: bool = False
    """Whether runs that the window has started stop with it."""


class Session(QObject):
    """What is restored at the next start, and the current architecture with its undo history.

    `update` is the only writer of the state. Every change of the architecture is emitted once.
    """

    architectureChanged = Signal(object)
    historyChanged = Signal(bool, bool)
    """Whether there is something to undo, and to redo."""
    flopUnitChanged = Signal(str)

    def __init__(self, state: SessionState) -> None:
        super().__init__()
        self.state = state
        self._values: list[Architecture] = [state.architecture]
        self._index = 0
        self._edit = ""

    @property
    def architecture(self) -> Architecture:
        return self._values[self._index]

    def update(self, **changes: Any) -> None:
        """Replace fields of the state."""
        self.state = replace(self.state, **changes)

    def set_flop_unit(self, unit: FlopUnit) -> None:
        """Set the unit of all FLOPs that the window shows."""
        if unit != self.state.flop_unit:
            self.update(flop_unit=unit)
            self.flopUnitChanged.emit(unit)

    def set_architecture(self, architecture: Architecture, edit: str = "") -> None:
        """Set the current architecture. Successive values with the same `edit` are undone as one edit."""
        if architecture == self.architecture:
            return
        index = self._index if edit and edit == self._edit else self._index + 1
        if index and index == self._index and architecture == self._values[index - 1]:  # the edit is back at its start
            index, edit = index - 1, ""
        self._values[index:] = [architecture]
        self._go(index)
        self._edit = edit

    def undo(self) -> None:
        """Go back to the value before the last edit."""
        self._go(self._index - 1)

    def redo(self) -> None:
        """Revert the last undo."""
        self._go(self._index + 1)

    def _remember(self, architecture: Architecture) -> None:
        if isinstance(architecture, OwnModule):
            self.update(module=architecture.source)
        else:
            self.update(architecture=architecture, module=NO_MODULE)

    def _go(self, index: int) -> None:
        self._edit = ""
        if 0 <= index < len(self._values):
            self._index = index
            self._remember(self.architecture)
            self.architectureChanged.emit(self.architecture)
            self.historyChanged.emit(index > 0, index + 1 < len(self._values))
