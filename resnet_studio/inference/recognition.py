"""Which network tensors were made for, told from their names and shapes alone. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias

from resnet_studio.networks.architecture import (
    Architecture,
    ArchitectureError,
    Baseline,
    BaselineName,
    BlockKind,
    Residual,
    Shortcut,
    Stem,
    StrideOn,
)
from resnet_studio.networks.plan import Layer, blocks, plan

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = Mapping[str, Shape]

COUNT = "num_batches_tracked"
"""Files from before torch 0.4 lack it, so it tells nothing."""
BLOCK = re.compile(r"layer(\d{1,2})\.(\d{1,4})\.conv1\.weight")
ANCHORS = ("layer1.0.conv1.weight", "features.0.weight")
"""A tensor that every residual network has, and one that every baseline has."""
MOST_PREFIXES = 4
USUAL_IMAGE: dict[Stem, int] = {"imagenet": 224, "cifar": 32}
STEMS: dict[int, Stem] = {7: "imagenet", 3: "cifar"}
"""By the side of the first convolution's kernel."""


def recognise(shapes: Shapes, like: Architecture | None = None) -> Architecture | None:
    """The network whose tensors have these names and shapes, all of them and no other; None if there is none.

    What no tensor tells (the image's size, the stride's place, padding or no shortcut) is as in `like` where that is
    a network of the same kind, else as is usual.
    """
    told = _telling(shapes)
    for candidate in _candidates(told, like):
        if _telling(shapes_of(candidate)) == told:
            return candidate
    return None


def fits(shapes: Shapes, architecture: Architecture, *, head: str = "") -> bool:
    """Whether these are the network's tensors; those of the layer `head` may be what they will."""
    found, wanted = _telling(shapes), _telling(shapes_of(architecture))
    if head:
        found, wanted = ({n: s for n, s in some.items() if not n.startswith(f"{head}.")} for some in (found, wanted))
    return found == wanted


def shapes_of(architecture: Architecture) -> dict[str, Shape]:
    """Name and shape of each tensor in the network's state_dict."""
    biased = isinstance(architecture, Baseline) or architecture.variant == "article"
    shapes: dict[str, Shape] = {}
    for layer in plan(architecture):
        if layer.called:
            shapes |= {f"{layer.name}.{name}": shape for name, shape in _tensors(layer, biased=biased)}
    if isinstance(architecture, Residual) and architecture.variant == "article" and architecture.block == "basic":
        for block in blocks(architecture):
            shapes[f"{block.name}.unused_conv.weight"] = (block.width, block.channels_in, 1, 1)
            shapes[f"{block.name}.unused_conv.bias"] = (block.width,)
            shapes |= {f"{block.name}.unused_bn.{name}": shape for name, shape in _of_norm(block.width)}
    return shapes


def prefixes(shapes: Shapes) -> tuple[str, ...]:
    """What names of networks inside a larger one begin with: "backbone.", "module.encoder_q."."""
    found = (name.removesuffix(anchor) for name in shapes for anchor in ANCHORS if name.endswith(f".{anchor}"))
    return tuple(dict.fromkeys(found))[:MOST_PREFIXES]


def under(shapes: Shapes, prefix: str) -> dict[str, Shape]:
    """The tensors whose names begin so, without that beginning."""
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _tensors(layer: Layer, *, biased: bool) -> Iterator[tuple[str, Shape]]:
    outputs, inputs = layer.output[0], layer.input[0]
    if layer.kind == "batch norm":
        yield from _of_norm(outputs)
    elif layer.kind == "conv":
        yield "weight", (outputs, inputs, layer.kernel, layer.kernel)
        if biased:
            yield "bias", (outputs,)
    elif layer.kind == "linear":
        yield "weight", (outputs, math.prod(layer.input))
        yield "bias", (outputs,)


def _of_norm(channels: int) -> Iterator[tuple[str, Shape]]:
    yield from ((name, (channels,)) for name in ("weight", "bias", "running_mean", "running_var"))
    yield COUNT, ()


def _telling(shapes: Shapes) -> dict[str, Shape]:
    return {name: tuple(shape) for name, shape in shapes.items() if not name.endswith(COUNT)}


def _candidates(shapes: Shapes, like: Architecture | None) -> Iterator[Architecture]:
    """Networks that these may be the tensors of, the likeliest first."""
    with suppress(ArchitectureError):  # sizes that no network has
        if len(shapes.get("conv1.weight", ())) == 4 and len(shapes.get("fc.weight", ())) == 2:
            yield from _residual(shapes, like if isinstance(like, Residual) else None)
        elif "features.0.weight" in shapes and len(shapes.get("classifier.6.weight", ())) == 2:
            names: tuple[BaselineName, ...] = ("vgg19", "alexnet")
            for name in names:
                image = like.image if isinstance(like, Baseline) and like.name == name else 224
                yield Baseline(name, image, shapes["classifier.6.weight"][0])


def _residual(shapes: Shapes, like: Residual | None) -> Iterator[Residual]:
    width, channels, kernel, _ = shapes["conv1.weight"]
    if kernel not in STEMS:
        return
    stem = STEMS[kernel]
    block: BlockKind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
    article = "conv1.bias" in shapes
    alike = like is not None and (like.stem, like.channels) == (stem, channels)
    for shortcut in ("B",) if article else _shortcuts(stem, like if alike else None):
        yield Residual(
            block,
            _counts(shapes),
            like.stride_on if like and like.block == block and not article else _usual_stride(block, article=article),
            shortcut,
            width,
            stem,
            channels,
            like.image if like and alike else USUAL_IMAGE[stem],
            shapes["fc.weight"][0],
            "article" if article else "paper",
        )


def _usual_stride(block: BlockKind, *, article: bool) -> StrideOn:
    """Files with torchvision's names come from its code, or from code like it."""
    return "3x3" if article or block == "bottleneck" else "1x1"


def _shortcuts(stem: Stem, like: Residual | None) -> tuple[Shortcut, ...]:
    """What may be beside the main paths: A and none look alike, and where no block changes its shape all but C."""
    usual: tuple[Shortcut, ...] = ("B", "C", "A", "none") if stem == "cifar" else ("B", "C", "none", "A")
    return tuple(dict.fromkeys((like.shortcut, *usual))) if like else usual


def _counts(shapes: Shapes) -> tuple[int, ...]:
    """How many blocks each stage has."""
    counts: dict[int, int] = {}
    for name in shapes:
        if found := BLOCK.fullmatch(name):
            stage = int(found[1])
            counts[stage] = counts.get(stage, 0) + 1
    return tuple(counts.get(stage, 0) for stage in range(1, max(counts, default=0) + 1))
