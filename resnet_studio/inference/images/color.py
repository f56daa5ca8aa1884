"""Conversion of every kind of pixel to RGB with 8 bits per channel; a note says what was done.

Color profiles are not applied, as in torchvision's data loaders: the numbers in the file are the numbers used.
An image is processed in bands of rows, so a large one needs little more memory than its pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, TiffImagePlugin

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.values import Pixels

Notes: TypeAlias = tuple[str, ...]
Converter: TypeAlias = Callable[[Image.Image], NDArray[np.uint8]]
"""From a band to its pixels: rows × columns × 3 or, if gray, × 1."""

BAND = 1 << 20  # pixels
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, UNSIGNED = 0, 1
OVER_WHITE = "transparency blended with white"


def to_rgb(image: Image.Image, bits: int, data: bytes) -> tuple[Pixels, Notes]:
    """The pixels of a decoded image that has `bits` bits per channel in its file `data`, and notes on what was done.

    Transparency is blended over white. Integers of 9 to 16 bits are scaled from 0 … 2^bits − 1, or from the range of 8
    or 12 bits if a 16-bit image uses no more; floats from 0 … 1 if all are in that range; other floats and 32-bit
    integers from their minimum to their maximum. Raises `FileRefusedError` if a value is not finite.
    """
    if image.format == "PNG" and bits == 16 and image.mode in ("RGB", "RGBA"):
        return _from_16_bit(image, data)
    wide = image.mode in ("I", "F") or image.mode.startswith("I;16")
    convert, notes = _from_wide(image, bits) if wide else _from_bytes(image, bits)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    top = 0
    for band in bands(image):
        pixels[top : top + band.height] = convert(band)
        top += band.height
    return pixels, notes


def bits_per_channel(image: Image.Image, data: bytes) -> int:
    """Bits per channel in the file; Pillow's mode only tells those of the decoded image."""
    if image.format == "PNG":
        return data[24]
    if image.format == "PPM":
        return 16 if image.mode == "I" else 8  # Pillow scales every range to that
    return int(max(_tags(image).get(BITS_PER_SAMPLE, (8,))))


