"""A line of a baseline's file: a module of a traced network, with what does not follow from the lines before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

from resnet_studio.networks.layers import Kind

CLASSES = -1
"""Channels of a row that has as many as there are classes."""
VECTOR = "vector"
"""The layout of N × C, which is a map of one pixel in a plan."""


class TracedRow(NamedTuple):
    """A module that computes something, or a parameter or function that the network itself has."""

    stage: str
    name: str
    kind: Kind
    inputs: tuple[int, ...] = (-1,)
    """The rows whose outputs it takes, counted from its own; none for the image."""
    channels: int = 0
    """Of its output; `CLASSES` for the number of classes, 0 for those of its input."""
    channels_in: int = 0
    """0 for those of the first row that it takes."""
    kernel: tuple[int, int] = (0, 0)
    """Height and width of the window of a convolution, a pool or attention; (0, 0) where there is none."""
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    """Or by how much the windows of attention are shifted."""
    dilation: int = 1
    groups: int = 1
    side: int = 0
    """Side of an adaptive pool's output."""
    layout: str = ""
    """A `Layout` or `VECTOR`; empty for that of its input."""
    parameters: int = 0
    """Those that no formula has: tables, scales, tokens."""
    fixed_macs: int = 0
    """Multiply-adds that don't depend on the image, of a network that computes the biases of positions."""
    bias: bool = False
    ceil: bool = False
    """Whether the last window of a pool may be cut off by the edge."""
    merges: bool = False
    """Whether it takes 2 × 2 neighbors as one."""
    per_position: bool = False
    """Whether its parameters are a vector for each position and one for the class token."""
    called: bool = True
    module: bool = True


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition("x")
    return int(first), int(second or first)


def _pair_text(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _offsets(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


def _channels(text: str) -> int:
    return CLASSES if text == "classes" else int(text)


VALUES: dict[str, tuple[str, Callable[[str], Any], Callable[[Any], str]]] = {
    "in": ("inputs", _offsets, lambda offsets: ",".join(map(str, offsets))),
    "c_in": ("channels_in", int, str),
    "c": ("channels", _channels, lambda count: "classes" if count == CLASSES else str(count)),
    "k": ("kernel", _pair, _pair_text),
    "s": ("stride", int, str),
    "p": ("padding", _pair, _pair_text),
    "d": ("dilation", int, str),
    "g": ("groups", int, str),
    "side": ("side", int, str),
    "layout": ("layout", str, str),
    "parameters": ("parameters", int, str),
    "fixed_macs": ("fixed_macs", int, str),
}
"""The fields with values, by what they are called in a file, with how they are read and written."""
FLAGS = {
    "bias": ("bias", True),
    "ceil": ("ceil", True),
    "merges": ("merges", True),
    "per_position": ("per_position", True),
    "uncalled": ("called", False),
    "function": ("module", False),
}
"""Words that stand alone, with the field that they set."""


def read_row(line: str, stage: str) -> TracedRow:
    """The row of a line; a name that begins with a dot continues the name of the stage."""
    name, kind, *words = line.split("\t")
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        field, parse = (VALUES[key][:2]) if equals else (FLAGS[key][0], None)
        found[field] = parse(text) if parse else FLAGS[key][1]
    return TracedRow(stage, _whole_name(name, stage), cast(Kind, kind), **found)


def write_row(row: TracedRow) -> str:
    """The inverse of `read_row`, with what differs from the defaults."""
    usual = TracedRow._field_defaults
    named = ((key, row._asdict()[field], usual[field], write) for key, (field, _, write) in VALUES.items())
    words = [f"{key}={write(value)}" for key, value, default, write in named if value != default]
    words += [word for word, (field, value) in FLAGS.items() if getattr(row, field) == value]
    return "\t".join([_short_name(row.name, row.stage), row.kind, *words])


def _whole_name(name: str, stage: str) -> str:
    return stage if name == "." else stage + name if name.startswith(".") else name


def _short_name(name: str, stage: str) -> str:
    if name == stage:
        return "."
    return name.removeprefix(stage) if name.startswith(f"{stage}.") else name
