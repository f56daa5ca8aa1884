"""Which files are images, by their names: the one list of extensions for everything that lists or counts images."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.files import is_folder_entry
from resnet_studio.plain import plain

EXTENSIONS = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".avifs", ".bmp", ".gif",
    ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
})  # fmt: skip
"""In lower case. When a file is opened, only its content counts."""
FORMAT_NAMES = "JPEG, PNG, WebP, BMP, TIFF, GIF, PPM or AVIF"
SYSTEM_FILES = frozenset({
    "__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information", "lost+found",
    "__pycache__",
})  # fmt: skip
"""Files and folders that operating systems and programs leave behind, besides those that begin with a dot."""
DIGITS = re.compile(r"(\d+)")
MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class ImageListing:
    """The images of one folder, and what else is in it."""

    images: tuple[str, ...]
    """Their paths in natural order: `frame-2` before `frame-10`."""
    skipped: str = ""
    """Description of the files that were skipped, with counts and names; empty if there are none."""
    skipped_count: int = 0
    """Number of skipped entries, without folders."""
    folders: tuple[str, ...] = ()
    """Names of the folders in it."""

    def no_images_message(self, folder: str) -> str:
        """A message that the folder has no images, what it has instead, and what to do."""
        parts = [self.skipped] if self.skipped else []
        if self.folders:
            more = f" and {len(self.folders) - MAX_NAMED:,} more" if len(self.folders) > MAX_NAMED else ""
            parts.append(f"folders ({', '.join(map(plain, self.folders[:MAX_NAMED]))}{more})")
        advice = (
            "Open one of these folders" if self.folders else f"Supported extensions: {', '.join(sorted(EXTENSIONS))}"
        )
        return f"there are no images in {folder}{', but ' if parts else ''}{' and '.join(parts)}. {advice}"


def is_image(path: str) -> bool:
    """Whether the name has the extension of an image."""
    return os.path.splitext(path)[1].lower() in EXTENSIONS


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden or a system's own: `._cat.jpg`, `.ipynb_checkpoints`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in SYSTEM_FILES


def list_images(folder: Path) -> ImageListing:
    """The images of a folder, and what else is there. Raises `OSError`. Only names count; no file is opened."""
    with os.scandir(folder) as entries:
        names = [(entry.name, is_folder_entry(entry)) for entry in entries]
    visible = [(name, is_folder) for name, is_folder in names if not is_hidden(name)]
    images = [name for name, is_folder in visible if not is_folder and is_image(name)]
    others = [name for name, is_folder in visible if not is_folder and not is_image(name)]
    hidden = [name for name, _ in names if is_hidden(name)]
    folders = [name for name, is_folder in visible if is_folder]
    paths = tuple(str(folder / name) for name in sorted(images, key=natural_key))
    return ImageListing(
        paths, describe_skipped(hidden, others), len(hidden) + len(others), tuple(sorted(folders, key=natural_key))
    )


def natural_key(name: str) -> list[tuple[int, str]]:
    """A sort key for natural order: `frame-2` before `frame-10`."""
    stem, extension = os.path.splitext(name.lower())
    parts = DIGITS.split(stem)
    return [*((int(part), "") if index % 2 else (0, part) for index, part in enumerate(parts)), (0, extension)]


def describe_skipped(hidden: Sequence[str], others: Sequence[str], more: Iterable[str] = ()) -> str:
    """The skipped entries in words: "1 hidden file or folder (._cat.jpg), 12 .heic files, 1 .txt file (notes.txt)"."""
    parts = [_counted(len(hidden), "hidden file", " or folder", hidden)] if hidden else []
    extensions = Counter(os.path.splitext(name)[1].lower() for name in sorted(others))
    frequent = extensions.most_common(MAX_NAMED)
    for extension, count in frequent:
        matching = [name for name in others if os.path.splitext(name)[1].lower() == extension]
        parts.append(
            _counted(count, f"{extension} file".strip(), "" if extension else " without an extension", matching)
        )
    rest = extensions.total() - sum(count for _, count in frequent)
    return ", ".join([*parts, *([_counted(rest, "other file", "", ())] if rest else []), *more])


def _counted(count: int, what: str, suffix: str, names: Sequence[str]) -> str:
    ending = suffix.replace("folder", "folders") if count != 1 else suffix
    plural = f"{what}{'s' if count != 1 else ''}{ending}"
    examples = sorted({plain(name) for name in names})
    more = ", …" if len(examples) > MAX_NAMED else ""
    listed = f" ({', '.join(examples[:MAX_NAMED])}{more})" if names else ""
    return f"{count:,} {plural}{listed}"
