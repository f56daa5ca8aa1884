"""The pre-activation blocks of timm's resnetv2_50 and the like, whose stem ends with its convolution.

No batch norm and no ReLU follow conv1, so the first block begins with its own as all others do, and a bottleneck halves
the size with its 3×3 convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import (
    PreActivationBasic,
    PreActivationBottleneck,
    PreActivationFamily,
)


class V2Family(PreActivationFamily):
    """What both of timm's blocks have in common."""

    __slots__ = ()
    variant = "v2"
    origin = "timm's resnetv2, pre-activation with no activation after conv1"
    network = "resnetv2_"
    stem_norm = False
    first_differs = False


@dataclass(frozen=True, slots=True)
class V2Basic(V2Family, PreActivationBasic):
    label = "v2 basic"


@dataclass(frozen=True, slots=True)
class V2Bottleneck(V2Family, PreActivationBottleneck):
    label = "v2 bottleneck"
    excluded: ClassVar[Mapping[str, str]] = {
        **Bottleneck.excluded,
        "stride_on": "timm's code halves the size with the 3×3",
    }

    stride_on: Literal["3x3"] = "3x3"
