from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from figure_window import FigureWindow
from resnet_studio.gui import main_window
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from workspace_numbers import FIGURE


@pytest.fixture
def open_figure(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FigureWindow]]:
    """Opens windows with a session, at the Figure workspace."""
    windows: list[MainWindow] = []
    monkeypatch.setattr(main_window, "EngineClient", lambda _jobs: FakeEngine())

    def open_window(**session: Any) -> FigureWindow:
        window = MainWindow(SessionState(workspace=FIGURE, **session))
        qtbot.addWidget(window)
        windows.append(window)
        window.resize(1440, 900)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return FigureWindow(qtbot, window)

    yield open_window
    for window in windows:
        window.close()
