"""Images by name: a file's path, or `sample:NAME` for one that ships with scikit-learn.

scikit-learn takes seconds to import, so it is imported when the first sample is asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from resnet_studio.inference.images import ImageError, open_image
from resnet_studio.inference.values import SAMPLES, Photograph, Pixels

PREFIX = "sample:"


def open_reference(reference: str) -> Photograph:
    """The photograph that a reference names. Raises `ImageError`.

    A file whose own name begins with `sample:` is opened as `./sample:…`.
    """
    if not reference.startswith(PREFIX):
        return open_image(Path(reference))
    if reference not in SAMPLES:
        known = ", ".join(SAMPLES[:4])
        raise ImageError(f"{reference} is no sample image. There are {known}, … {SAMPLES[-1]}.")
    name = reference.removeprefix(PREFIX)
    if name.startswith("digit-"):
        return _photograph(reference, _digit(int(name[-1])), ("8×8 values of 0 … 16 scaled to 0 … 255",))
    return _photograph(reference, _sample(name), ())


def _photograph(reference: str, pixels: Pixels, notes: tuple[str, ...]) -> Photograph:
    return Photograph(reference, pixels, hashlib.sha256(pixels.tobytes()).hexdigest(), notes)


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
