"""From a photograph to a network's input, as its weights expect it.

For published weights the arithmetic is torchvision's `ImageClassification` preset on tensors, bit for bit: bilinear
resize with antialiasing, rounded to 8 bits, then the center. (On PIL images the same preset differs by up to one
level.) For weights of a run it is what the run was trained and measured with, bit for bit as well.
"""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import torch
from PIL import Image, ImageOps
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
        cut = grey(cut)
    scaled = adjusting.adjusted(functional.convert_image_dtype(cut, torch.float32), handles)
    return adjusting.occluded((scaled - mean) / std, handles.occluder).unsqueeze(0)


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
