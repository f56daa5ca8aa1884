"""Text of strangers made plain: names of classes, runs and files may hold anything. Needs neither torch nor Qt.

Escape characters would command a terminal, marks for writing from right to left would turn the text around them, line
ends would forge lines, and ten thousand letters would fill the screen. Each is shown as a sign of its own.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters of a name that are shown; of a longer one the middle is left out."""
UNKNOWN = "\N{REPLACEMENT CHARACTER}"
JOINERS = "\u200c\u200d"
"""Of letters in Persian and Hindi, and of emoji: they are part of how a word is written."""
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode's categories of what is no letter, digit, sign or space: controls, marks of direction, halves of pairs."""
_SUSPECT = re.compile("[^ -~\xa1-\xac\xae-\u02ff\u0370-\u0373\u0400-\u0482\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff]")
"""All but the most usual letters, which need no second look."""


def plain(text: str, most: int = LONGEST) -> str:
    """A name as one line of at most `most` characters that shows what is in it and does nothing."""
    if len(text) > most:
        half = (most - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return _SUSPECT.sub(_sign, text)


def printable(text: str) -> str:
    """As `plain`, of a text of any length whose line ends and tabs are meant."""
    return _SUSPECT.sub(lambda found: found[0] if found[0] in "\n\t" else _sign(found), text)


def in_json(text: str) -> str:
    """JSON text in which what `plain` replaces is written as JSON's own escapes: it is read back as it was."""
    return _SUSPECT.sub(lambda found: found[0] if found[0] == "\n" else _escape(found), text)


def cell(text: str) -> str:
    """A name for a cell of CSV: no spreadsheet takes it for a formula."""
    text = plain(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _sign(found: re.Match[str]) -> str:
    """What stands for a character: the picture of a control (␛), else � for what has none."""
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
