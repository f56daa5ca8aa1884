"""The device under test, and what is needed to measure on it: synchronization, memory, time, precision."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from resnet_studio.analysis.compute.timing import Budget, repeat_steps, timed
from resnet_studio.inference.compute import forward
from resnet_studio.progress import finish
from resnet_studio.training.recipe import Precision

BUDGET = Budget(warm_up=0.1, seconds=0.5, least=3, longest=2.0)
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Target:
    """The device under test, and how thoroughly it is tested."""

    name: str
    """torch's name, such as "cuda:0"."""
    folder: Path
    """A temporary folder for weights, images and runs."""
    quick: bool = False

    @property
    def device(self) -> torch.device:
        return torch.device(self.name)

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def has_bfloat16(self) -> bool:
        """Whether the device computes in bfloat16 itself."""
        if self.is_cuda:
            return torch.cuda.get_device_capability(self.device) >= (8, 0)
        return self.is_cpu

    @property
    def precisions(self) -> tuple[Precision, ...]:
        """Those in which the device computes itself; on the CPU, those that the program offers for inference."""
        fp16: tuple[Precision, ...] = () if self.is_cpu else ("fp16",)
        bf16: tuple[Precision, ...] = ("bf16",) if self.has_bfloat16 else ()
        return ("fp32", *fp16, *bf16)

    def synchronize(self) -> None:
        """Wait until the device has done all that was queued; report errors of earlier kernels."""
        if self.is_cuda:
            torch.cuda.synchronize(self.device)
        elif not self.is_cpu:
            torch.get_device_module(self.device).synchronize()

    def allocated(self) -> int | None:
        """Bytes of all tensors on a CUDA device, without those that are garbage; None on others, which can't tell."""
        if not self.is_cuda:
            return None
        gc.collect()
        return torch.cuda.memory_allocated(self.device)

    def free_memory(self) -> None:
        """Drop the program's cached networks and activations, and torch's cached memory."""
        gc.collect()
        forward.clear_caches()

    def seconds(self, call: Callable[[], object]) -> float:
        """Median seconds of a call, including the wait for the device, after a few untimed ones."""
        [seconds] = finish(repeat_steps([timed(call, self.synchronize)], BUDGET))
        return median(seconds)


@contextmanager
def full_float32() -> Iterator[None]:
    """Compute float32 without TF32, which rounds the factors of convolutions and matrix products to 10 bits."""
    operations: tuple[Any, ...] = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)  # type: ignore[attr-defined]
    before = [operation.fp32_precision for operation in operations]
    for operation in operations:
        operation.fp32_precision = "ieee"
    try:
        yield
    finally:
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision
