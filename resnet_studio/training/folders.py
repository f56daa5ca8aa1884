"""A folder of class folders: torchvision's `ImageFolder`, held on the device or read when needed, by its size."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from resnet_studio.files import shown
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images import open_image
from resnet_studio.progress import Progress
from resnet_studio.training.augmentation import augment_batch
from resnet_studio.training.data import Batch, Batches, Held, Images, sow
from resnet_studio.training.recipe import Augmentation, Recipe
from resnet_studio.training.sources import SOURCES, DataError

MOST_HELD = 512_000_000
"""Bytes of images that are held on the device; larger sets are read when needed."""
TRAINING_NAMES, TEST_NAMES = ("train", "training"), ("val", "valid", "validation", "test")
STATISTICS_OF = 2_000
"""Images of a set that is not held, of which mean and deviation are taken."""
READ_AT_ONCE = 64
MOST_READERS = 8
SCALES = (256, 480)
"""Pixels of the shorter side at an image size of 224, drawn for each image (He et al. 2015, section 3.4)."""
CUT_AS_READ: tuple[Augmentation, ...] = ("resized-crop", "scale-crop")
"""Augmentations that need an image at its own size; others are of whole batches."""

Example = tuple[str, int]
"""A file and its class."""


def open_folder(
    recipe: Recipe, image: int
) -> Generator[Progress, None, tuple[Images, Images | None, tuple[str, ...], tuple[str, ...]]]:
    """Training images, test images where the folder has its own, classes and notes. `image` is the side they get.

    A folder has class folders, or a folder `train` with class folders and perhaps one of `val` or `test`.
    """
    training, test = list_folder(Path(recipe.data))
    everything = len(training.samples) + (len(test.samples) if test else 0)
    sets: list[Images | None] = []
    notes: list[str] = []
    for part in (training, test):
        if part is None:
            sets.append(None)
        elif everything * 3 * image**2 > MOST_HELD:
            sets.append(Streamed(tuple(part.samples), image, recipe.damaged == "skip"))
        else:
            sets.append((yield from _read_all(part.samples, image, recipe, notes)))
    assert sets[0] is not None
    return sets[0], sets[1], tuple(training.classes), tuple(notes)


def list_folder(root: Path) -> tuple[ImageFolder, ImageFolder | None]:
    """The files of training and test images with their classes, none of them opened."""
    training = _listed(_child(root, TRAINING_NAMES) or root)
    tests = _child(root, TEST_NAMES) if _child(root, TRAINING_NAMES) else None
    test = _listed(tests) if tests else None
    if test is not None and test.classes != training.classes:
        raise DataError(f"{shown(root)}: training and test images are not of the same classes")
    return training, test


def _child(root: Path, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _listed(folder: Path) -> ImageFolder:
    try:
        return ImageFolder(str(folder))
    except FileNotFoundError as error:
        if not folder.is_dir():
            known = ", ".join(SOURCES)
            raise DataError(f"{folder} is no folder here. Check the path; known by name are {known}") from None
        text = str(error)
        if "any class folder" in text:
            text = "it has no folders in it; each class needs one with its images"
        else:
            names = text.partition("classes ")[2].partition(". Supported")[0]
            text = f"there is no image in its class folder {names}; put some in, or remove the folder"
        raise DataError(f"{shown(folder)}: {text}") from None
    except OSError as error:
        raise DataError(f"{shown(folder)} can't be read: {error.strerror}") from None


def read_image(path: str) -> Image.Image:
    """An image of the data; `DataError` names the file and says why it can't be had."""
    try:
        return Image.fromarray(open_image(Path(path)).pixels)
    except (ImageError, OSError) as error:
        raise DataError(f"an image of the data can't be read: {error}") from None


