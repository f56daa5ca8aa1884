"""Classes of images that lie in one folder, by a file beside them: Tiny ImageNet's, ImageNet's validation images."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from resnet_studio.files import Refusal, read_file
from resnet_studio.formatting import listed
from resnet_studio.inference.images.listing import counted
from resnet_studio.plain import plain
from resnet_studio.training.folders.tree import Folder

ENDINGS = (".txt", ".csv", ".tsv")
MOST_BYTES = 64_000_000
WORDNET = re.compile(r"n\d{8}")
IMAGENETS = 1000
"""Classes of ImageNet, which files of numbers mean in the order of their WordNet numbers."""

Example = tuple[str, int]


def labelled(
    part: Folder, where: Sequence[Folder], classes: Sequence[str]
) -> tuple[tuple[Example, ...], str, list[str]]:
    """The images of a part with their classes, the name of the file that tells them, and notes on what it lacks.

    A line is an image's name and its class, apart by tabs, commas or spaces; or a class alone, for as many images as
    there are, in their names' order. A file of names counts if it has a class that there is for more than half of the
    images.
    """
    images = sorted(part.files(), key=lambda path: counted(os.path.basename(path)))
    numbers = {name: number for number, name in enumerate(classes)}
    named = [
        (folder.path / name, name)
        for folder in where
        for name in folder.others
        if os.path.splitext(name)[1].lower() in ENDINGS
    ]
    for path, name in named:
        rows = _rows(path)
        told = f"classes of {plain(part.name)} are those of {plain(name)}"
        if [len(row) for row in rows] == [1] * len(images) and _may_be_labels([row[0] for row in rows], numbers):
            return tuple((image, numbers[row[0]]) for image, row in zip(images, rows, strict=True)), name, [told]
        labels = {_stem(row[0]): row[1] for row in rows if len(row) > 1}
        found = [(image, labels[_stem(image)]) for image in images if _stem(image) in labels]
        meant = numbers | (_imagenets() if _are_imagenets(classes) else {})
        known = tuple((image, meant[label]) for image, label in found if label in meant)
        strangers = [plain(label) for label in sorted({label for _, label in found if label not in meant})]
        if 2 * len(known) > len(images):
            of = f" ({listed(strangers)} are no classes of the training images)" if strangers else ""
            lacking = f"{len(images) - len(known):,} images have no class in {plain(name)}{of} and are passed over"
            return known, name, [told] if len(known) == len(images) else [told, lacking]
        if 2 * len(found) > len(images):
            return (), "", [f"{plain(name)} has no classes of the training images, but {listed(strangers)}"]
    return (), "", []


def _are_imagenets(classes: Sequence[str]) -> bool:
    return len(classes) == IMAGENETS and all(WORDNET.fullmatch(name) for name in classes)


def _imagenets() -> dict[str, int]:
    return {str(number): number for number in range(IMAGENETS)}


def _may_be_labels(lines: Sequence[str], numbers: Mapping[str, int]) -> bool:
    """Whether lines are classes of images, not a list of the classes, in which each stands once."""
    return set(lines) <= numbers.keys() and len(set(lines)) < len(lines)


def _rows(path: Path) -> list[list[str]]:
    """The first two words of each line."""
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8", "replace")
    except Refusal:
        return []
    rows = (re.split(r"[\t, ]+", line.strip(), maxsplit=2)[:2] for line in text.splitlines() if line.strip())
    return [[word.strip('"') for word in row] for row in rows]


def _stem(path: str) -> str:
    """A file's name without its folder, and without an ending of images or whatever else."""
    return os.path.splitext(os.path.basename(path))[0]
