"""The handles as pure functions of an image and their parameters, torchvision's and Pillow's where they have one."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode, functional

from resnet_studio.inference.framing import frame
from resnet_studio.inference.handles import Handles, Occluder
from resnet_studio.inference.values import Photograph, Pixels, Preprocessing

BEYOND = 128
"""Grey of what lies beyond the photograph, 0 … 255."""
GAP = 2.0
"""Pillow's `reducing_gap`: a large part is first made smaller by whole numbers, which the eye can't see."""
NOISE_SEED = 0


def framed(photograph: Photograph, preprocessing: Preprocessing, handles: Handles) -> Tensor:
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


def adjusted(image: Tensor, handles: Handles) -> Tensor:
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
