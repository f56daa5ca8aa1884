"""The names of pytorchcv (osmr/imgclsmob): units of convolutions that bring their batch norms along."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK
from resnet_studio.inference.weights.normalizations import CIFAR_10

UNIT = "features.stage{stage}.unit{block+1}"
UNITS: tuple[Row, ...] = (
    (f"{UNIT}.body.conv{{n}}.conv", f"{BLOCK}.conv{{n}}"),
    (f"{UNIT}.body.conv{{n}}.bn", f"{BLOCK}.bn{{n}}"),
    (f"{UNIT}.identity_conv.conv", f"{BLOCK}.downsample.0"),
    (f"{UNIT}.identity_conv.bn", f"{BLOCK}.downsample.1"),
    (f"{UNIT}.se.conv{{n}}", f"{BLOCK}.se.fc{{n}}"),
)
IMAGENET: tuple[Row, ...] = (("features.init_block.conv.conv", "conv1"), ("features.init_block.conv.bn", "bn1"))
CIFAR: tuple[Row, ...] = (("features.init_block.conv", "conv1"), ("features.init_block.bn", "bn1"))
STRIDE = {"stride_on": "1x1"}

PYTORCHCV = Dialect(
    "pytorchcv",
    "pytorchcv",
    (
        Table((*IMAGENET, *UNITS), kernel=7, head="output", usual=STRIDE),
        Table((*CIFAR, *UNITS), kernel=3, head="output", usual={**STRIDE, "normalization": CIFAR_10}),
    ),
    strangers=(
        (r"features\.post_activ\.bn\.weight", "a pre-activation network with two batch norms before its first block"),
    ),
)
