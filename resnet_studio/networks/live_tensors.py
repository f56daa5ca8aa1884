"""Which tensors of a pass are alive at a time, and how many bytes they are at the worst. Needs no torch.

A plan's layers are gone through as torch goes through the network's modules. A tensor lives until everybody who holds
it has let it go:

- a layer that will take it;
- a module that was called with it and has not returned: a block, a stage, the network;
- autograd, which saves for the backward pass what a layer's derivative is computed from. What that is stands in
  PyTorch's `tools/autograd/derivatives.yaml`: the input of a convolution, a linear layer, or a norm, the output of a
  ReLU or a sigmoid, both factors of a product, the input of a max pool and the place of each maximum, and nothing of a
  sum. So a convolution behind a ReLU costs one map, since both save the same tensor, and one with a batch norm two.

In the backward pass a layer makes the gradients of its parameters and of its input; then what was saved for it, and the
gradient of its output, are free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from math import prod

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.heap import MAPPED, Heap, Peak
from resnet_studio.networks.layers import NOTHING, Layer, Shape
from resnet_studio.networks.plan import plan

WORD, INDEX = 4, 8
"""Bytes of a float32 value, and of a maximum's place in a max pool."""
SAVES_INPUT = frozenset(
    ("conv", "linear", "batch norm", "layer norm", "max pool", "relu6", "silu", "hardswish", "hardsigmoid", "gelu",
     "scale", "attention")
)  # fmt: skip
SAVES_OUTPUT = frozenset(("relu", "sigmoid", "tanh"))
VIEWS = frozenset(("identity", "flatten", "permute", "swap axes"))
"""What gives its input in another shape, without a copy."""
HEAD_CHANNELS = 32
"""Channels of a head of attention in windows (Swin, MaxViT)."""
UNROLLED = 3
"""Blocks of a row of equal ones that are gone through: the first, one that stands for those in the middle, the last."""


