"""The weights that are at hand for an architecture. Needs neither torch nor Qt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.inference import origin
from resnet_studio.inference.origin import Origin
from resnet_studio.inference.shipped import shipped_weights
from resnet_studio.inference.twins import TrainedWeights
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training import runs

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
    architecture: Architecture
    """As fitted to the data."""


def run_weights(folder: Path, most: int) -> tuple[RunWeights, ...]:
    """The newest checkpoints of the runs below a folder, whatever they trained, the newest first.

    Files that can't be read, or that no run has written, are left out.
    """
    paths = [(_written(path), path) for run in runs.find(folder) for _, path in _checkpoints(run)]
    newest = [path for _, path in sorted(paths, reverse=True)[:most]]
    return tuple(
        RunWeights(WeightsFile(path), told.run, told.step, told.data, told.architecture)
        for path in newest
        if (told := _origin(path))
    )


def trained_weights(folder: Path, architecture: Architecture) -> tuple[TrainedWeights, ...]:
    """The newest checkpoint of every run below a folder that trained that very network, as fitted to its data.

    The newest is first, and last what comes with the program. Files that can't be read are left out.
    """
    found = [(path, told) for run in runs.find(folder) if (path := _newest(run)) and (told := _origin(path))]
    fitting = [(path, told) for path, told in found if told.architecture == architecture and told.step]
    fitting.sort(key=lambda one: one[0].stat().st_mtime, reverse=True)
    at_hand = [TrainedWeights(f"{told.run}, {told.step:,} steps", WeightsFile(path)) for path, told in fitting]
    shipped = shipped_weights(architecture)
    if shipped is not None:
        at_hand.append(TrainedWeights("the program's own", shipped))
    return tuple(at_hand)


def _newest(run: Path) -> Path | None:
    return max(_checkpoints(run), default=(0, None))[1]


def _checkpoints(run: Path) -> Iterator[tuple[int, Path]]:
    for path in (run / runs.CHECKPOINTS).glob(f"step-*/{WEIGHTS}"):
        number = path.parent.name.removeprefix("step-")
        if number.isdecimal():
            yield int(number), path


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # a live run has removed it meanwhile


def _origin(path: Path) -> Origin | None:
    """What a file of weights says of itself; its numbers are not read."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= LONGEST_HEADER else {}
        return origin.of_header(header)
    except (OSError, ValueError, RecursionError):
        return None
