"""A network's weights under the names of a dialect, as a plan that needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resnet_studio.inference.weights.architecture_inference import state_shapes, without_batch_counters
from resnet_studio.inference.weights.dialects.dialect import Dialect
from resnet_studio.inference.weights.layout import Entry, inverse, with_stream_orders
from resnet_studio.inference.weights.recognition import stage_widths
from resnet_studio.networks.architecture import Architecture, Residual


@dataclass(frozen=True, slots=True)
class Translation:
    """How each tensor of a file is made from a network's."""

    entries: Mapping[str, Entry]
    """By the tensor's name in the dialect."""
    missing: tuple[str, ...]
    """What of the network the dialect has no name for, mostly tensors: such a network can't be written in it."""


def write_plan(dialect: Dialect, architecture: Architecture) -> Translation:
    """How to write a network's weights in a dialect.

    Reading the result back gives the same network, tensor for tensor. Networks other than residual ones have only
    torchvision's names, so for them everything is missing.
    """
    shapes = state_shapes(architecture)
    shapes = shapes if dialect.counts_batches else without_batch_counters(shapes)
    if not isinstance(architecture, Residual):
        return Translation({}, tuple(shapes))
    if architecture.shortcut == dialect.lacks_shortcut:
        return Translation({}, (f"shortcut {architecture.shortcut}",))
    table = dialect.own_table(shapes)
    names = {name: dialect.their_name(name, table) for name in shapes}
    own = {name: dialect.writing(name, shape, table) for name, shape in shapes.items()}
    orders = dialect.stream_orders(stage_widths(architecture)) if architecture.shortcut == "A" else ()
    if orders:
        own = with_stream_orders(own, [inverse(order) for order in orders])
    entries = {theirs: own[name] for name, theirs in names.items() if theirs}
    for name in shapes:
        entries |= dialect.extra(name, table)
    missing = tuple(name for name, theirs in names.items() if theirs is None)
    return Translation(entries, missing)
