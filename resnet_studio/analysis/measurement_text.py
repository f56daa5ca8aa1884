"""Measured times as tables, CSV, JSON and sentences. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.measurement import Measurement, MeasurementFailure, Mode
from resnet_studio.analysis.time_shares import TimeShare, time_shares
from resnet_studio.analysis.units import DASH, LABELS, FlopUnit, in_unit, short
from resnet_studio.formatting import counted, percent, percentages, short_time, significant
from resnet_studio.networks.plan import layers_by_name, plan
from resnet_studio.networks.presets import title

Part = Literal["stage", "layer"]
Results: TypeAlias = Sequence[Measurement | MeasurementFailure]
PASSES: dict[Mode, str] = {
    "forward": "forward pass in eval mode",
    "forward+backward": "forward and backward pass in train mode, without the optimizer",
}
NANOSECOND = 1e-9
COLUMNS = (
    "network", "batch", "device", "device_name", "precision", "mode", "threads", "seconds", "low", "high", "samples",
    "images_per_second", "macs", "macs_per_second", "layers_sum", "overhead", "caveats",
)  # fmt: skip
"""Of the CSV. Times are for each image."""
PART_COLUMNS = ("network", "batch", "name", "stage", "kind", "seconds", "time_share", "macs", "macs_share")


def results_grid(results: Results, unit: FlopUnit = "flops") -> Grid:
    """A line for each network and batch: its time for an image with its spread, and the speed that follows."""
    rows = [_row(one, unit) if isinstance(one, Measurement) else _failure_row(one) for one in results]
    header = ("network", "batch", "time per image", "5th … 95th percentile", "images/s", LABELS[unit], "FLOPs/s")
    return Grid(header, tuple(rows), frozenset({1, 2, 3, 4, 5, 6}))


def parts_grid(measurement: Measurement, part: Part, unit: FlopUnit = "flops") -> Grid:
    """Stages or layers: their share of the time beside that of the FLOPs, and their sum against the whole pass."""
    parts, factor = _parts(measurement, part), measurement.spec.macs_factor
    shares = percentages([round(one.seconds / NANOSECOND) for one in parts])
    macs_shares = percentages([one.macs for one in parts])
    kinds = layers_by_name(measurement.spec.architecture) if part == "layer" else {}

    def cost(macs: int, share: str, seconds: float) -> tuple[str, str, str]:
        if not macs:
            return DASH, DASH, DASH
        return short(in_unit(factor * macs, unit)), share, _rate(factor * macs / seconds, unit)

    rows = [
        (
            one.name,
            kinds[one.name].kind if kinds else "",
            short_time(one.seconds),
            share,
            *cost(one.macs, macs_share, one.seconds),
        )
        for one, share, macs_share in zip(parts, shares, macs_shares, strict=True)
    ]
    total, whole = measurement.layers_sum / measurement.spec.batch, measurement.per_image.median
    rows += [
        ("sum", "", short_time(total), "100 %", *cost(sum(one.macs for one in parts), "100 %", total)),
        ("whole pass", "", short_time(whole), percent(whole / total), "", "", ""),
        ("difference", "", short_time(whole - total), percent((whole - total) / total), "", "", ""),
    ]
    name = f"{title(measurement.spec.architecture)}, batch {measurement.spec.batch:,}"
    header = (name, "", "time per image", "% of time", LABELS[unit], "% of FLOPs", "FLOPs/s")
    return Grid(header, tuple(rows), frozenset({2, 3, 4, 5, 6}), frozenset({len(parts) - 1}))


def notes(results: Results, *, parts: bool = False) -> list[str]:
    """What the times are, and what may have distorted them; `parts` if those of stages or layers are shown, too."""
    measured = [one for one in results if isinstance(one, Measurement)]
    found = list(dict.fromkeys(map(_conditions, measured)))
    if parts:
        found += dict.fromkeys(f"layers are timed with {one.clock}, and the whole in other passes" for one in measured)
        added = [one.added for one in measured if one.added is not None]
        if added:
            more = percent(max(added)) if max(added) > 0 else "nothing measurable"
            found.append(f"timing the layers adds {more} to a pass, of which the whole is free")
        found.append("the difference is what a network does between its layers, and what their medians don't share")
    for one in results:
        doubts = one.caveats if isinstance(one, Measurement) else (one.reason,)
        found += [f"! {title(one.spec.architecture)}, batch {one.spec.batch:,}: {doubt}" for doubt in doubts]
    return found


def to_json(result: Measurement | MeasurementFailure) -> dict[str, Any]:
    """All that was measured, with what follows from it."""
    if isinstance(result, MeasurementFailure):
        return {"spec": result.spec.to_json(), "failed": result.reason}
    batch, per_image = result.spec.batch, result.per_image
    return result.to_json() | {
        "seconds_per_image": per_image.median,
        "images_per_second": result.images_per_second,
        "macs_per_image": result.spec.macs // batch,
        "macs_per_second": result.macs_per_second,
        "layers_sum": result.layers_sum,
        "overhead": result.overhead,
        "added": result.added,
        "stages": [{"name": name, "seconds": seconds} for name, seconds in result.stage_seconds().items()],
    }


def results_csv(results: Results) -> str:
    """A row for each measurement, with all digits."""
    return _csv(COLUMNS, [_csv_row(one) for one in results if isinstance(one, Measurement)])


def parts_csv(measurements: Sequence[Measurement], part: Part) -> str:
    """A row for each stage or layer of each network, with all digits."""
    return _csv(PART_COLUMNS, [row for one in measurements for row in _csv_part_rows(one, part)])


def _row(measurement: Measurement, unit: FlopUnit) -> tuple[str, ...]:
    spec, time = measurement.spec, measurement.per_image
    return (
        title(spec.architecture), f"{spec.batch:,}", short_time(time.median),
        f"{short_time(time.low)} … {short_time(time.high)}", significant(measurement.images_per_second),
        short(in_unit(spec.macs // spec.batch, unit)), _rate(measurement.macs_per_second, unit),
    )  # fmt: skip


def _failure_row(failure: MeasurementFailure) -> tuple[str, ...]:
    spec = failure.spec
    macs = short(spec.macs // spec.batch)
    return title(spec.architecture), f"{spec.batch:,}", DASH, DASH, DASH, macs, DASH


def _rate(macs_per_second: float, unit: FlopUnit) -> str:
    return f"{short(in_unit(round(macs_per_second), unit))}/s"


def _conditions(measurement: Measurement) -> str:
    """What the times of several measurements have in common."""
    spec = measurement.spec
    threads = counted(measurement.threads, "thread")
    versions = ", ".join(f"{library} {version}" for library, version in measurement.versions.items())
    day = datetime.fromtimestamp(measurement.when).strftime("%Y-%m-%d")
    return (
        f"{spec.device}: {measurement.device_name}, {threads}, {spec.precision}, {PASSES[spec.mode]}, {versions}, {day}"
    )


def _parts(measurement: Measurement, part: Part) -> list[TimeShare]:
    """The stages or layers in the order of the network."""
    shares = {one.name: one for one in time_shares(measurement, part)}
    names = [layer.stage if part == "stage" else layer.name for layer in plan(measurement.spec.architecture)]
    return [shares[name] for name in dict.fromkeys(names) if name in shares]


def _csv_row(measurement: Measurement) -> tuple[str | int | float, ...]:
    spec, time = measurement.spec, measurement.per_image
    return (
        title(spec.architecture), spec.batch, spec.device, measurement.device_name, spec.precision, spec.mode,
        measurement.threads, time.median, time.low, time.high, time.samples, measurement.images_per_second,
        spec.macs // spec.batch, measurement.macs_per_second, measurement.layers_sum / spec.batch,
        measurement.overhead / spec.batch, "; ".join(measurement.caveats),
    )  # fmt: skip


def _csv_part_rows(measurement: Measurement, part: Part) -> Iterator[tuple[str | int | float, ...]]:
    spec = measurement.spec
    kinds = layers_by_name(spec.architecture)
    for one in _parts(measurement, part):
        kind = kinds[one.name].kind if part == "layer" else ""
        macs = spec.macs_factor * one.macs
        yield (
            title(spec.architecture), spec.batch, one.name, one.stage, kind, one.seconds, one.time_share, macs,
            one.macs_share,
        )  # fmt: skip


def _csv(header: Sequence[str], rows: Sequence[Sequence[str | int | float]]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return lines.getvalue()
