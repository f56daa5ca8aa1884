"""Everything a run needs to continue from a step, in a folder that is written atomically.

    weights.safetensors     the network's state_dict, with torchvision's names
    optimizer.safetensors   the optimizer's tensors: "17.momentum_buffer"
    checkpoint.json         step, time, error, the scaler's state, the SHA-256 of the two files and its own checksum

Randomness in a step depends only on the seed and the step (`data.py`), so there is no random state to save.
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

from resnet_studio.atomic import remove_leftovers, write_folder
from resnet_studio.files import FileRefusedError, read_file_below
from resnet_studio.inference.weights.provenance import TrainingProvenance, to_metadata
from resnet_studio.plain import plain
from resnet_studio.training.errors import CheckpointError

VERSION = 1
WEIGHTS, OPTIMIZER, METADATA = "weights.safetensors", "optimizer.safetensors", "checkpoint.json"
MAX_TENSOR_BYTES, MAX_METADATA_BYTES, MAX_HEADER_BYTES = 32_000_000_000, 100_000, 20_000_000
"""Limits for reading: bytes of tensors, of metadata, and of a safetensors header in addition to the tensors."""
MAX_STEPS = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a run after a step."""

    step: int
    """Steps trained so far."""
    seconds: float
    """Training time so far."""
    error: float | None
    """Error on the test set, if it was measured at this step."""
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    scaler: dict[str, Any]

    @property
    def is_finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        return all(bool(values.isfinite().all()) for values in self.weights.values())


