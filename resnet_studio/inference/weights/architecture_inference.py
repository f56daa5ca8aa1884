"""Inferring the network that tensors were made for, from their names here and their shapes. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights.dialects.dialect import HEAD
from resnet_studio.inference.weights.fingerprints import recognize
from resnet_studio.inference.weights.recognition import BATCH_COUNTER, Shapes
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Baseline, Residual, Stem
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.families.family import Family, Shortcut, reduced_channels
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import blocks, plan

BLOCK = re.compile(r"layer(\d{1,2})\.(\d{1,4})\.conv1\.weight")
IMAGE_SIZES: Mapping[Stem, int] = {"cifar": 32}
DEFAULT_IMAGE_SIZE = 224
STEMS: Mapping[int, Stem] = {7: "imagenet", 3: "cifar"}
"""By the side of the first convolution's kernel."""
FULL_WIDTH = 64
"""The width of a group, and of the network, that the width per group is relative to."""
REDUCTIONS = (16, 8, 4, 2, 32, 64, 1, 128, 256)
"""Reductions of squeeze-and-excitation, the most frequent first."""


def infer_architecture(
    shapes: Shapes, like: Architecture | None = None, usual: Mapping[str, Any] | None = None
) -> Architecture | None:
    """The network whose tensors have exactly these names and shapes; None if there is none.

    What the tensors don't show (the image size, shortcut A or none) is taken from `like` if that is a network of the
    same kind, else from `usual`, else from the defaults. A bottleneck's stride is `usual`'s, or on the 3×3 as in
    torchvision, whose code nearly all such files come from.
    """
    wanted = without_batch_counters(shapes)
    if known := recognize(wanted):
        usual_image = baselines.info(known.name).image
        image = like.image if isinstance(like, Baseline) and like.name == known.name else usual_image
        return Baseline(known.name, image, known.classes)
    for candidate in candidates(wanted, like, usual or {}):
        if without_batch_counters(state_shapes(candidate)) == wanted:
            return candidate
    return None


def nearest_architecture(shapes: Shapes, usual: Mapping[str, Any] | None = None) -> Architecture | None:
    """The network with the fewest other tensors, if none has exactly these; None if nothing can be told."""
    wanted = without_batch_counters(shapes)
    found = [*candidates(wanted, None, usual or {}, strict=False)]
    return min(
        found, key=lambda one: len(wanted.items() ^ without_batch_counters(state_shapes(one)).items()), default=None
    )


def fits(shapes: Shapes, architecture: Architecture, *, head: str = "") -> bool:
    """Whether these are the network's tensors; those of the layer `head` are not compared."""
    if isinstance(architecture, Baseline) and (known := recognize(shapes)):
        return known.name == architecture.name and (bool(head) or known.classes == architecture.classes)
    found, wanted = without_batch_counters(shapes), without_batch_counters(state_shapes(architecture))
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


def without_batch_counters(shapes: Shapes) -> dict[str, Shape]:
    """The tensors but those that count batches, which files from before torch 0.4 lack."""
    return {name: tuple(shape) for name, shape in shapes.items() if not name.endswith(BATCH_COUNTER)}


def candidates(
    shapes: Shapes, like: Architecture | None, usual: Mapping[str, Any], *, strict: bool = True
) -> Iterator[Architecture]:  # fmt: skip
    """Networks that may have these tensors, the most likely first; with `strict` only those whose first block fits."""
    if _stem(shapes) and len(shapes.get(f"{HEAD}.weight", ())) == 2:
        yield from _residual(shapes, like if isinstance(like, Residual) else None, usual, strict=strict)
    elif "features.0.weight" in shapes and len(shapes.get("classifier.6.weight", ())) == 2:
        for name in baselines.PLAIN:
            image = like.image if isinstance(like, Baseline) and like.name == name else DEFAULT_IMAGE_SIZE
            with suppress(ArchitectureError):
                yield Baseline(name, image, shapes["classifier.6.weight"][0])


def _residual(
    shapes: Shapes, like: Residual | None, usual: Mapping[str, Any], *, strict: bool
) -> Iterator[Residual]:  # fmt: skip
    found = _stem(shapes)
    assert found
    stem, channels, width = found
    same_input = like if like and (like.stem, like.channels) == (stem, channels) else None
    image: ImageSize = same_input.image if same_input else IMAGE_SIZES.get(stem, DEFAULT_IMAGE_SIZE)
    counts, classes = _block_counts(shapes), shapes[f"{HEAD}.weight"][0]
    for family in FAMILIES:
        with suppress(ArchitectureError, ZeroDivisionError):  # no network has these sizes
            block = _block(family, shapes, width, usual)
            for shortcut in (one for one in _shortcuts(shapes, stem, same_input, usual) if one in block.shortcuts):
                candidate = Residual(
                    block, counts, shortcut, width, stem, channels, image, classes, se=_reduction(shapes)
                )
                if strict and not _first_block_fits(candidate, shapes):
                    break
                yield candidate


