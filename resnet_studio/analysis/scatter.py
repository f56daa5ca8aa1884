"""Networks as points: one quantity against another, and those that no other network beats. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.measurement import Measurement
from resnet_studio.analysis.network_quantities import (
    MEASURED,
    QUANTITIES,
    NetworkFigures,
    NetworkQuantity,
    pareto_front,
)
from resnet_studio.analysis.network_sets import family_of
from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import counted
from resnet_studio.networks.architecture import Architecture, to_json
from resnet_studio.networks.presets import title

WIDE = 20
"""From this ratio of the largest to the smallest value on, a logarithmic axis shows more than a linear one."""

NAMED = 3
"""Up to so many missing networks are named."""


@dataclass(frozen=True, slots=True)
class ScatterPoint:
    """A network that has both quantities."""

    figures: NetworkFigures
    title: str
    family: str
    x: float
    y: float

    @property
    def architecture(self) -> Architecture:
        return self.figures.architecture


@dataclass(frozen=True, slots=True)
class Scatter:
    """Networks by two quantities."""

    x: NetworkQuantity
    y: NetworkQuantity
    points: tuple[ScatterPoint, ...]
    front: tuple[int, ...]
    """Indices of the points that no other point beats, in the order of x; none where a quantity has no better
    direction, as with depth."""
    missing: tuple[NetworkFigures, ...]
    """Networks that lack one of the quantities, such as a time that nobody has measured."""

    @property
    def has_front(self) -> bool:
        """Whether both quantities have a better direction."""
        return None not in (self.x.lower_is_better, self.y.lower_is_better)

    @property
    def has_times(self) -> bool:
        """Whether a quantity needs measured times."""
        return bool({self.x.key, self.y.key} & set(MEASURED))

    @property
    def lacking(self) -> str:
        """What the missing networks lack, within a sentence: "measured time or best error of a run"."""
        lacking = [one for one in (self.x, self.y) if any(one.of(figures) is None for figures in self.missing)]
        return " or ".join(dict.fromkeys(_in_sentence(one.title) for one in lacking))

    @property
    def missing_text(self) -> str:
        """How many networks are no points, and what they lack; empty if none are missing."""
        if not self.missing:
            return ""
        have = "has" if len(self.missing) == 1 else "have"
        count = f"{len(self.missing)} of {len(self.missing) + len(self.points)} networks {have} no {self.lacking}"
        named = len(self.missing) <= NAMED
        return f"{count}: {', '.join(title(one.architecture) for one in self.missing)}" if named else count

    def index_of(self, architecture: Architecture | None) -> int | None:
        """The index of a network's point; None if it isn't one."""
        return next((at for at, point in enumerate(self.points) if point.architecture == architecture), None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values in the units of the quantities; FLOPs are multiply-adds."""
        front = set(self.front)
        return {
            "x": _quantity_json(self.x),
            "y": _quantity_json(self.y),
            "points": [
                {"title": point.title, "family": point.family, "x": point.x, "y": point.y, "front": at in front}
                | {"architecture": to_json(point.architecture)}
                for at, point in enumerate(self.points)
            ],
            "missing": [title(figures.architecture) for figures in self.missing],
        }


def scatter(figures: Sequence[NetworkFigures], x: NetworkQuantity, y: NetworkQuantity) -> Scatter:
    """The networks that have both quantities as points, and the front."""
    values = [(known, x.of(known), y.of(known)) for known in figures]
    points = tuple(_point(known, at, up) for known, at, up in values if at is not None and up is not None)
    missing = tuple(known for known, at, up in values if at is None or up is None)
    front: list[int] = []
    if x.lower_is_better is not None and y.lower_is_better is not None:
        front = pareto_front([(point.x, point.y) for point in points], (x.lower_is_better, y.lower_is_better))
    return Scatter(x, y, points, tuple(front), missing)


def conditions(measurements: Iterable[Measurement]) -> str:
    """What times were measured on: "Measured on AMD EPYC, 2 threads"; empty without measurements."""
    devices = dict.fromkeys(map(_device, measurements))
    return f"Measured on {'; '.join(devices)}" if devices else ""


