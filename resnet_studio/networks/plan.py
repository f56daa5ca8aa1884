"""From an architecture to the flat list of its layers, with every choice made. Needs no torch.

The plan is what the builder builds, the table lists, the figure draws and the counters are checked against.
Sizes follow n_out = ⌊(n_in + 2p − k) / s⌋ + 1, multiply-adds c_in · k² · c_out · n_out² for a convolution.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from resnet_studio.networks.architecture import EXPANSION, Architecture, Baseline, BlockKind, Residual
from resnet_studio.progress import finish

Shape: TypeAlias = tuple[int, int, int]
"""Channels, height, width of one image's activations."""
Kind = Literal["conv", "batch norm", "relu", "max pool", "average pool", "linear", "dropout", "add", "zero pad"]
NOTHING: Shape = (0, 0, 0)
MOST_LAYERS = 200_000
"""Layers of the cached plans, about 40 MB; the newest plan is cached however long it is."""


def output_size(n_in: int, kernel: int, stride: int, padding: int) -> int:
    """Side of a convolution's or a pool's output: ⌊(n_in + 2 padding − kernel) / stride⌋ + 1."""
    return (n_in + 2 * padding - kernel) // stride + 1


_plans: dict[Architecture, tuple[Layer, ...]] = {}


class Layer(NamedTuple):  # which is made four times as fast as a frozen dataclass
    """One leaf module of the network, for one image.

    `output` is (0, 0, 0) for a module that is built but never called, as the article has them: such a
    module has parameters, and no multiply-adds.
    """

    name: str
    """The module's name in the built network, which is torchvision's where it holds weights."""
    stage: str
    block: str
    """Name of the residual block the layer is part of; empty in the stem, the head and the baselines."""
    kind: Kind
    input: Shape
    output: Shape
    kernel: int = 0
    stride: int = 0
    padding: int = 0
    parameters: int = 0
    macs: int = 0
    """Multiply-adds of convolutions and linear layers, without biases: what the paper counts."""

    @property
    def called(self) -> bool:
        return self.output != NOTHING

    @property
    def activation_bytes(self) -> int:
        channels, height, width = self.output
        return 4 * channels * height * width


@dataclass(frozen=True, slots=True)
class Block:
    """One residual block with every choice made. Equal blocks (but for the name) cost the same."""

    name: str
    stage: str
    kind: BlockKind
    channels_in: int
    width: int
    stride: int
    size_in: int
    shortcut: Literal["identity", "projection", "zero pad", "none"]
    stride_on: Literal["1x1", "3x3"]
    variant: Literal["paper", "article"]

    @property
    def channels_out(self) -> int:
        return self.width * EXPANSION[self.kind]

    @property
    def input(self) -> Shape:
        return self.channels_in, self.size_in, self.size_in

    @property
    def label(self) -> str:
        """The kind and what its shortcut does: "bottleneck, projection"."""
        return f"{self.kind}, " + ("no shortcut" if self.shortcut == "none" else self.shortcut)


def plan(architecture: Architecture) -> tuple[Layer, ...]:
    """Every leaf module of the network, in the order in which the network applies them."""
    known = _plans.get(architecture)
    return finish(plan_steps(architecture)) if known is None else known


def plan_steps(architecture: Architecture) -> Generator[None, None, tuple[Layer, ...]]:
    """The plan, with a yield after every block: a network may have six thousand of them."""
    if (known := _plans.get(architecture)) is not None:
        return known
    layers: list[Layer] = []
    if isinstance(architecture, Baseline):
        layers += _baseline(architecture)
    else:
        layers += _stem(architecture)
        for block in blocks(architecture):
            layers += block_layers(block)
            yield
        head = _LayerChain("fc", layers[-1].output)
        head.average("avgpool", 1)
        head.linear("fc", architecture.classes)
        layers += head.layers
    _plans[architecture] = made = tuple(layers)
    while len(_plans) > 1 and sum(map(len, _plans.values())) > MOST_LAYERS:
        del _plans[next(iter(_plans))]
    return made


def clear_plans() -> None:
    """Empty the caches of plans."""
    _plans.clear()
    for remembered in (called_layers, channels_by_name, blocks):
        remembered.cache_clear()


@lru_cache(maxsize=16)
def called_layers(architecture: Architecture) -> tuple[Layer, ...]:
    """The layers that are called in a forward pass."""
    return tuple(layer for layer in plan(architecture) if layer.called)


