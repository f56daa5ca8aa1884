"""Image transforms against arithmetic written out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.transforms import functional

from resnet_studio.inference import cropping
from resnet_studio.inference.compute.transforms import (
    adjusted,
    denormalized,
    framed,
    imagenet,
    noisy,
    occluded,
    preprocess,
)
from resnet_studio.inference.cropping import crop_box, frame
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Photograph, Preprocessing

PREPROCESSING, WIDE, TALL = imagenet(64), imagenet((64, 96)), imagenet((64, 36))
SIDE = 64


def ramp(width: int = 300, height: int = 200) -> Photograph:
    """Red grows with x, green with y, by one level a pixel or less: a pixel's color gives its position."""
    x, y = np.meshgrid(np.arange(width) * 255 / width, np.arange(height) * 255 / height)
    return Photograph("ramp", np.stack([x, y, 0 * x], axis=2).round().astype(np.uint8), "00")


def where(pixel: torch.Tensor, width: int = 300, height: int = 200) -> tuple[float, float]:
    """The place on the ramp that a pixel's color stands for: the center of the photograph's pixel."""
    return float(pixel[0]) * width / 255 + 0.5, float(pixel[1]) * height / 255 + 0.5


@given(
    x=st.floats(-0.2, 0.2), y=st.floats(-0.05, 0.05), zoom=st.floats(1.2, 4), rotation=st.floats(-180, 180),
)  # fmt: skip
@pytest.mark.parametrize("preprocessing", [PREPROCESSING, WIDE, TALL], ids=["square", "wide", "tall"])
def test_every_pixel_comes_from_where_the_frame_says(
    preprocessing: Preprocessing, x: float, y: float, zoom: float, rotation: float
) -> None:
    transforms = ImageTransforms(x=x, y=y, zoom=zoom * 1.5, rotation=rotation)
    picture, crop_frame = framed(ramp(), preprocessing, transforms), frame(300, 200, preprocessing, transforms)
    height, width = preprocessing.crop_size
    assert picture.shape == (3, height, width)
    for row, column in ((10, 10), (10, width - 14), (32, width // 2), (50, 20)):
        wanted = crop_frame.at((column + 0.5) / width, (row + 0.5) / height)
        assert where(picture[:, row, column]) == pytest.approx(wanted, abs=3.0)


def test_zooming_twice_shows_the_center_of_the_crop() -> None:
    china = open_reference("sample:china")
    once, twice = (framed(china, imagenet(128), ImageTransforms(zoom=zoom, x=0.001)).float() for zoom in (1, 2))
    inner = functional.resize(functional.center_crop(once, [64]), [128], antialias=True)
    assert (functional.resize(twice, [64], antialias=True) - functional.center_crop(once, [64])).abs().mean() < 6
    assert (twice - inner).abs().mean() < 14  # the photograph itself has more detail


def test_beyond_the_photograph_it_is_gray() -> None:
    picture = framed(ramp(), PREPROCESSING, ImageTransforms(x=4))
    assert (picture == 128).all()
    small = framed(ramp(), PREPROCESSING, ImageTransforms(zoom=0.25))
    assert (small[:, :16] == 128).all()
    assert (small[:, 32, 32] != 128).any()


def test_untouched_frames_are_torchvisions_own(request: pytest.FixtureRequest) -> None:
    photograph = ramp()
    pixels = torch.tensor(photograph.pixels).permute(2, 0, 1)
    theirs = functional.center_crop(
        functional.resize(pixels, [PREPROCESSING.resize], antialias=True), [PREPROCESSING.crop]
    )
    theirs = functional.normalize(theirs / 255, list(PREPROCESSING.mean), list(PREPROCESSING.std))[None]
    assert torch.equal(preprocess(photograph, PREPROCESSING, 3), theirs)
    assert torch.equal(preprocess(photograph, PREPROCESSING, 3, IDENTITY), theirs)


def test_the_way_back_through_a_flip() -> None:
    ours = preprocess(ramp(), PREPROCESSING, 3, ImageTransforms(flipped=True))
    assert torch.equal(ours.flip(3), preprocess(ramp(), PREPROCESSING, 3))
    crop_frame = frame(300, 200, PREPROCESSING, ImageTransforms(flipped=True))
    assert crop_frame.at(0, 0) == frame(300, 200, PREPROCESSING).at(1, 0)


def test_brightness_and_contrast_match_their_formulas() -> None:
    image = torch.rand(3, 8, 8)
    assert torch.allclose(adjusted(image, ImageTransforms(brightness=1.5)), (1.5 * image).clamp(0, 1))
    mean = functional.rgb_to_grayscale(image).mean()
    assert torch.allclose(adjusted(image, ImageTransforms(contrast=0.25)), mean + 0.25 * (image - mean), atol=1e-6)


def test_blur_keeps_the_mean_of_a_point_and_has_its_deviation() -> None:
    point = torch.zeros(1, 41, 41)
    point[0, 20, 20] = 1
    blurred = adjusted(point, ImageTransforms(blur=2))[0]
    assert float(blurred.sum()) == pytest.approx(1, abs=1e-5)
    away = torch.arange(41) - 20
    assert math.sqrt(float((blurred.sum(0) * away**2).sum())) == pytest.approx(2, rel=0.03)
    assert adjusted(torch.rand(3, 4, 4), ImageTransforms(blur=16)).shape == (3, 4, 4)  # wider than the image


def test_noise_has_its_deviation_and_is_always_the_same() -> None:
    gray = torch.full((3, 100, 100), 0.5)
    one, other = noisy(gray, 0.1), noisy(gray, 0.1)
    assert torch.equal(one, other)
    assert float((one - 0.5).std()) == pytest.approx(0.1, rel=0.02)
    assert noisy(gray, 1).min() == 0


def test_an_occluder_is_the_mean_color_and_leaves_the_rest() -> None:
    values = preprocess(ramp(), PREPROCESSING, 3)[0]
    square = occluded(values, Occluder(0.5, 0.25, 0.25))
    assert (square[:, 8:24, 24:40] == 0).all()
    square[:, 8:24, 24:40] = values[:, 8:24, 24:40]
    assert torch.equal(square, values)
    assert (occluded(values, Occluder(0, 0, 1))[:, :32, :32] == 0).all()  # cut off at the edge
    assert occluded(values, None) is values


@pytest.mark.parametrize(("preprocessing", "side"), [(WIDE, 16), (TALL, 12)])
def test_an_occluder_is_a_square_of_the_shorter_side(preprocessing: Preprocessing, side: int) -> None:
    """A quarter of 64 or a third of 36 pixels, whose center is in the middle of the width and a quarter down."""
    values, (height, width) = preprocess(ramp(), preprocessing, 3)[0], preprocessing.crop_size
    covered = occluded(values, Occluder(0.5, 0.25, side / min(height, width))) == 0
    rows, columns = (slice(center - side // 2, center + side // 2) for center in (height // 4, width // 2))
    assert covered[:, rows, columns].all()
    assert covered.sum() - (values == 0).sum() <= 3 * side * side


def test_gray_networks_get_the_transforms_too() -> None:
    transforms = ImageTransforms(zoom=2, brightness=0.5, occluder=Occluder())
    one = preprocess(ramp(), PREPROCESSING, 1, transforms)
    assert one.shape == (1, 1, SIDE, SIDE)
    assert (one[:, :, 28:36, 28:36] == 0).all()


def test_pure_functions_leave_their_image_alone() -> None:
    image = torch.rand(3, 8, 8)
    before = image.clone()
    adjusted(image, ImageTransforms(flipped=True, brightness=2, contrast=2, blur=1, noise=0.5))
    occluded(image, Occluder())
    assert torch.equal(image, before)


def test_the_input_is_converted_back_to_its_pixels() -> None:
    transforms = ImageTransforms(x=0.2, zoom=2, rotation=30)
    pixels = denormalized(preprocess(ramp(), PREPROCESSING, 3, transforms), PREPROCESSING)
    assert np.abs(pixels.astype(int) - framed(ramp(), PREPROCESSING, transforms).permute(1, 2, 0).numpy()).max() <= 1


def test_the_frame_moves_by_crops_and_within_its_range() -> None:
    left, _, width, _ = crop_box(300, 200, PREPROCESSING)
    shifted = cropping.moved(IDENTITY, 0.5, 0)
    assert frame(300, 200, PREPROCESSING, shifted).corners[0][0] == pytest.approx(left + width / 2)
    assert cropping.moved(IDENTITY, 99, -99) == replace(IDENTITY, x=4.0, y=-4.0)
    assert cropping.zoomed(IDENTITY, 1000).zoom == 16
