"""Where a network's time goes, beside where its FLOPs are: the parts in which the two disagree. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from resnet_studio.analysis.measurement import Measurement
from resnet_studio.formatting import percent, short_time
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import plan

Grouping = Literal["kind", "stage", "block", "layer"]
GROUPINGS: dict[Grouping, Callable[[Layer], str]] = {
    "kind": lambda layer: layer.kind,
    "stage": lambda layer: layer.stage,
    "block": lambda layer: layer.block or layer.name,
    "layer": lambda layer: layer.name,
}
"""How layers are put together: what each one belongs to."""


@dataclass(frozen=True, slots=True)
class TimeShare:
    """A part of a network: what it costs in FLOPs, and in measured time."""

    name: str
    stage: str
    """The stage of its layers; empty if they are in several."""
    macs: int
    seconds: float
    """For each image."""
    macs_share: float
    """Of the network's multiply-adds, 0 … 1."""
    time_share: float
    """Of the time of all layers that were timed, 0 … 1."""

    @property
    def difference(self) -> float:
        """The share of the time less the share of the FLOPs."""
        return self.time_share - self.macs_share

    @property
    def macs_per_second(self) -> float:
        return self.macs / self.seconds if self.seconds else 0.0


def time_shares(measurement: Measurement, grouping: Grouping) -> tuple[TimeShare, ...]:
    """The parts of a measured network, those first whose shares of FLOPs and of time are furthest apart.

    Layers that were not timed are left out; they compute nothing by themselves.
    """
    group = GROUPINGS[grouping]
    macs: dict[str, int] = {}
    seconds: dict[str, float] = {}
    stages: dict[str, str] = {}
    for layer in plan(measurement.spec.architecture):
        if layer.name in measurement.layers:
            name = group(layer)
            stages[name] = layer.stage if stages.get(name, layer.stage) == layer.stage else ""
            macs[name] = macs.get(name, 0) + layer.macs
            seconds[name] = seconds.get(name, 0.0) + measurement.layers[layer.name] / measurement.spec.batch
    all_macs, all_seconds = sum(macs.values()) or 1, sum(seconds.values()) or 1.0
    found = [
        TimeShare(name, stages[name], macs[name], time, macs[name] / all_macs, time / all_seconds)
        for name, time in seconds.items()
    ]
    return tuple(sorted(found, key=lambda share: -abs(share.difference)))


def summary(measurement: Measurement) -> str:
    """Where FLOPs and time disagree most, as a sentence; empty if no layers were timed."""
    kinds = time_shares(measurement, "kind")
    if not kinds:
        return ""
    worst = kinds[0]
    return (
        f"FLOPs and time disagree most in {worst.name}: {percent(worst.macs_share)} of the FLOPs, "
        f"{percent(worst.time_share)} of the time"
    )


def measured_line(measurement: Measurement) -> str:
    """What was measured, and how far its layers explain it, in one line."""
    spec, image = measurement.spec, measurement.per_image
    batch = f"batch {spec.batch}"
    whole = f"measured on {measurement.device_name}, {batch}: {short_time(image.median)} per image "
    whole += f"({short_time(image.low)} – {short_time(image.high)}, n = {image.samples})"
    layers = ""
    if measurement.layers:
        rest = short_time(measurement.overhead / spec.batch)
        layers = f"layers {short_time(measurement.layers_sum / spec.batch)}, the rest {rest}"
    return "   ·   ".join(filter(None, (whole, layers, *measurement.caveats)))
