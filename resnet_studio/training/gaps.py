"""How the networks of the degradation experiment ended, and how far apart. Needs neither torch nor Qt.

Of two networks one is worse where its error is larger by more than chance explains: by more than two standard errors
of the difference between two shares of so many images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from resnet_studio.training.bands import Split, Spread
from resnet_studio.training.degradation import Twin

STANDARD_ERRORS = 2.0
SPLITS: tuple[Split, Split] = ("training", "test")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a network's finished runs ended. Errors are shares, 0 … 1."""

    twin: Twin
    runs: int
    errors: dict[Split, Spread]


@dataclass(frozen=True, slots=True)
class Gap:
    """How much larger a deeper network's error is than a shallower one's, and how much of that chance explains."""

    shallow: Ending
    deep: Ending
    images: dict[Split, int]

    def more(self, split: Split) -> float:
        return self.deep.errors[split].median - self.shallow.errors[split].median

    def chance(self, split: Split) -> float:
        return chance(self.shallow.errors[split].median, self.deep.errors[split].median, self.images[split])

    def worse(self, split: Split) -> bool:
        return self.more(split) > self.chance(split)

    def to_json(self) -> dict[str, Any]:
        """In percentage points."""
        points = {f"{split}_points": 100 * self.more(split) for split in SPLITS}
        chances = {f"{split}_chance_points": 100 * self.chance(split) for split in SPLITS}
        return {"shallow": self.shallow.twin.title, "deep": self.deep.twin.title, **points, **chances}


def chance(one: float, other: float, images: int) -> float:
    """How far two shares of so many images lie apart by chance: two standard errors of their difference."""
    return STANDARD_ERRORS * math.sqrt((one * (1 - one) + other * (1 - other)) / max(images, 1))