def is_wide(values: Sequence[float]) -> bool:
    """Whether positive values range so widely that a logarithmic axis suits them."""
    return bool(values) and min(values) > 0 and max(values) >= WIDE * min(values)


def scatter_grid(found: Scatter) -> Grid:
    """The points as a table, those on the front marked; sorted by x."""
    front = set(found.front)
    order = sorted(range(len(found.points)), key=lambda at: (found.points[at].x, found.points[at].y))
    rows = tuple(_scatter_row(found, at, on_front=at in front) for at in order)
    return Grid(("network", "family", found.x.title, found.y.title, "front"), rows, frozenset({2, 3}))


def front_only(found: Scatter) -> Scatter:
    """The points on the front alone."""
    points = tuple(found.points[at] for at in found.front)
    return Scatter(found.x, found.y, points, tuple(range(len(points))), found.missing)


def scatter_csv(found: Scatter) -> str:
    """The points with exact values, in the units of the quantities."""
    front = set(found.front)
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("network", "family", found.x.column, found.y.column, "front"))
    for at, point in enumerate(found.points):
        writer.writerow((point.title, point.family, point.x, point.y, "yes" if at in front else ""))
    return lines.getvalue()


def catalog_grid(figures: Sequence[NetworkFigures], columns: Sequence[NetworkQuantity]) -> Grid:
    """The networks with these quantities, one a row; quantities that none of them has are left out."""
    columns = [one for one in columns if any(one.of(known) is not None for known in figures)]
    header = ("network", "family", *(quantity.axis_title for quantity in columns))
    rows = tuple(
        (title(known.architecture), family_of(known.architecture), *(_cell(known, one) for one in columns))
        for known in figures
    )
    return Grid(header, rows, frozenset(range(2, len(header))))


def catalog_csv(figures: Sequence[NetworkFigures], columns: Sequence[NetworkQuantity]) -> str:
    """The same with exact values in the units of the quantities."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(("network", "family", *(quantity.column for quantity in columns)))
    for known in figures:
        values = ("" if (value := one.of(known)) is None else value for one in columns)
        writer.writerow((title(known.architecture), family_of(known.architecture), *values))
    return lines.getvalue()


def catalog_json(figures: Sequence[NetworkFigures]) -> list[dict[str, Any]]:
    """Every quantity of the networks as plain JSON values; FLOPs are multiply-adds."""
    return [
        {"title": title(known.architecture), "family": family_of(known.architecture)}
        | {"architecture": to_json(known.architecture)}
        | {key: quantity.of(known) for key, quantity in QUANTITIES.items()}
        for known in figures
    ]


def _device(measurement: Measurement) -> str:
    threads = f", {counted(measurement.threads, 'thread')}" if measurement.spec.device == "cpu" else ""
    precision = "" if measurement.spec.precision == "fp32" else f", {measurement.spec.precision}"
    return f"{measurement.device_name}{threads}{precision}"


def _point(figures: NetworkFigures, x: float, y: float) -> ScatterPoint:
    return ScatterPoint(figures, title(figures.architecture), family_of(figures.architecture), x, y)


def _scatter_row(found: Scatter, at: int, *, on_front: bool) -> tuple[str, ...]:
    point = found.points[at]
    return point.title, point.family, found.x.show(point.x), found.y.show(point.y), "✓" if on_front else ""


def _cell(figures: NetworkFigures, quantity: NetworkQuantity) -> str:
    value = quantity.of(figures)
    return DASH if value is None else quantity.cell(value)


def _quantity_json(quantity: NetworkQuantity) -> dict[str, str]:
    return {"key": quantity.key, "title": quantity.title, "unit": quantity.unit}


def _in_sentence(text: str) -> str:
    """A title within a sentence: "Time per image" → "time per image", but "ImageNet error", "FLOPs"."""
    first = text.partition(" ")[0]
    return text[0].lower() + text[1:] if first.istitle() else text
