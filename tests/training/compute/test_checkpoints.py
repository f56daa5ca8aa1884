"""Checkpoints: which are kept, what is restored, and that damage of any kind is skipped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from resnet_studio.networks.modules.network import build
from resnet_studio.training.compute import checkpoints
from resnet_studio.training.compute.checkpoints import METADATA, OPTIMIZER, WEIGHTS, Checkpoint
from resnet_studio.training.compute.loop import make_optimizer
from resnet_studio.training.errors import CheckpointError
from resnet_studio.training.recipe import Recipe
from small import SHORT, TINY

ADAMW = replace(SHORT, optimizer="adamw")
SCALER = torch.amp.GradScaler("cpu", enabled=False)


def trained(recipe: Recipe, steps: int = 3, seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    network = build(TINY, seed).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(network, recipe)
    for number in range(steps):
        train_once(network, optimizer, number)
    return network, optimizer


def train_once(network: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> float:
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(number))
    loss = functional.cross_entropy(network(images), torch.arange(8))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def make_checkpoint(step: int, error: float | None = None, recipe: Recipe = SHORT) -> Checkpoint:
    return checkpoints.collect(*trained(recipe, 2), SCALER, step, 1.5 * step, error)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Checkpoints at steps 10 (the best), 20 and 30."""
    for step, error in ((10, 0.1), (20, 0.3), (30, None)):
        checkpoints.write(tmp_path, make_checkpoint(step, error))
    return tmp_path


@pytest.mark.parametrize("recipe", [SHORT, ADAMW, replace(SHORT, momentum=0.0)], ids=["SGD", "AdamW", "no momentum"])
def test_training_continues_as_if_uninterrupted(tmp_path: Path, recipe: Recipe) -> None:
    network, optimizer = trained(recipe)
    checkpoints.write(tmp_path, checkpoints.collect(network, optimizer, SCALER, 3, 1.0, 0.5))
    uninterrupted = [train_once(network, optimizer, number) for number in range(3, 6)]

    other, again = trained(recipe, steps=0, seed=9)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    checkpoints.restore(found, other, again, SCALER)
    assert (found.step, found.seconds, found.error) == (3, 1.0, 0.5)
    assert [train_once(other, again, number) for number in range(3, 6)] == uninterrupted
    assert all(map(torch.equal, network.state_dict().values(), other.state_dict().values()))
    for values in other.parameters():
        assert values.stride() == next(
            ours.stride()
            for ours, theirs in zip(network.parameters(), other.parameters(), strict=True)
            if theirs is values
        )


def test_fp16_keeps_the_scale(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1234.0)
    network, optimizer = trained(SHORT)
    scaler.scale(torch.ones(1))
    checkpoints.write(tmp_path, checkpoints.collect(network, optimizer, scaler, 3, 1.0, None))
    found, other = checkpoints.newest(tmp_path), torch.amp.GradScaler("cpu")
    assert found is not None
    checkpoints.restore(found, network, optimizer, other)
    assert other.get_scale() == 1234.0


def test_the_newest_two_and_the_best_are_kept(three: Path) -> None:
    assert entries(three) == ["step-0000010", "step-0000020", "step-0000030"]
    checkpoints.write(three, make_checkpoint(40))
    assert entries(three) == ["step-0000010", "step-0000030", "step-0000040"]
    checkpoints.write(three, make_checkpoint(50, 0.05))
    assert entries(three) == ["step-0000040", "step-0000050"]
    assert checkpoints.best(three) == three / "step-0000050"
    assert checkpoints.best_error(three, 50) == 0.05
    assert checkpoints.best_error(three, 40) == np.inf


def test_of_equal_errors_the_first_is_the_best(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        checkpoints.write(tmp_path, make_checkpoint(step, 0.2))
    assert checkpoints.best(tmp_path) == tmp_path / "step-0000010"


def test_checkpoints_are_ordered_by_number(tmp_path: Path) -> None:
    for step in (9_999_999, 10_000_000):
        checkpoints.write(tmp_path, make_checkpoint(step))
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.step == 10_000_000


def test_no_checkpoints(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    assert checkpoints.best(tmp_path) is None


def flipped_bits(path: Path) -> Iterator[bytes]:
    """The file's bytes with one bit flipped, at both ends and at 40 positions in between."""
    data = path.read_bytes()
    places = np.random.default_rng(0).integers(0, 8 * len(data), 40).tolist()
    for folder in (0, 8 * len(data) - 1, *places):
        flipped = bytearray(data)
        flipped[folder // 8] ^= 1 << folder % 8
        yield bytes(flipped)


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, METADATA])
def test_a_flipped_bit_falls_back_to_the_checkpoint_before(three: Path, name: str) -> None:
    path = three / "step-0000030" / name
    for data in flipped_bits(path):
        path.write_bytes(data)
        messages: list[str] = []
        found = checkpoints.newest(three, messages.append)
        assert found is not None
        assert found.step == 20
        assert len(messages) == 1
        assert messages[0].startswith("step-0000030")


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, METADATA])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, None])
def test_a_truncated_or_missing_file_falls_back(three: Path, name: str, share: float | None) -> None:
    path = three / "step-0000030" / name
    if share is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"check": 1}', "[" * 100_000, '{"version": 1, "check": ""}'])
