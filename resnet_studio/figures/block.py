"""One residual block from inside: its layers, its shortcut, and their sum, as in Figures 2 and 5 of He et al. 2015.

Needs neither torch nor Qt. The blocks of several networks stand next to each other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.drawing import Arc, Box, Brace, Drawing, Fill, Item, Label, Line, Point, Rect
from resnet_studio.figures.elements import layer_text
from resnet_studio.figures.legend import JOINTS, color_entries, least_width, legend
from resnet_studio.figures.options import FigureOptions, headings
from resnet_studio.figures.shapes import rounded
from resnet_studio.figures.text_metrics import SPARE, text_width
from resnet_studio.formatting import dimensions
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.family import Block
from resnet_studio.networks.layers import Layer, Shape
from resnet_studio.networks.plan import block_layers, blocks
from resnet_studio.networks.presets import title

MARGIN = 14.0
HEIGHTS = {"conv": 16.0, "linear": 16.0}
LOW = 12.5
"""Height of the boxes of other layers."""
GAP = 11.0
"""From a box to the next."""
PADDING = 7.0
TEXT, HEADING, DETAIL, FORMULA = 7.5, 8.5, 6.2, 8.5
"""Sizes of the texts."""
CIRCLE = 6.5
"""Radius of the sum's and of the scale's circle."""
SIDE_GAP = 16.0
"""From the main path's boxes to a branch's."""
CORNER = 8.0
PANEL_GAP = 26.0
BRACE = 5.0
NAMES = {"batch norm": "batch norm", "relu": "ReLU", "sigmoid": "sigmoid", "zero pad": "zero padding"}


@dataclass(frozen=True, slots=True)
class _Node:
    """A box or a circle."""

    layer: Layer
    rect: Rect


@dataclass
class _Panel:
    """A block, and where its parts are."""

    index: int
    block: Block
    heading: str
    option: str
    left: float = 0.0
    top: float = 0.0
    nodes: dict[str, _Node] = field(default_factory=dict)

    @cached_property
    def layers(self) -> list[Layer]:
        return [layer for layer in block_layers(self.block) if layer.called]

    @cached_property
    def main(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.on_main_path]

    @cached_property
    def side(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.role == "shortcut"]

    @cached_property
    def gate(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.role == "gate"]

    @property
    def has_sum(self) -> bool:
        return self.block.shortcut != "none"

    @property
    def details(self) -> str:
        return f"{self.block.name}: {self.block.label}"

    @cached_property
    def widths(self) -> tuple[float, float, float]:
        """Widths of the boxes of the gate, of the main path and of the shortcut."""
        main = max(60.0, _box_width(layer for layer in self.main if not _is_circle(layer)))
        return _box_width(self.gate), main, _box_width(self.side)

    @cached_property
    def center(self) -> float:
        """x of the main path."""
        gate, main, _ = self.widths
        before = BRACE + 6 + SPARE * text_width("F(x)", FORMULA) + 6
        return self.left + max(before + (gate + SIDE_GAP if gate else 0) + main / 2, self._text_half)

    @property
    def _text_half(self) -> float:
        """Half of the widest text that stands over the main path."""
        return max(
            SPARE * text_width(self.heading, HEADING, bold=True), SPARE * text_width(self.details, DETAIL)
        ) / 2  # fmt: skip

    @property
    def gate_x(self) -> float:
        gate, main, _ = self.widths
        return self.center - main / 2 - SIDE_GAP - gate / 2

    @property
    def side_x(self) -> float:
        _, main, side = self.widths
        return self.center + main / 2 + SIDE_GAP + side / 2

    @property
    def right(self) -> float:
        text = max((SPARE * text_width(line, size) for line, size in self.side_lines), default=0.0)
        side = self.side_x + max(self.widths[2] / 2, 5 + text)
        return max(side if self.has_sum else 0.0, self.center + max(self.widths[1] / 2, self._text_half))

    @property
    def side_lines(self) -> tuple[tuple[str, float], ...]:
        """What stands beside the shortcut, with the sizes of the text."""
        if self.block.shortcut == "identity":
            return (("x", FORMULA), ("identity", TEXT))
        return ((f"option {self.option}", DETAIL),) if self.has_sum else ()

    @property
    def bottom(self) -> float:
        return max(node.rect.bottom for node in self.nodes.values()) + GAP + 4 + FORMULA


def block_steps(
    architectures: Sequence[Architecture], options: FigureOptions, coloring: Coloring | None = None
) -> Generator[None, None, Drawing]:
    """The drawing, with a yield now and then.

    `ValueError` for a network without residual blocks, and for one that has none of the name in the options.
    """
    panels: list[_Panel] = []
    left = MARGIN
    for index, (architecture, heading) in enumerate(zip(architectures, headings(architectures), strict=True)):
        block = _chosen(architecture, options.block)
        panel = _Panel(index, block, heading, getattr(architecture, "shortcut", ""), left, MARGIN)
        _place(panel)
        panels.append(panel)
        left = panel.right + PANEL_GAP
        yield
    largest = _largest(panels, coloring)
    items = [item for panel in panels for item in _panel_items(panel, coloring, largest)]
    rows = [color_entries(coloring, largest, ())] if coloring else []
    width = max([panels[-1].right, least_width(rows) + MARGIN]) + MARGIN
    bottom = max(panel.bottom for panel in panels)
    below, height = legend(rows, MARGIN, bottom + 8, width - 2 * MARGIN)
    names = ", ".join(f"{panel.block.name} of {panel.heading}" for panel in panels)
    return Drawing(
        width, bottom + (8 + height if below else 0) + MARGIN, (*items, *below), names,
        " ".join(map(_description, panels)), tuple({} for _ in panels),
    )  # fmt: skip


def _chosen(architecture: Architecture, name: str) -> Block:
    """The block of that name; without one the first that changes nothing, or the first."""
    if not isinstance(architecture, Residual):
        raise ValueError(f"{title(architecture)} has no residual blocks, of which one could be drawn")
    known = blocks(architecture)
    if not name:
        return next((block for block in known[:2] if block.shortcut == "identity"), known[0])
    found = next((block for block in known if block.name == name), None)
    if found is None:
        raise ValueError(
            f"{title(architecture)} has no block {name!r}: its blocks are {known[0].name} … {known[-1].name}"
        )
    return found


def _description(panel: _Panel) -> str:
    """The block in a sentence."""
    layers = ", ".join(_text(layer) for layer in panel.main)
    around = f"; shortcut: {JOINTS[panel.block.shortcut]}" if panel.has_sum else ""
    return f"{panel.block.name} of {panel.heading}: {layers}{around}."


def _text(layer: Layer) -> str:
    if layer.kind == "add":
        return "+"
    if layer.kind == "scale":
        return "×"
    if layer.kind == "zero pad":
        stride = f", /{layer.stride}" if layer.stride > 1 else ""
        return f"zero padding, {layer.output[0]}{stride}"
    if layer.role == "gate" and layer.kind == "conv":
        return f"fc {layer.output[0]}"
    if layer.role == "gate" and layer.kind == "average pool":
        return "global avg pool"
    if layer.kind == "average pool":
        return f"{layer.kernel_text} {layer_text(layer)}"
    return NAMES.get(layer.kind) or layer_text(layer)


def _is_circle(layer: Layer) -> bool:
    return layer.kind in ("add", "scale")


def _box_width(layers: Sequence[Layer] | Iterator[Layer]) -> float:
    """The width of the boxes of some layers; 0 without any."""
    return max((SPARE * text_width(_text(layer), TEXT) + 2 * PADDING for layer in layers), default=0.0)


def _height(layer: Layer) -> float:
    return 2 * CIRCLE if _is_circle(layer) else HEIGHTS.get(layer.kind, LOW)


def _place(panel: _Panel) -> None:
    """Place the boxes of a panel from top to bottom."""
    y = panel.top + HEADING * 1.25 + DETAIL * 1.3 + 12 + FORMULA + GAP + 4
    for number, layer in enumerate(panel.main):
        if layer.kind == "scale":
            y = _place_branch(panel, panel.gate, panel.gate_x, panel.widths[0], y + GAP / 2) + GAP
        if number and _leaves_behind(panel, panel.main[number - 1]):
            y += GAP / 2
        width = 2 * CIRCLE if _is_circle(layer) else panel.widths[1]
        panel.nodes[layer.name] = _Node(layer, Rect(panel.center - width / 2, y, width, _height(layer)))
        y += _height(layer) + GAP
    if panel.side:
        start, end = _junction(panel), panel.nodes[_sum(panel).name].rect.center[1]
        height = sum(_height(layer) + GAP for layer in panel.side) - GAP
        _place_branch(panel, panel.side, panel.side_x, panel.widths[2], (start + end - height) / 2)


def _leaves_behind(panel: _Panel, layer: Layer) -> bool:
    """Whether the shortcut leaves the main path behind this layer."""
    return bool(panel.side) and panel.side[0].inputs[:1] == (layer.name,)


def _place_branch(panel: _Panel, layers: Sequence[Layer], x: float, width: float, y: float) -> float:
    """Place the boxes of a branch, and return where they end."""
    for layer in layers:
        panel.nodes[layer.name] = _Node(layer, Rect(x - width / 2, y, width, _height(layer)))
        y += _height(layer) + GAP
    return y - GAP


def _sum(panel: _Panel) -> Layer:
    return next(layer for layer in panel.main if layer.kind == "add")


def _junction(panel: _Panel) -> float:
    """y at which the shortcut leaves the main path: above the block's layers, or behind the one that it takes."""
    source = panel.side[0].inputs[0] if panel.side and panel.side[0].inputs else ""
    if source in panel.nodes:
        return panel.nodes[source].rect.bottom + 0.55 * GAP
    return panel.nodes[panel.main[0].name].rect.y - 0.6 * GAP - 2


