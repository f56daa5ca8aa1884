"""Which pixels of the input a value of a layer depends on: its receptive field, from the plan alone.

A window of k values at stride s, padding p and dilation d begins at s·i − p for the i-th output, so a span of outputs
first … last needs the inputs s·first − p … s·last − p + d (k − 1). Walked back to the input, that is the field.

The gates of squeeze-and-excitation depend on all of their block's input, if little on each value. As in papers, only
windows count here, and `passes_gate` says whether there are gates on the way.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.layers import NOTHING, Layer
from resnet_studio.networks.plan import block_layers, block_runs, plan, plan_steps, stem_layers
from resnet_studio.progress import finish

Span: TypeAlias = tuple[int, int]
"""First and last index of a range."""
HEIGHT, WIDTH = 1, 2
"""Where a shape has the size of an axis."""


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of the input from `left` up to `right` and from `top` up to `bottom`; it may reach beyond the image."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@lru_cache(maxsize=1024)
def receptive_field(architecture: Architecture, layer: str, row: int, column: int) -> Box:
    """The receptive field of the value at a row and a column of a layer, a block or a stage, as papers count it.

    It may be larger than the image: what padding adds counts as pixels beyond its edges. Behind a global pool or a
    linear layer it is the whole image. `ValueError` for a layer that the network lacks or never calls.
    """
    steps = _layers_up_to(architecture, layer)
    if any(_is_global(one) for one in steps):
        height, width = architecture.image_size
        return Box(0, 0, width, height)
    top, bottom = _trace_back(steps, (row, row), HEIGHT)
    left, right = _trace_back(steps, (column, column), WIDTH)
    return Box(left, top, right + 1, bottom + 1)


@lru_cache(maxsize=1024)
def pixels_read(architecture: Architecture, layer: str, row: int, column: int) -> Box:
    """The pixels of the image that the value really depends on: the field without padding, at any layer on the way,
    and without what no window reaches (AlexNet on 70 pixels never reads the last five). `ValueError` as
    `receptive_field`."""
    steps = _layers_up_to(architecture, layer)
    top, bottom = _trace_back(steps, (row, row), HEIGHT, within=True)
    left, right = _trace_back(steps, (column, column), WIDTH, within=True)
    return Box(left, top, right + 1, bottom + 1)


@lru_cache(maxsize=8192)
def network_field(architecture: Architecture) -> int:
    """Width in pixels of the receptive field of a value in the last maps, which a global pool averages.

    As papers count it, it may be larger than the image. With global attention it is the image's width.
    """
    return _residual_field(architecture) if isinstance(architecture, Residual) else _planned_field(architecture)


def passes_gate(architecture: Architecture, layer: str) -> bool:
    """Whether a value of that layer also depends on the whole image, through gates. `ValueError` as for the field."""
    return any(step.kind == "scale" for step in _layers_up_to(architecture, layer))


def _residual_field(architecture: Residual) -> int:
    """One pixel, and for each window k on the main path (k − 1) times the distance of two values of its input, which
    is the product of the strides before it (Araujo et al. 2019). Equal blocks in a row add the same."""
    field, jump = _widened(1, 1, stem_layers(architecture))
    for block, count in block_runs(architecture):
        wider, next_jump = _widened(field, jump, block_layers(block))
        field += count * (wider - field)
        jump = next_jump
    return field


def _widened(field: int, jump: int, layers: Sequence[Layer]) -> Span:
    """The field behind these layers and the distance of two values there, in pixels of the image."""
    for layer in layers:
        if layer.kernel and layer.on_main_path and layer.output != NOTHING:
            field += (layer.windows[1][0] - 1) * layer.dilation * jump
            jump *= layer.stride
    return field, jump


def _planned_field(architecture: Architecture) -> int:
    layers = [layer for layer in reversed(plan(architecture)) if layer.output != NOTHING]
    last = next((layer for layer in layers if layer.kernel or layer.kind == "attention"), layers[0])
    _, height, width = last.output
    return receptive_field(architecture, last.name, height // 2, width // 2).width


def _layers_up_to(architecture: Architecture, name: str) -> list[Layer]:
    """The layers that a value of that name has passed, first to last, each with those of its inputs that it follows.

    Where paths of a residual network join, that is the first: it is F(x), and a shortcut sees no pixel that F(x) does
    not see. Those of other networks are all followed.
    """
    layers = [layer for layer in plan(architecture) if layer.output != NOTHING]
    last = next((number for number in range(len(layers) - 1, -1, -1) if _is_part(layers[number], name)), -1)
    if last < 0:
        raise ValueError(f"layer {name!r} does not exist or is never called")
    wanted, passed = {layers[last].name}, []
    for layer in reversed(layers[: last + 1]):
        if layer.name in wanted:
            followed = layer.inputs[:1] if isinstance(architecture, Residual) else layer.inputs
            passed.append(layer._replace(inputs=followed))
            wanted.update(followed)
    return passed[::-1]


def _is_part(layer: Layer, name: str) -> bool:
    """Whether a name is that of a layer, or of a module that the layer is in."""
    return f"{layer.name}.".startswith(f"{name}.")


def _trace_back(steps: Sequence[Layer], span: Span, axis: int, *, within: bool = False) -> Span:
    """The span of the input that a span of the last layer's output depends on, along one axis; `within` every layer's
    own input, as padding has nothing behind it."""
    spans = {steps[-1].name: span}
    for layer in reversed(steps):
        first, last = _input_span(layer, spans[layer.name], axis, within=within)
        for name in layer.inputs or ("",):
            known = spans.get(name, (first, last))
            spans[name] = min(first, known[0]), max(last, known[1])
    return spans[""]


def _input_span(layer: Layer, span: Span, axis: int, *, within: bool) -> Span:
    first, last = span
    n_in, n_out = layer.input[axis], layer.output[axis]
    if within and _is_global(layer):
        first, last = 0, n_in - 1
    elif layer.kind == "attention":
        first, last = _windows(layer, span, axis)
    elif layer.kind == "average pool" and not layer.kernel:  # adaptive: equal shares of its input, rounded outwards
        first, last = first * n_in // n_out, -(-(last + 1) * n_in // n_out) - 1
    elif layer.kernel:
        kernel, padding = layer.windows[axis - HEIGHT]
        first = layer.stride * first - padding
        last = layer.stride * last - padding + layer.dilation * (kernel - 1)
    return (max(0, first), min(last, n_in - 1)) if within else (first, last)


def _windows(layer: Layer, span: Span, axis: int) -> Span:
    """The windows of attention that a span lies in; shifted ones end at the edges, and a single one isn't shifted."""
    n_in, side = layer.input[axis], layer.kernel
    shift = layer.padding if side < n_in else 0
    first, last = ((position - shift) // side * side + shift for position in span)
    return max(0, first), min(last + side, n_in) - 1


def _is_global(layer: Layer) -> bool:
    if layer.whole:
        return True
    if layer.kind == "attention":  # of all tokens, or of windows that are spread over the image
        return layer.layout != "channels last"
    pools = layer.kind in ("linear", "average pool", "dropout") and not layer.kernel
    return pools and layer.output[1:] == (1, 1)


def field_sides(architecture: Architecture) -> Mapping[str, tuple[int, int]]:
    """Height and width of the receptive field of one value of each layer that is called, as papers count it.

    They are found in one pass: a window of k adds k − 1 times the distance of its input's values, and its stride
    multiplies that distance. Where paths join, it is the largest field; gates don't count, and behind a global pool or
    a linear layer it is the image. Behind attention in windows it depends on the place of the value: these are left
    out.
    """
    known = _sides.get(architecture)
    return finish(field_steps(architecture)) if known is None else known


def field_steps(architecture: Architecture) -> Generator[None, None, Mapping[str, tuple[int, int]]]:
    """The same, with a yield now and then: a network may have tens of thousands of layers."""
    if (known_sides := _sides.get(architecture)) is not None:
        return known_sides
    layers = yield from plan_steps(architecture)
    fields: dict[str, _Field] = {"": _Field((1, 1), (1, 1))}
    for number, layer in enumerate(layers):
        if number % LAYERS_A_STEP == LAYERS_A_STEP - 1:
            yield
        if layer.output == NOTHING:
            continue
        followed = layer.inputs[:1] if isinstance(architecture, Residual) else layer.inputs
        before = [fields.get(name) for name in followed or ("",)]
        known = [field for field in before if field]
        if _is_global(layer):
            fields[layer.name] = _Field(architecture.image_size, (1, 1))
        elif known and len(known) == len(before) and layer.kind != "attention":
            fields[layer.name] = _through(layer, known)
    del fields[""]
    yield
    _sides[architecture] = found = {name: field.sides for name, field in fields.items()}
    if len(_sides) > MOST_CACHED:
        del _sides[next(iter(_sides))]
    return found


LAYERS_A_STEP, MOST_CACHED = 500, 16
_sides: dict[Architecture, Mapping[str, tuple[int, int]]] = {}


class _Field(NamedTuple):
    """The sides of a value's receptive field, and the distances of two neighboring values, in pixels."""

    sides: tuple[int, int]
    jumps: tuple[int, int]


def _through(layer: Layer, before: Sequence[_Field]) -> _Field:
    """The field behind a layer, which takes the outputs with these fields."""
    sides = [max(axis) for axis in zip(*(field.sides for field in before), strict=True)]
    jumps = [max(axis) for axis in zip(*(field.jumps for field in before), strict=True)]
    for axis, (kernel, _) in enumerate(layer.windows if layer.kernel else ()):
        sides[axis] += (kernel - 1) * layer.dilation * jumps[axis]
        jumps[axis] *= layer.stride
    return _Field((sides[0], sides[1]), (jumps[0], jumps[1]))
