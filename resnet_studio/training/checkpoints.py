"""Everything a run needs to go on from a step, as a folder that is whole or not there.

    weights.safetensors     the network's state_dict, with torchvision's names
    optimizer.safetensors   the optimiser's tensors: "17.momentum_buffer"
    checkpoint.json         step, time, error, the scaler's state, and the SHA-256 of the two files

What is random in a step follows from seed and step alone (`data.py`), so there is no random state to keep.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from resnet_studio.atomic import sweep, write_folder
from resnet_studio.inference.origin import Origin, to_metadata

WEIGHTS, OPTIMIZER, FACTS = "weights.safetensors", "optimizer.safetensors", "checkpoint.json"


class CheckpointError(ValueError):
    """A checkpoint is damaged, or does not fit the run. The text names it and says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A moment of a run."""

    step: int
    """Steps trained so far."""
    seconds: float
    """Training time so far."""
    error: float | None
    """On the test set, where it was measured at this step."""
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    scaler: dict[str, Any]


def take(
    network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler,
    step: int, seconds: float, error: float | None,
) -> Checkpoint:  # fmt: skip
    """The present moment. Its tensors are the network's own: save it before the next step."""
    state = optimizer.state_dict()["state"]
    tensors = {
        f"{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }
    return Checkpoint(step, seconds, error, dict(network.state_dict()), tensors, scaler.state_dict())


def restore(
    checkpoint: Checkpoint, network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> None:
    """Make a network, its optimiser and its scaler what they were; `CheckpointError` if they are others."""
    try:
        network.load_state_dict(checkpoint.weights)
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint is of another network: {str(error).partition(chr(10))[0]}") from None
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in checkpoint.optimizer.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        if value.shape == like.shape:  # laid out in memory as its parameter is
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    scaler.load_state_dict(checkpoint.scaler)


def write(folder: Path, checkpoint: Checkpoint, origin: Origin | None = None) -> Path:
    """Save a checkpoint in a run's folder of checkpoints, then remove all but the newest and the best.

    The file of weights tells its origin, so that it can be used by itself.

    If anything fails (`OSError`), those that were there still are.
    """
    plain = save(_contiguous(checkpoint.weights))
    parts = {
        WEIGHTS: plain if origin is None else save(_contiguous(checkpoint.weights), to_metadata(origin, plain)),
        OPTIMIZER: save(_contiguous(checkpoint.optimizer)),
    }
    facts = {
        "version": 1,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "error": checkpoint.error,
        "scaler": checkpoint.scaler,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }

    def fill(place: Path) -> None:
        for name, data in parts.items():
            (place / name).write_bytes(data)
        (place / FACTS).write_text(json.dumps(facts, indent=1))

    place = folder / f"step-{checkpoint.step:07d}"
    if _facts(place) != json.loads(json.dumps(facts)):
        shutil.rmtree(place, ignore_errors=True)  # damaged: training went on from an earlier one and came here again
        write_folder(place, fill)
    _remove_old(folder, place)
    return place


def read(place: Path) -> Checkpoint:
    """A checkpoint from its folder; `CheckpointError` if it is not whole or not what was written."""
    facts = _facts(place)
    if facts is None:
        raise CheckpointError(f"{place.name} is no checkpoint")
    tensors = {}
    for name, digest in facts["sha256"].items():
        data = (place / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise CheckpointError(f"{place.name}: {name} is damaged")
        tensors[name] = load(data)
    return Checkpoint(
        facts["step"], facts["seconds"], facts["error"], tensors[WEIGHTS], tensors[OPTIMIZER], facts["scaler"]
    )


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint that is good; None if there is none. What a killed writer left is removed."""
    sweep(folder)
    for place in reversed(_places(folder)):
        with suppress(CheckpointError, OSError, KeyError):
            return read(place)
    return None


def best(folder: Path) -> Path | None:
    """Where the first checkpoint with the lowest test error is; None if none was measured."""
    errors = {place: error for place, error in _errors(folder) if error is not None}
    return min(errors, key=lambda place: (errors[place], place.name), default=None)


def best_error(folder: Path) -> float:
    """The lowest test error of the checkpoints; infinite if none was measured."""
    return min((error for _, error in _errors(folder) if error is not None), default=math.inf)


def _errors(folder: Path) -> Iterator[tuple[Path, float | None]]:
    for place in _places(folder):
        facts = _facts(place)
        if facts is not None:
            yield place, facts["error"]


def _remove_old(folder: Path, written: Path) -> None:
    """One of a later step goes too: training went on from an earlier one, as it was damaged."""
    kept = {best(folder), written}
    for place in _places(folder):
        if place not in kept:
            shutil.rmtree(place, ignore_errors=True)


def _places(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))


def _facts(place: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads((place / FACTS).read_bytes())
    except (OSError, ValueError):
        return None
    return facts


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
