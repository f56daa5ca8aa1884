"""Checkpoints: what is kept, what comes back, and that damage of any kind is passed over."""

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
from resnet_studio.training.compute.checkpoints import FACTS, OPTIMIZER, WEIGHTS, Checkpoint
from resnet_studio.training.compute.loop import make_optimizer
from resnet_studio.training.errors import CheckpointError
from resnet_studio.training.recipe import Recipe
from small import SHORT, TINY

ADAMW = replace(SHORT, optimizer="adamw")
SCALER = torch.amp.GradScaler("cpu", enabled=False)


def trained(recipe: Recipe, steps: int = 3, seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    net = build(TINY, seed).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(net, recipe)
    for number in range(steps):
        train_once(net, optimizer, number)
    return net, optimizer


def train_once(net: nn.Module, optimizer: torch.optim.Optimizer, number: int) -> float:
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(number))
    loss = functional.cross_entropy(net(images), torch.arange(8))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def taken(step: int, error: float | None = None, recipe: Recipe = SHORT) -> Checkpoint:
    return checkpoints.take(*trained(recipe, 2), SCALER, step, 1.5 * step, error)


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """The best at 10, then 20 and 30."""
    for step, error in ((10, 0.1), (20, 0.3), (30, None)):
        checkpoints.write(tmp_path, taken(step, error))
    return tmp_path


@pytest.mark.parametrize("recipe", [SHORT, ADAMW, replace(SHORT, momentum=0.0)], ids=["SGD", "AdamW", "no momentum"])
def test_training_goes_on_as_if_nothing_had_been(tmp_path: Path, recipe: Recipe) -> None:
    net, optimizer = trained(recipe)
    checkpoints.write(tmp_path, checkpoints.take(net, optimizer, SCALER, 3, 1.0, 0.5))
    unbroken = [train_once(net, optimizer, number) for number in range(3, 6)]

    other, again = trained(recipe, steps=0, seed=9)
    found = checkpoints.newest(tmp_path)
    assert found is not None
    checkpoints.restore(found, other, again, SCALER)
    assert (found.step, found.seconds, found.error) == (3, 1.0, 0.5)
    assert [train_once(other, again, number) for number in range(3, 6)] == unbroken
    assert all(map(torch.equal, net.state_dict().values(), other.state_dict().values()))
    for values in other.parameters():
        assert values.stride() == next(
            mine.stride() for mine, theirs in zip(net.parameters(), other.parameters(), strict=True) if theirs is values
        )


def test_fp16_keeps_the_scale(tmp_path: Path) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1234.0)
    net, optimizer = trained(SHORT)
    scaler.scale(torch.ones(1))
    checkpoints.write(tmp_path, checkpoints.take(net, optimizer, scaler, 3, 1.0, None))
    found, other = checkpoints.newest(tmp_path), torch.amp.GradScaler("cpu")
    assert found is not None
    checkpoints.restore(found, net, optimizer, other)
    assert other.get_scale() == 1234.0


def test_the_newest_the_one_before_and_the_best_are_kept(three: Path) -> None:
    assert kept(three) == ["step-0000010", "step-0000020", "step-0000030"]
    checkpoints.write(three, taken(40))
    assert kept(three) == ["step-0000010", "step-0000030", "step-0000040"]
    checkpoints.write(three, taken(50, 0.05))
    assert kept(three) == ["step-0000040", "step-0000050"]
    assert checkpoints.best(three) == three / "step-0000050"
    assert checkpoints.best_error(three, 50) == 0.05
    assert checkpoints.best_error(three, 40) == np.inf


def test_of_equal_errors_the_first_is_the_best(tmp_path: Path) -> None:
    for step in (10, 20, 30, 40):
        checkpoints.write(tmp_path, taken(step, 0.2))
    assert checkpoints.best(tmp_path) == tmp_path / "step-0000010"


def test_steps_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    for step in (9_999_999, 10_000_000):
        checkpoints.write(tmp_path, taken(step))
    found = checkpoints.newest(tmp_path)
    assert found is not None
    assert found.step == 10_000_000


def test_no_checkpoints(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    assert checkpoints.best(tmp_path) is None


def bits(path: Path) -> Iterator[bytes]:
    """The file with one bit flipped, at its ends and at 40 places between."""
    data = path.read_bytes()
    places = np.random.default_rng(0).integers(0, 8 * len(data), 40).tolist()
    for place in (0, 8 * len(data) - 1, *places):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, FACTS])
def test_a_flipped_bit_anywhere_falls_back_to_the_one_before(three: Path, name: str) -> None:
    path = three / "step-0000030" / name
    for data in bits(path):
        path.write_bytes(data)
        said: list[str] = []
        found = checkpoints.newest(three, said.append)
        assert found is not None
        assert found.step == 20
        assert len(said) == 1
        assert said[0].startswith("step-0000030")


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, FACTS])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99, None])
def test_a_cut_or_missing_file_falls_back(three: Path, name: str, share: float | None) -> None:
    path = three / "step-0000030" / name
    if share is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


