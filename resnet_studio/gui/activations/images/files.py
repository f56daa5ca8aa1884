"""What is at the paths that a user opens: read off the window's thread, told as one value."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.causes import why
from resnet_studio.files import shown
from resnet_studio.gui.opened_files import Kind, kind_of
from resnet_studio.inference.images.listing import ImageListing, images_in
from resnet_studio.training.runs import run_folder as runs


@dataclass(frozen=True, slots=True)
class FoundFiles:
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
    others: int = 0
    """How many files of the folders were passed over, as they are hidden or no images."""
    passed_over: str = ""
    """Which these are."""
    weights: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()


def find(paths: Sequence[str]) -> FoundFiles:
    """Look what these are: files by their kind, or folders of images or of runs."""
    images: list[str] = []
    problems: list[str] = []
    files: dict[Kind, list[str]] = {"image": images, "weights": [], "architecture": []}
    listings: list[ImageListing] = []
    gone = [path for path in paths if not os.path.lexists(path)]
    for path in map(Path, paths):
        if str(path) in gone:
            problems.append(f"{shown(path)} is no longer there.")
        elif not path.is_dir():
            files[kind_of(str(path))].append(str(path))
        elif runs.is_run(path) or runs.find(path):
            return FoundFiles(runs=path)
        else:
            listings.append(_list(path, images, problems))
    folder = str(paths[0]) if len(paths) == 1 and images and images != [str(paths[0])] else ""
    told = "; ".join(listing.passed_over for listing in listings if listing.passed_over and listing.images)
    others = sum(listing.others for listing in listings if listing.images)
    return FoundFiles(
        tuple(images), folder, None, tuple(problems), tuple(gone), others, told, tuple(files["weights"]),
        tuple(files["architecture"]),
    )  # fmt: skip


def keep_pasted(folder: Path, png: bytes, stamp: str) -> Path:
    """Write a pasted picture into a folder, under a name that nothing there has. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    number, path = 1, folder / f"pasted-{stamp}.png"
    while path.exists():
        number += 1
        path = folder / f"pasted-{stamp}-{number}.png"
    write_file(path, png)
    return path


def _list(folder: Path, images: list[str], problems: list[str]) -> ImageListing:
    try:
        listed = images_in(folder)
    except OSError as error:
        problems.append(f"{shown(folder)} can't be read: {why(error)}.")
        return ImageListing(())
    if not listed.images:
        problems.append(f"T{listed.why_none(shown(folder))[1:]}.")
    images += listed.images
    return listed
