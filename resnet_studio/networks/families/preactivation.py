"""The blocks of He et al. 2016 (arXiv 1603.05027): batch norm and ReLU before each convolution, none after the sum.

As in that paper's appendix and its authors' code (KaimingHe/resnet-1k-layers), the activation behind conv1 comes before
the first block splits, which therefore begins with its convolution; where the shape changes, the shortcut takes the
activated input, and a projection is a convolution alone; and the last sum is activated before the average pool.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Block, Family, convolve
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
        for number, window in enumerate(self.windows(block), start=1):
            if number > 1 or not block.first:
                path.norm(f"bn{number}")
                path.relu(f"relu{number}")
            if number == 1 and block.shortcut != "identity":
                side = path.branch("shortcut")
            convolve(path, f"conv{number}", window)
        self.join(path, side, block)
        return path.layers

    def project(self, side: LayerChain, block: Block) -> None:
        if block.shortcut == "projection":
            side.conv("downsample", block.channels_out, 1, block.stride)
            return
        if block.stride > 1:
            side.average_windows("downsample.0", block.stride)
        side.conv("downsample.1", block.channels_out, 1)

    def finish(self, path: LayerChain) -> None:
        path.norm("final_bn")
        path.relu("final_relu")


@dataclass(frozen=True, slots=True)
class PreActivationBasic(PreActivationFamily, Basic):
    label = "pre-activation basic"


@dataclass(frozen=True, slots=True)
class PreActivationBottleneck(PreActivationFamily, Bottleneck):
    label = "pre-activation bottleneck"
