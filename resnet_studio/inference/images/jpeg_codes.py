"""The Huffman codes of a baseline JPEG, for the few bytes behind a picture of which nobody knows what they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Table: TypeAlias = dict[str, int]
"""From a code, "1010", to its symbol."""

SEQUENTIAL = (0xC0, 0xC1)
TABLES, START_OF_SCAN, LONGEST_CODE, COEFFICIENTS = 0xC4, 0xDA, 16, 64


def are_blocks(data: bytes, scan: int, bits: str) -> bool:
    """Whether bits are codes of whole blocks of the scan whose data begin at `scan`, and ones to fill the last byte.

    So they are where a broken code before them made blocks of a picture out of less than there were. Bytes that a
    camera left there hardly ever are: they soon hold a code that can't be.
    """
    tables: dict[int, Table] = {}
    sampled: dict[int, int] = {}
    order: list[tuple[Table, Table]] = []
    for marker, segment in _segments(data, scan):
        if marker == TABLES:
            tables |= _tables(segment)
        elif marker in SEQUENTIAL:
            sampled = {segment[at]: (segment[at + 1] >> 4) * (segment[at + 1] & 15) for at in range(6, len(segment), 3)}
        elif marker == START_OF_SCAN and sampled:
            chosen = [(segment[at], segment[at + 1]) for at in range(1, 1 + 2 * segment[0], 2)]
            order = [
                (tables[which >> 4], tables[16 + (which & 15)])
                for component, which in chosen
                for _ in range(sampled[component] if len(chosen) > 1 else 1)
            ]
    if all(one == order[0] for one in order):
        order = order[:1]  # as of CMYK: blocks of all components are alike
    return bool(order) and _read_whole(order, bits)


def bits_of(coded: bytes) -> str:
    """The bits of coded bytes, without the zeros that keep a 255 from being a marker."""
    return "".join(f"{byte:08b}" for byte in coded.replace(b"\xff\x00", b"\xff"))


def _segments(data: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Marker and content of the segments before `end`; codes between them are passed over."""
    place = 2
    while place + 4 <= end:
        if data[place] != 0xFF or data[place + 1] in (0x00, 0xFF, *range(0xD0, 0xD8)):
            place += 1
            continue
        marker, length = struct.unpack_from(">xBH", data, place)
        yield marker, data[place + 4 : place + 2 + length]
        place += 2 + length


def _tables(segment: bytes) -> dict[int, Table]:
    """The tables of a segment by their number, those of AC coefficients from 16 on (ITU-T T.81, annex C)."""
    found: dict[int, Table] = {}
    while segment:
        number, counts, symbols = segment[0], segment[1:17], iter(segment[17:])
        table: Table = {}
        code = 0
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                table[f"{code:0{length}b}"] = next(symbols)
                code += 1
            code <<= 1
        found[number] = table
        segment = segment[17 + sum(counts) :]
    return found


def _read_whole(order: Sequence[tuple[Table, Table]], bits: str) -> bool:
    place = 0
    while len(bits) - place >= 8 or "0" in bits[place:]:
        for direct, alternating in order:
            place = _block_end(direct, alternating, bits, place)
            if place < 0 or place > len(bits):
                return False
    return True


def _block_end(direct: Table, alternating: Table, bits: str, place: int) -> int:
    """Where a block ends that begins at `place`, or -1 where none can begin (ITU-T T.81, F.2.2)."""
    place, size = _symbol(direct, bits, place)
    place += size
    known = 1
    while size >= 0 and known < COEFFICIENTS:
        place, symbol = _symbol(alternating, bits, place)
        zeros, size = divmod(symbol, 16)
        if symbol == 0:
            return place
        if symbol < 0 or (size == 0 and zeros != 15):
            return -1
        known += zeros + 1
        place += size
    return place if size >= 0 and known == COEFFICIENTS else -1


def _symbol(table: Table, bits: str, place: int) -> tuple[int, int]:
    """The place behind a code and its symbol, -1 where there is no such code."""
    for end in range(place + 1, place + LONGEST_CODE + 1):
        if (symbol := table.get(bits[place:end])) is not None:
            return end, symbol
    return place, -1
