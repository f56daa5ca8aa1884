"""Processes that read images: every failure is reported, and no process is left behind."""

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

from resnet_studio.training.compute import folders, readers
from resnet_studio.training.compute.data import Batch
from resnet_studio.training.compute.readers import file_timeout, read_ahead
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.events import Ended, Event, Measured, Noted
from small import TINY, events_of, make_class_folders, make_run, read_curves, read_events, train
from waiting import wait_until

RGB = replace(TINY, channels=3)


def children() -> list[psutil.Process]:
    """The reader processes. Other tests may have child processes of other kinds."""
    return [psutil.Process(child.pid) for child in multiprocessing.active_children() if child.name == "reader"]


def batches(number: int) -> Iterator[Batch]:
    return ((seed, torch.arange(seed, seed + 3)) for seed in range(number))


def endless() -> Iterator[Batch]:
    return ((seed, torch.tensor([seed])) for seed in count())


def doubled(batch: Batch) -> list[int]:
    _, indices = batch
    time.sleep(0.01 * (int(indices[0]) % 3))  # some take longer than those after them
    return [int(place) * 2 for place in indices]


@pytest.mark.parametrize("number", [0, 1, 2, 7, 20])
def test_results_come_in_the_order_of_the_batches(number: int) -> None:
    read = list(read_ahead(doubled, batches(number)))
    assert [seed for (seed, _), _ in read] == list(range(number))
    assert [answer for _, answer in read] == [[2 * seed, 2 * seed + 2, 2 * seed + 4] for seed in range(number)]


def test_no_process_is_left_if_reading_stops_early() -> None:
    with closing(read_ahead(doubled, endless())) as ahead:
        next(ahead)
        assert 1 <= len(children()) <= readers.reader_count()
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


def killed_by(number: signal.Signals) -> Callable[[Batch], object]:
    def read(batch: Batch) -> None:
        faulthandler.disable()  # pytest's handler would print a traceback
        os.kill(os.getpid(), number)

    return read


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (raising(ValueError("no such size\nand more")), "^images can't be read: ValueError: no such size$"),
        (raising(OddError(1, 2)), "^images can't be read: OddError: 1 and 2$"),
        (raising(MemoryError()), "^not enough free memory to read images. Close other programs"),
        (raising(DataError("a.png is empty")), "^a.png is empty$"),
        (raising(RecursionError("deep")), "RecursionError: deep"),
        (killed_by(signal.SIGKILL), "was killed, probably because memory ran out. Close other"),
        (killed_by(signal.SIGBUS), "was terminated by signal SIGBUS: resume the run"),
        (killed_by(signal.SIGSEGV), "was terminated by signal SIGSEGV: resume the run"),
        (lambda batch: os._exit(3), r"exited unexpectedly \(exit code 3\): resume the run"),
        (lambda batch: batch.nothing, "images can't be read: AttributeError: "),  # type: ignore[attr-defined]
        (lambda batch: lambda: None, "images can't be read: "),
    ],
    ids=["value", "odd", "memory", "data", "deep", "killed", "bus", "crash", "exit", "fault", "unsendable"],
)
def test_any_failure_of_a_process_is_a_data_error(read: Callable[[Batch], object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read_ahead(read, batches(5)))
    assert not children()


@pytest.mark.parametrize("how", ["before", "within"])
def test_a_process_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(readers, "BATCH_TIMEOUT", 0.5)

    def read(batch: Batch) -> bytes:
        if how == "before":
            signal.sigwait([signal.SIGUSR1])
        return bytes(10_000_000)

    with closing(read_ahead(read, endless())) as ahead:
        if how == "within":  # stopped while sending a result that is larger than a pipe's buffer
            next(ahead)
            for child in children():
                wait_until(lambda child=child: child.status() == psutil.STATUS_SLEEPING)  # type: ignore[misc]
                child.suspend()
        with pytest.raises(DataError, match=r"no images were read for \d seconds: the disk or network drive"):
            list(ahead)
    assert not children()


def test_a_file_that_blocks_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "FILE_TIMEOUT", 0.2)
    pipe = tmp_path / "nobody-writes"
    os.mkfifo(pipe)

    def read(batch: Batch) -> str:
        try:
            with file_timeout(str(pipe)), pipe.open():
                return "it was opened"
        except OSError as error:
            return f"{error.filename} {error.strerror}"

    assert [answer for _, answer in read_ahead(read, batches(2))] == [f"{pipe} has not responded for 0 seconds"] * 2


@pytest.mark.parametrize("damaged", ["fail", "skip"])
def test_a_run_with_a_file_that_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: str) -> None:
    """As on a network drive that is gone, where opening a file blocks."""
    monkeypatch.setattr(readers, "FILE_TIMEOUT", 0.2)
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    data = make_class_folders(tmp_path / "data", {"a": 10, "b": 10})
    os.mkfifo(tmp_path / "pipe")
    original = folders.open_image
    blocked = data / "a" / "003.png"
    monkeypatch.setattr(
        folders, "open_image", lambda path: original(path) if path != blocked else (tmp_path / "pipe").read_bytes()
    )
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=1, batch_size=8, damaged=damaged), RGB)  # type: ignore[arg-type]
    if damaged == "skip":
        assert train(folder) == "finished"
        assert any("003.png" in event.text for event in events_of(Noted, folder) if isinstance(event, Noted))
    else:
        with pytest.raises(DataError, match=r"003\.png"):
            train(folder)
        assert isinstance(read_events(folder)[-1], Ended)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_whose_reader_is_killed_or_stopped_fails_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    monkeypatch.setattr(readers, "BATCH_TIMEOUT", 1.0)
    monkeypatch.setattr(readers, "TIMEOUT_PER_IMAGE", 0.0)
    data = make_class_folders(tmp_path / "data", {"a": 20, "b": 20})
    folder = make_run(tmp_path / "run", Recipe(data=str(data), length=3, batch_size=8, lr=0.01), RGB)
    pids: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, Measured) and not pids:
            for child in children():
                pids.append(child.pid)
                child.send_signal(number)

    with pytest.raises(DataError, match=r"killed|no images were read"):
        train(folder, listen)
    end = read_events(folder)[-1]
    assert isinstance(end, Ended)
    assert (end.how, end.lost) == ("failed", 0)
    assert pids
    assert train(folder, resume=True) == "finished"
    assert read_curves(folder).steps == 12
