"""Damage that an image's decoder passes over in silence.

What can be known depends on the format. PNG has a checksum on every chunk and Deflate in TIFF one on every strip:
any flipped bit in the pixels is found. JPEG has none; found are a scan that ends early (libjpeg draws the rest grey)
and one whose picture is complete in the midst of a code, with bytes left over, as most broken Huffman codes lead to one
or the other. A scan ends with ones up to the end of its last byte: what some cameras write behind that is no damage. A
flip that only changes a coefficient makes another valid picture (in trials two of three), and a progressive file that
ends exactly between two scans a coarser one. Runs of a BMP have to end where their rows do. Of fax codes in TIFF
libtiff says what it could not read. WebP, GIF, AVIF, PPM, other BMP and TIFF have nothing to check: a missing end is
found by their decoders, as are codes that can't be; any other flipped bit is a changed pixel, and zeros in place of
pixels are black ones.
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

from resnet_studio.files import Refusal
from resnet_studio.inference.images.color import bands
from resnet_studio.inference.images.decoder_messages import heard
from resnet_studio.inference.images.jpeg_codes import SEQUENTIAL, are_blocks, bits_of

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
RESTART_INTERVAL = 0xDD
OF_FURTHER_SCANS = {0xC4, 0xCC, 0xDB, RESTART_INTERVAL, 0xDC, START_OF_SCAN}
"""Tables, restart interval, number of lines."""
BETWEEN_SCANS = {*OF_FURTHER_SCANS, 0xFE, *range(0xE0, 0xF0)}
"""Segments that may follow a scan: these, comments and an application's own."""
SCAN_HEADERS = {bytes((0, 6 + 2 * components, components)) for components in range(1, 5)}
MOST_BETWEEN, MOST_TRIED = 16, 100_000
"""Segments between two scans, and places behind a scan at which they may begin."""
LAST_ROWS = 64
"""Of a picture whose blocks are coded from top to bottom: what is changed behind its last block shows in these."""
ONES = 0xFF
RLE8, RLE4 = 1, 2
MOST_TEXT_VALUES = 4_000_000
"""Of a netpbm image that Pillow reads value by value in Python, about a million a second."""

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
    slow = image.format == "PPM" and any(tile.codec_name != "raw" for tile in getattr(image, "tile", ()))
    if slow and image.width * image.height * len(image.getbands()) > MOST_TEXT_VALUES:
        raise Refusal("is a large PPM image of a kind that takes minutes to read. Save it as a PNG")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        tags = image.tag_v2
        if tags.get(TILE_WIDTH, 0) * tags.get(TILE_HEIGHT, 0) > MOST_TILE_PIXELS:
            raise Refusal("has tiles far larger than an image may be. Save it again as a PNG")


def load(image: Image.Image) -> None:
    """Decode an image. `DamagedError` where libtiff says that it could not read something, and goes on without."""
    if not any(tile.codec_name == "libtiff" for tile in getattr(image, "tile", ())):
        image.load()
        return
    with heard() as messages:
        image.load()
    if messages:
        raise DamagedError


def check(image: Image.Image, data: bytes) -> int:
    """How many bytes stand behind the picture of the first frame of `data`, decoded as `image`, and belong to nothing.

    `DamagedError` if it is not what its writer wrote.
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


def _check_bmp(_: Image.Image, data: bytes) -> None:
    """That runs end where rows do; Pillow drops what is too much of one, and draws the rest elsewhere."""
    offset, _, width, height = struct.unpack_from("<IIii", data, 10)
    packed = struct.unpack_from("<I", data, 30)[0] if data[14] >= 40 else 0
    if packed not in (RLE8, RLE4):
        return
    place, x, rows = offset, 0, 0
    while rows < abs(height):
        if place + 2 > len(data):
            if rows < abs(height) - 1 or x < width:
                raise DamagedError
            return
        count, code = data[place], data[place + 1]
        place += 2
        if count:
            x += count
        elif code == 0:
            x, rows = 0, rows + 1
        elif code == 1:
            return
        elif code == 2:
            x, rows, place = x + data[place], rows + data[place + 1], place + 2
        else:
            x += code
            place += code if packed == RLE8 else (code + 1) // 2
            place += place % 2
        if x > width + (packed == RLE4 and width % 2):  # two pixels share a byte
            raise DamagedError


def without_rubbish(data: bytes) -> tuple[bytes, int]:
    """A JPEG without what stands between its scans and the next segment, and how many bytes that is.

    libjpeg takes these bytes for broken segments. Anything else is given back as it is.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return data, 0
    pieces, kept, place, scanned, restarts = [], 0, 2, False, False
    next_restart = components = drawn = 0
    while (found := MARKER.search(data, place)) and (marker := found[1][0]) != END_OF_IMAGE:
        awaited = RESTARTS[next_restart % 8] if restarts else END_OF_IMAGE
        if scanned and not _follows_a_scan(data, found.start(), awaited):
            if marker in OF_FURTHER_SCANS and drawn != components:
                break  # one that is cut off
            pieces.append(data[kept : found.start()])
            others = (one.start() for one in islice(MARKER.finditer(data, found.start()), MOST_TRIED))
            kept = place = next((one for one in others if _follows_a_scan(data, one, awaited)), len(data))
            continue
        place = found.end()
        if marker in SEQUENTIAL:
            components = int.from_bytes(data[place + 7 : place + 8], "big")
        elif marker == START_OF_SCAN:
            scanned, drawn = True, int.from_bytes(data[place + 2 : place + 3], "big")
        if marker not in WITHOUT_HEADER:
            place += int.from_bytes(data[place : place + 2], "big")
        restarts |= marker == RESTART_INTERVAL
        next_restart = next_restart + 1 if marker in RESTARTS else 0
    whole = b"".join([*pieces, data[kept:]])
    return whole, len(data) - len(whole)