def _stem(shapes: Shapes) -> tuple[Stem, int, int] | None:
    """A residual network's stem, with its input channels and its width."""
    single, deep = shapes.get("conv1.weight", ()), [shapes.get(f"conv1.{at}.weight", ()) for at in (0, 3, 6)]
    if len(single) == 4 and single[2] in STEMS:
        return STEMS[single[2]], single[1], single[0]
    if all(len(shape) == 4 for shape in deep):
        first, second, last = deep
        return "deep" if first[0] == second[0] else "deep-tiered", first[1], last[0]
    return None


def _block(family: type[Family], shapes: Shapes, width: int, usual: Mapping[str, Any]) -> Family:
    """The block of a family with the choices that its first block's tensors show."""
    fields: dict[str, Any] = {}
    own, first = family.own_fields(), "layer1.0."
    strides = family.choices().get("stride_on", ())
    if len(strides) > 1:
        fields["stride_on"] = usual.get("stride_on", "3x3")
    inner = shapes.get(f"{first}conv2.weight", ())
    if "widen" in own and inner:
        fields["widen"] = max(1, inner[0] // width)
    if "groups" in own and len(inner) == 4:
        fields["groups"] = groups = inner[0] // inner[1]
        fields["width_per_group"] = _width_per_group(shapes, width, groups)
    bounds = family.ranges()
    for name in fields.keys() & bounds.keys():
        least, most = bounds[name]
        if not least <= fields[name] <= most:
            raise ArchitectureError(name, "no network has this")
    return family(**fields)


def _width_per_group(shapes: Shapes, width: int, groups: int) -> int:
    """The width per group with which every stage has its channels: 64 if it will do, else the smallest.

    A stage of width w has ⌊w · width per group / 64⌋ channels in each group.
    """
    least, most = 1, math.inf
    for name, shape in shapes.items():
        if match := re.fullmatch(r"layer(\d{1,2})\.0\.conv2\.weight", name):
            per_group, stage_width = shape[0] // groups, width * 2 ** (int(match[1]) - 1)
            least = max(least, -(-per_group * FULL_WIDTH // stage_width))
            most = min(most, ((per_group + 1) * FULL_WIDTH - 1) // stage_width)
    return FULL_WIDTH if least <= FULL_WIDTH <= most else least


def _reduction(shapes: Shapes) -> int:
    """What squeeze-and-excitation divides the channels by in every block; 0 without it."""
    pairs = {
        (shape[1], shape[0]) for name, shape in shapes.items() if name.endswith(".se.fc1.weight") and len(shape) == 4
    }
    if not pairs:
        return 0
    fitting = (one for one in REDUCTIONS if all(reduced_channels(channels, one) == few for channels, few in pairs))
    return next(fitting, REDUCTIONS[0])


def _first_block_fits(candidate: Residual, shapes: Shapes) -> bool:
    """Whether the tensors on the main path of the first block have these names: quicker to tell than for all blocks."""
    first = replace(blocks(replace(candidate, blocks=(1,), dilated=0))[0], shortcut="none")
    layers = [*first.family.unused_layers(first), *first.family.layers(first, "")]
    wanted = {f"{layer.name}.{name}" for layer in layers for name, _ in _layer_tensors(layer)}
    shortcut = f"{first.name}.downsample"
    found = {name for name in shapes if name.startswith(f"{first.name}.") and not name.startswith(shortcut)}
    return found == {name for name in wanted if not name.endswith(BATCH_COUNTER)}


def _shortcuts(
    shapes: Shapes, stem: Stem, like: Residual | None, usual: Mapping[str, Any]
) -> tuple[Shortcut, ...]:  # fmt: skip
    """Possible shortcuts: A and none have the same tensors, and so do all but C if no block changes the shape."""
    if not any(".downsample." in name for name in shapes):
        taken: Iterable[Shortcut] = ("A", "none") if stem == "cifar" else ("none", "A")
        first = like.shortcut if like else usual.get("shortcut")
        return tuple(dict.fromkeys((*([first] if first else []), "B", *taken, "C", "D")))
    return tuple(dict.fromkeys((*([like.shortcut] if like else []), "B", "C", "D")))


def _block_counts(shapes: Shapes) -> tuple[int, ...]:
    """The number of blocks in each stage."""
    counts: dict[int, int] = {}
    for name in shapes:
        if found := BLOCK.fullmatch(name):
            stage = int(found[1])
            counts[stage] = counts.get(stage, 0) + 1
    return tuple(counts.get(stage, 0) for stage in range(1, max(counts, default=0) + 1))


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
