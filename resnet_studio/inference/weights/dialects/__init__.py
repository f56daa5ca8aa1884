"""The dialects of weights: a file for each source of names, and the list of all. Needs no torch."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.cifar import AKAMASTER, KUANGLIU, PRLZ77
from resnet_studio.inference.weights.dialects.detectron2 import DETECTRON2
from resnet_studio.inference.weights.dialects.dialect import Dialect
from resnet_studio.inference.weights.dialects.keras import KERAS
from resnet_studio.inference.weights.dialects.openmmlab import MMPRETRAIN
from resnet_studio.inference.weights.dialects.pytorchcv import PYTORCHCV
from resnet_studio.inference.weights.dialects.torchvision import RESNET_STUDIO, TIMM, TORCHVISION
from resnet_studio.inference.weights.dialects.transformers import TRANSFORMERS
from resnet_studio.inference.weights.dialects.wide_resnet import WIDE_RESNET, XTERNALZ

DIALECTS: dict[str, Dialect] = {
    dialect.key: dialect
    for dialect in (
        TORCHVISION, TIMM, AKAMASTER, KUANGLIU, MMPRETRAIN, TRANSFORMERS, DETECTRON2, PYTORCHCV, KERAS, XTERNALZ,
        WIDE_RESNET, PRLZ77, RESNET_STUDIO,
    )
}  # fmt: skip
"""By their keys. Of several that have as many of a file's names, the first one counts."""
