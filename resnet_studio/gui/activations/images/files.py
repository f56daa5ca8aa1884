"""What is at the paths that a user opens; called off the UI thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.atomic import write_file
from resnet_studio.causes import os_reason
from resnet_studio.files import display_name
from resnet_studio.gui.opened_files import Kind, kind_of
from resnet_studio.inference.images.listing import ImageListing, list_images
from resnet_studio.training.runs import run_folder as runs


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The images, runs and other files found at paths."""

    images: tuple[str, ...] = ()
    folder: str = ""
    """The folder, if all images are from one."""
    runs: Path | None = None
    """A run folder, or a folder of runs."""
    problems: tuple[str, ...] = ()
    """A sentence for each path without anything to open."""
    gone: tuple[str, ...] = ()
    """Paths that don't exist any more."""
    others: int = 0
    """How many files of the folders were skipped: hidden ones, and those that are no images."""
    others_summary: str = ""
    """A summary of the skipped files."""
    weights: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    """Python files."""


def find_files(paths: Sequence[str]) -> FoundFiles:
    """Find out what these paths are: files by their kind, or folders of images or of runs."""
    images: list[str] = []
    problems: list[str] = []
    files: dict[Kind, list[str]] = {"image": images, "weights": [], "architecture": [], "module": []}
    listings: list[ImageListing] = []
    gone = [path for path in paths if not os.path.lexists(path)]
    for path in map(Path, paths):
        if str(path) in gone:
            problems.append(f"{display_name(path)} no longer exists.")
        elif not path.is_dir():
            files[kind_of(str(path))].append(str(path))
        elif runs.is_run(path) or runs.find_runs(path):
            return FoundFiles(runs=path)
        else:
            listings.append(_list_folder(path, images, problems))
    folder = str(paths[0]) if len(paths) == 1 and images and images != [str(paths[0])] else ""
    summary = "; ".join(listing.skipped for listing in listings if listing.skipped and listing.images)
    others = sum(listing.skipped_count for listing in listings if listing.images)
    return FoundFiles(
        tuple(images), folder, None, tuple(problems), tuple(gone), others, summary, tuple(files["weights"]),
        tuple(files["architecture"]), tuple(files["module"]),
    )  # fmt: skip


def save_pasted(folder: Path, png: bytes, timestamp: str) -> Path:
    """Write a pasted image into a folder, under an unused name. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    number, path = 1, folder / f"pasted-{timestamp}.png"
    while path.exists():
        number += 1
        path = folder / f"pasted-{timestamp}-{number}.png"
    write_file(path, png)
    return path


def _list_folder(folder: Path, images: list[str], problems: list[str]) -> ImageListing:
    try:
        listed = list_images(folder)
    except OSError as error:
        problems.append(f"{display_name(folder)} can't be read: {os_reason(error)}.")
        return ImageListing(())
    if not listed.images:
        problems.append(f"T{listed.no_images_message(display_name(folder))[1:]}.")
    images += listed.images
    return listed
