"""Attribution and occlusion: the methods, and the results that are sent to the window. Needs no torch."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from resnet_studio.inference.feature_maps import MapStyle, apply_colormap, to_indices
from resnet_studio.inference.transforms import Occluder
from resnet_studio.inference.values import ForwardSpec, Pixels, WeightsInfo, image_title
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.plan import blocks, called_layers, layers_by_name

MISSING_CAPTUM = (
    "Attribution needs captum, which is not installed. Install it, then restart the program: "
    f"{sys.executable} -m pip install 'captum>=0.9'"
)
INTEGRATION_STEPS = 50
"""Steps of integrated gradients between the mean color and the image, captum's default."""
NOT_COMPUTED = -1
"""The class at a position that has not been computed yet."""


class CaptumMissing(ImportError):  # noqa: N818  (the base class says that it is an error)
    """captum is not installed; the message has the command that installs it."""


@dataclass(frozen=True, slots=True)
class AttributionMethod:
    """An attribution method."""

    title: str
    has_layer: bool
    """Whether it attributes to a layer, which can be chosen."""
    signed: bool
    """Whether values can be negative, which is evidence against the class."""
    meaning: str
    """What a value means, as part of a sentence."""


METHODS = {
    "grad-cam": AttributionMethod(
        "Grad-CAM", True, False, "ReLU of the sum of the layer's channels there, weighted by their mean gradients"
    ),
    "guided-grad-cam": AttributionMethod(
        "Guided Grad-CAM", True, True, "guided backpropagation, summed over the pixel's channels, times Grad-CAM"
    ),
    "layer-gradient-x-activation": AttributionMethod(
        "Gradient × activation", True, True, "contribution of the layer to the class logit there, to first order"
    ),
    "saliency": AttributionMethod(
        "Saliency", False, False, "absolute gradient of the class logit, summed over the pixel's channels"
    ),
    "input-x-gradient": AttributionMethod(
        "Input × gradient", False, True, "contribution of the pixel to the class logit, to first order"
    ),
    "guided-backprop": AttributionMethod(
        "Guided backpropagation", False, True,
        "gradient of the class logit along positive paths, summed over the pixel's channels",
    ),
    "integrated-gradients": AttributionMethod(
        "Integrated gradients", False, True, "contribution of the pixel to the class logit, relative to the mean color"
    ),
    "occlusion": AttributionMethod(
        "Occlusion", False, True, "drop of the class logit, averaged over the patches that cover the pixel"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The evidence for a class in each part of an image."""

    spec: ForwardSpec
    method: str
    """A key of `METHODS`."""
    layer: str
    """Empty for methods that have no layer."""
    target: int
    """The class."""
    label: str
    probability: float
    """Of the class."""
    values: NDArray[np.float32]
    """Height × width of the layer, or of the input for methods without a layer."""
    at_input: NDArray[np.float32]
    """The same, interpolated bilinearly to the size of the network's input."""
    model_input: Pixels
    """The network's input, converted back to pixels."""
    image_sha256: str
    weights: WeightsInfo
    seconds: float
    delta: float | None = None
    """Convergence delta of integrated gradients: their sum minus the logit's difference to the mean color; zero for
    infinitely many steps."""


@dataclass(frozen=True, slots=True)
class OccludedPosition:
    """The effect of the occluding square at one position."""

    row: int
    column: int
    top_class: int
    """The most probable class with the square there."""
    label: str
    """Of `top_class`."""
    probability: float
    """Of the class that is explained."""


@dataclass(frozen=True, slots=True, eq=False)
class OcclusionMap:
    """The class's probability with a gray square at each of rows × columns positions on the input."""

    spec: ForwardSpec
    """Its transforms have no occluder."""
    target: int
    label: str
    probability: float
    """Of the class without the square."""
    top_class: int
    """The most probable class without the square."""
    patch: int
    """Side of the square in pixels of the input."""
    tops: tuple[int, ...]
    """First pixel of the square at each row."""
    lefts: tuple[int, ...]
    """First pixel of the square at each column."""
    probabilities: NDArray[np.float32]
    """Rows × columns; NaN where not computed yet."""
    top_classes: NDArray[np.int32]
    """The most probable class at each position, or `NOT_COMPUTED`."""
    labels: tuple[str, ...]
    """Of all classes."""
    model_input: Pixels
    weights: WeightsInfo
    seconds: float

    @property
    def computed(self) -> int:
        return int(np.count_nonzero(self.top_classes != NOT_COMPUTED))

    @property
    def positions(self) -> int:
        return self.top_classes.size

    @property
    def flips(self) -> tuple[OccludedPosition, ...]:
        """Positions where the most probable class changes, in ascending order of probability."""
        return tuple(flip for flip in self.by_probability if flip.top_class != self.top_class)

    @property
    def by_probability(self) -> tuple[OccludedPosition, ...]:
        """All computed positions in ascending order of probability."""
        order = np.argsort(self.probabilities, axis=None, kind="stable")[: self.computed]  # NaN comes last
        return tuple(self.at(*divmod(int(index), len(self.lefts))) for index in order)

    def at(self, row: int, column: int) -> OccludedPosition:
        """The result at a position that has been computed."""
        top_class = int(self.top_classes[row, column])
        return OccludedPosition(row, column, top_class, self.labels[top_class], float(self.probabilities[row, column]))

    def occluder(self, row: int, column: int) -> Occluder:
        """The occluder that covers the same pixels."""
        height, width = self.model_input.shape[:2]
        return occluder_at(self.tops[row], self.lefts[column], self.patch, (height, width))


def occluder_at(top: int, left: int, patch: int, size: tuple[int, int]) -> Occluder:
    """The occluder of `patch` pixels a side with that upper left pixel, on an input of that height and width."""
    height, width = size
    return Occluder((left + patch / 2) / width, (top + patch / 2) / height, patch / min(size))


def patch_starts(side: int, patch: int, stride: int) -> tuple[int, ...]:
    """First pixels of a square that slides over the input; the last one reaches the edge. `ValueError` if none fits."""
    if not (1 <= patch <= side and stride >= 1):
        raise ValueError(f"a patch of {patch} px with stride {stride} does not fit an input of {side} px")
    return tuple(dict.fromkeys((*range(0, side - patch, stride), side - patch)))


def default_patch(size: tuple[int, int]) -> tuple[int, int]:
    """Default side and stride of the square: a quarter and an eighth of the input's shorter side."""
    return max(1, min(size) // 4), max(1, min(size) // 8)


def without_occluder(spec: ForwardSpec) -> ForwardSpec:
    """The spec without an occluder."""
    return replace(spec, transforms=replace(spec.transforms, occluder=None))


@lru_cache(maxsize=16)
def layers_with_maps(architecture: Architecture) -> tuple[str, ...]:
    """Blocks and layers whose output has more than one pixel, in the network's order, each block after its layers.

    Not those that give tokens, or channels last: captum's methods take N×C×H×W.
    """
    found: list[str] = []
    maps = (layer for layer in called_layers(architecture) if layer.layout == "maps")
    for block, members in groupby(maps, lambda layer: layer.block):
        layers = list(members)
        found += [layer.name for layer in layers if layer.output[1] * layer.output[2] > 1]
        if block and layers[-1].output[1] * layers[-1].output[2] > 1:
            found.append(block)
    return tuple(found)


@lru_cache(maxsize=16)
def layer_titles(architecture: Architecture) -> Mapping[str, str]:
    """The title of each of the layers with maps in a list: layers inside a block are indented."""
    inner = {layer.name for layer in called_layers(architecture) if layer.block}
    return {name: f"    {name}" if name in inner else name for name in layers_with_maps(architecture)}


@lru_cache(maxsize=16)
def default_layer(architecture: Architecture) -> str:
    """The last block with maps, or a ReLU behind all blocks; of a baseline the last layer with maps that is no pool:
    the deepest one with spatial positions."""
    with_maps = layers_with_maps(architecture)
    if isinstance(architecture, Residual):
        ends = {block.name for block in blocks(architecture)}
        ends |= {layer.name for layer in called_layers(architecture) if layer.kind == "relu" and layer.stage == "fc"}
        relus = [layer.name for layer in called_layers(architecture) if layer.kind == "relu"]
        suitable = ends.intersection(with_maps) or set(relus)
        return next(name for name in reversed(with_maps) if name in suitable)
    layers, pools = layers_by_name(architecture), ("max pool", "average pool", "dropout")
    return [name for name in with_maps if layers[name].kind not in pools][-1]


def attribution_style(attribution: Attribution) -> MapStyle:
    """How an attribution is drawn: signed values diverge around zero, others start at zero.

    The limit is the 99th percentile of the magnitudes, as a few outliers of 50,000 pixels would wash out all others.
    """
    magnitudes = np.sort(np.abs(attribution.values[np.isfinite(attribution.values)]), axis=None)
    limit = float(magnitudes[-1 - magnitudes.size // 100]) if magnitudes.size else 0.0
    limit = limit or 1.0
    if METHODS[attribution.method].signed:
        return MapStyle("fixed", "diverging", (-limit, limit))
    return MapStyle("fixed", "magma", (0.0, limit))


def occlusion_style(occlusion: OcclusionMap) -> MapStyle:
    """A range from zero to the class's greatest probability."""
    known = occlusion.probabilities[np.isfinite(occlusion.probabilities)]
    return MapStyle("fixed", "viridis", (0.0, max(occlusion.probability, float(known.max(initial=0.0))) or 1.0))


def heatmap(values: NDArray[np.float32], style: MapStyle) -> Pixels:
    """Values (height × width) in colors."""
    return apply_colormap(to_indices(values[None], style)[0], style.colours)


def cell_edges(starts: Sequence[int], patch: int, side: int) -> NDArray[np.intp]:
    """First pixel of each position's cell along one side of the input, and its end: cells meet halfway between two
    squares."""
    centers = np.array(starts) + patch / 2
    between = np.rint((centers[1:] + centers[:-1]) / 2).astype(np.intp)
    return np.array([0, *between.tolist(), side], np.intp)


def describe_changes(old: ForwardSpec, new: ForwardSpec) -> str:
    """How the spec of an older result differs from the current one, in words; empty if it does not."""
    parts = []
    if old.image != new.image:
        parts.append(f"for {image_title(old.image)}")
    if old.architecture != new.architecture:
        parts.append("for another network")
    elif old.weights != new.weights:
        parts.append("for other weights")
    if old.image == new.image and old.transforms != new.transforms:
        parts.append("for an earlier edit of the image")
    return ", ".join(parts)


def missing_captum_message() -> str:
    """How to install captum; empty if it is installed."""
    return "" if find_spec("captum") else MISSING_CAPTUM
