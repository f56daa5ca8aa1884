"""The tensors of a block's equation as mosaics on one colour scale, which move together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.common.linked_mosaic import LinkedMosaic
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import MapStyle, Place
from resnet_studio.inference.values import LayerMaps

MOST = 4
NARROWEST, WORDS = 14 * GRID, 6 * GRID
"""Width of a mosaic, at least, where they stand in one row; height of the words over and under it."""
BROAD = 26 * GRID
"""Width from which mean and deviation stand in one line."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockTerm:
    """A tensor and its part in the equation: "x", "F(x)"."""

    sign: str
    """What stands before it: "+", "=", "→"."""
    name: str
    layer: str
    """What the tensor is called inside the block: "bn3"."""
    maps: LayerMaps


class BlockMaps(QWidget):
    """Any one's zoom, channel and place under the mouse are those of all."""

    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    channel_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._panes = [_Pane(number) for number in range(MOST)]
        self._shown = 0
        for pane in self._panes:
            pane.setParent(self)
            pane.hide()
            pane.mosaic.moved.connect(lambda leader=pane: self._follow(leader))
            pane.mosaic.hovered.connect(lambda place, under=pane: self._mark(place, under))
            pane.mosaic.channel_chosen.connect(lambda channel, of=pane: self._choose(channel, of))
        self.setMinimumSize(2 * NARROWEST, 15 * GRID)

    def show_terms(self, terms: Sequence[BlockTerm]) -> float:
        """Show these, all of one shape; the value of the last colour, which is the greatest of all without its sign."""
        greatest = max((_greatest(term.maps) for term in terms), default=0.0)
        drawing = MapStyle("fixed", "diverging", (-greatest, greatest))
        for number, pane in enumerate(self._panes):
            pane.setVisible(number < len(terms))
        if self._shown != len(terms):
            self._shown = len(terms)
            self._lay_out()
        for pane, term in zip(self._panes, terms, strict=False):
            with QSignalBlocker(pane.mosaic):  # on the way they are of different shapes
                pane.show_term(term, drawing)
        if terms:
            self._follow(self._panes[0])
        return greatest

    def channel(self) -> int:
        """The channel that is framed."""
        return self._panes[0].mosaic.channel()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """All get the very same size, so that the same values lie at the same points."""
        count = max(self._shown, 1)
        one_row, two_rows = self._size(count, count), self._size(count, -(-count // 2))
        roomy = one_row.width() * (one_row.height() - WORDS) >= two_rows.width() * (two_rows.height() - WORDS)
        across, size = (count, one_row) if roomy and one_row.width() >= NARROWEST else (-(-count // 2), two_rows)
        for number, pane in enumerate(self._panes[:count]):
            row, column = divmod(number, across)
            x, y = column * (size.width() + 2 * GRID), row * (size.height() + GRID)
            pane.setGeometry(QRect(QPoint(x, y), size))

    def _size(self, count: int, across: int) -> QSize:
        """Of each of so many, with so many in a row."""
        down = -(-count // across)
        return QSize((self.width() - (across - 1) * 2 * GRID) // across, (self.height() - (down - 1) * GRID) // down)

    def _follow(self, leader: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            if pane is not leader:
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.follow(leader.mosaic)

    def _mark(self, place: Place | None, under: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            pane.mosaic.show_place(None if pane is under else place)
        self.hovered.emit(place)

    def _choose(self, channel: int, of: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            if pane is not of:
                pane.mosaic.show_channel(channel)
        self.channel_chosen.emit(channel)


class _Pane(QWidget):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._name = named(QLabel(), f"term{number}", "Part of the equation")
        self._name.setProperty("heading", True)
        self._layer = named(ElidedLabel(), f"termLayer{number}", "Layer")
        self._mean = named(ElidedLabel(), f"termMean{number}", "Mean")
        self._deviation = named(ElidedLabel(), f"termDeviation{number}", "Deviation")
        self._numbers = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for label in (self._layer, self._mean, self._deviation):
            label.setProperty("quiet", True)
        self.mosaic = LinkedMosaic()
        heading = QHBoxLayout()
        heading.setSpacing(GRID)
        heading.addWidget(self._name)
        heading.addWidget(self._layer, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(heading)
        column.addWidget(self.mosaic, 1)
        column.addLayout(self._numbers)
        self._numbers.setSpacing(2)
        for label in (self._mean, self._deviation):
            self._numbers.addWidget(FixedHeightLabel(label))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        broad = self.width() >= BROAD
        self._numbers.setDirection(QBoxLayout.Direction.LeftToRight if broad else QBoxLayout.Direction.TopToBottom)

    def show_term(self, term: BlockTerm, drawing: MapStyle) -> None:
        name = f"{term.sign}  {term.name}" if term.sign else term.name
        if (self._name.text(), self._layer.accessibleDescription()) != (name, term.layer):
            self._name.setText(name)
            self._layer.say(term.layer, term.maps.name, "")
            self.mosaic.setAccessibleName(f"Feature maps of {term.name}")
        self._mean.say(f"mean {significant(term.maps.mean)}", f"mean {term.maps.mean!r}")
        self._deviation.say(f"deviation {significant(term.maps.std)}", f"deviation {term.maps.std!r}")
        self.mosaic.show_values(term.maps.values, drawing)


def _greatest(maps: LayerMaps) -> float:
    """The greatest absolute value that is a number."""
    values = maps.values
    greatest = max(float(values.max()), -float(values.min()))
    if np.isfinite(greatest):
        return greatest
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


class BlockStepper(QWidget):
    """The arrow keys walk the blocks, as do the arrows beside the block's name; the name opens a list of all."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        named(self, "blockStepper", "Block")
        self._blocks: tuple[str, ...] = ()
        self._back = self._arrow("◀", "blockBefore", "The block before (←)", -1)
        self._on = self._arrow("▶", "blockAfter", "The block after (→)", 1)
        self._list = _Blocks({}, "blockChoice", "Block", "The block that is looked at; ← and → walk the blocks")
        self._list.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._list.setMinimumWidth(14 * GRID)  # of the longest name, layer6.999
        self._list.chosen.connect(self.chosen)
        self._list.stepped.connect(self._step)
        self.setFocusProxy(self._list)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self._back, self._list, self._on):
            row.addWidget(widget)

    def show_blocks(self, blocks: Sequence[str], block: str) -> None:
        """Offer these blocks, in order, and show one as chosen."""
        if self._blocks != tuple(blocks):
            self._blocks = tuple(blocks)
            self._list.show_values({name: name for name in blocks})
        self._list.show_value(block)
        self._back.setEnabled(block in self._blocks[1:])
        self._on.setEnabled(block in self._blocks[:-1])

    def _arrow(self, text: str, name: str, tip: str, step: int) -> QToolButton:
        button = named(QToolButton(), name, tip.partition(" (")[0], tip)
        button.setText(text)
        button.setAutoRaise(True)
        button.setFixedWidth(4 * GRID)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the name beside it has the keys
        button.clicked.connect(lambda: self._step(step))
        return button

    def _step(self, step: int) -> None:
        number = self._blocks.index(self._list.value()) + step
        if 0 <= number < len(self._blocks):
            self.chosen.emit(self._blocks[number])


class _Blocks(ComboBox):
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or event.modifiers() & Qt.KeyboardModifier.AltModifier:  # which opens the list
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)
