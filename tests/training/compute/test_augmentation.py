"""Augmentation compared with all its possible results, and normalization with numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_studio.training.compute.augmentation import Normalizer, augment_batch, crop_flip, resized_crop, shift
from resnet_studio.training.recipe import Augmentation


def noise(count: int, channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.fixture(autouse=True)
def own_random_state() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def crops(image: Tensor, padding: int) -> list[Tensor]:
    """Every crop of the old size of the zero-padded image."""
    padded = torch.zeros(image.shape[0], image.shape[1] + 2 * padding, image.shape[2] + 2 * padding, dtype=torch.uint8)
    padded[:, padding : padding + image.shape[1], padding : padding + image.shape[2]] = image
    positions = [(top, left) for top in range(2 * padding + 1) for left in range(2 * padding + 1)]
    return [padded[:, top : top + image.shape[1], left : left + image.shape[2]] for top, left in positions]


def index_of(one: Tensor, possible: list[Tensor]) -> int:
    found = [number for number, other in enumerate(possible) if torch.equal(one, other)]
    assert len(found) == 1, "an image of noise is exactly one of its possible crops"
    return found[0]


@pytest.mark.parametrize(("side", "pixels"), [(8, 1), (16, 2), (5, 1)])
def test_a_shift_moves_by_up_to_an_eighth(side: int, pixels: int) -> None:
    images = noise(300, 1, side, side)
    shifted = shift(images)
    positions = {index_of(one, crops(image, pixels)) for one, image in zip(shifted, images, strict=True)}
    assert positions == set(range((2 * pixels + 1) ** 2))


def test_crop_flip_is_a_crop_of_the_padded_image_or_its_mirror_image() -> None:
    images = noise(400, 3, 8, 8)
    augmented = crop_flip(images)
    assert (augmented.shape, augmented.dtype) == (images.shape, torch.uint8)
    positions = [
        index_of(one, crops(image, 4) + crops(image.flip(2), 4)) for one, image in zip(augmented, images, strict=True)
    ]  # fmt: skip
    rows, columns = {position % 81 // 9 for position in positions}, {position % 9 for position in positions}
    assert rows == columns == set(range(9))
    assert 150 < sum(position >= 81 for position in positions) < 250


def test_images_need_not_be_square() -> None:
    images = noise(20, 3, 6, 10)
    for one, image in zip(crop_flip(images), images, strict=True):
        index_of(one, crops(image, 4) + crops(image.flip(2), 4))


def test_a_resized_crop_contains_only_its_own_image() -> None:
    """Each image has its own range of values. The crops stay within it and vary."""
    base = torch.arange(8, dtype=torch.uint8)[:, None, None, None] * 30
    images = base + torch.randint(20, (8, 3, 16, 16), dtype=torch.uint8)
    augmented = [resized_crop(images) for _ in range(10)]
    for some in augmented:
        assert (some.shape, some.dtype) == (images.shape, torch.uint8)
        for one, image in zip(some, images, strict=True):
            assert image.amin() <= one.amin()
            assert one.amax() <= image.amax()
    assert len({some.numpy().tobytes() for some in augmented}) == 10


def test_a_resized_crop_covers_at_least_a_quarter_and_is_sometimes_mirrored() -> None:
    ramp = torch.arange(0, 128, 2, dtype=torch.uint8).expand(500, 1, 64, 64).contiguous()
    slopes = resized_crop(ramp).float().diff(dim=3).mean((1, 2, 3))
    across = slopes.abs() / 2  # 1 where the whole width is shown; the width is at least √(¼ / (4/3)) of it
    assert across.min() > (0.25 / (4 / 3)) ** 0.5 - 0.08
    assert across.max() < 1.01
    assert 180 < int((slopes < 0).sum()) < 320


@pytest.mark.parametrize("name", ["shift", "crop-flip", "resized-crop", "scale-crop"])
def test_augmentation_depends_only_on_the_seed(name: Augmentation) -> None:
    images = noise(16, 3, 12, 12)

    def augmented(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return augment_batch(name)(images)

    assert torch.equal(augmented(1), augmented(1))
    assert not torch.equal(augmented(1), augmented(2))


def test_none_changes_nothing() -> None:
    images = noise(4, 1, 8, 8)
    assert torch.equal(augment_batch("none")(images), images)


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 6, 6)], ids=["per channel", "per pixel"])
def test_normalized_values_equal_the_formula(shape: tuple[int, ...]) -> None:
    images, mean, std = noise(5, 3, 6, 6), torch.rand(shape), torch.rand(shape) + 0.1
    values = Normalizer(mean, std)(images)
    expected = (images.numpy().astype(np.float64) / 255 - mean.numpy()) / std.numpy()
    np.testing.assert_allclose(values.numpy(), expected, rtol=2e-6, atol=2e-6)
    assert values.dtype == torch.float32
    assert values.is_contiguous(memory_format=torch.channels_last)
