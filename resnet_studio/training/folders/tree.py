"""A folder of the user's with all that is below it, looked through once: images, folders, other and hidden files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.causes import why
from resnet_studio.files import leads_to_folder, shown
from resnet_studio.inference.images.listing import counted, is_hidden, is_image
from resnet_studio.training.datasets import DataError

DEEPEST = 12
MOST_ENTRIES = 20_000_000
MOST_LINES, MOST_BESIDE, MOST_LEVELS = 14, 4, 3
"""Of a tree in a message: lines, folders named beside each other, and levels."""


@dataclass(slots=True)
class Folder:
    """A folder and what is in it; names are sorted."""

    path: Path
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Files that are no images."""
    hidden: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    """Links that lead to a folder in which this one is."""
    folders: list[Folder] = field(default_factory=list)
    count: int = 0
    """Images in it and below."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def populated(self) -> list[Folder]:
        """The folders in it with images in them or below."""
        return [folder for folder in self.folders if folder.count]

    def walk(self) -> Iterator[Folder]:
        """It and all below, each folder's own path sorted before those in it."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def files(self) -> list[str]:
        """Paths of all images in it and below, in torchvision's order: by their folders' paths, then by their names."""
        places = sorted((str(folder.path), folder) for folder in self.walk() if folder.images)
        return [os.path.join(place, name) for place, folder in places for name in folder.images]


def look_through(root: Path) -> Folder:
    """Everything below a folder. Links are followed, but not back to a folder that they are in.

    `DataError` names what can't be read.
    """
    above = {(status.st_dev, status.st_ino) for status in map(os.stat, root.resolve().parents)}
    return _look(root, frozenset(above), len(above) + DEEPEST, Counter())


def drawn(folder: Folder) -> str:
    """The tree, for a message: a folder a line, with what is in it; every line begins with two spaces."""
    lines = [f"  {shown(folder.path)}/{_content(folder)}", *_lines(folder, 1)]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = ["    …"]
    return "\n".join(lines)


def _look(path: Path, above: frozenset[tuple[int, int]], deepest: int, seen: Counter[str]) -> Folder:
    found = Folder(path)
    try:
        status = os.stat(path)
        here = above | {(status.st_dev, status.st_ino)}
        with os.scandir(path) as entries:
            for entry in entries:
                seen["entries"] += 1
                if seen["entries"] > MOST_ENTRIES:
                    raise DataError(f"{shown(path)}: there are more than {MOST_ENTRIES:,} files. Choose a folder in it")
                _take(found, entry, here, deepest, seen)
    except OSError as error:
        raise DataError(f"{shown(path)} can't be read: {why(error)}") from None
    for names in (found.images, found.others, found.hidden, found.back):
        names.sort()
    found.folders.sort(key=lambda folder: folder.name)
    found.count = len(found.images) + sum(folder.count for folder in found.folders)
    return found


def _take(
    found: Folder, entry: os.DirEntry[str], above: frozenset[tuple[int, int]], deepest: int, seen: Counter[str]
) -> None:
    if is_hidden(entry.name):
        found.hidden.append(entry.name)
    elif leads_to_folder(entry):
        status = entry.stat()
        if (status.st_dev, status.st_ino) in above or len(above) > deepest:
            found.back.append(entry.name)
        else:
            found.folders.append(_look(found.path / entry.name, above, deepest, seen))
    elif is_image(entry.name):
        found.images.append(entry.name)
    else:
        found.others.append(entry.name)


def _lines(folder: Folder, level: int) -> Iterator[str]:
    if level > MOST_LEVELS:
        return
    inside = sorted(folder.folders, key=lambda one: counted(one.name))
    for one in inside[:MOST_BESIDE]:
        yield f"{'  ' * (level + 1)}{shown(one.path)}/{_content(one)}"
        yield from _lines(one, level + 1)
    if len(inside) > MOST_BESIDE:
        yield f"{'  ' * (level + 1)}… {len(inside) - MOST_BESIDE:,} more folders"


def _content(folder: Folder) -> str:
    parts = [f"{len(folder.images):,} image{'s' if len(folder.images) != 1 else ''}"] if folder.images else []
    endings = Counter(os.path.splitext(name)[1].lower() or name for name in folder.others)
    parts += [f"{count:,} {ending}" for ending, count in endings.most_common(2)]
    if not parts and not folder.folders:
        parts = ["empty"]
    return f" ({', '.join(parts)})" if parts else ""
