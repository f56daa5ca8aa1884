"""What tests of the window's connection with the engine share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from resnet_studio.gui.engine_client import EngineConnection

STUBS = Path(__file__).parent
"""The folder of `stub_jobs`, for a test to put on the path that the engine inherits."""
SIGNALS = ("ready", "started", "part", "answer", "error", "died", "restarted", "failed", "state_changed")
LONG = 60_000  # milliseconds until a test gives up


class Listener:
    """Keeps every signal of a link in order, as (name, arguments)."""

    def __init__(self, link: EngineConnection, qtbot: QtBot) -> None:
        self.link, self.qtbot = link, qtbot
        self.heard: list[tuple[str, tuple[Any, ...]]] = []
        for name in SIGNALS:
            getattr(link, name).connect(lambda *arguments, name=name: self.heard.append((name, arguments)))

    def all(self, *names: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.heard if name in names]

    def of(self, number: int, *names: str) -> list[Any]:
        return [arguments[-1] for arguments in self.all(*names) if arguments[1] == number]

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=LONG)

    def answer(self, number: int) -> Any:
        self.until(lambda: self.of(number, "answer", "error"))
        return self.of(number, "answer", "error")[0]

    def working_on(self, number: int) -> None:
        self.until(lambda: self.of(number, "part"))


def kill(link: EngineConnection) -> None:
    os.kill(link.pid, signal.SIGKILL)
