"""faults.md rows 20 and 21: conversion of every kind of pixel."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import chunk, encoded, gray_tiff, png, png_of, saved, scene, tiff
from resnet_studio.inference.images.loader import ImageError, open_image

GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # PNG's color types
OVER_WHITE = "transparency blended with white"
SIXTEEN_BITS = "16-bit values scaled from 0 … 65535"


def opened(folder: Path, data: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    photograph = open_image(saved(folder, data))
    return photograph.pixels.astype(int), photograph.notes


def gray_levels(folder: Path, data: bytes) -> tuple[list[int], str]:
    """The gray levels of an image of one row, and its only note."""
    pixels, (note,) = opened(folder, data)
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist(), note


def test_16_bit_values_made_of_8_bits_give_the_8_bits_again(tmp_path: Path) -> None:
    """v · 257 maps 0 … 255 to 0 … 65535, so every level comes back, including white and black."""
    levels = np.arange(256).reshape(16, 16)
    for data in (png_of(levels * 257, GRAY), gray_tiff((levels * 257).astype("<u2"), 16)):
        pixels, notes = opened(tmp_path, data)
        np.testing.assert_array_equal(pixels[..., 1], levels)
        assert notes == (SIXTEEN_BITS,)


def test_16_bits_in_either_byte_order(tmp_path: Path) -> None:
    little = gray_tiff(np.array([[0, 0x8000, 0xFFFF]], "<u2"), 16)
    directory = int.from_bytes(little[4:8], "little")
    entries = [struct.unpack_from("<HHII", little, directory + 2 + 12 * number) for number in range(9)]
    big = b"MM\0*" + struct.pack(">I", directory) + np.array([0, 0x8000, 0xFFFF], ">u2").tobytes()
    big += struct.pack(">H", 9) + b"".join(struct.pack(">HHII", *entry) for entry in entries) + bytes(4)
    assert gray_levels(tmp_path, big) == gray_levels(tmp_path, little) == ([0, 128, 255], SIXTEEN_BITS)


def test_16_bits_are_rounded(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 385, 386, 65_406, 65_407, 65_535]])
    assert gray_levels(tmp_path, png_of(values, GRAY))[0] == [0, 0, 1, 1, 2, 254, 255, 255]


@pytest.mark.parametrize("color", [RGB, RGB_ALPHA, GRAY_ALPHA])
def test_16_bits_of_color_are_rounded_too(color: int, tmp_path: Path) -> None:
    """Not truncated to the upper byte, which would turn 0x01FF (1.99) into 1."""
    channels = {RGB: 3, RGB_ALPHA: 4, GRAY_ALPHA: 2}[color]
    values = np.random.default_rng(5).integers(0, 65_536, (9, 31, channels))
    values[0, :8, :3] = np.array([0, 128, 129, 385, 386, 65_406, 65_407, 65_535])[:, None]
    if color != RGB:
        values[..., -1] = 65_535
    pixels, notes = opened(tmp_path, png_of(values, color))
    expected = np.rint(values[..., : 1 if color == GRAY_ALPHA else 3] / 65_535 * 255)
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
    assert notes == (SIXTEEN_BITS,)


@pytest.mark.parametrize("color", [RGB_ALPHA, GRAY_ALPHA])
def test_16_bits_with_16_bits_of_transparency(color: int, tmp_path: Path) -> None:
    values = np.random.default_rng(6).integers(0, 65_536, (5, 40, 4 if color == RGB_ALPHA else 2))
    pixels, notes = opened(tmp_path, png_of(values, color))
    alpha = values[..., -1:] / 65_535
    expected = np.rint(255 * (alpha * values[..., :-1] / 65_535 + 1 - alpha))
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
    assert notes == (SIXTEEN_BITS, OVER_WHITE)


def test_one_transparent_color_of_16_bits(tmp_path: Path) -> None:
    values = np.array([[[300, 301, 302], [300, 301, 303], [65_535, 0, 0]]])
    data = png_of(values, RGB, chunk(b"tRNS", struct.pack(">HHH", 300, 301, 302)))
    pixels, notes = opened(tmp_path, data)
    assert pixels.tolist() == [[[255, 255, 255], [1, 1, 1], [255, 0, 0]]]
    assert notes == (SIXTEEN_BITS, OVER_WHITE)


@pytest.mark.parametrize(
    ("maximum", "used_bits"), [(4095, 12), (3000, 12), (256, 12), (255, 8), (17, 8), (4096, 16), (60_000, 16)]
)
def test_few_bits_in_16_are_scaled_by_their_own_range(maximum: int, used_bits: int, tmp_path: Path) -> None:
    """A camera's 12 bits would be nearly black in the range of 16; the note says what was done."""
    values = np.linspace(0, maximum, 64).astype(int).reshape(1, 64)
    expected = np.rint(values / (2**used_bits - 1) * 255)
    cases = (
        png_of(values, GRAY), gray_tiff(values.astype("<u2"), 16), png_of(values[..., None].repeat(3, axis=2), RGB),
        png_of(np.stack([values, np.full_like(values, 65_535)], axis=2), GRAY_ALPHA),
    )  # fmt: skip
    for data in cases:
        pixels, (note,) = opened(tmp_path, data)
        np.testing.assert_array_equal(pixels[..., 0], expected)
        assert f"0 … {2**used_bits - 1}" in note
        assert (f"use only {used_bits} bits (max {maximum})" in note) == (used_bits < 16)


