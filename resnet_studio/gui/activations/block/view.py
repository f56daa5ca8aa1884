"""The Block tab: x, F(x), their sum and its ReLU as feature maps, and the layer responses over the depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.formatting import dimensions, significant
from resnet_studio.gui.activations.block.depth_panel import DepthPanel
from resnet_studio.gui.activations.block.panes import BlockMaps, BlockStepper, BlockTerm
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import empty_label, separator, set_names
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.common.tab_view import TabView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import MapStyle, Place
from resnet_studio.inference.values import ForwardResult, LayerMaps
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.block_tensors import BlockTensors, all_block_tensors
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import title

HINT = "click selects · wheel zooms · double-click resets"
RUNNING = "Running {} …"
NO_BLOCKS = "{} has no blocks. Choose a residual or plain network to see what its blocks add."
LONGEST_TEXT = (
    "channel 8888 · row 888, column 888 · "
    "F(x) −8.88e−8 × 8.88e−8 = −8.88e−8 + shortcut(x) −8.88e−8 = −8.88e−8 → 8.88e−8"
)
"""The longest text of the line of values."""
GATE_STYLE = MapStyle("fixed", "magma", (0.0, 1.0))
"""The colors of a gate, whose values are from 0 to 1."""
MAX_BAR_WIDTH, ONE_LINE_WIDTH = 24 * GRID, 50 * GRID
"""Maximum width of the color bar, and the width of the view from which it is in one line with the block's name."""
UPPER_MIN_HEIGHT, LOWER_MIN_HEIGHT, LOWER_HEIGHT = 40 * GRID, 29 * GRID, 31 * GRID
"""Minimum heights of the two halves, below which the view scrolls; initial height of the lower one."""
ROW_MIN_HEIGHT = 20 * GRID
"""Of each row of maps beyond two, which the upper half has room for."""


