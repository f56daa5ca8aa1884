"""Which layer of one network stands where a layer of another stands. Needs no torch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers, head_layer

BLOCK, OUTPUT, SHORTCUT = "block", "output", "shortcut(x)"
ALIKE = {
    "batch norm": "conv", "add": "relu", "zero pad": "relu", "dropout": "linear", "scale": "conv", "sigmoid": "relu",
}  # fmt: skip
"""What comes nearest to a kind of layer in a network that has none of it."""


@dataclass(frozen=True, slots=True)
class LayerPlace:
    """A layer, or a block as a whole, and where it stands."""

    name: str
    layer: Layer
    """Of a block, the one that gives its output."""
    block: int = -1
    """The block's number in its stage; −1 outside of blocks."""
    step: str = ""
    """In a block: "block", "conv 1", "output", … The same step of the computation has the same name in every block."""


def matching_layer(a: Architecture, b: Architecture, layer: str) -> str | None:
    """The layer (or block) of `b` that corresponds to one of `a`; None if there is nothing sensible.

    The same name, where it stands in the same stage and does the same. Else, of two residual networks (plain ones
    are among them), the same step of the block at the same relative depth of the stage; where the block has no such
    step, the stage's last output. Of other pairs, the layer of the same kind at the same size, in order.
    """
    places = {place.name: place for place in _places(a)}
    if layer not in places:
        return None
    mine = places[layer]
    same = next((place for place in _places(b) if place.name == layer and _alike(place, mine)), None)
    if same:
        return same.name
    if isinstance(a, Residual) and isinstance(b, Residual):
        return _match_in_stage(a, b, mine) if mine.block >= 0 else _match_stem_pool(b)
    return _match_by_size(a, b, mine)


def _alike(one: LayerPlace, other: LayerPlace) -> bool:
    return (one.layer.stage, one.layer.kind, one.step) == (other.layer.stage, other.layer.kind, other.step)


@lru_cache(maxsize=64)
def _places(architecture: Architecture) -> tuple[LayerPlace, ...]:
    """Every layer that an image meets, in order, and after a block's layers the block itself."""
    places: list[LayerPlace] = []
    numbers: Counter[str] = Counter()
    for block, members in groupby(called_layers(architecture), lambda layer: layer.block):
        layers = list(members)
        if not block:
            places += [LayerPlace(layer.name, layer) for layer in layers]
            continue
        last, number = layers[-1], numbers[layers[-1].stage]
        places += [
            LayerPlace(layer.name, layer, number, step) for layer, step in zip(layers, _steps(layers), strict=True)
        ]
        places.append(LayerPlace(block, last, number, BLOCK))
        numbers[last.stage] += 1
    return tuple(places)


def _steps(layers: Sequence[Layer]) -> Iterator[str]:
    """The steps of a block's layers. On the main path they are numbered by the convolution that they belong to."""
    joined = next((layer.inputs for layer in layers if layer.role == "add"), ())
    convolutions = gates = 0
    for layer in layers:
        if layer.role == "shortcut":
            yield SHORTCUT if layer.name in joined else f"shortcut {layer.kind}"
        elif layer.role == "gate":
            gates += 1
            yield f"gate {gates}"
        elif layer.role in ("add", "output"):
            yield layer.role
        else:
            convolutions += layer.kind == "conv"
            yield f"{layer.kind} {convolutions}"


def _match_in_stage(a: Architecture, b: Architecture, mine: LayerPlace) -> str | None:
    """In two networks of blocks. Where `b` lacks the stage, its last one takes its place."""
    blocks = [place for place in _places(b) if place.block >= 0]
    stages = [place.layer.stage for place in blocks]
    stage = mine.layer.stage if mine.layer.stage in stages else stages[-1]
    there = [place for place in blocks if place.layer.stage == stage]
    count = 1 + max(place.block for place in _places(a) if place.layer.stage == mine.layer.stage)
    wanted = _same_relative_place(mine.block, count, 1 + max(place.block for place in there))
    for step in _steps_like(mine):
        fitting = [place for place in there if step in (place.step, place.layer.role)]
        if fitting:
            return min(fitting, key=lambda place: abs(place.block - wanted)).name
    return there[-2].name if mine.layer.on_main_path else None  # the last is the block itself


def _steps_like(mine: LayerPlace) -> Iterator[str]:
    """A step of a block, then what stands for it in a block of another kind."""
    yield mine.step
    if mine.step == OUTPUT:
        yield "add"  # the output of a pre-activation block
    elif mine.step == "add":
        yield "residual"  # what a plain block gives to its last ReLU
    elif mine.layer.kind == "scale":
        yield "residual"
    elif mine.layer.role in ("main", "residual"):
        kind, _, number = mine.step.rpartition(" ")
        yield from (f"{kind} {earlier}" for earlier in range(int(number) - 1, 0, -1))


def _match_stem_pool(b: Architecture) -> str | None:
    """A first pool that `b` lacks: what enters its first block instead."""
    before = [place.name for place in _places(b) if place.block < 0 and place.layer.stage != "fc"]
    return before[-1] if before else None


def _match_by_size(a: Architecture, b: Architecture, mine: LayerPlace) -> str | None:
    """Where names say nothing, as between ResNet and VGG: by what share of the image's side the output has."""
    if mine.layer == head_layer(a):
        return head_layer(b).name
    features = _has_pixels(mine.layer)
    there = [place for place in _comparable(b) if _has_pixels(place.layer) == features]
    there = there if features else [place for place in there if place.layer != head_layer(b)]
    if not there:
        return None
    scale = min((_scale(b, place) for place in there), key=lambda scale: abs(scale - _scale(a, mine)))
    there = [place for place in there if _scale(b, place) == scale]
    kind: str = mine.layer.kind
    kinds: set[str] = {place.layer.kind for place in there}
    kind = kind if kind in kinds else ALIKE.get(kind, kind)
    fitting = [place for place in there if place.layer.kind == kind]
    fitting = fitting or [place for place in there if place.layer.kind != "average pool"][-1:] or there
    peers = [place for place in _comparable(a) if _peers(a, place, mine)]
    at = next((number for number, place in enumerate(peers) if place.layer == mine.layer), len(peers) - 1)
    return fitting[_same_relative_place(max(at, 0), max(len(peers), 1), len(fitting))].name


def _has_pixels(layer: Layer) -> bool:
    return math.prod(layer.output[1:]) > 1


def _comparable(architecture: Architecture) -> list[LayerPlace]:
    """Layers that a network of another design may have, too: of a block's ReLUs only the last."""
    places = [place for place in _places(architecture) if place.step != BLOCK]
    if not isinstance(architecture, Residual):
        return places
    return [place for place in places if place.block < 0 or place.layer.kind != "relu" or place.step == OUTPUT]


def _peers(architecture: Architecture, place: LayerPlace, mine: LayerPlace) -> bool:
    """Whether two layers of one network are of one kind and size, so that their order tells them apart."""
    same = _scale(architecture, place) == _scale(architecture, mine)
    return same and place.layer.kind == mine.layer.kind and place.layer != head_layer(architecture)


def _scale(architecture: Architecture, place: LayerPlace) -> float:
    """How often the image's sides have been halved, on average and in quarters: 55 and 56 of 224 are one size."""
    return round(2 * math.log2(math.prod(architecture.image_size) / math.prod(place.layer.output[1:]))) / 4


def _same_relative_place(number: int, count: int, others: int) -> int:
    """The number that is as far along `others` as `number` is along `count`: first to first, last to last."""
    return others - 1 if count == 1 else round(number * (others - 1) / (count - 1))
