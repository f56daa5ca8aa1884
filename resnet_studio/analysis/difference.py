"""What two networks differ in, field by field, and what each field costs. Needs no torch.

The architecture is reached from the reference by one change at a time, over networks that all exist, and each change
is charged with what it adds to the plan's closed form. The steps add up to the whole difference, to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from resnet_studio.analysis import reasons
from resnet_studio.analysis.comparison import COSTS
from resnet_studio.analysis.measurement import Measurement, Timing
from resnet_studio.analysis.quantities import CountingRule
from resnet_studio.analysis.reasons import Step, changes_of, steps
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Baseline, Residual, differing
from resnet_studio.networks.presets import field_text, title

Relation = Literal["equal", "steps", "kinds"]
"""Of two networks: the same, or one reached from the other by changes of its fields, or of different kinds."""
ORDER = (("image", "stem"), *reasons.ORDER)
"""Image and stem together: a large image in a stem for small ones costs a hundred times what either network does."""
RULES = {cost: CountingRule(cost) for cost in COSTS}


@dataclass(frozen=True, slots=True)
class Costs:
    """What a network costs for one image, or what a change of it adds."""

    macs: int = 0
    """Multiply-adds of convolutions and linear layers, and of attention."""
    parameters: int = 0
    activation_bytes: int = 0
    """Outputs of all layers in float32."""

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            self.macs + other.macs, self.parameters + other.parameters, self.activation_bytes + other.activation_bytes
        )

    def __sub__(self, other: Costs) -> Costs:
        return Costs(
            self.macs - other.macs, self.parameters - other.parameters, self.activation_bytes - other.activation_bytes
        )

    def __bool__(self) -> bool:
        """Whether anything is other than zero."""
        return self != Costs()


@dataclass(frozen=True, slots=True)
class CostedStep:
    """One change in words, "the stride on the 3×3 instead of the first 1×1", and what it adds."""

    what: str
    adds: Costs


@dataclass(frozen=True, slots=True)
class Difference:
    """How a network differs from the one that it is compared with."""

    reference: Architecture
    architecture: Architecture
    relation: Relation
    steps: tuple[CostedStep, ...]
    """In the order in which they are made; none between networks of different kinds."""
    reference_costs: Costs
    costs: Costs

    @property
    def adds(self) -> Costs:
        """What the network costs more than the reference."""
        return self.costs - self.reference_costs

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: FLOPs in multiply-adds, bytes for one image."""
        return {
            "reference": title(self.reference), "network": title(self.architecture), "relation": self.relation,
            "steps": [{"what": step.what, **asdict(step.adds)} for step in self.steps], "adds": asdict(self.adds),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MeasuredPair:
    """Measured seconds per image of the reference and of the network, in the same way on one device."""

    reference: Measurement
    measurement: Measurement

    @property
    def seconds(self) -> tuple[float, float]:
        """Of an image, the reference's first."""
        return self.reference.per_image.median, self.measurement.per_image.median

    @property
    def tells_apart(self) -> bool:
        """Whether the medians are further apart than twice the standard error of their difference."""
        before, after = self.seconds
        error = math.hypot(*(_median_error(one.per_image) for one in (self.reference, self.measurement)))
        return abs(after - before) > 2 * error


def _median_error(timing: Timing) -> float:
    """The standard error of a median, from the range of 90 % of the samples, as if these were normally distributed."""
    deviation = (timing.high - timing.low) / (2 * 1.645)
    return math.sqrt(math.pi / 2 / timing.samples) * deviation


@lru_cache(maxsize=512)
def difference(reference: Architecture, architecture: Architecture) -> Difference:
    """How the architecture differs from the reference."""
    relation = _relation(reference, architecture)
    found = _costed_steps(reference, architecture) if relation == "steps" else ()
    return Difference(reference, architecture, relation, found, costs_of(reference), costs_of(architecture))


@lru_cache(maxsize=1024)
def costs_of(architecture: Architecture) -> Costs:
    """What a network costs for one image, in the plan's closed form."""
    return Costs(**{cost: rule.total(architecture) for cost, rule in RULES.items()})


def _relation(reference: Architecture, architecture: Architecture) -> Relation:
    if reference == architecture:
        return "equal"
    if isinstance(reference, Residual) and isinstance(architecture, Residual):
        return "steps"
    if isinstance(reference, Baseline) and isinstance(architecture, Baseline) and reference.name == architecture.name:
        return "steps"
    return "kinds"


def _costed_steps(reference: Architecture, architecture: Architecture) -> tuple[CostedStep, ...]:
    path = _path(reference, architecture)
    if path:
        return tuple(_costed(path))
    values = architecture.values()
    fields = (field_text(name, values[name]) for name in differing(reference, architecture) if name in values)
    return (CostedStep(", ".join(fields), costs_of(architecture) - costs_of(reference)),)


def _costed(path: Sequence[Step]) -> Iterator[CostedStep]:
    for step in path:
        parts: dict[str, Costs] = {}
        for cost, rule in RULES.items():
            for change in changes_of(step, rule):
                parts[change.what] = parts.get(change.what, Costs()) + Costs(**{cost: change.amount})
        yield from (CostedStep(what, adds) for what, adds in parts.items() if adds or len(parts) == 1)


def _path(reference: Architecture, architecture: Architecture) -> list[Step]:
    """The steps; where a network on the way can't exist, those of the opposite way; none where that can't be gone."""
    with suppress(ArchitectureError):
        return list(steps(reference, architecture, ORDER))
    with suppress(ArchitectureError):
        back = steps(architecture, reference, ORDER)
        return [Step(step.fields, step.after, step.before) for step in reversed(list(back))]
    return []
