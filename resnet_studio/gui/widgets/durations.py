"""How long something took or will take, as it is shown."""

from __future__ import annotations

import math

from resnet_studio.analysis.units import DASH


def duration(seconds: float) -> str:
    """75 → "1:15", 3725 → "1:02:05", 200,000 → "2 d 07:33"; a dash for what can't be told."""
    if not math.isfinite(seconds):
        return DASH
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
