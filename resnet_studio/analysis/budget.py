"""Budgets, which networks keep within them, and which of these are on the Pareto front. Needs no torch.

What is best is said by what a network has most of: parameters, FLOPs or layers. These are measures of capacity. None
of them is accuracy, which only training tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.units import memory as memory_text
from resnet_studio.analysis.units import short
from resnet_studio.causes import FieldError
from resnet_studio.formatting import DASH, short_time
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import Architecture

Cost = Literal["macs", "parameters", "memory", "seconds"]
Capacity = Literal["macs", "parameters", "depth"]
Purpose = Literal["training", "inference"]
SecondsOf: TypeAlias = Callable[[Architecture], float]
"""Seconds that a network takes for one image, predicted."""
COSTS: dict[Cost, str] = {"macs": "FLOPs", "parameters": "parameters", "memory": "memory", "seconds": "time"}
CAPACITIES: dict[Capacity, str] = {"macs": "FLOPs", "parameters": "parameters", "depth": "layers"}
"""What a network can have most of."""
MAX_BATCH, USUAL_BATCH = 65_536, 32
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


@dataclass(frozen=True, slots=True)
class Figures:
    """What a network costs; None where nobody asked."""

    parameters: int
    macs: int
    activation_bytes: int
    depth: int
    memory: int | None = None
    """Bytes at the peak of a pass over the budget's batch, predicted."""
    seconds: float | None = None
    """For one image, predicted."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a network may cost at most; None where nothing limits it."""

    macs: int | None = None
    parameters: int | None = None
    memory: int | None = None
    """Bytes at the peak, without the share of the process itself."""
    seconds: float | None = None
    """For one image by itself."""
    batch: int = USUAL_BATCH
    """Images at a time, of which the memory is."""
    purpose: Purpose = "training"
    """Whether the memory is that of a training step or that of inference."""

    @property
    def limited(self) -> tuple[Cost, ...]:
        """What is limited, in the order of `COSTS`."""
        return tuple(cost for cost in COSTS if getattr(self, cost) is not None)

    @property
    def usual_capacity(self) -> Capacity:
        """What to have most of if nobody says: the first of FLOPs, parameters and layers that is no cost."""
        return next((capacity for capacity in CAPACITIES if capacity not in self.costs), "depth")

    @property
    def costs(self) -> tuple[Cost, ...]:
        """Of what less is better: what is limited, or FLOPs if nothing is."""
        return self.limited or ("macs",)

    def figures(self, architecture: Architecture, seconds_of: SecondsOf | None = None) -> Figures:
        """What a network costs: its memory only if that is limited, its time if it can be predicted."""
        of = totals(architecture)
        needed = None if self.memory is None else self.memory_of(architecture)
        seconds = None if seconds_of is None else seconds_of(architecture)
        return Figures(of.parameters, of.macs, of.activation_bytes, architecture.depth, needed, seconds)

    def memory_of(self, architecture: Architecture) -> int:
        """Bytes that a network takes at the peak of a pass over the batch, predicted."""
        of = memory.predicted_training if self.purpose == "training" else memory.predicted_inference
        return of(architecture, self.batch)

    def exceeded(self, figures: Figures) -> tuple[Cost, ...]:
        """What these figures have too much of. A cost that is not known is not within a budget of it."""
        return tuple(cost for cost in self.limited if self.part(figures, cost) > 1)

    def part(self, figures: Figures, cost: Cost) -> float:
        """How much of the budget for one cost these figures take: 1 for all of it."""
        value, limit = getattr(figures, cost), getattr(self, cost)
        return float("inf") if value is None else value / limit

    @property
    def words(self) -> str:
        """The whole budget: "1 G FLOPs and 10 ms per image"; empty without one."""
        return listed([self.limit_text(cost) for cost in self.limited])

    def limit_text(self, cost: Cost) -> str:
        """One limit: "1 G FLOPs", "2 GB in training at batch 32", "10 ms per image"."""
        number, _, unit = cost_text(cost, getattr(self, cost)).partition(" ")
        number = number.rstrip("0").rstrip(".") if "." in number else number  # as one types it
        of = {"memory": f"in {self.purpose} at batch {self.batch}", "seconds": "per image"}.get(cost, COSTS[cost])
        return " ".join(filter(None, (number, unit, of)))

    def to_json(self) -> dict[str, Any]:
        """The limits as plain JSON values, with what the memory is of."""
        limits: dict[str, Any] = {cost: getattr(self, cost) for cost in self.limited}
        return {**limits, **({"batch": self.batch, "purpose": self.purpose} if "memory" in limits else {})}


def listed(words: Sequence[str]) -> str:
    """Words as a list: "FLOPs, memory and time"."""
    *first, last = words or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def cost_text(cost: Cost, value: float | None) -> str:
    """A cost with its unit: "1.82 G", "25.6 M", "2.1 GB", "9.87 ms"; a dash where it is not known."""
    if value is None:
        return DASH
    if cost == "seconds":
        return short_time(value)
    return memory_text(round(value)) if cost == "memory" else short(round(value))


def read_count(text: str) -> int:
    """A number with a decimal prefix: "2G", "1.5 M", "500k"; `ValueError` otherwise."""
    return _read(text, UNITS, "a number such as 2G, 600M or 25e6")


def read_bytes(text: str) -> int:
    """A size of memory: "2GB", "512 MB", "1.5GiB"; `ValueError` otherwise."""
    return _read(re.sub(r"[bB]$", "", text.strip()), {**UNITS, **BINARY}, "a size such as 2GB or 1.5GiB")


def _read(text: str, units: dict[str, int], wanted: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d*)?(?:e\d+)?)\s*([a-zA-Z]*)", text.strip())
    if not found or found[2].lower() not in units:
        raise ValueError(f"must be {wanted}, got {text.strip()!r}")
    value = round(float(found[1]) * units[found[2].lower()])
    if not 1 <= value < 10**18:
        raise ValueError(f"must be {wanted}, from 1 to 10^18, got {text.strip()!r}")
    return value


def read_milliseconds(text: str) -> float:
    """Milliseconds from text, "10" or "2.5 ms", in seconds; `ValueError` otherwise."""
    try:
        value = float(text.strip().removesuffix("ms"))
    except ValueError:
        value = 0.0
    if not 1e-6 <= value <= 1e9:
        raise ValueError(f"must be milliseconds such as 10, got {text.strip()!r}")
    return value / 1000


def check_batch(batch: int) -> int:
    """The batch size; `FieldError` if there can be no such batch."""
    if not 1 <= batch <= MAX_BATCH:
        raise FieldError("batch", f"must be from 1 to {MAX_BATCH:,}, got {batch:,}")
    return batch
