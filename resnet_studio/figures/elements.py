"""A network as what its figure shows: weighted layers and pools one after another, skip connections, and repetitions.

Needs neither torch nor Qt. Residual networks are read off their blocks, of which equal ones are looked at once, so six
thousand take no longer than two. Other networks are read off the graph of their layers: the longest way through it is
drawn, sums give skip connections, and modules whose branches are concatenated are one box.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from resnet_studio.figures.layer_graph import Bypass, Path, Step, main_path
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.family import Block, Joint
from resnet_studio.networks.families.preactivation import PreActivationFamily
from resnet_studio.networks.layers import NOTHING, Layer
from resnet_studio.networks.plan import block_layers, block_runs, head_layers, plan, stem_layers
from resnet_studio.plain import plain
from resnet_studio.stage_colors import STAGE_COLORS

HEAD = 100
"""The level of what follows the last maps: the global average pool and the classes."""
DRAWN = ("conv", "linear", "max pool", "average pool", "attention")
"""Kinds of layers with a box of their own; normalization, activations and the like belong to the box before them."""
LONGEST_NAME = 40
"""Characters of a module's name, which others have chosen."""
LONGEST_PATTERN = 6
"""Groups of a baseline that repeat together, such as attention and perceptron."""


class Element(NamedTuple):
    """A box."""

    text: str
    names: tuple[str, ...]
    """Of the layers it stands for, the one to select first."""
    stage: str
    """Its key in the palette."""
    channels: int
    size: tuple[int, int]
    """Height and width of its output."""
    level: int
    """How many times the image is halved to its output's size, rounded; `HEAD` behind the last maps."""
    kind: str


class Skip(NamedTuple):
    """A skip connection around the elements of a group from `first` to `last`."""

    first: int
    last: int
    joint: Joint = "identity"
    option: str = ""
    """The paper's letter for what changes the shape, or is in the identity's place."""
    changes_shape: bool = False
    names: tuple[str, ...] = ()
    """The layers on it."""


class Group(NamedTuple):
    """Elements that belong together: a block, or what a skip connection goes around; else one alone."""

    name: str
    """Of the block; empty outside of blocks."""
    elements: tuple[Element, ...]
    skips: tuple[Skip, ...] = ()


class Repeat(NamedTuple):
    """Groups from `first` to `last` that stand for `times` as many."""

    first: int
    last: int
    times: int


class Figure(NamedTuple):
    """What is drawn of one network."""

    groups: tuple[Group, ...]
    repeats: tuple[Repeat, ...] = ()
    folded: dict[str, str] = {}  # noqa: RUF012  # never changed
    """The names that are not drawn, and those of equal ones that are."""

    @property
    def elements(self) -> Iterable[Element]:
        return (element for group in self.groups for element in group.elements)


Run: TypeAlias = tuple[Block, int]


def figure_of(architecture: Architecture, *, fold: bool) -> Figure:
    """What is drawn of a network; with `fold`, equal groups in a row are drawn once."""
    if isinstance(architecture, Residual):
        return _residual(architecture, fold=fold)
    groups = _graph_groups(architecture)
    return _folded(groups) if fold else Figure(groups)


def element_count(architecture: Architecture) -> int:
    """How many elements the network's figure has, with nothing folded."""
    if not isinstance(architecture, Residual):
        return sum(len(group.elements) for group in _graph_groups(architecture))
    stem, head = _ends(architecture)
    runs = _runs(architecture)
    return len(stem) + len(head) + sum(count * len(_block_group(block, architecture).elements) for block, count in runs)


def gate_layers(architecture: Architecture) -> frozenset[str]:
    """The names of the layers that compute factors of squeeze-and-excitation."""
    if isinstance(architecture, Residual):
        return frozenset(layer.name for layer in plan(architecture) if layer.role == "gate")
    return frozenset(layer.name for step in _graph(architecture).steps for layer in step.gate)


def level_of(size: tuple[int, int], image: tuple[int, int]) -> int:
    """How many times an image is halved to that size, rounded: 2 for 56 of 224 and for 73 of 299."""
    return round(math.log2(max(1.0, max(image) / max(size))))


def _residual(architecture: Residual, *, fold: bool) -> Figure:
    stem, head = _ends(architecture)
    groups, repeats, folded = [Group("", (element,)) for element in stem], [], {}
    for block, count in _runs(architecture):
        group = _block_group(block, architecture)
        others = _names_after(block.name, count)
        if fold and count > 1:
            repeats.append(Repeat(len(groups), len(groups), count))
            folded.update(dict.fromkeys(others, block.name))
            others = []
        groups.append(group)
        groups += [_renamed(group, name) for name in others]
    groups += [Group("", (element,)) for element in head]
    return Figure(tuple(groups), tuple(repeats), folded)


def _runs(architecture: Residual) -> list[Run]:
    """Equal blocks in a row, the first of a stage among them where it changes nothing."""
    runs: list[Run] = []
    for block, count in block_runs(architecture):
        if runs and replace(runs[-1][0], name=block.name) == block:
            runs[-1] = (runs[-1][0], runs[-1][1] + count)
        else:
            runs.append((block, count))
    return runs