class BlockView(TabView):
    """Shows one block of a forward pass, and emits which block the user selects."""

    blockSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._architecture: Architecture | None = None
        self._tensors: BlockTensors | None = None
        self._result: ForwardResult | None = None
        self._place: Place | None = None
        self._terms: list[BlockTerm] = []
        self._stepper = BlockStepper()
        self._kind = set_names(ElidedLabel(), "blockKind", "Kind and shortcut")
        self._kind.setProperty("quiet", True)
        self._bar = ColorBar()
        self._bar.setMaximumWidth(MAX_BAR_WIDTH)
        self._maps = BlockMaps()
        self._readout = set_names(QLabel(HINT), "blockReadout", "Values under the cursor")
        self._readout.setProperty("quiet", True)
        self._empty = empty_label("blockEmpty")
        self.responses = DepthPanel()
        self._pages = QStackedWidget()
        self._lay_out()
        self._stepper.blockSelected.connect(self.blockSelected)
        self.responses.blockSelected.connect(self.blockSelected)
        self._maps.hovered.connect(self._show_values)
        self._maps.rowsChanged.connect(self._set_rows)

    def show_block(self, architecture: Architecture, tensors: BlockTensors | None) -> None:
        """Show which block of which network is selected; None for a network without blocks."""
        self._architecture, self._tensors = architecture, tensors
        if tensors is None:
            self._terms = []
            self._empty.setText(NO_BLOCKS.format(title(architecture)))
            self._pages.setCurrentWidget(self._empty)
            return
        self._stepper.show_blocks(tuple(all_block_tensors(architecture)), tensors.block)
        self._kind.set_text(block_kind(architecture, tensors))
        self.responses.show_block(tensors.block)
        self._empty.setText(RUNNING.format(tensors.block))
        self._show_values(self._place)
        if self._result is not None:
            self.show_result(self._result)

    def show_result(self, result: ForwardResult) -> None:
        """Show the block's tensors if the result has them; otherwise the previous ones stay."""
        self._result = result
        maps = {layer.name: layer for layer in result.layers}
        tensors = self._tensors
        if tensors is None or result.spec.architecture != self._architecture or not set(tensors.names) <= maps.keys():
            return
        before, self._terms = self._terms, block_terms(tensors, maps)
        if not before or before[0].maps.values.shape != self._terms[0].maps.values.shape:
            self._place = None
        self._pages.setCurrentIndex(0)
        max_abs = self._maps.show_terms(self._terms)
        self._bar.set_range("diverging", (-max_abs, max_abs))
        self._show_values(self._place)

    def show_problem(self, sentence: str) -> None:
        """Show why the forward pass failed, as long as there are no maps."""
        if self._tensors is not None:
            self._empty.setText(sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        self._head.setDirection(direction.LeftToRight if self.width() >= ONE_LINE_WIDTH else direction.TopToBottom)

    def _lay_out(self) -> None:
        self._head = head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        head.setSpacing(GRID)
        title_row = QHBoxLayout()
        title_row.setSpacing(GRID)
        title_row.addWidget(self._stepper)
        title_row.addWidget(self._kind, 1)
        head.addLayout(title_row, 1)
        head.addWidget(self._bar, 1)
        self._upper, lower = QWidget(), QWidget()
        above = QVBoxLayout(self._upper)
        above.setContentsMargins(0, 0, 0, GRID // 2)
        above.setSpacing(GRID)
        above.addLayout(head)
        above.addWidget(self._maps, 1)
        above.addWidget(FixedHeightLabel(self._readout, longest=LONGEST_TEXT))
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(GRID)
        below.addWidget(separator())
        below.addWidget(self.responses, 1)
        halves = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        halves.addWidget(self._upper)
        halves.addWidget(lower)
        self._set_rows(1)
        lower.setMinimumHeight(LOWER_MIN_HEIGHT)
        halves.setStretchFactor(0, 1)
        halves.setSizes([2 * LOWER_HEIGHT, LOWER_HEIGHT])
        scrolled = QScrollArea(widgetResizable=True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidget(halves)
        self._pages.addWidget(scrolled)
        self._pages.addWidget(self._empty)
        self._pages.setCurrentWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 0)
        column.addWidget(self._pages)

    def _set_rows(self, rows: int) -> None:
        self._upper.setMinimumHeight(UPPER_MIN_HEIGHT + max(0, rows - 2) * ROW_MIN_HEIGHT)

    def _show_values(self, place: Place | None) -> None:
        self._place = place
        if place is not None and self._terms:
            self._readout.setText(equation_text(self._terms, place))
        else:
            self._readout.setText(" · ".join(filter(None, (shapes_text(self._tensors) if self._tensors else "", HINT))))


def block_terms(tensors: BlockTensors, maps: dict[str, LayerMaps]) -> list[BlockTerm]:
    """The terms of the block's equation, x + F(x) = x + F(x) → ReLU; of a plain block x, F(x) → ReLU; with squeeze-and-
    excitation F(x) × gate = gated F(x) + x = sum → ReLU.

    Blocks that end with their sum, or plain ones with F(x), have no last term.
    """
    shortcut = "x" if tensors.plain or tensors.carries_x else "shortcut(x)"
    known = {
        tensors.output: ("→", "ReLU"),
        tensors.sum: ("=", "x + F(x)" if tensors.carries_x and not tensors.gate else "sum"),
        tensors.residual: ("" if tensors.plain else "+", "F(x)"),
    }
    if tensors.gate:
        known |= {tensors.residual: ("=", "gated F(x)"), tensors.ungated: ("", "F(x)"), tensors.gate: ("×", "gate")}
    usual = ("+" if tensors.gate and not tensors.plain else "", shortcut)
    prefix = f"{tensors.block}."
    if tensors.gate:
        maps = {**maps, tensors.gate: _over_pixels(maps[tensors.gate], maps[tensors.output])}
    return [
        BlockTerm(
            *known.get(name, usual), name.removeprefix(prefix), maps[name],
            GATE_STYLE if name == tensors.gate else None,
        )
        for name in tensors.names
    ]  # fmt: skip


def _over_pixels(gate: LayerMaps, output: LayerMaps) -> LayerMaps:
    """The maps of a gate, which has one value per channel, with that value at every position of the output."""
    return replace(gate, values=np.broadcast_to(gate.values, output.values.shape))


def equation_text(terms: list[BlockTerm], place: Place) -> str:
    """The values at one channel and position: "x 0.12 + F(x) −0.4 = −0.28 → 0"."""
    parts = [f"channel {place.channel} · row {place.row}, column {place.column} ·"]
    for number, term in enumerate(terms):
        value = significant(float(term.maps.values[place.channel, place.row, place.column]))
        name = f"{term.name} " if term.sign in ("", "+") else ""
        parts.append(f"{term.sign} {name}{value}" if term.sign else f"{'· ' * bool(number)}{name}{value}")
    return " ".join(parts)


def block_kind(architecture: Architecture, tensors: BlockTensors) -> str:
    """Kind and shortcut of the block: "bottleneck, projection"."""
    assert isinstance(architecture, Residual)
    return next(block.label for block in blocks(architecture) if block.name == tensors.block)


def shapes_text(tensors: BlockTensors) -> str:
    """The shape of the block's output, and of its input if that differs."""
    output = dimensions(tensors.output_shape)
    return (
        output if tensors.input_shape == tensors.output_shape else f"{output} · x is {dimensions(tensors.input_shape)}"
    )
