"""An engine client without an engine: it keeps what is requested, and a test answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from resnet_studio.engine.protocol import Reply
from resnet_studio.gui.engine_client import EngineClient


class FakeEngine(EngineClient):
    """Stands in for the window's engine client. Whoever made a request is called back as by the real one."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[Any, ...]] = []
        """Lane, job and arguments of every request so far."""
        self.pending: dict[str, tuple[Any, ...]] = {}
        """Job and arguments of each lane's newest request, until it is answered, fails or is canceled."""

    def request(self, job: str, *arguments: object, lane: str = "", **options: Any) -> None:
        lane = lane or job
        self.requests.append((lane, job, *arguments))
        self.pending[lane] = (job, *arguments)
        super().request(job, *arguments, lane=lane, **options)

    def requests_of(self, lane: str) -> list[tuple[Any, ...]]:
        """Job and arguments of every request of a lane."""
        return [request[1:] for request in self.requests if request[0] == lane]

    def cancel(self, lane: str) -> None:
        self.pending.pop(lane, None)
        super().cancel(lane)

    def part(self, lane: str, value: object) -> None:
        """Send a part of the answer, or a `Progress`."""
        self._receive(lane, "part", value)

    def answer(self, lane: str, value: object) -> None:
        del self.pending[lane]
        self._receive(lane, "answer", value)

    def fail(self, lane: str, error: Exception) -> None:
        del self.pending[lane]
        self._receive(lane, "error", error)

    def _receive(self, lane: str, kind: Literal["part", "answer", "error"], value: object) -> None:
        self._inbox = [Reply(lane, self._queue._newest[lane].request.number, kind, value)]
        self._read()

    def _replies(self) -> Iterator[Reply]:
        return iter(self._inbox)
