"""A faster version of a residual network where only the outputs of blocks are needed.

Batch norm is folded into the convolution before it, if there is one. The weights of convolutions are packed once into
the layout of the CPU's library, and ReLUs and additions work in place, so the outputs of single convolutions and batch
norms are not available.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.modules.network import ResNet, empty
from resnet_studio.networks.plan import blocks, layers_by_name, plan


class InPlaceAdd(nn.Module):
    """F(x) + shortcut(x), written over F(x)."""

    def forward(self, residual: Tensor, shortcut: Tensor) -> Tensor:
        return residual.add_(shortcut)


class InPlaceScale(nn.Module):
    """F(x) times the factors of its channels, written over F(x)."""

    def forward(self, residual: Tensor, gate: Tensor) -> Tensor:
        return residual.mul_(gate)


class PackedConvolution(nn.Module):
    """A convolution with weights that oneDNN has packed once, for inputs of one height and width.

    `nn.Conv2d` has them packed again at every call, which for one image takes about a quarter of the time.
    """

    def __init__(self, convolution: nn.Conv2d, size: tuple[int, int]) -> None:
        super().__init__()
        assert isinstance(convolution.padding, tuple)
        window = list(convolution.padding), list(convolution.stride), list(convolution.dilation)
        self.geometry = *window, convolution.groups
        self.bias = convolution.bias
        shape = [1, convolution.in_channels, *size]
        weight = convolution.weight.detach().to_mkldnn()
        self.weight: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(weight, *self.geometry, shape)

    def forward(self, x: Tensor) -> Tensor:
        convolve = torch.ops.mkldnn._convolution_pointwise  # torch's own compiler calls it for frozen weights
        output: Tensor = convolve(x, self.weight, self.bias, *self.geometry, "none", [], "")
        return output


def folded_layers(architecture: Residual) -> tuple[str, ...]:
    """Names of the layers whose outputs a folded network has: every stage, block, ReLU, pool and gate, and the head."""
    names = [block.name for block in blocks(architecture)]
    stages = dict.fromkeys(name.partition(".")[0] for name in names)
    kinds = ("relu", "sigmoid", "max pool", "average pool", "linear")
    return (*stages, *names, *(layer.name for layer in plan(architecture) if layer.kind in kinds))


def folded(network: ResNet, *, packed: bool = True) -> nn.Module:
    """A faster network for inference, equal to `network` (in eval mode, float32) in all of `folded_layers`.

    It shares nothing with `network`. `packed` weights only run on the CPU; without oneDNN in torch they stay unpacked.
    """
    result = empty(network.architecture).eval()
    packed = packed and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    norms = folded_norms(network.architecture)
    for layer in plan(network.architecture):
        if not layer.called or layer.name in norms.values():
            result.set_submodule(layer.name, nn.Identity())  # its weights would stay on the device "meta"
        elif layer.kind == "conv":
            fused = _without_norm(network, layer.name, norms.get(layer.name))
            result.set_submodule(layer.name, PackedConvolution(fused, layer.input[1:]) if packed else fused)
        elif layer.kind == "relu":
            result.set_submodule(layer.name, nn.ReLU(inplace=True))
        elif layer.kind == "add":
            result.set_submodule(layer.name, InPlaceAdd())
        elif layer.kind == "scale":
            result.set_submodule(layer.name, InPlaceScale())
        elif layer.kind in ("batch norm", "linear"):
            result.set_submodule(layer.name, deepcopy(network.get_submodule(layer.name)))
    return result if packed else result.to(memory_format=torch.channels_last)


def folded_norms(architecture: Residual) -> dict[str, str]:
    """The batch norms that are folded, by the convolution whose output only they take, in the same block."""
    layers = layers_by_name(architecture)
    takers: dict[str, list[Layer]] = {}
    for layer in layers.values():
        for name in layer.inputs:
            takers.setdefault(name, []).append(layer)
    return {
        name: taker.name
        for name, (taker, *others) in takers.items()
        if layers[name].kind == "conv"
        and taker.kind == "batch norm"
        and taker.block == layers[name].block
        and not others
    }


def _without_norm(network: ResNet, convolution_name: str, norm_name: str | None) -> nn.Conv2d:
    """A copy of the convolution with the batch norm of that name folded into it, if there is one."""
    convolution = network.get_submodule(convolution_name)
    assert isinstance(convolution, nn.Conv2d)
    if norm_name is None:
        return deepcopy(convolution).requires_grad_(False)
    norm = network.get_submodule(norm_name)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm).requires_grad_(False)
