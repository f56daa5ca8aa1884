"""Baselines on the command line: tables, comparisons, maps, and torchvision's metadata."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.cli.main import main
from resnet_studio.networks import baselines


def read(capsys: pytest.CaptureFixture[str], *arguments: str) -> object:
    assert main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_a_table_has_a_row_for_each_part_and_says_what_is_not_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("table", "vit_b_32", "--image-size", "64")) == 0
    out = capsys.readouterr().out
    rows = [line.split()[0] for line in out.splitlines() if line[:1].isalpha()]
    assert rows[1:4] == ["class_token", "conv_proj", "encoder.pos_embedding"]
    assert sum(row.startswith("encoder.layers.encoder_layer_") for row in rows) == 12
    assert "attention's matrix products" in out
    assert "gelu ×12" in out
    assert "counts agree" in out


def test_json_has_every_layer_with_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    table = read(capsys, "table", "mobilenet_v3_small", "--image-size", "64", "--format", "json")
    assert isinstance(table, dict)
    assert table["architecture"] == {
        "kind": "baseline", "name": "mobilenet_v3_small", "image": 64, "classes": 1000
    }  # fmt: skip
    assert table["totals"]["parameters"] == 2_542_856  # torchvision's num_params
    assert {row["kind"] for row in table["rows"]} > {"conv", "hardswish", "hardsigmoid", "scale", "add"}


def test_a_baseline_beside_a_residual_network(capsys: pytest.CaptureFixture[str]) -> None:
    compared = read(capsys, "compare", "resnet18", "squeezenet1_1", "--image-size", "64", "--json")
    assert isinstance(compared, dict)
    names = [stage["name"] for stage in compared["stages"]]
    assert names[:6] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    assert {"features.3", "classifier"} < set(names)


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [("swin_t", "features.1.0.mlp.0", (384, 16, 16)), ("vit_b_32", "encoder.layers.encoder_layer_2", (768, 2, 2))],
)
def test_maps_of_channels_last_and_of_tokens(tmp_path: Path, name: str, layer: str, shape: tuple[int, ...]) -> None:
    arguments = ("maps", "sample:flower", "--architecture", name, "--set", "image=64", "--layer", layer)
    assert main((*arguments, "--output", str(tmp_path / "maps.npz"))) == 0
    with np.load(tmp_path / "maps.npz") as maps:
        assert maps[layer].shape == shape


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "vit_b_32"])
def test_maps_of_the_last_layer_of_every_part(tmp_path: Path, name: str) -> None:
    arguments = ("maps", "sample:flower", "--architecture", name, "--set", "image=64")
    assert main((*arguments, "--output", str(tmp_path / "maps.png"))) == 0
    assert (tmp_path / "maps.png").stat().st_size > 1000


def test_an_image_that_a_network_refuses_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(("table", "vit_b_16", "--image-size", "230")) == 2
    error = capsys.readouterr().err
    assert "multiple of 16" in error
    assert error.count("\n") == 1


def test_all_baselines_are_verified_on_demand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of them here; all take two minutes."""
    monkeypatch.setattr(baselines, "NAMES", ("squeezenet1_1", "shufflenet_v2_x0_5"))
    assert main(("verify", "--all-baselines")) == 0
    out = capsys.readouterr().out
    assert "4 of 4 values match; measured in" in out
    assert out.count("all digits match") == 2
    rows = read(capsys, "verify", "--all-baselines", "--json")
    assert [row["verdict"] for row in rows] == ["holds"] * 4  # type: ignore[attr-defined]
