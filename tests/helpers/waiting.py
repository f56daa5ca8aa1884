"""How long tests wait for what must come, and waiting for it. A test that passes never waits that long."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0
"""Seconds until what has not come is a failure: enough for a process to import torch on a busy machine."""


def wait_until(
    condition: Callable[[], object], failure_message: Callable[[], object] = lambda: "nothing happened"
) -> None:
    """Poll until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, failure_message()
        time.sleep(0.01)
