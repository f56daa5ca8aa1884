"""Opening images by reference: a file's path, `sample:NAME` for one that ships with scikit-learn, and prefixes that
other modules add.

scikit-learn takes seconds to import, so it is imported when the first sample is opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from resnet_studio.inference.cache import LRUCache, file_signature
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images.loader import open_image
from resnet_studio.inference.values import SAMPLES, Photograph, Pixels

PREFIX = "sample:"
CACHE_SIZE = 3
"""Photographs: those of both sides of an A/B comparison, and the previous one."""
DIGITS_SCALED = "8×8 values of 0 … 16 scaled to 0 … 255"


def open_reference(reference: str) -> Photograph:
    """The photograph that a reference names. Raises `ImageError`, or what an opener of `OPENERS` raises.

    A file whose name begins with such a prefix is opened as `./sample:…`.
    """
    prefix, colon, _ = reference.partition(":")
    opener = OPENERS.get(prefix + colon)
    return opener(reference) if opener else open_image(Path(reference))


def open_cached(reference: str) -> Photograph:
    """The same, from the cache if it was opened recently and its file has not changed."""
    return photographs(reference, file_signature(reference))


def is_cached(reference: str) -> bool:
    """Whether `open_cached` would return it from the cache."""
    return photographs.contains(reference, file_signature(reference))


def photograph_from_pixels(reference: str, pixels: Pixels, notes: tuple[str, ...] = (), truth: str = "") -> Photograph:
    """A photograph of pixels that don't come from an image file."""
    sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Photograph(reference, pixels, sha256, notes, truth=truth)


def _open_sample(reference: str) -> Photograph:
    if reference not in SAMPLES:
        known = ", ".join(SAMPLES[:4])
        raise ImageError(f"{reference} is not a sample image. Available: {known}, …, {SAMPLES[-1]}.")
    name = reference.removeprefix(PREFIX)
    if name.startswith("digit-"):
        return photograph_from_pixels(reference, _digit(int(name[-1])), (DIGITS_SCALED,), truth=name[-1])
    return photograph_from_pixels(reference, _sample(name))


def _sample(name: str) -> Pixels:
    """A photograph, 640 pixels wide and 427 high."""
    from sklearn.datasets import load_sample_image

    return np.array(load_sample_image(f"{name}.jpg"), dtype=np.uint8)


def _digit(digit: int) -> Pixels:
    """The first handwritten image of a digit in the Optical Recognition of Handwritten Digits data."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    gray = np.rint(digits.images[digits.target == digit][0] * (255 / 16)).astype(np.uint8)
    return np.repeat(gray[:, :, None], 3, axis=2)


OPENERS: dict[str, Callable[[str], Photograph]] = {PREFIX: _open_sample}
"""By the prefix of the reference; the training package adds an opener for data sets."""
photographs: LRUCache[Photograph] = LRUCache(lambda reference, _: open_reference(reference), CACHE_SIZE)
