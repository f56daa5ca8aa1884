"""The names of Keras's ResNets (`keras.applications`), where their weights come as safetensors.

Kernels are height × width × input × output, the convolutions have biases, and epsilon is 1.001e-5 instead of 1e-5. A
batch norm's mean can absorb the bias before it, and its variance the difference of the epsilons: the network stays the
same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from resnet_studio.inference.errors import Shape
from resnet_studio.inference.weights.dialects.dialect import Dialect, Row, Table
from resnet_studio.inference.weights.dialects.torchvision import BLOCK
from resnet_studio.inference.weights.layout import Entry

UNIT = "conv{stage+1}_block{block+1}"
ROWS: tuple[Row, ...] = (
    ("conv1_conv", "conv1"),
    ("conv1_bn", "bn1"),
    (f"{UNIT}_0_conv", f"{BLOCK}.downsample.0"),
    (f"{UNIT}_0_bn", f"{BLOCK}.downsample.1"),
    (f"{UNIT}_{{n}}_conv", f"{BLOCK}.conv{{n}}"),
    (f"{UNIT}_{{n}}_bn", f"{BLOCK}.bn{{n}}"),
)
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
OTHER = {"weight": "kernel"}
EPSILON_DIFFERENCE = 1.001e-5 - 1e-5
TO_TORCH, TO_KERAS = {4: (3, 2, 0, 1), 2: (1, 0)}, {4: (2, 3, 1, 0), 2: (1, 0)}
"""The order of a kernel's axes, by their number."""


@dataclass(frozen=True, slots=True)
class KerasDialect(Dialect):
    """Keras's names and layout, with dots or slashes: "conv1_conv/kernel:0", "resnet50.conv1_conv.kernel"."""

    def split(self, name: str) -> tuple[str, str]:
        parts = name.removesuffix(":0").replace("/", ".").split(".")
        *path, tensor = parts
        once = [part for part, before in zip(path, ["", *path], strict=False) if part != before]
        known = NORM if path and path[-1].endswith("_bn") else OTHER
        return ".".join(once), next((ours for ours, theirs in known.items() if theirs == tensor), tensor)

    def joined(self, layer: str, tensor: str) -> str:
        return f"{layer}/{(NORM if layer.endswith('_bn') else OTHER).get(tensor, tensor)}:0"

    def our_name(self, name: str, table: Table) -> str | None:
        layer, tensor = self.split(name)
        is_bias = tensor == "bias" and layer.endswith("_conv")  # which the mean behind it absorbs
        return None if is_bias else Dialect.our_name(self, name, table)

    def their_name(self, name: str, table: Table) -> str | None:
        is_bias = name.endswith(".bias") and (table.theirs(name.removesuffix(".bias")) or "").endswith("_conv")
        return None if is_bias else Dialect.their_name(self, name, table)

    def reading(self, name: str, theirs: str, shapes: Mapping[str, Shape]) -> Entry:
        tensor = name.rpartition(".")[2]
        if tensor == "running_mean":
            bias = theirs.replace("_bn", "_conv").replace("moving_mean", "bias")
            return Entry(theirs, less=bias if bias in shapes else "")
        if tensor == "running_var":
            return Entry(theirs, offset=EPSILON_DIFFERENCE)
        return Entry(theirs, axes=TO_TORCH.get(len(shapes[theirs]), ()))

    def writing(self, name: str, shape: Shape, table: Table) -> Entry:
        offset = -EPSILON_DIFFERENCE if name.endswith("running_var") else 0.0
        return Entry(name, axes=TO_KERAS.get(len(shape), ()), offset=offset)

    def extra(self, name: str, table: Table) -> dict[str, Entry]:
        """A bias of zero for every convolution, as Keras's have one: the mean behind it has absorbed its value."""
        layer, _, tensor = name.rpartition(".")
        theirs = table.theirs(layer)
        if tensor != "running_mean" or theirs is None:
            return {}
        return {self.joined(f"{theirs.removesuffix('_bn')}_conv", "bias"): Entry(name, factor=0.0)}


KERAS = KerasDialect(
    "keras",
    "Keras",
    (Table(ROWS, head="predictions", usual={"stride_on": "1x1"}),),
    strangers=(
        (r"(.*[./])?post_bn[./]gamma(:0)?", "Keras's ResNetV2, whose stages halve the size in their last block"),
        (r"(.*[./])?conv\d+_block\d+_2_conv[./]depthwise_kernel(:0)?", "Keras's ResNeXt, with depthwise convolutions"),
    ),
    counts_batches=False,
    caveat="Weights of keras.applications take BGR images of 0 … 255. Whether these do, the file doesn't say",
)
