"""faults.md rows 15, 17 to 19, 22 and 23, and the properties of an opened photograph."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import chunk, encoded, png, saved, scene, tiff
from resnet_studio.inference.images.loader import MAX_BYTES, MAX_PIXELS, ImageError, open_image

LOSSLESS = {"PNG": {}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}, "WEBP": {"lossless": True}, "PPM": {}}
ROW_0_AND_COLUMN_0 = {
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}
"""EXIF 2.3, tag 274: the sides of the upright image that the stored row 0 and column 0 are."""


def frames(count: int = 4) -> list[Image.Image]:
    return [Image.fromarray(np.roll(scene(), 11 * number, axis=1)) for number in range(count)]


def animation(kind: str) -> bytes:
    first, *rest = frames()
    options = {"lossless": True} if kind == "WEBP" else {}
    return encoded(first, kind, save_all=True, append_images=rest, **options)


def as_stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels as a camera in that orientation stores them, by the standard's table."""
    height, width = upright.shape[:2]
    row_side, column_side = ROW_0_AND_COLUMN_0[orientation]
    rows, columns = (height, width) if row_side in ("top", "bottom") else (width, height)
    from_side = {
        "top": lambda steps: {"y": steps},
        "bottom": lambda steps: {"y": height - 1 - steps},
        "left": lambda steps: {"x": steps},
        "right": lambda steps: {"x": width - 1 - steps},
    }
    stored = np.empty((rows, columns, 3), np.uint8)
    for row, column in np.ndindex(rows, columns):
        at = from_side[row_side](row) | from_side[column_side](column)
        stored[row, column] = upright[at["y"], at["x"]]
    return stored


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_the_pixels_that_were_saved(kind: str, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(scene()), kind, **LOSSLESS[kind])
    photograph = open_image(saved(tmp_path, data))
    np.testing.assert_array_equal(photograph.pixels, scene())
    assert photograph.pixels.dtype == np.uint8
    assert photograph.notes == ()


@pytest.mark.parametrize(("kind", "error"), [("JPEG", 3), ("WEBP", 6), ("GIF", 10), ("AVIF", 3)])
def test_lossy_formats_give_nearly_the_pixels_that_were_saved(kind: str, error: float, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(scene()), kind, quality=95, subsampling="4:4:4")
    pixels = open_image(saved(tmp_path, data)).pixels
    assert np.abs(pixels.astype(int) - scene()).mean() < error


def test_a_photograph_has_its_path_and_the_hash_of_the_bytes(tmp_path: Path) -> None:
    path = saved(tmp_path, encoded(Image.fromarray(scene()), "PNG"), "写真 #1 100%.png")
    photograph = open_image(path)
    assert photograph.name == str(path)
    assert photograph.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert photograph.size == (64, 48)


