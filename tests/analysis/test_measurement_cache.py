"""Measurements in a folder: what finds them, and what is lost with a damaged file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from resnet_studio.analysis import measurement_cache
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.networks.presets import preset

VERSIONS = {"torch": "2.10", "torchvision": "0.25"}
SPEC = MeasurementSpec(preset("resnet18"))


def measured(spec: MeasurementSpec = SPEC, device: str = "CPU", threads: int = 2, when: float = 1.0) -> Measurement:
    return Measurement(spec, Timing(1.0, 0.5, 2.0, 9), {"conv1": 0.25}, device, threads, VERSIONS, when)


@pytest.fixture
def cache(tmp_path: Path) -> MeasurementCache:
    return MeasurementCache(tmp_path / "measurements")


def test_what_was_stored_is_found_by_all_that_times_depend_on(cache: MeasurementCache) -> None:
    cache.store(measured())
    assert cache.find(SPEC, "CPU", versions=VERSIONS) == measured()
    assert cache.find(SPEC, "CPU", 2, VERSIONS) == measured()
    others = [replace(SPEC, **change) for change in ({"batch": 2}, {"precision": "bf16"}, {"mode": "forward+backward"})]
    for other in (*others, replace(SPEC, architecture=preset("resnet34")), replace(SPEC, device="cuda:0")):
        assert cache.find(other, "CPU", versions=VERSIONS) is None
    assert cache.find(SPEC, "Another CPU", versions=VERSIONS) is None
    assert cache.find(SPEC, "CPU", 1, VERSIONS) is None
    assert cache.find(SPEC, "CPU", versions={**VERSIONS, "torch": "2.11"}) is None
    assert cache.find(SPEC, "CPU") is None  # with the installed versions


def test_the_newest_counts_and_each_number_of_threads_has_its_own(cache: MeasurementCache) -> None:
    for threads, when in ((2, 1.0), (1, 3.0), (2, 2.0)):
        cache.store(measured(threads=threads, when=when))
    assert [one.when for one in cache.load()] == [2.0, 3.0]
    found = [cache.find(SPEC, "CPU", threads, VERSIONS) for threads in (None, 1, 2)]
    assert [one and one.when for one in found] == [3.0, 3.0, 2.0]


def test_broken_files_lose_only_themselves_and_are_named(cache: MeasurementCache) -> None:
    cache.store(measured())
    [good] = cache.folder.iterdir()
    (cache.folder / "cut.json").write_bytes(good.read_bytes()[:-20])
    (cache.folder / "newer.json").write_text('{"version": 99}')
    (cache.folder / "other.json").write_text('{"version": 1, "spec": 3}')
    (cache.folder / "text.json").write_text("[]")
    before = {path: path.read_bytes() for path in cache.folder.iterdir()}
    assert cache.load() == [measured()]
    assert sorted(problem.split()[1] for problem in cache.problems) == [
        "cut.json",
        "newer.json",
        "other.json",
        "text.json",
    ]
    assert any("newer version" in problem for problem in cache.problems)
    assert {path: path.read_bytes() for path in cache.folder.iterdir()} == before


def test_a_damaged_measurement_is_replaced_by_the_next(cache: MeasurementCache) -> None:
    cache.store(measured())
    [file] = cache.folder.iterdir()
    file.write_text("{")
    assert cache.find(SPEC, "CPU", versions=VERSIONS) is None
    assert file.name in cache.problems[0]
    cache.store(measured(when=5.0))
    assert cache.find(SPEC, "CPU", versions=VERSIONS) == measured(when=5.0)


def test_the_oldest_files_make_room(cache: MeasurementCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement_cache, "MOST_FILES", 3)
    for batch in range(1, 6):
        cache.store(measured(replace(SPEC, batch=batch)))
        for file in cache.folder.glob("*.json"):
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**9))
    assert sorted(one.spec.batch for one in cache.load()) == [3, 4, 5]


def test_a_folder_that_is_not_there_is_empty(cache: MeasurementCache) -> None:
    assert cache.load() == []
    assert cache.find(SPEC, "CPU") is None
    assert cache.problems == []
