"""What the degradation experiment's numbers say: a pure function of its runs. Needs neither torch nor Qt.

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
from resnet_studio.training.degradation.statistics import SPLITS, Ending, Gap, band, chance, final, measured, spread
from resnet_studio.training.degradation.wording import Kind
from resnet_studio.training.runs.curves import LIVE, Curves


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of an experiment, as far as it has come."""

    kind: Kind
    sentences: tuple[str, ...]
    """To be read one after the other; the first says whether degradation is seen."""
    rule: str
    """By how much errors must differ; empty while it is open."""
    steps: int
    from_epoch: int | None
    """The epoch from which on the deeper plain network is worse to the end."""
    endings: tuple[Ending, ...]
    plain: Gap | None
    residual: Gap | None
    gradients: tuple[GradientFlow, ...]
    vanished: bool | None
    """Whether the deepest plain network's gradients do."""

    @property
    def seen(self) -> bool | None:
        """None while that is open."""
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
            "gradients": [one.to_json() for one in self.gradients],
        }  # fmt: skip


def judge(experiment: Experiment, curves: Mapping[str, Curves]) -> Verdict:
    """Say what the runs show, by their names; those that are missing or have not finished do not count."""
    known = {twin: _finished(experiment, twin, curves) for twin in experiment.twins}
    endings = {twin: _ending(twin, runs) for twin, runs in known.items() if runs}
    plain, residual = (_gap(experiment, endings, known, residual=residual) for residual in (False, True))
    flows = gradient_flow.by_twin(experiment.twins, known)
    shallow, deep, twin = _compared(experiment)
    comparable = {shallow, deep, twin} <= flows.keys()
    kind = _kind(plain)
    start = _from_epoch(plain, known) if plain and kind == "seen" else None
    sentences = [
        *(words.first(plain, kind, start, _steps(known)) if plain else _waiting(experiment, curves)),
        *(words.with_shortcuts(residual) if plain and residual else ()),
        *([gradient_flow.sentence(flows[shallow], flows[deep], flows[twin])] if plain and comparable else ()),
        *([words.slower(plain)] if plain and kind == "seen" else ()),
    ]
    return Verdict(
        kind=kind, sentences=tuple(sentences), rule=words.rule(plain) if plain else "", steps=_steps(known),
        from_epoch=start, endings=tuple(endings.values()), plain=plain, residual=residual,
        gradients=tuple(flows.values()),
        vanished=gradient_flow.vanished(flows[deep], flows[twin]) if comparable else None,
    )  # fmt: skip


def _compared(experiment: Experiment) -> tuple[NetworkSpec, NetworkSpec, NetworkSpec]:
    """The shallowest and the deepest plain network, and the deepest one's residual twin."""
    return (
        NetworkSpec(experiment.depths[0], False),
        NetworkSpec(experiment.depths[-1], False),
        NetworkSpec(experiment.depths[-1], True),
    )


def _finished(experiment: Experiment, twin: NetworkSpec, curves: Mapping[str, Curves]) -> list[Curves]:
    runs = (curves.get(part.name) for part in experiment.parts_of(twin))
    return [run for run in runs if run is not None and run.state == "finished"]


def _ending(twin: NetworkSpec, runs: Sequence[Curves]) -> Ending:
    return Ending(twin, len(runs), {split: spread(final(run, split) for run in runs) for split in SPLITS})


def _gap(
    experiment: Experiment,
    endings: Mapping[NetworkSpec, Ending],
    known: Mapping[NetworkSpec, Sequence[Curves]],
    *,
    residual: bool,
) -> Gap | None:
    """Between the shallowest and the deepest network, where both have errors that are numbers."""
    shallow, deep = NetworkSpec(experiment.depths[0], residual), NetworkSpec(experiment.depths[-1], residual)
    pair = [endings[twin] for twin in (shallow, deep) if twin in endings]
    if len(pair) < 2 or any(math.isnan(one.errors[split].median) for one in pair for split in SPLITS):
        return None
    prepared = known[shallow][0].prepared
    images = {"training": prepared.training_images, "test": prepared.test_images} if prepared else {}
    return Gap(pair[0], pair[1], {split: images.get(split, 0) for split in SPLITS})


def _kind(plain: Gap | None) -> Kind:
    if plain is None:
        return "open"
    kinds: dict[tuple[bool, bool], Kind] = {
        (True, True): "seen", (False, False): "not seen", (True, False): "training only", (False, True): "test only",
    }  # fmt: skip
    return kinds[plain.worse("training"), plain.worse("test")]


def _steps(known: Mapping[NetworkSpec, Sequence[Curves]]) -> int:
    return max((run.steps for runs in known.values() for run in runs), default=0)


def _from_epoch(plain: Gap, known: Mapping[NetworkSpec, Sequence[Curves]]) -> int | None:
    """The first of the last epochs in all of which the deeper network is worse on both sets."""
    start = None
    common: dict[float, list[bool]] = {}
    for split in SPLITS:
        bands = [
            band([measured(run, split, "epoch") for run in known[one.twin]]) for one in (plain.shallow, plain.deep)
        ]
        low, high = (dict(zip(one.x.tolist(), one.median.tolist(), strict=True)) for one in bands)
        for x in low.keys() & high.keys():
            more = high[x] - low[x]
            common.setdefault(x, []).append(more > chance(low[x], high[x], plain.images[split]))
    if sum(len(worse) == len(SPLITS) for worse in common.values()) < 2:  # measured on both sets at the end alone
        return None
    for x in sorted(common, reverse=True):
        if common[x] != [True, True]:
            break
        start = math.ceil(x)
    return start


def _waiting(experiment: Experiment, curves: Mapping[str, Curves]) -> list[str]:
    """Why there is no verdict yet."""
    told = [
        f"{part.name} {curves[part.name].state}: {curves[part.name].why}".removesuffix(": ") + "."
        for part in experiment.parts
        if part.name in curves and curves[part.name].state not in {*LIVE, "finished"}
    ]
    wanted = [twin.title for twin in _compared(experiment)[:2] if not _finished(experiment, twin, curves)]
    if not wanted:
        return ["There is no verdict: an error of a finished run was not measured. Train the experiment anew."]
    return [f"The verdict waits for {' and '.join(wanted)} to finish.", *told]
