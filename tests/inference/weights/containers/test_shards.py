"""An index of shards is an untrusted file: it leads nowhere but to the tensors that it names, in its own folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from checkpoints import write_shards, zipped
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.weights.reader import read_contents

STATE = {f"layer{number}.0.conv1.weight": torch.full((2, 2, 3, 3), float(number)) for number in range(1, 5)}
LIMIT = 1_000_000


def rewrite(index: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(index.read_text())
    change(content["weight_map"])
    index.write_text(json.dumps(content))


def outside(folder: Path) -> Path:
    """A file of weights that the index must not reach."""
    (folder / "secret").mkdir()
    path = folder / "secret" / "weights.safetensors"
    path.write_bytes(safetensors.torch.save(STATE))
    return path


@pytest.mark.parametrize(
    "name",
    ["../secret/weights.safetensors", "/etc/hostname", "secret/weights.safetensors", "..", ".", "", "a\\b", "C:x",
     "a\0b", 3, None, ["a"]],
)  # fmt: skip
def test_a_path_out_of_the_folder_is_not_followed(name: Any, tmp_path: Path) -> None:
    outside(tmp_path)
    (tmp_path / "model").mkdir()
    index = write_shards(tmp_path / "model", STATE)
    rewrite(index, lambda names: names.update({"layer1.0.conv1.weight": name}))
    with pytest.raises(WeightsError, match=r"names a file outside of its folder .* which is not opened"):
        read_contents(index, LIMIT)


@pytest.mark.parametrize("kind", ["link", "folder", "missing"])
def test_a_shard_must_be_a_file_of_its_own(kind: str, tmp_path: Path) -> None:
    target = outside(tmp_path)
    index = write_shards(tmp_path, STATE)
    shard = tmp_path / "model-00002-of-00002.safetensors"
    shard.unlink()
    if kind == "link":
        shard.symlink_to(target)
    elif kind == "folder":
        shard.mkdir()
    with pytest.raises(WeightsError, match=r"needs model-00002-of-00002\.safetensors, which (is a|does not exist)"):
        read_contents(index, LIMIT)


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a tensor more": lambda names: names.update({"fc.weight": "model-00001-of-00002.safetensors"}),
    "a tensor less": lambda names: names.pop("layer1.0.conv1.weight"),
    "a tensor in the other file": lambda names: names.update(
        {"layer1.0.conv1.weight": "model-00002-of-00002.safetensors"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_shards_hold_exactly_the_tensors_of_the_index(name: str, tmp_path: Path) -> None:
    index = write_shards(tmp_path, STATE)
    rewrite(index, CHANGES[name])
    with pytest.raises(
        WeightsError, match=r"doesn't match model-0000\d-of-00002\.safetensors, which has other tensors"
    ):
        read_contents(index, LIMIT)


@pytest.mark.parametrize(
    "text", ["{", '{"weight_map": 3}', '{"weight_map": {}}', '{"weight_map": ' + '{"a":' * 100_000, '{"metadata": {}}'],
)  # fmt: skip
def test_a_broken_index_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(
        WeightsError, match=r"^model\.safetensors\.index\.json is not (an index of weights|a weights file)"
    ):
        read_contents(tmp_path / "model.safetensors.index.json", LIMIT)


def test_all_files_together_have_a_limit(tmp_path: Path) -> None:
    index = write_shards(tmp_path, STATE)
    read_contents(index, LIMIT)
    with pytest.raises(WeightsError, match="and the limit is"):
        read_contents(index, sum(path.stat().st_size for path in tmp_path.iterdir()) - 1)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    index = write_shards(tmp_path, STATE)
    shard = tmp_path / "model-00001-of-00002.safetensors"
    shard.write_bytes(shard.read_bytes()[:-3])
    with pytest.raises(WeightsError, match=r"needs model-00001-of-00002\.safetensors, which is incomplete: it has "):
        read_contents(index, LIMIT)


def test_one_hash_stands_for_all_files(tmp_path: Path) -> None:
    first = read_contents(write_shards(tmp_path, STATE), LIMIT).sha256
    changed = {**STATE, "layer4.0.conv1.weight": torch.zeros(2, 2, 3, 3)}
    assert read_contents(write_shards(tmp_path, changed), LIMIT).sha256 != first
    assert read_contents(write_shards(tmp_path, STATE), LIMIT).sha256 == first


def test_a_shard_without_its_index_has_only_its_own_tensors(tmp_path: Path) -> None:
    write_shards(tmp_path, STATE).unlink()
    contents = read_contents(tmp_path / "model-00001-of-00002.safetensors", LIMIT)
    assert list(contents.tensors) == ["layer1.0.conv1.weight", "layer2.0.conv1.weight"]


def test_shards_of_torch_save_run_nothing(tmp_path: Path) -> None:
    import os

    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    index = write_shards(tmp_path, STATE, ".bin")
    names = {name: tensor for name, tensor in STATE.items() if name < "layer3"}
    (tmp_path / "model-00001-of-00002.bin").write_bytes(zipped({**names, "bait": Runs()}))
    with pytest.raises(WeightsError, match=r"needs model-00001-of-00002\.bin, which would run code when opened"):
        read_contents(index, LIMIT)
    assert not (tmp_path / "ran").exists()
