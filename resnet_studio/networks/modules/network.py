"""The residual network of He et al. 2015, from the stem to the classifier."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.modules.baseline import baseline, skeleton
from resnet_studio.networks.modules.blocks import build_block
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import blocks, head_layers, stem_layers


class ResNet(nn.Sequential):
    """A residual network, or its plain counterpart. Input N×channels×image×image, output N×classes (logits).

    The parts follow one another, so a slice of the network is a network too. Parts that hold weights have
    torchvision's names (conv1, bn1, layer1 … layer4, fc): its published weights load strictly.
    """

    def __init__(self, architecture: Residual) -> None:
        super().__init__(leaves(stem_layers(architecture)) | body(architecture) | leaves(head_layers(architecture)))
        self.architecture = architecture

    def __getitem__(self, index: Any) -> Any:
        """One part, or for a slice a plain `Sequential` of its parts."""
        return nn.Sequential(OrderedDict(self.named_children()))[index]


def body(architecture: Residual) -> OrderedDict[str, nn.Module]:
    """layer1, layer2, …: the residual blocks of conv2_x, conv3_x, …"""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, planned in groupby(blocks(architecture), lambda block: block.stage):
        name = f"layer{int(stage.removeprefix('conv').removesuffix('_x')) - 1}"
        parts[name] = nn.Sequential(*map(build_block, planned))
    return parts


def leaves(layers: Iterable[Layer]) -> OrderedDict[str, nn.Module]:
    """The modules of layers that follow one another, by their names; "conv1.0", "conv1.1", … become a sequence."""
    found: OrderedDict[str, nn.Module] = OrderedDict()
    for name, members in groupby(layers, lambda layer: layer.name.partition(".")[0]):
        inside = OrderedDict((layer.name.removeprefix(name).lstrip("."), leaf(layer)) for layer in members)
        found[name] = inside[""] if "" in inside else nn.Sequential(inside)
    return found


def leaf(layer: Layer) -> nn.Module:
    """The module of one layer of the stem or the head."""
    channels = layer.input[0]
    match layer.kind:
        case "conv":
            window = layer.kernel, layer.stride, layer.padding
            return nn.Conv2d(channels, layer.output[0], *window, groups=layer.groups, bias=layer.bias)
        case "batch norm":
            return nn.BatchNorm2d(channels)
        case "relu":
            return nn.ReLU()
        case "max pool":
            return nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
        case "average pool":
            return nn.AdaptiveAvgPool2d(layer.output[1])
        case "linear":
            return FullyConnected(channels, layer.output[0])
    raise NotImplementedError(layer.kind)


class FullyConnected(nn.Linear):
    """The linear layer on N×C×1×1."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(torch.flatten(input, 1))


def empty(architecture: Architecture) -> nn.Module:
    """The network without storage, on the device "meta": for what asks about shapes only."""
    if isinstance(architecture, Baseline):
        return skeleton(architecture).to("meta")
    if isinstance(architecture, OwnModule):
        return build(architecture).to("meta")
    with torch.device("meta"):
        return ResNet(architecture)


def build(architecture: Architecture, seed: int = 0) -> nn.Module:
    """The network on the CPU in train mode, initialized as in the paper; one of the user's own as its code does it.
    torch's own random state is not touched."""
    if isinstance(architecture, OwnModule):
        from resnet_studio.networks.modules import own_module

        return own_module.build(architecture, seed)
    if isinstance(architecture, Baseline):
        network = baseline(architecture, seed)
    else:
        network = empty(architecture).to_empty(device="cpu")
    initialize(network, seed)
    return network


def initialize(network: nn.Module, seed: int) -> None:
    """Kaiming initialization (He et al. 2015b, Eq. 10: std √(2 / fan-in)), zero biases, fresh batch norms.

    The last linear layer is followed by no ReLU and takes √(1 / fan-in).
    """
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = module.weight[0].numel()
            gain = 1 if isinstance(module, nn.Linear) else 2
            nn.init.normal_(module.weight, std=(gain / fan_in) ** 0.5, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
