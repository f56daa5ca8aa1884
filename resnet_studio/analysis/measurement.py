"""How long a network takes on a device: what is measured, and what was found. Needs no torch.

All times are seconds of a pass over one batch, unless a name says "per image".
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.causes import FieldError
from resnet_studio.formatting import counted
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import ARCHITECTURE
from resnet_studio.networks.plan import plan

Mode = Literal["forward", "forward+backward"]
Precision = Literal["fp32", "bf16", "fp16"]
LIBRARIES = ("torch", "torchvision")
"""The libraries on whose versions times depend."""
MAX_BATCH = 65_536
CPU_FACTS = Path("/proc/cpuinfo")
"""Of Linux."""
BACKWARD_FACTOR = 3
"""Multiply-adds of a forward and a backward pass, in those of the forward pass: the backward pass multiplies the
output's gradient with the weights, and with the inputs."""


@dataclass(frozen=True, slots=True)
class MeasurementSpec:
    """What is measured: the time of one pass over a batch of random images."""

    architecture: Annotated[Architecture, ARCHITECTURE]
    device: str = "cpu"
    """torch's name without a precision: "cpu", "cuda:0"."""
    precision: Precision = "fp32"
    """Of weights and images; of autocast where a backward pass is measured, as in training."""
    batch: Annotated[int, Meta(ge=1, le=MAX_BATCH)] = 1
    mode: Mode = "forward"
    """"forward" in eval mode without gradients; "forward+backward" in train mode, without the optimizer's update."""

    def __post_init__(self) -> None:
        codec.check(self)

    @property
    def macs_factor(self) -> int:
        """Multiply-adds of this pass, in those of a forward pass."""
        return BACKWARD_FACTOR if self.mode == "forward+backward" else 1

    @property
    def macs(self) -> int:
        """Multiply-adds of a pass over the batch."""
        return self.macs_factor * self.batch * sum(layer.macs for layer in plan(self.architecture))

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return codec.to_json(self)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a pass that was repeated."""

    median: float
    low: float
    """The 5th percentile."""
    high: float
    """The 95th percentile."""
    samples: int

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.median <= self.high < math.inf or self.samples < 1:
            raise FieldError("timing", "must be positive and in order")

    def per_image(self, batch: int) -> Timing:
        """The time of each of `batch` images."""
        return replace(self, median=self.median / batch, low=self.low / batch, high=self.high / batch)


SPEC = codec.Form(codec.to_json, partial(codec.from_json, MeasurementSpec))
TIMING = codec.Form(codec.to_json, partial(codec.from_json, Timing))


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one network, where and when."""

    spec: Annotated[MeasurementSpec, SPEC]
    whole: Annotated[Timing, TIMING]
    """Of passes without anything that times layers."""
    layers: dict[str, float]
    """Median seconds of each layer by its name in the plan, forward and backward together where both are measured.
    Empty where single layers can't be timed."""
    device_name: str
    """The product's name."""
    threads: int
    """That the CPU computed with."""
    versions: dict[str, str]
    when: float
    """Seconds since 1970."""
    clock: str = "time.perf_counter"
    """What the layers were timed with: "time.perf_counter" or "CUDA events"."""
    timed: Annotated[Timing, TIMING] | None = None
    """Of the passes in which every layer was timed: what they take more than `whole` is the cost of doing so."""
    caveats: tuple[str, ...] = ()
    """What may have distorted it, as sentences without a full stop."""

    @property
    def per_image(self) -> Timing:
        return self.whole.per_image(self.spec.batch)

    @property
    def images_per_second(self) -> float:
        return self.spec.batch / self.whole.median

    @property
    def macs_per_second(self) -> float:
        """Multiply-adds a second that the device reaches."""
        return self.spec.macs / self.whole.median

    @property
    def layers_sum(self) -> float:
        """Seconds of all layers together; 0 where single layers were not timed."""
        return math.fsum(self.layers.values())

    @property
    def overhead(self) -> float:
        """The whole minus the sum of its layers: the network's own Python, the loss, and, on a GPU, waiting for
        kernels to be launched. Noise may make it negative. 0 where single layers were not timed."""
        return self.whole.median - self.layers_sum if self.layers else 0.0

    @property
    def added(self) -> float | None:
        """How much longer a pass takes if its layers are timed, as a share of the whole; None if they were not."""
        return self.timed.median / self.whole.median - 1 if self.timed else None

    def share(self, seconds: float) -> float:
        """A part of the whole pass, 0 … 1."""
        return seconds / self.whole.median

    def layer_per_image(self, name: str) -> float | None:
        """Seconds of one layer for each image; None if it was not timed."""
        seconds = self.layers.get(name)
        return None if seconds is None else seconds / self.spec.batch

    def stage_seconds(self) -> dict[str, float]:
        """Seconds of each stage, in the order of the plan; those without a timed layer are left out."""
        return self._grouped("stage")

    def block_seconds(self) -> dict[str, float]:
        """Seconds of each residual block, in the order of the plan."""
        return self._grouped("block")

    def _grouped(self, by: Literal["stage", "block"]) -> dict[str, float]:
        found: dict[str, float] = {}
        for layer in plan(self.spec.architecture):
            group = layer.stage if by == "stage" else layer.block
            if group and layer.name in self.layers:
                found[group] = found.get(group, 0.0) + self.layers[layer.name]
        return found

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return codec.to_json(self)


@dataclass(frozen=True, slots=True)
class MeasurementFailure:
    """Why something could not be measured."""

    spec: MeasurementSpec
    reason: str
    """In one or two sentences, without the final full stop."""


def from_json(values: Mapping[str, Any] | str) -> Measurement:
    """The inverse of `Measurement.to_json`; `FieldError` names the field that is wrong."""
    return codec.from_json(Measurement, values, complete=True)


@cache
def library_versions() -> dict[str, str]:
    """The installed versions of the libraries on which times depend."""
    return {library: version(library) for library in LIBRARIES}


@cache
def cpu_name() -> str:
    """The processor's name with its number of cores: "AMD EPYC 7763, 8 logical cores"."""
    names: list[str] = []
    with suppress(OSError):
        lines = CPU_FACTS.read_text(errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = next(iter(names), "") or platform.processor() or platform.machine() or "CPU"
    return f"{name}, {counted(os.cpu_count() or 1, 'logical core')}"
