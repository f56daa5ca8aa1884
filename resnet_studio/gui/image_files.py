"""What is at the paths that a user opens: read off the window's thread, told as one value."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.files import leads_to_folder, shown
from resnet_studio.training import runs

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """What paths turned out to be."""

    images: tuple[str, ...] = ()
    folder: str = ""
    """The folder that all images are of, where it is one."""
    runs: Path | None = None
    """A folder that is a run, or has runs in it."""
    problems: tuple[str, ...] = ()
    """A sentence for each path that gives nothing."""
    gone: tuple[str, ...] = ()
    """Paths where nothing is any more."""


def find(paths: Sequence[str]) -> Found:
    """Look what these are: images, or folders of images or of runs."""
    images: list[str] = []
    problems: list[str] = []
    gone = [path for path in paths if not os.path.lexists(path)]
    for path in map(Path, paths):
        if str(path) in gone:
            problems.append(f"{shown(path)} is no longer there.")
        elif not path.is_dir():  # whatever else it is, the engine says why it is no image
            images.append(str(path))
        elif runs.is_run(path) or runs.find(path):
            return Found(runs=path)
        else:
            _list(path, images, problems)
    folder = str(paths[0]) if len(paths) == 1 and images and images != [str(paths[0])] else ""
    return Found(tuple(images), folder, None, tuple(problems), tuple(gone))


def images_in(folder: Path) -> list[str]:
    """The images of a folder in the order in which people count: `frame-2` before `frame-10`. Raises `OSError`.

    Names decide; no file is opened here.
    """
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if is_image(one.name) and not leads_to_folder(one)]
    return [str(folder / name) for name in sorted(names, key=counted)]


def is_image(path: str) -> bool:
    """Whether the name says so."""
    return os.path.splitext(path)[1].lower() in ENDINGS


def counted(name: str) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them."""
    stem, ending = os.path.splitext(name.lower())
    parts = DIGITS.split(stem)
    return [*((int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)), (0, ending)]


def keep_pasted(folder: Path, png: bytes, stamp: str) -> Path:
    """Write a pasted picture into a folder, under a name that nothing there has. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    number, path = 1, folder / f"pasted-{stamp}.png"
    while path.exists():
        number += 1
        path = folder / f"pasted-{stamp}-{number}.png"
    write_file(path, png)
    return path


def _list(folder: Path, images: list[str], problems: list[str]) -> None:
    try:
        listed = images_in(folder)
    except OSError as error:
        problems.append(f"{shown(folder)} can't be read: {error.strerror}.")
        return
    if not listed:
        endings = ", ".join(sorted(ENDINGS))
        problems.append(f"There is no image in {shown(folder)}. Images end in {endings}.")
    images += listed
