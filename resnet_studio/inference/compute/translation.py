"""Tensors of one naming made from those of another, as a plan of `weights/layout.py` says."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from resnet_studio.inference.weights.layout import Entry


def translate(tensors: Mapping[str, Tensor], entries: Mapping[str, Entry]) -> dict[str, Tensor]:
    """The tensors that the entries describe, by their names; `KeyError` if a source is missing.

    A tensor that is only renamed shares its source's memory.
    """
    return {name: _made(entry, tensors) for name, entry in entries.items()}


def _made(entry: Entry, tensors: Mapping[str, Tensor]) -> Tensor:
    made = tensors[entry.source]
    if entry.axes:
        made = made.permute(entry.axes).contiguous()
    if entry.shape:
        made = made.reshape(entry.shape)
    if entry.less:
        made = _computable(made) - _computable(tensors[entry.less])
    for axis, order in entry.orders:
        made = made.index_select(axis, torch.tensor(order))
    if (entry.factor, entry.offset) != (1.0, 0.0):
        made = _computable(made) * entry.factor + entry.offset
    return made


def _computable(tensor: Tensor) -> Tensor:
    """In float32 at least."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
