"""How much memory a network takes on a device: what is measured, and what was found. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.analysis.measurement import MAX_BATCH, Precision
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import ARCHITECTURE

Task = Literal["inference", "training"]
Optimizer = Literal["sgd", "adamw"]


@dataclass(frozen=True, slots=True)
class MemorySpec:
    """What is measured: the peak of a few passes over a batch of random images, in a process of their own."""

    architecture: Annotated[Architecture, ARCHITECTURE]
    task: Task = "training"
    """"training" is the steps of a run's own loop, "inference" its evaluation."""
    batch: Annotated[int, Meta(ge=1, le=MAX_BATCH)] = 32
    optimizer: Optimizer = "sgd"
    """Of a training: SGD with momentum, or AdamW."""
    precision: Precision = "fp32"
    """Of a training's autocast."""
    device: str = "cpu"
    """torch's name without a precision: "cpu", "cuda:0"."""

    def __post_init__(self) -> None:
        codec.check(self)

    @property
    def predicted(self) -> int:
        """Bytes by the plan."""
        if self.task == "inference":
            return memory.predicted_inference(self.architecture, self.batch, self.device)
        return memory.predicted_training(self.architecture, self.batch, self.optimizer, self.precision, self.device)

    def with_batch(self, batch: int) -> MemorySpec:
        """The same with another batch."""
        return replace(self, batch=batch)

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return codec.to_json(self)


SPEC = codec.Form(codec.to_json, partial(codec.from_json, MemorySpec))


@dataclass(frozen=True, slots=True)
class MemoryMeasurement:
    """What was measured of one network, where and when."""

    spec: Annotated[MemorySpec, SPEC]
    peak: int
    """Bytes of the network and its passes at the worst moment, without the process's own share."""
    process: int
    """The process's own share: bytes that Python, PyTorch and this program take with hardly any network. On a GPU, what
    PyTorch keeps there for its libraries."""
    device_name: str
    threads: int
    versions: dict[str, str]
    when: float
    """Seconds since 1970."""

    @property
    def error(self) -> float:
        """How much more was predicted than measured, as a share of what was measured."""
        return self.spec.predicted / self.peak - 1

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values."""
        return codec.to_json(self)


@dataclass(frozen=True, slots=True)
class MemoryFailure:
    """What could not be measured."""

    spec: MemorySpec
    reason: str
    """A sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class FittingBatch:
    """The largest batch of a training that fits into a budget, as predicted and as found by training it."""

    budget: int
    """Bytes, the process's own share included."""
    predicted: int
    batch: int
    """0 if nothing fits."""
    measured: MemoryMeasurement | None
    """Of that batch."""


@dataclass(frozen=True, slots=True)
class Growth:
    """A straight line through peaks at several batch sizes."""

    fixed: float
    per_image: float


def from_json(values: Mapping[str, Any] | str) -> MemoryMeasurement:
    """The inverse of `MemoryMeasurement.to_json`; `FieldError` names the field that is wrong."""
    return codec.from_json(MemoryMeasurement, values, complete=True)


def growth(bytes_by_batch: Iterable[tuple[int, int]]) -> Growth | None:
    """The line of least squares through pairs of batch size and bytes; None for fewer than two sizes."""
    pairs = list(bytes_by_batch)
    if len({batch for batch, _ in pairs}) < 2:
        return None
    middle, mean = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    spread = sum((batch - middle) ** 2 for batch, _ in pairs)
    slope = sum((batch - middle) * (size - mean) for batch, size in pairs) / spread
    return Growth(mean - slope * middle, slope)
