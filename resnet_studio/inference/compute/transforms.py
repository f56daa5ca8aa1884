"""The handles as pure functions of an image and their parameters, torchvision's and Pillow's where they have one."""

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

BEYOND = 128
"""Grey of what lies beyond the photograph, 0 … 255."""
GAP = 2.0
"""Pillow's `reducing_gap`: a large part is first made smaller by whole numbers, which the eye can't see."""
NOISE_SEED = 0


def framed(photograph: Photograph, preprocessing: Preprocessing, handles: ImageTransforms) -> Tensor:
    """The framed part of a photograph, 3 × crop × crop, 8 bits: resized with antialiasing, then turned."""
    height, width = photograph.pixels.shape[:2]
    part, crop = frame(width, height, preprocessing, handles), preprocessing.crop
    angle = math.radians(handles.rotation)
    around = abs(math.cos(angle)) + abs(math.sin(angle))  # so that the turned corners are there
    side = math.ceil(crop * around)
    side += (side - crop) % 2  # what is cut out of the middle begins at a whole pixel
    across, down = part.width / crop, part.height / crop
    left, top = part.x - across * side / 2, part.y - down * side / 2
    picture = _resized(photograph, (left, top, left + across * side, top + down * side), side)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)
    if handles.rotation:
        grey = [BEYOND] * 3
        pixels = functional.rotate(pixels, handles.rotation, InterpolationMode.BILINEAR, fill=grey)
    cut: Tensor = functional.center_crop(pixels, [crop])
    return cut


def adjusted(image: Tensor, handles: ImageTransforms) -> Tensor:
    """Flipped, brighter, of more contrast, blurred and noisy, in this order: C × H × W, 0 … 1, in and out."""
    if handles.flipped:
        image = functional.hflip(image)
    if handles.brightness != 1:
        image = functional.adjust_brightness(image, handles.brightness)
    if handles.contrast != 1:
        image = functional.adjust_contrast(image, handles.contrast)
    if handles.blur:
        image = blurred(image, handles.blur)
    return noisy(image, handles.noise) if handles.noise else image


def blurred(image: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur; the image goes on as its mirror image beyond its edges."""
    radius = min(math.ceil(3 * deviation), min(image.shape[1:]) - 1)
    result: Tensor = functional.gaussian_blur(image, [2 * radius + 1] * 2, [deviation] * 2)
    return result


def noisy(image: Tensor, deviation: float) -> Tensor:
    """Gaussian noise added, always the same for an image of that size."""
    generator = torch.Generator().manual_seed(NOISE_SEED)
    return (image + deviation * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def occluded(values: Tensor, occluder: Occluder | None) -> Tensor:
    """A normalised input with zeros, the mean colour, under the square: C × H × W."""
    if occluder is None:
        return values
    side = values.shape[-1]
    left, right = (round(side * (occluder.x + way * occluder.side / 2)) for way in (-1, 1))
    top, bottom = (round(side * (occluder.y + way * occluder.side / 2)) for way in (-1, 1))
    values = values.clone()
    values[:, max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 0
    return values


def _resized(photograph: Photograph, box: tuple[float, float, float, float], side: int) -> Pixels:
    """A box of the photograph as side × side pixels; grey where it reaches beyond the photograph."""
    image = _as_image(photograph)
    left, top, right, bottom = box
    inside = max(0.0, left), max(0.0, top), min(float(image.width), right), min(float(image.height), bottom)
    page = np.full((side, side, 3), BEYOND, np.uint8)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        return page
    x, end = (round((edge - left) / (right - left) * side) for edge in inside[0::2])
    y, low = (round((edge - top) / (bottom - top) * side) for edge in inside[1::2])
    if x < end and y < low:
        part = image.resize((end - x, low - y), Image.Resampling.BILINEAR, inside, GAP)
        page[y:low, x:end] = np.asarray(part)
    return page


@lru_cache(maxsize=1)
def _as_image(photograph: Photograph) -> Image.Image:
    return Image.fromarray(photograph.pixels)


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet(image: int) -> Preprocessing:
    """For a network whose input is `image` pixels wide: torchvision's rule for its V1 weights, 256 to 224, scaled."""
    return Preprocessing(round(image * 256 / 224), image, IMAGENET_MEAN, IMAGENET_STD)


def preprocess(
    photograph: Photograph, preprocessing: Preprocessing, channels: int, handles: ImageTransforms = IDENTITY
) -> Tensor:
    """The network's input: 1 × channels × crop × crop, float32, on the CPU. `channels` is 3, or 1 for grey.

    Without handles it equals torchvision's preset for photographs up to 16 times as long as wide (at crop 224).
    """
    mean, std = _statistics(preprocessing, channels)
    cut = framed(photograph, preprocessing, handles) if handles.frames else _cut(photograph, preprocessing)
    if channels == 1:
        cut = grey(cut)
    scaled = adjusted(functional.convert_image_dtype(cut, torch.float32), handles)
    return occluded((scaled - mean) / std, handles.occluder).unsqueeze(0)


def grey(pixels: Tensor) -> Tensor:
    """The luminance of 3 × H × W pixels by Pillow, which rounds it and leaves grey as it is: 1 × H × W, 8 bits.

    (torchvision's own is cut off instead, and its weights sum to 0.9999: white becomes 254.)
    """
    image = Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()))
    return torch.from_numpy(np.array(image.convert("L")))[None]