def test_invalid_metadata_falls_back(three: Path, text: str) -> None:
    (three / "step-0000030" / METADATA).write_text(text)
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


def test_if_all_are_damaged_there_is_none(three: Path) -> None:
    for path in three.iterdir():
        (path / WEIGHTS).write_bytes(b"")
    messages: list[str] = []
    assert checkpoints.newest(three, messages.append) is None
    assert len(messages) == 3


def test_checkpoints_later_than_the_resumed_one_are_replaced(three: Path) -> None:
    """The newest was damaged, so training continued from 20. Its checkpoint at 25 has to replace 30."""
    (three / "step-0000030" / WEIGHTS).write_bytes(b"")
    checkpoints.write(three, make_checkpoint(25))
    assert entries(three) == ["step-0000010", "step-0000020", "step-0000025"]


def test_a_damaged_checkpoint_of_the_same_step_is_replaced(three: Path) -> None:
    (three / "step-0000030" / WEIGHTS).write_bytes(b"")
    checkpoints.write(three, make_checkpoint(30, 0.25))
    found = checkpoints.newest(three)
    assert found is not None
    assert (found.step, found.error) == (30, 0.25)


def test_leftovers_of_a_killed_writer_are_removed(three: Path) -> None:
    shutil.copytree(three / "step-0000030", three / ".writing-0123")
    assert checkpoints.newest(three) is not None
    assert entries(three) == ["step-0000010", "step-0000020", "step-0000030"]


def test_a_checkpoint_of_a_newer_version_is_not_read(three: Path) -> None:
    path = three / "step-0000030" / METADATA
    metadata = json.loads(path.read_text()) | {"version": 2}
    path.write_text(json.dumps(metadata | {"check": checkpoints._checksum(metadata)}))
    with pytest.raises(CheckpointError, match="newer version"):
        checkpoints.read(path.parent)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, make_checkpoint(10))
    other = build(replace(TINY, width=8))
    found = checkpoints.newest(tmp_path)
    assert found is not None
    with pytest.raises(CheckpointError, match="from a different network"):
        checkpoints.restore(found, other, make_optimizer(other, SHORT), SCALER)


def test_weights_with_infinity_are_noticed() -> None:
    moment = make_checkpoint(1)
    assert moment.is_finite
    moment.weights["conv1.weight"][0, 0, 0, 0] = np.inf
    assert not moment.is_finite


def rewrite_metadata(folder: Path, **metadata: object) -> None:
    """Change a checkpoint's metadata and update its checksum."""
    values = json.loads((folder / METADATA).read_text()) | metadata
    del values["check"]
    values["check"] = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    (folder / METADATA).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "metadata",
    [
        {"step": -1}, {"step": "1"}, {"step": 10**400}, {"step": 1.5}, {"step": True}, {"seconds": "x"},
        {"seconds": float("inf")}, {"seconds": None}, {"error": -1}, {"error": "x"}, {"error": [1]}, {"scaler": 3},
        {"scaler": {"scale": "x"}}, {"scaler": {"scale": float("nan")}}, {"sha256": {}}, {"sha256": None},
        {"version": "1"}, {"version": None},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_metadata_is_skipped(three: Path, metadata: dict[str, object]) -> None:
    """A crafted checkpoint has a correct checksum."""
    rewrite_metadata(three / "step-0000030", **metadata)
    messages: list[str] = []
    found = checkpoints.newest(three, messages.append)
    assert found is not None
    assert found.step == 20
    assert len(messages) == 1
    assert checkpoints.best(three) == three / "step-0000010"


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, METADATA])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_anything_but_a_file_is_skipped_at_once(three: Path, name: str, make) -> None:
    """faults.md row 41: reading a pipe would block, reading a device would never end."""
    (three / "step-0000030" / name).unlink()
    make(three / "step-0000030" / name)
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


def test_a_file_larger_than_the_network_can_fill_is_not_read(three: Path) -> None:
    with (three / "step-0000030" / WEIGHTS).open("r+b") as file:
        file.truncate(10**12)  # a sparse file
    tracemalloc.start()
    try:
        found = checkpoints.newest(three, max_bytes=1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found.step == 20
    assert peak < 10_000_000


@pytest.mark.parametrize("key", ["x.momentum_buffer", "-1.momentum_buffer", "99999.momentum_buffer", ".", "²"])
def test_an_optimizer_of_another_network_is_refused(three: Path, key: str) -> None:
    found = checkpoints.newest(three)
    assert found is not None
    odd = replace(found, optimizer={**found.optimizer, key: torch.zeros(3)})
    with pytest.raises(CheckpointError, match="optimizer state is from a different network"):
        checkpoints.restore(odd, *trained(SHORT, 0), SCALER)
