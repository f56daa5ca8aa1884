"""The weights of a layer, compared with the file that they come from, and how they are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from architectures import OWN_PRESETS
from resnet_studio.inference.compute import kernels as kernel_steps
from resnet_studio.inference.compute import prepare
from resnet_studio.inference.compute.kernels import kernels_steps
from resnet_studio.inference.feature_maps import LOWEST, NAN
from resnet_studio.inference.kernels import (
    Kernels,
    matrix_tiles,
    rgb_filters,
    tile_indices,
    tiles_of_filter,
    tiles_of_input,
    weight_layer,
)
from resnet_studio.inference.values import Preprocessing, RandomWeights, WeightsFile, WeightsInfo
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import blocks, plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

TINY = replace(preset("resnet20-cifar"), blocks=(1, 1), width=8, classes=5, shortcut="B")
INFO = WeightsInfo("file.pth", True, Preprocessing(32, 32, (0.5,) * 3, (0.2,) * 3), ("class 0",))


@pytest.fixture(autouse=True)
def empty_caches():
    yield
    prepare.clear_caches()


def make_kernels(values: np.ndarray, *, linear: bool = False) -> Kernels:
    flat = values.reshape(len(values), -1).astype(np.float64)
    return Kernels(
        TINY, RandomWeights(), "conv1", linear, values.astype(np.float32), values.shape[1], 1,
        np.sqrt((flat**2).sum(1)), flat.mean(1), flat.std(1), INFO,
    )  # fmt: skip


def test_weights_are_those_of_the_file_bit_for_bit(tmp_path: Path) -> None:
    state = build(TINY, seed=5).state_dict()
    torch.save(state, tmp_path / "five.pth")
    source = WeightsFile(tmp_path / "five.pth")
    checked = 0
    for layer in plan(TINY):
        if layer.kind not in ("conv", "linear"):
            continue
        kernels = finish(kernels_steps(TINY, source, layer.name))
        weight = state[f"{layer.name}.weight"].numpy()
        assert kernels.values.tobytes() == weight.tobytes()
        assert kernels.values.shape == (weight.shape if weight.ndim == 4 else (*weight.shape, 1, 1))
        assert (kernels.is_linear, kernels.in_channels, kernels.input_step) == (
            layer.kind == "linear",
            weight.shape[1],
            1,
        )
        flat = weight.reshape(len(weight), -1).astype(np.float64)
        np.testing.assert_allclose(kernels.norms, np.sqrt((flat**2).sum(axis=1)), rtol=1e-12)
        np.testing.assert_allclose(kernels.means, flat.mean(axis=1), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(kernels.stds, flat.std(axis=1), rtol=1e-12)
        assert kernels.weights.source == "five.pth"
        checked += 1
    assert checked == 7  # conv1, two a block, one projection, fc


def test_random_weights_are_those_of_the_seed() -> None:
    kernels = finish(kernels_steps(TINY, RandomWeights(3), "layer1.0.conv2"))
    np.testing.assert_array_equal(kernels.values, build(TINY, seed=3).state_dict()["layer1.0.conv2.weight"].numpy())
    assert not kernels.weights.trained


def test_a_very_large_layer_skips_input_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_steps, "MAX_WEIGHTS", 100)
    weight = build(TINY, seed=0).state_dict()["layer1.0.conv1.weight"].numpy()
    kernels = finish(kernels_steps(TINY, RandomWeights(), "layer1.0.conv1"))
    assert (kernels.input_step, kernels.in_channels) == (6, 8)  # 576 weights
    np.testing.assert_array_equal(kernels.values, weight[:, ::6])
    np.testing.assert_allclose(kernels.norms, np.linalg.norm(weight.reshape(8, -1).astype(np.float64), axis=1))


def test_a_layer_without_kernels_is_refused() -> None:
    with pytest.raises(ValueError, match="bn1 has no kernels"):
        finish(kernels_steps(TINY, RandomWeights(), "bn1"))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("conv1", "conv1"), ("bn1", "conv1"), ("relu", "conv1"), ("maxpool", "conv1"),
        ("layer2.0.conv2", "layer2.0.conv2"), ("layer2.0.relu2", "layer2.0.conv2"), ("layer2.0.add", "layer2.0.conv3"),
        ("layer2.0", "layer2.0.conv3"), ("layer2.0.downsample.1", "layer2.0.downsample.0"),
        ("avgpool", "layer4.2.conv3"), ("fc", "fc"), ("nowhere", ""),
    ],
)  # fmt: skip
def test_which_layers_weights_are_shown(layer: str, expected: str) -> None:
    assert weight_layer(preset("resnet50"), layer) == expected


def test_every_layer_of_every_preset_has_weights_to_show() -> None:
    for architecture in map(preset, OWN_PRESETS):
        layers = {layer.name: layer for layer in plan(architecture) if layer.called}
        for name in layers:
            assert layers[weight_layer(architecture, name)].kind in ("conv", "linear")
        if hasattr(architecture, "blocks"):
            assert all(weight_layer(architecture, block.name).startswith(block.name) for block in blocks(architecture))


def test_zero_is_gray_in_rgb_filters() -> None:
    values = np.zeros((2, 3, 2, 2))
    values[0, 0, 0, 0], values[0, 2, 1, 1] = 2, -2
    values[1, 1, 0, 1] = 1
    image = rgb_filters(make_kernels(values), per_tile=True)
    assert image.shape == (2, 2, 2, 3)
    assert image[0, 0, 0].tolist() == [255, 128, 128]
    assert image[0, 1, 1].tolist() == [128, 128, 0]
    assert image[1, 0, 1].tolist() == [128, 255, 128]
    assert rgb_filters(make_kernels(values), per_tile=False)[1, 0, 1].tolist() == [
        128,
        191,
        128,
    ]  # half the layer's largest weight


def test_zero_is_in_the_middle_of_the_colormap() -> None:
    middle, values = (255 + LOWEST) / 2, np.array([[-1, 0, 1], [-0.5, 0, 0.25]], np.float32).reshape(2, 3, 1, 1)
    kernels = make_kernels(values, linear=True)
    layer, per_tile = (
        tile_indices(kernels, matrix_tiles(kernels), per_tile=single).reshape(2, 3) for single in (False, True)
    )
    assert layer[0].tolist() == [LOWEST, pytest.approx(middle, abs=1), 255]
    assert layer[1].tolist() == pytest.approx([middle - 63, middle, middle + 32], abs=1)
    assert per_tile[1].tolist() == pytest.approx([LOWEST, middle, middle + 63], abs=1)
    zeros = make_kernels(np.zeros((2, 4, 3, 3)))
    assert np.ptp(tile_indices(zeros, tiles_of_input(zeros, 0), per_tile=False)) == 0


def test_nan_is_drawn_as_such() -> None:
    values = np.ones((2, 4, 3, 3))
    values[1, 2, 0, 0] = np.nan
    kernels = make_kernels(values)
    assert kernels.max_abs == 1
    assert tile_indices(kernels, tiles_of_filter(kernels, 1), per_tile=False)[2, 0, 0] == NAN


def test_tiles_are_slices_of_the_filters() -> None:
    kernels = make_kernels(np.random.default_rng(0).normal(size=(5, 4, 3, 3)))
    np.testing.assert_array_equal(tiles_of_input(kernels, 2)[4], kernels.values[4, 2])
    np.testing.assert_array_equal(tiles_of_filter(kernels, 4)[2], kernels.values[4, 2])
