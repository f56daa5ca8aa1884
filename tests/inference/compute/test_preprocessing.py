"""The network's input against torchvision's own preset, and where it lies in the photograph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.models import ResNet50_Weights
from torchvision.transforms import functional, v2

from crafted import encoded, saved
from resnet_studio.inference.compute.transforms import denormalized, imagenet, preprocess
from resnet_studio.inference.cropping import crop_box
from resnet_studio.inference.images.loader import open_image
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.values import Photograph, Pixels, Preprocessing
from resnet_studio.networks.image_size import as_image_size

PRESET = ResNet50_Weights.IMAGENET1K_V1.transforms


def photograph(width: int, height: int) -> Photograph:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Photograph("noise", pixels, "")


def tensor(of: Photograph) -> Tensor:
    return torch.tensor(of.pixels).permute(2, 0, 1)


def luminance(pixels: Pixels) -> Tensor:
    """ITU-R BT.601, rounded: height × width, 0 … 255. Its weights are whole 65536ths, which sum to 1."""
    red, green, blue = torch.tensor(pixels).long().unbind(2)
    return (19595 * red + 38470 * green + 7471 * blue + 32768) // 65536


@pytest.mark.parametrize("name", ["sample:china", "sample:flower", "sample:digit-7"])
def test_it_equals_torchvisions_preset_bit_for_bit(name: str) -> None:
    image = open_reference(name)
    values = preprocess(image, imagenet(224), 3)
    assert values.shape == (1, 3, 224, 224)
    assert values.dtype == torch.float32
    assert torch.equal(values[0], PRESET()(tensor(image)))


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (224, 224), (256, 256), (255, 257), (300, 100), (97, 1000), (1000, 63), (641, 427), (30, 30)],
)
def test_it_equals_the_preset_at_other_sizes(width: int, height: int) -> None:
    image = photograph(width, height)
    assert torch.equal(preprocess(image, imagenet(224), 3)[0], PRESET()(tensor(image)))


@pytest.mark.parametrize("side", [8, 32, 97, 288])
def test_other_inputs_keep_the_ratio_of_256_to_224(side: int) -> None:
    image, preprocessing = photograph(150, 111), imagenet(side)
    assert preprocessing.crop == side
    assert preprocessing.resize == round(side * 8 / 7)
    expected = PRESET(crop_size=side, resize_size=preprocessing.resize)(tensor(image))
    assert torch.equal(preprocess(image, preprocessing, 3)[0], expected)


def covering_size(image: Tensor, covered: tuple[int, int]) -> list[int]:
    """Height and width to which torchvision resizes an image whose tighter side is to be that of `covered`."""
    height, width = image.shape[-2:]
    tight = 0 if covered[0] / height > covered[1] / width else 1
    shorter = tight == (0 if height < width else 1)
    resize = v2.Resize(covered[tight]) if shorter else v2.Resize(None, max_size=covered[tight])
    return list(resize(image).shape[-2:])


@pytest.mark.parametrize("crop", [(224, 320), (320, 224), (64, 300), (31, 97)])
@pytest.mark.parametrize(("width", "height"), [(640, 427), (427, 640), (300, 300), (97, 400), (400, 63)])
def test_an_input_that_is_not_square_is_a_crop_of_the_image_that_covers_it(
    width: int, height: int, crop: tuple[int, int]
) -> None:
    image, preprocessing = photograph(width, height), imagenet(crop)
    assert preprocessing.crop_size == crop
    assert preprocessing.resize_size == (round(crop[0] * 8 / 7), round(crop[1] * 8 / 7))
    size = covering_size(tensor(image), preprocessing.resize_size)
    cropped = functional.center_crop(functional.resize(tensor(image), size, antialias=True), list(crop))
    scaled = functional.convert_image_dtype(cropped, torch.float32)
    expected = functional.normalize(scaled, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert torch.equal(preprocess(image, preprocessing, 3)[0], expected)


def test_a_run_that_is_not_square_takes_the_largest_part_of_that_shape() -> None:
    """1.5 times as wide as high of a square: the middle two thirds of its rows."""
    image = photograph(300, 300)
    values = preprocess(image, Preprocessing((40, 60), (40, 60), (0.0,) * 3, (1.0,) * 3, middle=True), 3)
    part = Image.fromarray(image.pixels[50:250]).resize((60, 40), Image.Resampling.BILINEAR)
    expected = torch.tensor(np.asarray(part)).permute(2, 0, 1).float()
    assert torch.equal((values[0] * 255).round()[:, 1:-1], expected[:, 1:-1])  # Pillow reads beyond the part


def test_the_rule_of_the_v2_weights_can_be_given() -> None:
    image = open_reference("sample:china")
    v2 = ResNet50_Weights.IMAGENET1K_V2.transforms()
    preprocessing = Preprocessing(232, 224, tuple(v2.mean), tuple(v2.std))
    assert torch.equal(preprocess(image, preprocessing, 3)[0], v2(tensor(image)))


def test_a_crop_larger_than_the_image_is_padded_as_torchvision_does() -> None:
    image = photograph(40, 50)
    preprocessing = Preprocessing(20, 32, (0.5,) * 3, (0.5,) * 3)
    expected = PRESET(crop_size=32, resize_size=20, mean=(0.5,) * 3, std=(0.5,) * 3)(tensor(image))
    assert torch.equal(preprocess(image, preprocessing, 3)[0], expected)


def test_gray_is_the_luminance_with_the_mean_of_the_means() -> None:
    image, preprocessing = open_reference("sample:flower"), imagenet(224)
    expected = luminance(denormalized(preprocess(image, preprocessing, 3), preprocessing))
    values = preprocess(image, preprocessing, 1)
    mean, std = (0.485 + 0.456 + 0.406) / 3, (0.229 + 0.224 + 0.225) / 3
    assert values.shape == (1, 1, 224, 224)
    assert ((values[0, 0] * std + mean) * 255 - expected).abs().max() <= 1e-3


def test_weights_made_for_gray_may_have_one_mean() -> None:
    image = photograph(32, 32)
    values = preprocess(image, Preprocessing(32, 32, (0.25,), (0.5,)), 1)
    assert torch.allclose((values[0] * 0.5 + 0.25) * 255, luminance(image.pixels).float()[None], atol=1e-3)


@pytest.mark.parametrize("side", [16, 8, 23])
def test_gray_pixels_stay_unchanged(side: int) -> None:
    """All 256 levels: a gray network gets the same values in training and inference."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Photograph("levels", np.repeat(levels[:, :, None], 3, axis=2), "")
    one, three = (preprocess(image, Preprocessing(side, side, (0.0,), (1.0,)), channels)[0] for channels in (1, 3))
    assert torch.equal(one, three[:1])
    if side == 16:
        assert torch.equal((one[0] * 255).round().to(torch.uint8), torch.from_numpy(levels))


