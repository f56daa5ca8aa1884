"""Measuring the layers from which times are predicted, once on each device."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import partial

import torch

from resnet_studio.analysis.compute.measuring import device_name, measure_steps
from resnet_studio.analysis.compute.timing import BUDGET, Budget
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.analysis.predicted_time import probe_specs
from resnet_studio.progress import Progress, map_progress

PROBE_BUDGET = Budget(warm_up=0.5, seconds=1.0, least=5, longest=6.0)
"""For each of the networks whose layers are measured: about a minute for all on two cores."""


def layer_times_steps(
    device: str, cache: MeasurementCache, *, again: bool = False
) -> Generator[Progress, None, list[Measurement]]:  # fmt: skip
    """The measurements from which times on a device are predicted: those that are cached, and the others made now;
    all are made now if `again`."""
    return (yield from measured_steps(probe_specs(device), cache, PROBE_BUDGET, again=again))


def measured_steps(
    specs: Sequence[MeasurementSpec], cache: MeasurementCache, budget: Budget = BUDGET, *, again: bool = False
) -> Generator[Progress, None, list[Measurement]]:
    """A measurement of each, those of this device, thread count and versions from the cache. New ones are stored at
    once, so that nothing is lost if it is canceled; a folder that can't be written loses only them."""
    found: list[Measurement] = []
    for number, spec in enumerate(specs):
        known = None if again else cache.find(spec, device_name(spec.device), torch.get_num_threads())
        if known is None:
            made = map_progress(measure_steps(spec, budget), partial(_of_all, number, len(specs)))
            known = yield from made
            with suppress(OSError):
                cache.store(known)
        found.append(known)
    return found


def _of_all(number: int, count: int, progress: Progress) -> Progress:
    """The progress of one of several measurements."""
    return Progress(number, count, progress.what)
