"""Processes that read images: whatever becomes of one, who waits for it is told, and nothing is left behind."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import psutil
import pytest
import torch

from nursery import until
from resnet_studio.training.compute import folders, readers
from resnet_studio.training.compute.data import Batch
from resnet_studio.training.compute.readers import in_time, read_ahead
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.events import Ended, Event, Measured, Noted
from small import TINY, class_folders, curves, events, make_run, only, train

COLOUR = replace(TINY, channels=3)


def children() -> list[psutil.Process]:
    """The processes that read images; other tests keep some of other kinds."""
    return [psutil.Process(one.pid) for one in multiprocessing.active_children() if one.name == "reader"]


def batches(number: int) -> Iterator[Batch]:
    return ((seed, torch.arange(seed, seed + 3)) for seed in range(number))


def endless() -> Iterator[Batch]:
    return ((seed, torch.tensor([seed])) for seed in count())


def doubled(batch: Batch) -> list[int]:
    _, places = batch
    time.sleep(0.01 * (int(places[0]) % 3))  # some take longer than those after them
    return [int(place) * 2 for place in places]


@pytest.mark.parametrize("number", [0, 1, 2, 7, 20])
def test_answers_come_in_the_order_of_the_questions(number: int) -> None:
    read = list(read_ahead(doubled, batches(number)))
    assert [seed for (seed, _), _ in read] == list(range(number))
    assert [answer for _, answer in read] == [[2 * seed, 2 * seed + 2, 2 * seed + 4] for seed in range(number)]


def test_who_stops_early_leaves_no_process() -> None:
    with closing(read_ahead(doubled, endless())) as ahead:
        next(ahead)
        assert 1 <= len(children()) <= readers.readers()
    assert not children()


class OddError(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")

    def __reduce__(self) -> str:
        raise TypeError("it can't be pickled")


def raising(error: Exception) -> Callable[[Batch], object]:
    def read(batch: Batch) -> object:
        raise error

    return read


def ending_by(number: signal.Signals) -> Callable[[Batch], object]:
    def read(batch: Batch) -> None:
        faulthandler.disable()  # pytest's, which would print where this happens
        os.kill(os.getpid(), number)

    return read


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (raising(ValueError("no such size\nand more")), "^images can't be read: ValueError: no such size$"),
        (raising(OddError(1, 2)), "^images can't be read: OddError: 1 and 2$"),
        (raising(MemoryError()), "^there is too little memory free to read images. Close other programs"),
        (raising(DataError("a.png is empty")), "^a.png is empty$"),
        (raising(RecursionError("deep")), "RecursionError: deep"),
        (ending_by(signal.SIGKILL), "was killed, as the system does where memory is full. Close other"),
        (ending_by(signal.SIGBUS), "was ended by the signal SIGBUS: resume the run"),
        (ending_by(signal.SIGSEGV), "was ended by the signal SIGSEGV: resume the run"),
        (lambda batch: os._exit(3), r"ended by itself \(exit code 3\): resume the run"),
        (lambda batch: batch.nothing, "images can't be read: AttributeError: "),  # type: ignore[attr-defined]
        (lambda batch: lambda: None, "images can't be read: "),
    ],
    ids=["value", "odd", "memory", "data", "deep", "killed", "bus", "crash", "exit", "fault", "unsendable"],
)
def test_whatever_becomes_of_a_process_is_told(read: Callable[[Batch], object], said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(read_ahead(read, batches(5)))
    assert not children()


@pytest.mark.parametrize("how", ["before", "within"])
def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(readers, "PATIENCE", 0.5)

    def read(batch: Batch) -> bytes:
        if how == "before":
            signal.sigwait([signal.SIGUSR1])
        return bytes(10_000_000)

    with closing(read_ahead(read, endless())) as ahead:
        if how == "within":  # stopped in the middle of an answer, which is more than a pipe holds
            next(ahead)
            for child in children():
                until(lambda child=child: child.status() == psutil.STATUS_SLEEPING)  # type: ignore[misc]
                child.suspend()
        with pytest.raises(DataError, match=r"no images were read for \d seconds: the disk or the network drive"):
            list(ahead)
    assert not children()


def test_a_file_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "A_FILE", 0.2)
    pipe = tmp_path / "nobody-writes"
    os.mkfifo(pipe)

    def read(batch: Batch) -> str:
        try:
            with in_time(str(pipe)), pipe.open():
                return "it was opened"
        except OSError as error:
            return f"{error.filename} {error.strerror}"

    assert [answer for _, answer in read_ahead(read, batches(2))] == [f"{pipe} has not answered for 0 seconds"] * 2


@pytest.mark.parametrize("damaged", ["fail", "skip"])
def test_a_run_meets_a_file_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str) -> None:
    """A network drive that is gone: whoever opens the file waits."""
    monkeypatch.setattr(readers, "A_FILE", 0.2)
    monkeypatch.setattr(folders, "MOST_HELD", 0)
    data = class_folders(tmp_path / "data", {"a": 10, "b": 10})
    os.mkfifo(tmp_path / "pipe")
    opening = folders.open_image
    hanging = data / "a" / "003.png"
    monkeypatch.setattr(
        folders, "open_image", lambda path: opening(path) if path != hanging else (tmp_path / "pipe").read_bytes()
    )
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=1, batch_size=8, damaged=damaged), COLOUR)  # type: ignore[arg-type]
    if damaged == "skip":
        assert train(folder) == "finished"
        assert any("003.png" in event.text for event in only(Noted, folder) if isinstance(event, Noted))
    else:
        with pytest.raises(DataError, match=r"003\.png"):
            train(folder)
        assert isinstance(events(folder)[-1], Ended)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_whose_reader_is_killed_or_stopped_ends_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(folders, "MOST_HELD", 0)
    monkeypatch.setattr(readers, "PATIENCE", 1.0)
    monkeypatch.setattr(readers, "PATIENCE_PER_IMAGE", 0.0)
    data = class_folders(tmp_path / "data", {"a": 20, "b": 20})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=3, batch_size=8, lr=0.01), COLOUR)
    hit: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, Measured) and not hit:
            for child in children():
                hit.append(child.pid)
                child.send_signal(number)

    with pytest.raises(DataError, match=r"killed|no images were read"):
        train(folder, listen)
    end = events(folder)[-1]
    assert isinstance(end, Ended)
    assert (end.how, end.lost) == ("failed", 0)
    assert hit
    assert train(folder, resume=True) == "finished"
    assert curves(folder).steps == 12
