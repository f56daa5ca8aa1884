"""Reading the weights of one layer out of a network."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch

from resnet_studio.inference.compute.prepare import load_steps, loaded_network
from resnet_studio.inference.kernels import Kernels
from resnet_studio.inference.values import WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress

MAX_WEIGHTS = 1 << 22
"""Most weights of a result; of a larger layer (VGG's first linear one has 103 million) it skips inputs."""


def kernels_steps(architecture: Architecture, source: WeightsSource, layer: str) -> Generator[Progress, None, Kernels]:
    """The weights of a convolution or a linear layer, bit for bit. Raises `WeightsError` and `MemoryError`."""
    info, signature = yield from load_steps(architecture, source)
    module = loaded_network(architecture, source, signature).get_submodule(layer)
    weight = module.get_parameter("weight").detach().float()
    if weight.ndim not in (2, 4):
        raise ValueError(f"{layer} has no kernels: its weights have shape {tuple(weight.shape)}")
    every = -(-weight.numel() // MAX_WEIGHTS)
    filters = weight.flatten(1)
    values = weight[:, ::every].reshape(len(weight), -1, *(weight.shape[2:] or (1, 1)))
    return Kernels(
        architecture=architecture,
        source=source,
        layer=layer,
        is_linear=weight.ndim == 2,
        values=np.array(values.numpy(), np.float32),
        in_channels=weight.shape[1],
        input_step=every,
        norms=torch.linalg.vector_norm(filters, dim=1, dtype=torch.float64).numpy(),
        means=filters.mean(dim=1, dtype=torch.float64).numpy(),
        stds=_standard_deviations(filters),
        weights=info,
    )


def _standard_deviations(filters: torch.Tensor) -> np.ndarray:
    """Standard deviation of each filter, one at a time, so that a large layer needs no second copy in float64."""
    return np.array([row.double().std(correction=0).item() for row in filters])
