"""The images of a folder of class folders, kept in memory or, if they are too many, read when needed."""

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

from resnet_studio.formatting import join_names
from resnet_studio.inference.compute.transforms import center_part
from resnet_studio.inference.cropping import resized_size
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images.loader import open_image
from resnet_studio.networks.image_size import ImageSize, height_width
from resnet_studio.progress import Progress
from resnet_studio.training.compute.augmentation import augment_batch
from resnet_studio.training.compute.data import Batch, Batches, ImageSource, InMemoryImages, seed_torch
from resnet_studio.training.compute.readers import file_timeout, read_ahead
from resnet_studio.training.datasets import DataError
from resnet_studio.training.folders.class_folders import ClassFolders, Example, read_class_folders
from resnet_studio.training.recipe import Augmentation, Recipe
from resnet_studio.training.runs.fingerprint import digest

MAX_IN_MEMORY = 512_000_000
"""Bytes of images that are kept in memory. Larger data sets are read when needed."""
STATISTICS_IMAGES = 2_000
"""Images of a streamed data set from which mean and standard deviation are computed."""
READ_BATCH = 64
SCALES = (256, 480)
"""Range of the shorter side at an image size of 224, drawn for each image (He et al. 2015, section 3.4)."""
RATIOS = (3 / 4, 4 / 3)
"""By how much a random crop may be narrower or wider than the input, as in torchvision and Szegedy et al. 2014."""
PER_IMAGE_AUGMENTATIONS: tuple[Augmentation, ...] = ("resized-crop", "scale-crop")
"""Augmentations that need each image at its original size. The others work on whole batches."""


def open_folder(
    recipe: Recipe, image: ImageSize
) -> Generator[Progress, None, tuple[ImageSource, ImageSource | None, tuple[str, ...], tuple[str, ...], str]]:
    """Training images, the folder's own test images or None, classes, notes and a digest of the files.

    Images get the size `image`. The layouts of folders are described in `class_folders.py`.
    """
    found = read_class_folders(Path(recipe.data))
    count, (height, width) = len(found.training) + len(found.test or ()), height_width(image)
    sets: list[ImageSource | None] = []
    notes = list(found.notes)
    for part in (found.training, found.test):
        if part is None:
            sets.append(None)
        elif count * 3 * height * width > MAX_IN_MEMORY:
            sets.append(StreamedImages(part, image, recipe.damaged == "skip"))
        else:
            sets.append((yield from _read_all(part, image, recipe, notes)))
    training, test = sets
    assert training is not None
    _check_classes(training, found)
    files = digest(Path(recipe.data), [*found.training, *(found.test or ())])
    return training, test, found.classes, tuple(notes), files