@pytest.mark.parametrize("text", ["[]", "null", "{}", '{"check": 1}', "[" * 100_000, '{"version": 1, "check": ""}'])
def test_facts_that_are_none_fall_back(three: Path, text: str) -> None:
    (three / "step-0000030" / FACTS).write_text(text)
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


def test_if_all_are_damaged_there_is_none(three: Path) -> None:
    for path in three.iterdir():
        (path / WEIGHTS).write_bytes(b"")
    said: list[str] = []
    assert checkpoints.newest(three, said.append) is None
    assert len(said) == 3


def test_what_is_later_than_the_one_that_was_taken_up_gives_way(three: Path) -> None:
    """The newest was damaged, so training went on from 20: what it writes at 25 must not be thrown away for 30."""
    (three / "step-0000030" / WEIGHTS).write_bytes(b"")
    checkpoints.write(three, taken(25))
    assert kept(three) == ["step-0000010", "step-0000020", "step-0000025"]


def test_a_damaged_one_of_the_same_step_gives_way(three: Path) -> None:
    (three / "step-0000030" / WEIGHTS).write_bytes(b"")
    checkpoints.write(three, taken(30, 0.25))
    found = checkpoints.newest(three)
    assert found is not None
    assert (found.step, found.error) == (30, 0.25)


def test_what_a_killed_writer_left_is_removed(three: Path) -> None:
    shutil.copytree(three / "step-0000030", three / ".writing-0123")
    assert checkpoints.newest(three) is not None
    assert kept(three) == ["step-0000010", "step-0000020", "step-0000030"]


def test_one_of_a_newer_version_is_not_read(three: Path) -> None:
    path = three / "step-0000030" / FACTS
    facts = json.loads(path.read_text()) | {"version": 2}
    path.write_text(json.dumps(facts | {"check": checkpoints._check(facts)}))
    with pytest.raises(CheckpointError, match="newer version"):
        checkpoints.read(path.parent)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, taken(10))
    other = build(replace(TINY, width=8))
    found = checkpoints.newest(tmp_path)
    assert found is not None
    with pytest.raises(CheckpointError, match="of another network"):
        checkpoints.restore(found, other, make_optimizer(other, SHORT), SCALER)


def test_weights_that_are_not_numbers_are_noticed() -> None:
    moment = taken(1)
    assert moment.finite
    moment.weights["conv1.weight"][0, 0, 0, 0] = np.inf
    assert not moment.finite


def crafted(place: Path, **facts: object) -> None:
    """Change a checkpoint's facts, with a check that fits them."""
    values = json.loads((place / FACTS).read_text()) | facts
    del values["check"]
    values["check"] = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    (place / FACTS).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "facts",
    [
        {"step": -1}, {"step": "1"}, {"step": 10**400}, {"step": 1.5}, {"step": True}, {"seconds": "x"},
        {"seconds": float("inf")}, {"seconds": None}, {"error": -1}, {"error": "x"}, {"error": [1]}, {"scaler": 3},
        {"scaler": {"scale": "x"}}, {"scaler": {"scale": float("nan")}}, {"sha256": {}}, {"sha256": None},
        {"version": "1"}, {"version": None},
    ],
    ids=str,
)  # fmt: skip
def test_facts_that_can_not_be_are_passed_over(three: Path, facts: dict[str, object]) -> None:
    """Somebody who makes up a checkpoint makes up its check as well."""
    crafted(three / "step-0000030", **facts)
    told: list[str] = []
    found = checkpoints.newest(three, told.append)
    assert found is not None
    assert found.step == 20
    assert len(told) == 1
    assert checkpoints.best(three) == three / "step-0000010"


@pytest.mark.parametrize("name", [WEIGHTS, OPTIMIZER, FACTS])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_what_is_no_file_is_passed_over_at_once(three: Path, name: str, make) -> None:
    """faults.md row 41: a pipe would be waited for, a device read without end."""
    (three / "step-0000030" / name).unlink()
    make(three / "step-0000030" / name)
    found = checkpoints.newest(three)
    assert found is not None
    assert found.step == 20


def test_a_file_larger_than_the_network_can_fill_is_not_read(three: Path) -> None:
    with (three / "step-0000030" / WEIGHTS).open("r+b") as file:
        file.truncate(10**12)  # of zeros that take no room on the disk
    tracemalloc.start()
    try:
        found = checkpoints.newest(three, most=1_000_000)
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
    with pytest.raises(CheckpointError, match="optimizer is of another network"):
        checkpoints.restore(odd, *trained(SHORT, 0), SCALER)
