"""Finding the networks among a file's tensors, by their names and shapes, whatever the names' dialect. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights import fingerprints
from resnet_studio.inference.weights.dialects import DIALECTS
from resnet_studio.inference.weights.dialects.dialect import HEAD, Dialect, Table
from resnet_studio.inference.weights.former_names import current_name
from resnet_studio.inference.weights.layout import Entry, with_stream_orders
from resnet_studio.networks.architecture import Architecture, Residual

Shapes: TypeAlias = Mapping[str, Shape]

BATCH_COUNTER = "num_batches_tracked"
"""Ignored in comparisons, as files from before torch 0.4 lack it."""
ROLES = ("weight", "bias", "running_mean", "running_var", BATCH_COUNTER)
MAX_PREFIXES = 4
FIRST_CONVOLUTION = "layer1.0.conv1"
"""A layer that every residual network has."""
ANCHORS: Mapping[str, tuple[str, ...]] = {
    dialect.key: tuple(filter(None, {table.theirs(FIRST_CONVOLUTION) for table in dialect.tables}))
    for dialect in DIALECTS.values()
}
"""That layer's name in each dialect."""
MAYBE_ANCHOR = re.compile("|".join(map(re.escape, sorted(set(chain.from_iterable(ANCHORS.values()))))))
BASELINE_ANCHOR, BASELINE_HEAD, BASELINE = "features.0.weight", "classifier.6", re.compile(r"(features|classifier)\.")
LAST_CONVOLUTION = re.compile(r"layer(\d{1,4})\.0\.conv(\d)\.weight")


@dataclass(frozen=True, slots=True)
class FoundNetwork:
    """A network in a file, with what each of its tensors is made from."""

    prefix: str
    """The prefix of its tensors' names in the file."""
    entries: Mapping[str, Entry]
    """How each tensor is made from the file's, by its name in this program's networks."""
    head: str = ""
    """The classification layer's name in the file; "" if there is none."""
    usual_head: bool = False
    """Whether that is the name which the dialect has for it."""
    others: tuple[str, ...] = ()
    """The file's tensors that don't belong to this network."""
    dialect: Dialect | None = None
    """Whose names these are; None for other networks than residual ones."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """What shapes don't show, where networks with such names usually differ from most code."""
    head_layers: tuple[str, ...] = ()
    """The layers of a head of several, none of which is used."""
    offered_head: str = ""
    """The last of them, if it can be used alone: a linear layer that takes the network's features."""

    @property
    def place(self) -> str:
        """What comes before the names of the dialect, prefix included: "encoder_q." of "encoder_q.resnet."."""
        return self.prefix.removesuffix(self.dialect.prefix) if self.dialect else self.prefix

    def shapes(self, shapes: Shapes) -> dict[str, Shape]:
        """The shapes of its tensors, by their names in this program's networks."""
        return {name: entry.result_shape(shapes[entry.source]) for name, entry in self.entries.items()}

    def stranger(self, shapes: Shapes) -> str:
        """What the network is, if its tensors show that no architecture of this program equals it; else ""."""
        names = [name.removeprefix(self.prefix) for name in shapes]
        known = self.dialect.strangers if self.dialect else ()
        return next((what for pattern, what in known if any(re.fullmatch(pattern, name) for name in names)), "")

    def made_for(self, architecture: Architecture) -> FoundNetwork:
        """With channels in the order that this architecture's shortcuts need."""
        if not self.dialect or not isinstance(architecture, Residual) or architecture.shortcut != "A":
            return self
        orders = self.dialect.stream_orders(stage_widths(architecture))
        return replace(self, entries=with_stream_orders(self.entries, orders)) if orders else self


def stage_widths(architecture: Residual) -> tuple[int, ...]:
    """The channels that each stage puts out."""
    return tuple(
        architecture.block.outer_width(architecture.width * 2**stage) for stage in range(len(architecture.blocks))
    )


def find_networks(shapes: Shapes, prefix: str = "", head: str = "") -> tuple[FoundNetwork, ...]:
    """The networks among these tensors, or the one with `prefix`; `head` names the layer to use as its head.

    If no network is recognized by its names, all tensors count as one network. A network without a prefix is the only
    one: anything under a prefix then belongs to something else.
    """
    if prefix:
        return (_find_network(shapes, prefix, head),)
    bare = any(place == "" for place, _ in _anchored(shapes))
    deeper = () if bare else find_prefixes(shapes) or _baseline_prefixes(shapes)
    return tuple(_find_network(shapes, place, head) for place in deeper or ("",))


