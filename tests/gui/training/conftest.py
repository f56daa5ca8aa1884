from __future__ import annotations

import pytest

from resnet_studio.gui.training import run_monitor

QUICK = {"TICK": 20, "LIVE_EVERY": 0.025, "ENDED_EVERY": 0.5}
"""Not `SCAN`: tests write a run in several steps, between which it must not be found."""


@pytest.fixture(autouse=True)
def quick_monitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have new events looked for ten times as often as a user needs."""
    for name, interval in QUICK.items():
        monkeypatch.setattr(run_monitor, name, interval)
