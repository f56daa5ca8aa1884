"""Sweeps: an architecture with every combination of the values of some fields, and the best of them in a budget.

Hundreds of networks are tabled from plans alone. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from math import prod
from typing import Any, TypeAlias

from resnet_studio.analysis.budget import CAPACITIES, COSTS, Budget, Capacity, Cost, Figures, SecondsOf, listed
from resnet_studio.analysis.fitting import Fit, fit_width_steps
from resnet_studio.analysis.network_quantities import pareto_front_steps
from resnet_studio.analysis.roundings import Rounding
from resnet_studio.analysis.scaling import scaled
from resnet_studio.networks.architecture import (  # fmt: skip
    DEPTHS,
    FIELDS,
    Architecture,
    ArchitectureError,
    Baseline,
    Residual,
    family,
    to_json,
)
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress, map_progress

SCALE, DEPTH, WIDTH = "scale", "depth", "width"
"""What can be varied beside an architecture's own fields: φ of compound scaling, and the depth; and what can be
fitted."""
MOST_COMBINATIONS = 10_000
"""Networks of one sweep."""

Values: TypeAlias = Mapping[str, Any]


class SweepError(ArchitectureError):
    """A field can't be varied, or not so."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The base, and the values of each field that is varied. Validated: `SweepError`."""

    base: Architecture
    variations: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        for field, values in self.variations.items():
            if field not in (known := variable_fields(self.base)):
                raise SweepError(field, f"can't be varied; must be one of {', '.join(known)}")
            if not values:
                raise SweepError(field, "has no values")
        if self.combinations > MOST_COMBINATIONS:
            field = max(self.variations, key=lambda field: len(self.variations[field]))
            raise SweepError(
                field, f"{self.combinations:,} combinations are too many; the limit is {MOST_COMBINATIONS:,}"
            )

    @property
    def combinations(self) -> int:
        return prod(map(len, self.variations.values()))

    def __iter__(self) -> Iterator[Values]:
        """The combinations; the last field changes fastest."""
        for values in product(*self.variations.values()):
            yield dict(zip(self.variations, values, strict=True))


def variable_fields(base: Architecture) -> tuple[str, ...]:
    """The names of what can be varied; nothing of a network of a Python file."""
    if isinstance(base, Residual):
        return (DEPTH, *FIELDS, SCALE)
    return tuple(base.values()) if isinstance(base, Baseline) else ()


