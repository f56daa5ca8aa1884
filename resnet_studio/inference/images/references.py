"""Images by name: a file's path, `sample:NAME` for one that ships with scikit-learn, and what others add.

scikit-learn takes seconds to import, so it is imported when the first sample is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from resnet_studio.inference.cache import LRUCache, stamp_of_file
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images.loader import open_image
from resnet_studio.inference.values import SAMPLES, Photograph, Pixels

PREFIX = "sample:"
KEPT = 3
"""Photographs that are kept: of the images that two sides look at, and of the one before."""
DIGITS_SCALED = "8×8 values of 0 … 16 scaled to 0 … 255"


def open_reference(reference: str) -> Photograph:
    """The photograph that a reference names. Raises `ImageError`, or what an opener of `OPENERS` raises.

    A file whose own name begins like a reference is opened as `./sample:…`.
    """
    prefix, colon, _ = reference.partition(":")
    opener = OPENERS.get(prefix + colon)
    return opener(reference) if opener else open_image(Path(reference))


def open_or_recall(reference: str) -> Photograph:
    """The same, from memory if it is among the last few that this was asked for and its file has not changed."""
    return opened(reference, stamp_of_file(reference))


def lately_opened(reference: str) -> bool:
    """Whether to open it would take no time."""
    return opened.known(reference, stamp_of_file(reference))


def photograph_of(reference: str, pixels: Pixels, notes: tuple[str, ...] = (), truth: str = "") -> Photograph:
    """A photograph of pixels that are in no image file."""
    sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Photograph(reference, pixels, sha256, notes, truth=truth)


def _open_sample(reference: str) -> Photograph:
    if reference not in SAMPLES:
        known = ", ".join(SAMPLES[:4])
        raise ImageError(f"{reference} is no sample image. There are {known}, … {SAMPLES[-1]}.")
    name = reference.removeprefix(PREFIX)
    if name.startswith("digit-"):
        return photograph_of(reference, _digit(int(name[-1])), (DIGITS_SCALED,), truth=name[-1])
    return photograph_of(reference, _sample(name))


def _sample(name: str) -> Pixels:
    """A photograph, 640 pixels wide and 427 high."""
    from sklearn.datasets import load_sample_image

    return np.array(load_sample_image(f"{name}.jpg"), dtype=np.uint8)


def _digit(digit: int) -> Pixels:
    """The first handwritten image of a digit in the Optical Recognition of Handwritten Digits data."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    grey = np.rint(digits.images[digits.target == digit][0] * (255 / 16)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


OPENERS: dict[str, Callable[[str], Photograph]] = {PREFIX: _open_sample}
"""By what references begin with; those of data sets are added by whoever may import the training."""
opened: LRUCache[Photograph] = LRUCache(lambda reference, _: open_reference(reference), KEPT)
