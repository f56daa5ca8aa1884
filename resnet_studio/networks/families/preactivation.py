"""The blocks of He et al. 2016 (arXiv 1603.05027): batch norm and ReLU before each convolution, none after the sum.

As in that paper's appendix and its authors' code (KaimingHe/resnet-1k-layers), the activation behind conv1 comes before
the first block splits, which therefore begins with its convolution; where the shape changes, the shortcut takes the
activated input, and a projection is a convolution alone; and the last sum is activated before the average pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import STRIDE_FIELD, Bottleneck, StrideOn, bottleneck_windows
from resnet_studio.networks.families.family import Block, Family, Window
from resnet_studio.networks.layers import Layer, LayerChain


class PreActivationFamily(Family):
    """What both of the paper's blocks have in common."""

    __slots__ = ()
    variant = "preact"
    origin = "He et al. 2016, batch norm and ReLU before each convolution"
    network = "preresnet"
    claims_paper_values = False
    first_differs = True

    def layers(self, block: Block, source: str) -> list[Layer]:
        path = block.chain(source)
        side = path.branch("shortcut")
        windows = self.windows(block)
        for number, (kernel, channels, stride) in enumerate(windows, start=1):
            if number > 1 or not block.first:
                path.norm(f"bn{number}")
                path.relu(f"relu{number}")
            if number == 1 and block.shortcut != "identity":
                side = path.branch("shortcut")
            path.conv(f"conv{number}", channels, kernel, stride, role="residual" if number == len(windows) else "main")
        self.join(path, side, block)
        return path.layers

    def project(self, side: LayerChain, block: Block) -> None:
        side.conv("downsample", block.channels_out, 1, block.stride)

    def finish(self, path: LayerChain) -> None:
        path.norm("final_bn")
        path.relu("final_relu")


@dataclass(frozen=True, slots=True)
class PreActivationBasic(PreActivationFamily):
    block = "basic"
    label = "pre-activation basic"
    description = Basic.description
    expansion = Basic.expansion
    convolutions = Basic.convolutions
    excluded = Basic.excluded

    def windows(self, block: Block) -> tuple[Window, ...]:
        return (3, block.width, block.stride), (3, block.width, 1)


@dataclass(frozen=True, slots=True)
class PreActivationBottleneck(PreActivationFamily):
    block = "bottleneck"
    label = "pre-activation bottleneck"
    description = Bottleneck.description
    expansion = Bottleneck.expansion
    convolutions = Bottleneck.convolutions
    form = STRIDE_FIELD

    stride_on: StrideOn = "1x1"

    def windows(self, block: Block) -> tuple[Window, ...]:
        return bottleneck_windows(block, self.stride_on)
