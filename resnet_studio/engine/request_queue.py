"""The newest request of every lane, and which requests the engine has.

This is the logic of the engine's client, without a window, a process or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from resnet_studio.engine.protocol import CANCEL, Reply, Request

MAX_SENT = 2
"""Requests of a lane that the engine may have at once: the one that runs and the one that replaces it. Of further
ones only the newest waits here, so the pipe never fills and sending never blocks, however many are added."""


@dataclass(slots=True)
class PendingRequest:
    """A request without an answer, its name in sentences, and how often the engine has died while running it."""

    request: Request
    label: str
    deaths: int = 0


class RequestQueue:
    """Keeps the newest request of each lane until it is answered, even if the engine dies and is restarted."""

    def __init__(self) -> None:
        self._newest: dict[str, PendingRequest] = {}
        self._sent: dict[int, str] = {}
        self._canceled: set[int] = set()
        self._running = 0
        self._numbers = count(1)

    @property
    def busy(self) -> bool:
        """Whether the engine has requests."""
        return bool(self._sent)

    @property
    def running(self) -> PendingRequest | None:
        """The request that the engine is working on, unless it was canceled or replaced."""
        return next((pending for pending in self._newest.values() if pending.request.number == self._running), None)

    @property
    def canceling(self) -> bool:
        """Whether a canceled request has not ended yet."""
        return bool(self._canceled)

    @property
    def stuck(self) -> bool:
        """Whether the engine is working on a canceled request."""
        return self._running in self._canceled

    def add(self, lane: str, job: str, arguments: tuple[Any, ...], label: str) -> int:
        """Add a request in place of the lane's earlier one, and return its number."""
        number = next(self._numbers)
        self._newest[lane] = PendingRequest(Request(lane, number, job, arguments), label)
        return number

    def cancel(self, lane: str) -> None:
        """Drop the lane's request, and end it if the engine has it."""
        self._newest.pop(lane, None)
        in_flight = [number for number, sent_lane in self._sent.items() if sent_lane == lane]
        if in_flight:
            self._canceled.update(in_flight)
            self.add(lane, CANCEL, (), "")

    def to_send(self) -> Iterator[Request]:
        """The requests to send now; each counts as sent once it is yielded."""
        for lane, pending in self._newest.items():
            number = pending.request.number
            if number not in self._sent and list(self._sent.values()).count(lane) < MAX_SENT:
                self._sent[number] = lane
                yield pending.request

    def handle_reply(self, reply: Reply) -> bool:
        """Record a reply, and return whether it belongs to the newest request of its lane."""
        pending = self._newest.get(reply.lane)
        is_current = pending is not None and pending.request.number == reply.number
        if reply.kind == "started":
            self._running = reply.number
        elif reply.kind != "part":
            self._sent.pop(reply.number, None)
            self._canceled.discard(reply.number)
            if self._running == reply.number:
                self._running = 0
            if is_current:
                del self._newest[reply.lane]
        return is_current and reply.kind != "dropped"

    def engine_died(self) -> PendingRequest | None:
        """Mark everything as unsent, and drop a request that killed the engine twice. Returns the one it worked on."""
        culprit = self.running
        if culprit:
            culprit.deaths += 1
            if culprit.deaths > 1:
                del self._newest[culprit.request.lane]
        self._newest = {lane: pending for lane, pending in self._newest.items() if pending.request.job != CANCEL}
        self._sent.clear()
        self._canceled.clear()
        self._running = 0
        return culprit
