"""Compound scaling: depth, width and image grow together (Tan and Le 2019, arXiv 1905.11946, equation 3).

With a coefficient φ depth becomes α^φ, width β^φ and the image γ^φ times as large. The rule gives fractions, and what
is built is rounded as in that paper's code: blocks up, channels to the nearest multiple of 8 that is not more than 10 %
below. The networks that the paper publishes have other factors than its rule gives. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from resnet_studio.analysis.roundings import Rounding, rounding, shown
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width

ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15
"""Factors of depth, width and image for φ = 1, as the paper found them for its own networks: α β² γ² ≈ 2."""
LARGEST_PHI = 20.0


@dataclass(frozen=True, slots=True)
class PublishedScaling:
    """Factors of width and depth and the image of EfficientNet-B1 to -B7, as the authors' code has them
    (tensorflow/tpu, efficientnet_builder.py)."""

    number: int
    width: float
    depth: float
    image: int

    @property
    def words(self) -> str:
        """The factors beside those of the rule for the φ of that number, in a sentence without a full stop.

        The paper prints no φ, and none gives all three factors of a network (tensorflow/tpu#390).
        """
        parts = (
            ("depth", "×", ALPHA**self.number, self.depth),
            ("width", "×", BETA**self.number, self.width),
            ("image", "", PUBLISHED_BASE * GAMMA**self.number, self.image),
        )
        pairs = ", ".join(f"{what} {by}{shown(rule)} (published {by}{built:g})" for what, by, rule, built in parts)
        return f"EfficientNet-B{self.number}: for φ = {self.number} the rule gives {pairs}"


PUBLISHED_BASE = 224
"""Side of EfficientNet-B0's images."""
EFFICIENTNETS = (
    PublishedScaling(1, 1.0, 1.1, 240),
    PublishedScaling(2, 1.1, 1.2, 260),
    PublishedScaling(3, 1.2, 1.4, 300),
    PublishedScaling(4, 1.4, 1.8, 380),
    PublishedScaling(5, 1.6, 2.2, 456),
    PublishedScaling(6, 1.8, 2.6, 528),
    PublishedScaling(7, 2.0, 3.1, 600),
)


def published_notes(phis: Iterable[float]) -> list[str]:
    """How EfficientNets differ from the rule for these φ, each as a sentence without a full stop."""
    return [published.words for phi in phis for published in EFFICIENTNETS if published.number == phi]


def scaled(base: Architecture, phi: float, multiple: int = 8) -> tuple[Residual, tuple[Rounding, ...]]:
    """A residual network scaled by α^φ, β^φ and γ^φ, and what was rounded.

    `ArchitectureError` if it becomes larger than a network can be.
    """
    if not isinstance(base, Residual):
        raise ArchitectureError("scale", "only residual networks can be scaled, as the others are torchvision's")
    if not 0 <= phi <= LARGEST_PHI:
        raise ArchitectureError("scale", f"φ must be from 0 to {LARGEST_PHI:g}, got {phi:g}")
    deep, wide, large = ALPHA**phi, BETA**phi, GAMMA**phi
    blocks = tuple(math.ceil(round(count * deep, 9)) for count in base.blocks)
    width = nearest_multiple(base.width * wide, multiple)
    built = base.with_values({"blocks": blocks, "width": width, "image": _image(base.image, large)})
    return built, tuple(_roundings(base, built, (deep, wide, large), multiple))


def nearest_multiple(channels: float, multiple: int) -> int:
    """Channels as EfficientNet's code rounds them: the nearest multiple, the next if that is more than 10 % below."""
    nearest = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return nearest + multiple if nearest < 0.9 * channels else nearest


def _image(size: ImageSize, factor: float) -> ImageSize:
    return as_image_size(math.floor(side * factor + 0.5) for side in height_width(size))


def _roundings(
    base: Residual, built: Residual, factors: tuple[float, float, float], multiple: int
) -> list[Rounding]:  # fmt: skip
    """What was rounded, without what the formula gave as a whole number."""
    deep, wide, large = factors
    found = [
        rounding(f"blocks of conv{stage + 2}_x", count * deep, "up", built.blocks[stage], _with_count(built, stage))
        for stage, count in enumerate(base.blocks)
    ]
    found.append(
        rounding(
            "width", base.width * wide, f"to a multiple of {multiple}", built.width,
            lambda width: replace(built, width=width),
        )
    )  # fmt: skip
    old, new = height_width(base.image), height_width(built.image)
    found.append(
        rounding("image", old[0] * large, "to whole pixels", new[0], lambda side: _with_side(built, side))
    )  # fmt: skip
    return [one for one in found if not math.isclose(one.formula, one.built)]


def _with_count(built: Residual, stage: int) -> Callable[[int], Architecture]:
    return lambda count: replace(built, blocks=(*built.blocks[:stage], count, *built.blocks[stage + 1 :]))


def _with_side(built: Residual, side: int) -> Residual:
    """The network for an image of that height and the same shape."""
    height, width = height_width(built.image)
    return replace(built, image=as_image_size((side, round(side * width / height))))