class Pass:
    """A pass of a batch through a network, forward and then backward."""

    def __init__(self, heap: Heap, layers: Sequence[Layer], image: int, *, trains: bool, word: int = WORD) -> None:
        """`image` is the bytes of an image as the first layer takes it, `word` those of a value of the others."""
        self.heap, self.layers, self.trains, self.word = heap, layers, trains, word
        numbers = {layer.name: number for number, layer in enumerate(layers)}
        self.sources = [tuple(numbers[name] for name in layer.inputs if name in numbers) for layer in layers]
        self._last_use = self._last_uses()
        self._ends = {part: number for number, layer in enumerate(layers) for part in _parts(layer.name)}
        self._held: dict[str, set[int]] = {}
        self._image = heap.make(image)  # the network holds it until it returns
        self._outputs: list[int] = []
        self._saved: list[list[int]] = [[] for _ in layers]
        self._gradients: dict[int, int] = {}

    def forward(self, number: int) -> None:
        """Compute a layer, save what its derivative needs, and free what nobody needs any longer."""
        heap, layer = self.heap, self.layers[number]
        taken = [self._outputs[source] for source in self.sources[number]] or [self._image]
        self._hold_in_modules(number, taken)
        joined = self._join(layer, taken)
        output = joined[0] if self._is_view(layer) else heap.make(self._bytes(layer))
        if output == joined[0]:
            heap.hold(output)
        self._outputs.append(output)
        extra = [heap.make(size) for size in self._by_products(layer)]
        heap.note()
        if self.trains:
            self._save(number, joined, output, extra)
        for tensor in (*extra, *(joined if joined != taken else ())):
            heap.release(tensor)
        self._release_unneeded(number)

    def backward(self, number: int) -> None:
        """Compute the gradients of a layer's parameters and of its inputs."""
        heap, layer = self.heap, self.layers[number]
        heap.fixed += WORD * layer.parameters
        gradient = self._gradients.pop(number, None)
        if gradient is not None:
            given = gradient
            if self.sources[number] and not (layer.kind in ("add", "concat") or self._is_view(layer)):
                given = heap.make(self._input_bytes(number))
            heap.note()
            for source in self.sources[number]:
                self._accumulate(source, given)
            if given != gradient:
                heap.release(given)
            heap.release(gradient)
        for tensor in self._saved[number]:
            heap.release(tensor)

    def release_image(self) -> None:
        """The network returns; autograd may still have the image."""
        self.heap.release(self._image)

    def loss(self) -> None:
        """The cross-entropy of the logits, and their gradient."""
        heap, size = self.heap, WORD * self.layers[-1].output[0]
        probabilities, gradient = heap.make(size), heap.make(size)
        last = heap.make(size)
        heap.note()
        heap.release(gradient)
        heap.release(probabilities)
        self._gradients[len(self.layers) - 1] = last

    def _last_uses(self) -> dict[int, list[int]]:
        """The layers whose outputs are taken for the last time, by the layer that does."""
        last = dict(enumerate(range(len(self.layers))))  # an output that nobody takes goes at once
        for number, sources in enumerate(self.sources):
            last.update(dict.fromkeys(sources, number))
        found: dict[int, list[int]] = {}
        for source, number in last.items():
            found.setdefault(number, []).append(source)
        return found

    def _hold_in_modules(self, number: int, taken: Iterable[int]) -> None:
        """Let every module that the layer is in hold what comes from outside of it."""
        sources = self.sources[number]
        for part in _parts(self.layers[number].name):
            held = self._held.setdefault(part, set())
            for source, tensor in zip(sources, taken, strict=False):
                if tensor not in held and not f"{self.layers[source].name}.".startswith(f"{part}."):
                    held.add(tensor)
                    self.heap.hold(tensor)

    def _release_unneeded(self, number: int) -> None:
        for part in _parts(self.layers[number].name):
            if self._ends[part] == number:
                for tensor in self._held.pop(part, ()):
                    self.heap.release(tensor)
        for source in self._last_use.get(number, ()):
            if source != len(self.layers) - 1:
                self.heap.release(self._outputs[source])

    def _join(self, layer: Layer, taken: list[int]) -> list[int]:
        """What a layer takes: a tensor of several, where these are concatenated or added in front of it."""
        if len(taken) == 1 or layer.kind in ("add", "scale", "concat"):
            return taken
        return [self.heap.make(self.word * _values(layer, layer.input))]

    def _save(self, number: int, taken: Iterable[int], output: int, extra: Iterable[int]) -> None:
        layer = self.layers[number]
        saved = list(extra)
        if layer.kind in SAVES_INPUT or (layer.kind == "average pool" and layer.output[1:] != (1, 1)):
            saved += taken
        if layer.kind in SAVES_OUTPUT:
            saved.append(output)
        if layer.kind == "batch norm":
            self.heap.fixed += WORD * layer.parameters  # mean and deviation of the batch
        for tensor in saved:
            self.heap.hold(tensor)
        self._saved[number] = saved

    def _by_products(self, layer: Layer) -> list[int]:
        """Bytes an image of what a layer makes besides its output; in training it is saved."""
        values = _values(layer, layer.output)
        match layer.kind:
            case "max pool":
                return [INDEX * values]
            case "dropout" if self.trains and not self._is_view(layer):
                return [self.word * values]
            case "layer norm":
                return [2 * WORD * layer.positions]
            case "attention":
                return [self.word * attention_values(layer)]
            case "add" if self.trains and layer.parameters:  # times a scale of each channel (ConvNeXt)
                return [self.word * values]
        return []

    def _is_view(self, layer: Layer) -> bool:
        """Whether a layer gives its input itself. torchvision's transformers have a dropout with probability 0."""
        if layer.kind == "dropout":
            return not self.trains or layer.layout != "maps"
        return layer.kind in VIEWS or (layer.kind == "stochastic depth" and not self.trains)

    def _bytes(self, layer: Layer) -> int:
        return self.word * _values(layer, layer.output)

    def _input_bytes(self, number: int) -> int:
        """Of the gradient of what a layer takes, as one tensor."""
        layer, sources = self.layers[number], self.sources[number]
        if len(sources) > 1:
            return self.word * _values(layer, layer.input)
        return self._bytes(self.layers[sources[0]])

    def _accumulate(self, source: int, gradient: int) -> None:
        """Add a gradient to that of a layer's output; in place, unless another layer has the same tensor."""
        heap, before = self.heap, self._gradients.get(source)
        if before is None:
            heap.hold(gradient)
            self._gradients[source] = gradient
        elif heap.is_shared(before):
            self._gradients[source] = heap.make(self._bytes(self.layers[source]))
            heap.note()
            heap.release(before)


def attention_values(layer: Layer) -> int:
    """Values of an image that attention saves besides its input: queries, keys, values, and what the heads give.

    In windows (Liu et al. 2021) there is the softmax of each head, too. Version 2, which is told by the multiply-adds
    of its biases, also has the queries and keys before they are normalized, their norms, and the cosines.
    """
    channels, height, width = layer.output
    if not layer.kernel:
        return 4 * channels * layer.positions
    (rows, _), (columns, _) = layer.windows
    positions = -(-height // rows) * rows * -(-width // columns) * columns
    heads, among = channels // HEAD_CHANNELS, rows * columns
    is_second = layer.macs > positions * channels * (4 * channels + 2 * among)
    return positions * (4 * channels + heads * among + is_second * (3 * channels + 4 * heads + heads * among))


def _values(layer: Layer, shape: tuple[int, int, int]) -> int:
    """Values of an image in a tensor of a layer's layout."""
    return shape[0] * (shape[1] * shape[2] + (layer.layout == "tokens"))


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...]:
    """The modules that a layer is in, and itself: "layer1", "layer1.0", "layer1.0.conv1"."""
    words = name.split(".")
    return tuple(".".join(words[:count]) for count in range(1, len(words) + 1))


