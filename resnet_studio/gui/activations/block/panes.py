"""The tensors of a block's equation as linked mosaics on one color scale, and the control that selects the block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.common.mosaic import LinkedMosaic
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import MapStyle, Place
from resnet_studio.inference.values import LayerMaps

MAX_TERMS, USUAL_TERMS = 6, 4
"""Most terms of an equation, with squeeze-and-excitation, and without it."""
MIN_WIDTH, TEXT_HEIGHT = 14 * GRID, 6 * GRID
"""Minimum width of a mosaic when all are in one row; height of the text above and below it."""
ONE_LINE_WIDTH = 26 * GRID
"""Width from which mean and standard deviation share a line."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockTerm:
    """A tensor and its term in the equation, such as "x" or "F(x)"."""

    sign: str
    """The operator before it: "+", "×", "=", "→", or empty."""
    name: str
    layer: str
    """The layer's name inside the block, such as "bn3"."""
    maps: LayerMaps
    style: MapStyle | None = None
    """Its own color scale, if it doesn't share that of the others."""


class BlockMaps(QWidget):
    """Zoom, framed channel and the position under the mouse are shared by all mosaics."""

    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    channelSelected = Signal(int)
    rowsChanged = Signal(int)
    """In how many rows the mosaics are."""

    def __init__(self) -> None:
        super().__init__()
        self._panes = [_Pane(number) for number in range(MAX_TERMS)]
        self._shown = self._rows = 0
        for pane in self._panes:
            pane.setParent(self)
            pane.hide()
            pane.mosaic.viewChanged.connect(lambda leader=pane: self._synchronize(leader))
            pane.mosaic.hovered.connect(lambda place, pane=pane: self._on_hovered(place, pane))
            pane.mosaic.tileSelected.connect(lambda channel, pane=pane: self._on_channel_selected(channel, pane))
        self.setMinimumSize(2 * MIN_WIDTH, 15 * GRID)

    def show_terms(self, terms: Sequence[BlockTerm]) -> float:
        """Show these terms, all of one shape; return the greatest absolute value, which ends the shared color scale."""
        max_abs = max((_max_abs(term.maps) for term in terms if term.style is None), default=0.0)
        style = MapStyle("fixed", "diverging", (-max_abs, max_abs))
        for number, pane in enumerate(self._panes):
            pane.setVisible(number < len(terms))
        if self._shown != len(terms):
            self._shown = len(terms)
            self._lay_out()
        for pane, term in zip(self._panes, terms, strict=False):
            with QSignalBlocker(pane.mosaic):  # shapes differ until all are set
                pane.show_term(term, term.style or style)
        if terms:
            self._synchronize(self._panes[0])
        return max_abs

    def channel(self) -> int:
        """The framed channel."""
        return self._panes[0].mosaic.tile()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """Lay all panes out in one row or two, or in three if there are many: as they are largest, with exactly equal
        sizes so that equal positions line up."""
        count = max(self._shown, 1)
        arrangements = [-(-count // rows) for rows in (1, 2, 3)[: 2 if count <= USUAL_TERMS else 3]]
        wide = [columns for columns in arrangements if self._size(count, columns).width() >= MIN_WIDTH]
        columns = max(wide or arrangements[-1:], key=lambda columns: self._mosaic_area(count, columns))
        size, rows = self._size(count, columns), -(-count // columns)
        if rows != self._rows:
            self._rows = rows
            self.rowsChanged.emit(rows)
        for number, pane in enumerate(self._panes[:count]):
            row, column = divmod(number, columns)
            x, y = column * (size.width() + 2 * GRID), row * (size.height() + GRID)
            pane.setGeometry(QRect(QPoint(x, y), size))

    def _size(self, count: int, columns: int) -> QSize:
        """The size of each of `count` panes with `across` of them in a row."""
        rows = -(-count // columns)
        return QSize((self.width() - (columns - 1) * 2 * GRID) // columns, (self.height() - (rows - 1) * GRID) // rows)

    def _mosaic_area(self, count: int, columns: int) -> int:
        size = self._size(count, columns)
        return size.width() * (size.height() - TEXT_HEIGHT)

    def _synchronize(self, leader: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            if pane is not leader:
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.sync_to(leader.mosaic)

    def _on_hovered(self, place: Place | None, hovered: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            pane.mosaic.set_marker(None if pane is hovered else place)
        self.hovered.emit(place)

    def _on_channel_selected(self, channel: int, selected: _Pane) -> None:
        for pane in self._panes[: self._shown]:
            if pane is not selected:
                pane.mosaic.show_tile(channel)
        self.channelSelected.emit(channel)


class _Pane(QWidget):
    def __init__(self, number: int) -> None:
        super().__init__()
        self._name = set_names(QLabel(), f"term{number}", "Term")
        self._name.setProperty("heading", True)
        self._layer = set_names(ElidedLabel(), f"termLayer{number}", "Layer")
        self._mean = set_names(ElidedLabel(), f"termMean{number}", "Mean")
        self._std = set_names(ElidedLabel(), f"termDeviation{number}", "Standard deviation")
        self._statistics = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for label in (self._layer, self._mean, self._std):
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
        column.addLayout(self._statistics)
        self._statistics.setSpacing(2)
        for label in (self._mean, self._std):
            self._statistics.addWidget(FixedHeightLabel(label))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        one_line = self.width() >= ONE_LINE_WIDTH
        self._statistics.setDirection(
            QBoxLayout.Direction.LeftToRight if one_line else QBoxLayout.Direction.TopToBottom
        )

    def show_term(self, term: BlockTerm, style: MapStyle) -> None:
        name = f"{term.sign}  {term.name}" if term.sign else term.name
        if (self._name.text(), self._layer.accessibleDescription()) != (name, term.layer):
            self._name.setText(name)
            self._layer.set_text(term.layer, term.maps.name, "")
            self.mosaic.setAccessibleName(f"Feature maps of {term.name}")
        self._mean.set_text(f"mean {significant(term.maps.mean)}", f"mean {term.maps.mean!r}")
        self._std.set_text(f"std {significant(term.maps.std)}", f"std {term.maps.std!r}")
        self.mosaic.set_values(term.maps.values, style)


def _max_abs(maps: LayerMaps) -> float:
    """The greatest finite absolute value, 0 if there is none."""
    values = maps.values
    max_abs = max(float(values.max()), -float(values.min()))
    if np.isfinite(max_abs):
        return max_abs
    finite = values[np.isfinite(values)]
    return float(np.abs(finite).max()) if finite.size else 0.0


class BlockStepper(QWidget):
    """The arrow keys and the arrow buttons step through the blocks; the name opens a list of all."""

    blockSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "blockStepper", "Block")
        self._blocks: tuple[str, ...] = ()
        self._previous = self._make_button("◀", "blockBefore", "Previous block (←)", -1)
        self._next = self._make_button("▶", "blockAfter", "Next block (→)", 1)
        self._list = _BlockComboBox({}, "blockChoice", "Block", "Current block; ← and → step through the blocks")
        self._list.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._list.setMinimumWidth(14 * GRID)  # fits the longest name, layer6.999
        self._list.valueSelected.connect(self.blockSelected)
        self._list.stepped.connect(self._step)
        self.setFocusProxy(self._list)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self._previous, self._list, self._next):
            row.addWidget(widget)

    def show_blocks(self, blocks: Sequence[str], block: str) -> None:
        """Offer these blocks, in order, and show one as selected."""
        if self._blocks != tuple(blocks):
            self._blocks = tuple(blocks)
            self._list.set_values({name: name for name in blocks})
        self._list.set_value(block)
        self._previous.setEnabled(block in self._blocks[1:])
        self._next.setEnabled(block in self._blocks[:-1])

    def _make_button(self, text: str, name: str, tip: str, step: int) -> QToolButton:
        button = set_names(QToolButton(), name, tip.partition(" (")[0], tip)
        button.setText(text)
        button.setAutoRaise(True)
        button.setFixedWidth(4 * GRID)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the list has the keyboard focus
        button.clicked.connect(lambda: self._step(step))
        return button

    def _step(self, step: int) -> None:
        number = self._blocks.index(self._list.value()) + step
        if 0 <= number < len(self._blocks):
            self.blockSelected.emit(self._blocks[number])


class _BlockComboBox(ComboBox):
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or event.modifiers() & Qt.KeyboardModifier.AltModifier:  # Alt+arrow opens the list
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)
