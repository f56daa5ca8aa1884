"""The counts of a network of the user's own, whose code may compute anything in any module, as rows of its table."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import groupby

from torch import nn

from resnet_studio.analysis.table import LayerRow
from resnet_studio.networks.layers import NOTHING, Layer
from resnet_studio.networks.modules.own_trace import CALL


def own_costs(
    network: nn.Module, by_operator: Mapping[str, Mapping[str, int]], counted: Iterable[str], operators: Container[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """What the code of each module with parts costs besides its parts, by its name: of `operators`, and of all.

    `counted` are the modules that are counted as one.
    """
    whole = set(counted)
    inside = tuple(f"{name}." for name in whole if name)
    macs: dict[str, int] = {}
    macs_all: dict[str, int] = {}
    for name, module in network.named_modules():
        if name in whole or name.startswith(inside):
            continue
        parts = [f"{name}.{part}".lstrip(".") for part, _ in module.named_children()]
        own = dict(by_operator[name])
        for part in parts:
            own = {operator: own[operator] - by_operator[part].get(operator, 0) for operator in own}
        macs[name] = sum(value for operator, value in own.items() if operator in operators)
        macs_all[name] = sum(own.values())
    return macs, macs_all


def own_rows(
    layers: Iterable[Layer], macs: Mapping[str, int], macs_all: Mapping[str, int]
) -> tuple[LayerRow, ...]:  # fmt: skip
    """A row for each layer. The count of a module that is called several times, or has several functions, is divided as
    the plan divides it, if both have the same sum; else the last row has all."""
    numbered = sorted(enumerate(layers), key=lambda one: (owner(one[1]), one[0]))
    found: dict[int, LayerRow] = {}
    for name, group in groupby(numbered, key=lambda one: owner(one[1])):
        members = list(group)
        called = [number for number, layer in members if layer.output != NOTHING]
        planned = [layer.macs for _, layer in members]
        total, total_all = macs.get(name, 0), macs_all.get(name, 0)
        for number, layer in members:
            last = number == (called or [members[-1][0]])[-1]
            share = layer.macs if sum(planned) == total else total * last
            found[number] = LayerRow(layer, share, share + (total_all - total) * last)
    return tuple(found[number] for number in sorted(found))


def owner(layer: Layer) -> str:
    """The module that a layer is, or whose code computes it."""
    name, call, _ = layer.name.partition(CALL)
    return name if layer.module or call else name.rpartition(".")[0]
