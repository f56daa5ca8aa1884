"""Which network a file's tensors were made for, told from their names and shapes alone. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
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
)
from resnet_studio.networks.plan import Layer, blocks, plan

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = Mapping[str, Shape]

COUNT = "num_batches_tracked"
"""Files from before torch 0.4 lack it, so it tells nothing."""
BLOCK = re.compile(r"layer(\d{1,2})\.(\d{1,4})\.conv1\.weight")
ANCHORS = ("layer1.0.conv1.weight", "features.0.weight")
"""A tensor that every residual network has, and one that every baseline has."""
RESIDUAL, BASELINE = re.compile(r"(conv1|bn1|layer\d{1,2})\."), re.compile(r"(features|classifier)\.")
"""How the names of the tensors of a network of each kind begin, the head of residual ones aside."""
ROLES = ("weight", "bias", "running_mean", "running_var", COUNT)
HEAD, BASELINE_HEAD = "fc", "classifier.6"
HEAD_TENSORS = {f"{HEAD}.weight", f"{HEAD}.bias"}
MOST_PREFIXES = 4
USUAL_IMAGE: dict[Stem, int] = {"imagenet": 224, "cifar": 32}
STEMS: dict[int, Stem] = {7: "imagenet", 3: "cifar"}
"""By the side of the first convolution's kernel."""


@dataclass(frozen=True, slots=True)
class FoundNetwork:
    """A network in a file: which of the file's tensors are its own."""

    prefix: str
    """What the names of its tensors begin with in the file."""
    names: Mapping[str, str]
    """The name in the file of each tensor, by the name that it has in a network of this program."""
    head: str
    """The file's name for the layer that gives the classes; "" if it has none."""
    others: tuple[str, ...]
    """The file's tensors that are not this network's."""

    def shapes(self, shapes: Shapes) -> dict[str, Shape]:
        """Of its tensors, by the names that they have here."""
        return {name: shapes[theirs] for name, theirs in self.names.items()}


def networks_in(shapes: Shapes, prefix: str = "") -> tuple[FoundNetwork, ...]:
    """The networks among these tensors, or the one whose names begin with `prefix`.

    Where none is known by its names, all tensors are taken for one network's. A network that lies bare in the file is
    the only one: what lies deeper belongs to something else.
    """
    if prefix:
        return (_found(shapes, prefix),)
    bare = any(anchor in shapes for anchor in ANCHORS)
    deeper = () if bare else prefixes(shapes)
    return tuple(_found(shapes, prefix) for prefix in deeper or ("",))


def _found(shapes: Shapes, prefix: str) -> FoundNetwork:
    inner = {name.removeprefix(prefix): name for name in shapes if name.startswith(prefix)}
    if ANCHORS[0] in inner:
        names = {
            name: theirs for name, theirs in inner.items() if RESIDUAL.match(name) and _tells(name, shapes[theirs])
        }
        head = f"{prefix}{HEAD}" if HEAD_TENSORS & inner.keys() else _head(inner, names, shapes, prefix)
        names |= {name: f"{head}{name.removeprefix(HEAD)}" for name in sorted(HEAD_TENSORS)} if head else {}
        names = {name: theirs for name, theirs in names.items() if theirs in shapes}
    elif ANCHORS[1] in inner:
        names = {
            name: theirs for name, theirs in inner.items() if BASELINE.match(name) and _tells(name, shapes[theirs])
        }
        head = f"{prefix}{BASELINE_HEAD}" if f"{BASELINE_HEAD}.weight" in names else ""
    else:
        names, head = inner, ""
    used = set(names.values())
    return FoundNetwork(prefix, names, head, tuple(name for name in shapes if name not in used))


def _tells(name: str, shape: Shape) -> bool:
    """Whether a tensor is one of a layer, and not the count that a profiler has left beside its weights."""
    return name.rpartition(".")[2] in ROLES or math.prod(shape) > 1


def _head(inner: Mapping[str, str], names: Mapping[str, str], shapes: Shapes, prefix: str) -> str:
    """The file's name for a residual network's last layer: that of the only linear layer by itself that could be it."""
    networks = (prefix, *prefixes(shapes))
    elsewhere = [name for name in shapes if prefix and not name.startswith(networks)]
    groups: dict[str, list[str]] = {}
    for name in (*(theirs for own, theirs in inner.items() if own not in names), *elsewhere):
        groups.setdefault(name.removeprefix(prefix).partition(".")[0], []).append(name)
    last = max((int(match[1]) for name in names if (match := BLOCK.fullmatch(name))), default=0)
    widths = {shapes[theirs][0] for own, theirs in names.items() if _last_conv(own, last) and shapes[theirs]}
    heads = [layer for group in groups.values() if (layer := _linear(group, shapes, max(widths, default=0)))]
    return heads[0] if len(heads) == 1 else ""


def _last_conv(name: str, stage: int) -> bool:
    return name in (f"layer{stage}.0.conv2.weight", f"layer{stage}.0.conv3.weight")


def _linear(group: list[str], shapes: Shapes, features: int) -> str:
    """The name of a linear layer of so many features, if a group of tensors is nothing but that."""
    layer = group[0].rpartition(".")[0]
    if sorted(group) != [f"{layer}.bias", f"{layer}.weight"]:
        return ""
    weight, bias = shapes[f"{layer}.weight"], shapes[f"{layer}.bias"]
    return layer if len(weight) == 2 and weight[1] == features and bias == weight[:1] else ""


def recognise(shapes: Shapes, like: Architecture | None = None) -> Architecture | None:
    """The network whose tensors have these names and shapes, all of them and no other; None if there is none.

    What no tensor tells (the image's size, padding or no shortcut) is as in `like` where that is a network of the same
    kind, else as is usual; a bottleneck's stride is on the 3×3, as in the code that nearly all such files come from.
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


def with_head(shapes: Shapes, classes: int) -> dict[str, Shape]:
    """The tensors of a residual network that lacks its head, with one of so many classes."""
    last = max((int(match[1]) for name in shapes if (match := BLOCK.fullmatch(name))), default=0)
    features = max((shape[0] for name, shape in shapes.items() if _last_conv(name, last) and shape), default=0)
    return {**shapes, f"{HEAD}.weight": (classes, features), f"{HEAD}.bias": (classes,)}


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
            "3x3" if article or block == "bottleneck" else "1x1",
            shortcut,
            width,
            stem,
            channels,
            like.image if like and alike else USUAL_IMAGE[stem],
            shapes["fc.weight"][0],
            "article" if article else "paper",
        )


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
