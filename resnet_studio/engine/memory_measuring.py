"""Measuring the memory of several networks one after another, for the window and for the command line."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial

from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.memory_measurement import FittingBatch, MemoryFailure, MemoryMeasurement, MemorySpec
from resnet_studio.causes import describe
from resnet_studio.progress import Progress, map_progress

MemorySteps = Generator[Progress | MemoryMeasurement | MemoryFailure, None, None]


def memory_steps(specs: Sequence[MemorySpec]) -> MemorySteps:
    """Measure each; what doesn't fit, or can't be measured, yields a failure and doesn't keep the others from it.

    `DeviceError` if a device is not there.
    """
    from resnet_studio.inference.compute.devices import check
    from resnet_studio.training.compute.memory_measuring import measure_memory_steps

    for device in dict.fromkeys(spec.device for spec in specs):
        check(device)
    for number, spec in enumerate(specs):
        try:
            yield (yield from map_progress(measure_memory_steps(spec), partial(_of_all, number, len(specs))))
        except (MemoryError, ValueError) as error:
            yield MemoryFailure(spec, describe(error))


def measured_memory_steps(
    specs: Sequence[MemorySpec], cache: MemoryCache, *, again: bool = False
) -> Generator[Progress, None, list[MemoryMeasurement | MemoryFailure]]:
    """The result of each, in order: from the cache, or measured and added to it. `OSError` if it can't be written."""
    yield Progress(0, 1, "loading PyTorch")
    from resnet_studio.analysis.compute.measuring import device_name
    from resnet_studio.inference.compute.devices import check

    for device in dict.fromkeys(spec.device for spec in specs):
        check(device)
    found: dict[MemorySpec, MemoryMeasurement | MemoryFailure] = {}
    if not again:
        found |= {spec: one for spec in specs if (one := cache.find(spec, device_name(spec.device)))}
    for step in memory_steps([spec for spec in dict.fromkeys(specs) if spec not in found]):
        if isinstance(step, Progress):
            yield step
            continue
        found[step.spec] = step
        if isinstance(step, MemoryMeasurement):
            cache.store(step)
    return [found[spec] for spec in specs]


def fitting_steps(spec: MemorySpec, budget: int) -> Generator[Progress, None, FittingBatch]:
    """The largest batch of a training that takes at most `budget` bytes, checked by training it for a few steps."""
    yield Progress(0, 1, "loading PyTorch")
    from resnet_studio.training.compute.memory_measuring import fitting_batch_steps

    return (yield from fitting_batch_steps(spec, budget))


def _of_all(number: int, count: int, progress: Progress) -> Progress:
    return Progress(number, count, progress.what)
