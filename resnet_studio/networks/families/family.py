"""What a block family is: one kind of residual block, with the choices that only this kind has. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias, cast

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.networks.layers import Layer, LayerChain, Shape, kernel_line, output_size

Shortcut = Literal["A", "B", "C", "D", "none"]
"""Zero-padding, projection where the shape changes, projection everywhere, projection of 2×2 averages where the size is
halved (ResNet-D), or a plain network."""
Joint = Literal["identity", "projection", "pooled projection", "zero pad", "none"]
"""What the shortcut of one block does."""
Count: TypeAlias = Annotated[int, Meta(ge=1, le=256)]
"""A family's own field that is a number; its bounds are those of the field."""


class Window(NamedTuple):
    """A convolution on the main path."""

    kernel: int
    channels: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1


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
    """A block's output has `expansion` times as many channels as the stage is wide."""
    convolutions: ClassVar[int]
    """Weighted layers on a block's main path, as a network's depth counts them."""
    shortcuts: ClassVar[tuple[Shortcut, ...]] = ("A", "B", "C", "D", "none")
    """The shortcuts that a network of these blocks can have."""
    bias: ClassVar[bool] = False
    """Whether convolutions have a bias, in the stem, too."""
    stem_norm: ClassVar[bool] = True
    """Whether batch norm and ReLU follow the stem's last convolution."""
    first_differs: ClassVar[bool] = False
    """Whether the block after the stem is another, as `Block.first` then says."""
    excluded: ClassVar[Mapping[str, str]] = {}
    """Why a field can't be chosen with these blocks, by its name."""
    form: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Label and tooltip of each own field in the window's form."""

    @classmethod
    def own_fields(cls) -> Mapping[str, Any]:
        """The choices that only this kind has, with their defaults: those of `choices` and of `ranges`."""
        return _own_fields(cast("type", cls))

    @classmethod
    def choices(cls) -> Mapping[str, tuple[Any, ...]]:
        """The own fields that have a few values, with these."""
        return _choices(cast("type", cls))

    @classmethod
    def ranges(cls) -> Mapping[str, tuple[int, int]]:
        """The own fields that are numbers, with the smallest and the largest."""
        return _ranges(cast("type", cls))

    def inner_width(self, width: int) -> int:
        """Channels of the 3×3 convolutions in a stage of that width."""
        return width

    def outer_width(self, width: int) -> int:
        """Channels of the output of a block in a stage of that width."""
        return width * self.expansion

    def windows(self, block: Block) -> tuple[Window, ...]:
        """The convolutions on the main path."""
        raise NotImplementedError

    def layers(self, block: Block, source: str) -> list[Layer]:
        """The plan of a block behind the layer `source`: the main path, the shortcut, the addition, the last ReLU."""
        path = block.chain(source)
        side = path.branch("shortcut")
        for number, window in enumerate(windows := self.windows(block), start=1):
            convolve(path, f"conv{number}", window)
            path.norm(f"bn{number}")
            if number < len(windows):
                path.relu(f"relu{number}")
        self.join(path, side, block)
        path.relu(f"relu{len(windows)}", "output")
        return path.layers

    def unused_layers(self, block: Block) -> list[Layer]:
        """Layers that are built and never called, as they would be if they were called with the block's input."""
        return []

    def join(self, path: LayerChain, side: LayerChain, block: Block) -> None:
        """Append what ends F(x), and what the shortcut needs, and the addition; a plain block has no shortcut."""
        if block.reduced:
            path.gate(block.reduced)
        path.layers[-1] = path.layers[-1]._replace(role="residual")
        if block.shortcut in ("projection", "pooled projection"):
            self.project(side, block)
        elif block.shortcut == "zero pad":
            side.append("downsample", "zero pad", path.shape, (1, block.stride, 0))
        if block.shortcut != "none":
            path.add(side)

    def project(self, side: LayerChain, block: Block) -> None:
        """Append a projection's layers."""
        stride, first = block.stride, 0
        if block.shortcut == "pooled projection":
            if stride > 1:
                side.average_windows("downsample.0", stride)
            stride, first = 1, 1  # a projection without a pool keeps the names that it has behind one
        side.conv(f"downsample.{first}", block.channels_out, 1, stride)
        side.norm(f"downsample.{first + 1}")

    def finish(self, path: LayerChain) -> None:
        """Append what stands between the last block and the average pool."""

    def joint(self, shortcut: Shortcut, *, opens_stage: bool, changes_shape: bool) -> Joint:
        """What a block's shortcut does in a network with that kind of shortcuts."""
        if shortcut == "none":
            return "none"
        if changes_shape and shortcut == "D":
            return "pooled projection"
        if shortcut == "C" or (changes_shape and shortcut == "B"):
            return "projection"
        return "zero pad" if changes_shape else "identity"

    def lines(self, layers: Sequence[Layer]) -> tuple[str, ...]:
        """A block's lines in Table 1, from its layers: a line for each convolution on the main path, and one for the
        two layers of squeeze-and-excitation, as in Hu et al. 2018: "fc, [16, 256]"."""
        convolutions = [layer for layer in layers if layer.kind == "conv"]
        gate = ", ".join(str(layer.output[0]) for layer in convolutions if layer.role == "gate")
        lines = (kernel_line(layer) for layer in convolutions if layer.on_main_path)
        return (*lines, f"fc, [{gate}]") if gate else tuple(lines)


