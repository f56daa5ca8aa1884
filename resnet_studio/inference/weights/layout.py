"""How a tensor is made from one of another naming, where both are not alike. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from resnet_studio.inference.errors import Shape

Order: TypeAlias = tuple[int, ...]
"""Which channel of the source comes at each place."""
BLOCK_TENSOR = re.compile(
    r"(?P<path>layer(?P<stage>\d+)\.(?P<block>\d+))\.(?P<kind>conv|bn)(?P<number>\d)"
    r"\.(weight|bias|running_mean|running_var)"
)
"""A tensor on the main path of a block."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor made from another: axes moved, then reshaped, channels ordered, then scaled and shifted.

    `compute/translation.py` does it. By default the tensor is its source.
    """

    source: str
    """The other tensor's name."""
    axes: Order = ()
    """The source's axes in the new order."""
    shape: Shape = ()
    """The new shape, if axes of size 1 come or go."""
    orders: tuple[tuple[int, Order], ...] = ()
    """Axes of the result along which channels are ordered, with the order."""
    factor: float = 1.0
    offset: float = 0.0
    less: str = ""
    """The name of a tensor of the source's naming that is subtracted."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of all tensors that it is made from."""
        return (self.source, self.less) if self.less else (self.source,)

    def result_shape(self, shape: Shape) -> Shape:
        """The shape of what is made from a source of this shape."""
        return self.shape or tuple(shape[axis] for axis in self.axes) or shape

    def ordered(self, axis: int, order: Order) -> Entry:
        """The same with channels ordered along an axis."""
        return replace(self, orders=(*self.orders, (axis, order)))


def inverse(order: Order) -> Order:
    """The order that takes channels back."""
    places = [0] * len(order)
    for place, channel in enumerate(order):
        places[channel] = place
    return tuple(places)


def stream_order(before: Sequence[int], channels: int) -> Order:
    """Where shortcut A finds the channels of a stage that pads on both sides, if it pads behind the old ones only.

    `before` is the order of the stage before. Half of the new channels come before the old ones.
    """
    pad = (channels - len(before)) // 2
    old = tuple(pad + channel for channel in before)
    return old + tuple(channel for channel in range(channels) if not pad <= channel < pad + len(before))


def with_stream_orders(entries: Mapping[str, Entry], orders: Sequence[Order]) -> dict[str, Entry]:
    """A residual network's tensors with the channels of each stage's output in an order of its own.

    That concerns the last convolution and batch norm of its blocks, and whatever takes their outputs.
    """
    return {name: _ordered(name, entry, entries, orders) for name, entry in entries.items()}


def _ordered(name: str, entry: Entry, entries: Mapping[str, Entry], orders: Sequence[Order]) -> Entry:
    if name == "fc.weight":
        return entry.ordered(1, orders[-1])
    match = BLOCK_TENSOR.fullmatch(name)
    if not match:
        return entry
    stage, block, last = (
        int(match["stage"]),
        int(match["block"]),
        3 if f"{match['path']}.conv3.weight" in entries else 2,
    )
    before = stage if block else stage - 1
    if match["kind"] == "conv" and match["number"] == "1" and before:
        entry = entry.ordered(1, orders[before - 1])
    return entry.ordered(0, orders[stage - 1]) if int(match["number"]) == last else entry
