"""faults.md row 16: truncated and bit-flipped images of each format."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crafted import chunk, encoded, png, saved, scene, tiff
from resnet_studio.inference.images.loader import ImageError, open_image

OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("PNG", {}),
    "JPEG": ("JPEG", {"quality": 90}),
    "progressive JPEG": ("JPEG", {"quality": 90, "progressive": True}),
    "JPEG with restarts": ("JPEG", {"quality": 90, "restart_marker_rows": 1}),
    "gray JPEG": ("JPEG", {"quality": 100}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "LZW TIFF": ("TIFF", {"compression": "tiff_lzw"}),
    "Deflate TIFF": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "JPEG TIFF": ("TIFF", {"compression": "jpeg"}),
}
JPEGS = [name for name in OPTIONS if OPTIONS[name][0] == "JPEG"]


def whole(name: str, height: int = 120, width: int = 160) -> bytes:
    kind, options = OPTIONS[name]
    noise = np.random.default_rng(0).integers(0, 40, (height, width, 3))
    picture = Image.fromarray((scene(height, width) // 2 + noise).astype(np.uint8))
    return encoded(picture.convert("L") if name.startswith("gray") else picture, kind, **options)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def spread_positions(data: bytes, count: int) -> Iterator[int]:
    """Positions spread over a file, including its first and last bytes."""
    yield from (int(position) for position in np.linspace(1, len(data) - 1, count))


def refused(folder: Path, data: bytes) -> bool:
    """Whether a file is refused as damaged; anything but opening or that error fails the test."""
    try:
        open_image(saved(folder, data))
    except ImageError as error:
        message = str(error)
    else:
        return False
    assert "damaged" in message or "in an unknown format" in message
    return True


@pytest.mark.parametrize("name", OPTIONS)
def test_an_intact_file_opens(name: str, tmp_path: Path) -> None:
    assert not refused(tmp_path, whole(name))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_truncated_file_is_refused_wherever_it_ends(name: str, tmp_path: Path) -> None:
    data = whole(name)
    ends = list(spread_positions(data, 40))
    if name == "GIF":
        ends.remove(len(data) - 1)  # no pixel depends on its last byte, the trailer
    assert all(refused(tmp_path, data[:end]) for end in ends)


@pytest.mark.parametrize("name", ["PNG", "Deflate TIFF"])
def test_any_flipped_bit_of_the_pixels_is_found_if_the_format_has_checksums(name: str, tmp_path: Path) -> None:
    data = whole(name)
    pixels = data.index(b"IDAT") if name == "PNG" else 200
    end = len(data) if name == "PNG" else len(data) - 400  # a TIFF's directory has no checksum
    bits = np.linspace(8 * pixels, 8 * end - 1, 60).astype(int)
    assert all(refused(tmp_path, flipped(data, int(bit))) for bit in bits)


@pytest.mark.parametrize("name", JPEGS)
def test_a_truncated_jpeg_with_an_end_marker_is_refused(name: str, tmp_path: Path) -> None:
    """Pillow silently opens each of these and draws the missing part in gray."""
    data = whole(name)
    scans = [match.end() for match in re.finditer(b"\xff\xda", data)]
    for start, end in pairwise([*scans, len(data)]):
        for share in (0.3, 0.5, 0.7):
            cut = start + 12 + int(share * (end - start - 12))
            assert refused(tmp_path, data[:cut].rstrip(b"\xff") + b"\xff\xd9")


@pytest.mark.parametrize("name", JPEGS)
def test_an_unfinished_download_is_refused(name: str, tmp_path: Path) -> None:
    """Its full length was allocated, so it ends in zeros."""
    data = whole(name, 480, 640)
    assert all(refused(tmp_path, data[:end] + bytes(len(data) - end)) for end in spread_positions(data, 8))


@pytest.mark.parametrize("name", ["JPEG", "progressive JPEG", "gray JPEG"])
def test_most_broken_codes_of_a_jpeg_are_found(name: str, tmp_path: Path) -> None:
    """A run of wrong bytes leaves too many or too few codes for the image's blocks."""
    data = whole(name)
    scan = data.rindex(b"\xff\xda") + 14
    starts = np.linspace(scan, len(data) - 200, 20).astype(int)
    garbage = bytes(range(1, 129))
    found = sum(refused(tmp_path, data[:start] + garbage + data[start + len(garbage) :]) for start in starts)
    assert found >= 16


