"""How images are usually normalized, for weights that don't say it. Needs no torch."""

from __future__ import annotations

from typing import TypeAlias

Normalization: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Mean and standard deviation of red, green and blue, for values of 0 … 1."""
IMAGENET, CIFAR_10, CIFAR_100, SYMMETRIC = "ImageNet", "CIFAR-10", "CIFAR-100", "0.5 and 0.5"
NORMALIZATIONS: dict[str, Normalization] = {
    IMAGENET: ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    CIFAR_10: ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    CIFAR_100: ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
    SYMMETRIC: ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and deviation of the pixels of each data set's training images, and the values of networks from TensorFlow."""
