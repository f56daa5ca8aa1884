"""Weights that torchvision publishes: the networks that they fit, their files, and downloading them. Needs no torch.

Files are stored in torch's cache under torchvision's names, so that neither downloads what the other has.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard
from uuid import uuid4

from resnet_studio.atomic import WRITING
from resnet_studio.causes import os_reason
from resnet_studio.formatting import join_names
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import PublishedWeights, WeightsSource
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, Baseline, differing
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress

BASE_URL = "https://download.pytorch.org/models/"
if TYPE_CHECKING:
    from resnet_studio.inference.weights.download import Download

POLL_INTERVAL = 0.02
"""Seconds between two progress reports of a download."""
STALE_AFTER = 60.0
"""Seconds without a new byte after which the temporary file of another download is removed."""
OFFLINE = "Random weights, weights files, run checkpoints and the digits network work offline"


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """A file that torchvision publishes, and the preset that it was made for."""

    weights: PublishedWeights
    preset: str
    file: str
    megabytes: int
    """Rounded, of 1024² bytes, as torchvision counts."""
    sha256: str
    """The whole hash, or its first digits if no more is known."""

    @property
    def max_bytes(self) -> int:
        """Upper limit of the file's size in bytes."""
        return (self.megabytes + 1) << 20

    def matches(self, sha256: str) -> bool:
        """Whether a file with this hash is the published one."""
        return sha256.startswith(self.sha256)


def _entry(model: str, name: str, file: str, megabytes: int, rest_of_hash: str = "") -> PublishedEntry:
    preset_name = f"{model}-v1.5" if model in ("resnet50", "resnet101", "resnet152") else model
    first_of_hash = file.rpartition("-")[2].partition(".")[0]
    return PublishedEntry(PublishedWeights(model, name), preset_name, file, megabytes, first_of_hash + rest_of_hash)


