"""Which files are taken for images, by their names: the one list for every place that lists, opens or counts them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.files import leads_to_folder
from resnet_studio.plain import plain

ENDINGS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs", ".bmp", ".gif",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
})  # fmt: skip
"""Of names in lower case. What a file is decides its content, when it is opened."""
SYSTEMS_OWN = frozenset({
    "__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "lost+found",
    "__pycache__",
})  # fmt: skip
"""Files and folders that systems and programs leave behind, beside those that begin with a dot."""
DIGITS = re.compile(r"(\d+)")
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class ImageListing:
    """The images of one folder, and what else is in it."""

    images: tuple[str, ...]
    """Their paths, in the order in which people count: `frame-2` before `frame-10`."""
    passed_over: str = ""
    """What of it was passed over, counted and named; nothing where there was nothing."""
    others: int = 0
    """How many entries these are, folders not counted."""
    folders: tuple[str, ...] = ()
    """Names of the folders in it."""

    def why_none(self, folder: str) -> str:
        """That there is no image in a folder of that name, what there is instead, and what to do."""
        parts = [self.passed_over] if self.passed_over else []
        if self.folders:
            more = f" and {len(self.folders) - MOST_NAMED:,} more" if len(self.folders) > MOST_NAMED else ""
            parts.append(f"folders ({', '.join(map(plain, self.folders[:MOST_NAMED]))}{more})")
        then = "Open one of these folders" if self.folders else f"Images end in {', '.join(sorted(ENDINGS))}"
        return f"there is no image in {folder}{', but ' if parts else ''}{' and '.join(parts)}. {then}"


def is_image(path: str) -> bool:
    """Whether the name says so."""
    return os.path.splitext(path)[1].lower() in ENDINGS


def is_hidden(name: str) -> bool:
    """Whether a file or folder is none of the user's: `._cat.jpg` of macOS, `.ipynb_checkpoints`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in SYSTEMS_OWN


def images_in(folder: Path) -> ImageListing:
    """The images of a folder, and what else is there. Raises `OSError`. Names decide; no file is opened here."""
    with os.scandir(folder) as entries:
        names = [(one.name, leads_to_folder(one)) for one in entries]
    shown = [(name, is_folder) for name, is_folder in names if not is_hidden(name)]
    images = [name for name, is_folder in shown if not is_folder and is_image(name)]
    others = [name for name, is_folder in shown if not is_folder and not is_image(name)]
    hidden = [name for name, _ in names if is_hidden(name)]
    folders = [name for name, is_folder in shown if is_folder]
    paths = tuple(str(folder / name) for name in sorted(images, key=counted))
    return ImageListing(
        paths, passed_over(hidden, others), len(hidden) + len(others), tuple(sorted(folders, key=counted))
    )


def counted(name: str) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them."""
    stem, ending = os.path.splitext(name.lower())
    parts = DIGITS.split(stem)
    return [*((int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)), (0, ending)]


def passed_over(hidden: Sequence[str], others: Sequence[str], more: Iterable[str] = ()) -> str:
    """What of a folder is no image: "1 hidden file or folder (._cat.jpg), 12 .heic files, 1 .txt file (notes.txt)"."""
    parts = [_some(len(hidden), "hidden file", " or folder", hidden)] if hidden else []
    endings = Counter(os.path.splitext(name)[1].lower() for name in sorted(others))
    frequent = endings.most_common(MOST_NAMED)
    for ending, count in frequent:
        named = [name for name in others if os.path.splitext(name)[1].lower() == ending]
        parts.append(_some(count, f"{ending} file".strip(), "" if ending else " without an ending", named))
    rest = endings.total() - sum(count for _, count in frequent)
    return ", ".join([*parts, *([_some(rest, "other file", "", ())] if rest else []), *more])


def _some(count: int, what: str, more_exactly: str, names: Sequence[str]) -> str:
    rest = more_exactly.replace("folder", "folders") if count != 1 else more_exactly
    plural = f"{what}{'s' if count != 1 else ''}{rest}"
    known = sorted({plain(name) for name in names})
    more = ", …" if len(known) > MOST_NAMED else ""
    named = f" ({', '.join(known[:MOST_NAMED])}{more})" if names else ""
    return f"{count:,} {plural}{named}"
