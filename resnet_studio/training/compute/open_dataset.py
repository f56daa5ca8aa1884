"""Opening a data set: scikit-learn's digits, torchvision's downloads, or a folder of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnet_studio.causes import os_reason
from resnet_studio.formatting import join_names
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.plain import plain
from resnet_studio.progress import Progress
from resnet_studio.training.compute.data import (
    HOLDOUT_DIVISOR,
    SPLIT_SEED,
    Data,
    ImageSource,
    InMemoryImages,
    make_normalizer,
    statistics,
)
from resnet_studio.training.datasets import DATASETS, DataError, Dataset, is_folder
from resnet_studio.training.recipe import Recipe

OpenedSplits = tuple[ImageSource, ImageSource | None, tuple[str, ...], tuple[str, ...]]
"""Training images, the data set's own test images, class names, notes."""
PROGRESS_INTERVAL = 0.3
"""Seconds between two progress messages of a download."""
DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def open_data(
    recipe: Recipe, image: ImageSize, root: Path, *, download: bool = False
) -> Generator[Progress, None, Data]:
    """Open the recipe's data on the CPU, or streamed from its folder. A folder's images get the size `image`.

    Torchvision's data sets are in `root`, and are downloaded only with `download`. Raises `DataError`.
    """
    yield Progress(0, 1, f"opening {recipe.data}")
    digest = ""
    if is_folder(recipe.data):
        from resnet_studio.training.compute import folders  # imports torchvision, which takes seconds

        training, test, classes, notes, digest = yield from folders.open_folder(recipe, image)
    elif recipe.data == "digits":
        training, test, classes, notes = _open_digits()
    else:
        training, test, classes, notes = yield from _torchvision_steps(recipe.data, root, download=download)
    training, test, test_source = _split_off_test(training, test, recipe, classes)
    if not len(training) or not len(test):
        raise DataError(f"{recipe.data}: too few images for a training set and a test set")
    pixels, note = training.statistics_sample()
    mean, std = statistics(pixels)
    normalize = make_normalizer(recipe, pixels, mean, std)
    return Data(classes, training, test, test_source, normalize, mean, std, (*notes, *filter(None, [note])), digest)