@dataclass(frozen=True, slots=True)
class Block:
    """One residual block with every choice made. Equal blocks (but for the name) cost the same."""

    name: str
    stage: str
    family: Family
    input: Shape
    width: int
    """Of its stage: conv2_x has the architecture's, and each further stage twice as much."""
    stride: int
    shortcut: Joint
    first: bool = False
    """Whether it follows the stem; False in families whose blocks are all alike."""
    reduction: int = 0
    """By what squeeze-and-excitation divides the number of channels; 0 without it."""
    dilation: int = 1
    """Of its 3×3 convolutions."""
    first_dilation: int = 1
    """Of the 3×3 convolution that would halve the size if dilation did not stand in the stride's place: that of the
    stage before."""

    @property
    def channels_in(self) -> int:
        return self.input[0]

    @property
    def channels_out(self) -> int:
        return self.family.outer_width(self.width)

    @property
    def inner_width(self) -> int:
        """Channels of its 3×3 convolutions."""
        return self.family.inner_width(self.width)

    @property
    def reduced(self) -> int:
        """Channels between the two layers of squeeze-and-excitation; 0 without it."""
        return reduced_channels(self.channels_out, self.reduction) if self.reduction else 0

    @property
    def output(self) -> Shape:
        height, width = (output_size(side, 1, self.stride, 0) for side in self.input[1:])
        return self.channels_out, height, width

    @property
    def label(self) -> str:
        """The kind and what its shortcut does: "SE bottleneck, projection"."""
        kind = f"SE {self.family.label}" if self.reduction else self.family.label
        if self.shortcut == "pooled projection" and self.stride == 1:
            return f"{kind}, projection"
        return f"{kind}, " + ("no shortcut" if self.shortcut == "none" else self.shortcut)

    def chain(self, source: str = "") -> LayerChain:
        """A chain of layers that begins with the block's input, the output of the layer `source`."""
        return LayerChain(self.stage, self.input, source, block=self.name, bias=self.family.bias)


def convolve(path: LayerChain, name: str, window: Window) -> None:
    """Append a convolution of a block."""
    path.conv(name, window.channels, window.kernel, window.stride, groups=window.groups, dilation=window.dilation)


def reduced_channels(channels: int, reduction: int) -> int:
    """Channels between the two layers of squeeze-and-excitation: a multiple of 8, as in timm, and at least 8."""
    return max(8, (channels + 4 * reduction) // (8 * reduction) * 8)


@cache
def _own_fields(family: type) -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(family)}


@cache
def _choices(family: type) -> Mapping[str, tuple[Any, ...]]:
    return codec.choices(family)


@cache
def _ranges(family: type) -> Mapping[str, tuple[int, int]]:
    return {name: (int(least), int(most)) for name, (least, most) in codec.ranges(family, int).items()}
