"""The engine's loop: the newest request of each lane counts, and the lanes take turns.

A job is a generator. Each value that it yields is told to the window, and each yield is also the point at
which another lane gets its turn, or a newer request of the same lane ends it. What it returns is its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeAlias

from resnet_studio.engine.protocol import NOTHING, Reply, Request, crossing, pack, send

Steps: TypeAlias = Generator[Any, None, Any]
Job: TypeAlias = Callable[..., Steps]
Turns: TypeAlias = dict[str, tuple[Request, Steps]]
"""The request of each lane with its job, which is not begun before its first turn. The first lane is next."""


IDLE_AFTER = 0.5
"""Seconds without a request after which the engine lets others have its cores."""


class CoreProvider(Protocol):
    """What is computed on."""

    def take(self) -> None: ...

    def give_back(self) -> None: ...


def serve(pipe: Connection, jobs: Mapping[str, Job], cores: CoreProvider) -> None:
    """Answer requests until the window closes its end of the pipe.

    The window asks for a new table at every keystroke, so a request takes the place of an older one of its
    lane, waiting or begun. A job that fails answers with its error; the engine goes on.
    """
    turns: Turns = {}
    stepped = 0
    with suppress(EOFError, OSError):  # jobs' own errors never get here: the window has gone
        while True:
            if not turns and not pipe.poll(IDLE_AFTER):
                cores.give_back()
            take_requests(pipe, jobs, turns)
            cores.take()
            lane = next(iter(turns))
            request, steps = turns.pop(lane)
            if request.number != stepped:
                stepped = request.number
                tell(pipe, Reply(lane, stepped, "started"))
            if tell(pipe, step(request, steps)) == "part":
                turns[lane] = request, steps
            else:
                end(steps)


def take_requests(pipe: Connection, jobs: Mapping[str, Job], turns: Turns) -> None:
    """Take what has arrived; wait only if there is nothing to do. A newer request takes the turn of the older."""
    while pipe.poll(0 if turns else None):
        request: Request = pipe.recv()
        if request.lane in turns:
            older, steps = turns[request.lane]
            end(steps)
            tell(pipe, Reply(older.lane, older.number, "dropped"))
        if request.job == NOTHING:
            turns.pop(request.lane, None)
            tell(pipe, Reply(request.lane, request.number, "dropped"))
        else:
            turns[request.lane] = request, begin(request, jobs)


def begin(request: Request, jobs: Mapping[str, Job]) -> Steps:
    """The request's job. An unknown name or wrong arguments show at its first step, like any error of the job."""
    return (yield from jobs[request.job](*request.arguments))


def step(request: Request, steps: Steps) -> Reply:
    """Let the job go on to its next yield or to its end."""
    try:
        return Reply(request.lane, request.number, "part", next(steps))
    except StopIteration as ended:
        return Reply(request.lane, request.number, "answer", ended.value)
    except BaseException as error:  # the one boundary: whatever a job raises, even SystemExit, becomes an answer
        return Reply(request.lane, request.number, "error", crossing(error))


def end(steps: Steps) -> None:
    """Close a job, so that it can tidy up. Nobody waits for its answer any more, nor for its error."""
    with suppress(Exception):
        steps.close()


def tell(pipe: Connection, reply: Reply) -> str:
    """Send the reply; return its kind, which is "error" where its value could not be sent."""
    sent, packed = pack(reply)
    send(pipe, packed)
    return sent.kind