def _largest(panels: Sequence[_Panel], coloring: Coloring | None) -> float:
    if not coloring:
        return 0.0
    numbers = (coloring.value(panel.index, (layer.name,)) for panel in panels for layer in panel.layers)
    return max((number for number in numbers if number is not None), default=0.0)


def _panel_items(panel: _Panel, coloring: Coloring | None, largest: float) -> Iterator[Item]:
    yield from _heading(panel)
    yield from _main_path(panel)
    if panel.gate:
        yield from _gate_path(panel)
    if panel.has_sum:
        yield from _shortcut(panel)
    for node in panel.nodes.values():
        yield _box(panel, node, coloring, largest)
    yield from _formulas(panel)


def _heading(panel: _Panel) -> Iterator[Item]:
    y = panel.top + HEADING / 2
    yield Label(panel.heading, panel.center, y, HEADING, bold=True)
    yield Label(panel.details, panel.center, y + HEADING * 1.25, DETAIL, tone="muted")


def _box(panel: _Panel, node: _Node, coloring: Coloring | None, largest: float) -> Box:
    layer, fill, value = node.layer, _kind(node.layer), ""
    if coloring:
        number = coloring.value(panel.index, (layer.name,))
        fill = None if number is None else number / largest if largest else 0.0
        value = "" if number is None else coloring.text(number)
    radius, size = (CIRCLE, 9.0) if _is_circle(layer) else (1.5, TEXT)
    return Box(
        node.rect, (_text(layer),), (layer.name,), panel.index, layer.stage, fill, size=size, radius=radius,
        value=value,
    )  # fmt: skip


