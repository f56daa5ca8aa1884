"""Statistics of channels against numpy's over all activations at once, and dead channels made for the tests."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from resnet_studio.inference.channel_statistics import ChannelStatistics, follows_relu, merged, statistics
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.layer_statistics import layer_statistics_steps
from resnet_studio.inference.compute.prepare import prepare_steps
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish

CIFAR = preset("resnet20-cifar")
SPEC = ForwardSpec("sample:china", CIFAR)
IMAGES = ("sample:china", "sample:flower", *(f"sample:digit-{digit}" for digit in range(4)))


def concatenated(images: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """All activations of a channel in a row: channels × everything."""
    return np.concatenate([one.reshape(len(one), -1) for one in images], axis=1).astype(np.float64)


def assert_equal_statistics(found: ChannelStatistics, images: list[NDArray[np.float32]]) -> None:
    every = concatenated(images)
    finite = np.where(np.isfinite(every), every, np.nan)
    np.testing.assert_array_equal(found.minimum, np.fmin.reduce(finite, axis=1))
    np.testing.assert_array_equal(found.maximum, np.fmax.reduce(finite, axis=1))
    for channel, row in enumerate(finite):
        known = row[~np.isnan(row)]
        assert found.counts[channel] == known.size
        if known.size:
            scale = max(1.0, float(np.abs(known).max()))
            assert found.mean[channel] == pytest.approx(known.mean(), abs=1e-12 * scale, rel=1e-12)
            assert found.variance[channel] == pytest.approx(known.var(), abs=1e-12 * scale**2, rel=1e-9)
        else:
            assert math.isnan(found.mean[channel])
            assert math.isnan(found.variance[channel])
    np.testing.assert_allclose(found.zeros, (every == 0).mean(axis=1), atol=1e-12)
    assert (
        found.active_images.tolist()
        == sum((one != 0).reshape(len(one), -1).any(axis=1).astype(int) for one in images).tolist()
    )


@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=6))
def test_merged_statistics_are_those_of_all_values_at_once(seeds: list[int]) -> None:
    images = []
    for seed in seeds:
        random = np.random.default_rng(seed)
        values = random.normal(random.normal() * 100, random.random() + 0.01, (5, 3, 4)).astype(np.float32)
        values[0] = 0
        values[1] = np.maximum(values[1], 0)
        values[2, 0] = np.nan
        values[3, :, 0] = np.inf
        values[4] = np.nan
        images.append(values)
    total = statistics(images[0])
    for values in images[1:]:
        total = merged(total, statistics(values))
    assert total.images == len(images)
    assert_equal_statistics(total, images)


def test_whole_layer_statistics_are_numpys_over_all_values() -> None:
    values = np.random.default_rng(1).normal(3, 2, (7, 5, 5)).astype(np.float32)
    values[2] = 0
    whole = statistics(values).pooled()
    exact = values.astype(np.float64)
    assert whole.mean[0] == pytest.approx(exact.mean(), rel=1e-12)
    assert whole.std[0] == pytest.approx(exact.std(), rel=1e-12)
    assert (whole.minimum[0], whole.maximum[0]) == (exact.min(), exact.max())
    assert whole.zeros[0] == pytest.approx(1 / 7)


def test_dead_is_never_above_zero_and_constant_never_another_value() -> None:
    values = np.array([[[0, 0]], [[0, 1]], [[-2, -2]], [[-2, -1]]], np.float32)
    assert statistics(values).inactive(after_relu=True).tolist() == [True, False, True, True]
    assert statistics(values).inactive(after_relu=False).tolist() == [True, False, True, False]
    both = merged(statistics(values), statistics(values + 1))
    assert both.inactive(after_relu=True).tolist() == [False, False, True, True]
    assert both.inactive(after_relu=False).tolist() == [False] * 4


@pytest.mark.parametrize("layer", ["layer2.0.relu1", "layer2.0.bn1", "layer3.2", "fc"])
def test_layer_statistics_equal_all_activations_at_once(layer: str) -> None:
    result = finish(layer_statistics_steps(SPEC, IMAGES, layer))
    images = []
    for image in IMAGES:
        ready = finish(prepare_steps(replace(SPEC, image=image)))
        output = capture(ready.network(), ready.images, (layer,)).layers[layer][0].numpy()
        images.append(output.reshape(len(output), -1))
    assert result.statistics is not None
    assert result.statistics.images == len(IMAGES)
    every = concatenated(images)
    size = np.abs(every).max()  # blocks come from a folded network, so they are equal but for rounding
    for found, wanted in (
        (result.statistics.minimum, every.min(1)), (result.statistics.maximum, every.max(1)),
        (result.statistics.mean, every.mean(1)), (result.statistics.std, every.std(1)),
    ):  # fmt: skip
        np.testing.assert_allclose(found, wanted, atol=1e-5 * size)
    if layer == "layer2.0.bn1":  # not from a folded network, so exact
        assert_equal_statistics(result.statistics, [np.ascontiguousarray(one) for one in images])


def test_damaged_images_are_skipped_and_named(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40), (90, 20, 20)).save(tmp_path / "sound.png")
    broken = tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "sound.png").read_bytes()[:40])
    images = (str(broken), str(tmp_path / "sound.png"), str(tmp_path / "gone.png"))
    result = finish(layer_statistics_steps(SPEC, images, "layer1.0"))
    assert result.statistics is not None
    assert result.statistics.images == 1
    assert [one.image for one in result.skipped] == [images[0], images[2]]
    assert "broken.png" in result.skipped[0].cause
    assert finish(layer_statistics_steps(SPEC, images[:1], "layer1.0")).statistics is None


def test_progress_counts_images_and_the_job_can_be_closed_between_them() -> None:
    steps = layer_statistics_steps(SPEC, IMAGES, "layer1.0")
    progress = [step for step in steps if isinstance(step, Progress) and step.of == len(IMAGES)]
    assert sorted({step.done for step in progress}) == list(range(len(IMAGES)))
    ended = layer_statistics_steps(SPEC, IMAGES, "layer1.0")
    next(ended)
    ended.close()


def test_a_network_that_no_image_fits_is_refused_instead_of_skipping_every_image() -> None:
    spec = ForwardSpec("sample:china", replace(CIFAR, channels=5))
    with pytest.raises(ValueError, match="this network takes 5"):
        finish(layer_statistics_steps(spec, IMAGES, "relu"))


def test_a_layer_that_is_not_there_is_an_error_and_no_damaged_image() -> None:
    with pytest.raises(ValueError, match=r"layer9"):
        finish(layer_statistics_steps(SPEC, IMAGES, "layer9"))


@pytest.mark.parametrize(
    ("name", "layer", "after"),
    [
        ("resnet50", "relu", True), ("resnet50", "maxpool", True), ("resnet50", "layer1.0", True),
        ("resnet50", "layer1.0.bn1", False), ("resnet50", "layer1.0.relu1", True), ("resnet50", "layer1.0.add", False),
        ("resnet50", "layer1.0.downsample.1", False), ("resnet50", "avgpool", True), ("resnet50", "fc", False),
        ("vgg19", "features.0", False), ("vgg19", "features.1", True), ("vgg19", "features.4", True),
        ("resnet50", "nowhere", False),
    ],
)  # fmt: skip
def test_which_layers_come_out_of_a_relu(name: str, layer: str, after: bool) -> None:
    assert follows_relu(preset(name), layer) is after
