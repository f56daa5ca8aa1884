"""From a photograph to a network's input: the preprocessing of its weights and the user's image transforms.

Pure functions of an image and its parameters, by torchvision and Pillow where they have one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import fmean

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import InterpolationMode, functional

from resnet_studio.inference import cropping
from resnet_studio.inference.cropping import frame
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms, Occluder
from resnet_studio.inference.values import Photograph, Pixels, Preprocessing
from resnet_studio.networks.image_size import ImageSize, scaled
from resnet_studio.networks.layers import Shape

FILL = 128
"""Gray level outside the photograph, 0 … 255."""
REDUCING_GAP = 2.0
"""Pillow's `reducing_gap`: a large part is first reduced by a whole factor, which makes no visible difference."""
NOISE_SEED = 0


def framed(photograph: Photograph, preprocessing: Preprocessing, transforms: ImageTransforms) -> Tensor:
    """The framed part of a photograph, 3 × height × width, 8 bits: resized with antialiasing, then rotated."""
    box, crop = frame(*_size(photograph), preprocessing, transforms), preprocessing.crop_size
    height, width = _rotated_size(crop, math.radians(transforms.rotation))
    across, down = box.width / crop[1], box.height / crop[0]
    left, top = box.x - across * width / 2, box.y - down * height / 2
    picture = _resized(photograph, (left, top, left + across * width, top + down * height), (height, width))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)
    if transforms.rotation:
        gray = [FILL] * 3
        pixels = functional.rotate(pixels, transforms.rotation, InterpolationMode.BILINEAR, fill=gray)
    cropped: Tensor = functional.center_crop(pixels, list(crop))
    return cropped


def _rotated_size(crop: tuple[int, int], angle: float) -> tuple[int, int]:
    """Height and width of a part that has the whole crop in its middle, also when rotated by an angle in radians."""
    cosine, sine = abs(math.cos(angle)), abs(math.sin(angle))
    height, width = (max(crop[at], math.ceil(crop[at] * cosine + crop[1 - at] * sine)) for at in (0, 1))
    return height + (height - crop[0]) % 2, width + (width - crop[1]) % 2  # the crop starts at a whole pixel


def adjusted(image: Tensor, transforms: ImageTransforms) -> Tensor:
    """Apply flip, brightness, contrast, blur and noise, in this order: C × H × W, 0 … 1, in and out."""
    if transforms.flipped:
        image = functional.hflip(image)
    if transforms.brightness != 1:
        image = functional.adjust_brightness(image, transforms.brightness)
    if transforms.contrast != 1:
        image = functional.adjust_contrast(image, transforms.contrast)
    if transforms.blur:
        image = blurred(image, transforms.blur)
    return noisy(image, transforms.noise) if transforms.noise else image


def blurred(image: Tensor, std: float) -> Tensor:
    """Gaussian blur with reflected edges; `std` is its standard deviation in pixels."""
    radius = min(math.ceil(3 * std), min(image.shape[1:]) - 1)
    result: Tensor = functional.gaussian_blur(image, [2 * radius + 1] * 2, [std] * 2)
    return result


def noisy(image: Tensor, std: float) -> Tensor:
    """Add Gaussian noise, always the same for an image of that size."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    return (image + std * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def occluded(values: Tensor, occluder: Occluder | None) -> Tensor:
    """A normalized input with zeros, the mean color, under the square: C × H × W."""
    if occluder is None:
        return values
    height, width = values.shape[1:]
    half = min(height, width) * occluder.side / 2
    left, right = (round(width * occluder.x + sign * half) for sign in (-1, 1))
    top, bottom = (round(height * occluder.y + sign * half) for sign in (-1, 1))
    values = values.clone()
    values[:, max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 0
    return values


def _resized(photograph: Photograph, box: tuple[float, float, float, float], size: tuple[int, int]) -> Pixels:
    """A box of the photograph in that height and width; gray where it reaches beyond the photograph."""
    image = _as_image(photograph)
    left, top, right, bottom = box
    inside = max(0.0, left), max(0.0, top), min(float(image.width), right), min(float(image.height), bottom)
    canvas = np.full((*size, 3), FILL, np.uint8)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return canvas
    x, end = (round((edge - left) / (right - left) * size[1]) for edge in inside[0::2])
    y, low = (round((edge - top) / (bottom - top) * size[0]) for edge in inside[1::2])
    if x < end and y < low:
        part = image.resize((end - x, low - y), Image.Resampling.BILINEAR, inside, REDUCING_GAP)
        canvas[y:low, x:end] = np.asarray(part)
    return canvas


@lru_cache(maxsize=1)
def _as_image(photograph: Photograph) -> Image.Image:
    return Image.fromarray(photograph.pixels)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet(image: ImageSize) -> Preprocessing:
    """For an input of that size: the rule of torchvision's V1 weights, 256 to 224, scaled."""
    return Preprocessing(scaled(image, 256, 224), image, IMAGENET_MEAN, IMAGENET_STD)


