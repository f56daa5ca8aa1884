"""The engine's process: starting it, exchanging messages with it and ending it. Needs neither torch nor Qt."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pkgutil import resolve_name
from types import ModuleType

from resnet_studio.children import safe_path, working_folder
from resnet_studio.cores import CoreShare, bound_spinning
from resnet_studio.engine.protocol import MessageAssembler, Reply, Request, pack, picklable, send
from resnet_studio.engine.server import serve

JOBS = "resnet_studio.engine.jobs:JOBS"
"""Where the engine finds its jobs. Only the engine's process imports it, as it imports torch."""
CORE_CHECK_INTERVAL = 0.25
"""Seconds between two checks of who else computes on this machine."""
LIBRARIES = ("torch", "torchvision", "fvcore", "torchinfo", "numpy")


class EngineProcess:
    """A spawned process behind one pipe, started on construction.

    When it dies, `receive` raises `EOFError` or `OSError`. It ends with the process that started it, however
    that one ends. Whoever creates one must call `stop`.
    """

    def __init__(self, jobs: str = JOBS) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other_end = context.Pipe()
        self._process = context.Process(target=_run, args=(other_end, jobs), name="engine", daemon=True)
        self._incoming = MessageAssembler()
        with _without_main_module(), safe_path():
            self._process.start()
        other_end.close()  # only the engine holds it now, so its death closes the pipe
        self.pid = self._process.pid or 0

    def fileno(self) -> int:
        """The pipe's file descriptor, readable when there is a reply or the engine has died. Not on Windows."""
        return self._pipe.fileno()

    def send(self, request: Request) -> None:
        """Send a request. It is small, so this does not block. Raises `OSError` if the engine has died."""
        self._pipe.send(request)

    def poll(self, seconds: float = 0) -> bool:
        """Whether `receive` has something to read, or the engine has died."""
        return self._pipe.poll(seconds)

    def receive(self) -> Reply | None:
        """Read one chunk; return the reply once it is complete. `EOFError` or `OSError` if the engine has died."""
        return self._incoming.add(self._pipe)

    def kill(self) -> None:
        """Kill the engine, whatever it is doing. It has nothing that must be saved."""
        self._process.kill()

    def stop(self) -> str:
        """Kill the engine if it is alive, free its resources, and return a text on how it ended."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        code = self._process.exitcode or 0
        self._process.close()
        return _describe_exit(code)


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"it exited unexpectedly (exit code {code})"
    name = signal.Signals(-code).name
    cause = ", possibly for lack of memory" if name == "SIGKILL" else ""
    return f"it was killed by {name}{cause}"


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Keep multiprocessing from importing the parent's `__main__` in the spawned process.

    The engine needs nothing from it, and scripts then need no `if __name__ == "__main__"` guard.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(pipe: multiprocessing.connection.Connection, jobs: str) -> None:
    """The main function of the engine's process. Paths in requests must be absolute, as it changes its directory."""
    os.chdir(working_folder())
    multiprocessing.current_process().daemon = False  # daemons may not start processes, and jobs start readers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the window handles Ctrl+C in the terminal
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    bound_spinning()
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        job_table = resolve_name(jobs)
        versions = {library: version(library) for library in LIBRARIES}
    except Exception as error:
        send(pipe, pack(Reply("", 0, "failed", picklable(error)))[1])
        os._exit(1)
    send(pipe, pack(Reply("", 0, "ready", versions))[1])
    serve(pipe, job_table, EngineCoreShare())
    os._exit(0)  # skips torch's teardown, which takes a while


class EngineCoreShare:
    """The cores that the engine uses: all of them, or its share while a training computes too."""

    def __init__(self) -> None:
        self._share = CoreShare()
        self._max_threads = 0
        self._last_check = -CORE_CHECK_INTERVAL

    def claim(self) -> None:
        """Claim the cores before a step of a job, and set torch's number of threads once torch is imported."""
        now = time.monotonic()
        if now - self._last_check < CORE_CHECK_INTERVAL:
            return
        self._last_check = now
        self._share.claim()
        if torch := sys.modules.get("torch"):
            self._max_threads = self._max_threads or torch.get_num_threads()
            torch.set_num_threads(self._share.threads(self._max_threads))

    def release(self) -> None:
        """Free the cores while the engine is idle."""
        self._share.release()
        self._last_check = -CORE_CHECK_INTERVAL


def _exit_with_parent() -> None:
    """Wait for the parent process to end, then exit at once, whatever is running."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
