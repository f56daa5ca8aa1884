"""The curves of a run's events, checked against formulas."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_studio.training.runs.curves import LIVE_STATES, MAX_NOTES, Curve, Curves, smoothed
from resnet_studio.training.runs.events import (
    Began,
    Ended,
    Event,
    Gradients,
    Measured,
    Noted,
    Outcome,
    Paused,
    Prepared,
    Probed,
    Saved,
    Split,
    Stepped,
    Working,
)
from resnet_studio.training.runs.summary import curve_table

PER_EPOCH, TOTAL, PACE = 11, 110, 0.25
PREPARED = Prepared(
    0.0, {}, (), ("0", "1"), 1437, 360, "a fixed fifth", PER_EPOCH, TOTAL, "on the device", (0.3,), (0.4,)
)


def loss(step: int) -> float:
    """Of the batch of a step, counted from 0."""
    return 2.3 / (1 + step)


def error(step: int) -> float:
    return 0.9 - step / 200


def stepped(first: int, count: int, scale: float = 1.0) -> Stepped:
    steps = range(first, first + count)
    losses, errors = tuple(scale * loss(step) for step in steps), tuple(scale * error(step) for step in steps)
    rates = tuple(0.1 * (TOTAL - step) / TOTAL for step in steps)
    return Stepped(0.0, first, losses, errors, rates, (first + count) * PACE, 128 / PACE)


def measured(step: int, error: float, split: Split = "test") -> Measured:
    return Measured(0.0, split, step, 2 * error, error, 360, step * PACE)


def began(step: int = 0) -> Began:
    return Began(5.0, step, step * PACE, 2, "cpu", 1)


def curves(*events: Event) -> Curves:
    result = Curves()
    for event in events:
        result.add(event)
    return result


def running(*events: Event) -> Curves:
    return curves(PREPARED, began(), *events)


def assert_curve(curve: Curve, x: Any, y: Any) -> None:
    np.testing.assert_allclose(curve.x, x, rtol=1e-12)
    np.testing.assert_allclose(curve.y, y, rtol=1e-12)


def test_without_events_everything_is_empty() -> None:
    empty = curves()
    assert (empty.state, empty.steps, empty.seconds) == ("starting", 0, 0.0)
    assert math.isnan(empty.remaining)
    assert empty.best is empty.last("test") is empty.prepared is empty.began is empty.ended_at is None
    for axis in ("step", "epoch", "seconds"):
        for what in ("loss", "error"):
            assert_curve(empty.per_step(what, axis), [], [])
            assert_curve(empty.per_epoch(what, axis), [], [])
            assert_curve(empty.measurements("test", what, axis), [], [])
        assert_curve(empty.per_step("rate", axis), [], [])
        assert_curve(empty.gradient_norms("conv1", axis), [], [])
        assert_curve(empty.throughput(axis), [], [])


def test_every_step_is_placed_after_its_training_on_each_axis() -> None:
    run = running(stepped(0, 7), stepped(7, 1), stepped(8, 20))
    steps = np.arange(1, 29)
    assert run.steps == 28
    assert run.seconds == 28 * PACE
    for axis, x in (("step", steps), ("epoch", steps / PER_EPOCH), ("seconds", steps * PACE)):
        assert_curve(run.per_step("loss", axis), x, [loss(step) for step in range(28)])
        assert_curve(run.per_step("error", axis), x, [error(step) for step in range(28)])
        assert_curve(run.per_step("rate", axis), x, [0.1 * (110 - step) / 110 for step in range(28)])


def test_steps_of_one_event_share_its_time() -> None:
    slow = replace(stepped(4, 4), seconds=4 * PACE + 8.0)
    assert_curve(
        running(stepped(0, 4), slow).per_step("loss", "seconds"),
        [*(PACE * step for step in range(1, 5)), *(4 * PACE + 2.0 * step for step in range(1, 5))],
        [loss(step) for step in range(8)],
    )


@pytest.mark.parametrize("steps", [0, 10, 11, 21, 22, 30, 110])
def test_an_epochs_mean_is_over_its_own_batches_and_only_of_whole_epochs(steps: int) -> None:
    run = running(*(stepped(first, min(4, steps - first)) for first in range(0, steps, 4)))
    ends = [end for end in range(PER_EPOCH, TOTAL + 1, PER_EPOCH) if end <= steps]
    means = [sum(loss(step) for step in range(end - 11, end)) / 11 for end in ends]
    wrong = [sum(error(step) for step in range(end - 11, end)) / 11 for end in ends]
    assert_curve(run.per_epoch("loss"), ends, means)
    assert_curve(run.per_epoch("error", "epoch"), [end / 11 for end in ends], wrong)
    assert_curve(run.per_epoch("error", "seconds"), [end * PACE for end in ends], wrong)


def test_measurements_are_placed_at_their_step() -> None:
    run = running(stepped(0, 22), measured(11, 0.5), measured(11, 0.4, "training"), measured(22, 0.3))
    assert_curve(run.measurements("test", "error"), [11, 22], [0.5, 0.3])
    assert_curve(run.measurements("test", "loss", "epoch"), [1, 2], [1.0, 0.6])
    assert_curve(run.measurements("training", "error", "seconds"), [11 * PACE], [0.4])
    assert run.last("test") == measured(22, 0.3)
    assert run.last("training") == measured(11, 0.4, "training")


def test_the_best_is_the_first_of_the_lowest_on_the_test_set() -> None:
    run = running(
        measured(11, 0.5), measured(22, math.nan), measured(33, 0.2), measured(44, 0.01, "training"),
        measured(55, 0.2), measured(66, 0.3),
    )  # fmt: skip
    assert run.best == measured(33, 0.2)
    assert running(measured(11, math.nan)).best is None


def test_gradients_are_placed_after_their_step() -> None:
    run = running(
        stepped(0, 5), Gradients(0.0, 0, {"conv1": 3.0, "fc": 1.0}), Gradients(0.0, 4, {"conv1": 2.0}),
        Gradients(0.0, 5, {"conv1": math.nan}),
    )  # fmt: skip
    assert_curve(run.gradient_norms("conv1"), [1, 5, 6], [3.0, 2.0, math.nan])
    assert_curve(run.gradient_norms("conv1", "epoch"), np.array([1, 5, 6]) / 11, [3.0, 2.0, math.nan])
    assert_curve(run.gradient_norms("conv1", "seconds"), np.array([1, 5, 5]) * PACE, [3.0, 2.0, math.nan])
    assert_curve(run.gradient_norms("fc"), [1], [1.0])
    assert_curve(run.gradient_norms("conv9_x"), [], [])


def test_images_per_second_are_placed_at_the_last_step_of_their_event() -> None:
    run = running(stepped(0, 4), replace(stepped(4, 8), images_per_second=99.0))
    assert_curve(run.throughput(), [4, 12], [128 / PACE, 99.0])
    assert_curve(run.throughput("epoch"), [4 / 11, 12 / 11], [128 / PACE, 99.0])
    assert_curve(run.throughput("seconds"), [4 * PACE, 12 * PACE], [128 / PACE, 99.0])


def test_the_remaining_time_is_extrapolated_from_the_pace_so_far() -> None:
    run = running()
    assert math.isnan(run.remaining)
    run.add(stepped(0, 30))
    assert run.remaining == pytest.approx((TOTAL - 30) * PACE)
    run.add(Paused(0.0, 30))
    assert run.remaining == pytest.approx((TOTAL - 30) * PACE)
    run.add(stepped(30, 80))
    assert run.remaining == 0
    run.add(Ended(0.0, "finished", TOTAL))
    assert math.isnan(run.remaining)
    assert math.isnan(curves(began(), stepped(0, 3)).remaining)  # the total is unknown


def test_a_nan_loss_keeps_its_position() -> None:
    run = running(stepped(0, 11), stepped(11, 11, scale=math.nan), stepped(22, 11))
    values = [loss(step) if not 11 <= step < 22 else math.nan for step in range(33)]
    assert_curve(run.per_step("loss"), np.arange(1, 34), values)
    assert_curve(run.per_epoch("loss"), [11, 22, 33], [sum(values[:11]) / 11, math.nan, sum(values[22:]) / 11])


@pytest.mark.parametrize("how", ["finished", "stopped", "failed", "killed"])
def test_a_run_has_a_state_at_every_moment(how: Outcome) -> None:
    run = Curves()
    sequence: list[tuple[Event, str]] = [
        (Working(1.0, "fetching cifar10", 0.5), "starting"),
        (PREPARED, "starting"),
        (began(), "running"),
        (stepped(0, 3), "running"),
        (Paused(2.0, 3), "paused"),
        (Noted(2.0, "the disk is nearly full"), "paused"),
        (stepped(3, 3), "running"),
        (Ended(7.0, how, 6, "why"), how),
        (Working(8.0, "opening cifar10"), "starting"),
        (replace(began(6), time=9.0), "running"),
    ]
    for event, state in sequence:
        run.add(event)
        assert run.state == state
        assert (run.state in LIVE_STATES) == (state != how)
        assert run.activity == (event.what if isinstance(event, Working) else "")
        assert (run.reason, run.ended_at) == (("why", 7.0) if isinstance(event, Ended) else ("", None))
    assert run.notes == ["the disk is nearly full"]
    assert run.began == replace(began(6), time=9.0)


def test_a_resumed_run_forgets_what_came_after_its_checkpoint() -> None:
    kept = [
        stepped(0, 20), stepped(20, 2), measured(11, 0.5), measured(22, 0.4), Gradients(0.0, 21, {"fc": 2.0}),
        Probed(0.0, 0, "a"), Probed(0.0, 22, "b"), Saved(0.0, 22, "step-22", True),
    ]  # fmt: skip
    void = [
        stepped(22, 18, scale=5.0), measured(33, 0.1), Gradients(0.0, 22, {"fc": 9.0}), Probed(0.0, 33, "c"),
        Saved(0.0, 33, "step-33", True), Ended(0.0, "killed", 40),
    ]  # fmt: skip
    again = [stepped(22, 18), measured(33, 0.3), Probed(0.0, 33, "c")]
    resumed, unbroken = running(*kept, *void, began(22), *again), running(*kept, *again)
    assert resumed.steps == unbroken.steps == 40
    for axis in ("step", "epoch", "seconds"):
        for what in ("loss", "error", "rate"):
            here, there = resumed.per_step(what, axis), unbroken.per_step(what, axis)
            assert_curve(here, there.x, there.y)
        assert_curve(resumed.throughput(axis), unbroken.throughput(axis).x, unbroken.throughput(axis).y)
        assert_curve(resumed.gradient_norms("fc"), [22], [2.0])
    assert resumed.measured == unbroken.measured
    assert resumed.best == measured(33, 0.3)
    assert (resumed.probes, resumed.saved) == (unbroken.probes, unbroken.saved)
    assert resumed.state == "running"


def test_an_event_that_a_checkpoint_divides_is_truncated_there() -> None:
    run = running(stepped(0, 30, scale=5.0), began(22), stepped(22, 4))
    assert run.steps == 26
    assert_curve(
        run.per_step("loss"), range(1, 27), [5 * loss(step) if step < 22 else loss(step) for step in range(26)]
    )
    assert_curve(run.throughput(), [26], [128 / PACE])


def test_a_run_that_restarts_keeps_nothing() -> None:
    first = [Probed(0.0, 0, "probes/step-0000000.npz"), measured(0, 0.9), stepped(0, 9), Gradients(0.0, 0, {"fc": 1.0})]
    run = running(*first, began(0), *first)
    assert run.probes == [first[0]]
    assert run.measured == [first[1]]
    assert run.steps == 9
    assert_curve(run.gradient_norms("fc"), [1], [1.0])


def test_a_damaged_line_leaves_a_gap_and_moves_nothing() -> None:
    run = running(stepped(0, 11), stepped(22, 11), measured(33, 0.5))
    steps = [*range(1, 12), 22, *range(23, 34)]  # one point at the gap, so that no line is drawn across it
    expected = [loss(step - 1) if step != 22 else math.nan for step in steps]
    assert run.steps == 33
    assert_curve(run.per_step("loss"), steps, expected)
    seconds = run.per_step("loss", "seconds")
    np.testing.assert_allclose(seconds.x[[0, 10, 11, -1]], [PACE, 11 * PACE, 11 * PACE, 33 * PACE])
    assert_curve(run.measurements("test", "error"), [33], [0.5])
    means = [sum(loss(step) for step in range(end - 11, end)) / 11 for end in (11, 33)]
    assert_curve(run.per_epoch("loss"), [11, 22, 33], [means[0], math.nan, means[1]])
    assert_curve(run.throughput("seconds"), [11 * PACE, 33 * PACE], [128 / PACE, 128 / PACE])


def test_an_impossible_step_needs_no_memory() -> None:
    run = running(stepped(0, 11), replace(stepped(11, 1), first=10**15))
    assert run.steps == 11


def test_an_event_of_no_steps_changes_nothing() -> None:
    run = running(stepped(0, 0), stepped(0, 3), stepped(3, 0))
    assert run.steps == 3
    assert_curve(run.throughput("seconds"), [3 * PACE], [128 / PACE])


values = st.lists(st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=60)


@given(values, st.floats(0.01, 0.999))
def test_smoothing_is_the_weighted_mean_of_the_values_so_far(values: list[float], weight: float) -> None:
    result = smoothed(np.array(values), weight)
    assert len(result) == len(values)
    for index, value in enumerate(result):
        before = [value for value in values[: index + 1] if math.isfinite(value)]
        weights = [weight ** (len(before) - 1 - place) for place in range(len(before))]
        if not before:
            assert math.isnan(value)
        else:
            expected = math.fsum(w * v for w, v in zip(weights, before, strict=True)) / math.fsum(weights)
            assert value == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(values)
def test_no_smoothing_changes_nothing(values: list[float]) -> None:
    np.testing.assert_array_equal(smoothed(np.array(values), 0.0), np.array(values))


def test_smoothing_a_constant_gives_it_from_the_first_value_on() -> None:
    np.testing.assert_allclose(smoothed(np.full(10_000, 3.5), 0.98), 3.5, rtol=1e-12)


def test_memory_depends_on_the_number_of_events_not_on_their_counts() -> None:
    """faults.md row 44: counts in an untrusted file must not determine the size of an allocation."""
    huge = replace(PREPARED, steps=10**8, steps_per_epoch=1)
    leaps = [replace(stepped(0, 1), first=1_000_000 * number) for number in range(1, 100)]
    tracemalloc.start()
    try:
        run = curves(huge, began(), *leaps, measured(10**8, 0.5), Gradients(0.0, 10**8, {"fc": 1.0}))
        for axis in ("step", "epoch", "seconds"):
            run.per_step("loss", axis)
            run.per_epoch("loss", axis)
            run.gradient_norms("fc", axis)
            run.throughput(axis)
        rows = list(curve_table("run", run).rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000
    assert run.steps == 99_000_001
    assert [row[2] for row in rows if row[5] != "nan"] == [1_000_000 * number + 1 for number in range(1, 100)] + [10**8]


@pytest.mark.parametrize(
    "event",
    [
        lambda number: Noted(0.0, f"note {number}"),
        lambda number: Noted(0.0, "the same"),
        lambda number: measured(number, 1 / (number + 1)),
        lambda number: began(number) if number % 2 else measured(number, 0.5),
        lambda number: began(number // 2) if number % 2 else measured(number, 0.5),
        lambda number: stepped(number % 2, 1),
        lambda number: Gradients(0.0, number, {"fc": 1.0}) if number % 2 else began(number),
    ],
    ids=["notes", "one note", "measurements", "beginnings", "back and forth", "the same steps", "gradients"],
)
def test_a_hundred_thousand_events_take_seconds(event: Callable[[int], Event]) -> None:
    """It took from 30 seconds to minutes when each event was compared with all before it."""
    run, start = running(), time.process_time()
    for number in range(100_000):
        run.add(event(number))
        assert run.best is None or run.last("test") is not None
    assert time.process_time() - start < 10
    assert len(run.notes) <= MAX_NOTES + 1


def test_of_very_many_notes_the_first_are_kept() -> None:
    run = running(*(Noted(0.0, f"note {number}") for number in range(3000)), Noted(0.0, "note 0"))
    assert run.notes[:MAX_NOTES] == [f"note {number}" for number in range(MAX_NOTES)]
    assert run.notes[MAX_NOTES:] == ["More notes are not shown"]
    assert len(running(Noted(0.0, "x" * 1_000_000)).notes[0]) < 10_000


def test_repeated_events_count_once() -> None:
    twice = [
        event
        for event in (
            stepped(0, 11), measured(11, 0.5, "training"), measured(11, 0.5), Gradients(0.0, 0, {"fc": 1.0}),
            Probed(0.0, 11, "a.npz"), Saved(0.0, 11, "b", True),
        )
        for _ in range(2)
    ]  # fmt: skip
    run = running(*twice)
    assert (run.steps, len(run.measured), len(run.gradients), len(run.probes), len(run.saved)) == (11, 2, 1, 1, 1)
    assert_curve(run.throughput(), [11], [128 / PACE])
