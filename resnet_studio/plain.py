"""Making untrusted text printable: names of classes, runs and files may hold anything. Needs neither torch nor Qt.

Escape sequences would control a terminal, right-to-left marks would reorder the text around them, line breaks would
forge lines, and ten thousand letters would fill the screen. Control characters are shown as symbols, long names cut.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters of a name that are shown; the middle of a longer one is left out."""
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
JOINERS = "\u200c\u200d"
"""Joiners of Persian and Hindi letters and of emoji, which belong to the spelling."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that are not printed: controls, directional marks, surrogates, unassigned."""
_SUSPECT = re.compile("[^ -~\xa1-\xac\xae-\u02ff\u0370-\u0373\u0400-\u0482\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")
"""Everything but the most common letters, which need no further check."""


def plain(text: str, most: int = LONGEST) -> str:
    """A name as one printable line of at most `most` characters."""
    if len(text) > most:
        half = (most - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return _SUSPECT.sub(_sign, text)


def printable(text: str) -> str:
    """As `plain`, for a text of any length that keeps its line breaks and tabs."""
    return _SUSPECT.sub(lambda found: found[0] if found[0] in "\n\t" else _sign(found), text)


def escape_in_json(text: str) -> str:
    """JSON text with everything that `plain` replaces as JSON escapes, so that it reads back unchanged."""
    return _SUSPECT.sub(lambda found: found[0] if found[0] == "\n" else _escape(found), text)


def csv_cell(text: str) -> str:
    """A name for a CSV cell that no spreadsheet takes for a formula."""
    text = plain(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _sign(found: re.Match[str]) -> str:
    """The symbol shown for a character: a control picture (␛), or � if it has none."""
    letter = found[0]
    if letter in JOINERS or unicodedata.category(letter) not in _HIDDEN:
        return letter
    if ord(letter) < 0x20:
        return chr(0x2400 + ord(letter))
    return "\N{SYMBOL FOR DELETE}" if letter == "\x7f" else UNKNOWN


def _escape(found: re.Match[str]) -> str:
    if _sign(found) == found[0]:
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))