def _kind(layer: Layer) -> Fill:
    """The palette's key for what a layer does."""
    if _is_circle(layer):
        return "sum"
    if layer.role == "gate":
        return "gate"
    return "pool" if layer.kind == "average pool" else layer.kind


def _main_path(panel: _Panel) -> Iterator[Item]:
    """The arrows from x through the layers to the output, with the shapes of both."""
    x, nodes = panel.center, [panel.nodes[layer.name].rect for layer in panel.main]
    top = nodes[0].y - GAP - 4
    yield Label("x", x, top - FORMULA / 2 - 1, FORMULA, italic=True)
    yield Label(_shape(panel.main[0].input), x - 8, top - FORMULA / 2 - 1, DETAIL, "end", tone="muted")
    yield Line(((x, top), (x, nodes[0].y)), arrow=True)
    for rect, following in pairwise(nodes):
        yield Line(((x, rect.bottom), (x, following.y)), arrow=True)
    bottom = nodes[-1].bottom
    yield Line(((x, bottom), (x, bottom + GAP + 2)), arrow=True)
    yield Label(_shape(panel.main[-1].output), x, bottom + GAP + 4 + FORMULA / 2, DETAIL, tone="muted")


def _shape(shape: Shape) -> str:
    """ "256@56×56"."""
    return f"{shape[0]}@{dimensions(shape[1:])}"