def bands(image: Image.Image) -> Iterator[Image.Image]:
    """The image in bands of whole rows, from the top."""
    rows = max(1, BAND // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _from_16_bit(image: Image.Image, data: bytes) -> tuple[Pixels, Notes]:
    """A PNG with 16-bit colors: Pillow keeps only the upper bytes, so the lower ones are decoded separately."""
    lower = _with_lower_bytes(data)
    pairs = zip(bands(image), bands(lower), strict=True)
    maximum = max(float(_color_and_alpha(*pair)[0].max()) for pair in pairs)
    white, note = _white(16, maximum)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    key, transparent = image.info.get("transparency"), False
    top = 0
    for pair in zip(bands(image), bands(lower), strict=True):
        color, alpha = _color_and_alpha(*pair)
        if isinstance(key, tuple):
            alpha = np.where((color == key).all(axis=2, keepdims=True), 0.0, 1.0)
        transparent = transparent or bool((alpha < 1).any())
        blended = alpha * color / white + (1 - alpha)
        pixels[top : top + len(color)] = np.rint(blended * 255)
        top += len(color)
    return pixels, (note, OVER_WHITE) if transparent else (note,)


def _with_lower_bytes(data: bytes) -> Image.Image:
    """The PNG decoded as if its colors began with their lower bytes; for gray with alpha, all four bytes of a pixel."""
    image = Image.open(BytesIO(data), formats=["PNG"])
    [tile] = image.tile
    raw = "RGBA" if tile.args == "LA;16B" else str(tile.args).replace(";16B", ";16L")
    image.tile = [tile._replace(args=raw)]
    if raw == "RGBA":
        image.info["gray"] = True
    image.load()
    return image


def _color_and_alpha(upper: Image.Image, lower: Image.Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colors of 0 … 65535 (rows × columns × 3) and alpha of 0 … 1 (rows × columns × 1)."""
    low = np.asarray(lower).astype(np.float64)
    if lower.info.get("gray"):
        gray, alpha = 256 * low[..., 0::2] + low[..., 1::2], 256 * low[..., 2:3] + low[..., 3:4]
        return gray[..., :1].repeat(3, axis=2), alpha / 65535
    values = 256 * np.asarray(upper).astype(np.float64) + low
    return values[..., :3], values[..., 3:4] / 65535 if values.shape[2] == 4 else np.ones_like(values[..., :1])


def _from_bytes(image: Image.Image, bits: int) -> tuple[Converter, Notes]:
    """For modes with 8 bits per channel. Of a TIFF's 16-bit colors, Pillow keeps only the upper bytes."""
    scaled = (f"only the upper 8 of {bits} bits per channel used",) if bits > 8 else ()
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        to_srgb = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
        return lambda band: np.asarray(to_srgb.apply(band)), (*scaled, "CIELAB converted to sRGB")
    if image.mode == "CMYK":
        scaled = (*scaled, "CMYK converted to RGB without its color profile")
    elif image.has_transparency_data:
        transparent = any(_alpha(band).getextrema() != (255, 255) for band in bands(image))
        return _over_white, (*scaled, OVER_WHITE) if transparent else scaled
    return lambda band: np.asarray(band.convert("RGB")), scaled


def _over_white(band: Image.Image) -> Pixels:
    below = Image.new("RGB", band.size, "white")
    below.paste(_rgba(band), mask=_alpha(band))
    return np.asarray(below)


def _rgba(band: Image.Image) -> Image.Image:
    return (band.convert("LA") if band.mode == "La" else band).convert("RGBA")


def _alpha(band: Image.Image) -> Image.Image:
    return _rgba(band).getchannel("A")


def _from_wide(image: Image.Image, bits: int) -> tuple[Converter, Notes]:
    """For gray modes with more than 8 bits."""
    tags = _tags(image)
    unsigned = bits == 32 and image.mode == "I" and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED
    extremes = [(values.min(), values.max()) for values in (_values(band, unsigned) for band in bands(image))]
    minimum, maximum = float(np.min(extremes)), float(np.max(extremes))
    if not np.isfinite((minimum, maximum)).all():
        raise FileRefusedError("has NaN or infinite values. Replace them and save it again")
    mode = "I;16" if image.format == "PPM" and image.mode == "I" else image.mode
    low, high, note = _range(mode, bits, minimum, maximum)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        low, high = high, low
    transparent = image.info.get("transparency")
    convert = partial(_scaled, unsigned=unsigned, low=low, high=high, transparent=transparent)
    return convert, (note,) if transparent is None else (note, OVER_WHITE)


def _range(mode: str, bits: int, minimum: float, maximum: float) -> tuple[float, float, str]:
    """The values that become black and white, and the note on it."""
    if mode.startswith("I;16"):
        return 0, *_white(bits, maximum)
    if mode == "F" and minimum >= 0 and maximum <= 1:
        return 0, 1, "floating-point values scaled from 0 … 1"
    kind = "floating-point values" if mode == "F" else f"{bits}-bit integers"
    return minimum, maximum, f"{kind} scaled from their range, {minimum:g} … {maximum:g}"


def _white(bits: int, maximum: float) -> tuple[float, str]:
    """The value that becomes white, and the note on it: cameras and scanners store 12-bit values unscaled."""
    used_bits = next((fewer for fewer in (8, 12) if bits == 16 and 0 < maximum < 2**fewer), bits)
    if used_bits < bits:
        return 2**used_bits - 1, (
            f"{bits}-bit values that use only {used_bits} bits (max {maximum:.0f}) scaled from "
            f"0 … {2**used_bits - 1}, not 0 … {2**bits - 1}"
        )
    return 2**bits - 1, f"{bits}-bit values scaled from 0 … {2**bits - 1}"


def _scaled(band: Image.Image, unsigned: bool, low: float, high: float, transparent: int | None) -> NDArray[np.uint8]:
    """(value − low) / (high − low) × 255, rounded; 0 everywhere if all values are equal."""
    values = _values(band, unsigned)
    fraction = (values - low) / (high - low) if high != low else np.zeros_like(values)
    if transparent is not None:
        fraction[values == transparent] = 1
    return np.rint(fraction * 255).astype(np.uint8)[:, :, None]


def _values(band: Image.Image, unsigned: bool) -> NDArray[np.float64]:
    values = np.asarray(band)
    return (values.view(np.uint32) if unsigned else values).astype(np.float64)  # Pillow reads both as signed


def _tags(image: Image.Image) -> dict[int, Any]:
    """The tags of a TIFF; empty for other formats."""
    return dict(image.tag_v2) if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
