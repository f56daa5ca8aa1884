"""The values of the degradation figure as text, for whoever draws it otherwise. Needs neither torch nor Qt."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.degradation.statistics import Split, errors, measured, runs_on
from resnet_studio.training.runs.curves import Curve, Curves

HEADINGS = ("network", "depth", "shortcut", "seed", "quantity", "unit", "step", "epoch", "value")


def experiment_csv(experiment: Experiment, curves: Mapping[str, Curves]) -> str:
    """One value a line: errors on both sets after each epoch, and the norms of each stage's gradient."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for part in experiment.parts:
        if part.name in curves:
            run, twin = curves[part.name], part.twin
            first = (twin.title, twin.depth, twin.architecture.shortcut, part.recipe.seed)
            writer.writerows((*first, *row) for row in _rows(run))
    return text.getvalue()


def _rows(run: Curves) -> Iterator[tuple[Any, ...]]:
    if runs_on(run):
        running = errors(run, "training"), errors(run, "training", "epoch")
        yield from _of("running training error", "%", *running, 100.0)
    names: dict[Split, str] = {"training": "measured training error", "test": "test error"}
    for split, name in names.items():
        yield from _of(name, "%", measured(run, split), measured(run, split, "epoch"), 100.0)
    for stage in run.gradients[0].norms if run.gradients else ():
        name = f"gradient norm of {stage}"
        yield from _of(name, "", run.gradient_norms(stage), run.gradient_norms(stage, "epoch"), 1.0)


def _of(quantity: str, unit: str, steps: Curve, epochs: Curve, scale: float) -> Iterator[tuple[Any, ...]]:
    for step, epoch, value in zip(steps.x.tolist(), epochs.x.tolist(), steps.y.tolist(), strict=True):
        yield quantity, unit, int(step), f"{epoch:.4g}", repr(scale * value)
