"""The longest way through a network's graph of layers, and the ways around parts of it. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from resnet_studio.networks.layers import Layer

WEIGHTED = ("conv", "linear", "attention")
CHAIN = 3
"""Parts from which on a module whose parts follow one another is a chain, as DenseNet's blocks are, and no branches."""


class Step(NamedTuple):
    """A layer on the longest way, or a module of several branches."""

    layer: Layer
    """The layer; of a module the one that concatenates its branches."""
    names: tuple[str, ...]
    inputs: tuple[str, ...]
    weight: int
    """Layers with weights in it."""
    is_module: bool = False
    gate: tuple[Layer, ...] = ()
    """The layers that compute the factors of a scale."""


class Bypass(NamedTuple):
    """A way around the steps from `start` up to `end`, and the layers on it."""

    start: int
    end: int
    layers: tuple[Layer, ...] = ()


class Path(NamedTuple):
    """The steps from the image to the classes."""

    steps: tuple[Step, ...]
    bypasses: tuple[Bypass, ...]


def main_path(layers: Sequence[Layer]) -> Path:
    """The way with the most weights through layers that stand in the order in which they are called.

    Where a sum joins it, the other way to it is a bypass. Layers that are on neither are the gates of the scales that
    follow them.
    """
    steps = _steps(layers)
    spine = _spine(steps)
    bypasses, used = _bypasses(spine, steps)
    return Path(_with_gates(spine, steps, used), bypasses)


def _steps(layers: Sequence[Layer]) -> dict[str, Step]:
    """Every step by the name of its output, in order."""
    modules = _modules(layers)
    members = {name: module for module, inside in modules.items() for name in inside}
    found: dict[str, Step] = {}
    for layer in layers:
        if layer.name in modules:
            found[layer.name] = _module_step(layer, modules[layer.name])
        elif layer.name not in members:
            found[layer.name] = Step(layer, (layer.name,), layer.inputs, int(layer.kind in WEIGHTED))
    return found


def _module_step(output: Layer, inside: dict[str, Layer]) -> Step:
    layers = (*inside.values(), output)
    outer = dict.fromkeys(name for layer in layers for name in layer.inputs if name not in inside)
    weight = sum(layer.kind in WEIGHTED for layer in layers)
    return Step(output, (output.name, *inside), tuple(outer), weight, is_module=True)


def _modules(layers: Sequence[Layer]) -> dict[str, dict[str, Layer]]:
    """The modules that concatenate branches, by name, and the layers in them."""
    found = {}
    for layer in layers:
        if layer.kind == "concat":
            prefix = f"{layer.name}."
            inside = {one.name: one for one in layers if one.name.startswith(prefix)}
            if inside and not _is_chain(inside, prefix):
                found[layer.name] = inside
    return found


def _is_chain(inside: dict[str, Layer], prefix: str) -> bool:
    """Whether each part of a module takes what the part before it gives."""
    parts: dict[str, list[Layer]] = {}
    for name, layer in inside.items():
        parts.setdefault(name.removeprefix(prefix).partition(".")[0], []).append(layer)
    rows = list(parts.values())
    return len(rows) >= CHAIN and all(
        any(before[-1].name in layer.inputs for layer in row) for before, row in pairwise(rows)
    )


def _spine(steps: dict[str, Step]) -> list[Step]:
    """The steps of the longest way, each with its main input first."""
    weights: dict[str, int] = {}
    ordered: dict[str, Step] = {}
    for name, step in steps.items():
        known = sorted((one for one in step.inputs if one in weights), key=lambda one: -weights[one])
        weights[name] = step.weight + (weights[known[0]] if known else 0)
        ordered[name] = step._replace(inputs=tuple(known))
    found = [next(reversed(ordered.values()))]
    while found[-1].inputs:
        found.append(ordered[found[-1].inputs[0]])
    return found[::-1]


def _bypasses(spine: Sequence[Step], steps: dict[str, Step]) -> tuple[tuple[Bypass, ...], set[str]]:
    """The ways around parts of the spine, and the names of the layers on them."""
    at = {step.layer.name: number for number, step in enumerate(spine)}
    found: list[Bypass] = []
    sums: dict[frozenset[str], int] = {}
    for end, step in enumerate(spine):
        if not _is_sum(step, steps):
            continue
        others = frozenset(step.inputs[1:])
        if others in sums:  # the trace adds to what an earlier step has added already
            found.append(Bypass(sums[others], end))
        else:
            found += [_bypass(name, end, at, steps) for name in step.inputs[1:]]
        sums[frozenset(step.inputs)] = end
    return tuple(found), {layer.name for bypass in found for layer in bypass.layers}


def _bypass(name: str, end: int, at: dict[str, int], steps: dict[str, Step]) -> Bypass:
    layers: list[Layer] = []
    while name not in at:
        step = steps[name]
        layers.append(step.layer)
        if not (known := [one for one in step.inputs if one in steps]):
            return Bypass(0, end, tuple(layers[::-1]))
        name = known[0]
    return Bypass(at[name] + 1, end, tuple(layers[::-1]))


def _is_sum(step: Step, steps: dict[str, Step]) -> bool:
    """Whether a step adds its inputs up: a concatenation would give it more channels than each of them has."""
    if len(step.inputs) < 2 or step.is_module or step.layer.kind in ("concat", "scale"):
        return False
    return all(steps[name].layer.output[0] == step.layer.input[0] for name in step.inputs)


def _with_gates(spine: Sequence[Step], steps: dict[str, Step], used: set[str]) -> tuple[Step, ...]:
    """The spine, whose scales have the layers of their gates."""
    on_spine = {step.layer.name for step in spine}
    gate: list[Layer] = []
    gates: dict[str, tuple[Layer, ...]] = {}
    for name, step in steps.items():
        if step.layer.kind == "scale":
            gates[name] = tuple(gate)
        if name in on_spine:
            gate = []
        elif name not in used:
            gate.append(step.layer)
    return tuple(step._replace(gate=gates.get(step.layer.name, ())) for step in spine)
