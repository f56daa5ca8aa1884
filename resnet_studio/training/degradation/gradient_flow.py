"""What becomes of gradients on their way back through a network: do they vanish? Needs neither torch nor Qt.

The article says that they do in plain networks; He et al. 2015, section 4.1, call that unlikely with batch norm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnet_studio.training.degradation.experiment import NetworkSpec
from resnet_studio.training.runs.curves import Curves

VANISHED = 0.01
"""A gradient has vanished where it is less than this share of what it is compared with."""


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """Norms of the gradients by the weights of each stage of a network, over all steps in which they were taken."""

    twin: NetworkSpec
    first: dict[str, float]
    """In the first step, by stage; medians over the seeds."""
    median: dict[str, float]
    """Over the whole run."""
    smallest: float
    smallest_stage: str

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last stage of blocks: gradients come to the last one first."""
        blocks = [stage for stage in self.median if stage.endswith("_x")]
        return blocks[0], blocks[-1]

    @property
    def first_ratio(self) -> float:
        """The first stage's norm as a multiple of the last one's, in the first step."""
        return _ratio(self.first, *self.ends)

    @property
    def median_ratio(self) -> float:
        """The same of the medians over the run."""
        return _ratio(self.median, *self.ends)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "network": self.twin.title, "first_step": self.first, "median": self.median, "smallest": self.smallest,
            "smallest_stage": self.smallest_stage, "stages": list(self.ends), "first_step_ratio": self.first_ratio,
            "median_ratio": self.median_ratio,
        }  # fmt: skip


def backflow(twin: NetworkSpec, runs: Sequence[Curves]) -> GradientFlow | None:
    """Sum up a network's runs; None where no gradient was taken that is a number."""
    norms = [{stage: _finite(run, stage) for stage in run.gradients[0].norms} for run in runs if run.gradients]
    norms = [one for one in norms if all(len(values) for values in one.values())]
    if not norms or not any(stage.endswith("_x") for stage in norms[0]):
        return None
    stages = list(norms[0])
    lowest = {stage: min(float(one[stage].min()) for one in norms) for stage in stages}
    smallest = min(stages, key=lowest.__getitem__)
    return GradientFlow(
        twin=twin,
        first={stage: float(np.median([one[stage][0] for one in norms])) for stage in stages},
        median={stage: float(np.median(np.concatenate([one[stage] for one in norms]))) for stage in stages},
        smallest=lowest[smallest],
        smallest_stage=smallest,
    )


def vanished(plain: GradientFlow, residual: GradientFlow) -> bool:
    """Whether a plain network's gradient is next to nothing: in its first stage, held against its last one or against
    its residual twin's first."""
    stage, _ = plain.ends
    return plain.median_ratio < VANISHED or _over(plain.median[stage], residual.median[stage]) < VANISHED


def sentence(shallow: GradientFlow, plain: GradientFlow, residual: GradientFlow) -> str:
    """What the numbers say of the deeper plain network, beside the shallower one and its residual twin."""
    (first, last), title = plain.ends, plain.twin.title
    verdict = (
        f"Gradients vanish in {title}, as the article says."
        if vanished(plain, residual)
        else f"Gradients do not vanish in {title}: the article says that they do, the paper's section 4.1 that batch "
        "norm keeps them from it."
    )
    grows = ": it grows on its way back" if plain.first_ratio > max(1.0, shallow.first_ratio) else ""
    return (
        f"{verdict} In the first step its gradient's norm in {first} is {_number(plain.first[first])}, "
        f"{_number(plain.first_ratio)} × {last}'s ({shallow.twin.title} {_number(shallow.first_ratio)} ×, "
        f"{residual.twin.title} {_number(residual.first_ratio)} ×){grows}. "
        f"In the median step it is {_number(plain.median[first])}, {_number(plain.median_ratio)} × {last}'s "
        f"({residual.twin.title} {_number(residual.median[first])}, {_number(residual.median_ratio)} ×). "
        f"The smallest norm of any stage is {_number(plain.smallest)}; in {residual.twin.title} it is "
        f"{_number(residual.smallest)}."
    )


def by_twin(
    twins: Sequence[NetworkSpec], runs: Mapping[NetworkSpec, Sequence[Curves]]
) -> dict[NetworkSpec, GradientFlow]:
    """The backflow of each network that has one."""
    found = {twin: backflow(twin, runs.get(twin, ())) for twin in twins}
    return {twin: one for twin, one in found.items() if one is not None}


def _finite(run: Curves, stage: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = run.gradient_norms(stage).y
    return values[np.isfinite(values)]


def _ratio(norms: dict[str, float], first: str, last: str) -> float:
    return _over(norms[first], norms[last])


def _over(one: float, other: float) -> float:
    return one / other if other else math.inf


def _number(value: float) -> str:
    """Three significant digits: 0.00567, 1.00, 141, 1,466."""
    if not 0 < value < math.inf:
        return f"{value:g}"
    return f"{value:,.{max(2 - math.floor(math.log10(value)), 0)}f}"
