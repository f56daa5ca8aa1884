"""The number of threads of a run: the choice alone, and in real runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from resnet_studio.cores import CoreShare
from resnet_studio.training import threads
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.run import run
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Began, Ended, Event, Stepped, Threads
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.writer import RunWriter
from resnet_studio.training.threads import MAX_THREADS, ThreadChoice, ThreadRecord, read_thread_record
from small import SHORT, TINY, make_run, stop_after


class Clock:
    """A clock that advances by the time of each step."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(threads.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def follow(
    choice: ThreadChoice, clock: Clock, seconds: Callable[[int], float], steps: int, first: int = 0
) -> list[int]:
    """The counts chosen for some steps. A step with `count` threads takes `seconds(count)`."""
    counts = []
    for step in range(first, first + steps):
        counts.append(choice.count(step))
        clock.now += seconds(counts[-1])
        choice.add_step_time(step, seconds(counts[-1]))
    return counts


def test_the_fastest_count_is_chosen(clock: Clock) -> None:
    choice = ThreadChoice(lambda: 8)
    tried = follow(choice, clock, lambda count: abs(count - 4) + 0.1, 16)
    assert sorted(set(tried)) == [1, 2, 4, 8]
    assert all(tried.count(count) >= 2 for count in (1, 2, 4, 8))
    assert set(follow(choice, clock, lambda count: 0.1, 5, 16)) == {4}


def test_the_whole_share_is_used_unless_fewer_threads_are_clearly_faster(clock: Clock) -> None:
    choice = ThreadChoice(lambda: 2)
    follow(choice, clock, lambda count: 0.010 if count == 2 else 0.0095, 8)
    assert choice.count(8) == 2
    choice = ThreadChoice(lambda: 2)
    follow(choice, clock, lambda count: 0.010 if count == 2 else 0.0085, 8)
    assert choice.count(8) == 1


def test_steps_that_something_else_disturbed_do_not_decide(clock: Clock) -> None:
    choice = ThreadChoice(lambda: 2)
    begins = clock.now
    follow(choice, clock, lambda count: 0.01 if count == 1 else 0.007 if clock.now < begins + 0.04 else 0.03, 8)
    assert not choice.in_trial
    assert choice.count(8) == 2


def test_long_steps_are_tried_less_often(clock: Clock) -> None:
    choice = ThreadChoice(lambda: 2)
    follow(choice, clock, lambda count: 60.0 / count, 4)
    assert not choice.in_trial
    assert choice.count(4) == 2


def test_one_core_needs_no_trial(clock: Clock) -> None:
    assert not ThreadChoice(lambda: 1).in_trial
    assert not ThreadChoice(lambda: 8, run_trials=False).in_trial
    assert ThreadChoice(lambda: 8, run_trials=False).count(0) == 8


def test_cores_are_given_up_at_once_and_taken_back_later(clock: Clock) -> None:
    share = 2
    choice = ThreadChoice(lambda: share)
    follow(choice, clock, lambda count: 0.1 / count, 20)
    assert choice.count(20) == 2
    share = 1
    counts = follow(choice, clock, lambda count: 0.1, 10, 20)
    assert counts[-1] == 1
    assert counts.count(2) <= 8  # two checks, a quarter of a second apart
    share = 2
    counts = follow(choice, clock, lambda count: 0.1, 45, 30)
    assert set(counts) == {1}
    counts = follow(choice, clock, lambda count: 0.1, 20, 75)
    assert counts[-1] == 2
    assert not choice.in_trial  # it was tried before


def test_a_neighbor_that_comes_and_goes_changes_nothing(clock: Clock) -> None:
    share = 2
    choice = ThreadChoice(lambda: share)
    follow(choice, clock, lambda count: 0.2 / count, 20)
    counts = []
    for number in range(30):
        share = 1 + number % 2
        counts += follow(choice, clock, lambda count: 0.3, 1, 20 + number)
    assert set(counts) == {2}


def test_a_run_tries_more_threads_once_another_has_ended(clock: Clock) -> None:
    share = 1
    choice = ThreadChoice(lambda: share)
    assert set(follow(choice, clock, lambda count: 0.1, 10)) == {1}
    share = 2
    counts = follow(choice, clock, lambda count: 0.1 / count, 120, 10)
    assert set(counts[:50]) == {1}
    assert counts[-1] == 2


