"""Processes that read images ahead of whoever trains on them.

Whatever becomes of such a process, whoever waits for it gets an answer: the images, or a `DataError` that says what
happened and what to do. Each has a pipe of its own, which ends with the process; one that hangs is ended.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from types import FrameType
from typing import Any, TypeVar

import torch

from resnet_studio.training.compute.data import Batch
from resnet_studio.training.datasets import DataError

Answer = TypeVar("Answer")

MOST_READERS = 8
A_FILE = 30.0
"""Seconds after which a file counts as one that does not answer."""
PATIENCE, PATIENCE_PER_IMAGE = 60.0, 0.25
"""Seconds after which a process that has not read a batch is ended, and how many more for each of its images."""
ENDS_WITHIN = 5.0
"""Seconds that an end of such a process is waited for: one that waits for a disk may take long."""
GO_ON = "resume the run to go on from its last checkpoint"
FULL = f"Close other programs or choose a smaller batch size, then {GO_ON}"


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    process: BaseProcess
    pipe: Connection

    def ask(self, batch: Batch) -> None:
        seed, places = batch
        with suppress(OSError):  # it is gone; whoever waits for its answer is told why
            self.pipe.send((seed, places.numpy()))  # a tensor would go through shared memory, which may be too small

    def answer(self, patience: float) -> Any:
        """What the process says; `DataError` if it failed, ended, or said nothing for so many seconds."""
        hangs = threading.Event()

        def give_up() -> None:
            hangs.set()
            self.process.kill()

        timer = threading.Timer(patience, give_up)
        timer.daemon = True
        timer.start()
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(ENDS_WITHIN)
            raise DataError(_what_became_of(self.process.exitcode, patience if hangs.is_set() else 0)) from None
        finally:
            timer.cancel()
            timer.join()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self) -> None:
        self.process.kill()
        self.process.join(ENDS_WITHIN)
        self.pipe.close()


def readers() -> int:
    """How many processes read."""
    return min(MOST_READERS, os.cpu_count() or 1)


def read_ahead(read: Callable[[Batch], Answer], order: Iterable[Batch]) -> Generator[tuple[Batch, Answer], None, None]:
    """Each batch with what `read` makes of it, in their order. Every process reads one ahead."""
    batches = iter(order)
    started: list[_Reader] = []
    reading = deque[tuple[_Reader, Batch]]()
    try:
        for batch in islice(batches, readers()):
            started.append(_start(read, started))
            started[-1].ask(batch)
            reading.append((started[-1], batch))
        while reading:
            reader, batch = reading.popleft()
            answer = reader.answer(PATIENCE + PATIENCE_PER_IMAGE * len(batch[1]))
            for after in islice(batches, 1):
                reader.ask(after)
                reading.append((reader, after))
            yield batch, answer
    finally:
        for reader in started:
            reader.end()


@contextmanager
def in_time(path: str) -> Iterator[None]:
    """End what a block does with a file after `A_FILE` seconds (`OSError`). Only in a process that reads."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(0, f"has not answered for {A_FILE:.0f} seconds", path)

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, A_FILE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _start(read: Callable[[Batch], object], others: list[_Reader]) -> _Reader:
    # A forked process has torch and the list of files already; elsewhere they are fetched and sent.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        ours, theirs = context.Pipe()
        foreign = [ours, *(reader.pipe for reader in others)] if sys.platform == "linux" else []
        process = context.Process(target=_serve, args=(read, theirs, foreign), name="reader", daemon=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads: the child uses none
            process.start()
    except OSError as error:
        raise DataError(f"no process that reads images could be started ({error.strerror}). {FULL}") from None
    theirs.close()
    return _Reader(process, ours)


def _serve(read: Callable[[Batch], object], pipe: Connection, foreign: list[Connection]) -> None:
    """Answer until the process that trains is gone, whose ends of the pipes a forked process has to close."""
    for connection in foreign:
        connection.close()
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)  # a terminal's Ctrl+C reaches every process: only the one that trains heeds it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        while True:
            seed, places = pipe.recv()
            pipe.send_bytes(_pickled(read, (seed, torch.from_numpy(places))))


def _pickled(read: Callable[[Batch], object], batch: Batch) -> bytes:
    """What is read, or the `DataError` that says why it can't be, as `Connection.recv` takes it."""
    try:
        return bytes(ForkingPickler.dumps(read(batch)))
    except DataError as error:
        answer = error
    except MemoryError:
        answer = DataError(f"there is too little memory free to read images. {FULL}")
    except Exception as error:  # whatever it is, it is the answer
        told = str(error).partition("\n")[0] or "no reason given"
        answer = DataError(f"images can't be read: {type(error).__name__}: {told}")
    return bytes(ForkingPickler.dumps(answer))


def _what_became_of(code: int | None, patience: float) -> str:
    """Why a process that reads images gave no answer, by its exit code, or after how many seconds it was ended."""
    if patience:
        return (
            f"no images were read for {patience:.0f} seconds: the disk or the network drive does not answer. "
            f"Check it, then {GO_ON}"
        )
    if code == -signal.SIGKILL:
        return f"a process that reads images was killed, as the system does where memory is full. {FULL}"
    if code is not None and code < 0:
        return f"a process that reads images was ended by the signal {signal.Signals(-code).name}: {GO_ON}"
    return f"a process that reads images ended by itself (exit code {code}): {GO_ON}"
