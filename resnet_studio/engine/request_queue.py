"""What the window waits for: the newest request of every lane, and which requests the engine has.

This is the logic of the engine's client, without a window, a process or a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from resnet_studio.engine.protocol import NOTHING, Reply, Request

MOST_SENT = 2
"""Requests of a lane that the engine may have: the one that runs and the one that ends it. More wait here, of
which only the newest is kept, so the pipe never fills and sending never waits, however fast the window asks."""


@dataclass(slots=True)
class PendingRequest:
    """A request that has no answer yet, what to call it, and how often the engine has died of it."""

    request: Request
    label: str
    deaths: int = 0


class RequestQueue:
    """Keeps the newest wish of each lane until it is answered, also over the engine's death."""

    def __init__(self) -> None:
        self._newest: dict[str, PendingRequest] = {}
        self._sent: dict[int, str] = {}
        self._cancelled: set[int] = set()
        self._stepped = 0
        self._numbers = count(1)

    @property
    def busy(self) -> bool:
        """Whether the engine has something to do."""
        return bool(self._sent)

    @property
    def stepped(self) -> PendingRequest | None:
        """What the engine is working on, if that is still wanted."""
        return next((wish for wish in self._newest.values() if wish.request.number == self._stepped), None)

    @property
    def ending(self) -> bool:
        """Whether something that was cancelled has not ended yet."""
        return bool(self._cancelled)

    @property
    def stuck(self) -> bool:
        """Whether the engine is working on something that was cancelled."""
        return self._stepped in self._cancelled

    def add(self, lane: str, job: str, arguments: tuple[Any, ...], label: str) -> int:
        """Wish for something in place of what the lane wished for before. Returns the request's number."""
        number = next(self._numbers)
        self._newest[lane] = PendingRequest(Request(lane, number, job, arguments), label)
        return number

    def cancel(self, lane: str) -> None:
        """Wish for nothing in this lane."""
        self._newest.pop(lane, None)
        running = [number for number, of in self._sent.items() if of == lane]
        if running:
            self._cancelled.update(running)
            self.add(lane, NOTHING, (), "")

    def to_send(self) -> Iterator[Request]:
        """The requests that the engine should have now; each counts as sent."""
        for lane, wish in self._newest.items():
            number = wish.request.number
            if number not in self._sent and list(self._sent.values()).count(lane) < MOST_SENT:
                self._sent[number] = lane
                yield wish.request

    def take(self, reply: Reply) -> bool:
        """Note a reply, and say whether it is about a wish that still stands."""
        wish = self._newest.get(reply.lane)
        wanted = wish is not None and wish.request.number == reply.number
        if reply.kind == "started":
            self._stepped = reply.number
        elif reply.kind != "part":
            self._sent.pop(reply.number, None)
            self._cancelled.discard(reply.number)
            if self._stepped == reply.number:
                self._stepped = 0
            if wanted:
                del self._newest[reply.lane]
        return wanted and reply.kind != "dropped"

    def engine_died(self) -> PendingRequest | None:
        """Let everything be sent again, but for what has now killed the engine twice. Returns what it was at."""
        culprit = self.stepped
        if culprit:
            culprit.deaths += 1
            if culprit.deaths > 1:
                del self._newest[culprit.request.lane]
        self._newest = {lane: wish for lane, wish in self._newest.items() if wish.request.job != NOTHING}
        self._sent.clear()
        self._cancelled.clear()
        self._stepped = 0
        return culprit
