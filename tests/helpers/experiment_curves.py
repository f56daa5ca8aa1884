"""Runs of an experiment made up from lists of errors: what a test or a picture needs of their curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.networks.architecture import to_json
from resnet_studio.training.degradation.experiment import ExperimentRun
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.events import Began, Ended, Event, Gradients, How, Measured, Prepared, Stepped

PER_EPOCH = 10
TRAINING, TEST = 1000, 400
"""Images."""
TIME = 1_700_000_000.0


def events(
    part: ExperimentRun,
    training: Sequence[float],
    test: Sequence[float],
    norms: Sequence[Mapping[str, float]] = (),
    how: How | None = "finished",
    why: str = "",
    epochs: int | None = None,
) -> list[Event]:
    """A run whose errors after each epoch are given; its gradients are taken every second step from the first on."""
    epochs = epochs or len(training)
    told: list[Event] = [
        Prepared(
            TIME, to_json(part.twin.architecture), (), tuple("0123456789"), TRAINING, TEST, "made up", PER_EPOCH,
            PER_EPOCH * epochs, "made up", (0.5,), (0.25,),
        ),
        Began(TIME, 0, 0.0, 1, "cpu", 1),
    ]  # fmt: skip
    told += [Gradients(TIME, 2 * number, dict(one)) for number, one in enumerate(norms)]
    for number, (one, other) in enumerate(zip(training, test, strict=True)):
        step = PER_EPOCH * (number + 1)
        told.append(
            Stepped(
                TIME, step - PER_EPOCH, (2.0,) * PER_EPOCH, (one,) * PER_EPOCH, (0.02,) * PER_EPOCH, step / 10, 1000.0
            )
        )
        told.append(Measured(TIME, "training", step, 1.0, one, TRAINING, step / 10))
        told.append(Measured(TIME, "test", step, 1.0, other, TEST, step / 10))
    if how is not None:
        told.append(Ended(TIME, how, PER_EPOCH * len(training), why))
    return told


def curves(*arguments: object, **named: object) -> Curves:
    """The curves of such a run."""
    made = Curves()
    for event in events(*arguments, **named):  # type: ignore[arg-type]
        made.take(event)
    return made
