"""Classes of images that lie in one folder, by a file beside them: Tiny ImageNet's, ImageNet's validation images."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from resnet_studio.files import Refusal, read_file
from resnet_studio.inference.errors import listed
from resnet_studio.plain import plain
from resnet_studio.training.folder_tree import Folder

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

    A line is an image's name and its class, apart by tabs, commas or spaces. A file counts if it names at least one
    image in two with a class that there is.
    """
    images = part.files()
    numbers = {name: number for number, name in enumerate(classes)}
    if len(classes) == IMAGENETS and all(WORDNET.fullmatch(name) for name in classes):
        numbers |= {str(number): number for number in range(IMAGENETS)}
    for folder in where:
        for name in folder.others:
            if os.path.splitext(name)[1].lower() not in ENDINGS:
                continue
            told = _lines(folder.path / name)
            found = [(image, told[key]) for image in images if (key := _stem(image)) in told]
            known = tuple((image, numbers[label]) for image, label in found if label in numbers)
            strangers = sorted({label for _, label in found if label not in numbers})
            if 2 * len(known) > len(images):
                lacking = len(images) - len(known)
                of = (
                    f" ({listed(list(map(plain, strangers)))} are no classes of the training images)"
                    if strangers
                    else ""
                )
                notes = (
                    [f"{lacking:,} images have no class in {plain(name)}{of} and are passed over"] if lacking else []
                )
                return known, name, [f"classes of {plain(part.name)} are those of {plain(name)}", *notes]
            if 2 * len(found) > len(images):
                return (
                    (),
                    "",
                    [f"{plain(name)} has no classes of the training images, but {listed(list(map(plain, strangers)))}"],
                )
    return (), "", []


def _lines(path: Path) -> dict[str, str]:
    """From an image's name without its ending to what stands behind it."""
    try:
        text = read_file(path, MOST_BYTES).decode("utf-8", "replace")
    except Refusal:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = re.split(r"[\t, ]+", line.strip(), maxsplit=2)
        if len(words) > 1:
            found[_stem(words[0].strip('"'))] = words[1].strip('"')
    return found


def _stem(path: str) -> str:
    """A file's name without its folder, and without an ending of images or whatever else."""
    return os.path.splitext(os.path.basename(path))[0]
