"""torchvision's classification networks, from traces of its own models. Needs no torch.

`python -m resnet_studio.networks.modules.baseline_files resources/plans` writes the files: `index.json` says what each
network is, and a file per network has a line for every module that computes something. Channels are those of the trace
and sizes follow from the windows, so there is a plan for every image that the network takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from resnet_studio.networks.image_size import as_image_size, image_text
from resnet_studio.networks.layers import NOTHING, Kind, Layer, Layout, Shape, window_output
from resnet_studio.networks.traced_row import CLASSES, VECTOR, TracedRow, read_row
from resnet_studio.resources import resource

HALVINGS = range(2, 6)
"""MaxViT's maps with windows are the image halved twice, three, four and five times."""


@dataclass(frozen=True, slots=True)
class PublishedCost:
    """What torchvision's metadata says of a network at one image size."""

    weights: str
    """The member of its enum: "Swin_T_Weights.IMAGENET1K_V1"."""
    image: int
    """Side of the square that the weights are used with."""
    giga_macs: str
    """`_ops`: multiply-adds of convolutions, linear layers and matrix products in 10⁹, as printed."""
    parameters: int


@dataclass(frozen=True, slots=True)
class BaselineInfo:
    """What is known of a network without reading its plan."""

    image: int
    """Side of the images that its default weights are used with."""
    smallest: int
    """Smallest side for which torchvision's network runs."""
    depth: int
    """Layers with weights."""
    published: tuple[PublishedCost, ...]
    files: tuple[tuple[str, str, int], ...] = ()
    """Of each of its weights the name, the file and the size in 1024² bytes."""
    patch: int = 0
    """Side of a vision transformer's patches: its position embedding is made for one square grid of them."""
    window: int = 0
    """Side of the windows that each of its maps must divide into."""


@cache
def _index() -> Mapping[str, BaselineInfo]:
    entries = json.loads(resource("plans/index.json").read_text(encoding="utf-8"))
    return {name: _info(**entry) for name, entry in entries.items()}


def _info(published: Sequence[Sequence[Any]], files: Sequence[Sequence[Any]], **values: int) -> BaselineInfo:
    costs, names = (PublishedCost(*cost) for cost in published), ((*file,) for file in files)
    return BaselineInfo(published=tuple(costs), files=tuple(names), **values)


NAMES: tuple[str, ...] = tuple(_index())
"""Every baseline, by the name of torchvision's function that builds it: its classification networks but the ResNets."""
PLAIN: tuple[str, ...] = tuple(name for name in NAMES if name.startswith(("alexnet", "vgg")))
"""Those that are one chain of convolutions and pools, whose stages are named like those of a residual network."""


def info(name: str) -> BaselineInfo:
    """What is known of one of `NAMES`."""
    return _index()[name]