def test_a_resumed_run_repeats_what_was_recorded(clock: Clock) -> None:
    events = [Began(0.0, 0, 0.0, 2, "cpu", 1), Threads(0.0, 2, 1, True), Threads(0.0, 3, 4), stepped(0, 9)]
    record = read_thread_record(events)
    assert record == ThreadRecord({0: 2, 2: 1, 3: 4}, until=9, in_trial=False)
    choice = ThreadChoice(lambda: 8, record)
    assert follow(choice, clock, lambda count: 9.0, 9) == [2, 2, 1, 4, 4, 4, 4, 4, 4]
    assert follow(choice, clock, lambda count: 0.1, 9, 9) == [4] * 9  # as the uninterrupted run would have continued


def test_an_interrupted_trial_is_repeated(clock: Clock) -> None:
    record = read_thread_record(
        [Began(0.0, 0, 0.0, 2, "cpu", 1), Threads(0.0, 0, 2, True), Threads(0.0, 1, 1, True), stepped(0, 2)]
    )
    choice = ThreadChoice(lambda: 2, record)
    assert follow(choice, clock, lambda count: 0.1 / count, 30)[:2] == [2, 1]
    assert choice.count(30) == 2


def test_recorded_counts_are_limited() -> None:
    record = read_thread_record([Began(0.0, 0, 0.0, 10**9, "cpu", 1), Threads(0.0, 1, 0), stepped(0, 5)])
    assert (record.count_at(0), record.count_at(1)) == (MAX_THREADS, 1)


def stepped(first: int, count: int) -> Stepped:
    zeros = (0.0,) * count
    return Stepped(0.0, first, zeros, zeros, zeros, 0.0, 0.0)


@pytest.fixture
def torch_threads() -> Iterator[None]:
    """Four threads, however many cores there are; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def train(folder: Path, listener: Callable[[Event], object], cores: CoreShare, *, resume: bool = False) -> list[Event]:
    with RunWriter(folder, listener) as writer:
        run(folder, folder.parent / "data", writer, Workers(), resume=resume, cores=cores)
    return list(RunReader(folder).new_events(-1))


@pytest.mark.usefixtures("torch_threads")
def test_a_run_records_its_trials_and_a_resumed_run_is_bit_identical(tmp_path: Path) -> None:
    cores = CoreShare(tmp_path / "computing")
    folder = make_run(tmp_path / "run", replace(SHORT, length=4), TINY, threads=0)
    events = train(folder, stop_after(folder, 35), cores)
    tried = [event for event in events if isinstance(event, Threads)]
    assert {event.threads for event in tried if event.trial} == {1, 2, 4}
    assert not tried[-1].trial
    losses = losses_of(events)
    again = make_run(tmp_path / "again", replace(SHORT, length=4), TINY, threads=0)
    (again / run_folder.EVENTS).write_text("".join(events_before_the_end(folder)))  # killed before its first checkpoint
    resumed = train(again, lambda event: None, cores, resume=True)
    assert isinstance(resumed[-1], Ended)
    assert losses_of(resumed)[: len(losses)] == losses


def events_before_the_end(folder: Path) -> list[str]:
    """The lines of a run's events except the last."""
    return (folder / run_folder.EVENTS).read_text().splitlines(keepends=True)[:-1]


def losses_of(events: list[Event]) -> list[float]:
    """The losses of a run's last session."""
    losses: list[float] = []
    for event in events:
        if isinstance(event, Began):
            losses = []
        elif isinstance(event, Stepped):
            losses += event.losses
    return losses


@pytest.mark.usefixtures("torch_threads")
def test_a_run_shares_the_cores_with_another_process(tmp_path: Path) -> None:
    cores = CoreShare(tmp_path / "computing")
    with CoreShare(tmp_path / "computing").claimed():
        events = train(make_run(tmp_path / "run", SHORT, TINY, threads=0), lambda event: None, cores)
    counts = {event.threads for event in events if isinstance(event, Began | Threads)}
    assert counts <= {1, 2}


@pytest.mark.usefixtures("torch_threads")
def test_a_count_that_was_requested_is_kept(tmp_path: Path) -> None:
    with CoreShare(tmp_path / "computing").claimed() as cores:
        events = train(make_run(tmp_path / "run", SHORT, TINY, threads=3), lambda event: None, cores)
    assert [event.threads for event in events if isinstance(event, Began | Threads)] == [3]
