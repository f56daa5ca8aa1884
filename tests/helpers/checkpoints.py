"""Checkpoints as other programs write them: containers, what is beside the weights, prefixes, precisions."""

from __future__ import annotations

import argparse
import collections
import json
import pickle
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

State = dict[str, Tensor]


def zipped(content: Any) -> bytes:
    file = BytesIO()
    torch.save(content, file)
    return file.getvalue()


def legacy(content: Any) -> bytes:
    """As torch.save before 1.6."""
    file = BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def arrays(content: Any) -> bytes:
    """As Detectron2's files: a pickle of NumPy arrays."""

    def converted(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.float().numpy() if value.dtype is torch.bfloat16 else value.numpy()
        if isinstance(value, dict):
            return {name: converted(inner) for name, inner in value.items()}
        return [converted(inner) for inner in value] if isinstance(value, list) else value

    return pickle.dumps(converted(content), 4)


WRITERS: dict[str, Callable[[Any], bytes]] = {
    "PyTorch zip": zipped,
    "PyTorch before 1.6": legacy,
    "plain pickle": pickle.dumps,
}
"""By the words for the container."""


def halves(state: State) -> dict[str, State]:
    """The state in two parts, by the usual names of their files."""
    names = list(state)
    parts = names[: len(names) // 2], names[len(names) // 2 :]
    return {
        f"model-0000{number}-of-00002": {name: state[name] for name in part} for number, part in enumerate(parts, 1)
    }


def write_shards(folder: Path, state: State, suffix: str = ".safetensors") -> Path:
    """Write the state in two files and their index; return the index."""
    save = safetensors.torch.save if suffix == ".safetensors" else zipped
    parts = halves(state)
    for name, part in parts.items():
        (folder / f"{name}{suffix}").write_bytes(save(part))
    weight_map = {name: f"{file}{suffix}" for file, part in parts.items() for name in part}
    index = folder / f"model{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}))
    return index


BESIDE: dict[str, Any] = {
    "epoch": 89,
    "arch": "resnet18",
    "best_acc1": np.float64(71.5),
    "args": argparse.Namespace(lr=0.1, data=Path("/data/imagenet"), workers=4),
    "optimizer": {
        "state": {0: {"momentum_buffer": torch.ones(4, 3, 3, 3)}},
        "param_groups": [{"lr": 0.1, "params": [0]}],
    },
    "lr_schedulers": [{"milestones": collections.Counter([30, 60])}],
}
"""What training scripts save with the weights."""
NESTS: dict[str, Callable[[State], Any]] = {
    "": lambda state: state,
    "state_dict": lambda state: {**BESIDE, "state_dict": state},
    "model": lambda state: {"model": state, **BESIDE},
    "net": lambda state: {"net": state, "acc": 95.3, "epoch": 199},
    "trainer.weights.best": lambda state: {"trainer": {"weights": {"best": state}}, "epoch": 3},
    "1": lambda state: [{"epoch": 3}, state],
}
"""Where the weights are, by the path to them."""
PREFIXES = (
    "", "module.", "_orig_mod.", "model._orig_mod.module.", "backbone.", "module.encoder_q.", "module.net.resnet.",
)  # fmt: skip
PRECISIONS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def converted(state: State, precision: torch.dtype) -> State:
    return {name: tensor.to(precision) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
