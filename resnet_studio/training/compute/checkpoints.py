"""Everything a run needs to go on from a step, as a folder that is whole or not there.

    weights.safetensors     the network's state_dict, with torchvision's names
    optimizer.safetensors   the optimiser's tensors: "17.momentum_buffer"
    checkpoint.json         step, time, error, the scaler's state, and the SHA-256 of the two files and of all this

What is random in a step follows from seed and step alone (`data.py`), so there is no random state to keep.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from resnet_studio.atomic import sweep, write_folder
from resnet_studio.files import Refusal, read_inside
from resnet_studio.inference.weights.provenance import TrainingProvenance, to_metadata
from resnet_studio.plain import plain
from resnet_studio.training.errors import CheckpointError

VERSION = 1
WEIGHTS, OPTIMIZER, FACTS = "weights.safetensors", "optimizer.safetensors", "checkpoint.json"
LARGEST, LARGEST_FACTS, LARGEST_HEADER = 32_000_000_000, 100_000, 20_000_000
"""Bytes of tensors and of facts that are read, and of a header beside a network's own tensors."""
MOST_STEPS = 2**53


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

    @property
    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(values.isfinite().all()) for values in self.weights.values())


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


def size(network: nn.Module, optimizer: str) -> int:
    """Bytes of a checkpoint, about: the weights, and the optimizer's one or two values for each ("adamw")."""
    weights: int = sum(values.nbytes for values in network.state_dict().values())
    return (3 if optimizer == "adamw" else 2) * weights


def restore(
    checkpoint: Checkpoint, network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> None:
    """Make a network, its optimiser and its scaler what they were; `CheckpointError` if they are others."""
    try:
        network.load_state_dict(checkpoint.weights)
    except RuntimeError:
        raise CheckpointError("the checkpoint is of another network: its tensors are not this one's") from None
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]  # what the checkpoint lacks stays as it is
    for key, value in checkpoint.optimizer.items():
        number, _, name = key.partition(".")
        if not number.isdecimal() or int(number) >= len(parameters):
            raise CheckpointError(f"the checkpoint's optimizer is of another network: {plain(key)}")
        like = parameters[int(number)]
        if value.shape == like.shape:  # laid out in memory as its parameter is
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    if checkpoint.scaler:  # empty where the run was not in fp16 then
        try:
            scaler.load_state_dict(checkpoint.scaler)
        except (KeyError, RuntimeError):
            raise CheckpointError("the checkpoint's gradient scaler is of another kind") from None


def write(folder: Path, checkpoint: Checkpoint, origin: TrainingProvenance | None = None) -> Path:
    """Save a checkpoint in a run's folder of checkpoints, then remove all but it, the one before it and the best.

    The file of weights tells its origin, so that it can be used by itself.

    If anything fails (`OSError`), those that were there still are.
    """
    parts = {
        WEIGHTS: _weights(_contiguous(checkpoint.weights), origin),
        OPTIMIZER: save(_contiguous(checkpoint.optimizer)),
    }
    facts: dict[str, Any] = {
        "version": VERSION,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "error": checkpoint.error,
        "scaler": checkpoint.scaler,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
    }
    facts["check"] = _check(facts)

    def fill(place: Path) -> None:
        for name, data in parts.items():
            (place / name).write_bytes(data)
        (place / FACTS).write_text(json.dumps(facts, indent=1))

    place = _place(folder, checkpoint.step)
    if _facts(place) != json.loads(json.dumps(facts)):
        shutil.rmtree(place, ignore_errors=True)  # damaged: training went on from an earlier one and came here again
        write_folder(place, fill)
    _remove_old(folder, place)
    return place


