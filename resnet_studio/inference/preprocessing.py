"""From a photograph to a network's input, as torchvision's published weights expect it.

The arithmetic is torchvision's `ImageClassification` preset on tensors, bit for bit: bilinear resize with
antialiasing, rounded to 8 bits, then the centre. (On PIL images the same preset differs by up to one level.)
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import functional

from resnet_studio.inference import adjusting, framing
from resnet_studio.inference.handles import UNTOUCHED, Handles
from resnet_studio.inference.values import Photograph, Pixels, Preprocessing

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def imagenet(image: int) -> Preprocessing:
    """For a network whose input is `image` pixels wide: torchvision's rule for its V1 weights, 256 to 224, scaled."""
    return Preprocessing(round(image * 256 / 224), image, IMAGENET_MEAN, IMAGENET_STD)


def preprocess(
    photograph: Photograph, preprocessing: Preprocessing, channels: int, handles: Handles = UNTOUCHED
) -> Tensor:
    """The network's input: 1 × channels × crop × crop, float32, on the CPU. `channels` is 3, or 1 for grey.

    Without handles it equals torchvision's preset for photographs up to 16 times as long as wide (at crop 224).
    """
    mean, std = _statistics(preprocessing, channels)
    cut = adjusting.framed(photograph, preprocessing, handles) if handles.frames else _cut(photograph, preprocessing)
    if channels == 1:
        cut = functional.rgb_to_grayscale(cut)
    scaled = adjusting.adjusted(functional.convert_image_dtype(cut, torch.float32), handles)
    values: Tensor = functional.normalize(scaled, mean, std)
    return adjusting.occluded(values, handles.occluder).unsqueeze(0)


def _cut(photograph: Photograph, preprocessing: Preprocessing) -> Tensor:
    """The centre of the resized photograph: 3 × crop × crop, 8 bits."""
    left, top, width, height = framing.resized_part(*_size(photograph), preprocessing.resize)
    part = torch.tensor(photograph.pixels[top : top + height, left : left + width]).permute(2, 0, 1)
    # One channel at a time gives the same numbers as all at once, and needs a third of the memory.
    resized = torch.cat(
        [functional.resize(channel, [preprocessing.resize], antialias=True) for channel in part.unsqueeze(1).unbind()]
    )
    cropped: Tensor = functional.center_crop(resized, [preprocessing.crop])
    return cropped


def seen(values: Tensor, preprocessing: Preprocessing) -> Pixels:
    """A network's input, 1 × 1 or 3 × crop × crop, turned back into the pixels that it stands for."""
    mean, std = (torch.tensor(numbers).view(-1, 1, 1) for numbers in _statistics(preprocessing, values.shape[1]))
    pixels = (values[0].detach().float().cpu() * std + mean).mul(255).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.expand(3, -1, -1).permute(1, 2, 0).numpy())


def _size(photograph: Photograph) -> tuple[int, int]:
    height, width = photograph.pixels.shape[:2]
    return width, height


def _statistics(preprocessing: Preprocessing, channels: int) -> tuple[list[float], list[float]]:
    """Mean and deviation for each channel; for one channel the means of the three."""
    if channels not in (1, 3):
        raise ValueError(f"a photograph has 3 channels, or 1 as grey; this network takes {channels}. Set channels to 3")
    return _for_channels(preprocessing.mean, channels), _for_channels(preprocessing.std, channels)


def _for_channels(values: tuple[float, ...], channels: int) -> list[float]:
    return list(values) if len(values) == channels else [fmean(values)] * channels