def _baseline_prefixes(shapes: Shapes) -> tuple[str, ...]:
    """Prefixes of torchvision's other networks."""
    places = dict.fromkeys(fingerprints.prefixes(shapes))
    return tuple(place for place in places if fingerprints.recognize(_below(shapes, place)))[:MAX_PREFIXES]


def _below(shapes: Shapes, prefix: str) -> dict[str, Shape]:
    """The tensors under a prefix, by the rest of their names, as torchvision has them today."""
    inside = ((name.removeprefix(prefix), shape) for name, shape in shapes.items() if name.startswith(prefix))
    return {current_name(name): shape for name, shape in inside}


def is_network(names: Iterable[str]) -> bool:
    """Whether tensors of these names may be a network's."""
    return next(_anchored(names), None) is not None


def find_prefixes(shapes: Shapes) -> tuple[str, ...]:
    """Prefixes of the networks inside a larger one: "backbone.", "module.encoder_q."."""
    return tuple(dict.fromkeys(prefix for prefix, _ in _anchored(shapes) if prefix))[:MAX_PREFIXES]


def _anchored(names: Iterable[str]) -> Iterator[tuple[str, Dialect | None]]:
    """The prefix of each network among the tensors, with every dialect that it may be named in."""
    for name in names:
        if f".{name}".endswith(f".{BASELINE_ANCHOR}"):
            yield name.removesuffix(BASELINE_ANCHOR), None
        if MAYBE_ANCHOR.search(name):
            for key, anchors in ANCHORS.items():
                layer, tensor = DIALECTS[key].split(name)
                for anchor in anchors if tensor == "weight" else ():
                    if f".{layer}".endswith(f".{anchor}"):
                        yield name[: name.find(anchor)], DIALECTS[key]


def _find_network(shapes: Shapes, prefix: str, head: str) -> FoundNetwork:
    inner = {name.removeprefix(prefix): name for name in shapes if name.startswith(prefix)}
    places = dict.fromkeys(place for place, _ in _anchored(inner))
    if prefix and "" not in places and len(places) == 1:
        return _find_network(shapes, prefix + next(iter(places)), head)
    dialects = [dialect for place, dialect in _anchored(inner) if place == "" and dialect]
    if dialects:
        found = _find_residual(shapes, prefix, inner, dialects, head)
    elif baseline := fingerprints.recognize(_below(shapes, prefix)):
        entries = {current_name(name): Entry(theirs) for name, theirs in inner.items()}
        found = FoundNetwork(prefix, entries, f"{prefix}{baseline.head}", usual_head=True)
    elif BASELINE_ANCHOR in inner:
        names = {name: Entry(theirs) for name, theirs in inner.items() if BASELINE.match(name)}
        found = FoundNetwork(prefix, names, f"{prefix}{BASELINE_HEAD}" if f"{BASELINE_HEAD}.weight" in names else "")
    else:
        found = FoundNetwork(prefix, {name: Entry(theirs) for name, theirs in inner.items()})
    used = _used(found)
    return replace(found, others=tuple(name for name in shapes if name not in used))


def _find_residual(
    shapes: Shapes, prefix: str, inner: Mapping[str, str], dialects: Sequence[Dialect], head: str
) -> FoundNetwork:  # fmt: skip
    """The residual network under a prefix, in the dialect that has names for most of its tensors."""
    readings = [_read_names(shapes, prefix, inner, dialect) for dialect in dialects]
    dialect, table, names, _ = max(readings, key=lambda reading: (len(reading[2]), reading[3]))
    components = {name.partition(".")[0] for name in names.values()} - {table.head.partition(".")[0]}
    entries = {ours: dialect.reading(ours, inner[name], shapes) for ours, name in names.items()}
    used = {source for entry in entries.values() for source in entry.sources}
    entries |= {  # what seems to be part of its layers stays under its own name, so that it is not lost silently
        name: Entry(theirs)
        for name, theirs in inner.items()
        if theirs not in used and name.partition(".")[0] in components
    }
    return _with_head(shapes, FoundNetwork(prefix, entries, dialect=dialect, usual=table.usual), table, head)


def _read_names(
    shapes: Shapes, prefix: str, inner: Mapping[str, str], dialect: Dialect
) -> tuple[Dialect, Table, dict[str, str], bool]:  # fmt: skip
    """A dialect, its table for these tensors, their names by ours, and whether the head is where it has it."""
    table = dialect.table({name: shapes[theirs] for name, theirs in inner.items()})
    names: dict[str, str] = {}
    for theirs in inner:
        if ours := dialect.our_name(theirs, table):
            names.setdefault(ours, theirs)
    return dialect, table, names, any(layer for layer in _usual_heads(shapes, prefix, dialect, table))


