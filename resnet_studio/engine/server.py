"""The engine's loop: it runs the newest request of each lane, and the lanes take turns.

A job is a generator. Each value that it yields is sent to the window, and each yield is also the point at
which another lane gets its turn, or a newer request of the same lane ends it. What it returns is its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeAlias

from resnet_studio.engine.protocol import CANCEL, Reply, Request, pack, picklable, send

Steps: TypeAlias = Generator[Any, None, Any]
Job: TypeAlias = Callable[..., Steps]
ActiveJobs: TypeAlias = dict[str, tuple[Request, Steps]]
"""The request of each lane with its job, which only starts on its first turn. The first lane is next."""

IDLE_AFTER = 0.5
"""Seconds without a request after which the engine releases its cores."""


class CoreProvider(Protocol):
    """Claims the machine's cores before a step and releases them when idle."""

    def claim(self) -> None: ...

    def release(self) -> None: ...


def serve(pipe: Connection, jobs: Mapping[str, Job], cores: CoreProvider) -> None:
    """Answer requests until the window closes its end of the pipe.

    The window requests a new table at every keystroke, so a request replaces the older one of its lane, waiting or
    running. If a job fails, its error is the answer, and the engine goes on.
    """
    active: ActiveJobs = {}
    current = 0
    with suppress(EOFError, OSError):  # the window has closed its end; errors of jobs never get here
        while True:
            if not active and not pipe.poll(IDLE_AFTER):
                cores.release()
            receive_requests(pipe, jobs, active)
            cores.claim()
            lane = next(iter(active))
            request, steps = active.pop(lane)
            if request.number != current:
                current = request.number
                send_reply(pipe, Reply(lane, current, "started"))
            if send_reply(pipe, step(request, steps)) == "part":
                active[lane] = request, steps
            else:
                close_job(steps)


def receive_requests(pipe: Connection, jobs: Mapping[str, Job], active: ActiveJobs) -> None:
    """Receive what has arrived; wait only if nothing is active. A newer request takes the turn of the older one."""
    while pipe.poll(0 if active else None):
        request: Request = pipe.recv()
        if request.lane in active:
            older, steps = active[request.lane]
            close_job(steps)
            send_reply(pipe, Reply(older.lane, older.number, "dropped"))
        if request.job == CANCEL:
            active.pop(request.lane, None)
            send_reply(pipe, Reply(request.lane, request.number, "dropped"))
        else:
            active[request.lane] = request, start_job(request, jobs)


def start_job(request: Request, jobs: Mapping[str, Job]) -> Steps:
    """The request's job. An unknown name or wrong arguments raise at its first step, like any error of the job."""
    return (yield from jobs[request.job](*request.arguments))


def step(request: Request, steps: Steps) -> Reply:
    """Run the job to its next yield or to its end."""
    try:
        return Reply(request.lane, request.number, "part", next(steps))
    except StopIteration as ended:
        return Reply(request.lane, request.number, "answer", ended.value)
    except BaseException as error:  # the one boundary: whatever a job raises, even SystemExit, becomes an answer
        return Reply(request.lane, request.number, "error", picklable(error))


def close_job(steps: Steps) -> None:
    """Close a job, so that it can clean up. Its errors are ignored, as nobody waits for its answer."""
    with suppress(Exception):
        steps.close()


def send_reply(pipe: Connection, reply: Reply) -> str:
    """Send the reply; return its kind, which is "error" where its value could not be sent."""
    sent, packed = pack(reply)
    send(pipe, packed)
    return sent.kind
