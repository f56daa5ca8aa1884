"""Inferring the network that a file's tensors were made for, from their names and shapes. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from resnet_studio.inference.errors import Shape
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Baseline, Residual, Stem
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.families.family import Shortcut
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import blocks, plan

Shapes: TypeAlias = Mapping[str, Shape]

BATCH_COUNTER = "num_batches_tracked"
"""Ignored in comparisons, as files from before torch 0.4 lack it."""
BLOCK = re.compile(r"layer(\d{1,2})\.(\d{1,4})\.conv1\.weight")
SHORTCUT = "layer1.0.downsample"
ANCHORS = ("layer1.0.conv1.weight", "features.0.weight")
"""A tensor that every residual network has, and one that every baseline has."""
RESIDUAL, BASELINE = re.compile(r"(conv1|bn1|layer\d{1,2}|final_bn)\."), re.compile(r"(features|classifier)\.")
"""The names of tensors of each kind of network, except for the head of residual ones."""
ROLES = ("weight", "bias", "running_mean", "running_var", BATCH_COUNTER)
HEAD, BASELINE_HEAD = "fc", "classifier.6"
HEAD_TENSORS = {f"{HEAD}.weight", f"{HEAD}.bias"}
MAX_PREFIXES = 4
DEFAULT_IMAGE_SIZE: dict[Stem, int] = {"imagenet": 224, "cifar": 32}
STEMS: dict[int, Stem] = {7: "imagenet", 3: "cifar"}
"""By the side of the first convolution's kernel."""


@dataclass(frozen=True, slots=True)
class FoundNetwork:
    """A network in a file, with the names of its tensors."""

    prefix: str
    """The prefix of its tensors' names in the file."""
    names: Mapping[str, str]
    """The name in the file of each tensor, by its name in this program's networks."""
    head: str
    """The classification layer's name in the file; "" if there is none."""
    others: tuple[str, ...]
    """The file's tensors that don't belong to this network."""

    def shapes(self, shapes: Shapes) -> dict[str, Shape]:
        """The shapes of its tensors, by their names in this program's networks."""
        return {name: shapes[file_name] for name, file_name in self.names.items()}


def find_networks(shapes: Shapes, prefix: str = "") -> tuple[FoundNetwork, ...]:
    """The networks among these tensors, or the one with `prefix`.

    If no network is recognized by its names, all tensors count as one network. A network without a prefix is the only
    one: anything under a prefix then belongs to something else.
    """
    if prefix:
        return (_find_network(shapes, prefix),)
    bare = any(anchor in shapes for anchor in ANCHORS)
    deeper = () if bare else find_prefixes(shapes)
    return tuple(_find_network(shapes, prefix) for prefix in deeper or ("",))


def _find_network(shapes: Shapes, prefix: str) -> FoundNetwork:
    inner = {name.removeprefix(prefix): name for name in shapes if name.startswith(prefix)}
    if ANCHORS[0] in inner:
        names = {
            name: file_name
            for name, file_name in inner.items()
            if RESIDUAL.match(name) and _is_layer_tensor(name, shapes[file_name])
        }
        head = f"{prefix}{HEAD}" if HEAD_TENSORS & inner.keys() else _find_head(inner, names, shapes, prefix)
        names |= {name: f"{head}{name.removeprefix(HEAD)}" for name in sorted(HEAD_TENSORS)} if head else {}
        names = {name: file_name for name, file_name in names.items() if file_name in shapes}
    elif ANCHORS[1] in inner:
        names = {
            name: file_name
            for name, file_name in inner.items()
            if BASELINE.match(name) and _is_layer_tensor(name, shapes[file_name])
        }
        head = f"{prefix}{BASELINE_HEAD}" if f"{BASELINE_HEAD}.weight" in names else ""
    else:
        names, head = inner, ""
    used = set(names.values())
    return FoundNetwork(prefix, names, head, tuple(name for name in shapes if name not in used))