def _usual_heads(shapes: Shapes, prefix: str, dialect: Dialect, table: Table) -> list[str]:
    """Where a dialect's head is in the file: under the network's prefix, or next to it."""
    layers = dict.fromkeys(f"{place}{table.head}" for place in (prefix, prefix.removesuffix(dialect.prefix)))
    return [
        layer
        for layer in layers
        if _tensor(shapes, dialect, layer, "weight") or _tensor(shapes, dialect, layer, "bias")
    ]


def _tensor(shapes: Shapes, dialect: Dialect, layer: str, tensor: str) -> str:
    """The name in the file of a layer's tensor; "" if it has none."""
    name = dialect.joined(layer, tensor)
    wanted = dialect.split(name)
    return name if name in shapes else next((one for one in shapes if dialect.split(one) == wanted), "")


def _with_head(shapes: Shapes, found: FoundNetwork, table: Table, chosen: str) -> FoundNetwork:
    """With its head: the chosen layer, or the one of the dialect's name, or the only separate layer that fits."""
    assert found.dialect
    own_name = [f"{found.prefix}{HEAD}"] if f"{found.prefix}{HEAD}.weight" in shapes else []
    usual = _usual_heads(shapes, found.prefix, found.dialect, table) or own_name
    if chosen or usual:
        return replace(_using(shapes, found, chosen or usual[0]), usual_head=not chosen)
    features, groups = _features(found.shapes(shapes)), _separate_layers(shapes, found)
    fitting = [layers for layers in groups if any(_takes(shapes, layer, features) for layer in layers)]
    if len(fitting) != 1:
        return found
    (layers,) = fitting
    if len(layers) == 1:
        return _using(shapes, found, layers[0])
    last = [layer for layer in layers if len(shapes.get(f"{layer}.weight", ())) > 1][-1]
    return replace(found, head_layers=tuple(layers), offered_head=last if _takes(shapes, last, features) else "")


def _using(shapes: Shapes, found: FoundNetwork, layer: str) -> FoundNetwork:
    """With this layer of the file as the head."""
    assert found.dialect
    entries = dict(found.entries)
    for tensor in ("weight", "bias"):
        if theirs := _tensor(shapes, found.dialect, layer, tensor):
            entries[f"{HEAD}.{tensor}"] = found.dialect.reading(f"{HEAD}.{tensor}", theirs, shapes)
    return replace(found, entries=entries, head=layer)


def _separate_layers(shapes: Shapes, found: FoundNetwork) -> list[list[str]]:
    """The layers that are not in the network's body, in groups with the same first part of their names.

    They are under its prefix, or outside of all networks.
    """
    used, networks = _used(found), (found.prefix, *find_prefixes(shapes))
    groups: dict[str, dict[str, None]] = {}
    for name in shapes:
        layer, _, tensor = name.rpartition(".")
        outside = bool(found.prefix) and not name.startswith(networks)
        if name not in used and layer and tensor in ROLES and (name.startswith(found.prefix) or outside):
            groups.setdefault(name.removeprefix(found.prefix).partition(".")[0], {})[layer] = None
    return [list(layers) for layers in groups.values()]


def _takes(shapes: Shapes, layer: str, features: int) -> bool:
    """Whether a layer is linear, has a bias, and takes so many features."""
    weight, bias = shapes.get(f"{layer}.weight", ()), shapes.get(f"{layer}.bias", ())
    linear = len(weight) == 2 or (len(weight) == 4 and weight[2:] == (1, 1))
    return linear and weight[1] == features and bias == weight[:1]


def _features(shapes: Shapes) -> int:
    """The channels that a residual network's last stage puts out."""
    matches = ((LAST_CONVOLUTION.fullmatch(name), shape) for name, shape in shapes.items() if shape)
    return max(((int(match[1]), int(match[2]), shape[0]) for match, shape in matches if match), default=(0, 0, 0))[2]


def _used(found: FoundNetwork) -> set[str]:
    """The file's tensors that the network is made from."""
    return {source for entry in found.entries.values() for source in entry.sources}


def with_head(shapes: Shapes, classes: int) -> dict[str, Shape]:
    """The tensors of a residual network without a head, with a head of so many classes added."""
    return {**shapes, f"{HEAD}.weight": (classes, _features(shapes)), f"{HEAD}.bias": (classes,)}
