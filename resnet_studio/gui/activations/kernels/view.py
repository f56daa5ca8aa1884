"""The Kernels tab: the weights of the selected layer as images, and the norm of each filter."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.kernels.grid import FilterGrid
from resnet_studio.gui.activations.kernels.norm_bars import NormBars
from resnet_studio.gui.activations.kernels.toolbar import ChannelSlice, KernelToolbar
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import empty_label, separator, set_names, vbox
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.common.tab_view import TabView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.kernels import (
    Kernels,
    matrix_tiles,
    rgb_filters,
    tile_indices,
    tiles_of_filter,
    tiles_of_input,
)

EMPTY = "Choose a layer on the left to see its convolution weights."
LOADING = "Loading the weights of {} …"
GRAY = "gray is zero, full color ±{}"
HINTS = {
    "color": "click selects a filter · wheel zooms",
    "input": "one tile per filter · click selects one · wheel zooms",
    "filter": "one tile per input channel · click shows it in all filters",
    "matrix": "rows are filters, columns input channels · click selects",
}

LONGEST_TEXT = "filter 8888 · row 8, column 8 · red −8.88e−8 · green −8.88e−8 · blue −8.88e−8"
LONGEST_NORM_TEXT = "filter 8888   · L2 norm 8.88e−8, rank 8,888 of 8,888\nmean −8.88e−8 · std 8.88e−8"
"""The longest texts of the lines of values."""


class KernelsView(TabView):
    """Shows the weights that belong to the selected layer, and emits the channel whose filter is selected."""

    channelSelected = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._kernels: Kernels | None = None
        self._slice, self._filter, self._selected_layer = ChannelSlice(), 0, ""
        self._empty = empty_label("kernelsEmpty", EMPTY)
        self._name = set_names(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "kernelsHeading", "Layer")
        self._about = set_names(QLabel(wordWrap=True), "kernelsAbout", "About these weights")
        self._readout = set_names(QLabel(), "kernelsReadout", "Weight under the cursor")
        self._norm = set_names(QLabel(textFormat=Qt.TextFormat.RichText), "filterNorm", "Selected filter")
        for label in (self._about, self._readout):
            label.setProperty("quiet", True)
        self._tools, self._tiles, self._bar, self._norms = KernelToolbar(), FilterGrid(), ColorBar(), NormBars()
        self._gray_label = set_names(QLabel(), "kernelsGrey", "Color legend")
        self._gray_label.setProperty("quiet", True)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def show_loading(self, selected: str, layer: str) -> None:
        """Show which layer's weights belong to the selected layer, until they arrive."""
        self._selected_layer = selected
        self._empty.setText(LOADING.format(layer))
        if self._kernels is not None:
            self._show_name(self._kernels)

    def show_kernels(self, kernels: Kernels) -> None:
        """Show a layer's weights; the slice stays for the same layer, the filter if there is one of that index."""
        before, self._kernels = self._kernels, kernels
        if before is None or before.layer != kernels.layer:
            self._slice = ChannelSlice(per_tile=self._slice.per_tile)
        self._filter = min(self._filter, len(kernels.values) - 1)
        self._show_name(kernels)
        self._norms.show_norms(kernels.norms)
        self._draw()
        self._show_filter()
        self._pages.setCurrentIndex(1)

    def show_filter(self, number: int) -> None:
        """Select the filter of the channel that is shown enlarged, without emitting."""
        if self._kernels is not None and number != self._filter and 0 <= number < len(self._kernels.values):
            self._set_filter(number)

    def show_problem(self, sentence: str) -> None:
        """Show why there are no weights, as long as there are none."""
        self._empty.setText(sentence)

    def _lay_out(self) -> None:
        headings, below, norm_layout = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        for label in (self._name, self._about):
            headings.addWidget(label)
        for widget in (self._bar, self._gray_label, FixedHeightLabel(self._readout, longest=LONGEST_TEXT)):
            below.addWidget(widget)
        norm_layout.addWidget(FixedHeightLabel(self._norm, longest=LONGEST_NORM_TEXT))
        norm_layout.addWidget(self._norms)
        for layout, space in ((headings, 2), (below, 2), (norm_layout, GRID // 2)):
            layout.setSpacing(space)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(headings)
        layout.addWidget(self._tools)
        layout.addWidget(self._tiles, 1)
        layout.addLayout(below)
        layout.addWidget(separator())
        layout.addLayout(norm_layout)
        self._pages.addWidget(vbox((self._empty, 1), margin=0))
        self._pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._pages)

    def _connect(self) -> None:
        self._tools.sliceSelected.connect(self._set_slice)
        self._tiles.tileSelected.connect(self._on_tile_selected)
        self._tiles.hovered.connect(self._show_weight)
        self._norms.filterSelected.connect(self._select_filter)
        self._norms.hovered.connect(self._show_filter)

    def _show_name(self, kernels: Kernels) -> None:
        count, (height, width) = len(kernels.values), kernels.values.shape[2:]
        kind = "rows" if kernels.is_linear else "filter" if count == 1 else "filters"
        size = f"{kernels.in_channels:,}" if kernels.is_linear else f"{kernels.in_channels:,}×{height}×{width}"
        self._name.setText(f"<b>{kernels.layer}</b> · {count:,} {kind} of {size}")
        trained = "" if kernels.weights.trained else " · untrained"
        parts = [f"{kernels.weights.source}{trained}"]
        if self._selected_layer and self._selected_layer != kernels.layer:
            parts.insert(0, f"weights that feed {self._selected_layer}")
        if kernels.input_step > 1:
            parts.append(f"1 in {kernels.input_step} input channels shown")
        self._about.setText(" · ".join(parts))

    def _draw(self) -> None:
        kernels, current = self._kernels, self._slice
        if kernels is None:
            return
        self._tools.show_slice(kernels, current)
        if kernels.is_rgb:
            tiles = rgb_filters(kernels, per_tile=current.per_tile)
        elif kernels.is_matrix:
            tiles = tile_indices(kernels, matrix_tiles(kernels), per_tile=current.per_tile)
        else:
            values = (tiles_of_filter if current.by_filter else tiles_of_input)(kernels, current.number)
            tiles = tile_indices(kernels, values, per_tile=current.per_tile)
        self._tiles.show_tiles(tiles, 0 if current.by_filter else self._filter, matrix=kernels.is_matrix)
        limits = None if current.per_tile else (-kernels.max_abs, kernels.max_abs)
        self._bar.set_range("diverging", limits)
        self._bar.setVisible(not kernels.is_rgb)
        self._gray_label.setText(
            GRAY.format("its largest weight" if current.per_tile else significant(kernels.max_abs))
        )
        self._gray_label.setVisible(kernels.is_rgb)
        self._show_weight(None)

    def _kind(self, kernels: Kernels) -> str:
        kind = "color" if kernels.is_rgb else "matrix" if kernels.is_matrix else ""
        return kind or ("filter" if self._slice.by_filter else "input")

    def _set_slice(self, requested: ChannelSlice) -> None:
        """Show a slice; if it is one filter, that filter is selected, too."""
        if requested.by_filter and not self._slice.by_filter:
            requested = ChannelSlice(True, self._filter, requested.per_tile)
        self._slice = requested
        self._draw()
        if requested.by_filter and requested.number != self._filter:
            self._select_filter(requested.number)

    def _on_tile_selected(self, number: int) -> None:
        """Select a filter; a tile that is an input channel of one filter shows that channel in all filters."""
        if self._slice.by_filter and self._kernels is not None and self._kind(self._kernels) == "filter":
            self._set_slice(ChannelSlice(False, number, self._slice.per_tile))
        else:
            self._select_filter(number)

    def _select_filter(self, number: int) -> None:
        self._set_filter(number)
        self.channelSelected.emit(number)

    def _set_filter(self, number: int) -> None:
        self._filter = number
        self._show_filter()
        if not self._slice.by_filter:
            self._tiles.show_tile(number)
        elif number != self._slice.number:
            self._slice = ChannelSlice(True, number, self._slice.per_tile)
            self._draw()

    def _show_filter(self, under_mouse: int | None = None) -> None:
        """Show norm, mean and standard deviation of the filter under the mouse, or of the selected one."""
        kernels = self._kernels
        if kernels is None:
            return
        self._norms.show_filter(self._filter)
        number = self._filter if under_mouse is None else under_mouse
        norm, mean, std = (float(values[number]) for values in (kernels.norms, kernels.means, kernels.stds))
        rank = f"{self._norms.rank(number):,} of {len(kernels.norms):,}"
        self._norm.setText(
            f"<b>{self._filter_title(kernels, number)}</b> · L2 norm {significant(norm)}, rank {rank}"
            f"<br>mean {significant(mean)} · std {significant(std)}"
        )
        self._norm.setToolTip(f"L2 norm {norm!r}\nmean {mean!r}\nstd {std!r}")

    def _filter_title(self, kernels: Kernels, number: int) -> str:
        """A filter by its index; a row of the last layer also by its class."""
        labels = kernels.weights.labels
        is_class = kernels.is_linear and len(labels) == len(kernels.values) and labels[number] != f"class {number}"
        return f"row {number}, {labels[number]}" if is_class else f"{'row' if kernels.is_linear else 'filter'} {number}"

    def _show_weight(self, place: Place | None) -> None:
        kernels = self._kernels
        if kernels is None:
            return
        if place is None:
            self._readout.setText(HINTS[self._kind(kernels)])
            self._readout.setToolTip("")
            return
        values, text = self._weights_at(kernels, place)
        self._readout.setText(text)
        self._readout.setToolTip("\n".join(map(repr, values)))

    def _weights_at(self, kernels: Kernels, place: Place) -> tuple[list[float], str]:
        """The weights at a place, and the text that describes them."""
        where = f"row {place.row}, column {place.column}"
        if kernels.is_rgb:
            values = [float(value) for value in kernels.values[place.channel, :, place.row, place.column]]
            names = zip(("red", "green", "blue"), values, strict=True)
            channels = " · ".join(f"{name} {significant(value)}" for name, value in names)
            return values, f"filter {place.channel} · {where} · {channels}"
        if kernels.is_matrix:
            number, channel, at = place.channel, place.column, (0, 0)
        elif self._slice.by_filter:
            number, channel, at = self._slice.number, place.channel, (place.row, place.column)
        else:
            number, channel, at = place.channel, self._slice.number, (place.row, place.column)
        value = float(kernels.values[number, channel][at])
        position = "" if kernels.is_matrix else f" · {where}"
        return [value], (
            f"{self._filter_title(kernels, number)} · input {channel * kernels.input_step}{position}"
            f" · {significant(value)}"
        )