def collect(
    network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler,
    step: int, seconds: float, error: float | None,
) -> Checkpoint:  # fmt: skip
    """The current state. Its tensors are views of the network's, so it has to be saved before the next step."""
    state = optimizer.state_dict()["state"]
    tensors = {
        f"{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }
    return Checkpoint(step, seconds, error, dict(network.state_dict()), tensors, scaler.state_dict())


def estimate_bytes(network: nn.Module, optimizer: str) -> int:
    """Approximate bytes of a checkpoint: weights, and one optimizer value per weight, or two for "adamw"."""
    weights: int = sum(values.nbytes for values in network.state_dict().values())
    return (3 if optimizer == "adamw" else 2) * weights


def restore(
    checkpoint: Checkpoint, network: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
) -> None:
    """Restore network, optimizer and scaler; `CheckpointError` if the checkpoint is of other ones."""
    try:
        network.load_state_dict(checkpoint.weights)
    except RuntimeError:
        raise CheckpointError("the checkpoint is from a different network: its tensors don't match") from None
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = optimizer.state_dict()["state"]  # entries that the checkpoint lacks are kept
    for key, value in checkpoint.optimizer.items():
        number, _, name = key.partition(".")
        if not number.isdecimal() or int(number) >= len(parameters):
            raise CheckpointError(f"the checkpoint's optimizer state is from a different network: {plain(key)}")
        like = parameters[int(number)]
        if value.shape == like.shape:  # with the same memory format as its parameter
            value = torch.empty_like(like, dtype=value.dtype).copy_(value)
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    if checkpoint.scaler:  # empty if the run was not in fp16
        try:
            scaler.load_state_dict(checkpoint.scaler)
        except (KeyError, RuntimeError):
            raise CheckpointError("the checkpoint's gradient scaler state doesn't match") from None


def write(folder: Path, checkpoint: Checkpoint, provenance: TrainingProvenance | None = None) -> Path:
    """Save a checkpoint in a run's checkpoints folder, then remove all but this one, the one before and the best.

    The weights file has its provenance in its metadata, so that it can be used on its own. If saving fails
    (`OSError`), the earlier checkpoints are still there.
    """
    files = {
        WEIGHTS: _serialize_weights(_contiguous(checkpoint.weights), provenance),
        OPTIMIZER: save(_contiguous(checkpoint.optimizer)),
    }
    metadata: dict[str, Any] = {
        "version": VERSION,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
        "error": checkpoint.error,
        "scaler": checkpoint.scaler,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    metadata["check"] = _checksum(metadata)

    def fill(target: Path) -> None:
        for name, data in files.items():
            (target / name).write_bytes(data)
        (target / METADATA).write_text(json.dumps(metadata, indent=1))

    path = _step_folder(folder, checkpoint.step)
    if _read_metadata(path) != json.loads(json.dumps(metadata)):
        shutil.rmtree(path, ignore_errors=True)  # damaged: training continued from an earlier one and came here again
        write_folder(path, fill)
    _remove_old(folder, path)
    return path


def read(path: Path, max_bytes: int = MAX_TENSOR_BYTES) -> Checkpoint:
    """Read a checkpoint from its folder; `CheckpointError` if it is incomplete or damaged.

    Files of more than `max_bytes` are not read.
    """
    metadata = _read_metadata(path)
    if metadata is None:
        raise CheckpointError(f"{path.name} is not a checkpoint or is damaged")
    if metadata["version"] > VERSION:
        raise CheckpointError(f"{path.name} was written by a newer version of this program")
    tensors = {}
    for name in (WEIGHTS, OPTIMIZER):
        try:
            data = read_file_below(path, name, max_bytes)
        except FileRefusedError as refusal:
            raise CheckpointError(f"{path.name}: {name} {refusal}") from None
        if hashlib.sha256(data).hexdigest() != metadata["sha256"][name]:
            raise CheckpointError(f"{path.name}: {name} is damaged")
        tensors[name] = load(data)
    return Checkpoint(
        metadata["step"],
        metadata["seconds"],
        metadata["error"],
        tensors[WEIGHTS],
        tensors[OPTIMIZER],
        metadata["scaler"],
    )


def newest(
    folder: Path, report: Callable[[str], object] = lambda text: None, max_bytes: int = MAX_TENSOR_BYTES
) -> Checkpoint | None:  # fmt: skip
    """The newest intact checkpoint; None if there is none. Leftovers of a killed writer are removed.

    `report` gets a message for each newer checkpoint that is damaged.
    """
    remove_leftovers(folder)
    for path in reversed(_step_folders(folder)):
        try:
            return read(path, max_bytes)
        except (CheckpointError, OSError, SafetensorError) as error:
            what, _, _ = str(error).partition(". ")  # without the advice to fix the file, which does not apply here
            report(f"{what}: using an earlier checkpoint")
    return None


def best(folder: Path) -> Path | None:
    """The folder of the first checkpoint with the lowest test error; None if none has a measured error."""
    errors = {path: error for path, error in _errors(folder) if error is not None}
    return min(errors, key=lambda path: (errors[path], _sort_key(path)), default=None)


def best_error(folder: Path, step: int) -> float:
    """The lowest test error of the checkpoints up to a step; infinite if none was measured."""
    last = _step_folder(folder, step)
    errors = (error for path, error in _errors(folder) if error is not None and _sort_key(path) <= _sort_key(last))
    return min(errors, default=math.inf)


def _errors(folder: Path) -> Iterator[tuple[Path, float | None]]:
    for path in _step_folders(folder):
        metadata = _read_metadata(path)
        if metadata is not None:
            yield path, metadata["error"]


def _remove_old(folder: Path, written: Path) -> None:
    """Remove all but the newest two and the best.

    Checkpoints of later steps are removed, too: they were damaged, so training continued from an earlier one. The one
    before is kept in case this one is found damaged.
    """
    for path in _step_folders(folder):
        if _sort_key(path) > _sort_key(written):
            shutil.rmtree(path, ignore_errors=True)
    folders = _step_folders(folder)
    for path in set(folders) - {best(folder), *folders[-2:]}:
        shutil.rmtree(path, ignore_errors=True)


def _step_folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted((path for path in found if path.name.startswith("step-")), key=_sort_key)


def _step_folder(folder: Path, step: int) -> Path:
    return folder / f"step-{step:07d}"


def _sort_key(path: Path) -> tuple[int, str]:
    return len(path.name), path.name


def _read_metadata(path: Path) -> dict[str, Any] | None:
    try:
        metadata: dict[str, Any] = json.loads(read_file_below(path, METADATA, MAX_METADATA_BYTES))
        intact = metadata["check"] == _checksum(metadata)
        return metadata if intact and (metadata["version"] > VERSION or _is_valid(metadata)) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _is_valid(metadata: dict[str, Any]) -> bool:
    """Whether all values are possible. A crafted file can have a correct checksum, so that is not enough."""
    numbers = [metadata["seconds"], metadata["error"] or 0.0, *metadata["scaler"].values()]
    return (
        type(metadata["step"]) is int
        and 0 <= metadata["step"] <= MAX_STEPS
        and all(type(number) in (int, float) and math.isfinite(number) and number >= 0 for number in numbers)
        and all(isinstance(metadata["sha256"][name], str) for name in (WEIGHTS, OPTIMIZER))
    )


def _checksum(metadata: dict[str, Any]) -> str:
    """The SHA-256 of everything else in a checkpoint's metadata."""
    rest = {name: value for name, value in metadata.items() if name != "check"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _serialize_weights(tensors: dict[str, Tensor], provenance: TrainingProvenance | None) -> bytes:
    data = save(tensors)
    return data if provenance is None else save(tensors, to_metadata(provenance, data))


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