def middle(image: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle of an image, side × side."""
    return ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)


def as_tensor(image: Image.Image) -> Tensor:
    """3×H×W, uint8."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def _read_all(
    examples: Sequence[Example], side: int, recipe: Recipe, notes: list[str]
) -> Generator[Progress, None, Held]:
    """Every image's middle, side × side; those that can't be read end it, or are left out, as the recipe says."""
    pixels = torch.empty(len(examples), 3, side, side, dtype=torch.uint8)
    labels: list[int] = []
    missing: list[str] = []

    def read(path: str) -> Tensor | DataError:
        try:
            return as_tensor(middle(read_image(path), side))
        except DataError as error:
            return error

    with ThreadPoolExecutor(_readers()) as pool:
        for start in range(0, len(examples), READ_AT_ONCE):
            yield Progress(start, len(examples), f"reading images, {start:,} of {len(examples):,}")
            some = examples[start : start + READ_AT_ONCE]
            for (_, label), one in zip(some, pool.map(read, [path for path, _ in some]), strict=True):
                if isinstance(one, Tensor):
                    pixels[len(labels)] = one
                    labels.append(label)
                elif recipe.damaged == "fail":
                    raise one
                else:
                    missing.append(str(one))
    if missing:
        notes.append(f"{len(missing):,} images were left out; the first: {missing[0]}")
    return Held(pixels[: len(labels)], torch.tensor(labels))


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Images that stay in their files and are read by torch's `DataLoader`."""

    examples: tuple[Example, ...]
    side: int
    skip: bool
    """Whether images that can't be read are left out of their batch."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    left_out: dict[str, None] = field(default_factory=dict)
    """Why, of each image that was left out so far; in their order."""
    held: str = "in their files, read by torch's DataLoader"

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def labels(self) -> Tensor:
        return torch.tensor([label for _, label in self.examples])

    @property
    def size(self) -> tuple[int, int, int]:
        return 3, self.side, self.side

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        seeds: list[int | None] = []

        def sampled() -> Iterator[list[tuple[int, int | None]]]:
            for seed, places in order:
                seeds.append(seed)
                yield [(place, None if seed is None else seed + number) for number, place in enumerate(places.tolist())]

        files = _Files(self.examples, self.side, augmentation)
        loader = DataLoader(
            files, batch_sampler=sampled(), num_workers=_readers(), collate_fn=_gather, worker_init_fn=_leave_signals
        )
        augment = augment_batch("none" if augmentation in CUT_AS_READ else augmentation)
        for number, (images, labels, damaged) in enumerate(loader):
            self._leave_out(damaged)
            seed = seeds[number]
            if seed is not None:
                sow(seed, self.device)
                if not len(labels):
                    raise DataError(f"no image of a whole batch could be read: {damaged[-1]}")
            if len(labels):
                yield augment(images.to(self.device)), labels.to(self.device)

    def part(self, places: Tensor) -> Streamed:
        """Some of the images."""
        return replace(self, examples=tuple(self.examples[place] for place in places.tolist()))

    def to(self, device: torch.device) -> Streamed:
        """The same images, given on another device."""
        return replace(self, device=device)

    def some(self) -> tuple[Tensor, str]:
        """Images spread evenly over all."""
        files = _Files(self.examples, self.side, "none")
        chosen = np.linspace(0, len(self) - 1, min(STATISTICS_OF, len(self))).astype(int).tolist()
        with ThreadPoolExecutor(_readers()) as pool:
            pixels, labels, damaged = _gather(list(pool.map(lambda place: files[place, None], dict.fromkeys(chosen))))
        self._leave_out(damaged)
        if not len(labels):
            raise DataError(f"no image of the training set could be read: {damaged[-1]}")
        return pixels, f"mean and deviation are of {len(labels):,} of the training images"

    def _leave_out(self, damaged: list[str]) -> None:
        """Note what could not be read, or raise it, as the recipe says."""
        if damaged and not self.skip:
            raise DataError(damaged[0])
        self.left_out.update(dict.fromkeys(damaged))


class _Files(Dataset[tuple[Tensor | str, int]]):
    """One image at a time, or why it can't be had, in a process of the `DataLoader`.

    An index is a place and the seed of what is random.
    """

    def __init__(self, examples: tuple[Example, ...], side: int, augmentation: Augmentation) -> None:
        self.examples, self.side, self.augmentation = examples, side, augmentation

    def __getitem__(self, index: tuple[int, int | None]) -> tuple[Tensor | str, int]:
        place, seed = index
        path, label = self.examples[place]
        try:
            image = read_image(path)
        except DataError as error:
            return str(error), label
        if seed is None or self.augmentation not in CUT_AS_READ:
            return as_tensor(middle(image, self.side)), label
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return as_tensor(self._cut(image)), label

    def _cut(self, image: Image.Image) -> Image.Image:
        steps: list[object] = [transforms.RandomHorizontalFlip()]
        if self.augmentation == "scale-crop":
            shorter = int(torch.randint(SCALES[0], SCALES[1] + 1, ()).item() * self.side / 224)
            steps += [transforms.Resize(shorter), transforms.RandomCrop(self.side)]
        else:
            steps += [transforms.RandomResizedCrop(self.side)]
        cut: Image.Image = transforms.Compose(steps)(image)
        return cut


def _gather(examples: list[tuple[Tensor | str, int]]) -> tuple[Tensor, Tensor, list[str]]:
    images = [image for image, _ in examples if isinstance(image, Tensor)]
    labels = [label for image, label in examples if isinstance(image, Tensor)]
    left_out = [image for image, _ in examples if isinstance(image, str)]
    return torch.stack(images) if images else torch.empty(0), torch.tensor(labels), left_out


def _leave_signals(_worker: int) -> None:
    """Leave a terminal's Ctrl+C, which reaches every process in it, to the process that trains."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _readers() -> int:
    return min(MOST_READERS, os.cpu_count() or 1)
