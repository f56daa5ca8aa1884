"""Why a network says a class: methods, and the answers that cross to the window. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import MapStyle, colour, spread
from resnet_studio.inference.transforms import Occluder
from resnet_studio.inference.values import ForwardSpec, Pixels, WeightsInfo, image_title
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.plan import blocks, called_layers, plan

MISSING = (
    "Grad-CAM and its relatives are captum's, which is not installed. This line installs it for this program, which "
    f"then has to be started again: {sys.executable} -m pip install 'captum>=0.9'"
)
STEPS = 50
"""Points of integrated gradients between the mean color and the image, captum's own default."""
NOT_YET = -1
"""The class at a position that the sweep has not reached."""


class CaptumMissing(ImportError):  # noqa: N818  (the base class says that it is an error)
    """The optional library is not there; the message has the line that installs it."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to attribute a class to what the network has seen."""

    title: str
    layered: bool
    """Whether it explains at a layer, which can be chosen."""
    signed: bool
    """Whether values below zero speak against the class; else all values are from 0."""
    what: str
    """What a value means, as the rest of a sentence."""


METHODS = {
    "grad-cam": Method(
        "Grad-CAM", True, False, "the layer's channels there, each weighted by its mean gradient, summed, from 0 up"
    ),
    "guided-grad-cam": Method(
        "Guided Grad-CAM", True, True, "guided backpropagation of the pixel's channels, summed, times Grad-CAM there"
    ),
    "layer-gradient-x-activation": Method(
        "Gradient × activation", True, True, "what the layer adds to the class's logit there, to first order"
    ),
    "saliency": Method(
        "Saliency", False, False, "the absolute gradients of the class's logit, summed over the pixel's channels"
    ),
    "input-x-gradient": Method(
        "Input × gradient", False, True, "what the pixel adds to the class's logit, to first order"
    ),
    "guided-backprop": Method(
        "Guided backpropagation", False, True,
        "the gradient of the class's logit along paths that only add to it, summed over the pixel's channels",
    ),
    "integrated-gradients": Method(
        "Integrated gradients", False, True, "what the pixel adds to the class's logit on the way from the mean color"
    ),
    "occlusion": Method(
        "Occlusion", False, True, "by how much the class's logit falls, averaged over the squares that cover the pixel"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """Which parts of an image speak for a class."""

    subject: ForwardSpec
    method: str
    """A key of `METHODS`."""
    layer: str
    """Empty for methods that have none."""
    target: int
    """The class."""
    label: str
    probability: float
    """Of the class."""
    values: NDArray[np.float32]
    """Height × width of the layer, or of the input where the method has none; one value a pixel."""
    at_input: NDArray[np.float32]
    """The same at the size of the network's input, interpolated bilinearly."""
    seen: Pixels
    """The network's input as pixels."""
    image_sha256: str
    weights: WeightsInfo
    seconds: float
    delta: float | None = None
    """Integrated gradients: their sum less the logit's difference to the mean color; zero for infinitely many steps."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What a square at one position does."""

    row: int
    column: int
    winner: int
    """The most probable class there."""
    label: str
    """The winner's."""
    probability: float
    """Of the class that is explained, there."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The class's probability with a grey square at each of rows × columns positions on the input."""

    subject: ForwardSpec
    """Without an occluder of its own."""
    target: int
    label: str
    probability: float
    """Of the class while nothing is covered."""
    winner: int
    """The most probable class while nothing is covered."""
    patch: int
    """Side of the square in pixels of the input."""
    starts: tuple[int, ...]
    """First pixel of the square at each row, and at each column."""
    probabilities: NDArray[np.float32]
    """Rows × columns; not a number where the sweep has not been."""
    winners: NDArray[np.int32]
    """The most probable class at each position, or `NOT_YET`."""
    labels: tuple[str, ...]
    """Of all classes."""
    seen: Pixels
    weights: WeightsInfo
    seconds: float

    @property
    def done(self) -> int:
        return int(np.count_nonzero(self.winners != NOT_YET))

    @property
    def positions(self) -> int:
        return self.winners.size

    @property
    def flips(self) -> tuple[Covered, ...]:
        """Where another class wins than without the square, the least probability first."""
        return tuple(flip for flip in self.lowest if flip.winner != self.winner)

    @property
    def lowest(self) -> tuple[Covered, ...]:
        """All positions that the sweep has reached, the least probability first."""
        order = np.argsort(self.probabilities, axis=None, kind="stable")[: self.done]  # what is no number comes last
        return tuple(self.flip(*divmod(int(place), len(self.starts))) for place in order)

    def flip(self, row: int, column: int) -> Covered:
        """What happens at a position that the sweep has reached."""
        winner = int(self.winners[row, column])
        return Covered(row, column, winner, self.labels[winner], float(self.probabilities[row, column]))

    def occluder(self, row: int, column: int) -> Occluder:
        """The handle that covers the same pixels."""
        return occluder_at(self.starts[row], self.starts[column], self.patch, self.seen.shape[0])


def occluder_at(top: int, left: int, patch: int, side: int) -> Occluder:
    """The handle that covers `patch` pixels a side from there, on an input of `side` pixels."""
    return Occluder((left + patch / 2) / side, (top + patch / 2) / side, patch / side)


def starts(side: int, patch: int, stride: int) -> tuple[int, ...]:
    """First pixels of a square that slides over the input; the last reaches its edge. `ValueError` where none fits."""
    if not (1 <= patch <= side and stride >= 1):
        raise ValueError(f"a square of {patch} pixels every {stride} does not go over an input of {side}")
    return tuple(dict.fromkeys((*range(0, side - patch, stride), side - patch)))


def usual_patch(side: int) -> tuple[int, int]:
    """Side and stride of the square to begin with: a quarter and an eighth of the input."""
    return max(1, side // 4), max(1, side // 8)


def uncovered(subject: ForwardSpec) -> ForwardSpec:
    """The subject without its occluder."""
    return replace(subject, handles=replace(subject.handles, occluder=None))


@lru_cache(maxsize=16)
def layers_with_maps(architecture: Architecture) -> tuple[str, ...]:
    """Blocks and layers whose output has more than one pixel, in the network's order, a block after its layers."""
    found: list[str] = []
    for block, inside in groupby(called_layers(architecture), lambda layer: layer.block):
        layers = list(inside)
        found += [layer.name for layer in layers if layer.output[1] * layer.output[2] > 1]
        if block and layers[-1].output[1] * layers[-1].output[2] > 1:
            found.append(block)
    return tuple(found)


@lru_cache(maxsize=16)
def layers_on_offer(architecture: Architecture) -> Mapping[str, str]:
    """What each of the layers with maps is called in a list: a block's layers stand to the right of it."""
    inner = {layer.name for layer in called_layers(architecture) if layer.block}
    return {name: f"    {name}" if name in inner else name for name in layers_with_maps(architecture)}


@lru_cache(maxsize=16)
def usual_layer(architecture: Architecture) -> str:
    """The last block with maps; where there is none the last ReLU with maps: the deepest that still have a place."""
    with_maps = set(layers_with_maps(architecture))
    if isinstance(architecture, Residual):
        names = [block.name for block in blocks(architecture) if block.name in with_maps]
        if names:
            return names[-1]
    return [layer.name for layer in plan(architecture) if layer.kind == "relu" and layer.name in with_maps][-1]


def drawing(found: Attribution) -> MapStyle:
    """How an attribution is drawn: signed ones diverge around zero, others begin there.

    The strongest hundredth of the values may lie beyond the ends: of 50,000 pixels a few would bleach all others.
    """
    sizes = np.sort(np.abs(found.values[np.isfinite(found.values)]), axis=None)
    end = float(sizes[-1 - sizes.size // 100]) if sizes.size else 0.0
    end = end or 1.0
    if METHODS[found.method].signed:
        return MapStyle("fixed", "diverging", (-end, end))
    return MapStyle("fixed", "magma", (0.0, end))


def sweep_drawing(sweep: Sweep) -> MapStyle:
    """From zero to the class's greatest probability."""
    known = sweep.probabilities[np.isfinite(sweep.probabilities)]
    return MapStyle("fixed", "viridis", (0.0, max(sweep.probability, float(known.max(initial=0.0))) or 1.0))


def heat(values: NDArray[np.float32], drawing: MapStyle) -> Pixels:
    """Values, height × width, in colours."""
    return colour(spread(values[None], drawing)[0], drawing.colours)


def edges(sweep: Sweep) -> NDArray[np.intp]:
    """First pixel of each position's cell on the input, and its end: halfway between the middles of two squares."""
    middles = np.array(sweep.starts) + sweep.patch / 2
    between = np.rint((middles[1:] + middles[:-1]) / 2).astype(np.intp)
    return np.array([0, *between.tolist(), sweep.seen.shape[0]], np.intp)


def changed_since(then: ForwardSpec, now: ForwardSpec) -> str:
    """What a result is of where it is not of what is looked at now; empty where it still is."""
    parts = []
    if then.image != now.image:
        parts.append(f"of {image_title(then.image)}")
    if then.architecture != now.architecture:
        parts.append("of another network")
    elif then.weights != now.weights:
        parts.append("with other weights")
    if then.image == now.image and then.handles != now.handles:
        parts.append("of the image before it was changed by hand")
    return ", ".join(parts)


def missing() -> str:
    """What to do about it where captum is not installed; empty where it is."""
    return "" if find_spec("captum") else MISSING