@pytest.mark.parametrize("color", [RGB, RGB_ALPHA])
def test_16_bits_in_color(color: int, tmp_path: Path) -> None:
    values = scene().astype(int) * 257
    if color == RGB_ALPHA:
        values = np.concatenate([values, np.full((48, 64, 1), 65_535)], axis=2)
    pixels, notes = opened(tmp_path, png_of(values, color))
    np.testing.assert_array_equal(pixels, scene())
    assert notes == (SIXTEEN_BITS,)


def test_12_bits_are_scaled_from_their_own_range(tmp_path: Path) -> None:
    """Two values in three bytes: 0xFFF and 0x000."""
    data = tiff(bytes([0xFF, 0xF0, 0x00]), {256: 2, 257: 1, 258: 12, 262: 1})
    assert gray_levels(tmp_path, data) == ([255, 0], "12-bit values scaled from 0 … 4095")


def test_32_bit_integers_are_scaled_from_minimum_to_maximum(tmp_path: Path) -> None:
    data = gray_tiff(np.array([[-1000, 0, 4100]], "<i4"), 32, sample_format=2)
    assert gray_levels(tmp_path, data) == ([0, 50, 255], "32-bit integers scaled from their range, -1000 … 4100")


def test_unsigned_32_bit_integers_keep_their_upper_half(tmp_path: Path) -> None:
    data = gray_tiff(np.array([[0, 2**30, 2**31 + 2**30, 2**32 - 1]], "<u4"), 32)
    assert gray_levels(tmp_path, data)[0] == [0, 64, 191, 255]


def test_signed_16_bit_integers_are_scaled_from_minimum_to_maximum(tmp_path: Path) -> None:
    data = gray_tiff(np.array([[-32_768, 32_767]], "<i2"), 16, sample_format=2)
    assert gray_levels(tmp_path, data) == ([0, 255], "16-bit integers scaled from their range, -32768 … 32767")


def test_floats_from_0_to_1_keep_their_contrast(tmp_path: Path) -> None:
    data = gray_tiff(np.array([[0.2, 0.4, 0.6]], "<f4"), 32, sample_format=3)
    assert gray_levels(tmp_path, data) == ([51, 102, 153], "floating-point values scaled from 0 … 1")


def test_other_floats_are_scaled_from_minimum_to_maximum(tmp_path: Path) -> None:
    data = gray_tiff(np.array([[-1.5, 0, 3.6]], "<f4"), 32, sample_format=3)
    assert gray_levels(tmp_path, data) == (
        [0, 75, 255],
        "floating-point values scaled from their range, -1.5 … 3.6",
    )


def test_the_widest_floats_do_not_overflow(tmp_path: Path) -> None:
    extreme = float(np.finfo("f4").max)
    data = gray_tiff(np.array([[-extreme, 0, extreme]], "<f4"), 32, sample_format=3)
    assert gray_levels(tmp_path, data)[0] == [0, 128, 255]


