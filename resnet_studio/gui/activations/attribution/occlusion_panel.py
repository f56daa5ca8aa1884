"""What would flip it: a grey square over the input, the class's probability at each position, and who wins there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.formatting import percent
from resnet_studio.gui.activations.attribution.overlay import OverlayView, StrengthSlider
from resnet_studio.gui.activations.attribution.panel import HEIGHT, UNTRAINED, below, empty_state, time_taken
from resnet_studio.gui.common.button_feedback import hold
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import take_when_whole
from resnet_studio.gui.common.labels import FixedHeightLabel, in_html, tooltip
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import (
    NOT_YET,
    Covered,
    Sweep,
    changed_since,
    edges,
    heat,
    starts,
    sweep_drawing,
    uncovered,
    usual_patch,
)
from resnet_studio.inference.values import ForwardSpec

EMPTY = "Start slides a grey square over the image and shows where the class depends on what it covers."
HINT = "hover reads a position · a click puts the occluder there"
MOST_LISTED, MOST_LOWEST = 200, 10
PLACE = Qt.ItemDataRole.UserRole


class OcclusionPanel(QWidget):
    """Emits how to sweep, and where the occluder is wished for."""

    sweep_wished = Signal(int, int)
    """Side and stride of the square in pixels of the input."""
    cancel_wished = Signal()
    occluder_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._side = 0
        self._running = False
        self._subject: ForwardSpec | None = None
        self._sweep: Sweep | None = None
        self._edges = np.zeros(0, np.intp)
        self._patch = named(QSpinBox(suffix=" px"), "sweepPatch", "Square", "Side of the square in pixels of the input")
        tip = "How far the square moves from one position to the next"
        self._stride = named(QSpinBox(suffix=" px"), "sweepStride", "Stride", tip)
        self._count = named(QLabel(), "sweepCount", "Positions")
        self._start = named(QPushButton("Start"), "sweepStart", "Start", "Slide the square over the image")
        self._start.setProperty("primary", True)
        for field in (self._patch, self._stride):
            field.setMinimum(1)
            take_when_whole(field)
        self._empty = empty_state("sweepEmpty", EMPTY)
        self._title = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "sweepTitle", "What is shown")
        self._map = OverlayView("sweepMap", "The class's probability with the square at each position")
        self._list = named(QListWidget(), "sweepFlips", "Where another class wins")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._heading = named(QLabel(wordWrap=True), "sweepHeading", "How often another class wins")
        self._strength, self._bar = StrengthSlider("sweepStrength"), ColorBar()
        self._readout = named(QLabel(HINT, wordWrap=True), "sweepReadout", "Position under the mouse")
        self._readout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._notes = named(QLabel(wordWrap=True), "sweepNotes", "What to think of it")
        self._notes.setProperty("warning", True)
        for label in (self._count, self._readout):
            label.setProperty("quiet", True)
        self._lay_out()
        self._connect()

    def show_subject(self, subject: ForwardSpec) -> None:
        """This is what is looked at."""
        self._subject = subject
        if subject.architecture.image != self._side:
            self._side = 0  # while the fields change one after the other
            side = subject.architecture.image
            for field, value in zip((self._patch, self._stride), usual_patch(side), strict=True):
                field.setRange(1, side)
                field.setValue(value)
            self._side = side
            self._count_positions()
        self._show_doubt()

    def show_sweep(self, sweep: Sweep) -> None:
        """Show a sweep, whole or as far as it is."""
        self._sweep, self._edges = sweep, edges(sweep)
        how, widths = sweep_drawing(sweep), np.diff(self._edges)

        def spread(cells: NDArray[Any]) -> NDArray[Any]:
            return np.repeat(np.repeat(cells, widths, 0), widths, 1)

        known = sweep.winners != NOT_YET
        self._pages.setCurrentIndex(0)
        self._map.show_pictures(sweep.seen, spread(heat(sweep.probabilities, how)), spread(known))
        self._map.show_marks(tuple(self._cell(flip.row, flip.column) for flip in sweep.flips))
        self._bar.show_range(how.colours, how.limits)
        self._title.setText(_titled(sweep))
        self._show_flips(sweep)
        self._show_doubt()

    def show_running(self, *, running: bool) -> None:
        """Offer to start, or to cancel what runs."""
        self._running = running
        self._start.setText("Cancel" if running else "Start")
        named(self._start, "sweepStart", self._start.text(), "Stop here" if running else "Slide the square over it")
        self._start.setProperty("primary", not running)
        self._start.style().unpolish(self._start)
        self._start.style().polish(self._start)

    def _lay_out(self) -> None:
        tools = FlowLayout()
        for words, field in (("square", self._patch), ("every", self._stride)):
            tools.addWidget(_beside(words, field))
        self._start.setMinimumWidth(self._start.fontMetrics().horizontalAdvance("Cancel") + 5 * GRID)
        for widget in (self._count, self._start):
            widget.setMinimumHeight(HEIGHT)
            tools.addWidget(widget)
        left, right, halves = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        for layout in (left, right):
            layout.setSpacing(GRID)
            halves.addLayout(layout, 1)
        halves.setSpacing(2 * GRID)
        left.addWidget(self._map, 1)
        left.addWidget(self._strength)
        left.addWidget(self._bar)
        left.addWidget(FixedHeightLabel(self._readout, 3))
        left.addStretch()
        right.addWidget(self._heading)
        right.addWidget(self._list, 1)
        shown = QVBoxLayout()
        shown.addWidget(self._title)
        shown.addWidget(self._notes)
        shown.addLayout(halves, 1)
        self._notes.hide()
        self._pages = below(self, tools, shown, self._empty)

    def _connect(self) -> None:
        self._start.clicked.connect(self._press)
        for field in (self._patch, self._stride):
            field.valueChanged.connect(self._count_positions)
        self._strength.moved.connect(self._map.show_strength)
        self._map.show_strength(self._strength.share())
        self._map.hovered.connect(self._hover)
        self._map.clicked.connect(self._click)
        self._list.currentItemChanged.connect(lambda item, _: self._show_place(item.data(PLACE) if item else None))
        self._list.itemActivated.connect(lambda item: self._cover(*item.data(PLACE)))

    def _press(self) -> None:
        if self._running:
            self.cancel_wished.emit()
        else:
            self.sweep_wished.emit(self._patch.value(), self._stride.value())
            hold(self._start)

    def _count_positions(self) -> None:
        if self._side:
            count = len(starts(self._side, self._patch.value(), self._stride.value())) ** 2
            self._count.setText(f"{count:,} position{'s' if count > 1 else ''}")

    def _show_flips(self, sweep: Sweep) -> None:
        flips = sweep.flips
        of = f"{sweep.done:,} positions" + ("" if sweep.done == sweep.positions else " so far")
        if flips:
            self._heading.setText(f"Another class wins at {len(flips):,} of {of}:")
        else:
            self._heading.setText(f"No other class wins at any of {of}. The lowest:")
        self._list.clear()
        for flip in flips[:MOST_LISTED] or sweep.lowest[:MOST_LOWEST]:
            wins = f"{flip.label} wins" if flips else percent(flip.probability, 2)
            item = QListWidgetItem(f"{wins} at {self._where(flip)}", self._list)
            item.setToolTip(tooltip(self._said(flip)))
            item.setData(PLACE, (flip.row, flip.column))

    def _place(self, pixel: tuple[int, int]) -> tuple[int, int] | None:
        """The position to whose cell a pixel belongs, if the sweep has been there."""
        row, column = (int(np.searchsorted(self._edges, one, "right")) - 1 for one in pixel)
        assert self._sweep is not None
        return (row, column) if self._sweep.winners[row, column] != NOT_YET else None

    def _hover(self, pixel: tuple[int, int] | None) -> None:
        self._show_place(self._place(pixel) if pixel and self._sweep else None)

    def _show_place(self, place: tuple[int, int] | None) -> None:
        if place is None or self._sweep is None:
            self._readout.setText(HINT)
            self._map.show_frame(None)
            return
        row, column = place
        self._readout.setText(self._said(self._sweep.flip(row, column)))
        top, left, patch = self._sweep.starts[row], self._sweep.starts[column], self._sweep.patch
        self._map.show_frame(QRect(left, top, patch, patch))

    def _said(self, flip: Covered) -> str:
        assert self._sweep is not None
        sweep = self._sweep
        wins = f"{flip.label} wins" if flip.winner != sweep.winner else "the same class wins"
        return f"square at {self._where(flip)}: {sweep.label} at {percent(flip.probability, 2)}, {wins}"

    def _where(self, flip: Covered) -> str:
        """The first row and column that the square covers."""
        assert self._sweep is not None
        return f"row {self._sweep.starts[flip.row]}, column {self._sweep.starts[flip.column]}"

    def _click(self, row: int, column: int) -> None:
        place = self._place((row, column)) if self._sweep else None
        if place:
            self._cover(*place)

    def _cover(self, row: int, column: int) -> None:
        assert self._sweep is not None
        self.occluder_wished.emit(self._sweep.occluder(row, column))

    def _cell(self, row: int, column: int) -> QRect:
        top, bottom = self._edges[row : row + 2].tolist()
        left, right = self._edges[column : column + 2].tolist()
        return QRect(left, top, right - left, bottom - top)

    def _show_doubt(self) -> None:
        if self._sweep is None:
            return
        since = changed_since(self._sweep.subject, uncovered(self._subject)) if self._subject else ""
        doubts = [f"This is {since}: start again."] if since else []
        if not self._sweep.weights.trained:
            doubts.append(f"{UNTRAINED[:1].upper()}{UNTRAINED[1:]}.")
        self._notes.setText(" ".join(doubts))
        self._notes.setVisible(bool(doubts))


def _beside(words: str, field: QWidget) -> QWidget:
    """A field with its name before it."""
    both, label = QWidget(), QLabel(words)
    label.setProperty("quiet", True)
    label.setBuddy(field)
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    row.addWidget(label)
    row.addWidget(field)
    return both


def _titled(sweep: Sweep) -> str:
    """ "**3** is > 99 % uncovered, 79 % at the lowest · 49 of 49 positions · 0.4 s"."""
    parts = [f"<b>{in_html(sweep.label)}</b> is {percent(sweep.probability, 2)} uncovered".replace("< 0", "&lt; 0")]
    if sweep.done:
        parts[0] += f", {percent(float(np.nanmin(sweep.probabilities)), 2)} at the lowest".replace("< 0", "&lt; 0")
    if sweep.done < sweep.positions:
        parts.append(f"{sweep.done:,} of {sweep.positions:,} positions")
    parts.append(time_taken(sweep.seconds))
    return " · ".join(parts)
