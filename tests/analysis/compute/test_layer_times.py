"""Measuring networks once: what comes from the cache, and what is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from resnet_studio.analysis.compute.layer_times import measured_steps
from resnet_studio.analysis.compute.timing import Budget
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.analysis.predicted_time import LayerTimes
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.progress import Progress, finish

QUICK = Budget(warm_up=0.02, seconds=0.05, least=3, longest=1.0)
TINY = Residual(Basic(), (1, 1, 1), width=8, stem="cifar", image=16, classes=10)
SPECS = [MeasurementSpec(replace(TINY, width=width)) for width in (8, 12)]


def measure(cache: MeasurementCache, *, again: bool = False) -> tuple[list[Measurement], list[Progress]]:
    steps: list[Progress] = []
    found = finish(measured_steps(SPECS, cache, QUICK, again=again), steps.append)
    return found, steps


def test_each_network_is_measured_once_and_then_comes_from_the_cache(tmp_path: Path) -> None:
    cache = MeasurementCache(tmp_path)
    first, steps = measure(cache)
    assert [one.spec for one in first] == SPECS
    assert all(one.layers for one in first)
    assert {(step.done, step.of) for step in steps} == {(0, 2), (1, 2)}
    second, steps = measure(MeasurementCache(tmp_path))
    assert second == first
    assert not steps
    third, _ = measure(cache, again=True)
    assert [one.when for one in third] > [one.when for one in first]


def test_another_number_of_threads_is_another_measurement(tmp_path: Path) -> None:
    (first, _), threads = measure(MeasurementCache(tmp_path)), torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        second, _ = measure(MeasurementCache(tmp_path))
    finally:
        torch.set_num_threads(threads)
    assert {one.threads for one in first} == {threads}
    assert {one.threads for one in second} == {threads + 1}


def test_what_was_measured_before_a_cancellation_is_kept(tmp_path: Path) -> None:
    steps = measured_steps(SPECS, MeasurementCache(tmp_path), QUICK)
    while next(steps).done == 0:
        pass
    steps.close()
    assert [one.spec for one in MeasurementCache(tmp_path).load()] == SPECS[:1]


def test_a_folder_that_cannot_be_written_loses_only_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found, _ = measure(MeasurementCache(tmp_path / "file" / "measurements"))
    assert [one.spec for one in found] == SPECS


def test_real_measurements_predict_a_network_between_them(tmp_path: Path) -> None:
    found, _ = measure(MeasurementCache(tmp_path))
    times = LayerTimes(found)
    narrow, wide = (times.seconds(spec.architecture) for spec in SPECS)
    assert 0 < times.seconds(replace(TINY, width=10)) < 2 * max(narrow, wide)
