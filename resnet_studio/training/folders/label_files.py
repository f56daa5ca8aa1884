"""Classes of images in one flat folder, read from a label file: Tiny ImageNet's and ImageNet's validation images."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from resnet_studio.files import FileRefusedError, read_file
from resnet_studio.formatting import join_names
from resnet_studio.inference.images.listing import natural_key
from resnet_studio.plain import plain
from resnet_studio.training.folders.tree import Folder

EXTENSIONS = (".txt", ".csv", ".tsv")
MAX_BYTES = 64_000_000
WORDNET_ID = re.compile(r"n\d{8}")
IMAGENET_CLASSES = 1000
"""Number of ImageNet's classes. Label files with numbers count them in the order of their WordNet ids."""

Example = tuple[str, int]


def label_by_file(
    split: Folder, label_folders: Sequence[Folder], classes: Sequence[str]
) -> tuple[tuple[Example, ...], str, list[str]]:
    """The images of a split with their classes, the name of the label file, and notes on what it lacks.

    A line has an image's name and its class, separated by tabs, commas or spaces. Or it has only a class; then there
    is one line per image, in the order of the images' names. A file with image names is used if it gives a known class
    to more than half of the images.
    """
    images = sorted(split.image_paths(), key=lambda path: natural_key(os.path.basename(path)))
    numbers = {name: number for number, name in enumerate(classes)}
    candidates = [
        (folder.path / name, name)
        for folder in label_folders
        for name in folder.other_files
        if os.path.splitext(name)[1].lower() in EXTENSIONS
    ]
    for path, name in candidates:
        rows = _read_rows(path)
        note = f"classes of {plain(split.name)} are from {plain(name)}"
        if [len(row) for row in rows] == [1] * len(images) and _may_be_labels([row[0] for row in rows], numbers):
            return tuple((image, numbers[row[0]]) for image, row in zip(images, rows, strict=True)), name, [note]
        labels = {_stem(row[0]): row[1] for row in rows if len(row) > 1}
        found = [(image, labels[_stem(image)]) for image in images if _stem(image) in labels]
        class_numbers = numbers | (_imagenet_numbers() if _is_imagenet(classes) else {})
        known = tuple((image, class_numbers[label]) for image, label in found if label in class_numbers)
        unknown = [plain(label) for label in sorted({label for _, label in found if label not in class_numbers})]
        if 2 * len(known) > len(images):
            reason = f" ({join_names(unknown)} are not training classes)" if unknown else ""
            unlabeled = f"{len(images) - len(known):,} images have no class in {plain(name)}{reason} and are skipped"
            return known, name, [note] if len(known) == len(images) else [note, unlabeled]
        if 2 * len(found) > len(images):
            return (), "", [f"{plain(name)} has none of the training classes, but {join_names(unknown)}"]
    return (), "", []


def _is_imagenet(classes: Sequence[str]) -> bool:
    return len(classes) == IMAGENET_CLASSES and all(WORDNET_ID.fullmatch(name) for name in classes)


def _imagenet_numbers() -> dict[str, int]:
    return {str(number): number for number in range(IMAGENET_CLASSES)}


def _may_be_labels(lines: Sequence[str], numbers: Mapping[str, int]) -> bool:
    """Whether the lines are labels of images and not a list of the classes, in which each occurs once."""
    return set(lines) <= numbers.keys() and len(set(lines)) < len(lines)


def _read_rows(path: Path) -> list[list[str]]:
    """The first two words of each non-empty line."""
    try:
        text = read_file(path, MAX_BYTES).decode("utf-8", "replace")
    except FileRefusedError:
        return []
    rows = (re.split(r"[\t, ]+", line.strip(), maxsplit=2)[:2] for line in text.splitlines() if line.strip())
    return [[word.strip('"') for word in row] for row in rows]


def _stem(path: str) -> str:
    """A file's name without folder and extension."""
    return os.path.splitext(os.path.basename(path))[0]
