"""What a PDF written by Qt holds: its objects, decompressed, and its text."""

from __future__ import annotations

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)endobj", re.DOTALL)
STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)


def objects(data: bytes) -> dict[int, bytes]:
    """The objects by their numbers; a compressed stream stands decompressed behind its dictionary."""
    return {int(number): _readable(body) for number, body in OBJECT.findall(data)}


def _readable(body: bytes) -> bytes:
    stream = STREAM.search(body)
    if stream is None or b"/FlateDecode" not in body:
        return body
    return body[: stream.start()] + zlib.decompressobj().decompress(stream[1])


def page_size(data: bytes) -> tuple[float, float]:
    """Width and height of the only page, in points."""
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    return float(box[0]), float(box[1])


def embedded_fonts(data: bytes) -> tuple[int, int]:
    """How many fonts the file has, and how many of them are in it."""
    bodies = objects(data).values()
    described = [body for body in bodies if b"/FontDescriptor\n" in body or b"/Type /FontDescriptor" in body]
    return len(described), sum(b"/FontFile" in body for body in described)


def text(data: bytes) -> list[str]:
    """The lines of text that the page shows, in order, by each font's table from glyphs to characters."""
    found = objects(data)
    fonts = {name: _characters(found, int(number)) for name, number in _font_names(found)}
    page = next(body for body in found.values() if b"\nBT\n" in body)
    lines = []
    for part in re.findall(rb"\nBT\n(.*?)ET\n", page, re.DOTALL):
        (name,) = re.findall(rb"/(F\d+) [\d.]+ Tf", part)
        lines.append("".join(fonts[name][glyph] for glyph in re.findall(rb"<([0-9A-F]{4})> Tj", part)))
    return lines


def _font_names(found: dict[int, bytes]) -> list[tuple[bytes, bytes]]:
    return [pair for body in found.values() for pair in re.findall(rb"/(F\d+) (\d+) 0 R", body)]


def _characters(found: dict[int, bytes], font: int) -> dict[bytes, str]:
    (number,) = re.findall(rb"/ToUnicode (\d+) 0 R", found[font])
    characters = {}
    for first, codes in re.findall(rb"<([0-9A-F]{4})> <[0-9A-F]{4}> \[(.*?)\]", found[int(number)], re.DOTALL):
        for offset, code in enumerate(re.findall(rb"<([0-9A-F]+)>", codes)):
            characters[b"%04X" % (int(first, 16) + offset)] = chr(int(code, 16))
    return characters
