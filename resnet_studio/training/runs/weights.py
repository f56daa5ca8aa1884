"""The weights that are at hand for an architecture. Needs neither torch nor Qt."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from resnet_studio.files import open_inside
from resnet_studio.inference.counterparts import TrainedWeights
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights import provenance
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.inference.weights.provenance import VERSION, Completed, TrainingProvenance
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import finish
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.run_folder import RunError, data_folder

WEIGHTS = "weights.safetensors"
LONGEST_HEADER = 10_000_000
"""Bytes of a file's header that is read."""


@dataclass(frozen=True, slots=True)
class RunWeights:
    """A checkpoint of a run: the weights of one moment."""

    weights: WeightsFile
    run: str
    step: int
    data: str
    architecture: Architecture | None
    """As fitted to the data; None where the file is damaged."""


def run_weights(folder: Path, most: int) -> tuple[RunWeights, ...]:
    """The newest checkpoints of the runs below a folder, whatever they trained, the newest first.

    A damaged file is among them without an architecture, called as its folders are. Files of somebody else's are not.
    """
    paths = [(_written(path), path) for run in run_folder.find(folder) for _, path in _checkpoints(run)]
    newest = [path for _, path in sorted(paths, reverse=True)[:most]]
    return tuple(found for path in newest if (found := _run_weights(path)))


def trained_weights(folder: Path, architecture: Architecture) -> tuple[TrainedWeights, ...]:
    """The newest checkpoint of every run below a folder that trained that very network, as fitted to its data.

    The newest is first, and last what comes with the program. Files that can't be read are left out.
    """
    found = [(path, told) for run in run_folder.find(folder) if (path := _newest(run)) and (told := _origin(path))]
    fitting = [(path, told) for path, told in found if told.architecture == architecture and told.step]
    fitting.sort(key=lambda one: _written(one[0]), reverse=True)
    at_hand = [TrainedWeights(f"{told.run}, {told.step:,} steps", WeightsFile(path)) for path, told in fitting]
    shipped = shipped_weights(architecture)
    if shipped is not None:
        at_hand.append(TrainedWeights("the program's own", shipped))
    return tuple(at_hand)


def _run_weights(path: Path) -> RunWeights | None:
    try:
        told = provenance.of_header(_header(path))
    except (OSError, ValueError):
        return RunWeights(WeightsFile(path), path.parts[-4], int(path.parent.name.removeprefix("step-")), "", None)
    return RunWeights(WeightsFile(path), told.run, told.step, told.data, told.architecture) if told else None


def _newest(run: Path) -> Path | None:
    return max(_checkpoints(run), default=(0, None))[1]


def _checkpoints(run: Path) -> Iterator[tuple[int, Path]]:
    for path in (run / run_folder.CHECKPOINTS).glob(f"step-*/{WEIGHTS}"):
        number = path.parent.name.removeprefix("step-")
        if number.isdecimal():
            yield int(number), path


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # a live run has removed it meanwhile


def _origin(path: Path) -> TrainingProvenance | None:
    """What a file of weights says of itself; None where it says nothing, or is damaged."""
    try:
        return provenance.of_header(_header(path))
    except (OSError, ValueError):
        return None


def _header(path: Path) -> Any:
    """The header of a file of weights, whose numbers are not read; `ValueError` if it has none.

    It never waits for a pipe, and follows no link out of the run's folder.
    """
    with open(open_inside(path.parents[2], os.path.join(*path.parts[-3:])), "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(f"{path}: a header of {length:,} bytes is not read")
        try:
            return json.loads(file.read(length))
        except RecursionError:
            raise ValueError(f"{path}: its header is nested too deeply") from None


SAME = 1 / 255
"""By how much a mean may differ, of values 0 … 1, and still be that of the same images."""
LACKS = "the mean image of its training (normalise=pixel) is not in this file, which an earlier version saved, and "
WRONG = ". The mean of each channel is subtracted instead: do not trust the predictions"


def completed(path: Path, origin: TrainingProvenance) -> Completed | None:
    """What the run subtracted, by its recipe and its data, for a file in the run's folder; None for any other file."""
    try:
        recipe = run_folder.read(path.absolute().parents[2]).recipe
    except (RunError, OSError, IndexError):
        return None
    if recipe.data != origin.data:
        return None
    if recipe.normalise == "channel":
        return replace(origin, version=VERSION), ""
    return _with_mean_image(origin, recipe)


def _with_mean_image(origin: TrainingProvenance, recipe: Recipe) -> Completed:
    from resnet_studio.training.compute.open_dataset import (
        open_data,  # with torch, which the list of weights does not wait for
    )

    try:
        data = finish(open_data(recipe, origin.architecture.image, data_folder()))
    except DataError as error:
        return origin, f"{LACKS}its data are not here ({error}){WRONG}"
    if data.classes != origin.classes or not _alike(origin.mean, data.mean):
        return origin, f"{LACKS}its data have changed since{WRONG}"
    deviation, image = data.divisors, data.mean_image
    return replace(origin, mean=data.mean, deviation=deviation, mean_image=image, version=VERSION), ""


def _alike(before: tuple[float, ...], now: tuple[float, ...]) -> bool:
    return len(before) == len(now) and all(abs(one - other) < SAME for one, other in zip(before, now, strict=True))