@pytest.mark.parametrize("color", [(255, 255, 255), (254, 254, 254), (255, 0, 0), (0, 255, 0), (0, 0, 255), (1, 2, 3)])
def test_gray_is_rounded_not_truncated(color: tuple[int, int, int]) -> None:
    image = Photograph("plain", np.full((8, 8, 3), color, np.uint8), "")
    values = preprocess(image, Preprocessing(8, 8, (0.0,), (1.0,)), 1)
    assert (values * 255).unique().tolist() == pytest.approx([round(np.dot((0.299, 0.587, 0.114), color))], abs=1e-4)


@pytest.mark.parametrize("channels", [0, 2, 4, 64])
def test_other_numbers_of_channels_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match=f"an image has 3 channels, or 1 in grayscale; this network takes {channels}"):
        preprocess(photograph(8, 8), imagenet(8), channels)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_denormalized_input_is_exact_to_the_last_level(channels: int) -> None:
    image, preprocessing = open_reference("sample:china"), imagenet(224)
    cropped = functional.center_crop(functional.resize(tensor(image), [256]), [224])
    if channels == 1:
        cropped = luminance(cropped.permute(1, 2, 0).numpy()).to(torch.uint8).expand(3, -1, -1)
    pixels = denormalized(preprocess(image, preprocessing, channels), preprocessing)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, cropped.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(
    ("width", "height"), [(640, 427), (427, 640), (2000, 2000), (100, 100), (3000, 200), (20_000, 300), (90, 4000)]
)
@pytest.mark.parametrize("crop", [(224, 224), (224, 320), (320, 96)])
@pytest.mark.parametrize("middle", [False, True])
def test_the_crop_box_is_where_the_input_was_cut_out(
    width: int, height: int, crop: tuple[int, int], middle: bool
) -> None:
    """In a picture whose red is x and whose green is y, the first and the last pixel show where they come from."""
    pixels = np.zeros((height, width, 3), np.uint8)
    preprocessing = replace(imagenet(as_image_size(crop)), middle=middle)
    left, top, box_width, box_height = crop_box(width, height, preprocessing)
    span = 250 / max(box_width, box_height)  # levels per pixel, so that the box uses most of them
    x, y = np.arange(width) + 0.5 - left, np.arange(height) + 0.5 - top
    pixels[..., 0] = np.clip(np.rint(2 + x * span), 0, 255)
    pixels[..., 1] = np.clip(np.rint(2 + y * span), 0, 255)[:, None]
    view = denormalized(preprocess(Photograph("ramps", pixels, ""), preprocessing, 3), preprocessing).astype(float)
    down, across = ((np.arange(side) + 0.5) / side for side in crop)
    assert np.abs(view[crop[0] // 2, :, 0] - (2 + across * box_width * span)).max() <= 2
    assert np.abs(view[:, crop[1] // 2, 1] - (2 + down * box_height * span)).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(640, 427), (427, 640), (1, 20_000), (8, 8)])
def test_the_crop_box_lies_within_the_photograph(width: int, height: int) -> None:
    left, top, box_width, box_height = crop_box(width, height, imagenet(224))
    assert 0 <= left <= left + box_width <= width
    assert 0 <= top <= top + box_height <= height
    short = min(width, height)
    assert min(box_width, box_height) == pytest.approx(short * 224 / 256, rel=0.01)


@pytest.mark.parametrize(("width", "height"), [(1, 20_000), (20_000, 1), (1, 1), (3, 60_000), (70_000, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_no_shape_is_resized_to_millions_of_pixels(
    width: int, height: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    resize = functional.resize

    def noted(image: Tensor, *arguments: object, **options: object) -> Tensor:
        resized: Tensor = resize(image, *arguments, **options)
        made.append(resized.numel())
        return resized

    monkeypatch.setattr(functional, "resize", noted)
    values = preprocess(photograph(width, height), imagenet(224), channels)
    assert values.shape == (1, channels, 224, 224)
    assert torch.isfinite(values).all()
    assert max(made) <= 256 * 256 * 16


def test_the_center_of_a_very_long_photograph_is_the_input() -> None:
    pixels = np.zeros((4, 8000, 3), np.uint8)
    pixels[:, 3990:4010] = 200
    view = denormalized(preprocess(Photograph("strip", pixels, ""), imagenet(224), 3), imagenet(224))
    assert (view == 200).all()


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_rotated_photograph_gives_the_same_input_as_the_upright_one(orientation: int, tmp_path: Path) -> None:
    """So the network's output is identical."""
    upright = open_reference("sample:china")
    turns = {3: 2, 6: 1, 8: 3}  # quarter turns to the left that the camera saved
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.rot90(upright.pixels, turns[orientation]))
    turned = open_image(saved(tmp_path, encoded(stored, "PNG", exif=exif)))
    assert torch.equal(preprocess(turned, imagenet(224), 3), preprocess(upright, imagenet(224), 3))
