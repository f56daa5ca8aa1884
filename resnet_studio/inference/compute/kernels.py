"""Reading the weights of one layer out of a network."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch

from resnet_studio.inference.compute.prepare import loaded_steps, network_of
from resnet_studio.inference.kernels import Kernels
from resnet_studio.inference.values import WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress

MOST = 1 << 22
"""Weights that are handed out; of a larger layer (VGG's first linear one has 103 million) not every input."""


def kernels_steps(architecture: Architecture, source: WeightsSource, layer: str) -> Generator[Progress, None, Kernels]:
    """The weights of a convolution or a linear layer, bit for bit. Raises `WeightsError` and `MemoryError`."""
    information, stamp = yield from loaded_steps(architecture, source)
    module = network_of(architecture, source, stamp).get_submodule(layer)
    weight = module.get_parameter("weight").detach().float()
    if weight.ndim not in (2, 4):
        raise ValueError(f"{layer} has no kernels: its weights have the shape {tuple(weight.shape)}")
    every = -(-weight.numel() // MOST)
    filters = weight.flatten(1)
    values = weight[:, ::every].reshape(len(weight), -1, *(weight.shape[2:] or (1, 1)))
    return Kernels(
        architecture=architecture,
        source=source,
        layer=layer,
        linear=weight.ndim == 2,
        values=np.array(values.numpy(), np.float32),
        inputs=weight.shape[1],
        every=every,
        norms=torch.linalg.vector_norm(filters, dim=1, dtype=torch.float64).numpy(),
        means=filters.mean(dim=1, dtype=torch.float64).numpy(),
        deviations=_deviations(filters),
        weights=information,
    )


def _deviations(filters: torch.Tensor) -> np.ndarray:
    """A filter at a time, so that a large layer needs no second copy in float64."""
    return np.array([row.double().std(correction=0).item() for row in filters])
