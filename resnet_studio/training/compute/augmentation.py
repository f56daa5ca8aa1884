"""Augmentation of whole batches on their device, and normalization. Shapes are N×C×H×W.

Random numbers come from torch's global generator, which is seeded anew for every step.
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
MIN_AREA, MAX_RATIO = 0.25, 4 / 3
"""Of a random crop of images in memory: minimum share of the image's area, maximum aspect ratio as a multiple of the
image's."""


def augment_batch(name: Augmentation) -> Augment:
    """The function that augments a batch of uint8 images of one size and keeps its shape and type.

    "scale-crop" needs each image at its original size, so it happens where images are read (`folders.py`). For images
    in memory it is the same as "resized-crop".
    """
    known: dict[str, Augment] = {"none": _identity, "shift": shift, "crop-flip": crop_flip}
    return known.get(name, resized_crop)


def _identity(images: Tensor) -> Tensor:
    return images


def shift(images: Tensor) -> Tensor:
    """Shift each image by up to an eighth of its shorter side in both directions, filling with zeros."""
    return _crop(images, max(1, min(images.shape[-2:]) // 8), flip=False)


def crop_flip(images: Tensor) -> Tensor:
    """Pad each image with four zeros on each side, crop it to its old size at random, and mirror half of the crops."""
    return _crop(images, CIFAR_PADDING, flip=True)


def _crop(images: Tensor, padding: int, *, flip: bool) -> Tensor:
    """A random crop of each padded image, by one gather for the batch. The result is channels last."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4)
    top = torch.randint(2 * padding + 1, (count, 1), device=images.device)
    left = torch.randint(2 * padding + 1, (count, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    if flip:
        mirrored = torch.rand(count, 1, device=images.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    batch = torch.arange(count, device=images.device)
    return padded.permute(0, 2, 3, 1)[batch[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resized_crop(images: Tensor) -> Tensor:
    """A random crop of each image, resized to the old size and mirrored at random (Szegedy et al. 2014)."""
    count, device = len(images), images.device
    area = torch.empty(count, device=device).uniform_(MIN_AREA, 1)
    ratio = torch.empty(count, device=device).uniform_(-math.log(MAX_RATIO), math.log(MAX_RATIO)).exp()
    across, down = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    mirror = torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0)
    right, low = (2 * torch.rand(2, count, device=device) - 1) * torch.stack([1 - across, 1 - down])
    zero = torch.zeros(count, device=device)
    matrices = torch.stack([across * mirror, zero, right, zero, down, low], dim=1).view(count, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    crops = functional.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return crops.round().clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Normalizer:
    """Turns uint8 images into the network's input: (x / 255 − mean) / std, float32, channels last.

    `mean` and `std` broadcast against C×H×W: one value per channel, or a mean per pixel as in the paper.
    """

    mean: Tensor
    std: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        values = images.to(torch.float32, memory_format=torch.channels_last)
        return values.div_(255).sub_(self.mean).div_(self.std)

    def to(self, device: torch.device) -> Normalizer:
        """A copy on another device."""
        return Normalizer(self.mean.to(device), self.std.to(device))