@lru_cache(maxsize=16)
def channels_by_name(architecture: Architecture) -> Mapping[str, int]:
    """Channels of each layer that is called and of each block; the keys are all names that can be captured."""
    found = {}
    for layer in called_layers(architecture):
        found[layer.name] = layer.output[0]
        if layer.block:
            found[layer.block] = layer.output[0]
    return found


@lru_cache(maxsize=16)
def blocks(architecture: Residual) -> tuple[Block, ...]:
    """The residual blocks in order, each joined to the channels and the size before it."""
    size, channels = _stem(architecture)[-1].output[1], architecture.width
    found: list[Block] = []
    for number, count in enumerate(architecture.blocks, start=1):
        width = architecture.width * 2 ** (number - 1)
        for index in range(count):
            stride = 2 if number > 1 and index == 0 else 1
            changes_shape = stride != 1 or channels != width * EXPANSION[architecture.block]
            shortcut = _shortcut(architecture, opens_stage=index == 0, changes_shape=changes_shape)
            block = Block(
                f"layer{number}.{index}", f"conv{number + 1}_x", architecture.block, channels, width, stride, size,
                shortcut, architecture.stride_on, architecture.variant,
            )  # fmt: skip
            found.append(block)
            channels, size = block.channels_out, output_size(size, 1, stride, 0)
    return tuple(found)


def _shortcut(
    architecture: Residual, *, opens_stage: bool, changes_shape: bool
) -> Literal["identity", "projection", "zero pad", "none"]:
    if architecture.shortcut == "none":
        return "none"
    if architecture.variant == "article":
        return "projection" if opens_stage else "identity"
    if architecture.shortcut == "C" or (changes_shape and architecture.shortcut == "B"):
        return "projection"
    return "zero pad" if changes_shape else "identity"


class _LayerChain:
    """Layers one after another: each takes the output of the one before it."""

    def __init__(self, stage: str, shape: Shape, *, block: str = "", bias: bool = False) -> None:
        self.stage, self.shape, self.block, self.bias = stage, shape, block, bias
        self.layers: list[Layer] = []

    def append(
        self, name: str, kind: Kind, output: Shape,
        window: tuple[int, int, int] = (0, 0, 0), parameters: int = 0, macs: int = 0,
    ) -> None:  # fmt: skip
        """Append a layer; `window` is its kernel, stride and padding."""
        full = f"{self.block}.{name}" if self.block else name
        layer = Layer(full, self.stage, self.block, kind, self.shape, output, *window, parameters, macs)
        self.layers.append(layer)
        self.shape = output

    def _window_output(self, channels: int, kernel: int, stride: int, padding: int) -> Shape:
        _, height, width = self.shape
        return channels, output_size(height, kernel, stride, padding), output_size(width, kernel, stride, padding)

    def conv(self, name: str, channels: int, kernel: int, stride: int = 1, padding: int | None = None) -> None:
        padding = kernel // 2 if padding is None else padding
        output = self._window_output(channels, kernel, stride, padding)
        weights = kernel * kernel * self.shape[0] * channels
        parameters, macs = weights + channels * self.bias, weights * output[1] * output[2]
        self.append(name, "conv", output, (kernel, stride, padding), parameters, macs)

    def norm(self, name: str) -> None:
        self.append(name, "batch norm", self.shape, parameters=2 * self.shape[0])

    def pool(self, name: str, kernel: int, stride: int, padding: int = 0) -> None:
        output = self._window_output(self.shape[0], kernel, stride, padding)
        self.append(name, "max pool", output, (kernel, stride, padding))

    def average(self, name: str, side: int) -> None:
        self.append(name, "average pool", (self.shape[0], side, side))

    def linear(self, name: str, classes: int) -> None:
        weights = self.shape[0] * self.shape[1] * self.shape[2] * classes
        self.append(name, "linear", (classes, 1, 1), parameters=weights + classes, macs=weights)

    def elementwise(self, name: str, kind: Kind) -> None:
        """A layer that has no weights and keeps the shape: ReLU, dropout, addition."""
        self.append(name, kind, self.shape)


def _stem(architecture: Residual) -> list[Layer]:
    side = architecture.image
    path = _LayerChain("conv1", (architecture.channels, side, side), bias=architecture.variant == "article")
    if architecture.stem == "cifar":
        path.conv("conv1", architecture.width, 3)
    else:
        path.conv("conv1", architecture.width, 7, stride=2)
    path.norm("bn1")
    path.elementwise("relu", "relu")
    if architecture.stem == "imagenet":
        path.stage = "conv2_x"
        path.pool("maxpool", 3, 2, 1)
    return path.layers


