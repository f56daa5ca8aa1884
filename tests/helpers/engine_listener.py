"""Helpers for tests of the window's connection with the engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from resnet_studio.gui.engine_client import EngineClient

STUBS = Path(__file__).parent
"""The folder of `stub_jobs`, to be put on the path that the engine inherits."""
SIGNALS = (
    "ready", "died", "restarted", "failed", "stateChanged", "progressChanged", "requestAnswered", "requestFailed",
    "idle",
)  # fmt: skip


class Listener:
    """Makes requests of a client, and records its signals and callbacks in order, as (name, arguments).

    The arguments of a callback are the request's lane, its number and the value; `handles_errors` is what the
    callback for errors returns.
    """

    def __init__(self, client: EngineClient, qtbot: QtBot) -> None:
        self.client, self.qtbot = client, qtbot
        self.handles_errors = False
        self.received: list[tuple[str, tuple[Any, ...]]] = []
        self._numbers = count(1)
        for name in SIGNALS:
            getattr(client, name).connect(lambda *arguments, name=name: self.received.append((name, arguments)))

    def request(self, lane: str, job: str, *arguments: object, label: str = "", background: bool = False) -> int:
        """Make a request, and return its number."""
        number = next(self._numbers)
        self.client.request(
            job, *arguments, lane=lane, label=label, background=background,
            on_result=partial(self._note, "result", lane, number), on_part=partial(self._note, "part", lane, number),
            on_progress=partial(self._note, "progress", lane, number),
            on_error=partial(self._note, "error", lane, number),
        )  # fmt: skip
        return number

    def _note(self, name: str, lane: str, number: int, value: object) -> bool:
        self.received.append((name, (lane, number, value)))
        return self.handles_errors

    def all(self, *names: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.received if name in names]

    def of(self, number: int, *names: str) -> list[Any]:
        """The values of that request's callbacks."""
        return [arguments[-1] for arguments in self.all(*names) if arguments[1] == number]

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()))

    def answer(self, number: int) -> Any:
        self.until(lambda: self.of(number, "result", "error"))
        return self.of(number, "result", "error")[0]

    def working_on(self, number: int) -> None:
        self.until(lambda: self.of(number, "part", "progress"))


def kill(client: EngineClient) -> None:
    os.kill(client.pid, signal.SIGKILL)
