"""The images of a folder of class folders: held on the device or read when needed, by their size."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision import transforms

from resnet_studio.formatting import listed
from resnet_studio.inference.compute.transforms import middle
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images.loader import open_image
from resnet_studio.progress import Progress
from resnet_studio.training.compute.augmentation import augment_batch
from resnet_studio.training.compute.data import Batch, Batches, ImageSource, InMemoryImages, sow
from resnet_studio.training.compute.readers import in_time, read_ahead
from resnet_studio.training.datasets import DataError
from resnet_studio.training.folders.class_folders import ClassFolders, Example, read_class_folders
from resnet_studio.training.recipe import Augmentation, Recipe
from resnet_studio.training.runs.fingerprint import digest

MOST_HELD = 512_000_000
"""Bytes of images that are held on the device; larger sets are read when needed."""
STATISTICS_OF = 2_000
"""Images of a set that is not held, of which mean and deviation are taken."""
READ_AT_ONCE = 64
SCALES = (256, 480)
"""Pixels of the shorter side at an image size of 224, drawn for each image (He et al. 2015, section 3.4)."""
CUT_AS_READ: tuple[Augmentation, ...] = ("resized-crop", "scale-crop")
"""Augmentations that need an image at its own size; others are of whole batches."""


def open_folder(
    recipe: Recipe, image: int
) -> Generator[Progress, None, tuple[ImageSource, ImageSource | None, tuple[str, ...], tuple[str, ...], str]]:
    """Training images, test images where the folder has its own, classes, notes and a digest of the files.

    `image` is the side that the images get.

    What a folder may look like says `class_folders.py`.
    """
    found = read_class_folders(Path(recipe.data))
    everything = len(found.training) + len(found.test or ())
    sets: list[ImageSource | None] = []
    notes = list(found.notes)
    for part in (found.training, found.test):
        if part is None:
            sets.append(None)
        elif everything * 3 * image**2 > MOST_HELD:
            sets.append(StreamedImages(part, image, recipe.damaged == "skip"))
        else:
            sets.append((yield from _read_all(part, image, recipe, notes)))
    training, test = sets
    assert training is not None
    _check_classes(training, found)
    files = digest(Path(recipe.data), [*found.training, *(found.test or ())])
    return training, test, found.classes, tuple(notes), files


def _check_classes(training: ImageSource, found: ClassFolders) -> None:
    """Every class has an image that can be read; of a set that stays in its files, where some may be left out."""
    if isinstance(training, StreamedImages) and training.skip:
        there = {label for label in range(len(found.classes)) if _any_readable(found.training, label)}
    else:
        there = set(training.labels.tolist())
    missing = [name for label, name in enumerate(found.classes) if label not in there]
    if missing:
        raise DataError(
            f"no image of {listed(missing)} can be read, though there are some. "
            "Copy them again, or move their folder away"
        )


def _any_readable(examples: Sequence[Example], label: int) -> bool:
    for path, _ in (example for example in examples if example[1] == label):
        try:
            read_image(path)
        except DataError:
            continue
        return True
    return False


def read_image(path: str) -> Image.Image:
    """An image of the data; `DataError` names the file and says why it can't be had."""
    try:
        return Image.fromarray(open_image(Path(path)).pixels)
    except (ImageError, OSError) as error:
        raise DataError(f"an image of the data can't be read: {error}") from None


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """3×H×W."""
    return np.asarray(image).transpose(2, 0, 1)


def _read_all(
    examples: Sequence[Example], side: int, recipe: Recipe, notes: list[str]
) -> Generator[Progress, None, InMemoryImages]:
    """Every image's middle, side × side; those that can't be read end it, or are left out, as the recipe says."""
    pixels = torch.empty(len(examples), 3, side, side, dtype=torch.uint8)
    labels: list[int] = []
    missing: list[str] = []
    order: list[Batch] = [(None, part) for part in torch.split(torch.arange(len(examples)), READ_AT_ONCE)]
    with closing(read_ahead(_Files(tuple(examples), side, "none"), order)) as ahead:
        for number, (_, (some, their_labels, damaged)) in enumerate(ahead):
            if damaged and recipe.damaged == "fail":
                raise DataError(damaged[0])
            missing += damaged
            if their_labels:
                pixels[len(labels) : len(labels) + len(their_labels)] = torch.from_numpy(some)
                labels += their_labels
            done = min((number + 1) * READ_AT_ONCE, len(examples))
            yield Progress(done, len(examples), f"reading images, {done:,} of {len(examples):,}")
    if missing:
        notes.append(f"{len(missing):,} images were left out; the first: {missing[0]}")
    return InMemoryImages(pixels[: len(labels)], torch.tensor(labels))