@pytest.mark.parametrize("name", OPTIONS)
def test_a_flipped_bit_gives_an_image_or_an_error(name: str, tmp_path: Path) -> None:
    data = whole(name)
    for bit in np.linspace(0, 8 * len(data) - 1, 40).astype(int):
        refused(tmp_path, flipped(data, int(bit)))


@pytest.mark.parametrize("picture", ["flat", "gray", "scene", "noise"])
def test_intact_jpegs_of_all_kinds_open(picture: str, tmp_path: Path) -> None:
    sizes = [(1, 1), (7, 9), (16, 16), (17, 1), (1, 40), (33, 65)]
    for size, progressive, quality in product(sizes, (False, True), (1, 50, 100)):
        pixels = {
            "flat": np.full((*size, 3), (250, 3, 99), np.uint8),
            "gray": np.full(size, 128, np.uint8),
            "scene": scene(*size),
            "noise": np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8),
        }[picture]
        data = encoded(Image.fromarray(pixels), "JPEG", quality=quality, progressive=progressive)
        assert not refused(tmp_path, data)


def test_bytes_after_the_end_of_an_image_are_ignored(tmp_path: Path) -> None:
    for name in ("PNG", "JPEG", "GIF", "WebP", "BMP"):
        assert not refused(tmp_path, whole(name) + b"trailing bytes")


def test_padding_before_the_end_of_a_jpeg_is_ignored(tmp_path: Path) -> None:
    """Some cameras pad the last sector."""
    data = whole("JPEG")
    for padding in (bytes(100), b"\xff" * 100):
        assert not refused(tmp_path, data[:-2] + padding + data[-2:])


JUNK = np.random.default_rng(7).integers(0, 256, 50_000, dtype=np.uint8).tobytes()
"""Contains markers of all kinds."""


@pytest.mark.parametrize("name", [*JPEGS, "JPEG of another camera"])
def test_bytes_that_a_camera_writes_after_the_image_are_ignored(name: str, tmp_path: Path) -> None:
    """Every viewer shows these: libjpeg decodes all blocks and warns of "extraneous bytes before marker 0xd9"."""
    data = whole("JPEG", 33, 65) if name == "JPEG of another camera" else whole(name)
    expected = open_image(saved(tmp_path, data)).pixels
    for junk in (b"end", JUNK[:17], JUNK[:64], JUNK[:500], JUNK[:5_000], JUNK, 4 * b"\xff\xe1\xf0\0", b"\xff\xd8"):
        photograph = open_image(saved(tmp_path, data[:-2] + junk + data[-2:]))
        np.testing.assert_array_equal(photograph.pixels, expected)


def phone_jpegs() -> dict[str, bytes]:
    """JPEGs as phones write them, all of the same image."""
    data = whole("JPEG")
    thumbnail = encoded(Image.fromarray(scene(30, 40)), "JPEG")
    inside = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + thumbnail
    comment = b"\xff\xfe\0\x07hello"
    application = b"\xff\xe2\x01\x00" + bytes(254)
    return {
        "thumbnail in its EXIF": data[:2] + b"\xff\xe1" + struct.pack(">H", len(inside) + 2) + inside + data[2:],
        "second picture behind": data + thumbnail,
        "film behind": data + b"\0\0\0\x18ftypmp42" + JUNK,
        "comment before the end": data[:-2] + comment + data[-2:],
        "application's segments before the end": data[:-2] + 3 * application + data[-2:],
        "filling before a marker": data[:-2] + b"\xff\xff\xff" + data[-2:],
    }


@pytest.mark.parametrize("name", phone_jpegs())
def test_jpegs_of_phones_open_without_a_note(name: str, tmp_path: Path) -> None:
    photograph = open_image(saved(tmp_path, phone_jpegs()[name]))
    np.testing.assert_array_equal(photograph.pixels, open_image(saved(tmp_path, whole("JPEG"))).pixels)
    assert photograph.notes == ()


