"""The names of the repositories that most CIFAR networks come from: akamaster's, kuangliu's and prlz77's.

akamaster's shortcut A pads half of the new channels before the old ones, this program's (as the paper's authors) all
behind them. The same network results if the channels of each stage's output are ordered accordingly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK
from resnet_studio.inference.weights.layout import Order, stream_order
from resnet_studio.inference.weights.normalizations import CIFAR_10

PATH: tuple[Row, ...] = tuple((name, name) for name in ("conv1", "bn1", f"{BLOCK}.conv{{n}}", f"{BLOCK}.bn{{n}}"))

SHORTCUT: tuple[Row, ...] = tuple((f"{BLOCK}.shortcut.{n}", f"{BLOCK}.downsample.{n}") for n in (0, 1))


@dataclass(frozen=True, slots=True)
class TwoSidedPadding(Dialect):
    """A dialect of networks whose shortcut A pads on both sides."""

    def stream_orders(self, widths: tuple[int, ...]) -> tuple[Order, ...]:
        if any(after - before and after != 2 * before for before, after in pairwise(widths)):
            return ()
        orders: list[Order] = []
        for width in widths:
            orders.append(stream_order(orders[-1] if orders else range(width), width))
        return tuple(orders)


AKAMASTER = TwoSidedPadding(
    "akamaster", "akamaster/pytorch_resnet_cifar10", (Table(PATH, head="linear", usual={"shortcut": "A"}),)
)
KUANGLIU = Dialect(
    "kuangliu",
    "kuangliu/pytorch-cifar",
    (Table((*PATH, *SHORTCUT), head="linear", usual={"normalization": CIFAR_10}),),
    lacks_shortcut="A",
)
BOTTLENECK = "stage_{stage}.stage_{stage}_bottleneck_{block}"
PRLZ77 = Dialect(
    "prlz77",
    "prlz77/ResNeXt.pytorch",
    (
        Table(
            (
                ("conv_1_3x3", "conv1"),
                ("bn_1", "bn1"),
                (f"{BOTTLENECK}.conv_reduce", f"{BLOCK}.conv1"),
                (f"{BOTTLENECK}.bn_reduce", f"{BLOCK}.bn1"),
                (f"{BOTTLENECK}.conv_conv", f"{BLOCK}.conv2"),
                (f"{BOTTLENECK}.bn", f"{BLOCK}.bn2"),
                (f"{BOTTLENECK}.conv_expand", f"{BLOCK}.conv3"),
                (f"{BOTTLENECK}.bn_expand", f"{BLOCK}.bn3"),
                (f"{BOTTLENECK}.shortcut.shortcut_conv", f"{BLOCK}.downsample.0"),
                (f"{BOTTLENECK}.shortcut.shortcut_bn", f"{BLOCK}.downsample.1"),
            ),
            head="classifier",
            usual={"normalization": CIFAR_10},
        ),
    ),
)
