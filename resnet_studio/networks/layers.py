"""The layers of a plan, and chains of them. Needs no torch.

Sizes follow n_out = ⌊(n_in + 2p − d (k − 1) − 1) / s⌋ + 1, multiply-adds c_in / groups · k² · c_out · n_out² for a
convolution with the dilation d.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Shape: TypeAlias = tuple[int, int, int]
"""Channels, height, width of one image's activations."""
Kind = Literal[
    "conv", "batch norm", "relu", "sigmoid", "max pool", "average pool", "linear", "dropout", "add", "scale",
    "zero pad", "layer norm", "relu6", "silu", "hardswish", "hardsigmoid", "gelu", "tanh", "attention", "concat",
    "stochastic depth", "permute", "flatten", "identity", "partition", "departition", "swap axes", "parameter",
    "group norm", "matmul",
]  # fmt: skip
"""What a layer computes; a "parameter" is one of the network itself, such as a class token. Residual networks have
those up to "zero pad". Only own networks have the last two."""
Layout = Literal["maps", "channels last", "tokens", "windows", "patches", "other"]
"""The tensor that a layer gives: N × C × H × W (or N × C), N × H × W × C, N × (1 + H·W) × C with a class token first,
N × windows × positions × C, or of own networks N × H·W × C, and any other form."""
Role = Literal["main", "shortcut", "gate", "residual", "add", "output"]
"""What a layer is for in its block: the last one of F(x) is the residual, the one after the addition the output, and
those that compute the factors of squeeze-and-excitation are the gate. Layers outside of blocks are main."""
NOTHING: Shape = (0, 0, 0)


