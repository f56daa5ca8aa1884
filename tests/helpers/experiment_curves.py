"""Synthetic runs of an experiment from lists of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.networks.architecture import to_json
from resnet_studio.training.degradation.experiment import ExperimentRun
from resnet_studio.training.runs.curves import Curves
from resnet_studio.training.runs.events import Began, Ended, Event, Gradients, Measured, Outcome, Prepared, Stepped

PER_EPOCH = 10
TRAINING, TEST = 1000, 400
"""Images."""
TIME = 1_700_000_000.0


def events(
    run: ExperimentRun,
    training: Sequence[float],
    test: Sequence[float],
    norms: Sequence[Mapping[str, float]] = (),
    how: Outcome | None = "finished",
    why: str = "",
    epochs: int | None = None,
) -> list[Event]:
    """The events of a run with the given errors after each epoch, and gradient norms at every second step from 0."""
    epochs = epochs or len(training)
    result: list[Event] = [
        Prepared(
            TIME, to_json(run.network.architecture), (), tuple("0123456789"), TRAINING, TEST, "made up", PER_EPOCH,
            PER_EPOCH * epochs, "made up", (0.5,), (0.25,),
        ),
        Began(TIME, 0, 0.0, 1, "cpu", 1),
    ]  # fmt: skip
    result += [Gradients(TIME, 2 * number, dict(stages)) for number, stages in enumerate(norms)]
    for number, (training_error, test_error) in enumerate(zip(training, test, strict=True)):
        step = PER_EPOCH * (number + 1)
        result.append(
            Stepped(
                TIME,
                step - PER_EPOCH,
                (2.0,) * PER_EPOCH,
                (training_error,) * PER_EPOCH,
                (0.02,) * PER_EPOCH,
                step / 10,
                1000.0,
            )
        )
        result.append(Measured(TIME, "training", step, 1.0, training_error, TRAINING, step / 10))
        result.append(Measured(TIME, "test", step, 1.0, test_error, TEST, step / 10))
    if how is not None:
        result.append(Ended(TIME, how, PER_EPOCH * len(training), why))
    return result


def curves(*arguments: object, **named: object) -> Curves:
    """The curves of such a run."""
    made = Curves()
    for event in events(*arguments, **named):  # type: ignore[arg-type]
        made.add(event)
    return made
