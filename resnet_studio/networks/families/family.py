"""What a block family is: one kind of residual block, with the choices that only this kind has. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias, cast, get_args, get_type_hints

from resnet_studio.networks.layers import Layer, LayerChain, Shape, kernel_line, output_size

Shortcut = Literal["A", "B", "C", "none"]
"""Zero-padding, projection where the shape changes, projection everywhere, or a plain network."""
Joint = Literal["identity", "projection", "zero pad", "none"]
"""What the shortcut of one block does."""
Window: TypeAlias = tuple[int, int, int]
"""Kernel, channels and stride of a convolution."""


class Family:
    """A kind of block, as a frozen dataclass: its fields are the choices that only this kind has.

    What a subclass doesn't say is as in He et al. 2015: convolution, batch norm and ReLU, the last ReLU after the
    addition. Its module is registered in `networks/modules/blocks.py`.
    """

    __slots__ = ()
    block: ClassVar[str]
    """What F(x) consists of, "basic" or "bottleneck"; with the variant it is the family's name."""
    description: ClassVar[str]
    """The block in a line of a tooltip."""
    variant: ClassVar[str] = "paper"
    origin: ClassVar[str] = "He et al. 2015"
    """Whose blocks they are: a name, and a line of a tooltip."""
    network: ClassVar[str] = "resnet"
    """What networks of these blocks are called, with their depth: "resnet50"."""
    claims_paper_values: ClassVar[bool] = True
    """Whether its networks should have the values that He et al. 2015 print for their depth."""
    label: ClassVar[str]
    """The block in words."""
    expansion: ClassVar[int]
    """A block's output has `expansion` times as many channels as its 3×3 convolutions."""
    convolutions: ClassVar[int]
    """Weighted layers on a block's main path, as a network's depth counts them."""
    shortcuts: ClassVar[tuple[Shortcut, ...]] = ("A", "B", "C", "none")
    """The shortcuts that a network of these blocks can have."""
    bias: ClassVar[bool] = False
    """Whether convolutions have a bias, in the stem, too."""
    first_differs: ClassVar[bool] = False
    """Whether the block after the stem is another, as `Block.first` then says."""
    excluded: ClassVar[Mapping[str, str]] = {}
    """Why a field can't be chosen with these blocks, by its name."""
    form: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Label and tooltip of each own field in the window's form."""

    @classmethod
    def choices(cls) -> Mapping[str, tuple[Any, ...]]:
        """The own fields, with the values that each can have."""
        return _choices(cast("type", cls))

    def windows(self, block: Block) -> tuple[Window, ...]:
        """The convolutions on the main path."""
        raise NotImplementedError

    def layers(self, block: Block, source: str) -> list[Layer]:
        """The plan of a block behind the layer `source`: the main path, the shortcut, the addition, the last ReLU."""
        path = block.chain(source)
        side = path.branch("shortcut")
        windows = self.windows(block)
        for number, (kernel, channels, stride) in enumerate(windows, start=1):
            path.conv(f"conv{number}", channels, kernel, stride)
            if number < len(windows):
                path.norm(f"bn{number}")
                path.relu(f"relu{number}")
        path.norm(f"bn{len(windows)}", "residual")
        self.join(path, side, block)
        path.relu(f"relu{len(windows)}", "output")
        return path.layers

    def unused_layers(self, block: Block) -> list[Layer]:
        """Layers that are built and never called, as they would be if they were called with the block's input."""
        return []

    def join(self, path: LayerChain, side: LayerChain, block: Block) -> None:
        """Append what the shortcut needs, and the addition; a plain block has neither."""
        if block.shortcut == "projection":
            self.project(side, block)
        elif block.shortcut == "zero pad":
            side.append("downsample", "zero pad", path.shape, (1, block.stride, 0))
        if block.shortcut != "none":
            path.add(side)

    def project(self, side: LayerChain, block: Block) -> None:
        """Append a projection's layers."""
        side.conv("downsample.0", block.channels_out, 1, block.stride)
        side.norm("downsample.1")

    def finish(self, path: LayerChain) -> None:
        """Append what stands between the last block and the average pool."""

    def joint(self, shortcut: Shortcut, *, opens_stage: bool, changes_shape: bool) -> Joint:
        """What a block's shortcut does in a network with that kind of shortcuts."""
        if shortcut == "none":
            return "none"
        if shortcut == "C" or (changes_shape and shortcut == "B"):
            return "projection"
        return "zero pad" if changes_shape else "identity"

    def lines(self, layers: Sequence[Layer]) -> tuple[str, ...]:
        """A block's lines in Table 1, from its layers: a line for each convolution on the main path."""
        return tuple(kernel_line(layer) for layer in layers if layer.kind == "conv" and layer.role != "shortcut")


@dataclass(frozen=True, slots=True)
class Block:
    """One residual block with every choice made. Equal blocks (but for the name) cost the same."""

    name: str
    stage: str
    family: Family
    input: Shape
    width: int
    stride: int
    shortcut: Joint
    first: bool = False
    """Whether it follows the stem; False in families whose blocks are all alike."""

    @property
    def channels_in(self) -> int:
        return self.input[0]

    @property
    def channels_out(self) -> int:
        return self.width * self.family.expansion

    @property
    def output(self) -> Shape:
        height, width = (output_size(side, 1, self.stride, 0) for side in self.input[1:])
        return self.channels_out, height, width

    @property
    def label(self) -> str:
        """The kind and what its shortcut does: "bottleneck, projection"."""
        return f"{self.family.label}, " + ("no shortcut" if self.shortcut == "none" else self.shortcut)

    def chain(self, source: str = "") -> LayerChain:
        """A chain of layers that begins with the block's input, the output of the layer `source`."""
        return LayerChain(self.stage, self.input, source, block=self.name, bias=self.family.bias)


@cache
def _choices(family: type) -> Mapping[str, tuple[Any, ...]]:
    hints = get_type_hints(family)
    return {field.name: get_args(hints[field.name]) for field in fields(family)}