def output_size(n_in: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Side of a convolution's or a pool's output: ⌊(n_in + 2 padding − dilation (kernel − 1) − 1) / stride⌋ + 1."""
    return (n_in + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def window_output(n_in: int, kernel: int, stride: int, padding: int, dilation: int = 1, *, ceil: bool = False) -> int:
    """`output_size`, or with `ceil` that of a pool whose last window may be cut off by the edge, not begin there."""
    if not ceil:
        return output_size(n_in, kernel, stride, padding, dilation)
    found = output_size(n_in + stride - 1, kernel, stride, padding, dilation)
    return found - ((found - 1) * stride >= n_in + padding)


class Layer(NamedTuple):  # which is made four times as fast as a frozen dataclass
    """One leaf module of the network, for one image.

    `output` is (0, 0, 0) for a module that is built but never called, as the article has them: such a
    module has parameters, and no multiply-adds.
    """

    name: str
    """The module's name in the built network, which is torchvision's where it holds weights."""
    stage: str
    block: str
    """Name of the residual block that the layer is part of; empty in the stem, the head and baselines."""
    kind: Kind | str
    """A `Kind`, or of an own network the class of a module that is none of these."""
    input: Shape
    output: Shape
    kernel: int = 0
    stride: int = 0
    padding: int = 0
    parameters: int = 0
    macs: int = 0
    """Multiply-adds of convolutions, linear layers and attention's matrix products, without biases: the paper counts
    those of the first two, and has no attention."""
    groups: int = 1
    role: Role = "main"
    inputs: tuple[str, ...] = ()
    """Names of the layers whose outputs it takes, F(x) before the shortcut or the gate; none if it takes the image."""
    dilation: int = 1
    layout: Layout = "maps"
    module: bool = True
    """Whether it is a module, which can be captured, and not a parameter or a function of the network itself."""
    across: tuple[int, int] | tuple[()] = ()
    """Kernel and padding along the width where they differ from those along the height: 1×7 of Inception v3."""
    whole: bool = False
    """Whether each value may depend on all positions of its input, as behind a module that is not known."""

    @property
    def on_main_path(self) -> bool:
        """Whether it is neither on the shortcut nor part of a gate."""
        return self.role not in ("shortcut", "gate")

    @property
    def called(self) -> bool:
        """Whether it is a module that gives an output."""
        return self.module and self.output != NOTHING

    @property
    def positions(self) -> int:
        """Of its output: pixels, or tokens."""
        return self.output[1] * self.output[2] + (self.layout == "tokens")

    @property
    def activation_bytes(self) -> int:
        return 4 * self.output[0] * self.positions

    @property
    def windows(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Kernel and padding along the height, and along the width."""
        return (self.kernel, self.padding), self.across or (self.kernel, self.padding)

    @property
    def kernel_text(self) -> str:
        """The size of its window: "3×3"."""
        return "×".join(str(kernel) for kernel, _ in self.windows)

    @property
    def bias(self) -> bool:
        """Whether a convolution has a bias."""
        area = self.windows[0][0] * self.windows[1][0]
        return self.parameters > area * self.input[0] // self.groups * self.output[0]


def kernel_line(layer: Layer) -> str:
    """A convolution as Table 1 writes it: "3×3, 64", and behind it several groups, "C=32", and a dilation, "d=2"."""
    groups = f", C={layer.groups}" if layer.groups > 1 else ""
    dilation = f", d={layer.dilation}" if layer.dilation > 1 else ""
    return f"{layer.kernel_text}, {layer.output[0]}{groups}{dilation}"


class LayerChain:
    """Layers one after another: each takes the output of the one before it, the first that of `source`."""

    def __init__(
        self, stage: str, shape: Shape, source: str = "", *, block: str = "", bias: bool = False, role: Role = "main"
    ) -> None:
        self.stage, self.shape, self.block, self.bias, self.role = stage, shape, block, bias, role
        self.inputs: tuple[str, ...] = (source,) if source else ()
        self.layers: list[Layer] = []
        self._prefix = f"{block}." if block else ""

    def append(
        self, name: str, kind: Kind, output: Shape, window: tuple[int, int, int] = (0, 0, 0),
        parameters: int = 0, macs: int = 0, groups: int = 1, role: Role | None = None, dilation: int = 1,
    ) -> None:  # fmt: skip
        """Append a layer; `window` is its kernel, stride and padding. By default it has the chain's role."""
        name, (kernel, stride, padding) = self._prefix + name, window
        self.layers.append(
            Layer(
                name, self.stage, self.block, kind, self.shape, output, kernel, stride, padding, parameters, macs,
                groups, role or self.role, self.inputs, dilation,
            )
        )  # fmt: skip
        self.shape, self.inputs = output, (name,)

    def conv(
        self, name: str, channels: int, kernel: int, stride: int = 1, padding: int | None = None,
        groups: int = 1, dilation: int = 1,
    ) -> None:  # fmt: skip
        """Append a convolution; by default its padding keeps the size at stride 1."""
        window = kernel, stride, kernel // 2 * dilation if padding is None else padding
        output = self._window_output(channels, window, dilation)
        weights = kernel * kernel * (self.shape[0] // groups) * channels
        parameters, macs = weights + channels * self.bias, weights * output[1] * output[2]
        self.append(name, "conv", output, window, parameters, macs, groups, dilation=dilation)

    def norm(self, name: str) -> None:
        self.append(name, "batch norm", self.shape, (0, 0, 0), 2 * self.shape[0])

    def relu(self, name: str, role: Role | None = None) -> None:
        self.append(name, "relu", self.shape, (0, 0, 0), 0, 0, 1, role)

    def pool(self, name: str, kernel: int, stride: int, padding: int = 0) -> None:
        window = kernel, stride, padding
        self.append(name, "max pool", self._window_output(self.shape[0], window), window)

    def average(self, name: str, side: int) -> None:
        """Append an adaptive average pool whose output has that side."""
        self.append(name, "average pool", (self.shape[0], side, side))

    def average_windows(self, name: str, side: int) -> None:
        """Append an average pool over squares next to each other; those at the edge may be cut off."""
        channels, height, width = self.shape
        output = channels, -(-height // side), -(-width // side)
        self.append(name, "average pool", output, (side, side, 0))

    def linear(self, name: str, features: int) -> None:
        weights = self.shape[0] * self.shape[1] * self.shape[2] * features
        self.append(name, "linear", (features, 1, 1), parameters=weights + features, macs=weights)

    def branch(self, role: Role) -> LayerChain:
        """Another chain that begins with the same input."""
        return LayerChain(self.stage, self.shape, *self.inputs, block=self.block, bias=self.bias, role=role)

    def gate(self, reduced: int) -> None:
        """Append squeeze-and-excitation (Hu et al. 2018): each channel times a factor from 0 to 1, which two layers
        compute from the means of all channels, the first of them with `reduced` outputs."""
        gate = self.branch("gate")
        gate.bias = True
        gate.average("se.pool", 1)
        gate.conv("se.fc1", reduced, 1)
        gate.relu("se.relu")
        gate.conv("se.fc2", self.shape[0], 1)
        gate.append("se.gate", "sigmoid", gate.shape)
        self.layers += gate.layers
        self.inputs += gate.inputs
        self.append("se.scale", "scale", self.shape)

    def add(self, side: LayerChain) -> None:
        """Append the layers of another chain of the block, and the sum of both outputs."""
        self.layers += side.layers
        self.inputs += side.inputs
        self.append("add", "add", self.shape, role="add")

    def _window_output(self, channels: int, window: tuple[int, int, int], dilation: int = 1) -> Shape:
        _, height, width = self.shape
        side = output_size(height, *window, dilation)
        return channels, side, side if width == height else output_size(width, *window, dilation)