def test_the_error_for_a_folder_has_name_cause_and_advice(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(ImageError) as refused:
        open_image(tmp_path / "holiday")
    assert str(refused.value) == "holiday is a folder, not a file. Choose a file in it."
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_content_decides_and_not_the_extension(kind: str, tmp_path: Path) -> None:
    for name in ("photo.jpg", "photo.png", "photo.tif", "photo.txt", "photo"):
        path = saved(tmp_path, encoded(Image.fromarray(scene()), kind), name)
        assert open_image(path).size == (64, 48)


def archive() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archived:
        archived.writestr("photo.png", encoded(Image.fromarray(scene()), "PNG"))
    return file.getvalue()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n0 0 10 10 rectfill\nshowpage\n%%EOF\n"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Dear diary, today I saw a cat.", "in an unknown format"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b"<html><img src='photo.jpg'></html>", "a web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b'<?xml version="1.0"?><svg/>', "an XML or SVG document"),
        (b"%PDF-1.7\n1 0 obj", "a PDF document"),
        (EPS, "a PostScript document"),
        (archive(), "an archive"),
        (gzip.compress(b"photo", mtime=0), "an archive"),
        (b"8BPS\0\1", "a Photoshop document"),
        (encoded(Image.fromarray(scene()), "TGA"), "in an unknown format"),
        (encoded(Image.fromarray(scene()), "ICO"), "an icon"),
        (b"\0", "in an unknown format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), "a HEIC image"),
        (b"\0\0\0\x20ftypisom\0\0\2\0" + bytes(50), "a video"),
        (encoded(Image.fromarray(scene()), "JPEG2000"), "a JPEG 2000 image"),
        (encoded(Image.fromarray(scene()), "JPEG2000", no_jp2=True), "a JPEG 2000 image"),
        (bytes(128) + b"DICM" + bytes(50), "a DICOM image"),
        (b"\xff\x0a" + bytes(50), "a JPEG XL image"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
    ],
)
def test_files_that_are_not_images_are_refused_and_named(data: bytes, what: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=rf"^photo\.jpg is {what}, not a JPEG, PNG, .* Save or export it in one"):
        open_image(saved(tmp_path, data, "photo.jpg"))


@pytest.mark.parametrize("count", [5, 13])
def test_a_tiff_of_many_bands_is_refused_with_their_number(
    count: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tags: dict[int, int | tuple[int, ...]] = {256: 4, 257: 4, 258: (8,) * count, 262: 1, 277: count}
    with pytest.raises(ImageError, match=rf"^image has {count} bands; .* Save three of them as an RGB image\.$"):
        open_image(saved(tmp_path, tiff(bytes(16 * count), tags)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("greatest", [255, 15, 4095, 65_535])
@pytest.mark.parametrize("kind", [b"P2", b"P3", b"P5", b"P6"])
def test_netpbm_images_are_scaled_by_their_own_range(kind: bytes, greatest: int, tmp_path: Path) -> None:
    """round(255 value / maxval) to within one level, as the program's own steps round too."""
    shape = (3, 4, 3) if kind in (b"P3", b"P6") else (3, 4, 1)
    values = np.random.default_rng(0).integers(0, greatest + 1, shape)
    content = values.astype(np.uint8 if greatest < 256 else ">u2").tobytes()
    if kind in (b"P2", b"P3"):
        content = " ".join(map(str, values.ravel())).encode()
    photograph = open_image(saved(tmp_path, kind + b" # of a test\n4 3\n%d\n" % greatest + content))
    expected = np.broadcast_to(values * 255 / greatest, (3, 4, 3))
    assert np.abs(photograph.pixels - expected).max() <= 1


def test_a_netpbm_image_that_would_take_minutes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is a large PPM image of a type that takes minutes to decode"):
        open_image(saved(tmp_path, b"P5 5000 4000 4095\n" + bytes(40_000_000)))


@pytest.mark.parametrize("kind", ["PPM", "AVIF"])
def test_truncated_ppm_and_avif_are_refused(kind: str, tmp_path: Path) -> None:
    data = encoded(Image.fromarray(scene()), kind)
    for end in np.linspace(16, len(data) - 1, 30).astype(int):
        with pytest.raises(ImageError, match="damaged"):
            open_image(saved(tmp_path, data[:end]))


def test_postscript_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ghostscript = saved(tmp_path, b"#!/bin/sh\necho started > " + bytes(tmp_path / "started"), "gs")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError):
        open_image(saved(tmp_path, EPS, "photo.jpg"))
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"II*\0", b"RIFF"])
def test_a_broken_header_has_an_error_of_its_own(start: bytes, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"looks like a \w+ image, but is damaged or of an unsupported type\. Copy"):
        open_image(saved(tmp_path, start + b"and nothing else"))


def bombs() -> dict[str, bytes]:
    """Headers that announce many pixels, without any data to decode."""
    size = struct.pack("<HH", 65_535, 65_535)
    webp_frame = b"VP8L" + struct.pack("<IBI", 8, 0x2F, (16_383 - 1) | (16_383 - 1) << 14) + b"xxx"
    return {
        "PNG of 100 million pixels": png(10_000, 10_000, 1, 0, b""),
        "PNG of 3,600 million pixels": png(60_000, 60_000, 1, 0, b""),
        "PNG one row above the limit": png(8_000, 8_001, 1, 0, b""),
        "GIF": b"GIF89a" + size + bytes(3) + b"," + bytes(4) + size + b"\0\x08\0;",
        "BMP": b"BM" + struct.pack("<IHHI IiiHHIIiiII", 54, 0, 0, 54, 40, 9_000, 9_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "TIFF": tiff(b"x", {256: 9_000, 257: 9_000, 258: 8, 262: 1}),
        "WebP": b"RIFF" + struct.pack("<I", 4 + len(webp_frame)) + b"WEBP" + webp_frame,
    }


@pytest.mark.parametrize("kind", bombs())
def test_more_pixels_than_the_limit_are_refused_before_any_is_decoded(kind: str, tmp_path: Path) -> None:
    """Their pixels are missing: a decoder that was started would report that instead."""
    assert MAX_PIXELS == 64_000_000
    with pytest.raises(ImageError, match=r"pixels; the limit is 64 million\. Scale it down"):
        open_image(saved(tmp_path, bombs()[kind]))


def test_a_flat_image_above_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="has 10,000 × 10,000 pixels; the limit is 64 million"):
        open_image(saved(tmp_path, encoded(Image.new("1", (10_000, 10_000)), "PNG")))


def test_more_bytes_than_the_limit_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, b"\x89PNG")
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageError, match="is 512,000,001 bytes, and the limit is 512,000,000"):
        open_image(path)