def _gate_path(panel: _Panel) -> Iterator[Item]:
    """From behind the convolutions through the gate's layers to the scale."""
    scale = next(layer for layer in panel.main if layer.kind == "scale")
    source, target = panel.nodes[scale.inputs[0]].rect, panel.nodes[scale.name].rect
    rects = [panel.nodes[layer.name].rect for layer in panel.gate]
    start, x = source.bottom + 0.45 * GAP, panel.gate_x
    names = tuple(layer.name for layer in panel.gate)
    yield from _branch(panel, [(panel.center, start), (x, start)], rects, (target.x, target.center[1]), names)


def _shortcut(panel: _Panel) -> Iterator[Item]:
    """From the main path around the layers to the sum, through layers of its own where it has some."""
    target, x, start = panel.nodes[_sum(panel).name].rect, panel.side_x, _junction(panel)
    rects = [panel.nodes[layer.name].rect for layer in panel.side]
    names = tuple(layer.name for layer in panel.side)
    yield from _branch(panel, [(panel.center, start), (x, start)], rects, (target.right, target.center[1]), names)
    y = (start + target.center[1]) / 2 if not rects else (start + rects[0].y) / 2 + 3
    for number, (text, size) in enumerate(panel.side_lines):
        offset = (number - (len(panel.side_lines) - 1) / 2) * 10
        yield Label(text, x + 5, y + offset, size, "start", italic=text == "x", tone="text" if rects == [] else "muted")


def _branch(
    panel: _Panel, way: list[Point], rects: Sequence[Rect], end: Point, names: tuple[str, ...]
) -> Iterator[Item]:
    """A way to the side, down through boxes, and back to the main path."""
    x = way[-1][0]
    dotted = panel.block.stride > 1 or panel.block.channels_in != panel.block.channels_out
    dotted = dotted and names != tuple(layer.name for layer in panel.gate)
    for before, rect in zip((None, *rects), rects, strict=False):
        points = [(x, before.bottom), (x, rect.y)] if before else [*way, (x, rect.y)]
        yield Arc(rounded(points, CORNER), dotted, panel.block.name, panel.block.shortcut, panel.index, names=names)
    last = [(x, rects[-1].bottom)] if rects else way
    points = [*last, (x, end[1]), end]
    yield Arc(rounded(points, CORNER), dotted, panel.block.name, panel.block.shortcut, panel.index, names=names)


def _formulas(panel: _Panel) -> Iterator[Item]:
    """F(x) with a brace over its layers, and the sum."""
    residual = [layer for layer in panel.main if layer.role not in ("add", "output")]
    rects = [panel.nodes[layer.name].rect for layer in (*residual, *panel.gate)]
    left = min(rect.x for rect in rects) - 5
    top, bottom = min(rect.y for rect in rects), max(rect.bottom for rect in rects)
    yield Brace((left, bottom), (left, top), BRACE, "muted")
    yield Label("F(x)", left - BRACE - 3, (top + bottom) / 2, FORMULA, "end", italic=True)
    if panel.has_sum:
        rect = panel.nodes[_sum(panel).name].rect
        x = "Wx" if panel.block.shortcut in ("projection", "pooled projection") else "x"
        yield Label(f"F(x) + {x}", rect.x - 5, rect.center[1], FORMULA, "end", italic=True)
