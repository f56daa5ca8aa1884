from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from pytestqt.qtbot import QtBot

from forked_engines import forked_engines
from themed import themed
from waiting import PATIENCE

if TYPE_CHECKING:
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState

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
def opened(qtbot: QtBot) -> Iterator[Callable[[SessionState], MainWindow]]:
    """Opens windows, and closes them with their engines afterwards."""
    from resnet_studio.gui.main_window import MainWindow

    windows: list[MainWindow] = []

    def open_window(state: SessionState) -> MainWindow:
        window = MainWindow(state)
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)  # shortcuts need the focus
        window.start_engine()
        return window

    yield open_window
    for window in windows:
        window.close()


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> PatientQtBot:
    return PatientQtBot(request)
