"""The values of the degradation figure as CSV, for plotting elsewhere. Needs neither torch nor Qt."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.degradation.statistics import Split, error_curve, measured_error_curve, only_running_error
from resnet_studio.training.runs.curves import Curve, Curves

HEADINGS = ("network", "depth", "shortcut", "seed", "quantity", "unit", "step", "epoch", "value")


def experiment_csv(experiment: Experiment, curves: Mapping[str, Curves]) -> str:
    """One value per line: errors on both sets after each epoch, and the gradient norms of each stage."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for run in experiment.runs:
        if run.name in curves:
            network = run.network
            first = (network.title, network.depth, network.architecture.shortcut, run.recipe.seed)
            writer.writerows((*first, *row) for row in _rows(curves[run.name]))
    return text.getvalue()


def _rows(run: Curves) -> Iterator[tuple[Any, ...]]:
    if only_running_error(run):
        running = error_curve(run, "training"), error_curve(run, "training", "epoch")
        yield from _curve_rows("running training error", "%", *running, 100.0)
    names: dict[Split, str] = {"training": "measured training error", "test": "test error"}
    for split, name in names.items():
        yield from _curve_rows(
            name, "%", measured_error_curve(run, split), measured_error_curve(run, split, "epoch"), 100.0
        )
    for stage in run.gradients[0].norms if run.gradients else ():
        name = f"gradient norm of {stage}"
        yield from _curve_rows(name, "", run.gradient_norms(stage), run.gradient_norms(stage, "epoch"), 1.0)


def _curve_rows(quantity: str, unit: str, steps: Curve, epochs: Curve, scale: float) -> Iterator[tuple[Any, ...]]:
    for step, epoch, value in zip(steps.x.tolist(), epochs.x.tolist(), steps.y.tolist(), strict=True):
        yield quantity, unit, int(step), f"{epoch:.4g}", repr(scale * value)