def _check_classes(training: ImageSource, found: ClassFolders) -> None:
    """Raise `DataError` for classes without a readable image.

    A streamed data set that skips damaged images has to open files to find out.
    """
    if isinstance(training, StreamedImages) and training.skip_damaged:
        present = {label for label in range(len(found.classes)) if _any_readable(found.training, label)}
    else:
        present = set(training.labels.tolist())
    missing = [name for label, name in enumerate(found.classes) if label not in present]
    if missing:
        raise DataError(
            f"none of the images of {join_names(missing)} can be read. Copy them again, or move the folder elsewhere"
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
    """Open an image; `DataError` names the file and says why it can't be read."""
    try:
        return Image.fromarray(open_image(Path(path)).pixels)
    except (ImageError, OSError) as error:
        raise DataError(f"can't read an image of the data set: {error}") from None


def as_array(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels as 3×H×W."""
    return np.asarray(image).transpose(2, 0, 1)


def _read_all(
    examples: Sequence[Example], image: ImageSize, recipe: Recipe, notes: list[str]
) -> Generator[Progress, None, InMemoryImages]:
    """Read the center of every image in that size. Damaged ones raise or are skipped, as the recipe says."""
    size = height_width(image)
    pixels = torch.empty(len(examples), 3, *size, dtype=torch.uint8)
    labels: list[int] = []
    missing: list[str] = []
    order: list[Batch] = [(None, part) for part in torch.split(torch.arange(len(examples)), READ_BATCH)]
    with closing(read_ahead(_BatchReader(tuple(examples), size, "none"), order)) as ahead:
        for number, (_, (read, read_labels, damaged)) in enumerate(ahead):
            if damaged and recipe.damaged == "fail":
                raise DataError(damaged[0])
            missing += damaged
            if read_labels:
                pixels[len(labels) : len(labels) + len(read_labels)] = torch.from_numpy(read)
                labels += read_labels
            done = min((number + 1) * READ_BATCH, len(examples))
            yield Progress(done, len(examples), f"reading images, {done:,} of {len(examples):,}")
    if missing:
        notes.append(f"{len(missing):,} images were skipped; the first: {missing[0]}")
    return InMemoryImages(pixels[: len(labels)], torch.tensor(labels))


@dataclass(frozen=True, slots=True, eq=False)
class StreamedImages:
    """Images that stay in their files and are read when needed."""

    examples: tuple[Example, ...]
    image: ImageSize
    skip_damaged: bool
    """Whether images that can't be read are left out of their batch instead of raising `DataError`."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    skipped: dict[str, None] = field(default_factory=dict)
    """The reason for each image that was skipped so far, in order (the keys; used as an ordered set)."""
    storage: str = "read from disk by background processes"

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def labels(self) -> Tensor:
        return torch.tensor([label for _, label in self.examples])

    @property
    def size(self) -> tuple[int, int, int]:
        return 3, *height_width(self.image)

    def batches(self, order: Iterable[Batch], augmentation: Augmentation) -> Batches:
        augment = augment_batch("none" if augmentation in PER_IMAGE_AUGMENTATIONS else augmentation)
        read = _BatchReader(self.examples, height_width(self.image), augmentation)
        with closing(read_ahead(read, order)) as ahead:
            for (seed, _), (pixels, labels, damaged) in ahead:
                self._add_skipped(damaged)
                if seed is not None:
                    seed_torch(seed, self.device)
                    if not labels:
                        raise DataError(f"none of the images of a batch could be read: {damaged[-1]}")
                if labels:
                    images = torch.from_numpy(pixels).to(self.device)
                    yield augment(images), torch.tensor(labels, device=self.device)

    def subset(self, indices: Tensor) -> StreamedImages:
        """The images at some indices."""
        return replace(self, examples=tuple(self.examples[index] for index in indices.tolist()))

    def to(self, device: torch.device) -> StreamedImages:
        """The same images with batches on another device."""
        return replace(self, device=device)

    def statistics_sample(self) -> tuple[Tensor, str]:
        """Images spread evenly over the data set."""
        chosen = np.linspace(0, len(self) - 1, min(STATISTICS_IMAGES, len(self))).astype(int).tolist()
        indices = torch.tensor(list(dict.fromkeys(chosen)))
        order: list[Batch] = [(None, part) for part in torch.split(indices, READ_BATCH)]
        read = [images.cpu() for images, _ in replace(self, device=torch.device("cpu")).batches(order, "none")]
        if not read:
            raise DataError(f"none of the training images could be read: {next(reversed(self.skipped))}")
        pixels = torch.cat(read)
        return pixels, f"mean and std computed from {len(pixels):,} of the training images"

    def _add_skipped(self, damaged: list[str]) -> None:
        """Remember what could not be read, or raise it, as the recipe says."""
        if damaged and not self.skip_damaged:
            raise DataError(damaged[0])
        self.skipped.update(dict.fromkeys(damaged))


ReadBatch = tuple[NDArray[np.uint8], list[int], list[str]]
"""Pixels (N×3×H×W) and classes of a batch's images, and why the others could not be read."""


@dataclass(frozen=True, slots=True, eq=False)
class _BatchReader:
    """Reads a batch. It runs in a reader process."""

    examples: tuple[Example, ...]
    size: tuple[int, int]
    """Height and width of each image in the batch."""
    augmentation: Augmentation

    def __call__(self, batch: Batch) -> ReadBatch:
        seed, indices = batch
        pixels: list[NDArray[np.uint8]] = []
        labels: list[int] = []
        damaged: list[str] = []
        for number, index in enumerate(indices.tolist()):
            path, label = self.examples[index]
            try:
                with file_timeout(path):
                    pixels.append(self._read(path, None if seed is None else seed + number))
            except DataError as error:
                damaged.append(str(error))
            else:
                labels.append(label)
        return (np.stack(pixels) if pixels else np.empty(0, np.uint8)), labels, damaged

    def _read(self, path: str, seed: int | None) -> NDArray[np.uint8]:
        image = read_image(path)
        if seed is None or self.augmentation not in PER_IMAGE_AUGMENTATIONS:
            return as_array(center_part(image, self.size))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return as_array(self._crop(image))

    def _crop(self, image: Image.Image) -> Image.Image:
        steps: list[object] = [transforms.RandomHorizontalFlip()]
        if self.augmentation == "scale-crop":
            scale = torch.randint(SCALES[0], SCALES[1] + 1, ()).item()
            height, width = (int(scale * side / 224) for side in self.size)
            resized = resized_size(*image.size, (height, width))
            steps += [transforms.Resize(resized), transforms.RandomCrop(self.size)]
        else:
            height, width = self.size
            ratios = tuple(ratio * width / height for ratio in RATIOS)
            steps += [transforms.RandomResizedCrop(self.size, ratio=ratios)]
        cropped: Image.Image = transforms.Compose(steps)(image)
        return cropped
