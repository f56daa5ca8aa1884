"""The Block page: x, F(x), their sum and what the ReLU leaves of it, and the strength of F(x) over the depth."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
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

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.block.depth_panel import DepthPanel
from resnet_studio.gui.activations.block.panes import BlockMaps, BlockStepper, BlockTerm
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.values import ForwardResult, LayerMaps
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.block_tensors import BlockTensors, all_blocks
from resnet_studio.networks.plan import Shape, blocks
from resnet_studio.networks.presets import title

HINT = "click chooses · wheel zooms · double-click resets"
ON_ITS_WAY = "{} is on its way through the network …"
NO_BLOCKS = "{} has no blocks: take a residual or a plain network in hand to see what its blocks add."
LONGEST = "channel 8888 · row 888, column 888 · shortcut(x) −8.88e−8 + F(x) −8.88e−8 = −8.88e−8 → 8.88e−8"
"""What the line of values may have to hold."""
BAR, BROAD = 24 * GRID, 50 * GRID
"""Greatest width of the colour bar, and from which width of the page on it stands beside the block's name."""
UPPER, LOWER, DEPTH = 40 * GRID, 29 * GRID, 31 * GRID
"""Height of both parts at least, below which the page scrolls; of the lower one at first."""


class BlockView(QWidget):
    """Shows one block of a look, and emits which block the user wants."""

    entered = Signal(bool)
    """The page is on the screen now, or no longer."""
    block_chosen = Signal(str)
    twin_weights_wished = Signal(object)
    """A `WeightsSource`, or None for random ones."""

    def __init__(self) -> None:
        super().__init__()
        self._architecture: Architecture | None = None
        self._paths: BlockTensors | None = None
        self._look: ForwardResult | None = None
        self._place: Place | None = None
        self._terms: list[BlockTerm] = []
        self._stepper = BlockStepper()
        self._kind = named(ElidedLabel(), "blockKind", "Kind and shortcut")
        self._kind.setProperty("quiet", True)
        self._bar = ColorBar()
        self._bar.setMaximumWidth(BAR)
        self._maps = BlockMaps()
        self._readout = named(QLabel(HINT), "blockReadout", "Values under the mouse")
        self._readout.setProperty("quiet", True)
        self._empty = named(QLabel(wordWrap=True), "blockEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self.responses = DepthPanel()
        self._pages = QStackedWidget()
        self._lay_out()
        self._stepper.chosen.connect(self.block_chosen)
        self.responses.block_chosen.connect(self.block_chosen)
        self.responses.weights_wished.connect(self.twin_weights_wished)
        self._maps.hovered.connect(self._read)

    def show_block(self, architecture: Architecture, paths: BlockTensors | None) -> None:
        """Show which block of which network is looked at; None in one that has no blocks."""
        self._architecture, self._paths = architecture, paths
        if paths is None:
            self._terms = []
            self._empty.setText(NO_BLOCKS.format(title(architecture)))
            self._pages.setCurrentWidget(self._empty)
            return
        self._stepper.show_blocks(tuple(all_blocks(architecture)), paths.block)
        self._kind.say(kind(architecture, paths))
        self.responses.show_block(paths.block)
        self._empty.setText(ON_ITS_WAY.format(paths.block))
        self._read(self._place)
        if self._look is not None:
            self.show_look(self._look)

    def show_look(self, look: ForwardResult) -> None:
        """Show the block's tensors where the look holds them; else what is there stays."""
        self._look = look
        maps = {one.name: one for one in look.layers}
        paths = self._paths
        if paths is None or look.subject.architecture != self._architecture or not set(paths.names) <= maps.keys():
            return
        before, self._terms = self._terms, terms(paths, maps)
        if not before or before[0].maps.values.shape != self._terms[0].maps.values.shape:
            self._place = None
        self._pages.setCurrentIndex(0)
        greatest = self._maps.show_terms(self._terms)
        self._bar.show_range("diverging", (-greatest, greatest))
        self._read(self._place)

    def show_problem(self, sentence: str) -> None:
        """Say why there is no look, as long as there is none."""
        if self._paths is not None:
            self._empty.setText(sentence)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's names)
        super().showEvent(event)
        if not event.spontaneous():
            self.entered.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        if not event.spontaneous():
            self.entered.emit(False)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        direction = QBoxLayout.Direction
        self._head.setDirection(direction.LeftToRight if self.width() >= BROAD else direction.TopToBottom)

    def _lay_out(self) -> None:
        self._head = head = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        head.setSpacing(GRID)
        beside = QHBoxLayout()
        beside.setSpacing(GRID)
        beside.addWidget(self._stepper)
        beside.addWidget(self._kind, 1)
        head.addLayout(beside, 1)
        head.addWidget(self._bar, 1)
        upper, lower = QWidget(), QWidget()
        above = QVBoxLayout(upper)
        above.setContentsMargins(0, 0, 0, GRID // 2)
        above.setSpacing(GRID)
        above.addLayout(head)
        above.addWidget(self._maps, 1)
        above.addWidget(FixedHeightLabel(self._readout, longest=LONGEST))
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(GRID)
        below.addWidget(rule())
        below.addWidget(self.responses, 1)
        halves = QSplitter(Qt.Orientation.Vertical, childrenCollapsible=False)
        halves.addWidget(upper)
        halves.addWidget(lower)
        upper.setMinimumHeight(UPPER)
        lower.setMinimumHeight(LOWER)
        halves.setStretchFactor(0, 1)
        halves.setSizes([2 * DEPTH, DEPTH])
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

    def _read(self, place: Place | None) -> None:
        self._place = place
        if place is not None and self._terms:
            self._readout.setText(equation(self._terms, place))
        else:
            self._readout.setText(" · ".join(filter(None, (shapes(self._paths) if self._paths else "", HINT))))


def terms(paths: BlockTensors, maps: dict[str, LayerMaps]) -> list[BlockTerm]:
    """The block's equation, x + F(x) = x + F(x) → ReLU; of a plain block F(x) → ReLU, beside its x."""
    first = "x" if paths.plain or paths.carries_x else "shortcut(x)"
    known = {
        paths.residual: ("" if paths.plain else "+", "F(x)"),
        paths.sum: ("=", "x + F(x)" if paths.carries_x else "sum"),
        paths.output: ("→", "ReLU"),
    }
    inside = f"{paths.block}."
    return [BlockTerm(*known.get(name, ("", first)), name.removeprefix(inside), maps[name]) for name in paths.names]


def equation(shown: list[BlockTerm], place: Place) -> str:
    """The values of one channel and place: "x 0.12 + F(x) −0.4 = −0.28 → 0"."""
    told = [f"channel {place.channel} · row {place.row}, column {place.column} ·"]
    for number, term in enumerate(shown):
        value = significant(float(term.maps.values[place.channel, place.row, place.column]))
        name = f"{term.name} " if term.sign in ("", "+") else ""
        told.append(f"{term.sign} {name}{value}" if term.sign else f"{'· ' * bool(number)}{name}{value}")
    return " ".join(told)


def kind(architecture: Architecture, paths: BlockTensors) -> str:
    """What the block is: "bottleneck, projection"."""
    assert isinstance(architecture, Residual)
    return next(block.label for block in blocks(architecture) if block.name == paths.block)


def shapes(paths: BlockTensors) -> str:
    """What the block gives, and what it gets where that has another shape."""
    told = shape(paths.output_shape)
    return told if paths.input_shape == paths.output_shape else f"{told} · x is {shape(paths.input_shape)}"


def shape(of: Shape) -> str:
    return "×".join(map(str, of))
