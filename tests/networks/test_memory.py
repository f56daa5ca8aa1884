"""Estimates of memory, and what is reported when there is not enough."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from resnet_studio.networks import live_tensors, memory
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.live_tensors import inference_peak, training_peak
from resnet_studio.networks.presets import preset


def test_alexnet_in_inference_is_its_weights_and_its_first_maps() -> None:
    """The worst moment is the first ReLU, which makes a map of another, beside the images as bytes and floats."""
    image, first = 3 * 224 * 224, 64 * 55 * 55
    maps = 4 * 2 * first + (1 + 4) * image
    assert inference_peak(preset("alexnet"), 10).tensors == 4 * 61_100_840 + 10 * maps


def test_training_takes_weights_gradients_and_the_optimizers_values() -> None:
    architecture = preset("resnet50")
    sgd, adamw = (predicted_on_a_gpu(architecture, 1, optimizer) for optimizer in ("sgd", "adamw"))
    assert adamw - sgd == 4 * 25_557_032
    norms = 53_120  # weights and biases of the batch norms, which have as many running statistics
    activations = live_tensors.saved_bytes(architecture)
    assert sgd == pytest.approx(4 * (3 * 25_557_032 + norms) + activations, rel=0.01)


def predicted_on_a_gpu(architecture: Architecture, batch: int, optimizer: str = "sgd") -> int:
    """Where memory is that of the tensors."""
    return memory.predicted_training(architecture, batch, optimizer, device="cuda:0")


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


@pytest.mark.parametrize("blocks", [(3, 4, 23, 3), (5, 3, 3, 3)])
@pytest.mark.parametrize("variant", ["paper", "preact", "v2", "article"])
def test_equal_blocks_need_not_be_gone_through(monkeypatch, blocks: tuple[int, ...], variant: str) -> None:
    """The peak from three blocks of each kind is that of the whole network, to the byte."""
    architecture = Residual(Bottleneck(), blocks).with_values({"variant": variant, "image": 64})
    short = training_peak.__wrapped__(architecture, 7, 1), inference_peak.__wrapped__(architecture, 7)
    monkeypatch.setattr(live_tensors, "UNROLLED", 100)
    assert short == (training_peak.__wrapped__(architecture, 7, 1), inference_peak.__wrapped__(architecture, 7))


@pytest.mark.parametrize("name", ["resnet18", "vgg19", "resnet20-cifar", "mobilenet_v2"])
@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_the_largest_batch_is_the_largest_that_fits(name: str, device: str) -> None:
    architecture, budget = preset(name), 4_000_000_000
    batch = memory.largest_batch(architecture, budget, "adamw", device=device)
    assert batch > 1
    assert memory.predicted_training(architecture, batch, "adamw", device=device) <= budget
    for more in range(batch + 1, batch + 100):
        assert memory.predicted_training(architecture, more, "adamw", device=device) > budget


def test_no_batch_fits_where_the_weights_do_not() -> None:
    assert memory.largest_batch(preset("vgg19"), 1_000_000_000) == 0


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "resnet20-cifar"])
def test_a_larger_batch_never_takes_less(name: str) -> None:
    """Of the tensors: what glibc keeps of them is less where one becomes large."""
    taken = [predicted_on_a_gpu(preset(name), batch) for batch in range(1, 100)]
    assert taken == sorted(taken)
    ends = set(live_tensors.mapping_batches(preset(name)))
    on_the_cpu = [memory.predicted_training(preset(name), batch) for batch in range(1, 100)]
    falls = {batch + 1 for batch, (one, more) in enumerate(pairwise(on_the_cpu), start=1) if more < one}
    assert falls <= ends
    assert all(one <= more for one, more in zip(taken, on_the_cpu, strict=True))