def _is_layer_tensor(name: str, shape: Shape) -> bool:
    """Whether a tensor belongs to a layer, and is not a counter that a profiler has left next to the weights."""
    return name.rpartition(".")[2] in ROLES or math.prod(shape) > 1


def _find_head(inner: Mapping[str, str], names: Mapping[str, str], shapes: Shapes, prefix: str) -> str:
    """The name of a residual network's last layer in the file: the only separate linear layer with a fitting shape."""
    networks = (prefix, *find_prefixes(shapes))
    outside = [name for name in shapes if prefix and not name.startswith(networks)]
    groups: dict[str, list[str]] = {}
    for name in (*(file_name for own, file_name in inner.items() if own not in names), *outside):
        groups.setdefault(name.removeprefix(prefix).partition(".")[0], []).append(name)
    last = max((int(match[1]) for name in names if (match := BLOCK.fullmatch(name))), default=0)
    widths = {
        shapes[file_name][0] for own, file_name in names.items() if _is_stage_output(own, last) and shapes[file_name]
    }
    heads = [layer for group in groups.values() if (layer := _linear_layer(group, shapes, max(widths, default=0)))]
    return heads[0] if len(heads) == 1 else ""


def _is_stage_output(name: str, stage: int) -> bool:
    return name in (f"layer{stage}.0.conv2.weight", f"layer{stage}.0.conv3.weight")


def _linear_layer(group: list[str], shapes: Shapes, features: int) -> str:
    """The name of the linear layer with so many input features that the tensors consist of; "" if they don't."""
    layer = group[0].rpartition(".")[0]
    if sorted(group) != [f"{layer}.bias", f"{layer}.weight"]:
        return ""
    weight, bias = shapes[f"{layer}.weight"], shapes[f"{layer}.bias"]
    return layer if len(weight) == 2 and weight[1] == features and bias == weight[:1] else ""


def infer_architecture(shapes: Shapes, like: Architecture | None = None) -> Architecture | None:
    """The network whose tensors have exactly these names and shapes; None if there is none.

    What the tensors don't show (the image size, shortcut A or none) is taken from `like` if that is a network of the
    same kind, else from the defaults; a bottleneck's stride is on the 3×3, as in torchvision, where nearly all such
    files come from.
    """
    wanted = _without_batch_counters(shapes)
    for candidate in _candidates(wanted, like):
        if _without_batch_counters(state_shapes(candidate)) == wanted:
            return candidate
    return None


def fits(shapes: Shapes, architecture: Architecture, *, head: str = "") -> bool:
    """Whether these are the network's tensors; those of the layer `head` are not compared."""
    found, wanted = _without_batch_counters(shapes), _without_batch_counters(state_shapes(architecture))
    if head:
        found, wanted = (
            {n: s for n, s in tensors.items() if not n.startswith(f"{head}.")} for tensors in (found, wanted)
        )
    return found == wanted


def state_shapes(architecture: Architecture) -> dict[str, Shape]:
    """Name and shape of each tensor in the network's state_dict."""
    layers = [layer for layer in plan(architecture) if layer.called]
    if isinstance(architecture, Residual):
        for block in blocks(architecture):
            layers += block.family.unused_layers(block)
    return {f"{layer.name}.{name}": shape for layer in layers for name, shape in _layer_tensors(layer)}


def with_head(shapes: Shapes, classes: int) -> dict[str, Shape]:
    """The tensors of a residual network without a head, with a head of so many classes added."""
    last = max((int(match[1]) for name in shapes if (match := BLOCK.fullmatch(name))), default=0)
    features = max((shape[0] for name, shape in shapes.items() if _is_stage_output(name, last) and shape), default=0)
    return {**shapes, f"{HEAD}.weight": (classes, features), f"{HEAD}.bias": (classes,)}


def find_prefixes(shapes: Shapes) -> tuple[str, ...]:
    """Prefixes of the networks inside a larger one: "backbone.", "module.encoder_q."."""
    found = (name.removesuffix(anchor) for name in shapes for anchor in ANCHORS if name.endswith(f".{anchor}"))
    return tuple(dict.fromkeys(found))[:MAX_PREFIXES]


