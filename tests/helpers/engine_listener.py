"""Helpers for tests of the window's connection with the engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from resnet_studio.gui.engine_client import EngineConnection

STUBS = Path(__file__).parent
"""The folder of `stub_jobs`, to be put on the path that the engine inherits."""
SIGNALS = (
    "ready", "started", "partReceived", "answerReceived", "errorReceived", "died", "restarted", "failed", "stateChanged"
)  # fmt: skip
LONG = 60_000  # timeout in milliseconds


class Listener:
    """Records every signal of a connection in order, as (name, arguments)."""

    def __init__(self, connection: EngineConnection, qtbot: QtBot) -> None:
        self.connection, self.qtbot = connection, qtbot
        self.received: list[tuple[str, tuple[Any, ...]]] = []
        for name in SIGNALS:
            getattr(connection, name).connect(lambda *arguments, name=name: self.received.append((name, arguments)))

    def all(self, *names: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.received if name in names]

    def of(self, number: int, *names: str) -> list[Any]:
        return [arguments[-1] for arguments in self.all(*names) if arguments[1] == number]

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=LONG)

    def answer(self, number: int) -> Any:
        self.until(lambda: self.of(number, "answerReceived", "errorReceived"))
        return self.of(number, "answerReceived", "errorReceived")[0]

    def working_on(self, number: int) -> None:
        self.until(lambda: self.of(number, "partReceived"))


def kill(connection: EngineConnection) -> None:
    os.kill(connection.pid, signal.SIGKILL)
