"""Peaks of memory that child processes measure, against what is predicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_studio.analysis.memory_measurement import MemoryMeasurement, MemorySpec, growth
from resnet_studio.networks import memory
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish
from resnet_studio.training.compute.memory_measuring import child, fitting_batch_steps, measure_memory_steps
from waiting import wait_until

CIFAR, PLAIN = preset("resnet20-cifar"), preset("plain20-cifar")
LARGE = 192
"""A batch that takes 0.6 GB, many times what two processes differ in."""


@pytest.fixture(scope="module")
def measured() -> dict[int, MemoryMeasurement]:
    """ResNet-20's trainings with two batches."""
    return {batch: finish(measure_memory_steps(MemorySpec(CIFAR, "training", batch))) for batch in (64, LARGE)}


def test_what_an_image_adds_is_as_predicted(measured: dict[int, MemoryMeasurement]) -> None:
    predicted = growth((batch, memory.predicted_training(CIFAR, batch)) for batch in measured)
    found = growth((batch, one.peak) for batch, one in measured.items())
    assert predicted is not None
    assert found is not None
    assert 0.6 < found.per_image / predicted.per_image < 1.6  # of the heap, two processes keep differently much


def test_a_peak_is_at_least_that_of_the_tensors(measured: dict[int, MemoryMeasurement]) -> None:
    tensors = memory.predicted_training(CIFAR, LARGE, device="cuda:0")
    assert tensors < measured[LARGE].peak < 2.5 * tensors
    assert abs(measured[LARGE].error) < 0.25


def test_the_processes_own_share_does_not_depend_on_the_batch(measured: dict[int, MemoryMeasurement]) -> None:
    one, other = (found.process for found in measured.values())
    assert one == pytest.approx(other, rel=0.05)
    assert one > 100_000_000


def test_a_closed_measurement_ends_its_process() -> None:
    before = set(_children())
    steps = measure_memory_steps(MemorySpec(CIFAR, "training", LARGE))
    assert isinstance(next(steps), Progress)
    next(steps)
    wait_until(lambda: set(_children()) - before)
    started = set(_children()) - before
    steps.close()
    assert not any(process.exists() for process in started)


def test_a_process_ends_with_its_parent() -> None:
    with child(MemorySpec(CIFAR, "training", LARGE)) as process:
        assert process.stdin is not None
        process.stdin.close()  # as the system does when the parent dies
        assert process.wait(timeout=120) == 1


def test_the_largest_batch_of_a_budget_fits_it() -> None:
    spec = MemorySpec(PLAIN, "training", 1)
    budget = memory.PROCESS_BYTES + 200_000_000
    found = finish(fitting_batch_steps(spec, budget))
    assert found.measured is not None
    assert found.measured.spec == spec.with_batch(found.batch)
    assert found.measured.peak + found.measured.process <= budget
    assert 0 < found.batch <= found.predicted == memory.largest_batch(PLAIN, 200_000_000)


def test_nothing_is_tried_where_the_process_alone_takes_the_budget() -> None:
    found = finish(fitting_batch_steps(MemorySpec(CIFAR), 1_000_000))
    assert (found.predicted, found.batch, found.measured) == (0, 0, None)


def test_what_cannot_fit_is_refused_before_a_process_starts() -> None:
    with pytest.raises(MemoryError, match=r"needs .* for training with batches of 65,536; this machine has"):
        finish(measure_memory_steps(MemorySpec(preset("resnet152"), "training", 65_536)))
    assert _children() == []


def test_what_a_process_cannot_train_is_said() -> None:
    """Of one image of 32×32, the last batch norms have one value a channel."""
    tiny = preset("resnet18").with_values({"image": 32})
    with pytest.raises(ValueError, match="gets one value per channel"):
        finish(measure_memory_steps(MemorySpec(tiny, "training", 1)))


def _children() -> list[Path]:
    """The folders of this process's child processes that run Python's `-m`."""
    tasks = Path("/proc/self/task")
    numbers = {number for task in tasks.iterdir() for number in (task / "children").read_text().split()}
    folders = (Path("/proc", number) for number in numbers)
    return [one for one in folders if b"memory_child" in (one / "cmdline").read_bytes()]
