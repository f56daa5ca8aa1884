"""Scanning a folder of the user's with everything below it: images, subfolders, other files and hidden files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from resnet_studio.causes import os_reason
from resnet_studio.files import display_name, is_folder_entry
from resnet_studio.formatting import counted
from resnet_studio.inference.images.listing import is_hidden, is_image, natural_key
from resnet_studio.training.datasets import DataError

MAX_DEPTH = 12
MAX_ENTRIES = 20_000_000
MAX_LINES, MAX_SIBLINGS, MAX_LEVELS = 14, 4, 3
"""Limits of a tree in a message: lines, subfolders listed per folder, and levels."""


@dataclass(slots=True)
class Folder:
    """A folder and its content. All lists are sorted by name."""

    path: Path
    images: list[str] = field(default_factory=list)
    other_files: list[str] = field(default_factory=list)
    """Visible files that are not images."""
    hidden: list[str] = field(default_factory=list)
    back_links: list[str] = field(default_factory=list)
    """Links to a folder that contains this one."""
    folders: list[Folder] = field(default_factory=list)
    count: int = 0
    """Number of images in it and below."""

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def image_folders(self) -> list[Folder]:
        """The subfolders with images in them or below."""
        return [folder for folder in self.folders if folder.count]

    def walk(self) -> Iterator[Folder]:
        """This folder and all below it, each before its subfolders."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def image_paths(self) -> list[str]:
        """Paths of all images in it and below, in torchvision's order: by folder path, then by file name."""
        folders = sorted((str(folder.path), folder) for folder in self.walk() if folder.images)
        return [os.path.join(path, name) for path, folder in folders for name in folder.images]


def scan_tree(root: Path) -> Folder:
    """Scan everything below a folder. Links are followed, except to a folder that contains them.

    `DataError` names what can't be read.
    """
    above = {(status.st_dev, status.st_ino) for status in map(os.stat, root.resolve().parents)}
    return _scan(root, frozenset(above), len(above) + MAX_DEPTH, Counter())


def format_tree(folder: Folder) -> str:
    """The tree as text for a message, one line per folder with its content. Every line is indented by two spaces."""
    lines = [f"  {display_name(folder.path)}/{_format_content(folder)}", *_format_subfolders(folder, 1)]
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = ["    …"]
    return "\n".join(lines)


def _scan(path: Path, above: frozenset[tuple[int, int]], max_depth: int, counter: Counter[str]) -> Folder:
    found = Folder(path)
    try:
        status = os.stat(path)
        here = above | {(status.st_dev, status.st_ino)}
        with os.scandir(path) as entries:
            for entry in entries:
                counter["entries"] += 1
                if counter["entries"] > MAX_ENTRIES:
                    raise DataError(f"{display_name(path)}: more than {MAX_ENTRIES:,} files. Choose a subfolder")
                _add_entry(found, entry, here, max_depth, counter)
    except OSError as error:
        raise DataError(f"{display_name(path)} can't be read: {os_reason(error)}") from None
    for names in (found.images, found.other_files, found.hidden, found.back_links):
        names.sort()
    found.folders.sort(key=lambda folder: folder.name)
    found.count = len(found.images) + sum(folder.count for folder in found.folders)
    return found


def _add_entry(
    found: Folder, entry: os.DirEntry[str], above: frozenset[tuple[int, int]], max_depth: int, counter: Counter[str]
) -> None:
    if is_hidden(entry.name):
        found.hidden.append(entry.name)
    elif is_folder_entry(entry):
        status = entry.stat()
        if (status.st_dev, status.st_ino) in above or len(above) > max_depth:
            found.back_links.append(entry.name)
        else:
            found.folders.append(_scan(found.path / entry.name, above, max_depth, counter))
    elif is_image(entry.name):
        found.images.append(entry.name)
    else:
        found.other_files.append(entry.name)


def _format_subfolders(folder: Folder, level: int) -> Iterator[str]:
    if level > MAX_LEVELS:
        return
    subfolders = sorted(folder.folders, key=lambda subfolder: natural_key(subfolder.name))
    for subfolder in subfolders[:MAX_SIBLINGS]:
        yield f"{'  ' * (level + 1)}{display_name(subfolder.path)}/{_format_content(subfolder)}"
        yield from _format_subfolders(subfolder, level + 1)
    if len(subfolders) > MAX_SIBLINGS:
        yield f"{'  ' * (level + 1)}… {len(subfolders) - MAX_SIBLINGS:,} more folders"


def _format_content(folder: Folder) -> str:
    parts = [counted(len(folder.images), "image")] if folder.images else []
    endings = Counter(os.path.splitext(name)[1].lower() or name for name in folder.other_files)
    parts += [f"{count:,} {ending}" for ending, count in endings.most_common(2)]
    if not parts and not folder.folders:
        parts = ["empty"]
    return f" ({', '.join(parts)})" if parts else ""