@dataclass(frozen=True, slots=True)
class Impossible:
    """A combination that no network can have, and why."""

    values: Values
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"values": _plain(self.values), "reason": self.reason}


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network of a sweep, and what it costs."""

    values: Values
    """Of the fields that are varied, as they are built."""
    architecture: Architecture
    figures: Figures
    exceeded: tuple[Cost, ...] = ()
    """The costs that are beyond the budget."""
    roundings: tuple[Rounding, ...] = ()

    @property
    def fits(self) -> bool:
        return not self.exceeded

    @cached_property
    def title(self) -> str:
        return title(self.architecture)

    def to_json(self) -> dict[str, Any]:
        """The candidate as plain JSON values; FLOPs are in multiply-adds (`macs`)."""
        figures = self.figures
        return {
            "values": _plain(self.values),
            "title": self.title,
            "architecture": to_json(self.architecture),
            "depth": figures.depth,
            "parameters": figures.parameters,
            "macs": figures.macs,
            "activation_bytes": figures.activation_bytes,
            "memory_bytes": figures.memory,
            "predicted_seconds": figures.seconds,
            "exceeds": list(self.exceeded),
            "roundings": [rounding.to_json() for rounding in self.roundings],
        }


@dataclass(frozen=True)
class SweepResult:
    """The candidates in the order of the combinations, and which of them are best in the budget."""

    sweep: Sweep
    budget: Budget
    best: Capacity
    candidates: tuple[Candidate, ...]
    impossible: tuple[Impossible, ...]
    front: tuple[int, ...]
    """Places of the candidates on the Pareto front, the best first: those within the budget than which no other has as
    much capacity for as little of every limited cost. The best has most capacity, and of equals costs least."""

    @cached_property
    def fitting(self) -> int:
        """How many candidates are within the budget."""
        return sum(candidate.fits for candidate in self.candidates)

    @property
    def meaning(self) -> str:
        """What best means here, in a sentence."""
        most, costs = CAPACITIES[self.best], [COSTS[cost] for cost in _costs(self.budget, self.best)]
        front = f"what no other network beats in {listed([most, *costs])} together" if costs else "what has as many"
        return (
            f"Best is what has the most {most} within the budget; the front is {front}. "
            "This is capacity, not accuracy, which only training tells."
        )

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {
            "base": to_json(self.sweep.base),
            "budget": self.budget.to_json(),
            "best": self.best,
            "meaning": self.meaning,
            "front": [self.candidates[at].to_json() for at in self.front],
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "impossible": [one.to_json() for one in self.impossible],
        }


def sweep_steps(
    sweep: Sweep, budget: Budget, best: Capacity | None = None, seconds_of: SecondsOf | None = None
) -> Generator[Progress, None, SweepResult]:
    """Table every combination and find the front. It yields after each, and more often where widths are fitted.

    Combinations that give equal networks are tabled once. `ValueError` if time is limited and can't be predicted, or
    if a width is to be fitted into no budget.
    """
    best = best or budget.usual_capacity
    _check_budget(sweep, budget, seconds_of)
    found: dict[Architecture, Candidate] = {}
    impossible: list[Impossible] = []
    for number, values in enumerate(sweep):
        try:
            steps = _candidate_steps(sweep.base, values, budget, seconds_of)
            candidate = yield from map_progress(steps, partial(_tabling, number, sweep.combinations))
            found.setdefault(candidate.architecture, candidate)
        except ArchitectureError as error:
            impossible.append(Impossible(values, str(error)))
        yield _tabling(number, sweep.combinations)
    candidates = tuple(found.values())
    fitting = [at for at, candidate in enumerate(candidates) if candidate.fits]
    points = [_point(candidates[at].figures, budget, best) for at in fitting]
    front = yield from map_progress(pareto_front_steps(points), lambda _: Progress(0, 1, "finding the front"))
    return SweepResult(sweep, budget, best, candidates, tuple(impossible), tuple(fitting[at] for at in front))


def varied(base: Architecture, values: Values) -> Architecture:
    """The base with these values of its fields and of its depth; `ArchitectureError` if there is no such network."""
    rest = dict(values)
    if isinstance(base, Residual) and (depth := rest.pop(DEPTH, None)) is not None:
        of_depth = depth_values(base, depth, rest)
        if rest.get("blocks", of_depth["blocks"]) != of_depth["blocks"]:
            blocks = ",".join(map(str, of_depth["blocks"]))
            raise ArchitectureError(DEPTH, f"{depth} layers have the blocks {blocks}; vary one of both fields")
        rest |= of_depth
    return base.with_values(rest)


def depth_values(base: Residual, depth: int, values: Values) -> dict[str, Any]:
    """The block and the blocks of a network of that depth whose other fields are these.

    The paper's depths have the paper's. Others have the given block and equally many of it in every stage, if that
    makes just that depth. `ArchitectureError` if neither is so.
    """
    made = family(values.get("block", base.block.block), values.get("variant", base.block.variant))
    block, blocks = DEPTHS.get(values.get("stem", base.stem), {}).get(depth, ("", ()))
    if block and block == values.get("block", block):
        return {"block": block, "blocks": blocks}
    stages = len(values.get("blocks", base.blocks))
    count, rest = divmod(depth - 2, made.convolutions * stages)
    if rest or count < 1:
        of_paper = f"; the paper's has {block} blocks" if block else ""
        step = made.convolutions * stages
        raise ArchitectureError(
            DEPTH, f"{depth} is no depth of {made.block} blocks: {stages} stages make 2 + {step} n layers{of_paper}"
        )
    return {"block": made.block, "blocks": (count,) * stages}


def _tabling(number: int, of: int, _: object = None) -> Progress:
    return Progress(number, of, "tabling the networks")


def _candidate_steps(
    base: Architecture, values: Values, budget: Budget, seconds_of: SecondsOf | None
) -> Generator[None, None, Candidate]:  # fmt: skip
    values = dict(values)
    roundings: tuple[Rounding, ...] = ()
    phi, width = values.pop(SCALE, None), values.get(WIDTH)
    fit = values.pop(WIDTH) if isinstance(width, Fit) else None
    architecture = varied(base, values)
    if phi is not None:
        architecture, roundings = scaled(architecture, phi)
        values[SCALE] = phi
    if fit is not None:
        architecture, fitted = yield from fit_width_steps(architecture, budget, fit.multiple, seconds_of)
        values[WIDTH] = architecture.width
        roundings = (*(one for one in roundings if one.field != WIDTH), *fitted)
    figures = budget.figures(architecture, seconds_of)
    return Candidate(values, architecture, figures, budget.exceeded(figures), roundings)


def _check_budget(sweep: Sweep, budget: Budget, seconds_of: SecondsOf | None) -> None:
    if budget.seconds is not None and seconds_of is None:
        raise ValueError("time can't be predicted before the layer kinds are measured on this device")
    if not budget.limited and any(isinstance(value, Fit) for value in sweep.variations.get(WIDTH, ())):
        raise SweepError(WIDTH, "can't be fitted without a budget")


def _costs(budget: Budget, best: Capacity) -> tuple[Cost, ...]:
    """The costs of which less is better; never what there is to be most of."""
    return tuple(cost for cost in budget.costs if cost != best)


def _point(figures: Figures, budget: Budget, best: Capacity) -> tuple[float, ...]:
    """Coordinates of which less is better, capacity first."""
    costs = (getattr(figures, cost) for cost in _costs(budget, best))
    return -getattr(figures, best), *(float("inf") if cost is None else cost for cost in costs)


def _plain(values: Values) -> dict[str, Any]:
    """Values for JSON."""
    return {
        field: str(value) if isinstance(value, Fit) else list(value) if isinstance(value, tuple) else value
        for field, value in values.items()
    }
