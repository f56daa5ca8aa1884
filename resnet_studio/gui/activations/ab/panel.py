"""The maps of two corresponding layers and their difference, with shared zoom, channel and color scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from resnet_studio.formatting import dimensions, significant
from resnet_studio.gui.activations.ab.pane import Offer, SidePane
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import ABPair, common_limits, difference
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import MapStyle, Place, Values, layer_maps
from resnet_studio.networks.presets import title

VisibleMaps: TypeAlias = Literal["both", "difference", "all"]
ScaleMode: TypeAlias = Literal["channel", "layer", "one"]
HINT = "wheel zooms · click selects the channel in all views · double-click resets"
SAME_AS_A = "B is the same as A. Choose another network, weights or image for B above."
PENDING = "Running B …"
NO_B = "There is no side B to compare with."
LETTERS = "A", "B"
LONGEST_TEXT = "channel 8888 · row 888, column 888 · A −8.88e−8 · B −8.88e−8 · A − B −8.88e−8"
"""The longest text of the line of values."""


class ABPanel(QWidget):
    """Emits `channelShown` with number, values, pixels and layer of side A's framed channel."""

    channelShown = Signal(int, object, object, str)

    def __init__(self) -> None:
        super().__init__()
        self._shown: VisibleMaps = "both"
        self._scale: ScaleMode = "one"
        self._colors: Colormap = "viridis"
        self._pair: ABPair | None = None
        self._values: list[Values | None] = [None, None, None]
        """Of A, of B, and their difference."""
        self.panes = tuple(
            SidePane(name, accessible_name)
            for name, accessible_name in (("sideA", "A"), ("sideB", "B"), ("difference", "A − B"))
        )
        self._hovered_pane: SidePane = self.panes[0]
        self._hovered_place: Place | None = None
        """The value under the mouse; the pane is `_hovered_pane`."""
        self._readout = set_names(QLabel(HINT), "pairReadout", "Values under the cursor")
        self._readout.setProperty("quiet", True)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for pane in self.panes:
            row.addWidget(pane, 1)
            pane.mosaic.viewChanged.connect(lambda pane=pane: self._synchronize(pane))
            pane.mosaic.hovered.connect(lambda place, pane=pane: self._on_hovered(pane, place))
            pane.mosaic.tileSelected.connect(lambda channel, pane=pane: self._on_channel_selected(pane, channel))
        self.panes[2].hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row, 1)
        column.addWidget(FixedHeightLabel(self._readout, longest=LONGEST_TEXT))

    def show_pair(self, pair: ABPair) -> None:
        """Show the results of both sides; zoom and channel stay if the shapes do."""
        self._pair, (a, b) = pair, pair.maps
        same = pair.a is pair.b
        self._values = [a.values if a else None, b.values if b and not same else None, None]
        for pane, letter, result, maps in zip(self.panes, LETTERS, (pair.a, pair.b), (a, b), strict=False):
            pane.show_side(letter, result)
            if maps:
                pane.show_maps(maps)
        if same:
            self.panes[1].show_reason("B", reason=SAME_AS_A)
        elif b is None:
            network = title(pair.b.spec.architecture)
            self.panes[1].show_reason(f"B  {network}", reason=f"{network} has no layer that matches {pair.layer}")
        self._show_difference()
        self._draw()
        self._show_values(self._hovered_pane, self._hovered_place)

    def show_channel(self, number: int) -> None:
        """Frame a channel on every side that has it, without emitting."""
        for pane, values in zip(self.panes, self._values, strict=True):
            if values is None or number < len(values):
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.show_tile(number)

    def show_pending(self) -> None:
        """Show that side B is running."""
        self.panes[1].show_reason("B", reason=PENDING)

    def show_problem(self, sentence: str, offers: Sequence[Offer]) -> None:
        """Show why there is no side B, in its pane."""
        self._values[1:] = None, None
        self.panes[1].show_reason("B", reason=sentence, offers=offers, problem=True)
        self._show_difference()

    def show_views(self, shown: VisibleMaps) -> None:
        """Show both sides, their difference, or all three; zoom and position stay."""
        before = self.panes[2 if self._shown == "difference" else 0]
        self._shown = shown
        for pane, visible in zip(self.panes, self._visible_panes(), strict=True):
            pane.setVisible(visible)
        self._show_difference()
        self._draw()
        self._synchronize(before)

    def set_colors(self, scale: ScaleMode, colors: Colormap) -> None:
        """Set the colormap, and whether its range is that of each channel, of each layer, or shared by both sides."""
        self._scale, self._colors = scale, colors
        self._draw()

    def _visible_panes(self) -> tuple[bool, bool, bool]:
        """Which of A, B and their difference are visible."""
        return self._shown != "difference", self._shown != "difference", self._shown != "both"

    def _show_difference(self) -> None:
        """Show the statistics of the difference, or why there is none; it is computed only while it is visible."""
        a, b, _ = self._values
        pane = self.panes[2]
        if self._shown == "both" or self._pair is None:
            return
        if a is None or b is None:
            pane.show_reason("A − B", reason=SAME_AS_A if self._pair.a is self._pair.b else NO_B)
        elif (values := difference(a, b)) is None:
            reason = f"No difference: the shapes {dimensions(a.shape)} and {dimensions(b.shape)} don't match."
            pane.show_reason("A − B", reason=reason)
        else:
            self._values[2] = values
            pane.show_difference(layer_maps("A − B", values), self._pair.layer, self._pair.b_layer or "")

    def _draw(self) -> None:
        """Draw the visible mosaics."""
        a, b, _ = self._values
        side_style = MapStyle("layer" if self._scale == "one" or _is_single_valued(a) else self._scale, self._colors)
        if self._scale == "one" and a is not None and b is not None:
            side_style = replace(side_style, contrast="fixed", limits=common_limits(a, b))
        styles = (side_style, side_style, MapStyle("layer", "diverging"))
        for pane, values, style, visible in zip(self.panes, self._values, styles, self._visible_panes(), strict=True):
            if values is not None and visible:
                pane.mosaic.set_values(values, style)
        self._emit_channel()

    def _synchronize(self, moved: SidePane) -> None:
        for pane in self.panes:
            if pane is not moved and pane.has_maps:
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.sync_to(moved.mosaic)

    def _on_channel_selected(self, selected: SidePane, channel: int) -> None:
        for pane, values in zip(self.panes, self._values, strict=True):
            if pane is not selected and values is not None and channel < len(values):
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.show_tile(channel)
        self._emit_channel()

    def _emit_channel(self) -> None:
        """Emit side A's framed channel, or the difference's if only that is visible."""
        number = 2 if self._shown == "difference" else 0
        values, mosaic = self._values[number], self.panes[number].mosaic
        if values is not None and self._pair is not None:
            channel = mosaic.tile()
            self.channelShown.emit(channel, values[channel], mosaic.pixels(channel), self._pair.layer)

    def _on_hovered(self, pane_under_mouse: SidePane, place: Place | None) -> None:
        """Show the values under the mouse; ignore that the mouse left a pane other than the last hovered one."""
        if place is not None or pane_under_mouse is self._hovered_pane:
            self._show_values(pane_under_mouse, place)

    def _show_values(self, pane_under_mouse: SidePane, place: Place | None) -> None:
        """Show the values of both sides at a place; if their shapes differ, only of the side under the mouse."""
        a, b, _ = self._values
        shown = self._values[self.panes.index(pane_under_mouse)]
        place = place if shown is not None and _contains(shown, place) else None
        self._hovered_pane, self._hovered_place = pane_under_mouse, place
        if a is None or b is None or a.shape != b.shape:
            sides = {
                "AB"[number]: values for number, values in enumerate((a, b)) if self.panes[number] is pane_under_mouse
            }
        else:
            sides = {"A": a, "B": b}
        for pane in self.panes:
            pane.mosaic.set_marker(place if len(sides) > 1 and pane is not pane_under_mouse else None)
        if place is None:
            self._readout.setText(HINT)
            return
        index = place.channel, place.row, place.column
        numbers = {name: float(values[index]) for name, values in sides.items() if values is not None}
        if len(numbers) > 1:
            numbers["A − B"] = numbers["A"] - numbers["B"]
        where = (f"channel {place.channel}", f"row {place.row}, column {place.column}")
        self._readout.setText(
            " · ".join((*where, *(f"{name} {significant(value)}" for name, value in numbers.items())))
        )


def _is_single_valued(values: Values | None) -> bool:
    """Whether each map is a single value: these always share a scale, as on its own each would be constant."""
    return values is not None and values[0].size == 1


def _contains(values: Values, place: Place | None) -> bool:
    return place is not None and all(
        index < size for index, size in zip((place.channel, place.row, place.column), values.shape, strict=True)
    )