def test_ycck_opens(tmp_path: Path) -> None:
    """Adobe's marker tells the kind of four channels: 0 is CMYK, 2 is YCCK."""
    data = encoded(Image.fromarray(scene()).convert("CMYK"), "JPEG")
    position = data.index(b"Adobe") + 11
    assert data[position] == 0
    assert not refused(tmp_path, data[:position] + b"\2" + data[position + 1 :])


@pytest.mark.parametrize("junk", [JUNK[:64].replace(b"\xff", b""), JUNK[:5_000], JUNK])
def test_the_note_counts_the_bytes_after_the_image(junk: bytes, tmp_path: Path) -> None:
    data = whole("JPEG")
    photograph = open_image(saved(tmp_path, data[:-2] + junk + data[-2:]))
    read = junk.partition(b"\xff\xd9")[0]  # the first end marker counts
    assert photograph.notes == (f"{len(read):,} extra bytes after the image data ignored",)


@pytest.mark.parametrize("name", JPEGS)
def test_extraneous_bytes_do_not_hide_that_a_jpeg_is_truncated(name: str, tmp_path: Path) -> None:
    data = whole(name)
    for end in np.linspace(data.index(b"\xff\xda") + 20, len(data) - 100, 12).astype(int):
        assert refused(tmp_path, data[:end].rstrip(b"\xff") + b"\xff\x3c\0\x10" + JUNK[:300] + b"\xff\xd9")


