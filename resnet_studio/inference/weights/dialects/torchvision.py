"""torchvision's names, those of timm, which has more kinds of networks, and this program's, which continue both."""

from __future__ import annotations

from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.normalizations import SYMMETRIC

BLOCK = "layer{stage}.{block}"
PLAIN: tuple[Row, ...] = tuple(
    (name, name)
    for name in (
        "conv1", "bn1", f"{BLOCK}.conv{{n}}", f"{BLOCK}.bn{{n}}", f"{BLOCK}.downsample.0", f"{BLOCK}.downsample.1",
    )
)  # fmt: skip
"""Names that torchvision and most code have."""
MORE: tuple[Row, ...] = tuple((name, name) for name in ("conv1.{n}", f"{BLOCK}.downsample.2", f"{BLOCK}.se.fc{{n}}"))
"""Names of parts that timm's networks have and torchvision's don't."""
OWN: tuple[Row, ...] = tuple(
    (name, name) for name in (f"{BLOCK}.downsample", f"{BLOCK}.unused_conv", f"{BLOCK}.unused_bn", "final_bn")
)
"""Names of parts that only this program's pre-activation networks and the article's have."""
V2 = "stages.{stage-1}.blocks.{block}"
RESNETV2: tuple[Row, ...] = (
    ("stem.conv", "conv1"),
    ("stem.conv1", "conv1.0"),
    ("stem.norm1", "conv1.1"),
    ("stem.conv2", "conv1.3"),
    ("stem.norm2", "conv1.4"),
    ("stem.conv3", "conv1.6"),
    (f"{V2}.norm{{n}}", f"{BLOCK}.bn{{n}}"),
    (f"{V2}.conv{{n}}", f"{BLOCK}.conv{{n}}"),
    (f"{V2}.downsample.conv", f"{BLOCK}.downsample"),
    ("norm", "final_bn"),
)
POOLED: Row = (f"{V2}.downsample.conv", f"{BLOCK}.downsample.1")
"""Behind an average pool, as in timm's networks of this kind with a deep stem."""
HALVES = {"normalization": SYMMETRIC}
RAW_PROJECTION = (
    "a pre-activation network whose projections take the block's input before its batch norm, as in "
    "bearpaw/pytorch-classification. Projections of the networks here take the activated input, as in the paper"
)

TORCHVISION = Dialect("torchvision", "torchvision", (Table(PLAIN),), strangers=((r"bn\.weight", RAW_PROJECTION),))
TIMM = Dialect(
    "timm",
    "timm",
    (
        Table((POOLED, *RESNETV2), marker="stem.conv1", head="head.fc", head_kernel=True, usual=HALVES),
        Table(RESNETV2, marker="stages.0.blocks.0.norm1", head="head.fc", head_kernel=True, usual=HALVES),
        Table((*PLAIN, *MORE)),
    ),
    strangers=((r"layer\d+\.\d+\.(se|attn)\.conv\w*\.weight", "a network with another kind of channel attention"),),
)
RESNET_STUDIO = Dialect("resnet-studio", "this program", (Table((*PLAIN, *MORE, *OWN)),))
