"""The command line with inputs that are not square, and with networks that no photograph fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resnet_studio.training.runs import run_folder
from small import make_class_folders

Run = Callable[..., tuple[int, str, str]]
WIDE = ("--architecture", "resnet20-cifar", "--set", "image=24x40")


@pytest.mark.parametrize("option", [("--image-size", "64x96"), ("--image-size", "64×96"), ("--set", "image=64x96")])
def test_a_table_of_a_height_and_a_width(run: Run, option: tuple[str, str]) -> None:
    code, out, err = run("table", "resnet18", *option, "--format", "json")
    assert (code, err) == (0, "")
    table = json.loads(out)
    assert table["architecture"]["image"] == [64, 96]
    conv1 = next(layer for layer in table["rows"] if layer["name"] == "conv1")
    assert conv1["output"] == [64, 32, 48]
    assert table["input"] == [1, 3, 64, 96]
    assert conv1["macs"] == 3 * 7 * 7 * 64 * 32 * 48


def test_networks_of_two_sizes_are_compared(run: Run, tmp_path: Path) -> None:
    (tmp_path / "wide.json").write_text('{"block": "basic", "blocks": [2, 2, 2, 2], "image": [64, 96]}')
    code, out, err = run("compare", "resnet18", tmp_path / "wide.json")
    assert (code, err) == (0, "")
    assert "resnet18 at 64×96" in out


def test_maps_have_the_shape_of_the_input(run: Run, tmp_path: Path) -> None:
    png, npz = tmp_path / "a.png", tmp_path / "a.npz"
    layers = ("--layer", "relu", "--layer", "layer3.2")
    code, out, err = run("maps", "sample:china", *WIDE, *layers, "--output", png, "--raw", npz, "--json")
    assert (code, err) == (0, "")
    with np.load(npz) as values:
        assert (values["relu"].shape, values["layer3.2"].shape) == ((16, 24, 40), (64, 6, 10))
    assert json.loads(out)["stamp"]["architecture"]["image"] == [24, 40]
    code, _, err = run("maps", "sample:china", *WIDE, *layers, "--output", tmp_path / "a.svg")
    assert (code, err) == (0, "")
    assert "16 channels of 24×40" in (tmp_path / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", ["grad-cam", "occlusion"])
def test_an_attribution_has_the_shape_of_the_input(run: Run, tmp_path: Path, method: str) -> None:
    code, _, err = run("maps", "sample:china", *WIDE, "--attribution", method, "--output", tmp_path / "a.png")
    assert (code, err) == (0, "")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > image.height


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_a_photograph_does_not_fit_a_network_of_other_channels(run: Run, tmp_path: Path, channels: int) -> None:
    network = ("--architecture", "resnet20-cifar", "--set", f"channels={channels}")
    code, _, err = run("maps", "sample:china", *network, "--output", tmp_path / "a.png")
    assert code == 2
    assert len(err.splitlines()) == 1
    assert f"this network takes {channels}" in err
    code, _, err = run("table", "resnet20-cifar", "--set", f"channels={channels}")
    assert (code, err) == (0, "")


def test_a_training_on_images_that_are_not_square(run: Run, tmp_path: Path) -> None:
    folder = make_class_folders(tmp_path / "animals", {"cat": 8, "dog": 8})
    network = ("resnet20-cifar", "--set", "width=4", "--set", "blocks=1,1", "--set", "image=12x20")
    options = ("--epochs", "1", "--change", "batch_size=4", "--threads", "1", "--runs", tmp_path / "runs")
    code, _, err = run("train", *network, "--data", folder, *options, "--name", "wide", "--json")
    assert (code, err) == (0, "")
    assert run_folder.read_manifest(tmp_path / "runs" / "wide").architecture.image_size == (12, 20)
    code, out, err = run("data", folder, "--image-size", "12x20", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["size"] == [3, 12, 20]
