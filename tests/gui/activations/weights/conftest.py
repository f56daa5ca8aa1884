"""The controller of weights with an engine that a test answers for, and whole windows whose maps are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from opened_windows import Opened, OpenedWithMaps
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.inference.values import ForwardResult
from workspace_numbers import ACTIVATIONS


@pytest.fixture
def engine(qapp: object) -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def weights(engine: FakeEngine, tmp_path: Path) -> Iterator[WeightsController]:
    weights = WeightsController(Session(SessionState()), engine)
    weights.runs = tmp_path / "runs"
    yield weights
    weights.stop()


@pytest.fixture
def opened_with_maps(qtbot: QtBot, opened: Opened) -> OpenedWithMaps:
    """Opens windows on Activations and waits for their maps."""

    def open_window(state: SessionState) -> tuple[MainWindow, list[ForwardResult]]:
        window = opened(replace(state, workspace=ACTIVATIONS))
        results: list[ForwardResult] = []
        window.controller.activations.forwardFinished.connect(results.append)
        qtbot.waitUntil(lambda: bool(results))
        return window, results

    return open_window
