"""The weights that runs have saved, and what they were trained on. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_studio.files import open_below
from resnet_studio.inference.counterparts import TrainedWeights
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights import provenance
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.provenance import VERSION, CompletedProvenance, TrainingProvenance
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import finish
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError, data_folder

WEIGHTS_FILE = "weights.safetensors"
MAX_HEADER_BYTES = 10_000_000
"""Size up to which a file's header is read."""


@dataclass(frozen=True, slots=True)
class RunWeights:
    """The weights in one checkpoint of a run."""

    weights: WeightsFile
    run: str
    step: int
    data: str
    architecture: Architecture | None
    """As fitted to the data; None if the file is damaged."""


def run_weights(folder: Path, limit: int) -> tuple[RunWeights, ...]:
    """The newest checkpoints of all runs below a folder, up to `limit`, newest first.

    A damaged file is included without an architecture, named after its folders. Files of other programs are not.
    """
    paths = [(_modified_at(path), path) for run in run_folder.find_runs(folder) for _, path in _checkpoints(run)]
    newest = [path for _, path in sorted(paths, reverse=True)[:limit]]
    return tuple(found for path in newest if (found := _run_weights(path)))


def trained_weights(folder: Path, architecture: Architecture) -> tuple[TrainedWeights, ...]:
    """The newest checkpoint of every run below a folder that trained exactly this network, as fitted to its data.

    Newest first; the weights that come with the program are last. Unreadable files are left out.
    """
    newest = filter(None, map(_newest_checkpoint, run_folder.find_runs(folder)))
    found = [(path, origin) for path in newest if (origin := _read_provenance(path))]
    matching = [(path, origin) for path, origin in found if origin.architecture == architecture and origin.step]
    matching.sort(key=lambda pair: _modified_at(pair[0]), reverse=True)
    available = [TrainedWeights(f"{origin.run}, {origin.step:,} steps", WeightsFile(path)) for path, origin in matching]
    bundled = bundled_weights(architecture)
    if bundled is not None:
        available.append(TrainedWeights("bundled weights", bundled))
    return tuple(available)


def _run_weights(path: Path) -> RunWeights | None:
    try:
        origin = provenance.provenance_from_header(_header(path))
    except (OSError, ValueError):
        return RunWeights(WeightsFile(path), path.parts[-4], int(path.parent.name.removeprefix("step-")), "", None)
    return RunWeights(WeightsFile(path), origin.run, origin.step, origin.data, origin.architecture) if origin else None


def _newest_checkpoint(run: Path) -> Path | None:
    return max(_checkpoints(run), default=(0, None))[1]


def _checkpoints(run: Path) -> Iterator[tuple[int, Path]]:
    for path in (run / run_folder.CHECKPOINTS).glob(f"step-*/{WEIGHTS_FILE}"):
        number = path.parent.name.removeprefix("step-")
        if number.isdecimal():
            yield int(number), path


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # a live run has removed it in the meantime


def _read_provenance(path: Path) -> TrainingProvenance | None:
    """The provenance in a weights file; None if it has none or is damaged."""
    try:
        return provenance.provenance_from_header(_header(path))
    except (OSError, ValueError):
        return None


def _header(path: Path) -> Any:
    """The header of a weights file, without reading its tensors; `ValueError` if it has none.

    Never blocks on a pipe, and follows no link out of the run's folder.
    """
    with open(open_below(path.parents[2], os.path.join(*path.parts[-3:])), "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"{path}: its header of {length:,} bytes is too large")
        try:
            return json.loads(file.read(length))
        except RecursionError:
            raise ValueError(f"{path}: its header is nested too deeply") from None


MEAN_TOLERANCE = 1 / 255
"""Largest difference of a channel mean (values 0 … 1) at which the images still count as the same."""
MISSING_MEAN_IMAGE = (
    "the training mean image (normalise=pixel) is not in this file, which an earlier version saved, and "
)
CHANNEL_MEAN_INSTEAD = ". The mean of each channel is subtracted instead: predictions are unreliable"


def complete_provenance(path: Path, origin: TrainingProvenance) -> CompletedProvenance | None:
    """What the run subtracted, from its recipe and data, for a file in a run's folder; None for other files."""
    try:
        recipe = run_folder.read_manifest(path.absolute().parents[2]).recipe
    except (RunError, OSError, IndexError):
        return None
    if recipe.data != origin.data:
        return None
    if recipe.normalise == "channel":
        return replace(origin, version=VERSION), ""
    return _with_mean_image(origin, recipe)


def _with_mean_image(origin: TrainingProvenance, recipe: Recipe) -> CompletedProvenance:
    from resnet_studio.training.compute.open_dataset import open_data  # imports torch, which listing does not need

    try:
        data = finish(open_data(recipe, origin.architecture.image, data_folder()))
    except DataError as error:
        return origin, f"{MISSING_MEAN_IMAGE}its data set can't be opened ({error}){CHANNEL_MEAN_INSTEAD}"
    if data.classes != origin.classes or not _means_match(origin.mean, data.mean):
        return origin, f"{MISSING_MEAN_IMAGE}its data set has changed since{CHANNEL_MEAN_INSTEAD}"
    deviation, image = data.divisors, data.mean_image
    return replace(origin, mean=data.mean, deviation=deviation, mean_image=image, version=VERSION), ""


def _means_match(before: tuple[float, ...], now: tuple[float, ...]) -> bool:
    return len(before) == len(now) and all(
        abs(old - new) < MEAN_TOLERANCE for old, new in zip(before, now, strict=True)
    )