@dataclass(frozen=True, slots=True, eq=False)
class StreamedImages:
    """Images that stay in their files and are read when they are needed."""

    examples: tuple[Example, ...]
    side: int
    skip: bool
    """Whether images that can't be read are left out of their batch."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    left_out: dict[str, None] = field(default_factory=dict)
    """Why, of each image that was left out so far; in their order."""
    held: str = "in their files, read ahead by other processes"

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def labels(self) -> Tensor:
        return torch.tensor([label for _, label in self.examples])

    @property
    def size(self) -> tuple[int, int, int]:
        return 3, self.side, self.side

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        augment = augment_batch("none" if augmentation in CUT_AS_READ else augmentation)
        read = _Files(self.examples, self.side, augmentation)
        with closing(read_ahead(read, order)) as ahead:
            for (seed, _), (pixels, labels, damaged) in ahead:
                self._leave_out(damaged)
                if seed is not None:
                    sow(seed, self.device)
                    if not labels:
                        raise DataError(f"no image of a whole batch could be read: {damaged[-1]}")
                if labels:
                    images = torch.from_numpy(pixels).to(self.device)
                    yield augment(images), torch.tensor(labels, device=self.device)

    def part(self, places: Tensor) -> StreamedImages:
        """Some of the images."""
        return replace(self, examples=tuple(self.examples[place] for place in places.tolist()))

    def to(self, device: torch.device) -> StreamedImages:
        """The same images, given on another device."""
        return replace(self, device=device)

    def some(self) -> tuple[Tensor, str]:
        """Images spread evenly over all."""
        chosen = np.linspace(0, len(self) - 1, min(STATISTICS_OF, len(self))).astype(int).tolist()
        places = torch.tensor(list(dict.fromkeys(chosen)))
        order: list[Batch] = [(None, part) for part in torch.split(places, READ_AT_ONCE)]
        read = [images.cpu() for images, _ in replace(self, device=torch.device("cpu")).batches(order, "none")]
        if not read:
            raise DataError(f"no image of the training set could be read: {next(reversed(self.left_out))}")
        pixels = torch.cat(read)
        return pixels, f"mean and deviation are of {len(pixels):,} of the training images"

    def _leave_out(self, damaged: list[str]) -> None:
        """Note what could not be read, or raise it, as the recipe says."""
        if damaged and not self.skip:
            raise DataError(damaged[0])
        self.left_out.update(dict.fromkeys(damaged))


Read = tuple[NDArray[np.uint8], list[int], list[str]]
"""Pixels (N×3×H×W) and classes of a batch's images, and why others could not be read."""


@dataclass(frozen=True, slots=True, eq=False)
class _Files:
    """Reads a batch, in a process of its own."""

    examples: tuple[Example, ...]
    side: int
    augmentation: Augmentation

    def __call__(self, batch: Batch) -> Read:
        seed, places = batch
        pixels: list[NDArray[np.uint8]] = []
        labels: list[int] = []
        damaged: list[str] = []
        for number, place in enumerate(places.tolist()):
            path, label = self.examples[place]
            try:
                with in_time(path):
                    pixels.append(self._one(path, None if seed is None else seed + number))
            except DataError as error:
                damaged.append(str(error))
            else:
                labels.append(label)
        return (np.stack(pixels) if pixels else np.empty(0, np.uint8)), labels, damaged

    def _one(self, path: str, seed: int | None) -> NDArray[np.uint8]:
        image = read_image(path)
        if seed is None or self.augmentation not in CUT_AS_READ:
            return as_array(middle(image, self.side))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return as_array(self._cut(image))

    def _cut(self, image: Image.Image) -> Image.Image:
        steps: list[object] = [transforms.RandomHorizontalFlip()]
        if self.augmentation == "scale-crop":
            shorter = int(torch.randint(SCALES[0], SCALES[1] + 1, ()).item() * self.side / 224)
            steps += [transforms.Resize(shorter), transforms.RandomCrop(self.side)]
        else:
            steps += [transforms.RandomResizedCrop(self.side)]
        cut: Image.Image = transforms.Compose(steps)(image)
        return cut