def read(place: Path, most: int = LARGEST) -> Checkpoint:
    """A checkpoint from its folder; `CheckpointError` if it is not whole or not what was written.

    Files of more than `most` bytes are not read, whatever they say of themselves.
    """
    facts = _facts(place)
    if facts is None:
        raise CheckpointError(f"{place.name} is no checkpoint, or damaged")
    if facts["version"] > VERSION:
        raise CheckpointError(f"{place.name} was written by a newer version of this program")
    tensors = {}
    for name in (WEIGHTS, OPTIMIZER):
        try:
            data = read_inside(place, name, most)
        except Refusal as refusal:
            raise CheckpointError(f"{place.name}: {name} {refusal}") from None
        if hashlib.sha256(data).hexdigest() != facts["sha256"][name]:
            raise CheckpointError(f"{place.name}: {name} is damaged")
        tensors[name] = load(data)
    return Checkpoint(
        facts["step"], facts["seconds"], facts["error"], tensors[WEIGHTS], tensors[OPTIMIZER], facts["scaler"]
    )


def newest(
    folder: Path, tell: Callable[[str], object] = lambda text: None, most: int = LARGEST
) -> Checkpoint | None:  # fmt: skip
    """The newest checkpoint that is good; None if there is none. What a killed writer left is removed.

    Of each newer one that is not good, `tell` is told.
    """
    sweep(folder)
    for place in reversed(_places(folder)):
        try:
            return read(place, most)
        except (CheckpointError, OSError, SafetensorError) as error:
            what, _, _ = str(error).partition(". ")  # nobody is to copy or to mend it
            tell(f"{what}: an earlier checkpoint is taken")
    return None


def best(folder: Path) -> Path | None:
    """Where the first checkpoint with the lowest test error is; None if none was measured."""
    errors = {place: error for place, error in _errors(folder) if error is not None}
    return min(errors, key=lambda place: (errors[place], _order(place)), default=None)


def best_error(folder: Path, step: int) -> float:
    """The lowest test error of the checkpoints up to a step; infinite if none was measured."""
    last = _place(folder, step)
    errors = (error for place, error in _errors(folder) if error is not None and _order(place) <= _order(last))
    return min(errors, default=math.inf)


def _errors(folder: Path) -> Iterator[tuple[Path, float | None]]:
    for place in _places(folder):
        facts = _facts(place)
        if facts is not None:
            yield place, facts["error"]


def _remove_old(folder: Path, written: Path) -> None:
    """What is of a later step goes too: training went on from an earlier one, as that was damaged.

    The one before is kept for the day on which this one is.
    """
    for place in _places(folder):
        if _order(place) > _order(written):
            shutil.rmtree(place, ignore_errors=True)
    places = _places(folder)
    for place in set(places) - {best(folder), *places[-2:]}:
        shutil.rmtree(place, ignore_errors=True)


def _places(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted((place for place in found if place.name.startswith("step-")), key=_order)


def _place(folder: Path, step: int) -> Path:
    return folder / f"step-{step:07d}"


def _order(place: Path) -> tuple[int, str]:
    return len(place.name), place.name


def _facts(place: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads(read_inside(place, FACTS, LARGEST_FACTS))
        whole = facts["check"] == _check(facts)
        return facts if whole and (facts["version"] > VERSION or _can_be(facts)) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _can_be(facts: dict[str, Any]) -> bool:
    """Whether these are facts of a checkpoint: whoever made up a file could make up its check, too."""
    numbers = [facts["seconds"], facts["error"] or 0.0, *facts["scaler"].values()]
    return (
        type(facts["step"]) is int
        and 0 <= facts["step"] <= MOST_STEPS
        and all(type(number) in (int, float) and math.isfinite(number) and number >= 0 for number in numbers)
        and all(isinstance(facts["sha256"][name], str) for name in (WEIGHTS, OPTIMIZER))
    )


def _check(facts: dict[str, Any]) -> str:
    """The SHA-256 of everything else in a checkpoint's facts."""
    rest = {name: value for name, value in facts.items() if name != "check"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _weights(tensors: dict[str, Tensor], origin: TrainingProvenance | None) -> bytes:
    plain = save(tensors)
    return plain if origin is None else save(tensors, to_metadata(origin, plain))


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
