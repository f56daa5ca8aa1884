"""Detection of damage that image decoders silently ignore.

What can be detected depends on the format:
- PNG has a checksum for every chunk, and Deflate in TIFF one for every strip: any flipped bit in the pixels is found.
- JPEG has none. A scan that ends early is found (libjpeg draws the rest gray), and so is one whose image is complete in
  the middle of a code, with bytes left over; most broken Huffman codes lead to one or the other. A scan is padded with
  ones to the end of its last byte; bytes that some cameras write after that are not damage. A flip that only changes a
  coefficient gives another valid image (two of three in trials), and a progressive file that ends exactly between two
  scans gives a coarser one: neither is found.
- Runs of a BMP have to end where their rows do. For fax codes in TIFF, libtiff reports what it could not read.
- WebP, GIF, AVIF, PPM, other BMP and TIFF have nothing to check. Their decoders find a missing end and invalid codes;
  any other flipped bit changes a pixel, and zeros instead of pixels are black.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from itertools import islice, pairwise

from PIL import Image, TiffImagePlugin

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.images.color import bands
from resnet_studio.inference.images.decoder_messages import captured_messages
from resnet_studio.inference.images.jpeg_codes import SEQUENTIAL, are_whole_blocks, bits_of

CHUNK_SIZE = 1 << 16  # bytes inflated at a time
MAX_FROM_CHUNK = 1032 * CHUNK_SIZE  # Deflate's highest ratio
TAIL = 16  # bytes at the end of a JPEG scan; some cameras leave a few behind
FILLER = bytes((0x5A, 0xA5, 0x33, 0xCC)) * 16
DEFLATE = (8, 32946)
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
RESTARTS = range(0xD0, 0xD8)
CODED_MARKERS, WITHOUT_HEADER = {START_OF_SCAN, *RESTARTS}, {0x01, *RESTARTS}
ARITHMETIC_MARKERS = range(0xC9, 0xD0)
FLAT_SCAN = 256
"""Bytes of a progressive scan that may have no effect: 64 million pixels of one color take half as many."""
MAX_SCANS = 100
"""Of a JPEG. A progressive one has about ten; each is decoded for the whole image, no matter how short it is."""
MAX_TILE_PIXELS = 1 << 26
"""Of one tile of a TIFF. A tile is decoded as a whole, even for a small image."""
MARKER = re.compile(rb"\xff+([^\x00\xff])")
RESTART_INTERVAL = 0xDD
LATER_SCAN_MARKERS = {0xC4, 0xCC, 0xDB, RESTART_INTERVAL, 0xDC, START_OF_SCAN}
"""Tables, restart interval, number of lines, start of scan."""
BETWEEN_SCANS = {*LATER_SCAN_MARKERS, 0xFE, *range(0xE0, 0xF0)}
"""Segments that may follow a scan: these, comments and application segments."""
SCAN_HEADERS = {bytes((0, 6 + 2 * components, components)) for components in range(1, 5)}
MAX_SEGMENTS_BETWEEN, MAX_TRIED = 16, 100_000
"""Segments between two scans, and positions after a scan at which they may begin."""
LAST_ROWS = 64
"""Rows to compare for an image whose blocks are coded from top to bottom: changes near the end of its data show up
in these."""
ONES = 0xFF
RLE8, RLE4 = 1, 2
MAX_SLOW_VALUES = 4_000_000
"""Of a netpbm image that Pillow reads value by value in Python, at about a million per second."""

HEIGHT, COMPRESSION, STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_SIZES = 257, 259, 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325


class DamagedError(FileRefusedError):
    """The file is an image, but a damaged or incomplete one."""

    def __init__(self) -> None:
        super().__init__("is damaged or incomplete. Copy or download it again")


def check_cost(image: Image.Image, data: bytes) -> None:
    """Raise `FileRefusedError` if decoding would take far more time or memory than the pixels need."""
    if image.format in ("JPEG", "MPO") and sum(marker == START_OF_SCAN for marker, _, _ in _segments(data)) > MAX_SCANS:
        raise FileRefusedError(f"has more than {MAX_SCANS} scans, which would take minutes to decode. Save it as a PNG")
    slow = image.format == "PPM" and any(tile.codec_name != "raw" for tile in getattr(image, "tile", ()))
    if slow and image.width * image.height * len(image.getbands()) > MAX_SLOW_VALUES:
        raise FileRefusedError("is a large PPM image of a type that takes minutes to decode. Save it as a PNG")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        if tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0) > MAX_TILE_PIXELS:
            raise FileRefusedError("has tiles larger than the maximum image size. Save it as a PNG")


def load(image: Image.Image) -> None:
    """Decode an image. `DamagedError` if libtiff reports data that it could not read (it continues without them)."""
    if not any(tile.codec_name == "libtiff" for tile in getattr(image, "tile", ())):
        image.load()
        return
    with captured_messages() as messages:
        image.load()
    if messages:
        raise DamagedError


def check(image: Image.Image, data: bytes) -> int:
    """Check the first frame of `data`, decoded as `image`; returns the number of extraneous bytes after its pixels.

    `DamagedError` if it is damaged.
    """
    checks: dict[str, Callable[[Image.Image, bytes], int | None]] = {
        "PNG": _check_png,
        "JPEG": _check_jpeg,
        "MPO": _check_jpeg,
        "TIFF": _check_tiff,
        "BMP": _check_bmp,
    }
    return (image.format in checks and checks[image.format](image, data)) or 0


def _check_png(_: Image.Image, data: bytes) -> None:
    """Check every chunk's CRC-32, up to the end or to the second frame of an animation."""
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
    """Check that no strip is missing, and the Adler-32 of each Deflate strip or tile."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    tags = image.tag_v2
    striped = STRIP_OFFSETS in tags
    offsets = tags[STRIP_OFFSETS if striped else TILE_OFFSETS]
    if striped and len(offsets) < math.ceil(tags[HEIGHT] / tags.get(ROWS_PER_STRIP, tags[HEIGHT])):
        raise DamagedError
    if tags.get(COMPRESSION) in DEFLATE:
        _check_deflate(data, zip(offsets, tags[STRIP_SIZES if striped else TILE_SIZES], strict=False), image.size)


def _check_deflate(data: bytes, pieces: Iterable[tuple[int, int]], size: tuple[int, int]) -> None:
    """Inflate every (offset, length), but no more in total than any pixel format can need."""
    budget = 16 * size[0] * size[1] + MAX_FROM_CHUNK
    for offset, length in pieces:
        stream = zlib.decompressobj()
        for start in range(offset, offset + length, CHUNK_SIZE):
            try:
                budget -= len(stream.decompress(data[start : min(start + CHUNK_SIZE, offset + length)]))
            except zlib.error:
                raise DamagedError from None
            if budget < 0:
                return


def _check_bmp(_: Image.Image, data: bytes) -> None:
    """Check that runs end where rows do; Pillow cuts off a run that is too long and draws the rest elsewhere."""
    offset, _, width, height = struct.unpack_from("<IIii", data, 10)
    compression = struct.unpack_from("<I", data, 30)[0] if data[14] >= 40 else 0
    if compression not in (RLE8, RLE4):
        return
    position, x, row = offset, 0, 0
    while row < abs(height):
        if position + 2 > len(data):
            if row < abs(height) - 1 or x < width:
                raise DamagedError
            return
        count, code = data[position], data[position + 1]
        position += 2
        if count:
            x += count
        elif code == 0:
            x, row = 0, row + 1
        elif code == 1:
            return
        elif code == 2:
            x, row, position = x + data[position], row + data[position + 1], position + 2
        else:
            x += code
            position += code if compression == RLE8 else (code + 1) // 2
            position += position % 2
        if x > width + (compression == RLE4 and width % 2):  # two pixels share a byte
            raise DamagedError


def without_extraneous_bytes(data: bytes) -> tuple[bytes, int]:
    """A JPEG without extraneous bytes between its scans and the next segment, and the number of those bytes.

    libjpeg takes these bytes for broken segments. Other formats are returned unchanged.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return data, 0
    pieces, start, position, in_scan, restarts = [], 0, 2, False, False
    next_restart = components = scan_components = 0
    while (match := MARKER.search(data, position)) and (marker := match[1][0]) != END_OF_IMAGE:
        expected = RESTARTS[next_restart % 8] if restarts else END_OF_IMAGE
        if in_scan and not _may_follow_scan(data, match.start(), expected):
            if marker in LATER_SCAN_MARKERS and scan_components != components:
                break  # the scan is cut off
            pieces.append(data[start : match.start()])
            candidates = (other.start() for other in islice(MARKER.finditer(data, match.start()), MAX_TRIED))
            start = position = next((at for at in candidates if _may_follow_scan(data, at, expected)), len(data))
            continue
        position = match.end()
        if marker in SEQUENTIAL:
            components = int.from_bytes(data[position + 7 : position + 8], "big")
        elif marker == START_OF_SCAN:
            in_scan, scan_components = True, int.from_bytes(data[position + 2 : position + 3], "big")
        if marker not in WITHOUT_HEADER:
            position += int.from_bytes(data[position : position + 2], "big")
        restarts |= marker == RESTART_INTERVAL
        next_restart = next_restart + 1 if marker in RESTARTS else 0
    cleaned = b"".join([*pieces, data[start:]])
    return cleaned, len(data) - len(cleaned)