def _names_after(block: str, count: int) -> list[str]:
    stage, _, index = block.rpartition(".")
    return [f"{stage}.{number}" for number in range(int(index) + 1, int(index) + count)]


@lru_cache(maxsize=16)
def _ends(architecture: Residual) -> tuple[tuple[Element, ...], tuple[Element, ...]]:
    """The elements of stem and head."""
    image = architecture.image_size
    stem = _elements(stem_layers(architecture), image)
    head = _elements(head_layers(architecture), image, ahead=True)
    return stem, tuple(element._replace(level=HEAD) for element in head)


def _block_group(block: Block, architecture: Residual) -> Group:
    return _cached_group(block, architecture.shortcut, architecture.image_size)


@lru_cache(maxsize=512)
def _cached_group(block: Block, option: str, image: tuple[int, int]) -> Group:
    layers = [layer for layer in block_layers(block) if layer.called]
    main = [layer for layer in layers if layer.role != "shortcut"]
    elements = _elements(main, image, ahead=isinstance(block.family, PreActivationFamily))
    if block.shortcut == "none":
        return Group(block.name, elements)
    names = tuple(layer.name for layer in layers if layer.role == "shortcut")
    changes = block.stride != 1 or block.channels_in != block.channels_out
    letter = "" if block.shortcut == "identity" else option
    return Group(block.name, elements, (Skip(0, len(elements) - 1, block.shortcut, letter, changes, names),))


def _renamed(group: Group, name: str) -> Group:
    """An equal block of another name."""
    start = len(group.name)
    elements = tuple(
        element._replace(names=tuple([name + known[start:] for known in element.names])) for element in group.elements
    )
    skips = tuple(skip._replace(names=tuple([name + known[start:] for known in skip.names])) for skip in group.skips)
    return Group(name, elements, skips)


def _elements(layers: Sequence[Layer], image: tuple[int, int], *, ahead: bool = False) -> tuple[Element, ...]:
    """The elements of a chain of layers, with their gates; what has no box of its own belongs to the box before it,
    with `ahead` to the one behind it."""
    found: list[Element] = []
    waiting: list[str] = []
    gate: list[Layer] = []
    for layer in layers:
        if layer.role == "gate":
            gate.append(layer)
        elif layer.kind == "scale" and gate:
            names = (layer.name, *(one.name for one in gate))
            found.append(_element(_gate_text(gate), names, layer, image, "gate"))
            gate = []
        elif layer.kind in DRAWN and (layer.kind != "average pool" or layer.input != layer.output):
            found.append(_element(layer_text(layer), (layer.name, *waiting), layer, image))
            waiting = []
        elif ahead or not found:
            waiting.append(layer.name)
        else:
            found[-1] = found[-1]._replace(names=(*found[-1].names, layer.name))
    if waiting and found:
        found[-1] = found[-1]._replace(names=(*found[-1].names, *waiting))
    return tuple(found)


def _element(text: str, names: tuple[str, ...], layer: Layer, image: tuple[int, int], kind: str = "") -> Element:
    """The element of a layer, whose stage is its own where stages have colors."""
    level = HEAD if _is_head(layer) else level_of(layer.output[1:], image)
    stage = layer.stage if layer.stage in STAGE_COLORS else _stage_of_level(level)
    return Element(text, names, stage, layer.output[0], layer.output[1:], level, kind or layer.kind)


def _is_head(layer: Layer) -> bool:
    return layer.kind in ("linear", "average pool") and not layer.kernel and layer.output[1:] == (1, 1)


def _stage_of_level(level: int) -> str:
    """The stage of a ResNet whose maps are as large."""
    if level == HEAD:
        return "fc"
    stages = tuple(STAGE_COLORS)[:-1]
    return stages[min(max(level - 1, 0), len(stages) - 1)]


def layer_text(layer: Layer) -> str:
    """A layer as the paper's Figure 3 writes it: "3×3 conv, 64, /2", "pool, /2", "avg pool", "fc 1000"."""
    stride = f", /{layer.stride}" if layer.stride > 1 else ""
    match layer.kind:
        case "conv":
            return f"{layer.kernel_text} {_conv_text(layer)}{stride}"
        case "linear":
            return f"fc {layer.output[0]}"
        case "attention":
            return f"{f'{layer.kernel_text} ' if layer.kernel else ''}attention, {layer.output[0]}"
        case "max pool":
            return f"pool{stride}" if stride else "max pool"
        case _:
            return f"avg pool{stride}"


def _conv_text(layer: Layer) -> str:
    """ "conv, 64"; with groups "conv, 128, C=32", of one channel "dw conv, 32"; with a dilation "conv, 64, d=2"."""
    depthwise = layer.groups > 1 and layer.groups == layer.input[0]
    groups = f", C={layer.groups}" if layer.groups > 1 and not depthwise else ""
    dilation = f", d={layer.dilation}" if layer.dilation > 1 else ""
    return f"{'dw ' if depthwise else ''}conv, {layer.output[0]}{groups}{dilation}"