def middle(image: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle of an image, side × side: what training makes of an image in a file."""
    return ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)


def resized(mean_image: bytes, channels: int, side: int) -> bytes:
    """A preprocessing's mean image, whatever its size, for another; none stays none."""
    if len(mean_image) in (0, 4 * channels * side**2):
        return mean_image
    numbers = torch.from_numpy(np.frombuffer(mean_image, np.dtype("<f4")).astype(np.float32))
    old = math.isqrt(len(mean_image) // (4 * channels))
    new = torch.nn.functional.interpolate(numbers.view(1, channels, old, old), (side, side), mode="bilinear")
    return new.numpy().astype("<f4").tobytes()


def _cut(photograph: Photograph, preprocessing: Preprocessing) -> Tensor:
    """The center of the resized photograph, or its resized center: 3 × crop × crop, 8 bits."""
    if preprocessing.middle:
        return torch.from_numpy(np.array(middle(Image.fromarray(photograph.pixels), preprocessing.crop))).permute(
            2, 0, 1
        )
    left, top, width, height = cropping.resized_part(*_size(photograph), preprocessing.resize)
    part = torch.tensor(photograph.pixels[top : top + height, left : left + width]).permute(2, 0, 1)
    # One channel at a time gives the same numbers as all at once, and needs a third of the memory.
    resized = torch.cat(
        [functional.resize(channel, [preprocessing.resize], antialias=True) for channel in part.unsqueeze(1).unbind()]
    )
    cropped: Tensor = functional.center_crop(resized, [preprocessing.crop])
    return cropped


def seen(values: Tensor, preprocessing: Preprocessing) -> Pixels:
    """A network's input, 1 × 1 or 3 × crop × crop, turned back into the pixels that it stands for."""
    mean, std = _statistics(preprocessing, values.shape[1])
    pixels = (values[0].detach().float().cpu() * std + mean).mul(255).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.expand(3, -1, -1).permute(1, 2, 0).numpy())


def _size(photograph: Photograph) -> tuple[int, int]:
    height, width = photograph.pixels.shape[:2]
    return width, height


def _statistics(preprocessing: Preprocessing, channels: int) -> tuple[Tensor, Tensor]:
    """Mean (of each channel or pixel) and deviation, C × 1 × 1 or C × H × W; for one channel the means of the three."""
    if channels not in (1, 3):
        raise ValueError(f"a photograph has 3 channels, or 1 as grey; this network takes {channels}. Set channels to 3")
    mean, std = _for_channels(preprocessing.mean, channels), _for_channels(preprocessing.std, channels)
    if preprocessing.mean_image:
        numbers = np.frombuffer(preprocessing.mean_image, np.dtype("<f4")).astype(np.float32)
        mean = torch.from_numpy(numbers).view(channels, preprocessing.crop, preprocessing.crop)
    return mean, std


def _for_channels(values: tuple[float, ...], channels: int) -> Tensor:
    return torch.tensor(values if len(values) == channels else [fmean(values)] * channels).view(-1, 1, 1)