V1, V2 = "IMAGENET1K_V1", "IMAGENET1K_V2"
RESIDUAL = (
    _entry("resnet18", V1, "resnet18-f37072fd.pth", 45, "47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"),
    _entry("resnet34", V1, "resnet34-b627a593.pth", 83, "bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"),
    _entry("resnet50", V1, "resnet50-0676ba61.pth", 98, "b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
    _entry("resnet50", V2, "resnet50-11ad3fa6.pth", 98, "2ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
    _entry("resnet101", V1, "resnet101-63fe2227.pth", 171, "b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"),
    _entry("resnet101", V2, "resnet101-cd907fc2.pth", 171, "a0de2292b2ba2b27d2216bc672d84632d1cf20058d01c0c03b5e020e"),
    _entry("resnet152", V1, "resnet152-394f9c45.pth", 230, "966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58"),
    _entry("resnet152", V2, "resnet152-f82ba261.pth", 230),
    _entry("resnext50_32x4d", V1, "resnext50_32x4d-7cdf4587.pth", 96),
    _entry("resnext50_32x4d", V2, "resnext50_32x4d-1a0047aa.pth", 96),
    _entry("resnext101_32x8d", V1, "resnext101_32x8d-8ba56ff5.pth", 340),
    _entry("resnext101_32x8d", V2, "resnext101_32x8d-110c445d.pth", 340),
    _entry("resnext101_64x4d", V1, "resnext101_64x4d-173b62eb.pth", 319),
    _entry("wide_resnet50_2", V1, "wide_resnet50_2-95faca4d.pth", 132),
    _entry("wide_resnet50_2", V2, "wide_resnet50_2-9ba9bcbe.pth", 263),
    _entry("wide_resnet101_2", V1, "wide_resnet101_2-32ee1156.pth", 243),
    _entry("wide_resnet101_2", V2, "wide_resnet101_2-d733dc28.pth", 485),
)
"""Those of residual networks. The last argument is the rest of the SHA-256, if it is known: torchvision's file names
have the first 8 digits or more."""
RESTS = {
    "vgg19-dcbb9e9d.pth": "ad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "alexnet-owt-7be5be79.pth": "1159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
}
"""The same of some files of other networks."""
ENTRIES = (
    *RESIDUAL,
    *(
        _entry(model, name, file, megabytes, RESTS.get(file, ""))
        for model in baselines.NAMES
        for name, file, megabytes in baselines.info(model).files
    ),
)
"""Every file of torchvision's classification networks that loads into the network as it is."""


def published_for(architecture: Architecture) -> tuple[PublishedWeights, ...]:
    """The weights whose tensors fit, for any image size, any `stride_on`, and any stages that dilate.

    A vision transformer's position embedding fits one size of image.
    """
    return tuple(entry.weights for entry in ENTRIES if _fits(preset(entry.preset), architecture))


def find_entry(source: PublishedWeights) -> PublishedEntry:
    """The entry of published weights; `WeightsError` if torchvision publishes none of that name."""
    for entry in ENTRIES:
        if entry.weights == source:
            return entry
    named = [entry.weights.name for entry in ENTRIES if entry.weights.model == source.model]
    models = list(dict.fromkeys(entry.weights.model for entry in ENTRIES))
    known = f"{source.model} {' or '.join(named)}" if named else join_names(models)
    raise WeightsError(f"{source.model} {source.name}", f"is not published by torchvision. Available: {known}")


def entry_by_hash(sha256: str) -> PublishedEntry | None:
    """The published entry with this hash; None if there is none."""
    return next((entry for entry in ENTRIES if entry.matches(sha256)), None)


def cache_path(source: PublishedWeights) -> Path:
    """The path of the weights in torch's cache, whether the file exists or not."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")
    return Path(torch_home).expanduser() / "hub" / "checkpoints" / find_entry(source).file


def needs_download(weights: WeightsSource | None) -> TypeGuard[PublishedWeights]:
    """Whether weights are published and not in the cache."""
    return isinstance(weights, PublishedWeights) and not cache_path(weights).exists()


def fetch_steps(source: PublishedWeights) -> Generator[Progress, None, None]:
    """Download the file unless it is in the cache. `WeightsError` says why that failed, and what works offline.

    If it fails or is canceled, nothing is left behind.
    """
    path, entry = cache_path(source), find_entry(source)
    if path.exists():
        return
    yield Progress(0, entry.megabytes, f"requesting {entry.file}, {entry.megabytes} MB")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(entry.file, f"can't be saved in {path.parent}: {os_reason(error)}. {OFFLINE}") from None
    _remove_stale(path.parent)
    temporary = path.with_name(f"{WRITING}{uuid4().hex}")
    from resnet_studio.inference.weights.download import Download  # imports the network libraries

    download = Download(BASE_URL + entry.file, temporary, entry.max_bytes)
    try:
        while not download.finished.wait(POLL_INTERVAL):
            done = min(download.size // 1_000_000, entry.megabytes)
            yield Progress(
                done, entry.megabytes, f"downloading {entry.file}, {done} of {entry.megabytes} MB"
            )  # other requests get their turn here, and the job can be canceled
        _check(download, entry)
        os.replace(temporary, path)
    except OSError as error:
        raise WeightsError(entry.file, f"could not be downloaded ({os_reason(error)}). {OFFLINE}") from None
    finally:
        download.stopped.set()
        with suppress(OSError):
            temporary.unlink()


def _check(download: Download, entry: PublishedEntry) -> None:
    """Raise `OSError` if the download failed, or if the file is not the published one."""
    if download.error:
        raise OSError(download.error)
    if download.size < download.announced:
        raise OSError(f"the connection closed after {download.size // 1_000_000} MB")
    if not entry.matches(download.digest.hexdigest()):
        raise OSError("the received file has the wrong checksum")


def _remove_stale(folder: Path) -> None:
    for path in folder.glob(f"{WRITING}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_AFTER:
                path.unlink()


def _fits(published: Architecture, architecture: Architecture) -> bool:
    free = {"image", "stride_on", "dilated"}
    if isinstance(published, Baseline) and baselines.info(published.name).patch:
        free = set()
    return type(published) is type(architecture) and set(differing(published, architecture)) <= free
