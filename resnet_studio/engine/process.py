"""The engine's process: how it is started, spoken with and ended. Needs neither torch nor Qt."""

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

from resnet_studio.children import own_folder, safe_path
from resnet_studio.cores import CoreShare, bound_spinning
from resnet_studio.engine.protocol import MessageAssembler, Reply, Request, crossing, pack, send
from resnet_studio.engine.server import serve

JOBS = "resnet_studio.engine.jobs:JOBS"
"""Where the engine finds its jobs. Only the engine's process imports it, as it imports torch."""
CHECK_CORES_EVERY = 0.25
"""Seconds between two looks at who else computes on this machine."""
LIBRARIES = ("torch", "torchvision", "fvcore", "torchinfo", "numpy")


class EngineProcess:
    """A spawned process behind one pipe, started on construction.

    Its death shows as `EOFError` or `OSError` from `receive`. It ends with the process that started it, however
    that ends. Whoever makes one calls `stop`.
    """

    def __init__(self, jobs: str = JOBS) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, other_end = spawning.Pipe()
        self._process = spawning.Process(target=_run, args=(other_end, jobs), name="engine", daemon=True)
        self._incoming = MessageAssembler()
        with _without_main_module(), safe_path():
            self._process.start()
        other_end.close()  # the engine alone holds it now, so that its death closes the pipe
        self.pid = self._process.pid or 0

    def fileno(self) -> int:
        """The pipe's file descriptor, readable when the engine has said something or died. Not on Windows."""
        return self._pipe.fileno()

    def send(self, request: Request) -> None:
        """Hand a request over. It is small and does not wait for the engine; `OSError` if that has died."""
        self._pipe.send(request)

    def poll(self, seconds: float = 0) -> bool:
        """Whether `receive` has something to read, or the engine has died."""
        return self._pipe.poll(seconds)

    def receive(self) -> Reply | None:
        """Read one piece of a reply; return the reply once it is whole. `EOFError` or `OSError` on death."""
        return self._incoming.add(self._pipe)

    def kill(self) -> None:
        """End the engine wherever it is. It holds nothing that must be saved."""
        self._process.kill()

    def stop(self) -> str:
        """End the engine if it lives, free what belongs to it, and say how it ended."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        code = self._process.exitcode or 0
        self._process.close()
        return _how_it_ended(code)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"it ended by itself (exit code {code})"
    name = signal.Signals(-code).name
    cause = ", as systems do when memory runs out" if name == "SIGKILL" else ""
    return f"it was ended by {name}{cause}"


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Let a spawned process not import the program that spawns it, as multiprocessing would have it do.

    The engine needs nothing from there, and a script or console program need not guard itself against it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _run(pipe: multiprocessing.connection.Connection, jobs: str) -> None:
    """The engine's process from its first to its last line. What it is asked for has whole paths."""
    os.chdir(own_folder())
    multiprocessing.current_process().daemon = False  # one that ends with the window, yet may start processes that read
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is for the window to answer
    threading.Thread(target=_end_with_window, daemon=True).start()
    bound_spinning()
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        table = resolve_name(jobs)
        versions = {library: version(library) for library in LIBRARIES}
    except Exception as error:
        send(pipe, pack(Reply("", 0, "failed", crossing(error)))[1])
        os._exit(1)
    send(pipe, pack(Reply("", 0, "ready", versions))[1])
    serve(pipe, table, EngineCoreShare())
    os._exit(0)  # nothing is left to do, and taking torch down orderly takes a while


class EngineCoreShare:
    """The engine's part of the machine's cores: all of them, or its share while a training computes, too."""

    def __init__(self) -> None:
        self._share = CoreShare()
        self._most = 0
        self._checked = -CHECK_CORES_EVERY

    def take(self) -> None:
        """Before a step of a job: claim the cores, and have torch, once it is imported, compute with the share."""
        now = time.monotonic()
        if now - self._checked < CHECK_CORES_EVERY:
            return
        self._checked = now
        self._share.claim()
        if torch := sys.modules.get("torch"):
            self._most = self._most or torch.get_num_threads()
            torch.set_num_threads(self._share.threads(self._most))

    def give_back(self) -> None:
        """There is nothing to do now."""
        self._share.release()
        self._checked = -CHECK_CORES_EVERY


def _end_with_window() -> None:
    """Wait until the window's process has ended, however it did, and end this one whatever it computes."""
    window = multiprocessing.parent_process()
    if window is not None:
        window.join()
        os._exit(0)