def test_endless_segments_after_a_scan_take_no_time(tmp_path: Path) -> None:
    data = whole("JPEG")
    for segment in (b"\xff\xfe\0\2", b"\xff\x3c"):
        began = time.perf_counter()
        refused(tmp_path, data[:-2] + segment * (4_000_000 // len(segment)))
        assert time.perf_counter() - began < 10


def fax(compression: str) -> bytes:
    pattern = np.add.outer(np.arange(120), np.arange(160)) // 9 % 2 == 0
    return encoded(Image.fromarray(pattern), "TIFF", compression=compression)


@pytest.mark.parametrize(("compression", "wrong"), [("group4", b"\xff\xff"), ("tiff_ccitt", b"\0\1")])
def test_bad_code_words_of_a_fax_are_found_and_not_printed(
    compression: str, wrong: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """libtiff fills lines with white, prints "Bad code word at line 29 of strip 0" and reports success."""
    data = fax(compression)
    assert not refused(tmp_path, data)
    positions = np.linspace(60, len(data) - 300, 12).astype(int)
    assert sum(refused(tmp_path, data[:position] + wrong + data[position + 2 :]) for position in positions) >= 8
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"])
def test_messages_of_libtiff_about_other_codes_are_not_printed(
    compression: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encoded(Image.fromarray(scene(120, 160)), "TIFF", compression=compression)
    for position in np.linspace(10, len(data) - 300, 20).astype(int):
        refused(tmp_path, data[:position] + JUNK[:6] + data[position + 6 :])
    assert capfd.readouterr() == ("", "")


def bmp(width: int, height: int, bits: int, codes: bytes) -> bytes:
    """A BMP of runs, bottom row first."""
    palette = b"".join(struct.pack("<BBBB", value, value, value, 0) for value in range(1 << bits))
    start = 54 + len(palette)
    header = struct.pack("<IHHI", start + len(codes), 0, 0, start)
    packed = {8: 1, 4: 2}[bits]
    about = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packed, len(codes), 0, 0, 1 << bits, 0)
    return b"BM" + header + about + palette + codes


ROW = b"\x05\x10\x03\x20\0\0"


@pytest.mark.parametrize(
    ("bits", "width", "codes", "sound"),
    [
        (8, 8, 4 * ROW + b"\0\1", True),
        (8, 8, 4 * ROW, True),
        (8, 8, (4 * ROW)[:-2], True),
        (8, 8, 4 * b"\0\x08abcdefgh\0\0" + b"\0\1", True),
        (8, 8, ROW + b"\0\2\2\1\4\x10\0\0" + ROW + b"\0\1", True),
        (4, 7, 4 * b"\x08\x12\0\0" + b"\0\1", True),
        (8, 8, 2 * ROW + b"\x09\x10\0\0" + ROW + b"\0\1", False),
        (8, 8, ROW + b"\xc8\x10\0\0" + 2 * ROW + b"\0\1", False),
        (8, 8, 4 * b"\0\x0aabcdefghij\0\0" + b"\0\1", False),
        (8, 8, ROW + b"\0\2\x09\1\4\x10\0\0" + ROW + b"\0\1", False),
        (8, 8, 3 * ROW + b"\5\x10", False),
        (4, 7, 4 * b"\x0a\x12\0\0" + b"\0\1", False),
    ],
)
def test_runs_of_a_bmp_end_where_its_rows_do(bits: int, width: int, codes: bytes, sound: bool, tmp_path: Path) -> None:
    """Pillow cuts off runs that are too long and draws the rest of the file elsewhere."""
    assert refused(tmp_path, bmp(width, 4, bits, codes)) != sound


def test_a_wrong_checksum_before_the_pixels_is_found(tmp_path: Path) -> None:
    wrong = bytearray(chunk(b"gAMA", bytes(4)))
    wrong[-1] ^= 1
    assert refused(tmp_path, png(1, 1, 8, 0, b"\0\0", bytes(wrong)))


def test_a_tiff_without_its_last_strip_is_refused(tmp_path: Path) -> None:
    tags: dict[int, int | tuple[int, ...]] = {256: 4, 257: 4, 258: 8, 262: 1, 278: 2}
    strips = tiff(bytes(16), tags | {273: (8, 16), 279: (8, 8)})
    assert not refused(tmp_path, strips)
    assert refused(tmp_path, tiff(bytes(16), tags | {273: (8,), 279: (8,)}))


def test_a_strip_that_inflates_a_thousandfold_is_not_inflated_to_its_end(tmp_path: Path) -> None:
    """The image has four pixels, the strip 200 million; the wrong checksum at its end is never reached."""
    deflate = zlib.compressobj(1)
    strip = b"".join(deflate.compress(bytes(10_000_000)) for _ in range(20)) + deflate.flush()
    damaged = strip[:-1] + bytes([strip[-1] ^ 1])
    data = tiff(damaged, {256: 2, 257: 2, 258: 8, 259: 8, 262: 1})
    assert not refused(tmp_path, data)


@pytest.mark.parametrize("color", [(9, 99, 200), (255, 255, 255)])
def test_a_large_flat_progressive_jpeg_opens(color: tuple[int, int, int], tmp_path: Path) -> None:
    """The last bytes of its last scan have no effect, and there are more of them than any padding has."""
    picture = Image.new("RGB", (6000, 6000), color)
    assert not refused(tmp_path, encoded(picture, "JPEG", progressive=True, quality=30))


@pytest.mark.parametrize("name", ["progressive JPEG", "arithmetic"])
def test_a_jpeg_of_very_many_scans_is_refused_before_it_is_decoded(name: str, tmp_path: Path) -> None:
    """With 64 million pixels, a hundred scans of a few bytes each take 15 seconds."""
    data = whole("progressive JPEG")
    last = data[data.rindex(b"\xff\xda") : -2]
    if name == "arithmetic":
        data = data.replace(b"\xff\xc2", b"\xff\xca", 1)
    with pytest.raises(ImageError, match="has more than 100 scans"):
        open_image(saved(tmp_path, data[:-2] + 100 * last + data[-2:]))


def test_a_tile_far_larger_than_its_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """16 × 16 pixels of a tile of 900 million."""
    tile = zlib.compress(bytes(1000))
    tags: dict[int, int | tuple[int, ...]] = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1}
    tags |= {322: 30_000, 323: 30_000, 324: 8, 325: len(tile)}
    with pytest.raises(ImageError, match="has tiles larger"):
        open_image(saved(tmp_path, tiff(tile, tags)))