def _gate_text(gate: Iterable[Layer]) -> str:
    """Squeeze-and-excitation with the channels of its two layers, as in Hu et al. 2018: "SE, [16, 256]"."""
    channels = [str(layer.output[0]) for layer in gate if layer.kind in ("conv", "linear")]
    return f"SE, [{', '.join(channels)}]"


@lru_cache(maxsize=16)
def _graph(architecture: Architecture) -> Path:
    return main_path([layer for layer in plan(architecture) if layer.output != NOTHING])


@lru_cache(maxsize=16)
def _graph_groups(architecture: Architecture) -> tuple[Group, ...]:
    """The groups of a network without blocks: each is what skip connections go around, or an element alone."""
    path = _graph(architecture)
    elements: list[Element] = []
    before: list[int] = []
    waiting: tuple[str, ...] = ()
    for step in path.steps:
        before.append(len(elements))
        if text := _step_text(step):
            kind = "module" if step.is_module else "gate" if step.gate else ""
            elements.append(_element(text, _module_names(step) + waiting, step.layer, architecture.image_size, kind))
            waiting = ()
        elif elements:
            elements[-1] = elements[-1]._replace(names=elements[-1].names + _module_names(step))
        else:
            waiting += _module_names(step)
    skips = [_skip(bypass, before) for bypass in path.bypasses]
    return tuple(_grouped(elements, [skip for skip in skips if skip.first <= skip.last]))


def _module_names(step: Step) -> tuple[str, ...]:
    """The names of a step's modules: what the network itself computes can't be selected."""
    names = step.names if step.layer.module else step.names[1:]
    return names + tuple(layer.name for layer in step.gate if layer.module)


def _step_text(step: Step) -> str:
    """The text of a step's box; empty for what has none."""
    layer = step.layer
    if step.is_module:
        stride = round(max(layer.input[1:]) / max(1, *layer.output[1:]))
        return f"{plain(layer.name, LONGEST_NAME)}, {layer.output[0]}{f', /{stride}' if stride > 1 else ''}"
    if step.gate:
        return _gate_text(step.gate)
    if layer.kind not in DRAWN or (layer.kind == "average pool" and layer.input == layer.output):
        return ""
    return layer_text(layer)


def _skip(bypass: Bypass, before: Sequence[int]) -> Skip:
    """A way around steps as one around elements."""
    projects = any(layer.kind == "conv" for layer in bypass.layers)
    pools = any(layer.kind == "average pool" for layer in bypass.layers)
    joint: Joint = "identity" if not projects else "pooled projection" if pools else "projection"
    names = tuple(layer.name for layer in bypass.layers)
    return Skip(before[bypass.start], before[bypass.end] - 1, joint, "", projects, names)


def _grouped(elements: Sequence[Element], skips: Iterable[Skip]) -> Iterator[Group]:
    """Elements in groups that no skip connection crosses."""
    waiting = sorted(skips, key=lambda skip: (skip.first, -skip.last))
    at = 0
    while at < len(elements):
        end, inside = at + 1, []
        while waiting and waiting[0].first < end:
            inside.append(waiting.pop(0))
            end = max(end, inside[-1].last + 1)
        moved = tuple(skip._replace(first=skip.first - at, last=skip.last - at) for skip in inside)
        yield Group("", tuple(elements[at:end]), moved)
        at = end


def _folded(groups: Sequence[Group]) -> Figure:
    """Equal groups in a row, or equal runs of a few groups, drawn once."""
    keys = [_key(group) for group in groups]
    shown: list[Group] = []
    repeats: list[Repeat] = []
    folded: dict[str, str] = {}
    at = 0
    while at < len(groups):
        length, count = _longest_repetition(keys, at)
        kept = groups[at : at + length]
        if count > 1:
            repeats.append(Repeat(len(shown), len(shown) + length - 1, count))
        for number in range(1, count):
            folded.update(_same_names(kept, groups[at + number * length : at + (number + 1) * length]))
        shown += kept
        at += length * count
    return Figure(tuple(shown), tuple(repeats), folded)


def _key(group: Group) -> tuple[object, ...]:
    """What groups have in common that are drawn alike."""
    elements = tuple((element.text, element.level, element.size) for element in group.elements)
    return elements, tuple(skip[:-1] for skip in group.skips)


def _longest_repetition(keys: Sequence[object], at: int) -> tuple[int, int]:
    """Of the groups from `at` on how many repeat, and how often: what leaves most away; (1, 1) if nothing repeats."""
    best = (1, 1)
    for length in range(1, LONGEST_PATTERN + 1):
        count = 1
        while keys[at : at + length] == keys[at + count * length : at + (count + 1) * length]:
            count += 1
        if (count - 1) * length > (best[1] - 1) * best[0]:
            best = (length, count)
    return best


def _same_names(shown: Sequence[Group], hidden: Sequence[Group]) -> dict[str, str]:
    pairs = zip(Figure(tuple(hidden)).elements, Figure(tuple(shown)).elements, strict=True)
    return {name: known for one, other in pairs for name, known in zip(one.names, other.names, strict=False)}
