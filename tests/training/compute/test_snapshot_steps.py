"""The snapshots of a run: at which steps, which layers, and that taking one changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.data import InMemoryImages
from resnet_studio.training.compute.snapshots import (
    FILTER_SIDE,
    SnapshotRecorder,
    first_filters,
    snapshot_layers,
    snapshot_steps,
)
from resnet_studio.training.snapshots import load, save
from small import SHORT, TINY, open_recipe_data


def test_snapshots_are_dense_at_first_then_one_per_epoch() -> None:
    assert sorted(snapshot_steps(110, 11)) == [0, 1, 2, 4, 8, *range(11, 111, 11)]
    assert sorted(snapshot_steps(5, 11)) == [0, 1, 2, 4, 5]
    assert sorted(snapshot_steps(25, 11)) == [0, 1, 2, 4, 8, 11, 22, 25]


@pytest.mark.parametrize(("total", "per_epoch"), [(64_000, 390), (600_000, 5004), (10_000_000, 1), (1, 1)])
def test_a_long_run_has_few_snapshots(total: int, per_epoch: int) -> None:
    steps = snapshot_steps(total, per_epoch)
    assert {0, total} <= steps
    assert len(steps) <= 82
    assert max(steps) == total


def test_snapshots_have_the_last_layer_of_each_stage() -> None:
    assert snapshot_layers(TINY) == ("relu", "layer1.0.relu2", "layer2.0.relu2", "layer3.0.relu2")
    for name in ("resnet50", "plain34", "article18", "resnet56-cifar", "vgg19", "alexnet"):
        architecture = preset(name)
        layers = {layer.name: layer for layer in plan(architecture)}
        names = snapshot_layers(architecture)
        stages = [layers[one].stage for one in names]
        assert len(stages) == len(set(stages)) >= 4
        assert all(layers[one].called for one in names)


@pytest.mark.parametrize("name", ["vgg19", "alexnet", "article18", "resnet18"])
def test_snapshot_layers_have_maps(name: str) -> None:
    """A baseline's classifier also has ReLUs, but on vectors."""
    side = 64 if name == "alexnet" else 56
    architecture = replace(preset(name), classes=10, image=side)
    data = open_recipe_data(SHORT)
    assert isinstance(data.test, InMemoryImages)
    large = InMemoryImages(data.test.pixels[:2].repeat(1, 3, side // 8, side // 8), data.test.labels[:2])
    snapshot = SnapshotRecorder(architecture, replace(data, test=large), data.normalize).record(build(architecture), 0)
    planned = {layer.name: layer.output for layer in plan(architecture)}
    assert snapshot.shapes
    for layer, (channels, height, width) in snapshot.shapes.items():
        assert (channels, height, width) == (min(planned[layer][0], 64), *planned[layer][1:])


def test_taking_a_snapshot_changes_nothing(tmp_path: Path) -> None:
    data, network = open_recipe_data(SHORT), build(TINY).train()
    recorder = SnapshotRecorder(TINY, data, data.normalize)
    before = {name: values.clone() for name, values in network.state_dict().items()}
    state = torch.get_rng_state()
    snapshot = recorder.record(network, 7)
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    save(tmp_path / "probe.npz", snapshot)
    assert load(tmp_path / "probe.npz").step == snapshot.step == 7


def test_the_first_test_image_of_each_class_has_five_predictions() -> None:
    data, network = open_recipe_data(SHORT), build(TINY)
    assert isinstance(data.test, InMemoryImages)
    snapshot = SnapshotRecorder(TINY, data, data.normalize).record(network, 0)
    assert snapshot.truth == tuple("0123456789")
    indices = [int((data.test.labels == label).nonzero()[0]) for label in range(10)]
    for image, place in zip(snapshot.images, indices, strict=True):
        assert np.array_equal(image[:, :, 0], data.test.pixels[place, 0].numpy())
    with torch.no_grad():
        shares = network.eval()(data.normalize(data.test.pixels[indices])).softmax(1)
    for predictions, row in zip(snapshot.top, shares, strict=True):
        expected = row.sort(descending=True)
        assert [name for name, _ in predictions] == [str(int(label)) for label in expected.indices[:5]]
        assert [share for _, share in predictions] == pytest.approx(expected.values[:5].tolist(), rel=1e-4)
    assert snapshot.shapes == {
        "relu": (4, 8, 8), "layer1.0.relu2": (4, 8, 8), "layer2.0.relu2": (8, 4, 4), "layer3.0.relu2": (16, 2, 2),
    }  # fmt: skip
    assert snapshot.layers["layer2.0.relu2"][0].shape == (3 * 5 - 1, 3 * 5 - 1)


def test_large_maps_lose_rows_columns_and_channels() -> None:
    """At 224 pixels ResNet-18's first maps are 112×112; a snapshot stays small."""
    architecture = replace(preset("resnet18"), classes=10)
    data = open_recipe_data(SHORT)
    assert isinstance(data.test, InMemoryImages)
    large = InMemoryImages(data.test.pixels[:3].repeat(1, 3, 28, 28), data.test.labels[:3])
    snapshot = SnapshotRecorder(architecture, replace(data, test=large), data.normalize).record(build(architecture), 0)
    for channels, height, width in snapshot.shapes.values():
        assert channels <= 64
        assert height == width <= 56
    assert sum(one.nbytes for mosaics in snapshot.layers.values() for one in mosaics) / len(snapshot.images) < 1_000_000


def test_a_network_with_nan_weights_has_no_predictions() -> None:
    data, network = open_recipe_data(SHORT), build(TINY)
    with torch.no_grad():
        network.get_parameter("fc.bias").fill_(float("nan"))
    assert SnapshotRecorder(TINY, data, data.normalize).record(network, 0).top == ((),) * 10


def test_filters_are_scaled_to_their_own_range() -> None:
    gray, rgb = build(TINY), build(replace(TINY, channels=3))
    gray_mosaic = first_filters(gray)
    side = 3 * (FILTER_SIDE // 3)
    assert gray_mosaic.shape == (2 * side + 1, 2 * side + 1, 3)
    assert (gray_mosaic[:, :, 0] == gray_mosaic[:, :, 1]).all()
    cell = gray_mosaic[: side : side // 3, : side : side // 3, 0]
    weight = gray.get_parameter("conv1.weight")[0, 0].detach().numpy()
    expected = np.rint(255 * (weight - weight.min()) / (weight.max() - weight.min()))
    np.testing.assert_allclose(cell, expected, atol=1)
    assert (gray_mosaic[side] == 128).all()  # kernels are one gray pixel apart
    assert (gray_mosaic[:, side] == 128).all()
    rgb_mosaic = first_filters(rgb)
    assert (rgb_mosaic[:side, :side].min(), rgb_mosaic[:side, :side].max()) == (0, 255)
    assert not (rgb_mosaic[:, :, 0] == rgb_mosaic[:, :, 1]).all()
