"""Single images of the data sets by reference: `data:NAME:SPLIT:INDEX`, such as `data:digits:test:17`.

NAME is the name of a data set or the path of a folder of class folders. SPLIT is `test` or `training`, split as in a
training whose recipe has no holdout. Importing this needs no torch; opening an image may.
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
"""In listing order. Test images come first, as a trained network has not seen them."""


@dataclass(frozen=True, slots=True)
class DataImages:
    """How many images a data set has of each split, in the order of `SPLITS`."""

    data: str
    counts: tuple[int, ...]

    def references(self, limit: int) -> list[str]:
        """References of the first images, at most `limit`."""
        listed: list[str] = []
        for split, count in zip(SPLITS, self.counts, strict=True):
            indices = range(min(count, limit - len(listed)))
            listed += [f"{PREFIX}{self.data}:{split}:{index}" for index in indices]
        return listed


class _Split(Protocol):
    """The images of one split."""

    def __len__(self) -> int: ...

    def photograph(self, reference: str, index: int) -> Photograph: ...


_open_splits: dict[tuple[str, Path], dict[str, _Split]] = {}
"""The data set that was opened last. All of it stays in memory, up to 185 MB."""


def count_images_steps(data: str, root: Path) -> Generator[Progress, None, DataImages]:
    """Open a data set anew and count its images. Torchvision's are expected in `root` (else `DataError`)."""
    splits = yield from _open_steps(data, root)
    return DataImages(data, tuple(len(splits[split]) for split in SPLITS))


def open_reference(reference: str) -> Photograph:
    """The image that a reference names, with its class as `truth`. Raises `DataError` or `ImageError`."""
    data, split, index = _parse_reference(reference)
    key = (data, data_folder())
    if key not in _open_splits:
        for _ in _open_steps(*key):
            pass
    images = _open_splits[key][split]
    if index >= len(images):
        raise DataError(f"{reference} not found: {data} has {len(images):,} {split} images, numbered from 0.")
    return images.photograph(reference, index)


def _parse_reference(reference: str) -> tuple[str, str, int]:
    data, _, rest = reference.removeprefix(PREFIX).rpartition(":")
    data, _, split = data.rpartition(":")
    if not data or split not in SPLITS or not (rest.isascii() and rest.isdigit()):
        raise DataError(
            f"{reference} is not a valid image reference. Use a data set, a split ({' or '.join(SPLITS)}) and an "
            "index, such as data:digits:test:17."
        )
    return data, split, int(rest)


def _open_steps(data: str, root: Path) -> Generator[Progress, None, dict[str, _Split]]:
    yield Progress(0, 1, f"opening {data}")
    _open_splits.clear()
    if is_folder(data):
        splits = _folder_splits(Path(data))
    else:
        splits = yield from _named_dataset_steps(data, root)
    _open_splits[data, root] = splits
    return splits


def _named_dataset_steps(data: str, root: Path) -> Generator[Progress, None, dict[str, _Split]]:
    from resnet_studio.training.compute.data import InMemoryImages
    from resnet_studio.training.compute.open_dataset import open_data

    opened = yield from open_data(Recipe(data=data), 0, root)
    splits: dict[str, _Split] = {}
    for split, images in zip(SPLITS, (opened.test, opened.training), strict=True):
        assert isinstance(images, InMemoryImages)
        splits[split] = _InMemorySplit(images.pixels.numpy(), images.labels.tolist(), opened.classes, data == "digits")
    return splits


@dataclass(frozen=True, slots=True, eq=False)
class _InMemorySplit:
    """A split whose images are in memory, N×C×H×W as uint8."""

    pixels: NDArray[np.uint8]
    labels: list[int]
    classes: tuple[str, ...]
    scaled: bool

    def __len__(self) -> int:
        return len(self.pixels)

    def photograph(self, reference: str, index: int) -> Photograph:
        """One image, H×W×3 even if it is grayscale."""
        import numpy as np

        from resnet_studio.inference.images.references import DIGITS_SCALED, photograph_from_pixels

        _, *size = self.pixels[index].shape
        pixels = np.broadcast_to(self.pixels[index], (3, *size)).transpose(1, 2, 0).copy()
        notes = (DIGITS_SCALED,) if self.scaled else ()
        return photograph_from_pixels(reference, pixels, notes, self.classes[self.labels[index]])


@dataclass(frozen=True, slots=True)
class _FileSplit:
    """A split whose images stay in their files and are opened one by one at their own size."""

    examples: tuple[tuple[str, int], ...]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.examples)

    def photograph(self, reference: str, index: int) -> Photograph:
        """Open one image."""
        from resnet_studio.inference.images.loader import open_image

        path, label = self.examples[index]
        return replace(open_image(Path(path)), name=reference, truth=self.classes[label])


def _folder_splits(root: Path) -> dict[str, _Split]:
    from resnet_studio.training.compute.data import HOLDOUT_DIVISOR
    from resnet_studio.training.compute.open_dataset import holdout_split
    from resnet_studio.training.folders.class_folders import read_class_folders

    found = read_class_folders(root)
    if found.test is not None:
        return {"test": _FileSplit(found.test, found.classes), "training": _FileSplit(found.training, found.classes)}
    count = math.ceil(len(found.training) / HOLDOUT_DIVISOR)
    training, test = holdout_split([label for _, label in found.training], count)
    chosen = {"test": test.tolist(), "training": training.tolist()}
    return {
        split: _FileSplit(tuple(found.training[index] for index in indices), found.classes)
        for split, indices in chosen.items()
    }