def refusal(name: str, image_size: tuple[int, int]) -> str:
    """Why a network can't take images of that height and width; empty if it can."""
    known = info(name)
    if (known.patch or known.window) and image_size[0] != image_size[1]:
        return f"{name} takes square images only, as torchvision builds it for one size"
    if known.patch and image_size[0] % known.patch:
        return f"{name} divides the image into patches: the size must be a multiple of {known.patch}"
    if min(image_size) < known.smallest:
        return f"{name} needs at least {known.smallest}, got {image_text(as_image_size(image_size))}"
    if known.window and any(-(-image_size[0] // 2**times) % known.window for times in HALVINGS):
        multiple = known.window * 2 ** HALVINGS[-1]
        return (
            f"{name} divides each of its maps into windows of {known.window}×{known.window}: the size must be a "
            f"multiple of {multiple}, or up to 3 less"
        )
    return ""


@cache
def traced_rows(name: str) -> tuple[TracedRow, ...]:
    """The lines of a network's file."""
    rows: list[TracedRow] = []
    stage = ""
    for line in resource(f"plans/{name}.tsv").read_text(encoding="utf-8").splitlines():
        if "\t" in line:
            rows.append(read_row(line, stage))
        else:
            stage = line
    return tuple(rows)


def layers(name: str, image_size: tuple[int, int], classes: int) -> list[Layer]:
    """The plan of a baseline for color images of that height and width."""
    made: list[Layer] = []
    layouts: list[str] = []
    for row in traced_rows(name):
        sources = [made[offset] for offset in row.inputs]  # the offsets are negative
        layouts.append(row.layout or (layouts[row.inputs[0]] if row.inputs else "maps"))
        shape = sources[0].output if sources else (3, *image_size)
        layer = _layer(row, shape, layouts[-1], classes)
        made.append(layer._replace(inputs=tuple(source.name for source in sources)))
    return made


def _layer(row: TracedRow, source: Shape, layout: str, classes: int) -> Layer:
    """The layer of a row that takes a tensor of the shape `source`."""
    channels_in = row.channels_in or source[0]
    channels = classes if row.channels == CLASSES else row.channels or channels_in
    size = source[1:] if not row.merges else (-(-source[1] // 2), -(-source[2] // 2))
    joined = row.merges or (layout == VECTOR and math.prod(source) == channels_in)
    before = source if joined else (channels_in, 1, 1) if layout == VECTOR else (channels_in, *size)
    kernel, padding = ((2, 2), (0, 0)) if row.merges else (row.kernel, row.padding)
    output = channels, *_output_size(row, (1, 1) if layout == VECTOR else size)
    positions = output[1] * output[2] + (layout == "tokens")
    parameters, macs = _cost(row, channels_in, channels, positions, size)
    across = () if kernel[0] == kernel[1] else (kernel[1], padding[1])
    stride = 2 if row.merges else row.stride if kernel[0] else 0
    return Layer(
        row.name, row.stage, "", row.kind, before if row.called else NOTHING, output if row.called else NOTHING,
        kernel[0], stride, padding[0], parameters, macs if row.called else 0, row.groups,
        dilation=row.dilation, layout=cast(Layout, "maps" if layout == VECTOR else layout), module=row.module,
        across=across,
    )  # fmt: skip


def _output_size(row: TracedRow, size: tuple[int, int]) -> tuple[int, int]:
    if row.side:
        return row.side, row.side
    if not row.kernel[0] or row.kind == "attention":
        return size
    window = zip(size, row.kernel, row.padding, strict=True)
    height, width = (window_output(n, k, row.stride, p, row.dilation, ceil=row.ceil) for n, k, p in window)
    return height, width


def _cost(
    row: TracedRow, channels_in: int, channels: int, positions: int, size: tuple[int, int]
) -> tuple[int, int]:  # fmt: skip
    """Parameters and multiply-adds, as closed forms of what the row's kind computes at each position."""
    kind: Kind = row.kind
    if kind in ("conv", "linear"):
        window = row.kernel[0] * row.kernel[1] if kind == "conv" else 1
        weights = window * channels_in // row.groups * channels
        return weights + channels * row.bias, weights * positions
    if kind == "attention":
        return 4 * channels * (channels + 1) + row.parameters, _attention_macs(row, channels, positions, size)
    if kind in ("batch norm", "layer norm"):
        return 2 * channels, 0
    return channels * positions if row.per_position else row.parameters, 0


def _attention_macs(row: TracedRow, channels: int, positions: int, size: tuple[int, int]) -> int:
    """The projections to queries, keys, values and back, and the two matrix products of every window."""
    among = row.kernel[0] * row.kernel[1] or positions
    if row.kernel[0]:
        positions = math.prod(-(-side // window) * window for side, window in zip(size, row.kernel, strict=True))
    return positions * channels * (4 * channels + 2 * among) + row.fixed_macs


def smallest_image(name: str) -> int:
    """Height or width below which torchvision's network refuses an image."""
    return info(name).smallest


def depth(name: str) -> int:
    """Layers with weights."""
    return info(name).depth