def test_a_constant_image_does_not_divide_by_zero(tmp_path: Path) -> None:
    assert gray_levels(tmp_path, gray_tiff(np.full((1, 2), 7, "<i4"), 32, sample_format=2))[0] == [0, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    values = np.zeros((600, 3000), "<f4")  # more than one band
    values[-1, -1] = value
    with pytest.raises(ImageError, match=r"has NaN or infinite values"):
        opened(tmp_path, gray_tiff(values, 32, sample_format=3))


def test_bands_join_without_a_seam(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65_535, 1500).astype("<u2")[:, None].repeat(1400, axis=1)
    pixels, _ = opened(tmp_path, gray_tiff(ramp, 16))
    np.testing.assert_array_equal(pixels[..., 0], np.rint(ramp / 257))


@pytest.mark.parametrize(("type_", "bits", "sample_format"), [("<u2", 16, 1), ("<f4", 32, 3)])
def test_white_may_be_zero(type_: str, bits: int, sample_format: int, tmp_path: Path) -> None:
    top = 65_535 if bits == 16 else 1
    data = gray_tiff(np.array([[0, top]], type_), bits, sample_format=sample_format, photometric=0)
    assert gray_levels(tmp_path, data)[0] == [255, 0]


@pytest.mark.parametrize("alpha", [0, 1, 100, 254])
def test_alpha_is_blended_over_white(alpha: int, tmp_path: Path) -> None:
    color = np.array([200, 40, 90])
    image = Image.fromarray(np.array([[[*color, alpha], [*color, 255]]], np.uint8))
    pixels, notes = opened(tmp_path, encoded(image, "PNG"))
    expected = (color * alpha + 255 * (255 - alpha)) / 255
    assert np.abs(pixels[0, 0] - expected).max() <= 1
    assert (pixels[0, 1] == color).all()
    assert notes == (OVER_WHITE,)


def test_fully_transparent_is_white(tmp_path: Path) -> None:
    pixels, notes = opened(tmp_path, encoded(Image.new("RGBA", (5, 4)), "PNG"))
    assert (pixels == 255).all()
    assert notes == (OVER_WHITE,)


def test_alpha_that_hides_nothing_needs_no_note(tmp_path: Path) -> None:
    assert opened(tmp_path, encoded(Image.fromarray(scene()).convert("RGBA"), "PNG"))[1] == ()


def test_gray_with_alpha(tmp_path: Path) -> None:
    data = png(2, 1, 8, GRAY_ALPHA, bytes([0, 100, 255, 100, 0]))
    pixels, notes = opened(tmp_path, data)
    assert pixels[0].tolist() == [[100] * 3, [255] * 3]
    assert notes == (OVER_WHITE,)


def test_gray_premultiplied_by_its_alpha(tmp_path: Path) -> None:
    """ExtraSamples 1: half-transparent black is (0, 128), half-transparent white (128, 128)."""
    data = tiff(bytes([0, 128, 128, 128]), {256: 2, 257: 1, 258: (8, 8), 262: 1, 277: 2, 338: 1})
    pixels, _ = opened(tmp_path, data)
    assert pixels[0].tolist() == [[127] * 3, [255] * 3]


@pytest.mark.parametrize("transparency", [b"\0", bytes([255, 0])])
def test_palette_with_transparency(transparency: bytes, tmp_path: Path) -> None:
    palette = chunk(b"PLTE", bytes([10, 20, 30, 200, 40, 90]))
    data = png(2, 1, 8, PALETTE, bytes([0, 0, 1]), palette, chunk(b"tRNS", transparency))
    pixels, notes = opened(tmp_path, data)
    hidden = transparency.index(0)
    assert pixels[0, hidden].tolist() == [255, 255, 255]
    assert pixels[0, 1 - hidden].tolist() == [[10, 20, 30], [200, 40, 90]][1 - hidden]
    assert notes == (OVER_WHITE,)


def test_palette_without_transparency(tmp_path: Path) -> None:
    data = png(2, 1, 1, PALETTE, bytes([0, 0b01000000]), chunk(b"PLTE", bytes([10, 20, 30, 200, 40, 90])))
    pixels, notes = opened(tmp_path, data)
    assert pixels[0].tolist() == [[10, 20, 30], [200, 40, 90]]
    assert notes == ()


def test_one_transparent_color(tmp_path: Path) -> None:
    data = png(2, 1, 8, RGB, bytes([0, 1, 2, 3, 4, 5, 6]), chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    assert opened(tmp_path, data)[0][0].tolist() == [[255, 255, 255], [4, 5, 6]]


def test_one_transparent_gray_of_16_bits(tmp_path: Path) -> None:
    data = png_of(np.array([[257, 514, 65_278]]), GRAY, chunk(b"tRNS", struct.pack(">H", 514)))
    pixels, notes = opened(tmp_path, data)
    assert pixels[0, :, 0].tolist() == [1, 255, 254]
    assert notes[1:] == (OVER_WHITE,)


def test_gif_with_a_transparent_color(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 40, 90])
    image.putpixel((1, 0), 1)
    pixels, notes = opened(tmp_path, encoded(image, "GIF", transparency=0))
    assert pixels[0].tolist() == [[255, 255, 255], [200, 40, 90]]
    assert notes == (OVER_WHITE,)


def test_one_bit(tmp_path: Path) -> None:
    checks = np.indices((8, 8)).sum(axis=0) % 2 == 0
    for kind in ("PNG", "BMP", "TIFF", "GIF"):
        pixels, notes = opened(tmp_path, encoded(Image.fromarray(checks), kind))
        np.testing.assert_array_equal(pixels, np.repeat(checks[..., None] * 255, 3, axis=2))
        assert notes == ()


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk(kind: str, tmp_path: Path) -> None:
    """Without a profile: red = 255 (1 − C)(1 − K), and so on."""
    inks = (51, 102, 204, 51)
    image = Image.new("CMYK", (16, 16), inks)
    pixels, notes = opened(tmp_path, encoded(image, kind, **({"quality": 100} if kind == "JPEG" else {})))
    expected = [255 * (1 - ink / 255) * (1 - 51 / 255) for ink in inks[:3]]
    assert np.abs(pixels - expected).max() <= 3
    assert notes == ("CMYK converted to RGB without its color profile",)


def srgb_of(lab: tuple[int, int, int]) -> np.ndarray:
    """CIE 1976 to XYZ of D50, Bradford's adaptation to D65 in the matrix, and IEC 61966-2-1's curve."""
    y = (lab[0] + 16) / 116
    f = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    xyz = np.array([0.96422, 1, 0.82521]) * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    to_linear = [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
    linear = np.clip(to_linear @ xyz, 0, 1)
    return 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)


@pytest.mark.parametrize(
    "lab", [(100, 0, 0), (0, 0, 0), (60, 0, 0), (40, 14, 14), (60, -5, -22), (80, -13, 60), (60, 60, -5)]
)
def test_lab(lab: tuple[int, int, int], tmp_path: Path) -> None:
    """TIFF stores L · 255 / 100 and signed a and b."""
    stored = bytes([lab[0] * 255 // 100, lab[1] % 256, lab[2] % 256])
    data = tiff(stored, {256: 1, 257: 1, 258: (8, 8, 8), 262: 8, 277: 3})
    pixels, notes = opened(tmp_path, data)
    assert np.abs(pixels[0, 0] - srgb_of(lab)).max() <= 2
    assert notes == ("CIELAB converted to sRGB",)


def test_ycbcr(tmp_path: Path) -> None:
    image = Image.fromarray(scene()).convert("YCbCr")
    pixels, _ = opened(tmp_path, encoded(image, "TIFF"))
    assert np.abs(pixels - scene()).max() <= 3


def test_unsupported_channels_are_refused(tmp_path: Path) -> None:
    data = tiff(bytes(24), {256: 2, 257: 1, 258: (32, 32, 32), 262: 2, 277: 3, 339: (3, 3, 3)})
    with pytest.raises(ImageError, match="damaged or of an unsupported type"):
        opened(tmp_path, data)
