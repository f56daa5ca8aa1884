"""An untrusted name, and how it must be displayed."""

from __future__ import annotations

import unicodedata

NASTY = "<img src='file:picture.png'><h1>[red]\x1b[31m\x9b2J\u202etxt\u2066\nok :smile: &=1"
"""HTML, rich markup, terminal escapes, bidirectional marks, a newline, an emoji code, a mnemonic sign.

It is a valid folder name.
"""
NASTY_SHOWN = "<img src='file:picture.png'><h1>[red]␛[31m�2J�txt�␊ok :smile: &=1"
"""The same name as it must be displayed, character by character."""


TEXT, TEXT_SHOWN = f"[/b]</div>{NASTY}", f"[/b]</div>{NASTY_SHOWN}"
"""The same for text that is not a folder name."""


def control_characters(text: str) -> list[str]:
    """The control and format characters in a text, other than newline and tab."""
    return [letter for letter in text if unicodedata.category(letter)[0] == "C" and letter not in "\n\t"]
