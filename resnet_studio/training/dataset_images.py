"""Single images of the data sets by reference: `data:NAME:SPLIT:INDEX`, such as `data:digits:test:17`.

NAME is a set known by name or the path of a folder of class folders, SPLIT is `test` or `training`, as a training
without a holdout of its own splits them. Needs no torch before an image is opened.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from resnet_studio.progress import Progress
from resnet_studio.training.datasets import DataError, is_folder
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.run_folder import data_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from resnet_studio.inference.values import Photograph

PREFIX = "data:"
SPLITS = ("test", "training")
"""In the order in which they are listed: test images are what a trained network has not seen."""


@dataclass(frozen=True, slots=True)
class DataImages:
    """How many images a data set has of each split, in the order of `SPLITS`."""

    data: str
    counts: tuple[int, ...]

    def references(self, most: int) -> list[str]:
        """The images from the first on, at most that many."""
        listed: list[str] = []
        for split, count in zip(SPLITS, self.counts, strict=True):
            some = range(min(count, most - len(listed)))
            listed += [f"{PREFIX}{self.data}:{split}:{index}" for index in some]
        return listed


class _Split(Protocol):
    """The images of one split."""

    def __len__(self) -> int: ...

    def photograph(self, reference: str, index: int) -> Photograph: ...


_opened: dict[tuple[str, Path], dict[str, _Split]] = {}
"""The set that was opened last: all of it is held, up to 185 MB."""


def images_steps(data: str, root: Path) -> Generator[Progress, None, DataImages]:
    """Open a set anew and count its images. Torchvision's are looked for in `root`; `DataError` where they are not."""
    splits = yield from _open_steps(data, root)
    return DataImages(data, tuple(len(splits[split]) for split in SPLITS))


def open_reference(reference: str) -> Photograph:
    """The photograph that a reference names, with its class as `truth`. Raises `DataError` or `ImageError`."""
    data, split, index = _parts(reference)
    known = (data, data_folder())
    if known not in _opened:
        for _ in _open_steps(*known):
            pass
    images = _opened[known][split]
    if index >= len(images):
        raise DataError(f"{reference} is not there: {data} has {len(images):,} {split} images, numbered from 0.")
    return images.photograph(reference, index)


def _parts(reference: str) -> tuple[str, str, int]:
    data, _, rest = reference.removeprefix(PREFIX).rpartition(":")
    data, _, split = data.rpartition(":")
    if not data or split not in SPLITS or not (rest.isascii() and rest.isdigit()):
        raise DataError(
            f"{reference} names no image of a data set. It takes a set, a split ({' or '.join(SPLITS)}) and a number, "
            "such as data:digits:test:17."
        )
    return data, split, int(rest)


def _open_steps(data: str, root: Path) -> Generator[Progress, None, dict[str, _Split]]:
    yield Progress(0, 1, f"opening {data}")
    _opened.clear()
    if is_folder(data):
        splits = _folder(Path(data))
    else:
        splits = yield from _known(data, root)
    _opened[data, root] = splits
    return splits


def _known(data: str, root: Path) -> Generator[Progress, None, dict[str, _Split]]:
    from resnet_studio.training.compute.data import InMemoryImages
    from resnet_studio.training.compute.open_dataset import open_data

    opened = yield from open_data(Recipe(data=data), 0, root)
    splits: dict[str, _Split] = {}
    for split, images in zip(SPLITS, (opened.test, opened.training), strict=True):
        assert isinstance(images, InMemoryImages)
        splits[split] = _Pixels(images.pixels.numpy(), images.labels.tolist(), opened.classes, data == "digits")
    return splits


@dataclass(frozen=True, slots=True, eq=False)
class _Pixels:
    """Images that are held, N×C×H×W as uint8."""

    pixels: NDArray[np.uint8]
    labels: list[int]
    classes: tuple[str, ...]
    scaled: bool

    def __len__(self) -> int:
        return len(self.pixels)

    def photograph(self, reference: str, index: int) -> Photograph:
        """One of them, H×W×3 whether it is grey or not."""
        import numpy as np

        from resnet_studio.inference.images.references import DIGITS_SCALED, photograph_of

        _, *size = self.pixels[index].shape
        pixels = np.broadcast_to(self.pixels[index], (3, *size)).transpose(1, 2, 0).copy()
        notes = (DIGITS_SCALED,) if self.scaled else ()
        return photograph_of(reference, pixels, notes, self.classes[self.labels[index]])


@dataclass(frozen=True, slots=True)
class _Files:
    """Images of a folder, opened one by one at their own size."""

    examples: tuple[tuple[str, int], ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.examples)

    def photograph(self, reference: str, index: int) -> Photograph:
        """One of them, opened now."""
        from resnet_studio.inference.images.loader import open_image

        path, label = self.examples[index]
        return replace(open_image(Path(path)), name=reference, truth=self.classes[label])


def _folder(root: Path) -> dict[str, _Split]:
    from resnet_studio.training.compute.data import TESTED
    from resnet_studio.training.compute.open_dataset import held_out_places
    from resnet_studio.training.folders.class_folders import read_class_folders

    found = read_class_folders(root)
    if found.test is not None:
        return {"test": _Files(found.test, found.classes), "training": _Files(found.training, found.classes)}
    count = math.ceil(len(found.training) / TESTED)
    kept, held_out = held_out_places([label for _, label in found.training], count)
    chosen = {"test": held_out.tolist(), "training": kept.tolist()}
    return {
        split: _Files(tuple(found.training[place] for place in places), found.classes)
        for split, places in chosen.items()
    }
