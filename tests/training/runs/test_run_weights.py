"""Finding the weights of runs for a network."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import torch

from resnet_studio.inference.counterparts import TrainedWeights
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.provenance import TrainingProvenance
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.checkpoints import Checkpoint, write
from resnet_studio.training.recipes import RECIPES
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import CHECKPOINTS, Manifest
from resnet_studio.training.runs.weights import RunWeights, run_weights, trained_weights

PLAIN = Residual(Basic(), (1, 1), shortcut="none", width=4, stem="cifar", channels=1, image=8, classes=2)


def run(folder: Path, *steps: int, architecture: Residual = PLAIN, age: int = 0) -> Path:
    """A run with checkpoints at `steps`; its newest file is made `age` seconds older."""
    run_folder.create(folder, Manifest(folder.name, architecture, RECIPES["digits-quick"], 0.0))
    place = folder
    for step in steps:
        origin = TrainingProvenance(architecture, "digits", ("0", "1"), (0.5,), (0.5,), folder.name, step)
        checkpoint = Checkpoint(step, 0.0, 0.5, {"conv1.weight": torch.zeros(1)}, {}, {})
        place = write(folder / CHECKPOINTS, checkpoint, origin)
    weights = place / "weights.safetensors"
    if steps:
        then = weights.stat().st_mtime - age
        os.utime(weights, (then, then))
    return weights


def test_the_newest_checkpoint_of_each_run_of_that_network(tmp_path: Path) -> None:
    old = run(tmp_path / "old", 5, 10, age=100)
    new = run(tmp_path / "experiment" / "plain8-seed0", 1200)
    run(tmp_path / "residual", 10, architecture=Residual(Basic(), (1, 1), shortcut="A", width=4, stem="cifar",
                                                         channels=1, image=8, classes=2))  # fmt: skip
    run(tmp_path / "begun", 0)
    run(tmp_path / "empty")
    assert trained_weights(tmp_path, PLAIN) == (
        TrainedWeights("plain8-seed0, 1,200 steps", WeightsFile(new)),
        TrainedWeights("old, 10 steps", WeightsFile(old)),
    )


def test_damaged_files_are_left_out(tmp_path: Path) -> None:
    for number, damage in enumerate((b"", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0[]", b"\x09\0\0\0\0\0\0\0not json!")):
        run(tmp_path / f"run-{number}", 3).write_bytes(damage)
    (tmp_path / "run-0" / CHECKPOINTS / "step-x").mkdir()
    assert trained_weights(tmp_path, PLAIN) == ()
    assert trained_weights(tmp_path / "no such folder", PLAIN) == ()


DAMAGED = (
    b"", b"\xff" * 8, b"\x09\0\0\0\0\0\0\0not json!", (10_000).to_bytes(8, "little") + b"[" * 10_000,
    (3).to_bytes(8, "little") + b'{"a',
)  # fmt: skip


def test_damaged_checkpoints_are_listed_with_the_good_one(tmp_path: Path) -> None:
    good = run(tmp_path / "good", 7)
    for number, damage in enumerate(DAMAGED):
        run(tmp_path / f"run-{number}", 3).write_bytes(damage)
    pipe = run(tmp_path / "pipe", 3)
    pipe.unlink()
    os.mkfifo(pipe)  # opening it would wait for a writer
    broken = {(entry.run, entry.step) for entry in run_weights(tmp_path, 10) if entry.architecture is None}
    assert broken == {*((f"run-{number}", 3) for number in range(len(DAMAGED))), ("pipe", 3)}
    assert trained_weights(tmp_path, PLAIN) == (TrainedWeights("good, 7 steps", WeightsFile(good)),)


def test_the_bundled_weights_come_last(tmp_path: Path) -> None:
    own = bundled_weights(preset("plain20-digits"))
    assert own is not None
    assert trained_weights(tmp_path, preset("plain20-digits")) == (TrainedWeights("bundled weights", own),)


def test_checkpoints_of_all_runs_are_listed_the_newest_first(tmp_path: Path) -> None:
    residual = replace(PLAIN, shortcut="A")
    old = run(tmp_path / "old", 5, 10, age=100)
    other = run(tmp_path / "experiment" / "residual", 0, architecture=residual, age=50)
    first = tmp_path / "old" / CHECKPOINTS / "step-0000005" / "weights.safetensors"
    os.utime(first, (0, 0))
    damaged = run(tmp_path / "damaged", 3)
    damaged.write_bytes(b"not weights")
    run(tmp_path / "empty")
    found = run_weights(tmp_path, 10)
    assert found == (
        RunWeights(WeightsFile(damaged), "damaged", 3, "", None),
        RunWeights(WeightsFile(other), "residual", 0, "digits", residual),
        RunWeights(WeightsFile(old), "old", 10, "digits", PLAIN),
        RunWeights(WeightsFile(first), "old", 5, "digits", PLAIN),
    )
    assert run_weights(tmp_path, 2) == found[:2]  # damaged files count towards the limit, as reading is what takes time
    assert run_weights(tmp_path / "no such folder", 10) == ()