def block_layers(block: Block) -> list[Layer]:
    """The layers of one block: the main path, what the shortcut needs, the addition and the last ReLU."""
    main = _LayerChain(block.stage, block.input, block=block.name, bias=block.variant == "article")
    kernels = _kernels(block)
    for number, (kernel, channels, stride) in enumerate(kernels, start=1):
        main.conv(f"conv{number}", channels, kernel, stride)
        main.norm(f"bn{number}")
        if number < len(kernels):
            main.elementwise(f"relu{number}", "relu")
    side = _LayerChain(block.stage, block.input, block=block.name, bias=main.bias)
    if block.shortcut == "projection":
        side.conv("downsample.0", block.channels_out, 1, block.stride)
        side.norm("downsample.1")
    elif block.shortcut == "zero pad":
        side.append("downsample", "zero pad", main.shape, (1, block.stride, 0))
    main.layers += side.layers
    if block.shortcut != "none":
        main.elementwise("add", "add")
    main.elementwise(f"relu{len(kernels)}", "relu")
    return _never_called(block) + main.layers


def _kernels(block: Block) -> list[tuple[int, int, int]]:
    """Kernel, channels and stride of each convolution on the block's main path."""
    if block.kind == "basic":
        second = 1 if block.variant == "article" else 3
        return [(3, block.width, block.stride), (second, block.width, 1)]
    first, middle = (block.stride, 1) if block.stride_on == "1x1" else (1, block.stride)
    return [(1, block.width, first), (3, block.width, middle), (1, block.channels_out, 1)]


def _never_called(block: Block) -> list[Layer]:
    """The convolution and its norm that the article's 18- and 34-layer blocks build and never call."""
    if block.variant != "article" or block.kind != "basic":
        return []
    path = _LayerChain(block.stage, block.input, block=block.name, bias=True)
    path.conv("unused_conv", block.width, 1)
    path.norm("unused_bn")
    return [layer._replace(input=NOTHING, output=NOTHING, macs=0) for layer in path.layers]


def _baseline(architecture: Baseline) -> list[Layer]:
    path = _LayerChain("conv1", (3, architecture.image, architecture.image), bias=True)
    return _vgg19(path, architecture.classes) if architecture.name == "vgg19" else _alexnet(path, architecture.classes)


def _vgg19(path: _LayerChain, classes: int) -> list[Layer]:
    """Simonyan and Zisserman 2014, configuration E. As in a residual network, a pool opens the stage after it."""
    index = 0
    for stage, (channels, count) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)), start=1):
        for _ in range(count):
            path.conv(f"features.{index}", channels, 3)
            path.elementwise(f"features.{index + 1}", "relu")
            index += 2
        path.stage = f"conv{stage + 1}_x" if stage < 5 else "fc"
        path.pool(f"features.{index}", 2, 2)
        index += 1
    path.average("avgpool", 7)
    for index, channels in ((0, 4096), (3, 4096)):
        path.linear(f"classifier.{index}", channels)
        path.elementwise(f"classifier.{index + 1}", "relu")
        path.elementwise(f"classifier.{index + 2}", "dropout")
    path.linear("classifier.6", classes)
    return path.layers


def _alexnet(path: _LayerChain, classes: int) -> list[Layer]:
    """Krizhevsky 2014 ("One weird trick"), the form that torchvision builds: 64 first kernels, one column."""
    index = 0
    windows = ((64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1))
    for stage, (channels, kernel, stride, padding) in enumerate(windows, start=1):
        path.stage = "conv1" if stage == 1 else f"conv{stage}_x"
        if stage in (2, 3):
            path.pool(f"features.{index}", 3, 2)
            index += 1
        path.conv(f"features.{index}", channels, kernel, stride, padding)
        path.elementwise(f"features.{index + 1}", "relu")
        index += 2
    path.stage = "fc"
    path.pool(f"features.{index}", 3, 2)
    path.average("avgpool", 6)
    path.append("classifier.0", "dropout", (256 * 6 * 6, 1, 1))
    for index, channels in ((1, 4096), (4, 4096)):
        path.linear(f"classifier.{index}", channels)
        path.elementwise(f"classifier.{index + 1}", "relu")
        if index == 1:
            path.elementwise("classifier.3", "dropout")
    path.linear("classifier.6", classes)
    return path.layers
