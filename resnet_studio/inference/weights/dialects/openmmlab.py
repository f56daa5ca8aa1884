"""The names of OpenMMLab's networks (mmpretrain, mmdetection, mmsegmentation): a torchvision backbone and a head."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK, PLAIN

DEEP_STEM: tuple[Row, ...] = (
    ("stem.0", "conv1.0"),
    ("stem.1", "conv1.1"),
    ("stem.3", "conv1.3"),
    ("stem.4", "conv1.4"),
    ("stem.6", "conv1.6"),
    ("stem.7", "bn1"),
)
SQUEEZE: Row = (f"{BLOCK}.se_layer.conv{{n}}.conv", f"{BLOCK}.se.fc{{n}}")
POOLED: tuple[Row, ...] = (
    ("layer1.0.downsample.0", "layer1.0.downsample.1"),
    ("layer1.0.downsample.1", "layer1.0.downsample.2"),
    (f"{BLOCK}.downsample.{{n}}", f"{BLOCK}.downsample.{{n}}"),
)
"""With average pools in the shortcuts: the first stage halves nothing, so its projection has none."""

MMPRETRAIN = Dialect(
    "mmpretrain",
    "OpenMMLab's mmpretrain",
    (
        Table((*POOLED, *DEEP_STEM, *PLAIN, SQUEEZE), marker="layer2.0.downsample.2", head="head.fc"),
        Table((*DEEP_STEM, *PLAIN, SQUEEZE), head="head.fc"),
    ),
    prefix="backbone.",
)
