"""A name as a stranger could choose it, and what must not be left of it where it is shown."""

from __future__ import annotations

import unicodedata

NASTY = "<img src='file:picture.png'><h1>[red]\x1b[31m\x9b2J\u202etxt\u2066\nok :smile: &=1"
"""HTML, rich's markup, escapes for a terminal, marks of direction, a line's end, an emoji's code, a shortcut's sign.

It is a name that a folder can have.
"""
SHOWN = "<img src='file:picture.png'><h1>[red]␛[31m�2J�txt�␊ok :smile: &=1"
"""The same as it is to be seen, letter for letter."""


TEXT, TEXT_SHOWN = f"[/b]</div>{NASTY}", f"[/b]</div>{SHOWN}"
"""The same for what is no name of a folder."""


def hidden(text: str) -> list[str]:
    """What a text holds beside letters, signs, spaces and the ends of its lines."""
    return [letter for letter in text if unicodedata.category(letter)[0] == "C" and letter not in "\n\t"]
