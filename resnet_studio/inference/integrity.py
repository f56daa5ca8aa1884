"""Damage that an image's decoder passes over in silence.

What can be known depends on the format. PNG has a checksum on every chunk and Deflate in TIFF one on every strip:
any flipped bit in the pixels is found. JPEG has none; found are a scan that ends early (libjpeg draws the rest grey)
and one with bytes left over, as most broken Huffman codes lead to one or the other. A flip that only changes a
coefficient makes another valid picture (in trials two of three), and a progressive file that ends exactly between two
scans a coarser one. WebP, GIF, BMP and other TIFF have nothing to check: a missing end is found by their decoders, as
are codes that can't be; any other flipped bit is a changed pixel, and zeros in place of pixels are black ones.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import pairwise

from PIL import Image, TiffImagePlugin

from resnet_studio.files import Refusal
from resnet_studio.inference.colour import bands

PIECE = 1 << 16  # bytes inflated at a time
MOST_FROM_PIECE = 1032 * PIECE  # Deflate's greatest ratio
TAIL = 16  # bytes at the end of a JPEG scan; some cameras leave a few behind
FILLER = bytes((0x5A, 0xA5, 0x33, 0xCC)) * 16
DEFLATE = (8, 32946)
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
RESTARTS = range(0xD0, 0xD8)
CODED, WITHOUT_HEADER = {START_OF_SCAN, *RESTARTS}, {0x01, *RESTARTS}
ARITHMETIC = range(0xC9, 0xD0)
FLAT_SCAN = 256
"""Bytes of a progressive scan that may change nothing: of 64 million pixels of one colour it has half as many."""
MOST_SCANS = 100
"""Of a JPEG. A progressive one has about ten; each is drawn over the whole picture, however few its bytes are."""
MOST_TILE_PIXELS = 1 << 26
"""Of one tile of a TIFF. It is decoded whole, however small the picture is."""
MARKER = re.compile(rb"\xff+([^\x00\xff])")

HEIGHT, COMPRESSION, STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_SIZES = 257, 259, 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325


class DamagedError(Refusal):
    """The file is an image, but not a whole one."""

    def __init__(self) -> None:
        super().__init__("is damaged or incomplete, so nothing of it is used. Copy or download it again")


def check_cost(image: Image.Image, data: bytes) -> None:
    """Raise `Refusal`, before anything is decoded, if that would take far more time or memory than the pixels need."""
    if image.format in ("JPEG", "MPO") and sum(marker == START_OF_SCAN for marker, _, _ in _parts(data)) > MOST_SCANS:
        raise Refusal(f"has more than {MOST_SCANS} scans, which would take minutes to draw. Save it again as a PNG")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        if tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0) > MOST_TILE_PIXELS:
            raise Refusal("has tiles far larger than an image may be. Save it again as a PNG")


def check(image: Image.Image, data: bytes) -> None:
    """Raise `DamagedError` if the first frame of `data`, decoded as `image`, is not what its writer wrote."""
    checks: dict[str, Callable[[Image.Image, bytes], None]] = {
        "PNG": _check_png,
        "JPEG": _check_jpeg,
        "MPO": _check_jpeg,
        "TIFF": _check_tiff,
    }
    if image.format in checks:
        checks[image.format](image, data)


def _check_png(_: Image.Image, data: bytes) -> None:
    """Every chunk's CRC-32, up to the end or to the second frame of an animation."""
    view, position, pixels = memoryview(data), 8, False
    kind = b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise DamagedError
        length, kind = struct.unpack_from(">I4s", data, position)
        if pixels and kind == b"fcTL":
            return
        end = position + 12 + length
        if end > len(data) or zlib.crc32(view[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            raise DamagedError
        pixels |= kind == b"IDAT"
        position = end


def _check_tiff(image: Image.Image, data: bytes) -> None:
    """That no strip is missing, and each Deflate strip's or tile's Adler-32."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags = image.tag_v2
    striped = STRIP_OFFSETS in tags
    offsets = tags[STRIP_OFFSETS if striped else TILE_OFFSETS]
    if striped and len(offsets) < math.ceil(tags[HEIGHT] / tags.get(ROWS_PER_STRIP, tags[HEIGHT])):
        raise DamagedError
    if tags.get(COMPRESSION) in DEFLATE:
        _check_deflate(data, zip(offsets, tags[STRIP_SIZES if striped else TILE_SIZES], strict=False), image.size)


def _check_deflate(data: bytes, parts: Iterable[tuple[int, int]], size: tuple[int, int]) -> None:
    """Inflate every (offset, length), but not more in all than any kind of pixel can need."""
    budget = 16 * size[0] * size[1] + MOST_FROM_PIECE
    for offset, length in parts:
        stream = zlib.decompressobj()
        for start in range(offset, offset + length, PIECE):
            try:
                budget -= len(stream.decompress(data[start : min(start + PIECE, offset + length)]))
            except zlib.error:
                raise DamagedError from None
            if budget < 0:
                return


def _check_jpeg(image: Image.Image, data: bytes) -> None:
    """Decode variants of the file: whole scans are read exactly to their ends, not less and not more.

    Bytes inserted behind every scan change the pixels only if a scan was too short; bytes changed at the end of
    the last one leave the pixels as they are only if they were never read.
    """
    parts = list(_parts(data))
    scans = [(start, end) for marker, start, end in parts if marker in CODED]
    if not scans or any(marker in ARITHMETIC for marker, _, _ in parts):
        return  # in arithmetic coding bytes after the end count as data
    seen = _hash(image)
    ends = [0, *(end for _, end in scans)]
    filled = FILLER.join(data[start:end] for start, end in pairwise([*ends, len(data)]))
    if _decoded(filled) != seen:
        raise DamagedError
    start, end = scans[-1]
    flat = "progressive" in image.info and end - start < FLAT_SCAN
    variants = [] if flat else _tail_variants(data, start, end)
    if variants and all(_decoded(variant) == seen for variant in variants):
        raise DamagedError


def _tail_variants(data: bytes, start: int, end: int) -> list[bytes]:
    """The file with the last bytes of a scan changed, and without them; none if they are padding of zeros or ones."""
    tail = data[max(start, end - TAIL) : end]
    changed = bytes(byte if byte in (0x00, 0xAA, 0xFF) else byte ^ 0x55 for byte in tail)
    if sum(a != b for a, b in zip(tail, changed, strict=True)) < TAIL // 2:
        return []
    before, after = data[: end - len(tail)], data[end:]
    return [before + changed + after, before + after]


def _decoded(data: bytes) -> bytes:
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return _hash(image)


def _hash(image: Image.Image) -> bytes:
    total = hashlib.sha256()
    for band in bands(image):
        total.update(band.tobytes())
    return total.digest()


def _parts(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker of a JPEG before its end, and where that begins and ends which follows its header.

    Behind `CODED` markers that is Huffman-coded data. `DamagedError` if the end is missing: Pillow does without if
    enough bytes of any kind follow, such as the zeros of a download that never ended.
    """
    found = MARKER.search(data, 2)
    while found is not None and (marker := found[1][0]) != END_OF_IMAGE:
        start = found.end()
        if marker not in WITHOUT_HEADER:
            start += int.from_bytes(data[start : start + 2], "big")
        found = MARKER.search(data, start)
        yield marker, start, found.start() if found else len(data)
    if found is None:
        raise DamagedError