def preprocess(
    photograph: Photograph, preprocessing: Preprocessing, channels: int, transforms: ImageTransforms = IDENTITY
) -> Tensor:
    """The network's input: 1 × channels × height × width, float32, on the CPU. `channels` is 3, or 1 for gray.

    With no transforms it equals torchvision's preset for photographs up to 16 times as long as wide (at crop 224).
    """
    mean, std = _statistics(preprocessing, channels)
    pixels = (
        framed(photograph, preprocessing, transforms)
        if transforms.moves_crop
        else _center_crop(photograph, preprocessing)
    )
    if channels == 1:
        pixels = grayscale(pixels)
    scaled = adjusted(functional.convert_image_dtype(pixels, torch.float32), transforms)
    return occluded((scaled - mean) / std, transforms.occluder).unsqueeze(0)


def check_channels(channels: int) -> None:
    """`ValueError` if a network takes another number of channels than an image can have."""
    if channels not in (1, 3):
        raise ValueError(
            f"an image has 3 channels, or 1 in grayscale; this network takes {channels}. Set channels to 3"
        )


def grayscale(pixels: Tensor) -> Tensor:
    """The luminance of 3 × H × W pixels by Pillow, which rounds it and leaves gray unchanged: 1 × H × W, 8 bits.

    (torchvision truncates it instead, and its weights sum to 0.9999: white becomes 254.)
    """
    image = Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))
    return torch.from_numpy(np.array(image.convert("L")))[None]


def center_part(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The largest centered part of an image with the aspect ratio of a height and width, resized to them: what training
    does with image files."""
    return ImageOps.fit(image, size[::-1], Image.Resampling.BILINEAR)


def resized_mean_image(mean_image: bytes, shape: Shape, size: tuple[int, int]) -> bytes:
    """A mean image (float32 bytes of that shape) resized to a height and width; an empty one stays empty."""
    if not mean_image or shape[1:] == size:
        return mean_image
    numbers = torch.from_numpy(np.frombuffer(mean_image, np.dtype("<f4")).astype(np.float32))
    new = torch.nn.functional.interpolate(numbers.view(1, *shape), size, mode="bilinear")
    return new.numpy().astype("<f4").tobytes()


def _center_crop(photograph: Photograph, preprocessing: Preprocessing) -> Tensor:
    """The center of the resized photograph, or its resized center: 3 × height × width, 8 bits."""
    if preprocessing.middle:
        fitted = center_part(Image.fromarray(photograph.pixels), preprocessing.crop_size)
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)
    left, top, width, height = cropping.resized_part(*_size(photograph), preprocessing.resize)
    part = torch.tensor(photograph.pixels[top : top + height, left : left + width]).permute(2, 0, 1)
    size = list(cropping.resized_size(width, height, preprocessing.resize))
    # One channel at a time gives the same numbers as all at once, and needs a third of the memory.
    resized = torch.cat([functional.resize(channel, size, antialias=True) for channel in part.unsqueeze(1).unbind()])
    cropped: Tensor = functional.center_crop(resized, list(preprocessing.crop_size))
    return cropped


def denormalized(values: Tensor, preprocessing: Preprocessing) -> Pixels:
    """A network's input, 1 × 1 or 3 × height × width, converted back to RGB pixels."""
    mean, std = _statistics(preprocessing, values.shape[1])
    pixels = (values[0].detach().float().cpu() * std + mean).mul(255).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.expand(3, -1, -1).permute(1, 2, 0).numpy())


def _size(photograph: Photograph) -> tuple[int, int]:
    height, width = photograph.pixels.shape[:2]
    return width, height


def _statistics(preprocessing: Preprocessing, channels: int) -> tuple[Tensor, Tensor]:
    """Mean (per channel or pixel) and std, C × 1 × 1 or C × H × W; for one channel averaged over the three."""
    check_channels(channels)
    mean, std = _for_channels(preprocessing.mean, channels), _for_channels(preprocessing.std, channels)
    if preprocessing.mean_image:
        numbers = np.frombuffer(preprocessing.mean_image, np.dtype("<f4")).astype(np.float32)
        mean = torch.from_numpy(numbers).view(channels, *preprocessing.crop_size)
    return mean, std


def _for_channels(values: tuple[float, ...], channels: int) -> Tensor:
    return torch.tensor(values if len(values) == channels else [fmean(values)] * channels).view(-1, 1, 1)
