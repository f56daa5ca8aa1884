"""Opening a user's image file: undamaged and upright, with 8-bit RGB pixels, or an error that says why not.

The content decides what a file is, never its name. Only Pillow's own decoders for eight formats are used, none of
which starts another program. `damage.py` detects damage, `color.py` converts other kinds of pixels to RGB.
"""

from __future__ import annotations

import hashlib
import logging
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images import damage
from resnet_studio.inference.images.color import bits_per_channel, to_rgb
from resnet_studio.inference.images.listing import FORMAT_NAMES
from resnet_studio.inference.values import Photograph, Pixels

MAX_PIXELS = 64_000_000
"""Larger images are refused before they are decoded. Phones with 50 megapixels stay below that."""
MAX_BYTES = 512_000_000
"""File size of 64 million pixels with four uncompressed channels of 16 bits."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF")
ORIENTATION = 0x0112
MAX_COUNTED_FRAMES = 1000
"""Of a TIFF, as Pillow takes minutes to count 100,000 pages."""

SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"RIFF": "WebP",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"GIF8": "GIF",
    b"ftypavi": "AVIF",
    **{b"P%d%c" % (kind, space): "PPM" for kind in range(1, 7) for space in b" \t\r\n"},
}
UNSUPPORTED_SIGNATURES = {
    b"%pdf": "a PDF document",
    b"%!ps": "a PostScript document",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML or SVG document",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"pk\x03\x04": "an archive",
    b"\x1f\x8b": "an archive",
    b"7z\xbc\xaf": "an archive",
    b"8bps": "a Photoshop document",
    b"\0\0\0\x0cjp  ": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
    b"\0\0\0\x0cjxl ": "a JPEG XL image",
    b"\xff\x0a": "a JPEG XL image",
    b"v/1\x01": "an OpenEXR image",
    b"#?radiance": "a Radiance image",
    b"simple  =": "a FITS image",
    b"\x93numpy": "a NumPy array",
    b"\x89hdf": "an HDF5 file",
    b"\0\0\1\0": "an icon",
}
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""Brands of files with HEVC-coded images, as phones write them."""
MAX_BANDS = 4
SAMPLES_PER_PIXEL = 277
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # its messages are replaced by this module's errors
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
"""For each EXIF orientation other than 1, the operation that undoes it."""


def open_image(path: Path) -> Photograph:
    """Open an image file as a photograph: its first frame, upright, RGB, 8 bits per channel.

    Raises `ImageError` for whatever can't be opened, without waiting for a pipe or a device. The file is read once, so
    hash and pixels belong together. Memory stays under 16 bytes per pixel plus twice the file's size.
    """
    try:
        data = read_file(path, MAX_BYTES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's warnings about metadata; the pixels are checked below
            pixels, notes = _decode(data)
    except FileRefusedError as reason:
        raise ImageError(f"{display_name(path)} {reason}.") from reason
    except MemoryError as error:
        raise ImageError(f"{display_name(path)} needs more memory than is available. Scale it down.") from error
    return Photograph(str(path), pixels, hashlib.sha256(data).hexdigest(), notes)


def _decode(data: bytes) -> tuple[Pixels, tuple[str, ...]]:
    whole, data = data, _first_webp_frame(data)
    data, extraneous = damage.without_extraneous_bytes(data)
    image = _identify(data)
    orientation = _orientation(image)
    try:
        damage.check_cost(image, data)
        damage.load(image)
        extraneous += damage.check(image, data)
        pixels, notes = to_rgb(image, bits_per_channel(image, data), data)
    except (FileRefusedError, MemoryError):
        raise
    except Exception as error:  # decoders and parsers raise all kinds of errors; all mean damage
        raise damage.DamagedError from error
    if orientation in UPRIGHT:
        notes = ("EXIF orientation applied", *notes)
        pixels = UPRIGHT.get(_orientation(image), np.asarray)(pixels)  # Pillow has already rotated a TIFF
    caveats = (f"{extraneous:,} extra bytes after the image data ignored",) if extraneous else ()
    return np.ascontiguousarray(pixels), (*_frames_note(whole), *notes, *caveats)


def _identify(data: bytes) -> Image.Image:
    """The image with its header read and its size checked; not decoded yet."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise _too_large("far too many pixels") from None
    except Exception as error:  # as above
        raise _not_an_image(data) from error
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(f"{image.width:,} × {image.height:,} pixels")
    return image


def _too_large(size: str) -> FileRefusedError:
    return FileRefusedError(f"has {size}; the limit is {MAX_PIXELS / 1e6:.0f} million. Scale it down")


def _not_an_image(data: bytes) -> FileRefusedError:
    for start, kind in SIGNATURES.items():
        if data.startswith(start) or data[4:].startswith(start):
            article = "an" if kind == "AVIF" else "a"
            return _unsupported_tiff(data) or FileRefusedError(
                f"looks like {article} {kind} image, but is damaged or of an unsupported type. "
                "Copy or download it again, or save it as an 8-bit PNG"
            )
    return FileRefusedError(
        f"is {_describe(data)}, not a {FORMAT_NAMES} image. Save or export it in one of these formats"
    )


def _describe(data: bytes) -> str:
    """What a file is that can't be opened as an image."""
    if data[4:8] == b"ftyp":
        return "a HEIC image" if data[8:12] in HEIC else "a video"
    if data[128:132] == b"DICM":
        return "a DICOM image"
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    matches = (kind for start, kind in UNSUPPORTED_SIGNATURES.items() if head.startswith(start.lower()))
    return next(matches, "in an unknown format")


def _unsupported_tiff(data: bytes) -> FileRefusedError | None:
    """Why a TIFF with a readable directory is not opened; None if unknown."""
    with suppress(Exception):  # the TIFF is broken
        directory = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if b"+" in data[2:4] else 8])
        content = BytesIO(data)
        content.seek(directory.next)
        directory.load(content)
        bands = int(directory.get(SAMPLES_PER_PIXEL, 1))
        if bands > MAX_BANDS:
            return FileRefusedError(f"has {bands} bands; an image has 1, 3 or 4. Save three of them as an RGB image")
    return None


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken metadata around a good image: no rotation
        return 1


def _frames_note(data: bytes) -> tuple[str, ...]:
    """A note if there are further frames or pages; those may be damaged."""
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.format == "TIFF":
                with suppress(EOFError):
                    for number in range(1, MAX_COUNTED_FRAMES + 1):
                        image.seek(number)
                    return (f"first of more than {MAX_COUNTED_FRAMES:,} frames",)
            count = getattr(image, "n_frames", 1)
    except Exception:  # a later frame can't be read
        return ("first of several frames",)
    return (f"first of {count} frames",) if count > 1 else ()


def _first_webp_frame(data: bytes) -> bytes:
    """An animated WebP up to the end of its first frame; anything else unchanged.

    libwebp does not open an animation if a later frame is cut off.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return data
    position = 12
    while position + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, position)
        position += 8 + size + size % 2
        if kind == b"ANMF" and position <= len(data):
            return b"RIFF" + struct.pack("<I", position - 8) + data[8:position]
    return data
