"""The verdict of the degradation experiment: a pure function of its runs. Needs neither torch nor Qt.

Degradation is seen where the deepest plain network is worse than the shallowest (`statistics.py`), on the training
images and on the test images; worse on the test images alone would be overfitting.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resnet_studio.training.degradation import gradient_flow
from resnet_studio.training.degradation import wording as words
from resnet_studio.training.degradation.experiment import Experiment, NetworkSpec
from resnet_studio.training.degradation.gradient_flow import GradientFlow
from resnet_studio.training.degradation.statistics import (
    SPLITS,
    ErrorGap,
    NetworkResult,
    aggregate,
    final_error,
    measured_error_curve,
    noise_margin,
    spread,
)
from resnet_studio.training.degradation.wording import VerdictKind
from resnet_studio.training.runs.curves import LIVE_STATES, Curves


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on an experiment, as far as its runs have finished."""

    kind: VerdictKind
    sentences: tuple[str, ...]
    """Form one paragraph; the first says whether degradation is seen."""
    rule: str
    """By how much errors must differ; empty while the verdict is open."""
    steps: int
    from_epoch: int | None
    """The epoch from which the deeper plain network stays worse."""
    results: tuple[NetworkResult, ...]
    plain: ErrorGap | None
    residual: ErrorGap | None
    gradients: tuple[GradientFlow, ...]
    vanished: bool | None
    """Whether the gradients of the deepest plain network vanish."""

    @property
    def seen(self) -> bool | None:
        """None while the verdict is open."""
        return None if self.kind == "open" else self.kind == "seen"

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "degradation": self.kind, "seen": self.seen, "text": self.text, "rule": self.rule, "steps": self.steps,
            "from_epoch": self.from_epoch, "plain": self.plain and self.plain.to_json(),
            "residual": self.residual and self.residual.to_json(), "gradients_vanished": self.vanished,
            "gradients": [flow.to_json() for flow in self.gradients],
        }  # fmt: skip


def judge(experiment: Experiment, curves: Mapping[str, Curves]) -> Verdict:
    """The verdict from the runs' curves, by name; runs that are missing or have not finished don't count."""
    known = {network: _finished_runs(experiment, network, curves) for network in experiment.networks}
    results = {network: _network_result(network, runs) for network, runs in known.items() if runs}
    plain, residual = (_error_gap(experiment, results, known, residual=residual) for residual in (False, True))
    flows = gradient_flow.by_network(experiment.networks, known)
    shallow, deep, counterpart = _compared_networks(experiment)
    comparable = {shallow, deep, counterpart} <= flows.keys()
    kind = _kind(plain)
    start = _from_epoch(plain, known) if plain and kind == "seen" else None
    sentences = [
        *(
            words.degradation_sentences(plain, kind, start, _steps(known))
            if plain
            else _open_sentences(experiment, curves)
        ),
        *(words.residual_sentences(residual) if plain and residual else ()),
        *([gradient_flow.describe(flows[shallow], flows[deep], flows[counterpart])] if plain and comparable else ()),
        *([words.slower_training_sentence(plain)] if plain and kind == "seen" else ()),
    ]
    return Verdict(
        kind=kind, sentences=tuple(sentences), rule=words.rule_sentence(plain) if plain else "", steps=_steps(known),
        from_epoch=start, results=tuple(results.values()), plain=plain, residual=residual,
        gradients=tuple(flows.values()),
        vanished=gradient_flow.vanished(flows[deep], flows[counterpart]) if comparable else None,
    )  # fmt: skip


def _compared_networks(experiment: Experiment) -> tuple[NetworkSpec, NetworkSpec, NetworkSpec]:
    """The shallowest and the deepest plain network, and the residual counterpart of the deepest."""
    return (
        NetworkSpec(experiment.depths[0], False),
        NetworkSpec(experiment.depths[-1], False),
        NetworkSpec(experiment.depths[-1], True),
    )


def _finished_runs(experiment: Experiment, network: NetworkSpec, curves: Mapping[str, Curves]) -> list[Curves]:
    runs = (curves.get(run.name) for run in experiment.runs_of(network))
    return [run for run in runs if run is not None and run.state == "finished"]


def _network_result(network: NetworkSpec, runs: Sequence[Curves]) -> NetworkResult:
    return NetworkResult(
        network, len(runs), {split: spread(final_error(run, split) for run in runs) for split in SPLITS}
    )


def _error_gap(
    experiment: Experiment,
    results: Mapping[NetworkSpec, NetworkResult],
    known: Mapping[NetworkSpec, Sequence[Curves]],
    *,
    residual: bool,
) -> ErrorGap | None:
    """Between the shallowest and the deepest network; None unless both have errors that are not NaN."""
    shallow, deep = NetworkSpec(experiment.depths[0], residual), NetworkSpec(experiment.depths[-1], residual)
    pair = [results[network] for network in (shallow, deep) if network in results]
    if len(pair) < 2 or any(math.isnan(result.errors[split].median) for result in pair for split in SPLITS):
        return None
    prepared = known[shallow][0].prepared
    images = {"training": prepared.training_images, "test": prepared.test_images} if prepared else {}
    return ErrorGap(pair[0], pair[1], {split: images.get(split, 0) for split in SPLITS})


def _kind(plain: ErrorGap | None) -> VerdictKind:
    if plain is None:
        return "open"
    kinds: dict[tuple[bool, bool], VerdictKind] = {
        (True, True): "seen", (False, False): "not seen", (True, False): "training only", (False, True): "test only",
    }  # fmt: skip
    return kinds[plain.is_worse("training"), plain.is_worse("test")]


def _steps(known: Mapping[NetworkSpec, Sequence[Curves]]) -> int:
    return max((run.steps for runs in known.values() for run in runs), default=0)


def _from_epoch(plain: ErrorGap, known: Mapping[NetworkSpec, Sequence[Curves]]) -> int | None:
    """The first epoch from which the deeper network is worse on both sets in every epoch."""
    start = None
    common: dict[float, list[bool]] = {}
    for split in SPLITS:
        medians = [
            aggregate([measured_error_curve(run, split, "epoch") for run in known[result.network]])
            for result in (plain.shallow, plain.deep)
        ]
        low, high = (dict(zip(curve.x.tolist(), curve.median.tolist(), strict=True)) for curve in medians)
        for x in low.keys() & high.keys():
            more = high[x] - low[x]
            common.setdefault(x, []).append(more > noise_margin(low[x], high[x], plain.images[split]))
    if sum(len(worse) == len(SPLITS) for worse in common.values()) < 2:  # measured on both sets at the end alone
        return None
    for x in sorted(common, reverse=True):
        if common[x] != [True, True]:
            break
        start = math.ceil(x)
    return start


def _open_sentences(experiment: Experiment, curves: Mapping[str, Curves]) -> list[str]:
    """Sentences that say why there is no verdict yet."""
    broken = [
        f"{run.name} {curves[run.name].state}: {curves[run.name].reason}".removesuffix(": ") + "."
        for run in experiment.runs
        if run.name in curves and curves[run.name].state not in {*LIVE_STATES, "finished"}
    ]
    unfinished = [
        network.title
        for network in _compared_networks(experiment)[:2]
        if not _finished_runs(experiment, network, curves)
    ]
    if not unfinished:
        return ["No verdict: an error of a finished run was not measured. Run the experiment again."]
    return [f"Verdict pending: waiting for {' and '.join(unfinished)} to finish.", *broken]