def _open_digits() -> OpenedSplits:
    """1,797 handwritten digits, 8×8, from scikit-learn's wheel (UCI's Optical Recognition of Handwritten Digits)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return InMemoryImages(torch.tensor(pixels)[:, None], torch.tensor(digits.target)), None, DIGIT_NAMES, ()


def _torchvision_steps(name: str, root: Path, *, download: bool) -> Generator[Progress, None, OpenedSplits]:
    from torchvision import datasets

    dataset = DATASETS[name]
    make: Callable[..., Any] = {
        "mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100,
    }[name]  # fmt: skip
    if download:
        yield from _download_steps(make, root, dataset)
    try:
        sets = [make(root, train=train) for train in (True, False)]
    except RuntimeError as error:
        if "not found" not in str(error):
            raise _damaged_error(dataset, root) from None
        raise DataError(
            f"{dataset.title} is not downloaded. Use --download to get {dataset.download_megabytes} MB into {root}; "
            "digits and your own image folders need no download"
        ) from None
    except (AssertionError, EOFError, KeyError, OSError, ValueError):
        raise _damaged_error(dataset, root) from None
    training, test = (InMemoryImages(_pixels(split.data), torch.as_tensor(split.targets)) for split in sets)
    return training, test, tuple(sets[0].classes), ()


def _damaged_error(dataset: Dataset, root: Path) -> DataError:
    return DataError(f"{dataset.title} in {root} is damaged. Delete it there and use --download to download it again")


def _download_steps(make: Callable[..., Any], root: Path, dataset: Dataset) -> Generator[Progress, None, None]:
    """Let torchvision download a data set, and report meanwhile how much of it is on the disk."""
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(make, root, download=True)
        before, total = _megabytes(root), dataset.download_megabytes
        while not fetching.done():
            done = min(_megabytes(root) - before, total)
            yield Progress(done, total, f"downloading {dataset.title}, {done} of {total} MB")
            wait([fetching], timeout=PROGRESS_INTERVAL)
    try:
        fetching.result()
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{dataset.title} could not be downloaded ({_download_failure(error)}). "
            "Digits and your own image folders need no download"
        ) from None


def _download_failure(error: OSError | RuntimeError) -> str:
    """Why torchvision could not download a data set."""
    if isinstance(error, HTTPError):
        return f"the server returned HTTP status {error.code}"
    if isinstance(error, OSError) and not isinstance(error, URLError):
        return os_reason(error)
    offline = isinstance(error, URLError) or "downloading" in str(error)
    return "no server responded" if offline else "the files don't match the published data set"


def _megabytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # torchvision may remove a file meanwhile
            total += path.stat().st_size
    return total // 1_000_000


def _pixels(values: Any) -> Tensor:
    """N×C×H×W from the pixels of a torchvision data set: N×H×W tensors or N×H×W×C arrays."""
    pixels = torch.as_tensor(values)
    return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()


def _split_off_test(
    training: ImageSource, test: ImageSource | None, recipe: Recipe, classes: Sequence[str]
) -> tuple[ImageSource, ImageSource, str]:
    """The training images, the test images, and where the test images come from."""
    if test is not None and not recipe.holdout:
        return training, test, f"the data set's {len(test):,} test images"
    count = recipe.holdout or math.ceil(len(training) / HOLDOUT_DIVISOR)
    if count >= len(training):
        raise DataError(f"holdout: {count:,} of {len(training):,} training images leaves none to train on")
    remaining, held_out = map(torch.as_tensor, holdout_split(training.labels.tolist(), count))
    sizes = np.bincount(training.labels, minlength=len(classes))
    tested = np.bincount(training.labels[held_out], minlength=len(classes))
    untrained = [name for name, size, count in zip(classes, sizes, tested, strict=True) if 0 < size == count]
    if untrained:
        raise DataError(
            f"{_join_classes(untrained)} would have no training images: {count:,} of {len(training):,} are held out. "
            "Hold out fewer, or add images"
        )
    untested = [name for name, size, count in zip(classes, sizes, tested, strict=True) if size and not count]
    share = _same_share(sizes, tested)
    described = f"{count:,} images held out{', stratified by class' if share else ''}, with a fixed seed"
    return training.subset(remaining), training.subset(held_out), described + _describe_untested(untested)


def _same_share(sizes: NDArray[np.int64], tested: NDArray[np.int64]) -> bool:
    """Whether each class is held out in proportion to its size, to within one image."""
    shares = sizes * tested.sum() / sizes.sum()
    return bool((np.abs(tested - shares) < 1).all() and (tested > 0)[sizes > 0].all())


def _describe_untested(names: Sequence[str]) -> str:
    return f"; {_join_classes(names)} {'has' if len(names) == 1 else 'have'} too few for a test image" if names else ""


def _join_classes(names: Sequence[str]) -> str:
    return join_names([plain(name) for name in names])


def holdout_split(labels: Sequence[int], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the images to train on and of those held out, by scikit-learn's split with a fixed seed.

    The split is stratified by class unless too few images are held out for that. The only image of a class is always
    trained on.
    """
    from sklearn.model_selection import train_test_split

    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[classes] > 1)
    if count >= len(candidates):
        candidates = np.arange(len(labels))
    present = np.unique(classes[candidates])
    stratified = (
        count >= len(present)
        and len(candidates) - count >= len(present)
        and len(candidates) == (counts[classes] > 1).sum()
    )
    _, held_out = train_test_split(
        candidates, test_size=count, random_state=SPLIT_SEED, stratify=classes[candidates] if stratified else None
    )
    held_out = np.sort(held_out)
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out
