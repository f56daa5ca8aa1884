"""Measuring how much memory a network takes, and the largest batch that fits, in child processes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from resnet_studio import children, codec
from resnet_studio.analysis.compute import measuring
from resnet_studio.analysis.measurement import MeasurementSpec, Mode, library_versions
from resnet_studio.analysis.memory_measurement import FittingBatch, MemoryMeasurement, MemorySpec
from resnet_studio.inference.compute import devices
from resnet_studio.networks import memory
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress

CHILD = "resnet_studio.training.compute.memory_child"
POLL_INTERVAL = 0.05
MOST_TRIES = 5
"""Batches that are tried for the largest one that fits."""


def measure_memory_steps(spec: MemorySpec) -> Generator[Progress, None, MemoryMeasurement]:
    """Measure the peak of a few passes in a process of their own, which ends when this generator is closed.

    `MemoryError` if they don't fit into this machine's memory, whether that is predicted or found out, `ValueError` for
    a network that another process can't build.
    """
    check(spec)
    what = f"measuring the memory of {title(spec.architecture)}, {spec.task}, batch {spec.batch:,}"
    yield Progress(0, 1, what)
    with child(spec) as process:
        while process.poll() is None:
            yield Progress(0, 1, what)
            time.sleep(POLL_INTERVAL)
        found = _answer(process)
    return MemoryMeasurement(
        spec, found["peak"], found["process"], measuring.device_name(spec.device), torch.get_num_threads(),
        library_versions(), time.time(),
    )  # fmt: skip


def check(spec: MemorySpec) -> None:
    """Raise the error of what can't be measured, before a process is started."""
    devices.check(spec.device)
    if isinstance(spec.architecture, OwnModule):
        raise ValueError("the memory of a network of your own isn't measured, as another process doesn't run its code")
    if spec.device == "cpu":
        memory.check(spec.architecture, spec.predicted, f"for {spec.task} with batches of {spec.batch:,}")
    mode: Mode = "forward+backward" if spec.task == "training" else "forward"
    measuring.check(MeasurementSpec(spec.architecture, spec.device, spec.precision, spec.batch, mode))


def fitting_batch_steps(spec: MemorySpec, budget: int) -> Generator[Progress, None, FittingBatch]:
    """The largest batch of a training that takes at most `budget` bytes, the process's own share included.

    It is predicted, and then trained for a few steps; if it takes more, the next try is as much smaller as the
    prediction was off. No batch, and no measurement, if even a few tries don't fit.
    """
    predicted = _largest(spec, budget - memory.process_bytes(spec.device))
    batch, tried = predicted, 0
    while batch and tried < MOST_TRIES:
        tried += 1
        try:
            measured = yield from measure_memory_steps(spec.with_batch(batch))
        except MemoryError:
            batch //= 2
            continue
        if measured.peak + measured.process <= budget:
            return FittingBatch(budget, predicted, batch, measured)
        spare = (budget - measured.process) * measured.spec.predicted / measured.peak
        batch = min(batch - 1, _largest(spec, int(spare)))
    return FittingBatch(budget, predicted, 0, None)


def _largest(spec: MemorySpec, spare: int) -> int:
    return memory.largest_batch(spec.architecture, spare, spec.optimizer, spec.precision, spec.device)


@contextmanager
def child(spec: MemorySpec) -> Iterator[subprocess.Popen[str]]:
    """A process that measures, with this process's number of threads. It is killed at the end of the block."""
    process = subprocess.Popen(
        children.module_command(CHILD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, cwd=children.working_folder(),
    )  # fmt: skip
    assert process.stdin is not None
    with process:
        try:
            process.stdin.write(json.dumps({**codec.to_json(spec), "threads": torch.get_num_threads()}) + "\n")
            process.stdin.flush()  # and stays open, as the process ends with it
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the process printed; `MemoryError` if it did not get to its end."""
    assert process.stdout is not None
    found: dict[str, Any] = {}
    for line in process.stdout:
        found |= json.loads(line)
    if "error" in found:
        raise (MemoryError if found["memory"] else ValueError)(found["error"])
    if "peak" not in found:
        raise MemoryError("the process that measured it was killed, probably because memory ran out")
    return found
