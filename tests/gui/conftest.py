from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from forked_engines import forked_engines
from themed import themed
from waiting import PATIENCE

MILLISECONDS = int(1000 * PATIENCE)


class PatientQtBot(QtBot):
    """Waits for signals and conditions as long as the tests without a window do, not pytest-qt's five seconds."""

    def waitSignal(self, signal: Any, *, timeout: int = MILLISECONDS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = MILLISECONDS) -> None:
        """Process events until a condition holds. pytest-qt looks every 10 ms, which adds up."""
        until = time.monotonic() + timeout / 1000
        while not callback():
            assert time.monotonic() < until, f"{callback} did not hold within {timeout} ms"
            self.wait(1)


@pytest.fixture(scope="session", autouse=True)
def engines(suite_folder: object) -> Iterator[None]:
    """The engines of all windows are forked; what a spawned one does is tested in `tests/engine`."""
    with forked_engines():
        yield


@pytest.fixture(scope="module")
def window_fonts(qapp: object) -> Iterator[None]:
    """The fonts and style sheet of the window, as other fonts have other widths."""
    with themed("light"):
        yield


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> PatientQtBot:
    return PatientQtBot(request)