def _check_jpeg(image: Image.Image, data: bytes) -> int:
    """Decode variants of the file: whole scans are read exactly to their ends, not less and not more.

    Bytes inserted behind every scan change the pixels only if a scan was too short; bytes changed at the end of
    the last one leave the pixels as they are only if they were never read.
    """
    parts = list(_parts(data))
    scans = [(start, end) for marker, start, end in parts if marker in CODED]
    if not scans or any(marker in ARITHMETIC for marker, _, _ in parts):
        return 0  # in arithmetic coding bytes after the end count as data
    ends = [0, *(end for _, end in scans)]
    filled = FILLER.join(data[start:end] for start, end in pairwise([*ends, len(data)]))
    if _decoded(filled, 0) != _hash(image, 0):
        raise DamagedError
    start, end = scans[-1]
    progressive = "progressive" in image.info
    top = 0 if progressive else max(0, image.height - LAST_ROWS)
    seen = _hash(image, top)
    variants = [] if progressive and end - start < FLAT_SCAN else _tail_variants(data, start, end)
    if not variants or any(_decoded(variant, top) != seen for variant in variants):
        return 0
    read = _read_to(data, start, end, lambda variant: _decoded(variant, top) == seen)
    unread = _unread_bits(data, read, end, lambda variant: _decoded(variant, top) == seen)
    if "0" in unread or are_blocks(data, start, unread + bits_of(data[read:end])):
        raise DamagedError
    return end - read


def _read_to(data: bytes, start: int, end: int, alike: Callable[[bytes], bool]) -> int:
    """The end of the bytes of a scan on which the picture hangs, where it has others behind them."""

    def unread(place: int) -> bool:
        return alike(_replaced(data, place, end))

    size = TAIL
    while end - size > start and unread(end - size):
        size *= 2
    known, unknown = max(start, end - size), end - size // 2
    while unknown - known > 1:
        middle = (known + unknown) // 2
        known, unknown = (known, middle) if unread(middle) else (middle, unknown)
    return unknown


def _unread_bits(data: bytes, read: int, end: int, alike: Callable[[bytes], bool]) -> str:
    """The bits of the last byte that was read on which nothing hangs: ones, says the standard (ITU-T T.81, F.1.2.3)."""
    last = data[read - 1]
    if data[read - 2 : read] == b"\xff\x00":
        return ""
    known, unknown = 0, 8
    while unknown - known > 1:
        bits = (known + unknown) // 2
        changed = bytes([last ^ ONES >> 8 - bits])
        same = alike(_replaced(data[: read - 1] + changed + data[read:], read, end))
        known, unknown = (bits, unknown) if same else (known, bits)
    return f"{last:08b}"[8 - known :]


def _replaced(data: bytes, place: int, end: int) -> bytes:
    """The file with other bytes from `place` to the end of a scan; no marker may come of its last byte."""
    stuffed = b"\x00" if data[place - 1] == 0xFF else b""
    return data[:place] + stuffed + FILLER + data[end:]


def _follows_a_scan(data: bytes, place: int, restart: int) -> bool:
    """Whether that restart or whole segments begin there that lead to another scan or to the end of the image."""
    for _ in range(MOST_BETWEEN):
        found = MARKER.match(data, place)
        if found is None or found[1][0] == START_OF_SCAN:
            return found is not None and data[found.end() : found.end() + 3] in SCAN_HEADERS
        if found[1][0] in (END_OF_IMAGE, restart):
            return True
        if found[1][0] not in BETWEEN_SCANS:
            return False
        place = found.end() + max(2, int.from_bytes(data[found.end() : found.end() + 2], "big"))
    return False


def _tail_variants(data: bytes, start: int, end: int) -> list[bytes]:
    """The file with the last bytes of a scan changed, and without them; none if they are padding of zeros or ones."""
    tail = data[max(start, end - TAIL) : end]
    changed = bytes(byte if byte in (0x00, 0xAA, 0xFF) else byte ^ 0x55 for byte in tail)
    if sum(a != b for a, b in zip(tail, changed, strict=True)) < TAIL // 2:
        return []
    before, after = data[: end - len(tail)], data[end:]
    return [before + changed + after, before + after]


def _decoded(data: bytes, top: int) -> bytes:
    with Image.open(BytesIO(data), formats=["JPEG"]) as image:
        return _hash(image, top)


def _hash(image: Image.Image, top: int) -> bytes:
    """Of the rows from `top` on."""
    total = hashlib.sha256()
    for band in bands(image.crop((0, top, *image.size)) if top else image):
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
