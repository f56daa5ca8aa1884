"""Where each data set comes from: scikit-learn's wheel, torchvision's downloads, a folder of the user's."""

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

from resnet_studio.causes import why
from resnet_studio.formatting import listed
from resnet_studio.plain import plain
from resnet_studio.progress import Progress
from resnet_studio.training.compute.data import (
    SPLIT_SEED,
    TESTED,
    Data,
    ImageSource,
    InMemoryImages,
    normaliser,
    statistics,
)
from resnet_studio.training.datasets import SOURCES, DataError, Dataset, is_folder
from resnet_studio.training.recipe import Recipe

Opened = tuple[ImageSource, ImageSource | None, tuple[str, ...], tuple[str, ...]]
"""Training images, test images of the set's own, the classes' names, notes."""
TELL_EVERY = 0.3
"""Seconds between two words on a download."""
DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def open_data(recipe: Recipe, image: int, root: Path, *, download: bool = False) -> Generator[Progress, None, Data]:
    """The recipe's data on the CPU, or streamed from its folder; `image` is the side that a folder's images get.

    Torchvision's sets are kept in `root`, and downloaded only if `download` says so. Raises `DataError`.
    """
    yield Progress(0, 1, f"opening {recipe.data}")
    digest = ""
    if is_folder(recipe.data):
        from resnet_studio.training.compute import folders  # brings torchvision, which takes seconds

        training, test, classes, notes, digest = yield from folders.open_folder(recipe, image)
    elif recipe.data == "digits":
        training, test, classes, notes = _digits()
    else:
        training, test, classes, notes = yield from _torchvision(recipe.data, root, download=download)
    training, test, test_of = _split(training, test, recipe, classes)
    if not len(training) or not len(test):
        raise DataError(f"{recipe.data}: there are too few images to train on some and test on others")
    pixels, note = training.some()
    mean, deviation = statistics(pixels)
    normalise = normaliser(recipe, pixels, mean, deviation)
    return Data(classes, training, test, test_of, normalise, mean, deviation, (*notes, *filter(None, [note])), digest)


def _digits() -> Opened:
    """1,797 handwritten digits, 8×8, of scikit-learn's wheel (UCI's Optical Recognition of Handwritten Digits)."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return InMemoryImages(torch.tensor(pixels)[:, None], torch.tensor(digits.target)), None, DIGIT_NAMES, ()


def _torchvision(name: str, root: Path, *, download: bool) -> Generator[Progress, None, Opened]:
    from torchvision import datasets

    source = SOURCES[name]
    make: Callable[..., Any] = {
        "mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST,
        "cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100,
    }[name]  # fmt: skip
    if download:
        yield from _download(make, root, source)
    try:
        sets = [make(root, train=train) for train in (True, False)]
    except RuntimeError as error:
        if "not found" not in str(error):
            raise _damaged(source, root) from None
        raise DataError(
            f"{source.title} is not on this machine. --download fetches {source.megabytes} MB into {root}; digits and "
            "folders of your own images need no download"
        ) from None
    except (AssertionError, EOFError, KeyError, OSError, ValueError):
        raise _damaged(source, root) from None
    training, test = (InMemoryImages(_pixels(one.data), torch.as_tensor(one.targets)) for one in sets)
    return training, test, tuple(sets[0].classes), ()


def _damaged(source: Dataset, root: Path) -> DataError:
    return DataError(f"{source.title} in {root} is damaged. Remove it there, and --download fetches it again")


def _download(make: Callable[..., Any], root: Path, source: Dataset) -> Generator[Progress, None, None]:
    """Let torchvision fetch a set, and tell meanwhile how much of it is on the disk."""
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(make, root, download=True)
        before = _megabytes(root)
        while not fetching.done():
            done = min(_megabytes(root) - before, source.megabytes)
            yield Progress(done, source.megabytes, f"downloading {source.title}, {done} of {source.megabytes} MB")
            wait([fetching], timeout=TELL_EVERY)
    try:
        fetching.result()
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{source.title} could not be downloaded ({_no_download(error)}). "
            "Digits and folders of your own images need no network"
        ) from None


def _no_download(error: OSError | RuntimeError) -> str:
    """Why torchvision could not fetch a set."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, OSError) and not isinstance(error, URLError):
        return why(error)
    offline = isinstance(error, URLError) or "downloading" in str(error)
    return "no server answers" if offline else "what came is not the published set"


def _megabytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # what torchvision removes meanwhile
            total += path.stat().st_size
    return total // 1_000_000


def _pixels(values: Any) -> Tensor:
    """N×C×H×W of what torchvision's sets hold: N×H×W tensors or N×H×W×C arrays."""
    pixels = torch.as_tensor(values)
    return pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2).contiguous()


def _split(
    training: ImageSource, test: ImageSource | None, recipe: Recipe, classes: Sequence[str]
) -> tuple[ImageSource, ImageSource, str]:
    """The images that are trained on and those that are tested on, and where these come from."""
    if test is not None and not recipe.holdout:
        return training, test, f"the set's own {len(test):,} test images"
    count = recipe.holdout or math.ceil(len(training) / TESTED)
    if count >= len(training):
        raise DataError(f"holdout: {count:,} of {len(training):,} training images leave nothing to train on")
    kept, held_out = map(torch.as_tensor, held_out_places(training.labels.tolist(), count))
    sizes = np.bincount(training.labels, minlength=len(classes))
    tested = np.bincount(training.labels[held_out], minlength=len(classes))
    untrained = [name for name, size, count in zip(classes, sizes, tested, strict=True) if 0 < size == count]
    if untrained:
        raise DataError(
            f"{_some(untrained)} would have no image to train on: {count:,} of {len(training):,} are held out. "
            "Hold out fewer, or add images"
        )
    untested = [name for name, size, count in zip(classes, sizes, tested, strict=True) if size and not count]
    share = _same_share(sizes, tested)
    told = f"{count:,} images held out{', the same share of each class' if share else ''}, always the same"
    return training.part(kept), training.part(held_out), told + _untested(untested)


def _same_share(sizes: NDArray[np.int64], tested: NDArray[np.int64]) -> bool:
    """Whether as many of each class are held out as its share of all says, to a whole image."""
    shares = sizes * tested.sum() / sizes.sum()
    return bool((np.abs(tested - shares) < 1).all() and (tested > 0)[sizes > 0].all())


def _untested(names: Sequence[str]) -> str:
    return f"; {_some(names)} {'has' if len(names) == 1 else 'have'} too few for a test image" if names else ""


def _some(names: Sequence[str]) -> str:
    return listed([plain(name) for name in names])


def held_out_places(labels: Sequence[int], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the images that are kept and of those held out, by scikit-learn's split with a fixed seed.

    Each class gives its share; where there are too few held out for that, they are drawn from all. The only image of
    a class is kept.
    """
    from sklearn.model_selection import train_test_split

    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(counts[classes] > 1)
    if count >= len(shared):
        shared = np.arange(len(labels))
    present = np.unique(classes[shared])
    even = count >= len(present) and len(shared) - count >= len(present) and len(shared) == (counts[classes] > 1).sum()
    _, held_out = train_test_split(
        shared, test_size=count, random_state=SPLIT_SEED, stratify=classes[shared] if even else None
    )
    held_out = np.sort(held_out)
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out
