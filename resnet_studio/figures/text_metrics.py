"""How wide text is, without Qt and without a font file.

The widths are those of Helvetica's published metrics (Adobe's AFM files), which Arial, Liberation Sans, Nimbus Sans,
and TeX's phv share. Figures are laid out with them; `SPARE` is the room that they leave for a wider font.
"""

from __future__ import annotations

from functools import lru_cache

SPARE = 1.18
"""How much wider a text may be than these widths say, as DejaVu Sans and Verdana are, without leaving its place."""
CAP_HEIGHT, ASCENT, DESCENT = 0.72, 0.74, 0.21
"""Of capital letters, of the tallest letters, and below the baseline, as fractions of the font's size."""

_WIDTHS: tuple[tuple[int, str], ...] = (
    (191, "'"),
    (222, "ijl‘’"),
    (260, "|"),
    (278, "!,./:;\\I[]ft ·\u2009\u00a0"),
    (333, "()-`r¹²³⁰⁴⁵⁶⁷⁸⁹"),
    (350, "•"),
    (355, '"'),
    (400, "°"),
    (469, "^"),
    (500, "Jckszvxyʹ"),
    (556, "#$0123456789?L_abdeghnopqu–µ"),
    (584, "+<=>~×−÷±"),
    (611, "FTZ"),
    (667, "&ABEKPSVXY"),
    (722, "CDHNRUw"),
    (778, "GOQ"),
    (833, "Mm"),
    (889, "%"),
    (944, "W"),
    (1000, "—…→←↓↑"),
    (1015, "@"),
)  # fmt: skip
_OF_LETTER = {letter: width / 1000 for width, letters in _WIDTHS for letter in letters}
OTHER, WIDE, BOLD = 0.66, 1.0, 1.07
"""Widths of letters that the table lacks, of ideographs and the like, and of bold text relative to regular."""


@lru_cache(maxsize=4096)
def em_width(text: str, *, bold: bool = False) -> float:
    """The width of a line of text, as a multiple of the font's size."""
    width = sum(_OF_LETTER.get(letter) or (WIDE if ord(letter) > 0x2E7F else OTHER) for letter in text)
    return width * BOLD if bold else width


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a line of text in points, at a font size in points."""
    return size * em_width(text, bold=bold)
