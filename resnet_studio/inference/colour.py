"""Any kind of pixel to RGB with 8 bits a channel, by rules that are told in a note.

Colour profiles are not applied, as in the field's data loaders: the numbers in the file are the numbers used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

from resnet_studio.inference.files import FileError
from resnet_studio.inference.values import Pixels

Notes = tuple[str, ...]

BAND = 256  # rows scaled at a time, so that float64 copies stay small
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED = 0, 1


def to_rgb(image: Image.Image, bits: int) -> tuple[Pixels, Notes]:
    """The pixels of a decoded image with `bits` bits a channel in its file, and what was done to them.

    Transparency is laid over white. Integers of 9 to 16 bits are scaled from 0 … 2^bits − 1; floats from 0 … 1 if
    all lie there; other floats and 32-bit integers from their least to their greatest value. Raises `FileError` if
    a value is not a finite number.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey, notes = _wide_to_grey(image, bits)
        return np.repeat(grey[:, :, None], 3, axis=2), notes
    scaled = (_scaling(bits),) if bits > 8 else ()
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert converted is not None
        return np.asarray(converted), (*scaled, "CIELAB converted to sRGB")
    if image.mode == "CMYK":
        return np.asarray(image.convert("RGB")), (*scaled, "CMYK converted to RGB without its colour profile")
    if image.has_transparency_data:
        pixels, notes = _over_white(image)
        return pixels, scaled + notes
    return np.asarray(image.convert("RGB")), scaled


def bits_per_channel(image: Image.Image, data: bytes) -> int:
    """As the file has them; Pillow's mode tells only what they were turned into."""
    if image.format == "PNG":
        return data[24]
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return int(max(image.tag_v2.get(BITS_PER_SAMPLE, (1,))))
    return 8


def _over_white(image: Image.Image) -> tuple[Pixels, Notes]:
    if image.mode == "La":
        image = image.convert("LA")
    with_alpha = image.convert("RGBA")
    alpha = with_alpha.getchannel("A")
    below = Image.new("RGB", image.size, "white")
    below.paste(with_alpha, mask=alpha)
    return np.asarray(below), ("transparent parts laid over white",) if alpha.getextrema() != (255, 255) else ()


def _wide_to_grey(image: Image.Image, bits: int) -> tuple[NDArray[np.uint8], Notes]:
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    values: NDArray[np.generic] = np.asarray(image)
    if image.mode == "I" and bits == 32 and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED:
        values = values.view(np.uint32)  # Pillow reads them as signed
    least, greatest = float(values.min()), float(values.max())
    if not np.isfinite((least, greatest)).all():
        raise FileError("holds values that are not finite numbers (NaN or infinity). Replace them and save it again")
    low, high, note = _range(image.mode, bits, least, greatest)
    grey = _scaled(values, low, high)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        np.subtract(255, grey, out=grey)
    if isinstance(transparent := image.info.get("transparency"), int):
        grey[values == transparent] = 255
        note = (*note, "transparent parts laid over white")
    return grey, note


def _range(mode: str, bits: int, least: float, greatest: float) -> tuple[float, float, Notes]:
    """Which values become black and white, and the note that says so."""
    if mode.startswith("I;16"):
        return 0, 2**bits - 1, (_scaling(bits),)
    if mode == "F" and least >= 0 and greatest <= 1:
        return 0, 1, ("floating-point values scaled from 0 … 1",)
    kind = "floating-point values" if mode == "F" else f"{bits}-bit integers"
    return least, greatest, (f"{kind} scaled from their own range, {least:g} … {greatest:g}",)


def _scaling(bits: int) -> str:
    return f"{bits}-bit values scaled by their range, 0 … {2**bits - 1}"


def _scaled(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    """Round (values − low) / (high − low) × 255; 0 everywhere if all values are one."""
    scaled = np.zeros(values.shape, np.uint8)
    if high > low:
        for top in range(0, len(values), BAND):
            rows = values[top : top + BAND].astype(np.float64)
            scaled[top : top + BAND] = np.rint((rows - low) / (high - low) * 255)
    return scaled
