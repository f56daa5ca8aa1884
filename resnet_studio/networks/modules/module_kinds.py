"""Modules of torch and torchvision as what they compute: a kind of layer, with its window and what else it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torchvision import ops
from torchvision.models import maxvit

from resnet_studio.networks.layers import Kind
from resnet_studio.networks.modules.baseline import is_attention

KINDS: dict[type[nn.Module], Kind] = {
    nn.Conv2d: "conv", nn.BatchNorm2d: "batch norm", nn.LayerNorm: "layer norm", nn.Linear: "linear",
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.SiLU: "silu", nn.Hardswish: "hardswish", nn.Hardsigmoid: "hardsigmoid",
    nn.Sigmoid: "sigmoid", nn.GELU: "gelu", nn.Tanh: "tanh", nn.MaxPool2d: "max pool", nn.AvgPool2d: "average pool",
    nn.AdaptiveAvgPool2d: "average pool", nn.Dropout: "dropout", ops.StochasticDepth: "stochastic depth",
    ops.Permute: "permute", nn.Flatten: "flatten", nn.Identity: "identity", maxvit.WindowPartition: "partition",
    maxvit.WindowDepartition: "departition", maxvit.SwapAxes: "swap axes",
}  # fmt: skip


def known_kind(module: nn.Module) -> Kind | None:
    """What a module computes; None if no plan has a word for it."""
    if is_attention(module):
        return "attention"
    return next((kind for known, kind in KINDS.items() if isinstance(module, known)), None)


def describe(module: nn.Module) -> dict[str, Any]:
    """The fields of a module's row; `NotImplementedError` for a module that no baseline has."""
    kind = known_kind(module)
    if kind is None:
        raise NotImplementedError(f"no plan has a layer for {module}")
    if kind == "attention":
        return _describe_attention(module)
    match module:
        case nn.Conv2d():
            more = {"dilation": module.dilation[0], "groups": module.groups, "bias": module.bias is not None}
            return {"kind": kind, **_window(module), **more}
        case nn.MaxPool2d() | nn.AvgPool2d():
            return {"kind": kind, **_window(module), "ceil": module.ceil_mode}
        case nn.AdaptiveAvgPool2d():
            return {"kind": kind, "side": pair(module.output_size)[0]}
        case nn.Linear():
            return {"kind": kind, "bias": module.bias is not None}
    return {"kind": kind}


def _window(module: Any) -> dict[str, Any]:
    return {
        "kernel": pair(module.kernel_size), "stride": pair(module.stride)[0], "padding": pair(module.padding)
    }  # fmt: skip


def _describe_attention(module: Any) -> dict[str, Any]:
    """Attention has four square matrices with biases; the rest are tables, and what computes them."""
    channels = module.embed_dim if isinstance(module, nn.MultiheadAttention) else _width(module)
    whole = sum(parameter.numel() for parameter in module.parameters())
    window = getattr(module, "window_size", None) or getattr(module, "size", 0)
    table = getattr(module, "relative_coords_table", None)  # from which Swin V2 computes its biases
    fixed = sum(
        layer.weight.numel() * table.shape[1] * table.shape[2] for layer in module.cpb_mlp if hasattr(layer, "weight")
    ) if table is not None else 0  # fmt: skip
    return {
        "kind": "attention", "kernel": pair(window), "padding": pair(getattr(module, "shift_size", 0)),
        "parameters": whole - 4 * channels * (channels + 1), "fixed_macs": fixed,
    }  # fmt: skip


def _width(module: Any) -> int:
    projection: nn.Linear = module.qkv if hasattr(module, "qkv") else module.to_qkv
    return projection.in_features


def pair(size: Any) -> tuple[int, int]:
    """Height and width from one number or two."""
    return (int(size[0]), int(size[1])) if isinstance(size, Sequence) else (int(size), int(size))


def own_parameters(module: nn.Module) -> int:
    """How many numbers a module has besides those of its parts."""
    return sum(parameter.numel() for parameter in module.parameters(recurse=False))
