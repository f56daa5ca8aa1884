"""Gradient norms by stage: whether gradients vanish in plain networks. Needs neither torch nor Qt.

The article says that they do in plain networks; He et al. 2015, section 4.1, call that unlikely with batch norm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from resnet_studio.formatting import significant
from resnet_studio.training.degradation.experiment import NetworkSpec
from resnet_studio.training.runs.curves import Curves

VANISHING_RATIO = 0.01
"""A gradient counts as vanished below this fraction of what it is compared with."""


@dataclass(frozen=True, slots=True)
class GradientFlow:
    """Gradient norms with respect to the weights of each stage of a network, over all recorded steps."""

    network: NetworkSpec
    first: dict[str, float]
    """Norm in the first step, by stage; medians over the seeds."""
    median: dict[str, float]
    """Median norm over the whole run, by stage."""
    smallest: float
    smallest_stage: str

    @property
    def end_stages(self) -> tuple[str, str]:
        """The first and the last stage of blocks; the backward pass reaches the last one first."""
        blocks = [stage for stage in self.median if stage.endswith("_x")]
        return blocks[0], blocks[-1]

    @property
    def first_ratio(self) -> float:
        """The first stage's norm as a multiple of the last one's, in the first step."""
        return _ratio(self.first, *self.end_stages)

    @property
    def median_ratio(self) -> float:
        """The same for the medians over the run."""
        return _ratio(self.median, *self.end_stages)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "network": self.network.title, "first_step": self.first, "median": self.median, "smallest": self.smallest,
            "smallest_stage": self.smallest_stage, "stages": list(self.end_stages),
            "first_step_ratio": self.first_ratio, "median_ratio": self.median_ratio,
        }  # fmt: skip


def summarize_gradients(network: NetworkSpec, runs: Sequence[Curves]) -> GradientFlow | None:
    """Summarize the runs of a network; None if no finite gradient norm was recorded."""
    norms = [{stage: _finite(run, stage) for stage in run.gradients[0].norms} for run in runs if run.gradients]
    norms = [stages for stages in norms if all(len(values) for values in stages.values())]
    if not norms or not any(stage.endswith("_x") for stage in norms[0]):
        return None
    stages = list(norms[0])
    lowest = {stage: min(float(run[stage].min()) for run in norms) for stage in stages}
    smallest = min(stages, key=lowest.__getitem__)
    return GradientFlow(
        network=network,
        first={stage: float(np.median([run[stage][0] for run in norms])) for stage in stages},
        median={stage: float(np.median(np.concatenate([run[stage] for run in norms]))) for stage in stages},
        smallest=lowest[smallest],
        smallest_stage=smallest,
    )


def vanished(plain: GradientFlow, residual: GradientFlow) -> bool:
    """Whether a plain network's gradient vanishes: in its first stage, compared with its last stage or with the first
    stage of its residual counterpart."""
    stage, _ = plain.end_stages
    return (
        plain.median_ratio < VANISHING_RATIO or _quotient(plain.median[stage], residual.median[stage]) < VANISHING_RATIO
    )


def describe(shallow: GradientFlow, plain: GradientFlow, residual: GradientFlow) -> str:
    """What the norms say about the deeper plain network, next to the shallower one and its residual counterpart."""
    (first, last), title = plain.end_stages, plain.network.title
    verdict = (
        f"Gradients vanish in {title}, as the article says."
        if vanished(plain, residual)
        else f"Gradients do not vanish in {title}: the article says they do, the paper's section 4.1 that batch norm "
        "prevents it."
    )
    grows = ", so it grows during backpropagation" if plain.first_ratio > max(1.0, shallow.first_ratio) else ""
    return (
        f"{verdict} In the first step, its gradient norm in {first} is {_number(plain.first[first])}, "
        f"{_number(plain.first_ratio)} × that in {last} ({shallow.network.title} {_number(shallow.first_ratio)} ×, "
        f"{residual.network.title} {_number(residual.first_ratio)} ×){grows}. "
        f"In the median step, it is {_number(plain.median[first])}, {_number(plain.median_ratio)} × that in {last} "
        f"({residual.network.title} {_number(residual.median[first])}, {_number(residual.median_ratio)} ×). "
        f"The smallest norm in any stage is {_number(plain.smallest)}; in {residual.network.title} it is "
        f"{_number(residual.smallest)}."
    )


def by_network(
    networks: Sequence[NetworkSpec], runs: Mapping[NetworkSpec, Sequence[Curves]]
) -> dict[NetworkSpec, GradientFlow]:
    """The gradient flow of each network that has one."""
    flows = {network: summarize_gradients(network, runs.get(network, ())) for network in networks}
    return {network: flow for network, flow in flows.items() if flow is not None}


def _finite(run: Curves, stage: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    values = run.gradient_norms(stage).y
    return values[np.isfinite(values)]


def _ratio(norms: dict[str, float], first: str, last: str) -> float:
    return _quotient(norms[first], norms[last])


def _quotient(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.inf


def _number(value: float) -> str:
    """Three significant digits: 0.00567, 1.00, 141, 1,466, 1.2e−12."""
    if not 1e-4 <= value < 1e6:
        return significant(value)
    return f"{value:,.{max(2 - math.floor(math.log10(value)), 0)}f}"
