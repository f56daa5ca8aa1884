"""`measure --memory` and `--budget`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resnet_studio.analysis.compute.measuring import device_name
from resnet_studio.analysis.measurement import library_versions
from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.memory_measurement import MemoryMeasurement, MemorySpec, Task
from resnet_studio.cli.measure_memory import parse_memory
from resnet_studio.networks import memory
from resnet_studio.networks.presets import preset


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def keep(task: Task, batch: int, peak: int) -> None:
    """Measured in an earlier session."""
    spec = MemorySpec(preset("resnet18"), task, batch)
    MemoryCache().store(MemoryMeasurement(spec, peak, 7 * 10**8, device_name("cpu"), 1, dict(library_versions()), 0.0))


@pytest.mark.parametrize(
    ("text", "size"), [("8GB", 8 * 10**9), ("512 MB", 512 * 10**6), ("1.5g", 15 * 10**8), ("8e9", 8 * 10**9)]
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize("text", ["", "GB", "8 PB of it", "-1GB", "1.2.3GB", "0"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="--budget must be an amount of memory such as 8GB"):
        parse_memory(text)


def test_predictions_stand_beside_measurements(run) -> None:
    for batch in (16, 32):
        keep("inference", batch, 10**7 * batch)
        keep("training", batch, 4 * 10**7 * batch)
    code, out, err = run("measure", "resnet18", "--memory", "--batches", "16,32")
    assert (code, err) == (0, "")
    assert "640 MB" in out
    assert "per image" in out
    code, out, err = run("measure", "resnet18", "--memory", "--batches", "16,32", "--json")
    found = json.loads(out)
    assert [one["peak"] for one in found["measurements"]] == [16 * 10**7, 32 * 10**7, 64 * 10**7, 128 * 10**7]
    assert [one["measured"] for one in found["per_image"]] == [10**7, 4 * 10**7]
    assert found["measurements"][2]["predicted"] == memory.predicted_training(preset("resnet18"), 16)


def test_a_budget_below_the_processs_own_share_has_no_batch(run) -> None:
    code, out, err = run("measure", "resnet18", "--budget", "1MB")
    assert (code, out, err) == (1, "No batch of resnet18 with SGD fits into 1.00 MB.\n", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--memory", "--layers"), "--memory and --budget have no use for"),
        (("--optimizer", "adamw"), "--optimizer belongs to --memory or --budget"),
        (("--budget", "8GB", "--batch", "4"), "--budget finds the batch"),
        (("--budget", "much"), "--budget must be an amount of memory"),
    ],
)
def test_options_without_effect_are_refused(run, options: tuple[str, ...], words: str) -> None:
    code, out, err = run("measure", "resnet18", *options)
    assert (code, out) == (2, "")
    assert words in err
