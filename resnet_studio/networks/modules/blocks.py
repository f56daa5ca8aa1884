"""The module of each block family."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Block, Family
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck
from resnet_studio.networks.modules.article import ArticleBasicBlock
from resnet_studio.networks.modules.basic import BasicBlock
from resnet_studio.networks.modules.bottleneck import BottleneckBlock
from resnet_studio.networks.modules.preactivation import PreActivationBasicBlock, PreActivationBottleneckBlock

MODULES: dict[type[Family], Callable[[Block], nn.Module]] = {
    Basic: BasicBlock,
    Bottleneck: BottleneckBlock,
    ArticleBasic: ArticleBasicBlock,
    ArticleBottleneck: BottleneckBlock,
    PreActivationBasic: PreActivationBasicBlock,
    PreActivationBottleneck: PreActivationBottleneckBlock,
    V2Basic: PreActivationBasicBlock,
    V2Bottleneck: PreActivationBottleneckBlock,
}


def build_block(block: Block) -> nn.Module:
    """The module for one block of a plan. Input N×`block.input`, output N×`block.output`."""
    return MODULES[type(block.family)](block)
