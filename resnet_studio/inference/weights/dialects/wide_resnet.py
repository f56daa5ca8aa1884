"""The names of wide residual networks: of their authors' code, and of xternalz's.

Both have no batch norm behind conv1, and one at the beginning of every block. The first block projects its activated
input, so its first batch norm is that of the stem here: the networks are equal. Without that projection they are not.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK
from resnet_studio.inference.weights.normalizations import CIFAR_10

XTERNALZ_BLOCK = "block{stage}.layer.{block}"
XTERNALZ_ROWS: tuple[Row, ...] = (
    ("conv1", "conv1"),
    (f"{XTERNALZ_BLOCK}.bn{{n}}", f"{BLOCK}.bn{{n}}"),
    (f"{XTERNALZ_BLOCK}.conv{{n}}", f"{BLOCK}.conv{{n}}"),
    (f"{XTERNALZ_BLOCK}.convShortcut", f"{BLOCK}.downsample"),
    ("bn1", "final_bn"),
)
AUTHORS_BLOCK = "group{stage-1}.block{block}"
AUTHORS_ROWS: tuple[Row, ...] = (
    ("conv0", "conv1"),
    (f"{AUTHORS_BLOCK}.bn{{n-1}}", f"{BLOCK}.bn{{n}}"),
    (f"{AUTHORS_BLOCK}.conv{{n-1}}", f"{BLOCK}.conv{{n}}"),
    (f"{AUTHORS_BLOCK}.convdim", f"{BLOCK}.downsample"),
    ("bn", "final_bn"),
)

CIFAR = {"normalization": CIFAR_10}


@dataclass(frozen=True, slots=True)
class FunctionalDialect(Dialect):
    """Networks that are functions of a dictionary of parameters, in which a convolution's weight has its own name."""

    def split(self, name: str) -> tuple[str, str]:
        layer, _, last = name.rpartition(".")
        return (name, "weight") if last.startswith("conv") else (layer, last)

    def joined(self, layer: str, tensor: str) -> str:
        return layer if layer.rpartition(".")[2].startswith("conv") else f"{layer}.{tensor}"


XTERNALZ = Dialect(
    "xternalz",
    "xternalz/WideResNet-pytorch",
    (
        Table(
            (("block1.layer.0.bn1", "bn1"), *XTERNALZ_ROWS),
            marker="block1.layer.0.convShortcut",
            kernel=3,
            usual=CIFAR,
        ),
        Table(XTERNALZ_ROWS, usual=CIFAR),
    ),
)
WIDE_RESNET = FunctionalDialect(
    "wide-resnet",
    "szagoruyko/wide-residual-networks",
    (
        Table((("group0.block0.bn0", "bn1"), *AUTHORS_ROWS), marker="group0.block0.convdim", kernel=3, usual=CIFAR),
        Table(AUTHORS_ROWS, usual=CIFAR),
    ),
    counts_batches=False,
)