def _layer_tensors(layer: Layer) -> Iterator[tuple[str, Shape]]:
    outputs, inputs = layer.output[0], layer.input[0]
    if layer.kind == "batch norm":
        yield from ((name, (outputs,)) for name in ("weight", "bias", "running_mean", "running_var"))
        yield BATCH_COUNTER, ()
    elif layer.kind == "conv":
        yield "weight", (outputs, inputs // layer.groups, layer.kernel, layer.kernel)
        if layer.bias:
            yield "bias", (outputs,)
    elif layer.kind == "linear":
        yield "weight", (outputs, math.prod(layer.input))
        yield "bias", (outputs,)


def _without_batch_counters(shapes: Shapes) -> dict[str, Shape]:
    return {name: tuple(shape) for name, shape in shapes.items() if not name.endswith(BATCH_COUNTER)}


def _candidates(shapes: Shapes, like: Architecture | None) -> Iterator[Architecture]:
    """Networks that may have these tensors, the most likely first."""
    with suppress(ArchitectureError):  # no network has these sizes
        if len(shapes.get("conv1.weight", ())) == 4 and len(shapes.get("fc.weight", ())) == 2:
            yield from _residual(shapes, like if isinstance(like, Residual) else None)
        elif "features.0.weight" in shapes and len(shapes.get("classifier.6.weight", ())) == 2:
            for name in baselines.NAMES:
                image = like.image if isinstance(like, Baseline) and like.name == name else 224
                yield Baseline(name, image, shapes["classifier.6.weight"][0])


def _residual(shapes: Shapes, like: Residual | None) -> Iterator[Residual]:
    width, channels, kernel, _ = shapes["conv1.weight"]
    if kernel not in STEMS:
        return
    stem, counts = STEMS[kernel], _block_counts(shapes)
    same_input = like is not None and (like.stem, like.channels) == (stem, channels)
    image = like.image if like and same_input else DEFAULT_IMAGE_SIZE[stem]
    for family in FAMILIES:
        block = family(**({"stride_on": "3x3"} if "stride_on" in family.choices() else {}))
        shortcuts = _shortcuts(stem, like if same_input else None)
        for shortcut in (one for one in shortcuts if one in block.shortcuts):
            candidate = Residual(block, counts, shortcut, width, stem, channels, image, shapes["fc.weight"][0])
            if not _first_block_fits(candidate, shapes):
                break
            yield candidate


def _first_block_fits(candidate: Residual, shapes: Shapes) -> bool:
    """Whether the tensors on the main path of the first block have these names: quicker to tell than for all blocks."""
    first = replace(blocks(replace(candidate, blocks=(1,)))[0], shortcut="none")
    layers = [*first.family.unused_layers(first), *first.family.layers(first, "")]
    wanted = {f"{layer.name}.{name}" for layer in layers for name, _ in _layer_tensors(layer)}
    found = {name for name in shapes if name.startswith(f"{first.name}.") and not name.startswith(SHORTCUT)}
    return found == {name for name in wanted if not name.endswith(BATCH_COUNTER)}


def _shortcuts(stem: Stem, like: Residual | None) -> tuple[Shortcut, ...]:
    """Possible shortcuts: A and none have the same tensors, and so do all but C if no block changes the shape."""
    defaults: tuple[Shortcut, ...] = ("B", "C", "A", "none") if stem == "cifar" else ("B", "C", "none", "A")
    return tuple(dict.fromkeys((like.shortcut, *defaults))) if like else defaults


def _block_counts(shapes: Shapes) -> tuple[int, ...]:
    """The number of blocks in each stage."""
    counts: dict[int, int] = {}
    for name in shapes:
        if found := BLOCK.fullmatch(name):
            stage = int(found[1])
            counts[stage] = counts.get(stage, 0) + 1
    return tuple(counts.get(stage, 0) for stage in range(1, max(counts, default=0) + 1))
