"""Images made byte by byte, as no library would write them."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def saved(folder: Path, data: bytes, name: str = "image") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture with some detail, the same every time: height × width × 3."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 7 + phase) * np.cos(y / 5 - phase) for phase in range(3)]
    return np.rint(127 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, bits: int, color_type: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG of rows that begin with a filter byte each; `color_type` is as in the PNG standard."""
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_of(values: np.ndarray, color_type: int, *extra: bytes) -> bytes:
    """A PNG with 16 bits a channel: height × width (× channels) numbers."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, color_type, rows, *extra)


def tiff(content: bytes, tags: dict[int, int | tuple[int, ...]]) -> bytes:
    """A little-endian TIFF of one uncompressed strip. All tags are written as 32-bit numbers."""
    entries: dict[int, tuple[int, ...]] = {273: (8,), 279: (len(content),), 277: (1,), 259: (1,)}
    entries |= {tag: value if isinstance(value, tuple) else (value,) for tag, value in tags.items()}
    directory = 8 + len(content)
    beyond = directory + 2 + 12 * len(entries) + 4
    head, more = struct.pack("<H", len(entries)), b""
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(packed) > 4:
            more, packed = more + packed, struct.pack("<I", beyond + len(more))
        head += struct.pack("<HHI", tag, 4, len(values)) + packed
    return b"II*\0" + struct.pack("<I", directory) + content + head + bytes(4) + more


def gray_tiff(values: np.ndarray, bits: int, **tags: int) -> bytes:
    """A TIFF of height × width numbers as they lie in memory; `sample_format` 1 unsigned, 2 signed, 3 float."""
    numbers = {256: values.shape[1], 257: values.shape[0], 258: bits, 262: tags.get("photometric", 1)}
    return tiff(values.tobytes(), {**numbers, 339: tags.get("sample_format", 1)})