def _check_jpeg(image: Image.Image, data: bytes) -> int:
    """Decode variants of the file: a decoder reads intact scans exactly to their ends, no less and no more.

    Bytes inserted after every scan change the pixels only if a scan was too short; changing bytes at the end of the
    last scan leaves the pixels unchanged only if they were never read.
    """
    segments = list(_segments(data))
    scans = [(start, end) for marker, start, end in segments if marker in CODED_MARKERS]
    if not scans or any(marker in ARITHMETIC_MARKERS for marker, _, _ in segments):
        return 0  # in arithmetic coding, bytes after the end count as data
    ends = [0, *(end for _, end in scans)]
    filled = FILLER.join(data[start:end] for start, end in pairwise([*ends, len(data)]))
    if _decoded_hash(filled, 0) != _pixel_hash(image, 0):
        raise DamagedError
    start, end = scans[-1]
    progressive = "progressive" in image.info
    top = 0 if progressive else max(0, image.height - LAST_ROWS)
    expected = _pixel_hash(image, top)
    variants = [] if progressive and end - start < FLAT_SCAN else _tail_variants(data, start, end)
    if not variants or any(_decoded_hash(variant, top) != expected for variant in variants):
        return 0
    read_end = _find_read_end(data, start, end, lambda variant: _decoded_hash(variant, top) == expected)
    unread = _unread_bits(data, read_end, end, lambda variant: _decoded_hash(variant, top) == expected)
    if "0" in unread or are_whole_blocks(data, start, unread + bits_of(data[read_end:end])):
        raise DamagedError
    return end - read_end


