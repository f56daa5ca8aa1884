"""Processes that read images ahead of the training.

Whatever happens to such a process, the training gets the images or a `DataError` that says what happened and what to
do. Each process has its own pipe, which closes when the process dies. A process that hangs is killed.
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

Result = TypeVar("Result")

MAX_READERS = 8
FILE_TIMEOUT = 30.0
"""Seconds after which reading a file is given up."""
BATCH_TIMEOUT, TIMEOUT_PER_IMAGE = 60.0, 0.25
"""Seconds after which a process that has not read its batch is killed: a base and an addition per image."""
JOIN_TIMEOUT = 5.0
"""Seconds to wait for a killed process to exit. One that is blocked on a disk may take long."""
RESUME_HINT = "resume the run to continue from its latest checkpoint"
MEMORY_HINT = f"Close other programs or choose a smaller batch size, then {RESUME_HINT}"


@dataclass(frozen=True, slots=True, eq=False)
class _Reader:
    process: BaseProcess
    pipe: Connection

    def request(self, batch: Batch) -> None:
        seed, indices = batch
        with suppress(OSError):  # the process is gone; `receive` says why
            # A tensor would be sent through shared memory, which may be too small.
            self.pipe.send((seed, indices.numpy()))

    def receive(self, timeout: float) -> Any:
        """The process's result; `DataError` if it failed, exited, or sent nothing for `timeout` seconds."""
        timed_out = threading.Event()

        def kill() -> None:
            timed_out.set()
            self.process.kill()

        timer = threading.Timer(timeout, kill)
        timer.daemon = True
        timer.start()
        try:
            result = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(JOIN_TIMEOUT)
            raise DataError(_exit_reason(self.process.exitcode, timeout if timed_out.is_set() else 0)) from None
        finally:
            timer.cancel()
            timer.join()
        if isinstance(result, Exception):
            raise result
        return result

    def terminate(self) -> None:
        self.process.kill()
        self.process.join(JOIN_TIMEOUT)
        self.pipe.close()


def reader_count() -> int:
    """How many processes to use."""
    return min(MAX_READERS, os.cpu_count() or 1)


def read_ahead(read: Callable[[Batch], Result], order: Iterable[Batch]) -> Generator[tuple[Batch, Result], None, None]:
    """Each batch with the result of `read`, in order. Every process has one batch in flight."""
    batches = iter(order)
    started: list[_Reader] = []
    in_flight = deque[tuple[_Reader, Batch]]()
    try:
        for batch in islice(batches, reader_count()):
            started.append(_start_reader(read, started))
            started[-1].request(batch)
            in_flight.append((started[-1], batch))
        while in_flight:
            reader, batch = in_flight.popleft()
            result = reader.receive(BATCH_TIMEOUT + TIMEOUT_PER_IMAGE * len(batch[1]))
            for next_batch in islice(batches, 1):
                reader.request(next_batch)
                in_flight.append((reader, next_batch))
            yield batch, result
    finally:
        for reader in started:
            reader.terminate()


@contextmanager
def file_timeout(path: str) -> Iterator[None]:
    """Interrupt a block that reads a file after `FILE_TIMEOUT` seconds (`TimeoutError`). Only for reader processes."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(0, f"has not responded for {FILE_TIMEOUT:.0f} seconds", path)

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, FILE_TIMEOUT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _start_reader(read: Callable[[Batch], object], others: list[_Reader]) -> _Reader:
    # A forked process has torch and the list of files already. A spawned one has to import and receive them.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        ours, theirs = context.Pipe()
        inherited = [ours, *(reader.pipe for reader in others)] if sys.platform == "linux" else []
        process = context.Process(target=_serve, args=(read, theirs, inherited), name="reader", daemon=True)
        with warnings.catch_warnings():
            # The warning is about forking a process with threads; the child uses none of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
    except OSError as error:
        raise DataError(f"could not start a process to read images ({error.strerror}). {MEMORY_HINT}") from None
    theirs.close()
    return _Reader(process, ours)


def _serve(read: Callable[[Batch], object], pipe: Connection, inherited: list[Connection]) -> None:
    """Serve requests until the training process is gone. A forked process has to close the inherited ends of pipes."""
    for connection in inherited:
        connection.close()
    with suppress(ValueError):
        signal.set_wakeup_fd(-1)  # Ctrl+C in a terminal reaches every process; only the training handles it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)
    with suppress(EOFError, OSError):
        while True:
            seed, indices = pipe.recv()
            pipe.send_bytes(_pickled_result(read, (seed, torch.from_numpy(indices))))


def _pickled_result(read: Callable[[Batch], object], batch: Batch) -> bytes:
    """The result of `read`, or a `DataError` that says why there is none, pickled for `Connection.recv`."""
    try:
        return bytes(ForkingPickler.dumps(read(batch)))
    except DataError as error:
        result = error
    except MemoryError:
        result = DataError(f"not enough free memory to read images. {MEMORY_HINT}")
    except Exception as error:  # any error is sent to the training process
        reason = str(error).partition("\n")[0] or "no reason given"
        result = DataError(f"images can't be read: {type(error).__name__}: {reason}")
    return bytes(ForkingPickler.dumps(result))


def _exit_reason(code: int | None, timeout: float) -> str:
    """Why a reader process sent no result: by its exit code, or by `timeout` (seconds) if it was killed for that."""
    if timeout:
        return (
            f"no images were read for {timeout:.0f} seconds: the disk or network drive is not responding. "
            f"Check it, then {RESUME_HINT}"
        )
    if code == -signal.SIGKILL:
        return f"a process that reads images was killed, probably because memory ran out. {MEMORY_HINT}"
    if code is not None and code < 0:
        return f"a process that reads images was terminated by signal {signal.Signals(-code).name}: {RESUME_HINT}"
    return f"a process that reads images exited unexpectedly (exit code {code}): {RESUME_HINT}"
