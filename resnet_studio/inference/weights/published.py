"""Weights that torchvision publishes: for which networks, where they are kept, and fetching them once. Needs no torch.

They are kept where torch keeps them, by torchvision's names, so that neither fetches what the other has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from resnet_studio.atomic import WRITING
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import PublishedWeights
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress

PLACE = "https://download.pytorch.org/models/"
if TYPE_CHECKING:
    from resnet_studio.inference.weights.download import Download

TURN = 0.02
"""Seconds between two words on a download."""
STALE = 60.0
"""Seconds without a byte after which a download is one that was killed, and what it has left is removed."""
OFFLINE = "Random weights, weight files, the checkpoints of runs and the digits network need no network"


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """A file that torchvision publishes, and the preset that it was made for."""

    weights: PublishedWeights
    preset: str
    file: str
    megabytes: int
    """Of 1024² bytes, as torchvision counts, rounded."""
    sha256: str
    """The whole hash, or as much of it as is known."""

    @property
    def most(self) -> int:
        """Bytes that the file has at most."""
        return (self.megabytes + 1) << 20

    def is_file(self, sha256: str) -> bool:
        """Whether a file with this hash is the published one."""
        return sha256.startswith(self.sha256)


def _entry(model: str, name: str, file: str, megabytes: int, more_of_hash: str = "") -> PublishedEntry:
    made_for = f"{model}-v1.5" if model in ("resnet50", "resnet101", "resnet152") else model
    first_of_hash = file.rpartition("-")[2].partition(".")[0]
    return PublishedEntry(PublishedWeights(model, name), made_for, file, megabytes, first_of_hash + more_of_hash)


V1, V2 = "IMAGENET1K_V1", "IMAGENET1K_V2"
ENTRIES = (
    _entry("resnet18", V1, "resnet18-f37072fd.pth", 45, "47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"),
    _entry("resnet34", V1, "resnet34-b627a593.pth", 83, "bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"),
    _entry("resnet50", V1, "resnet50-0676ba61.pth", 98, "b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
    _entry("resnet50", V2, "resnet50-11ad3fa6.pth", 98, "2ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
    _entry("resnet101", V1, "resnet101-63fe2227.pth", 171, "b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"),
    _entry("resnet101", V2, "resnet101-cd907fc2.pth", 171, "a0de2292b2ba2b27d2216bc672d84632d1cf20058d01c0c03b5e020e"),
    _entry("resnet152", V1, "resnet152-394f9c45.pth", 230, "966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58"),
    _entry("resnet152", V2, "resnet152-f82ba261.pth", 230),
    _entry("vgg19", V1, "vgg19-dcbb9e9d.pth", 548, "ad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"),
    _entry("alexnet", V1, "alexnet-owt-7be5be79.pth", 233, "1159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"),
)
"""The last argument is the rest of the SHA-256, where it is known: torchvision itself says its first eight digits."""


def published_for(architecture: Architecture) -> tuple[PublishedWeights, ...]:
    """The weights whose tensors fit, whatever the image's size and the stride's place."""
    return tuple(entry.weights for entry in ENTRIES if _fits(preset(entry.preset), architecture))


def entry_of(source: PublishedWeights) -> PublishedEntry:
    """What is known of published weights; `WeightsError` if torchvision publishes none of that name."""
    for entry in ENTRIES:
        if entry.weights == source:
            return entry
    there = ", ".join(f"{entry.weights.model} {entry.weights.name}" for entry in ENTRIES)
    raise WeightsError(f"{source.model} {source.name}", f"is not published by torchvision. There are {there}")


def by_hash(sha256: str) -> PublishedEntry | None:
    """The entry of a file that torchvision publishes, wherever it lies and whatever it is called."""
    return next((entry for entry in ENTRIES if entry.is_file(sha256)), None)


def cached(source: PublishedWeights) -> Path:
    """The weights' file in torch's cache, whether it is there or not."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")
    return Path(torch_home).expanduser() / "hub" / "checkpoints" / entry_of(source).file


def fetch_steps(source: PublishedWeights) -> Generator[Progress, None, None]:
    """See to it that the file is there. `WeightsError` says why it could not be fetched, and what works without.

    Ended midway or refused, it leaves nothing behind.
    """
    path, entry = cached(source), entry_of(source)
    if path.exists():
        return
    yield Progress(0, entry.megabytes, f"asking for {entry.file}, {entry.megabytes} MB")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(entry.file, f"can't be kept in {path.parent}: {_why(error)}. {OFFLINE}") from None
    _remove_stale(path.parent)
    beside = path.with_name(f"{WRITING}{uuid4().hex}")
    from resnet_studio.inference.weights.download import Download  # the network's libraries: only for who fetches

    download = Download(PLACE + entry.file, beside, entry.most)
    try:
        while not download.ended.wait(TURN):
            done = min(download.size // 1_000_000, entry.megabytes)
            yield Progress(
                done, entry.megabytes, f"downloading {entry.file}, {done} of {entry.megabytes} MB"
            )  # a turn for others, and the point at which this may be ended
        _check(download, entry)
        os.replace(beside, path)
    except OSError as error:
        raise WeightsError(entry.file, f"could not be downloaded ({_why(error)}). {OFFLINE}") from None
    finally:
        download.stopped.set()
        with suppress(OSError):
            beside.unlink()


def _check(download: Download, entry: PublishedEntry) -> None:
    """Raise `OSError` if the file could not be fetched, or is not the one that was published."""
    if download.problem:
        raise OSError(download.problem)
    if download.size < download.announced:
        raise OSError(f"the connection ended after {download.size // 1_000_000} MB")
    if not entry.is_file(download.digest.hexdigest()):
        raise OSError("what came is not the published file: its checksum differs")


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).partition("\n")[0]


def _remove_stale(folder: Path) -> None:
    for left in folder.glob(f"{WRITING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE:
                left.unlink()


def _fits(original: Architecture, architecture: Architecture) -> bool:
    if isinstance(original, Residual) and isinstance(architecture, Residual):
        return architecture == replace(original, image=architecture.image, stride_on=architecture.stride_on)
    return original == replace(architecture, image=original.image)  # a baseline has a least image
