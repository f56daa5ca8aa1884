"""Measured memory as values, files, tables, and sentences."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from resnet_studio.analysis import memory_text
from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.memory_measurement import (
    FittingBatch,
    MemoryFailure,
    MemoryMeasurement,
    MemorySpec,
    from_json,
    growth,
)
from resnet_studio.causes import FieldError
from resnet_studio.networks import memory
from resnet_studio.networks.presets import preset

SPEC = MemorySpec(preset("resnet18"), "training", 16)
PROCESS = 700_000_000


def measurement(spec: MemorySpec = SPEC, peak: int = 800_000_000) -> MemoryMeasurement:
    return MemoryMeasurement(spec, peak, PROCESS, "a CPU", 1, {"torch": "2.14.1"}, 0.0)


def test_json_reads_back() -> None:
    assert from_json(measurement().to_json()) == measurement()
    with pytest.raises(FieldError, match="batch"):
        from_json({**measurement().to_json(), "spec": {**SPEC.to_json(), "batch": 0}})


def test_the_error_is_a_share_of_what_was_measured() -> None:
    predicted = memory.predicted_training(preset("resnet18"), 16)
    assert measurement(peak=predicted).error == 0
    assert measurement(peak=2 * predicted).error == pytest.approx(-0.5)


def test_a_line_through_two_points() -> None:
    line = growth([(8, 1000), (24, 1800)])
    assert line is not None
    assert (line.fixed, line.per_image) == (600, 50)
    assert growth([(8, 1000), (8, 1010)]) is None


def test_measurements_are_kept_by_what_was_measured(tmp_path: Path) -> None:
    cache = MemoryCache(tmp_path)
    assert cache.find(SPEC, "a CPU") is None
    cache.store(measurement())
    assert cache.find(SPEC, "a CPU") == measurement()
    assert cache.find(SPEC, "another") is None
    assert cache.find(SPEC.with_batch(8), "a CPU") is None
    [path] = tmp_path.iterdir()
    path.write_text("{")
    assert cache.find(SPEC, "a CPU") is None


def test_the_table_has_what_an_image_adds() -> None:
    results = [measurement(), measurement(SPEC.with_batch(32), 1_440_000_000)]
    grid = memory_text.memory_grid(results)
    assert [row[2] for row in grid.rows] == ["16", "32", "per image"]
    assert grid.rows[2][4] == "40.0 MB"  # (1440 − 800) / 16
    failure = MemoryFailure(SPEC, "it does not fit")
    assert memory_text.memory_grid([failure]).rows[0][4:] == ("–", "–", "–")
    assert memory_text.notes([failure]) == ["! resnet18, training, SGD, batch 16: it does not fit"]


def test_csv_has_all_digits() -> None:
    [row] = csv.DictReader(io.StringIO(memory_text.results_csv([measurement(peak=812_345_678)])))
    assert (row["measured"], row["process"], row["batch"]) == ("812345678", str(PROCESS), "16")


def test_the_largest_batch_in_words() -> None:
    found = FittingBatch(2_000_000_000, 18, 16, measurement())
    assert memory_text.fitting_sentence(SPEC, found) == (
        "The largest batch of resnet18 with SGD that fits into 2.00 GB has 16 images (18 were predicted): a few steps "
        "took 1.50 GB, 700 MB of it the process itself."
    )
    nothing = FittingBatch(1_000_000, 0, 0, None)
    assert memory_text.fitting_sentence(SPEC, nothing) == "No batch of resnet18 with SGD fits into 1.00 MB."
