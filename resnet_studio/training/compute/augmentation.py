"""Augmentation of whole batches on the device they live on, and normalisation. Shapes are N×C×H×W.

What is random comes from torch's own random state, which the loop sets anew for every step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from resnet_studio.training.recipe import Augmentation

Augment: TypeAlias = Callable[[Tensor], Tensor]
CIFAR_PADDING = 4  # pixels on each side, He et al. 2015, section 4.2
SMALLEST_AREA, WIDEST = 0.25, 4 / 3
"""Of a random part of a batch that is held: least share of the image's area, greatest ratio of its sides."""


def augment_batch(name: Augmentation) -> Augment:
    """The function that augments a batch of uint8 images of one size; what it returns is of the same kind.

    "scale-crop" needs each image at its own size and is done where images are read (`data.py`); of images that are
    held it is the random part that "resized-crop" takes.
    """
    known: dict[str, Augment] = {"none": _same, "shift": shift, "crop-flip": crop_flip}
    return known.get(name, resized_crop)


def _same(images: Tensor) -> Tensor:
    return images


def shift(images: Tensor) -> Tensor:
    """Move each image by up to an eighth of its side in both directions; what comes in is zero."""
    return _crop(images, max(1, images.shape[-1] // 8), flip=False)


def crop_flip(images: Tensor) -> Tensor:
    """Four pixels of zeros around each image, and a random part of the old size of that or of its mirror image."""
    return _crop(images, CIFAR_PADDING, flip=True)


def _crop(images: Tensor, padding: int, *, flip: bool) -> Tensor:
    """A random part of each padded image. One gather for the batch; its result is laid out channels last."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4)
    top = torch.randint(2 * padding + 1, (count, 1), device=images.device)
    left = torch.randint(2 * padding + 1, (count, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    if flip:
        mirrored = torch.rand(count, 1, device=images.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    which = torch.arange(count, device=images.device)
    return padded.permute(0, 2, 3, 1)[which[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resized_crop(images: Tensor) -> Tensor:
    """A random part of each image, stretched to the old size, or its mirror image (as Szegedy et al. 2014 do)."""
    count, device = len(images), images.device
    area = torch.empty(count, device=device).uniform_(SMALLEST_AREA, 1)
    ratio = torch.empty(count, device=device).uniform_(-math.log(WIDEST), math.log(WIDEST)).exp()
    across, down = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    right, low = (2 * torch.rand(2, count, device=device) - 1) * torch.stack([1 - across, 1 - down])
    zero = torch.zeros(count, device=device)
    places = torch.stack([across * mirror, zero, right, zero, down, low], dim=1).view(count, 2, 3)
    grid = functional.affine_grid(places, list(images.shape), align_corners=False)
    parts = functional.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return parts.round().clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Normalizer:
    """Makes uint8 images the network's input: (x / 255 − mean) / deviation, float32, laid out channels last.

    `mean` and `deviation` broadcast against C×H×W: one value a channel, or (the paper) a mean for each pixel.
    """

    mean: Tensor
    deviation: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        values = images.to(torch.float32, memory_format=torch.channels_last)
        return values.div_(255).sub_(self.mean).div_(self.deviation)

    def to(self, device: torch.device) -> Normalizer:
        """The same on another device."""
        return Normalizer(self.mean.to(device), self.deviation.to(device))
