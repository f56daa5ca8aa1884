"""What became of a run, in the numbers that one would cite. Needs neither torch nor Qt."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from resnet_studio.networks.architecture import Residual, from_json
from resnet_studio.networks.presets import title
from resnet_studio.training import runs
from resnet_studio.training.curves import LIVE, Curves, State
from resnet_studio.training.events import Measured
from resnet_studio.training.following import RunReader


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in short. Errors are shares, 0 … 1; None where nothing was measured."""

    name: str
    folder: str
    architecture: str
    depth: int
    shortcut: str
    data: str
    how: State
    why: str
    steps: int
    seconds: float
    training_error: float | None
    """On the whole training set after the last step, where the recipe has it measured; else of the last batches."""
    test_error: float | None
    best_error: float | None
    best_step: int | None
    notes: tuple[str, ...]

    @property
    def live(self) -> bool:
        return self.how in LIVE

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON values."""
        return asdict(self) | {"notes": list(self.notes)}

    def lines(self) -> list[str]:
        """The summary in words."""
        why = f": {self.why}" if self.why else ""
        told = [f"{self.name} {self.how} after {self.steps:,} steps, {self.seconds:.1f} s of training{why}"]
        if self.test_error is not None and self.best_error is not None:
            told.append(
                f"test error {percent(self.test_error)}, best {percent(self.best_error)} at step {self.best_step:,}"
            )
        if self.training_error is not None:
            told.append(f"training error {percent(self.training_error)}")
        return [*told, *self.notes, f"kept in {self.folder}"]


def summarise(folder: Path) -> Summary:
    """Read a run's folder. `RunError` if it is none."""
    manifest, curves = runs.read(folder), curves_of(folder)
    architecture = manifest.architecture if curves.prepared is None else from_json(curves.prepared.architecture)
    last, best = curves.last("test"), curves.best
    return Summary(
        name=folder.name, folder=str(folder), architecture=title(architecture), depth=architecture.depth,
        shortcut=architecture.shortcut if isinstance(architecture, Residual) else "none", data=manifest.recipe.data,
        how=curves.state, why=curves.why, steps=curves.steps, seconds=curves.seconds,
        training_error=training_error(curves), test_error=_error(last), best_error=_error(best),
        best_step=best.step if best else None, notes=tuple(curves.notes),
    )  # fmt: skip


def curves_of(folder: Path) -> Curves:
    """All that a run has told so far."""
    curves = Curves()
    for event in RunReader(folder).new_events(-1):
        curves.take(event)
    return curves


def training_error(curves: Curves) -> float | None:
    """On the whole training set where that was measured, else the mean of the last whole epoch's batches."""
    measured = curves.last("training")
    if measured is not None:
        return measured.error
    means = curves.per_epoch("error").y
    return float(means[-1]) if len(means) else None


def _error(measured: Measured | None) -> float | None:
    return None if measured is None else measured.error


def percent(share: float) -> str:
    """0.0278 → "2.78 %"."""
    return f"{100 * share:.2f} %"
