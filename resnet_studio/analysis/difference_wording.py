"""A difference between two networks as a sentence: what they differ in, and what each field costs. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator

from resnet_studio.analysis import units
from resnet_studio.analysis.difference import CostedStep, Costs, Difference, MeasuredPair
from resnet_studio.analysis.units import FlopUnit, in_unit
from resnet_studio.formatting import counted, short_time, significant
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.presets import title

MOST_STEPS = 4
"""How many changes a sentence names."""
LEAST_SHARE = 0.001
"""Part of a whole network's cost below which a sentence leaves out what one of several changes adds."""
SMALL = 0.05
"""Ratios below are written as fractions."""
KINDS = {
    "alexnet": "a chain of convolutions without shortcuts",
    "vgg": "a chain of 3×3 convolutions without shortcuts",
    "googlenet": "an Inception network of parallel branches",
    "inception": "an Inception network of parallel branches",
    "densenet": "a densely connected network",
    "squeezenet": "a network of squeeze and expand layers",
    "mobilenet": "a network of inverted residual blocks",
    "mnasnet": "a searched network of inverted residual blocks",
    "efficientnet": "a network of inverted residual blocks",
    "shufflenet": "a network of grouped convolutions and channel shuffles",
    "regnet": "a residual network of a searched design space",
    "convnext": "a residual network of depthwise 7×7 convolutions",
    "vit": "a vision transformer",
    "swin": "a transformer with shifted windows",
    "maxvit": "a transformer with convolutions",
}
"""What torchvision's networks are, by how their names begin."""


def sentence(
    difference: Difference, unit: FlopUnit = "flops", measured: MeasuredPair | None = None, most: int = MOST_STEPS
) -> str:
    """What a network and its reference differ in and what it costs, with the time where both were measured.

    At most so many changes and one are named; of more, `most` are, and the smaller ones are summed up.
    """
    match difference.relation:
        case "equal":
            return f"{title(difference.architecture)} is compared with itself: there is no difference"
        case "kinds":
            return _of_kinds(difference, measured)
    if len(difference.steps) == 1:
        costs = ", ".join((*_each(difference.adds, difference, unit), *_time(measured)))
        return f"{title(difference.architecture)} has {difference.steps[0].what}: {costs}"
    return _of_steps(difference, unit, measured, most)


def shorter_sentences(
    difference: Difference, unit: FlopUnit = "flops", measured: MeasuredPair | None = None
) -> list[str]:
    """The sentence and shorter ones, which name fewer changes, down to the most costly one."""
    forms = (sentence(difference, unit, measured, most) for most in range(MOST_STEPS, 0, -1))
    return list(dict.fromkeys(forms))


def costed_steps(difference: Difference, unit: FlopUnit = "flops") -> list[tuple[str, str]]:
    """Every change in words, and all that it costs."""
    return [(step.what, _clause(step.adds, difference, unit, exact=True)) for step in difference.steps]


def kind(architecture: Architecture) -> str:
    """What a network is, in a few words: "a residual network (50 layers)"."""
    layers = counted(architecture.depth, "layer")
    if isinstance(architecture, Residual):
        return f"a {'plain' if architecture.shortcut == 'none' else 'residual'} network ({layers})"
    name = architecture.name if isinstance(architecture, Baseline) else ""
    words = (words for known, words in KINDS.items() if name.startswith(known))
    return f"{next(words, 'a network of a Python file')} ({layers})"


def _of_steps(difference: Difference, unit: FlopUnit, measured: MeasuredPair | None, most: int) -> str:
    named = _most_costly(difference, most)
    clauses = [f"{step.what} ({_clause(step.adds, difference, unit)})" for step in difference.steps if step in named]
    others = [step for step in difference.steps if step not in named]
    if others:
        rest = sum((step.adds for step in others), Costs())
        clauses.append(f"{counted(len(others), 'smaller change')} ({_clause(rest, difference, unit)})")
    whole = ", ".join((*_each(difference.adds, difference, unit), *_time(measured)))
    listed = f"{', '.join(clauses[:-1])} and {clauses[-1]}"
    name, reference = title(difference.architecture), title(difference.reference)
    return f"{name} has, compared with {reference}, {listed}. Together: {whole}"


