"""What is refused before the first step, and the message if memory is full."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from resnet_studio.cli.main import main
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.distributed import Workers
from resnet_studio.training.compute.setup import check_batch_norm, device_failure
from resnet_studio.training.compute.step_events import advice
from resnet_studio.training.errors import TrainingFailedError
from resnet_studio.training.recipe import RecipeError
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Ended
from small import SHORT, TINY, make_class_folders, make_run, read_curves, read_events, train

CPU = torch.device("cpu")
DEEP = replace(TINY, blocks=(1, 1, 1, 1), image=8)
"""Its last maps are 1×1."""


def test_one_image_with_maps_of_one_pixel_is_refused_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(tmp_path / "run", replace(SHORT, batch_size=1), DEEP)
    assert main(["train", "--run", str(folder)]) == 2
    error_output = capsys.readouterr().err
    assert "batch_size: with 1, batch norm gets only one value per channel in layer4.0.bn1 (1×1)" in error_output
    assert "Use 2 or more, or larger images" in error_output
    assert isinstance(read_events(folder)[-1], Ended)


@pytest.mark.parametrize(
    ("architecture", "batch", "images", "workers", "refused"),
    [
        (DEEP, 1, 100, 1, True),
        (DEEP, 2, 100, 1, False),
        (DEEP, 128, 1, 1, True),
        (DEEP, 4, 100, 4, True),
        (DEEP, 8, 100, 4, False),
        (TINY, 1, 100, 1, False),
        (replace(preset("resnet18"), image=32), 1, 100, 1, True),
        (replace(preset("resnet18"), image=33), 1, 100, 1, False),
        (preset("vgg19"), 1, 100, 1, False),
    ],
)
def test_batch_norm_needs_two_values(
    architecture: Architecture, batch: int, images: int, workers: int, *, refused: bool
) -> None:
    recipe, together = replace(SHORT, batch_size=batch), Workers(0, workers)
    if refused:
        with pytest.raises(RecipeError, match=r"^batch_size: with 1"):
            check_batch_norm(architecture, recipe, images, together)
    else:
        check_batch_norm(architecture, recipe, images, together)


@pytest.mark.parametrize("side", [8, 16])
def test_a_batch_of_one_image_trains_if_its_maps_are_larger(tmp_path: Path, side: int) -> None:
    """At 8 pixels the smallest maps of a network of three stages are 2×2."""
    data = make_class_folders(tmp_path / "data", {"a": 5, "b": 5})
    recipe = replace(SHORT, data=str(data), batch_size=1, length=2, unit="steps")
    folder = make_run(tmp_path / "run", recipe, replace(TINY, channels=3, image=side))
    assert train(folder) == "finished"
    assert read_curves(folder).steps == 2


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Limit this process to eight more gigabytes, whatever the system would allow."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + 8_000_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
def test_a_step_that_does_not_fit_in_memory_fails_the_run_with_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first layer's output would take 32 GB."""
    data = make_class_folders(tmp_path / "data", {"a": 4, "b": 4})
    wide = Residual(Basic(), (1,), shortcut="none", width=500, stem="cifar", image=2000, channels=3, classes=2)
    folder = make_run(tmp_path / "run", replace(SHORT, data=str(data), batch_size=4), wide)
    assert main(["train", "--run", str(folder)]) == 2
    error_output = capsys.readouterr().err
    assert (
        "this machine does not have enough free memory for batches of 4 images. Reduce batch size, image"
        in error_output
    )
    assert error_output.count("\n") == 1
    assert read_curves(folder).state == "failed"
    assert (folder / run_folder.MANIFEST).exists()


def test_an_out_of_memory_message_names_the_device_and_the_batch() -> None:
    with pytest.raises(RuntimeError) as full:
        torch.empty(2**50)
    for error in (full.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")):
        explained = device_failure(torch.device("cuda:0"), SHORT, error)
        assert isinstance(explained, MemoryError)
        assert str(explained).startswith(
            "cuda:0 does not have enough free memory for batches of 128 images. Reduce batch"
        )
    assert device_failure(CPU, SHORT, RuntimeError("shapes do not fit")) is None


def test_advice_depends_on_step_and_precision() -> None:
    assert advice(SHORT, 0) == "This is the first step, so the network itself overflows: use fewer blocks"
    assert "--resume RUN --lr X" in advice(SHORT, 7)
    assert advice(replace(SHORT, precision="fp16"), 7).endswith("or precision fp32 instead of fp16")
    assert advice(replace(SHORT, precision="bf16"), 0).endswith("or precision fp32 instead of bf16")


def test_a_diverged_run_can_be_resumed_at_a_lower_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As its error message advises."""
    folder = make_run(tmp_path / "run", replace(SHORT, lr=1000.0, length=4, weight_decay=10.0))
    with pytest.raises(TrainingFailedError, match="--resume RUN --lr X continues"):
        train(folder)
    assert main(["train", "--resume", str(folder), "--lr", "0.05", "--change", "weight_decay=0"]) == 0
    assert "finished after 44 steps" in capsys.readouterr().out
