"""Where the program's own data files are: icons, style, published figures, small weights."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Path of a file of `resources/`; `FileNotFoundError` if there is none of that name.

    An installed package carries the folder inside it; a source tree has it next to the package.
    """
    package = Path(__file__).parent
    for folder in (package / "resources", package.parent / "resources"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"resources/{name} is missing from this installation")