def _most_costly(difference: Difference, most: int) -> list[CostedStep]:
    """The changes that are named: all of a few, else those that change most of what the costlier network has."""
    if len(difference.steps) <= most + 1:
        return list(difference.steps)

    def weight(step: CostedStep) -> float:
        return sum(share for _, share in _added(step.adds, difference, "flops"))

    return sorted(difference.steps, key=weight, reverse=True)[:most]


def _of_kinds(difference: Difference, measured: MeasuredPair | None) -> str:
    one, other = difference.reference_costs, difference.costs
    ratios = (
        f"has {_times(other.macs, one.macs)} the FLOPs, {_times(other.parameters, one.parameters)} the parameters and "
        f"{_times(other.activation_bytes, one.activation_bytes)} the activations"
    )
    time = f"; here it takes {_times(*reversed(measured.seconds))} the time" if measured else ""
    subject, reference = (
        f"{title(network)}, {kind(network)}" for network in (difference.architecture, difference.reference)
    )
    return f"{subject}, {ratios} of {reference}{time}"


def _times(value: float, reference: float) -> str:
    """A ratio that goes before a noun: "5.09 times", "0.714 times", "1/334 of"."""
    ratio = value / reference if reference else math.inf
    if 0 < ratio < SMALL:
        return f"1/{reference / value:,.0f} of"
    return f"{ratio:,.0f} times" if 1000 <= ratio < math.inf else f"{significant(ratio)} times"


def _clause(adds: Costs, difference: Difference, unit: FlopUnit, *, exact: bool = False) -> str:
    """What one change adds. Without `exact`, costs that hardly count in the whole are left out."""
    found = list(_added(adds, difference, unit))
    counting = [text for text, share in found if exact or share >= LEAST_SHARE]
    return ", ".join(counting or [text for text, _ in found]) or "at no cost"


def _each(adds: Costs, difference: Difference, unit: FlopUnit) -> Iterator[str]:
    """What was added of every cost, and how many times as much it is now where that is far more or less."""
    one, other = difference.reference_costs, difference.costs
    yield _flops(adds, difference, unit) + _factor(other.macs, one.macs) if adds.macs else "FLOPs equal"
    parameters = f"{units.delta(adds.parameters)} parameters" + _factor(other.parameters, one.parameters)
    yield parameters if adds.parameters else "parameters equal"
    bytes_now = _factor(other.activation_bytes, one.activation_bytes)
    yield _activations(adds) + bytes_now if adds.activation_bytes else "activations equal"


def _added(adds: Costs, difference: Difference, unit: FlopUnit) -> Iterator[tuple[str, float]]:
    """Every cost that changes, with its share of what the costlier network has."""
    one, other = difference.reference_costs, difference.costs
    if adds.macs:
        yield _flops(adds, difference, unit), _share(adds.macs, one.macs, other.macs)
    if adds.parameters:
        share = _share(adds.parameters, one.parameters, other.parameters)
        yield f"{units.delta(adds.parameters)} parameters", share
    if adds.activation_bytes:
        yield _activations(adds), _share(adds.activation_bytes, one.activation_bytes, other.activation_bytes)


def _share(added: int, one: int, other: int) -> float:
    return abs(added) / max(one, other, 1)


def _flops(adds: Costs, difference: Difference, unit: FlopUnit) -> str:
    """In the prefix of what the reference has, as long as that shows three digits: "+0.231 G FLOPs"."""
    added, whole = in_unit(adds.macs, unit), in_unit(difference.reference_costs.macs, unit)
    scale = 1000 ** ((len(str(whole)) - 1) // 3)
    text = units.delta_scaled(added, scale) if scale // 10 <= abs(added) < scale else units.delta(added)
    return f"{text} {units.NAMES[unit]}"


def _activations(adds: Costs) -> str:
    more = adds.activation_bytes
    return f"{'+' if more > 0 else ''}{units.memory(more)} activations"


def _factor(value: int, reference: int) -> str:
    """In brackets, where the network has ten times as much, or a tenth, or less."""
    if reference and value and not reference < 10 * value < 100 * reference:
        return f" (×{significant(value / reference)})" if value > reference else f" (÷{significant(reference / value)})"
    return ""


def _time(measured: MeasuredPair | None) -> Iterator[str]:
    if measured is None:
        return
    before, after = measured.seconds
    sign = "+" if after > before else units.MINUS
    doubt = "" if measured.tells_apart else ", no more than the measurements scatter"
    yield f"{sign}{short_time(abs(after - before))} here{doubt}"
