"""Dialects: how a source names the tensors of residual networks, as tables that are read both ways. Needs no torch.

A table has pairs of layer names, theirs and ours. `{stage}`, `{block}` and `{n}` stand for numbers, `{stage+1}` for one
that is counted from elsewhere: "res{stage+1}.{block}.conv{n}" is our "layer{stage}.{block}.conv{n}".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights.layout import Entry, Order

Row: TypeAlias = tuple[str, str]
"""A layer's name in the dialect and in this program, as templates."""
PLACEHOLDER = re.compile(r"\{([a-z]+)([+-]\d+)?\}")
NUMBER = r"0|[1-9]\d{0,3}"
HEAD = "fc"


@dataclass(frozen=True, slots=True)
class Table:
    """The names in one kind of network."""

    rows: tuple[Row, ...]
    """The first row that matches a name counts."""
    marker: str = ""
    """A layer, by its name in the dialect, that networks with these names have; "" if any network may have them."""
    kernel: int = 0
    """The side of the first convolution's kernel in networks with these names; 0 if it doesn't matter."""
    head: str = HEAD
    """The whole name of the classification layer."""
    head_kernel: bool = False
    """Whether that is a 1×1 convolution."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """What shapes don't show, where these networks usually differ from most code: fields, and the normalization."""

    def ours(self, layer: str) -> str | None:
        """A layer's name in this program; None if the table doesn't have it."""
        return _renamed(layer, self.rows)

    def theirs(self, layer: str) -> str | None:
        """A layer's name in the dialect; None if the table doesn't have it, or has it for another layer, too."""
        found = _renamed(layer, tuple((ours, theirs) for theirs, ours in self.rows))
        return found if found is not None and self.ours(found) == layer else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a source names the tensors of residual networks.

    A file may have a prefix before the names of the body, and the head outside of it.
    """

    key: str
    """What the command line calls it: "timm"."""
    title: str
    """Whose names these are, in a sentence: "Hugging Face transformers"."""
    tables: tuple[Table, ...]
    prefix: str = ""
    """What this source writes before the names of the body."""
    strangers: tuple[tuple[str, str], ...] = ()
    """Tensors of this source's networks that no architecture here equals, as a pattern, and what these networks are."""
    caveat: str = ""
    """What to know about this source's own weights."""
    lacks_shortcut: str = ""
    """A shortcut that its networks can't have, where a file with its names would be taken for another source's."""
    counts_batches: bool = True
    """Whether batch norms have torch's counter of batches."""

    def split(self, name: str) -> tuple[str, str]:
        """A tensor's name in a file as the layer's name in the dialect and the tensor's name in torch."""
        layer, _, tensor = name.rpartition(".")
        return layer, tensor

    def joined(self, layer: str, tensor: str) -> str:
        """The inverse of `split`."""
        return f"{layer}.{tensor}"

    def table(self, shapes: Mapping[str, Shape]) -> Table:
        """The table for a file with these tensors, by their names without the prefix."""
        layers = {self.split(name)[0]: shape for name, shape in shapes.items() if self.split(name)[1] == "weight"}
        for table in self.tables:
            first = layers.get(table.theirs("conv1") or "", ())
            if (not table.marker or table.marker in layers) and table.kernel in (0, *first[2:3]):
                return table
        return self.tables[-1]

    def own_table(self, shapes: Mapping[str, Shape]) -> Table:
        """The table for a network with these tensors, by their names in this program: one that has names for most."""
        layers, first = {name.rpartition(".")[0] for name in shapes}, shapes.get("conv1.weight", ())
        fitting = [table for table in self.tables if table.kernel in (0, *first[2:3])] or self.tables
        return max(fitting, key=lambda table: sum(table.theirs(layer) is not None for layer in layers))

    def our_name(self, name: str, table: Table) -> str | None:
        """This program's name of a tensor in a file, given without the prefix; None if the table doesn't have it."""
        layer, tensor = self.split(name)
        ours = table.ours(layer)
        return None if ours is None else f"{ours}.{tensor}"

    def their_name(self, name: str, table: Table) -> str | None:
        """The name in a file of this program's tensor, with the usual prefix; None if the table doesn't have it."""
        layer, _, tensor = name.rpartition(".")
        if layer == HEAD:
            return self.joined(table.head, tensor)
        theirs = table.theirs(layer)
        return None if theirs is None else self.prefix + self.joined(theirs, tensor)

    def reading(self, name: str, theirs: str, shapes: Mapping[str, Shape]) -> Entry:
        """How this program's tensor `name` is made from the file's tensor `theirs`.

        A head that is a 1×1 convolution becomes a linear layer, and a linear layer is a 1×1 convolution elsewhere.
        """
        shape = shapes[theirs]
        if name == f"{HEAD}.weight" and len(shape) == 4 and shape[2:] == (1, 1):
            return Entry(theirs, shape=shape[:2])
        return Entry(theirs)

    def writing(self, name: str, shape: Shape, table: Table) -> Entry:
        """How the dialect's tensor is made from this program's tensor `name`."""
        return Entry(name, shape=(*shape, 1, 1)) if table.head_kernel and name == f"{HEAD}.weight" else Entry(name)

    def extra(self, name: str, table: Table) -> dict[str, Entry]:
        """Tensors that the dialect has besides the one made from this program's tensor `name`."""
        return {}

    def stream_orders(self, widths: tuple[int, ...]) -> tuple[Order, ...]:
        """The order of the channels of each stage's output, given their numbers; empty if it is this program's."""
        return ()


def _renamed(layer: str, rows: tuple[Row, ...]) -> str | None:
    for template, other in rows:
        if found := _pattern(template).fullmatch(layer):
            return _filled(template, other, found)
    return None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """The names that a template stands for, with the numbers as groups; a placeholder's second place repeats it."""
    pattern, end, seen = "", 0, set[str]()
    for place in PLACEHOLDER.finditer(template):
        name = place[1]
        group = f"(?P={name})" if name in seen else f"(?P<{name}>{NUMBER})"
        pattern += re.escape(template[end : place.start()]) + group
        seen.add(name)
        end = place.end()
    return re.compile(pattern + re.escape(template[end:]))


def _filled(template: str, other: str, found: re.Match[str]) -> str:
    """The other template with the numbers of a name that matched the first."""
    offsets = {place[1]: int(place[2] or 0) for place in PLACEHOLDER.finditer(template)}
    numbers = {name: int(text) - offsets[name] for name, text in found.groupdict().items()}
    return PLACEHOLDER.sub(lambda place: str(numbers[place[1]] + int(place[2] or 0)), other)
