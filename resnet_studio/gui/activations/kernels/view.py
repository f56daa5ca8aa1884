"""The Kernels page: the weights of the chosen layer as pictures, and the norm of each filter."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.kernels.grid import FilterGrid
from resnet_studio.gui.activations.kernels.norm_bars import NormBars
from resnet_studio.gui.activations.kernels.toolbar import ChannelSlice, KernelToolbar
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import column, named, rule
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.kernels import Kernels, coloured, rows, spread_tiles, tiles_of_filter, tiles_of_input

EMPTY = "Choose a layer on the left to see the weights of its convolution."
COMING = "The weights of {} are on their way …"
GREY = "grey is zero, full colour ±{}"
HINTS = {
    "colour": "click chooses a filter · wheel zooms",
    "input": "a picture a filter · click chooses one · wheel zooms",
    "filter": "a picture an input channel · click shows it in every filter",
    "matrix": "down the filters, across the input channels · click chooses",
}

LONGEST = "filter 8888 · row 8, column 8 · red −8.88e−8 · green −8.88e−8 · blue −8.88e−8"
LONGEST_NORM = "filter 8888   · L2 norm 8.88e−8, rank 8,888 of 8,888\nmean −8.88e−8 · deviation 8.88e−8"
"""What the lines of values may have to hold."""


class KernelsView(QWidget):
    """Shows the weights that belong to the chosen layer, and emits which channel is chosen with its filter."""

    channel_chosen = Signal(int)
    entered = Signal(bool)
    """The page has come to the screen, or left it."""

    def __init__(self) -> None:
        super().__init__()
        self._kernels: Kernels | None = None
        self._slice, self._filter, self._of = ChannelSlice(), 0, ""
        self._empty = named(QLabel(EMPTY, wordWrap=True), "kernelsEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self._name = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "kernelsHeading", "Layer")
        self._about = named(QLabel(wordWrap=True), "kernelsAbout", "What these weights are")
        self._read_out = named(QLabel(), "kernelsReadout", "Weight under the mouse")
        self._norm = named(QLabel(textFormat=Qt.TextFormat.RichText), "filterNorm", "The chosen filter")
        for label in (self._about, self._read_out):
            label.setProperty("quiet", True)
        self._tools, self._tiles, self._bar, self._norms = KernelToolbar(), FilterGrid(), ColorBar(), NormBars()
        self._grey = named(QLabel(), "kernelsGrey", "What the colours mean")
        self._grey.setProperty("quiet", True)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def show_wish(self, chosen: str, layer: str) -> None:
        """Say whose weights belong to the chosen layer; they come later."""
        self._of = chosen
        self._empty.setText(COMING.format(layer))
        if self._kernels is not None:
            self._show_name(self._kernels)

    def show_kernels(self, kernels: Kernels) -> None:
        """Show a layer's weights; slice and filter stay as far as there are ones of their number."""
        before, self._kernels = self._kernels, kernels
        if before is None or before.layer != kernels.layer:
            self._slice = ChannelSlice(alone=self._slice.alone)
        self._filter = min(self._filter, len(kernels.values) - 1)
        self._show_name(kernels)
        self._norms.show_norms(kernels.norms)
        self._draw()
        self._show_filter()
        self._pages.setCurrentIndex(1)

    def show_filter(self, number: int) -> None:
        """Show which filter makes the channel that is shown large."""
        if self._kernels is not None and number != self._filter and 0 <= number < len(self._kernels.values):
            self._take_filter(number)

    def show_problem(self, sentence: str) -> None:
        """Say why there are no weights, as long as there are none."""
        self._empty.setText(sentence)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's names)
        super().showEvent(event)
        self.entered.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self.entered.emit(False)

    def _lay_out(self) -> None:
        words, below, norms = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        for label in (self._name, self._about):
            words.addWidget(label)
        for widget in (self._bar, self._grey, FixedHeightLabel(self._read_out, longest=LONGEST)):
            below.addWidget(widget)
        norms.addWidget(FixedHeightLabel(self._norm, longest=LONGEST_NORM))
        norms.addWidget(self._norms)
        for layout, space in ((words, 2), (below, 2), (norms, GRID // 2)):
            layout.setSpacing(space)
        page = QWidget()
        whole = QVBoxLayout(page)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addLayout(words)
        whole.addWidget(self._tools)
        whole.addWidget(self._tiles, 1)
        whole.addLayout(below)
        whole.addWidget(rule())
        whole.addLayout(norms)
        self._pages.addWidget(column((self._empty, 1), margin=0))
        self._pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _connect(self) -> None:
        self._tools.slice_wished.connect(self._take_slice)
        self._tiles.tile_chosen.connect(self._take_tile)
        self._tiles.hovered.connect(self._read)
        self._norms.filter_chosen.connect(self._choose)
        self._norms.hovered.connect(self._show_filter)

    def _show_name(self, kernels: Kernels) -> None:
        count, (height, width) = len(kernels.values), kernels.values.shape[2:]
        kind = "rows" if kernels.linear else "filter" if count == 1 else "filters"
        size = f"{kernels.inputs:,}" if kernels.linear else f"{kernels.inputs:,}×{height}×{width}"
        self._name.setText(f"<b>{kernels.layer}</b> · {count:,} {kind} of {size}")
        trained = "" if kernels.weights.trained else " · untrained"
        parts = [f"{kernels.weights.source}{trained}"]
        if self._of and self._of != kernels.layer:
            parts.insert(0, f"the weights behind {self._of}")
        if kernels.every > 1:
            parts.append(f"one input channel in {kernels.every} is shown")
        self._about.setText(" · ".join(parts))

    def _draw(self) -> None:
        kernels, chosen = self._kernels, self._slice
        if kernels is None:
            return
        self._tools.show_slice(kernels, chosen)
        if kernels.colour:
            tiles = coloured(kernels, alone=chosen.alone)
        elif kernels.matrix:
            tiles = spread_tiles(kernels, rows(kernels), alone=chosen.alone)
        else:
            values = (tiles_of_filter if chosen.by_filter else tiles_of_input)(kernels, chosen.number)
            tiles = spread_tiles(kernels, values, alone=chosen.alone)
        self._tiles.show_tiles(tiles, 0 if chosen.by_filter else self._filter, matrix=kernels.matrix)
        ends = None if chosen.alone else (-kernels.largest, kernels.largest)
        self._bar.show_range("diverging", ends)
        self._bar.setVisible(not kernels.colour)
        self._grey.setText(GREY.format("its own largest weight" if chosen.alone else significant(kernels.largest)))
        self._grey.setVisible(kernels.colour)
        self._read(None)

    def _kind(self, kernels: Kernels) -> str:
        whole = "colour" if kernels.colour else "matrix" if kernels.matrix else ""
        return whole or ("filter" if self._slice.by_filter else "input")

    def _take_slice(self, wished: ChannelSlice) -> None:
        """A filter that is asked for by its number is the chosen one, too."""
        if wished.by_filter and not self._slice.by_filter:
            wished = ChannelSlice(True, self._filter, wished.alone)
        self._slice = wished
        self._draw()
        if wished.by_filter and wished.number != self._filter:
            self._choose(wished.number)

    def _take_tile(self, number: int) -> None:
        """A filter is chosen; an input channel of one is shown in all filters."""
        if self._slice.by_filter and self._kernels is not None and self._kind(self._kernels) == "filter":
            self._take_slice(ChannelSlice(False, number, self._slice.alone))
        else:
            self._choose(number)

    def _choose(self, number: int) -> None:
        self._take_filter(number)
        self.channel_chosen.emit(number)

    def _take_filter(self, number: int) -> None:
        self._filter = number
        self._show_filter()
        if not self._slice.by_filter:
            self._tiles.show_chosen(number)
        elif number != self._slice.number:
            self._slice = ChannelSlice(True, number, self._slice.alone)
            self._draw()

    def _show_filter(self, under_mouse: int | None = None) -> None:
        """The numbers of the filter under the mouse, or else of the chosen one."""
        kernels = self._kernels
        if kernels is None:
            return
        self._norms.show_chosen(self._filter)
        number = self._filter if under_mouse is None else under_mouse
        norm, mean, deviation = (float(values[number]) for values in (kernels.norms, kernels.means, kernels.deviations))
        rank = f"{self._norms.rank(number):,} of {len(kernels.norms):,}"
        self._norm.setText(
            f"<b>{self._called(kernels, number)}</b> · L2 norm {significant(norm)}, rank {rank}"
            f"<br>mean {significant(mean)} · deviation {significant(deviation)}"
        )
        self._norm.setToolTip(f"L2 norm {norm!r}\nmean {mean!r}\ndeviation {deviation!r}")

    def _called(self, kernels: Kernels, number: int) -> str:
        """A filter by its number; a row of the last layer also by its class."""
        labels = kernels.weights.labels
        is_class = kernels.linear and len(labels) == len(kernels.values) and labels[number] != f"class {number}"
        return f"row {number}, {labels[number]}" if is_class else f"{'row' if kernels.linear else 'filter'} {number}"

    def _read(self, place: Place | None) -> None:
        kernels = self._kernels
        if kernels is None:
            return
        if place is None:
            self._read_out.setText(HINTS[self._kind(kernels)])
            self._read_out.setToolTip("")
            return
        values, said = self._weights_at(kernels, place)
        self._read_out.setText(said)
        self._read_out.setToolTip("\n".join(map(repr, values)))

    def _weights_at(self, kernels: Kernels, place: Place) -> tuple[list[float], str]:
        """The weights under the mouse, and the line that tells them."""
        where = f"row {place.row}, column {place.column}"
        if kernels.colour:
            values = [float(value) for value in kernels.values[place.channel, :, place.row, place.column]]
            names = zip(("red", "green", "blue"), values, strict=True)
            told = " · ".join(f"{name} {significant(value)}" for name, value in names)
            return values, f"filter {place.channel} · {where} · {told}"
        if kernels.matrix:
            number, channel, at = place.channel, place.column, (0, 0)
        elif self._slice.by_filter:
            number, channel, at = self._slice.number, place.channel, (place.row, place.column)
        else:
            number, channel, at = place.channel, self._slice.number, (place.row, place.column)
        value = float(kernels.values[number, channel][at])
        spot = "" if kernels.matrix else f" · {where}"
        return [value], (
            f"{self._called(kernels, number)} · input {channel * kernels.every}{spot} · {significant(value)}"
        )
