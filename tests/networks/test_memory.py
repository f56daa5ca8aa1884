"""Estimates of memory, and what is reported when there is not enough."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from resnet_studio.networks import memory
from resnet_studio.networks.presets import preset


def test_weights_are_four_bytes_each() -> None:
    resnet50 = preset("resnet50")
    largest = 4 * 256 * 56 * 56  # the output of conv2_x
    conv1 = 4 * 64 * 112 * 112
    assert memory.to_run(resnet50) == 4 * 25_557_032 + 8 * max(largest, conv1)


def test_what_fits_is_not_spoken_of() -> None:
    resnet50 = preset("resnet50")
    assert memory.too_large(resnet50, memory.to_run(resnet50), "to run") == ""
    memory.check(resnet50, memory.to_run(resnet50), "to run")


def test_what_does_not_fit_is_refused_in_words() -> None:
    machine = memory.machine_memory()
    assert machine is not None
    with pytest.raises(MemoryError, match=r"^resnet152 needs .* GB to run; this machine has"):
        memory.check(preset("resnet152"), 2 * machine, "to run")


def test_parts_are_counted_one_at_a_time() -> None:
    assert memory.to_count(preset("resnet152")) < memory.to_run(preset("resnet152"))


@pytest.mark.parametrize(("limit", "expected"), [("1073741824\n", 2**30), ("max\n", None), (None, None)])
def test_a_containers_limit_counts_as_the_machines_memory(tmp_path, monkeypatch, limit, expected) -> None:
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "none")
    physical = memory.machine_memory()
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit)
        monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "memory.max")
    assert memory.machine_memory() == (expected or physical)


@pytest.mark.parametrize("more", [1, 2**20, 2**28, 2**34])
def test_a_refusal_never_names_two_equal_amounts(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """Both numbers in decimal units, in which all others of the program are."""
    for machine in (24 * 2**30, 25_000_000_001, 7 * 2**30, 900 * 10**9):
        monkeypatch.setattr(memory, "machine_memory", lambda machine=machine: machine)
        needed = int(memory.SHARE * machine) + more
        message = memory.too_large(preset("resnet18"), needed, "to run")
        assert "iB" not in message
        needs, _, spared = (float(number) for number in re.findall(r"([\d.]+) GB", message))
        assert needs > spared
        assert needs * 1e9 >= needed
        assert spared * 1e9 <= memory.SHARE * machine


PEAK = """
import sys
import torch
from resnet_studio.networks import memory
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.preview import _time_step
from resnet_studio.training.recipe import Recipe

def of_process(line):
    return next(1024 * int(one.split()[1]) for one in open("/proc/self/status") if one.startswith(line))

torch.set_num_threads(1)
_time_step(Recipe(batch_size=4), preset("resnet20-digits"), 4)  # what torch loads at its first step
own = of_process("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # lets the peak begin anew
_time_step(Recipe(batch_size=64), preset("resnet20-cifar"), 64)
print(of_process("VmHWM") - own)
"""


def test_a_steps_peak_is_within_the_estimated_bounds() -> None:
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    least, most = memory.bounds(memory.to_train(preset("resnet20-cifar"), 64))
    assert least < int(done.stdout) < most
    assert most / least == pytest.approx(memory.MOST / memory.LEAST, rel=1e-6)