def unrolled(architecture: Architecture) -> tuple[tuple[Layer, ...], dict[str, int]]:
    """The layers of a network in which equal blocks in a row are `UNROLLED` at most, and how many further ones a block
    stands for, by its name. Their tensors are as many times those of one, so the peak follows without them."""
    if not isinstance(architecture, Residual):
        return plan(architecture), {}
    counts = architecture.blocks
    short = replace(architecture, blocks=tuple(min(count, UNROLLED) for count in counts))
    further = {f"layer{stage}.1": count - UNROLLED for stage, count in enumerate(counts, start=1) if count > UNROLLED}
    return plan(short), further


@lru_cache(maxsize=4096)
def inference_peak(architecture: Architecture, batch: int) -> Peak:
    """Of a pass in eval mode without gradients, with the weights, and the images as bytes and as floats."""
    layers, further = unrolled(architecture)
    heap = Heap(batch, WORD * _parameters(layers, further, norms=2))
    _Run(heap, layers, further, architecture.input_shape, trains=False).forward()
    return heap.peak


@lru_cache(maxsize=4096)
def training_peak(architecture: Architecture, batch: int, states: int, word: int = WORD) -> Peak:
    """Of a step of training in which the gradients of the step before are kept until its backward pass, as the
    program's own loop does. The optimizer has so many `states` a weight; `word` is the bytes of an activation."""
    layers, further = unrolled(architecture)
    weights = WORD * _parameters(layers, further)
    heap = Heap(batch, WORD * _parameters(layers, further, norms=2) + states * weights)
    if word != WORD:  # autocast has its own copy of each matrix
        heap.fixed += word * _parameters([layer for layer in layers if layer.kind in ("conv", "linear")], further)
    run = _Run(heap, layers, further, architecture.input_shape, trains=True, word=word)
    heap.fixed += weights  # the gradients of the step before
    run.forward()
    made = heap.made
    heap.fixed -= weights
    run.backward()
    return heap.peak._replace(made=made)


def saved_bytes(architecture: Architecture) -> int:
    """Bytes an image that autograd keeps between the forward and the backward pass, in float32."""
    heap = _after_forward(architecture, WORD)
    return heap.mapped + heap.small - prod(architecture.input_shape) - WORD * architecture.classes


def mapping_batches(architecture: Architecture, word: int = WORD) -> tuple[int, ...]:
    """The batches, from small to large, at which another tensor of a training has `MAPPED` bytes."""
    return tuple(sorted({-(-MAPPED // size) for size in _after_forward(architecture, word).sizes}))


def _after_forward(architecture: Architecture, word: int) -> Heap:
    """The tensors of an image when its forward pass is over."""
    layers, further = unrolled(architecture)
    heap = Heap(1, 0)
    _Run(heap, layers, further, architecture.input_shape, trains=True, word=word).forward()
    return heap


def _parameters(layers: Iterable[Layer], further: dict[str, int], norms: int = 1) -> int:
    """Parameters of a network of which equal blocks are left out; those of batch norms several times: their running
    statistics are as many."""
    return sum(
        layer.parameters * (1 + further.get(layer.block, 0)) * (norms if layer.kind == "batch norm" else 1)
        for layer in layers
    )


class _Run:
    """A pass through a network of which equal blocks are left out."""

    def __init__(
        self, heap: Heap, layers: Iterable[Layer], further: dict[str, int], image: Shape, *, trains: bool,
        word: int = WORD,
    ) -> None:  # fmt: skip
        self._heap, self._further = heap, further
        values = prod(image)
        heap.make(values)  # a batch is bytes before it is normalized
        copy = 0 if word == WORD else word * values
        computed = [layer for layer in layers if layer.output != NOTHING and layer.kind != "parameter"]
        self._pass = Pass(heap, computed, WORD * values + copy, trains=trains, word=word)

    def forward(self) -> None:
        self._go_through(range(len(self._pass.layers)), self._pass.forward)
        self._pass.release_image()

    def backward(self) -> None:
        self._pass.loss()
        self._go_through(reversed(range(len(self._pass.layers))), self._pass.backward)

    def _go_through(self, numbers: Iterable[int], step: Callable[[int], None]) -> None:
        """Go through layers. What a block that stands for several leaves behind, it leaves behind as many times."""
        heap, layers = self._heap, self._pass.layers
        for block, inside in groupby(numbers, key=lambda number: layers[number].block):
            before = heap.state
            for number in inside:
                step(number)
            if more := self._further.get(block):
                heap.repeat(before, more)
