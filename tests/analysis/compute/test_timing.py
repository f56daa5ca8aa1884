"""Repetitions, their warm-up and their spread."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from resnet_studio.analysis.compute.timing import Budget, Contention, calm, repeat_steps, timed, timing
from resnet_studio.analysis.measurement import Timing
from resnet_studio.progress import finish

SHORT = Budget(warm_up=0.001, seconds=0.001, least=4, longest=60.0)


def recording(name: str, calls: list[str], seconds: float = 1.0) -> Callable[[], float]:
    def task() -> float:
        calls.append(name)
        return seconds

    return task


def test_tasks_take_turns_and_the_warm_up_does_not_count() -> None:
    calls: list[str] = []
    seconds = finish(repeat_steps([recording("a", calls, 1.0), recording("b", calls, 2.0)], SHORT))
    rounds = len(seconds[0])
    assert seconds == [[1.0] * rounds, [2.0] * rounds]
    assert rounds >= SHORT.least
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert len(calls) // 2 > rounds


def test_the_warm_up_goes_on_until_times_no_longer_fall() -> None:
    falling = iter([*range(20, 1, -1)])
    passes: list[float] = []

    def task() -> float:
        passes.append(next(falling, 1.0))
        return passes[-1]

    [seconds] = finish(repeat_steps([task], Budget(warm_up=60.0, seconds=0.0, least=2, longest=60.0)))
    assert set(seconds) == {1.0}
    assert len(passes) >= 19 + 2 * 3  # three of the settled ones before the last three


def test_one_repetition_is_timed_however_long_it_takes() -> None:
    calls: list[str] = []

    def task() -> float:
        time.sleep(0.02)
        return recording("slow", calls)()

    assert finish(repeat_steps([task], Budget(warm_up=0.01, seconds=0.01, least=5, longest=0.01))) == [[1.0]]
    assert len(calls) == 2


def test_it_can_be_ended_between_two_repetitions() -> None:
    calls: list[str] = []

    def task() -> float:
        time.sleep(0.03)
        return recording("task", calls)()

    steps = repeat_steps([task], Budget(warm_up=60.0, seconds=60.0))
    assert next(steps) == 0.0
    made = len(calls)
    steps.close()
    assert len(calls) == made < 10


def test_garbage_is_collected_between_the_repetitions_only() -> None:
    seen: list[bool] = []

    def task() -> float:
        seen.append(gc.isenabled())
        time.sleep(0.06)
        return 1.0

    between = [gc.isenabled() for _ in repeat_steps([task], Budget(warm_up=0.2, seconds=0.2, least=1))]
    assert not any(seen)
    assert between
    assert all(between)
    assert gc.isenabled()


def test_a_call_is_timed_from_an_idle_device_to_an_idle_device() -> None:
    calls: list[str] = []
    seconds = timed(lambda: time.sleep(0.01), lambda: calls.append("synchronize"))()
    assert seconds >= 0.01
    assert calls == ["synchronize"] * 2


def test_spread_is_that_of_nine_tenths_of_the_repetitions() -> None:
    assert timing([float(number) for number in range(1, 102)]) == Timing(51.0, 6.0, 96.0, 101)
    assert timing([2.5]) == Timing(2.5, 2.5, 2.5, 1)


def test_repetitions_that_waited_for_a_core_are_left_out_if_enough_others_remain() -> None:
    seconds, waited = [1.0] * 7, [0.0, 0.5, 0.009, 0.0, 0.02, 0.0, 0.0]
    assert calm(seconds, waited).tolist() == [True, False, True, True, False, True, True]
    assert calm(seconds[1:], waited[1:]).all()  # four would remain


@pytest.fixture
def shared_core() -> Iterator[None]:
    """This process shares one core with two that never sleep."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]  # they inherit the core
    yield
    for other in others:
        other.kill()
        other.wait()
    os.sched_setaffinity(0, before)


def test_other_programs_on_the_cores_are_noticed(shared_core: None) -> None:
    contention = Contention()
    until = time.monotonic() + 120
    while not (caveat := contention.caveat()) and time.monotonic() < until:
        sum(range(100_000))
    assert caveat.startswith("other programs took the cores for ")
