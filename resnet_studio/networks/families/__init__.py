"""The block families: a file each, whose values say what a block consists of. Their modules are in `modules`."""

from __future__ import annotations

from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Family
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Basic, V2Bottleneck

FAMILIES: tuple[type[Family], ...] = (
    Basic, Bottleneck, ArticleBasic, ArticleBottleneck, PreActivationBasic, PreActivationBottleneck, V2Basic,
    V2Bottleneck,
)  # fmt: skip
"""Every family, in the order in which a form lists them."""