def _find_read_end(data: bytes, start: int, end: int, same_pixels: Callable[[bytes], bool]) -> int:
    """The end of the bytes that the decoder reads, in a scan that has extraneous bytes after them."""

    def unread(position: int) -> bool:
        return same_pixels(_replaced(data, position, end))

    size = TAIL
    while end - size > start and unread(end - size):
        size *= 2
    low, high = max(start, end - size), end - size // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if unread(middle) else (middle, high)
    return high


def _unread_bits(data: bytes, read_end: int, end: int, same_pixels: Callable[[bytes], bool]) -> str:
    """The unused bits of the last byte that was read; the standard pads with ones (ITU-T T.81, F.1.2.3)."""
    last = data[read_end - 1]
    if data[read_end - 2 : read_end] == b"\xff\x00":
        return ""
    low, high = 0, 8
    while high - low > 1:
        bits = (low + high) // 2
        changed = bytes([last ^ ONES >> 8 - bits])
        same = same_pixels(_replaced(data[: read_end - 1] + changed + data[read_end:], read_end, end))
        low, high = (bits, high) if same else (low, bits)
    return f"{last:08b}"[8 - low :]


def _replaced(data: bytes, position: int, end: int) -> bytes:
    """The file with other bytes from `position` to the end of a scan; the byte before them must not form a marker."""
    stuffed = b"\x00" if data[position - 1] == 0xFF else b""
    return data[:position] + stuffed + FILLER + data[end:]


def _may_follow_scan(data: bytes, position: int, restart: int) -> bool:
    """Whether the restart marker begins here, or valid segments that lead to another scan or to the image's end."""
    for _ in range(MAX_SEGMENTS_BETWEEN):
        match = MARKER.match(data, position)
        if match is None or match[1][0] == START_OF_SCAN:
            return match is not None and data[match.end() : match.end() + 3] in SCAN_HEADERS
        if match[1][0] in (END_OF_IMAGE, restart):
            return True
        if match[1][0] not in BETWEEN_SCANS:
            return False
        position = match.end() + max(2, int.from_bytes(data[match.end() : match.end() + 2], "big"))
    return False


def _tail_variants(data: bytes, start: int, end: int) -> list[bytes]:
    """The file with the last bytes of a scan changed, and without them; empty if they are padding of zeros or ones."""
    tail = data[max(start, end - TAIL) : end]
    changed = bytes(byte if byte in (0x00, 0xAA, 0xFF) else byte ^ 0x55 for byte in tail)
    if sum(a != b for a, b in zip(tail, changed, strict=True)) < TAIL // 2:
        return []
    before, after = data[: end - len(tail)], data[end:]
    return [before + changed + after, before + after]


def _decoded_hash(data: bytes, top: int) -> bytes:
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return _pixel_hash(image, top)


def _pixel_hash(image: Image.Image, top: int) -> bytes:
    """SHA-256 of the rows from `top` on."""
    total = hashlib.sha256()
    for band in bands(image.crop((0, top, *image.size)) if top else image):
        total.update(band.tobytes())
    return total.digest()


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker of a JPEG before its end, with start and end of the data after its header.

    After `CODED_MARKERS`, these are Huffman-coded data. `DamagedError` if the end marker is missing: Pillow ignores
    that if enough bytes of any kind follow, such as the zeros of an incomplete download.
    """
    match = MARKER.search(data, 2)
    while match is not None and (marker := match[1][0]) != END_OF_IMAGE:
        start = match.end()
        if marker not in WITHOUT_HEADER:
            start += int.from_bytes(data[start : start + 2], "big")
        match = MARKER.search(data, start)
        yield marker, start, match.start() if match else len(data)
    if match is None:
        raise DamagedError
