"""Decoding the Huffman codes of a baseline JPEG, to tell whether the bytes after an image are lost image data."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Table: TypeAlias = dict[str, int]
"""From a code, "1010", to its symbol."""

SEQUENTIAL = (0xC0, 0xC1)
TABLES, START_OF_SCAN, LONGEST_CODE, COEFFICIENTS = 0xC4, 0xDA, 16, 64


def are_whole_blocks(data: bytes, scan: int, bits: str) -> bool:
    """Whether bits are codes of whole blocks of the scan whose data begin at `scan`, padded with ones.

    That is the case if a broken code before them used up too few bits. Bytes that a camera left there hardly ever
    pass: they soon contain an invalid code.
    """
    tables: dict[int, Table] = {}
    sampling: dict[int, int] = {}
    block_tables: list[tuple[Table, Table]] = []
    for marker, segment in _segments(data, scan):
        if marker == TABLES:
            tables |= _tables(segment)
        elif marker in SEQUENTIAL:
            sampling = {
                segment[offset]: (segment[offset + 1] >> 4) * (segment[offset + 1] & 15)
                for offset in range(6, len(segment), 3)
            }
        elif marker == START_OF_SCAN and sampling:
            components = [(segment[at], segment[at + 1]) for at in range(1, 1 + 2 * segment[0], 2)]
            block_tables = [
                (tables[selectors >> 4], tables[16 + (selectors & 15)])
                for component, selectors in components
                for _ in range(sampling[component] if len(components) > 1 else 1)
            ]
    if all(tables_of_block == block_tables[0] for tables_of_block in block_tables):
        block_tables = block_tables[:1]  # all components use the same tables, as in CMYK
    return bool(block_tables) and _decodes_to_whole_blocks(block_tables, bits)


def bits_of(coded: bytes) -> str:
    """The bits of coded bytes, without the zero bytes stuffed after 0xFF."""
    return "".join(f"{byte:08b}" for byte in coded.replace(b"\xff\x00", b"\xff"))


def _segments(data: bytes, end: int) -> Iterator[tuple[int, bytes]]:
    """Marker and content of the segments before `end`; coded data between them are skipped."""
    position = 2
    while position + 4 <= end:
        if data[position] != 0xFF or data[position + 1] in (0x00, 0xFF, *range(0xD0, 0xD8)):
            position += 1
            continue
        marker, length = struct.unpack_from(">xBH", data, position)
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + length


def _tables(segment: bytes) -> dict[int, Table]:
    """The Huffman tables of a segment by number, those of AC coefficients from 16 on (ITU-T T.81, annex C)."""
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


def _decodes_to_whole_blocks(block_tables: Sequence[tuple[Table, Table]], bits: str) -> bool:
    position = 0
    while len(bits) - position >= 8 or "0" in bits[position:]:
        for dc_table, ac_table in block_tables:
            position = _block_end(dc_table, ac_table, bits, position)
            if position < 0 or position > len(bits):
                return False
    return True


def _block_end(dc_table: Table, ac_table: Table, bits: str, position: int) -> int:
    """The end of the block that begins at `position`, or -1 if the codes are invalid (ITU-T T.81, F.2.2)."""
    position, size = _symbol(dc_table, bits, position)
    position += size
    coefficients = 1
    while size >= 0 and coefficients < COEFFICIENTS:
        position, symbol = _symbol(ac_table, bits, position)
        zeros, size = divmod(symbol, 16)
        if symbol == 0:
            return position
        if symbol < 0 or (size == 0 and zeros != 15):
            return -1
        coefficients += zeros + 1
        position += size
    return position if size >= 0 and coefficients == COEFFICIENTS else -1


def _symbol(table: Table, bits: str, position: int) -> tuple[int, int]:
    """The position after a code, and its symbol; -1 if there is no such code."""
    for end in range(position + 1, position + LONGEST_CODE + 1):
        if (symbol := table.get(bits[position:end])) is not None:
            return end, symbol
    return position, -1
