"""Measuring several networks one after another, for the window and for the command line."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from resnet_studio.analysis.measurement import Measurement, MeasurementFailure, MeasurementSpec
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.causes import describe
from resnet_studio.progress import Progress, map_progress


def measurements_steps(
    specs: Sequence[MeasurementSpec],
) -> Generator[Progress | Measurement | MeasurementFailure, None, None]:
    """Measure each; what doesn't fit, or can't be measured, yields a failure and doesn't keep the others from it.

    `DeviceError` if a device is not there, or no longer works.
    """
    from resnet_studio.analysis.compute.measuring import measure_steps
    from resnet_studio.inference.compute.devices import check

    for device in dict.fromkeys(spec.device for spec in specs):
        check(device)
    for number, spec in enumerate(specs):
        try:
            with _device_errors(spec.device):
                yield (yield from map_progress(measure_steps(spec), partial(_of_all, number, len(specs))))
        except (MemoryError, ValueError) as error:
            yield MeasurementFailure(spec, describe(error))


def measured_steps(
    specs: Sequence[MeasurementSpec], cache: MeasurementCache, *, again: bool = False
) -> Generator[Progress, None, list[Measurement | MeasurementFailure]]:
    """The result of each, in order: from the cache, or measured with this process's share of the cores and added to it.

    `again` if what is in the cache is measured, too. `OSError` if the cache can't be written.
    """
    yield Progress(0, 1, "loading PyTorch")
    from resnet_studio.analysis.compute.measuring import measured_before, sharing_cores
    from resnet_studio.inference.compute.devices import check

    for device in dict.fromkeys(spec.device for spec in specs):
        check(device)
    found: dict[MeasurementSpec, Measurement | MeasurementFailure] = {}
    with sharing_cores():
        if not again:
            found |= {spec: one for spec in specs if (one := measured_before(spec, cache))}
        for step in measurements_steps([spec for spec in dict.fromkeys(specs) if spec not in found]):
            if isinstance(step, Progress):
                yield step
                continue
            found[step.spec] = step
            if isinstance(step, Measurement):
                cache.store(step)
    return [found[spec] for spec in specs]


def _of_all(number: int, count: int, progress: Progress) -> Progress:
    return Progress(number * progress.of + progress.done, count * progress.of, progress.what)


@contextmanager
def _device_errors(device: str) -> Iterator[None]:
    from resnet_studio.inference.compute.devices import explain_failure

    try:
        yield
    except RuntimeError as error:
        if explained := explain_failure(device, error):
            raise explained from error
        raise
