"""torchvision's networks, as the plans of baselines describe them. torchvision is imported when one is built."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resnet_studio.networks.architecture import Baseline

ARGUMENTS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"init_weights": False},
}
"""GoogLeNet is without auxiliary classifiers, like torchvision's weights for it; those for Inception v3 have one."""


class ParametersOnMeta(TorchFunctionMode):
    """Puts new tensors on the device "meta", but not the small tables that constructors compute with.

    RegNet computes its widths with tensors, and Swin the indices of its relative positions.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (torch.empty, torch.zeros, torch.ones) and kwargs.get("device") is None:
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)


def is_attention(module: nn.Module) -> bool:
    """Whether a module is attention as a whole: its projections are parts that are used, but never called."""
    from torchvision.models import maxvit, swin_transformer

    kinds = nn.MultiheadAttention, swin_transformer.ShiftedWindowAttention, maxvit.RelativePositionalMultiHeadAttention
    return isinstance(module, kinds)


def torchvision_network(name: str, image_size: tuple[int, int], classes: int) -> nn.Module:
    """torchvision's network with nothing in place, so that captured tensors stay as they were."""
    from torchvision import models  # takes seconds to import

    arguments = dict(ARGUMENTS.get(name, {}))
    if name.startswith("vit_"):
        arguments["image_size"] = image_size[0]
    elif name.startswith("maxvit_"):
        arguments["input_size"] = image_size
    network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **arguments)
    if name == "inception_v3":
        network.get_submodule("AuxLogits").forward = _nothing
        network.register_forward_hook(_logits)
    for module in network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # type: ignore[assignment]
    return network


def _nothing(images: Tensor) -> None:
    """In place of the auxiliary classifier of Inception v3 in train mode, which small images don't fit."""


def _logits(module: nn.Module, inputs: Any, output: Any) -> Any:
    """The logits alone, as Inception v3 gives them with those of its auxiliary classifier in train mode."""
    return output[0] if isinstance(output, tuple) else output


def skeleton(architecture: Baseline) -> nn.Module:
    """A baseline whose parameters have no storage; the tables that it looks relative positions up in do."""
    with ParametersOnMeta():
        return _network(architecture)


def _network(architecture: Baseline) -> nn.Module:
    network = torchvision_network(architecture.name, architecture.image_size, architecture.classes)
    network.architecture = architecture  # type: ignore[assignment]
    return network


def allocate(network: nn.Module) -> nn.Module:
    """Give every tensor on the device "meta" storage on the CPU, with arbitrary values."""

    def allocated(tensor: Tensor) -> Tensor:
        return torch.empty_like(tensor, device="cpu") if tensor.is_meta else tensor

    found: nn.Module = network._apply(allocated)  # type: ignore[no-untyped-call]
    return found


def baseline(architecture: Baseline, seed: int) -> nn.Module:
    """A baseline on the CPU. Layers other than convolutions, linear layers and batch norms have torchvision's own
    initialization; the others are arbitrary. torch's own random state is not touched."""
    network = skeleton(architecture)
    if all(isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) for module in _with_parameters(network)):
        return allocate(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network(architecture)


def _with_parameters(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if any(True for _ in module.parameters(recurse=False))]
