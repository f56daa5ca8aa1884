"""Which colors a drawing's keys stand for: in print, and in the window's themes. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from resnet_studio.figures.drawing import Fill, Tone
from resnet_studio.stage_colors import STAGE_COLORS, color_of_stage

KIND_COLORS = {
    "conv": "#4a7fc1",
    "linear": "#4a7fc1",
    "batch norm": "#2f9f9a",
    "relu": "#d79f38",
    "gate": "#9670b4",
    "pool": "#8792a6",
    "zero pad": "#8792a6",
    "sum": "",
}
"""Of the layers inside a block, by what they do; the sum is not filled."""


LEGIBLE = 4.5
"""The contrast that WCAG 2 wants of text."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colors of a figure. Colors are "#rrggbb"."""

    name: str
    background: str
    text: str
    muted: str
    rule: str
    share: float
    """Of a stage's color in what it fills; the rest is the background."""
    scale: tuple[str, ...]
    """From 0 to 1, at equal distances."""

    def tone(self, tone: Tone) -> str:
        """The color of a text or of a line."""
        return {"text": self.text, "muted": self.muted, "rule": self.rule}[tone]

    def fill(self, fill: Fill) -> str:
        """The color of an area; empty if it isn't filled."""
        return _fill(self, fill)

    def side(self, fill: Fill) -> str:
        """The right side of an extruded box, which lies in the shade."""
        return blend("#000000", self.fill(fill) or self.background, 0.14)

    def top(self, fill: Fill) -> str:
        """The top of an extruded box, which the light falls on."""
        return blend("#ffffff", self.fill(fill) or self.background, 0.45 if self.is_light else 0.14)

    def border(self, fill: Fill) -> str:
        """The color of the line around an area."""
        if fill is None:
            return self.muted
        if isinstance(fill, str):
            color = key_color(fill)
            return blend(self.text, color, 0.35 if self.is_light else 0.05) if color else self.text
        return blend(self.text, self.fill(fill), 0.35)

    def text_on(self, fill: Fill) -> str:
        """The color of a text on an area: the palette's, or where that is hard to read black or white."""
        return _text_on(self, fill)

    @property
    def is_light(self) -> bool:
        """Whether text is darker than its background."""
        return luminance(self.background) > luminance(self.text)


@lru_cache(maxsize=4096)
def _fill(palette: Palette, fill: Fill) -> str:
    if fill is None:
        return ""
    if isinstance(fill, str):
        color = key_color(fill)
        return blend(color, palette.background, palette.share) if color else ""
    at = min(max(fill, 0.0), 1.0) * (len(palette.scale) - 1)
    lower = min(int(at), len(palette.scale) - 2)
    return blend(palette.scale[lower + 1], palette.scale[lower], at - lower)


@lru_cache(maxsize=4096)
def _text_on(palette: Palette, fill: Fill) -> str:
    color = palette.fill(fill)
    if not color or contrast(palette.text, color) >= LEGIBLE:
        return palette.text
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, color))


def key_color(key: str) -> str:
    """The full color of a kind of layer or of a stage; empty for what is not filled."""
    known = KIND_COLORS.get(key)
    return color_of_stage(key) if known is None else known


def blend(front: str, back: str, share: float) -> str:
    """A mixture of two colors with that share of the first."""
    channels = zip(_channels(front), _channels(back), strict=True)
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in channels)


def luminance(color: str) -> float:
    """The relative luminance of WCAG 2, 0 … 1."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, 1 … 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _parts(color: str) -> list[float]:
    return [channel / 255 for channel in _channels(color)]


ON_LIGHT = ("#f1f6fb", "#c5d9ec", "#86b2d8", "#4484bd", "#1d558f", "#0c2c54")
ON_DARK = ("#25303c", "#2d4a68", "#3a6d9e", "#5b98cf", "#93c4ee", "#d6ecff")
PRINT = Palette("print", "#ffffff", "#000000", "#4d4d4d", "#c8ccd2", 0.38, ON_LIGHT)
LIGHT = Palette("light", "#ffffff", "#1b1f24", "#5d6570", "#dfe3e8", 0.38, ON_LIGHT)
DARK = Palette("dark", "#16181c", "#e6e9ed", "#98a1ac", "#3a4049", 0.42, ON_DARK)
PALETTES: Mapping[str, Palette] = {palette.name: palette for palette in (PRINT, LIGHT, DARK)}
"""By the names that the command line and sessions have for them."""
STAGES = tuple(STAGE_COLORS)
