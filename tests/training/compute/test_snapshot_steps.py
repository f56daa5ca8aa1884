"""What a run keeps of its probe images: when, which layers, and that looking changes nothing."""

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
    mosaic_of,
    probe_steps,
    watched_layers,
)
from resnet_studio.training.snapshots import load, save
from small import SHORT, TINY, opened


def test_probes_are_dense_at_first_then_one_an_epoch() -> None:
    assert sorted(probe_steps(110, 11)) == [0, 1, 2, 4, 8, *range(11, 111, 11)]
    assert sorted(probe_steps(5, 11)) == [0, 1, 2, 4, 5]
    assert sorted(probe_steps(25, 11)) == [0, 1, 2, 4, 8, 11, 22, 25]


@pytest.mark.parametrize(("total", "per_epoch"), [(64_000, 390), (600_000, 5004), (10_000_000, 1), (1, 1)])
def test_a_long_run_keeps_few(total: int, per_epoch: int) -> None:
    steps = probe_steps(total, per_epoch)
    assert {0, total} <= steps
    assert len(steps) <= 82
    assert max(steps) == total


def test_the_last_layer_of_each_stage_is_watched() -> None:
    assert watched_layers(TINY) == ("relu", "layer1.0.relu2", "layer2.0.relu2", "layer3.0.relu2")
    for name in ("resnet50", "plain34", "article18", "resnet56-cifar", "vgg19", "alexnet"):
        architecture = preset(name)
        layers = {layer.name: layer for layer in plan(architecture)}
        watched = watched_layers(architecture)
        stages = [layers[one].stage for one in watched]
        assert len(stages) == len(set(stages)) >= 4
        assert all(layers[one].called for one in watched)


@pytest.mark.parametrize("name", ["vgg19", "alexnet", "article18", "resnet18"])
def test_what_is_watched_are_maps(name: str) -> None:
    """A baseline's classifier has ReLUs of vectors, too."""
    side = 64 if name == "alexnet" else 56
    architecture = replace(preset(name), classes=10, image=side)
    data = opened(SHORT)
    assert isinstance(data.test, InMemoryImages)
    large = InMemoryImages(data.test.pixels[:2].repeat(1, 3, side // 8, side // 8), data.test.labels[:2])
    probe = SnapshotRecorder(architecture, replace(data, test=large), data.normalise).take(build(architecture), 0)
    planned = {layer.name: layer.output for layer in plan(architecture)}
    assert probe.shapes
    for layer, (channels, height, width) in probe.shapes.items():
        assert (channels, height, width) == (min(planned[layer][0], 64), *planned[layer][1:])


def test_looking_changes_nothing(tmp_path: Path) -> None:
    data, net = opened(SHORT), build(TINY).train()
    forming = SnapshotRecorder(TINY, data, data.normalise)
    before = {name: values.clone() for name, values in net.state_dict().items()}
    state = torch.get_rng_state()
    probe = forming.take(net, 7)
    assert all(torch.equal(values, before[name]) for name, values in net.state_dict().items())
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)
    save(tmp_path / "probe.npz", probe)
    assert load(tmp_path / "probe.npz").step == probe.step == 7


def test_the_first_test_image_of_each_class_is_shown_with_five_guesses() -> None:
    data, net = opened(SHORT), build(TINY)
    assert isinstance(data.test, InMemoryImages)
    probe = SnapshotRecorder(TINY, data, data.normalise).take(net, 0)
    assert probe.truth == tuple("0123456789")
    places = [int((data.test.labels == label).nonzero()[0]) for label in range(10)]
    for image, place in zip(probe.images, places, strict=True):
        assert np.array_equal(image[:, :, 0], data.test.pixels[place, 0].numpy())
    with torch.no_grad():
        shares = net.eval()(data.normalise(data.test.pixels[places])).softmax(1)
    for guesses, row in zip(probe.top, shares, strict=True):
        expected = row.sort(descending=True)
        assert [name for name, _ in guesses] == [str(int(label)) for label in expected.indices[:5]]
        assert [share for _, share in guesses] == pytest.approx(expected.values[:5].tolist(), rel=1e-4)
    assert probe.shapes == {
        "relu": (4, 8, 8), "layer1.0.relu2": (4, 8, 8), "layer2.0.relu2": (8, 4, 4), "layer3.0.relu2": (16, 2, 2),
    }  # fmt: skip
    assert probe.layers["layer2.0.relu2"][0].shape == (3 * 5 - 1, 3 * 5 - 1)


def test_large_maps_lose_rows_columns_and_channels() -> None:
    """At 224 pixels ResNet-18's first maps are 112×112; what is kept stays small."""
    architecture = replace(preset("resnet18"), classes=10)
    data = opened(SHORT)
    assert isinstance(data.test, InMemoryImages)
    large = InMemoryImages(data.test.pixels[:3].repeat(1, 3, 28, 28), data.test.labels[:3])
    probe = SnapshotRecorder(architecture, replace(data, test=large), data.normalise).take(build(architecture), 0)
    for channels, height, width in probe.shapes.values():
        assert channels <= 64
        assert height == width <= 56
    assert sum(one.nbytes for mosaics in probe.layers.values() for one in mosaics) / len(probe.images) < 1_000_000


def test_a_network_that_broke_has_no_guesses() -> None:
    data, net = opened(SHORT), build(TINY)
    with torch.no_grad():
        net.get_parameter("fc.bias").fill_(float("nan"))
    assert SnapshotRecorder(TINY, data, data.normalise).take(net, 0).top == ((),) * 10


def test_filters_are_spread_over_their_own_range() -> None:
    grey, colour = build(TINY), build(replace(TINY, channels=3))
    picture = first_filters(grey)
    side = 3 * (FILTER_SIDE // 3)
    assert picture.shape == (2 * side + 1, 2 * side + 1, 3)
    assert (picture[:, :, 0] == picture[:, :, 1]).all()
    cell = picture[: side : side // 3, : side : side // 3, 0]
    weight = grey.get_parameter("conv1.weight")[0, 0].detach().numpy()
    expected = np.rint(255 * (weight - weight.min()) / (weight.max() - weight.min()))
    np.testing.assert_allclose(cell, expected, atol=1)
    in_colour = first_filters(colour)
    assert (in_colour[:side, :side].min(), in_colour[:side, :side].max()) == (0, 255)
    assert not (in_colour[:, :, 0] == in_colour[:, :, 1]).all()


def test_cells_lie_side_by_side_one_grey_pixel_apart() -> None:
    cells = np.arange(1, 6, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 3), np.uint8)
    grid = mosaic_of(cells)
    assert grid.shape == (2 * 3 - 1, 3 * 4 - 1)
    assert grid[0].tolist() == [1, 1, 1, 128, 2, 2, 2, 128, 3, 3, 3]
    assert grid[2].tolist() == [128] * 11
    assert grid[4].tolist() == [4, 4, 4, 128, 5, 5, 5, 128, 128, 128, 128]