def test_inflated_metadata_is_refused(tmp_path: Path) -> None:
    comment = b"Comment\0\0" + zlib.compress(bytes(20_000_000))
    with pytest.raises(ImageError):
        open_image(saved(tmp_path, png(1, 1, 8, 0, b"\0\0", chunk(b"zTXt", comment))))


@pytest.mark.parametrize("orientation", ROW_0_AND_COLUMN_0)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_gives_the_upright_pixels(kind: str, orientation: int, tmp_path: Path) -> None:
    upright = scene(6, 9)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(as_stored(upright, orientation))
    photograph = open_image(saved(tmp_path, encoded(stored, kind, exif=exif, **LOSSLESS[kind])))
    np.testing.assert_array_equal(photograph.pixels, upright)
    assert photograph.notes == ("EXIF orientation applied",)


@pytest.mark.parametrize("orientation", ROW_0_AND_COLUMN_0)
def test_exif_orientation_of_a_jpeg(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(as_stored(scene(), orientation)), "JPEG", exif=exif, quality=95, subsampling=0)
    photograph = open_image(saved(tmp_path, data))
    assert photograph.size == (64, 48)
    assert np.abs(photograph.pixels.astype(int) - scene()).mean() < 3


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\xff", b"Exif\0\0rubbish", b"Exif\0\0"])
def test_an_image_with_broken_metadata_opens(exif: bytes, tmp_path: Path) -> None:
    photograph = open_image(saved(tmp_path, encoded(Image.fromarray(scene()), "JPEG", exif=exif)))
    assert (photograph.size, photograph.notes) == ((64, 48), ())


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_unknown_orientations_leave_the_image_unchanged(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photograph = open_image(saved(tmp_path, encoded(Image.fromarray(scene()), "PNG", exif=exif)))
    np.testing.assert_array_equal(photograph.pixels, scene())


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_extreme_shapes_open(kind: str, size: tuple[int, int], tmp_path: Path) -> None:
    photograph = open_image(saved(tmp_path, encoded(Image.new("RGB", size, (200, 40, 90)), kind)))
    assert photograph.size == size
    assert np.abs(photograph.pixels.astype(int) - (200, 40, 90)).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF", "MPO"])
def test_the_first_frame_is_used_and_noted(kind: str, tmp_path: Path) -> None:
    photograph = open_image(saved(tmp_path, animation(kind)))
    assert np.abs(photograph.pixels.astype(int) - scene()).mean() < 10  # a GIF has 256 colors, an MPO is a JPEG
    assert photograph.notes == ("first of 4 frames",)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_a_later_frame_may_be_damaged(kind: str, tmp_path: Path) -> None:
    data = animation(kind)
    whole = open_image(saved(tmp_path, data)).pixels
    third = len(data) * 5 // 8
    garbage = np.random.default_rng(0).bytes(40)
    for broken in (data[:third] + garbage + data[third + 40 :], data[:third]):
        photograph = open_image(saved(tmp_path, broken))
        np.testing.assert_array_equal(photograph.pixels, whole)
        assert photograph.notes[0].startswith("first of ")


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_a_damaged_first_frame_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        open_image(saved(tmp_path, animation(kind)[: len(animation(kind)) // 8]))


def test_counting_of_pages_stops_at_a_limit(tmp_path: Path) -> None:
    page = tiff(bytes(4), {256: 2, 257: 2, 258: 8, 262: 1})
    directory = page[12:]  # after the header and four pixels
    places = [12 + number * len(directory) for number in range(1, 3000)]
    pages = [directory[:-4] + struct.pack("<I", place) for place in [*places, 0]]
    photograph = open_image(saved(tmp_path, page[:12] + b"".join(pages)))
    assert photograph.notes == ("first of more than 1,000 frames",)
