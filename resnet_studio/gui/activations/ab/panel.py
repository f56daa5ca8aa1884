"""The maps of two corresponding layers and their difference, with one zoom, one channel and one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.ab.pane import Offer, SidePane, by
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import ABPair, common_limits, difference
from resnet_studio.inference.feature_maps import Colours, MapStyle, Place, Values, layer_maps
from resnet_studio.networks.presets import title

Shown: TypeAlias = Literal["both", "difference", "all"]
Scale: TypeAlias = Literal["channel", "layer", "one"]
HINT = "the wheel zooms all · a click frames the channel in all · double-click resets"
SAME = "B is A so far. Choose another network, other weights or another image for B above."
AWAITED = "B is on its way through its network …"
NO_B = "There is no B to compare with."
LETTERS = "A", "B"
LONGEST = "channel 8888 · row 888, column 888 · A −8.88e−8 · B −8.88e−8 · A − B −8.88e−8"
"""What the line of values may have to hold."""


class ABPanel(QWidget):
    """Emits `channel_shown` with number, values, pixels and layer of the first side's framed channel."""

    channel_shown = Signal(int, object, object, str)
    offer_taken = Signal(object)
    """The `Beside` of an offer."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Shown = "both"
        self._scale: Scale = "one"
        self._colours: Colours = "viridis"
        self._pair: ABPair | None = None
        self._values: list[Values | None] = [None, None, None]
        """Of A, of B, and their difference."""
        self.panes = tuple(
            SidePane(name, spoken) for name, spoken in (("sideA", "A"), ("sideB", "B"), ("difference", "A − B"))
        )
        self._under: SidePane = self.panes[0]
        self._place: Place | None = None
        """The value under the mouse, and in which pane."""
        self._readout = named(QLabel(HINT), "pairReadout", "Values under the mouse")
        self._readout.setProperty("quiet", True)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for pane in self.panes:
            row.addWidget(pane, 1)
            pane.mosaic.moved.connect(lambda pane=pane: self._follow(pane))
            pane.mosaic.hovered.connect(lambda place, pane=pane: self._hover(pane, place))
            pane.mosaic.channel_chosen.connect(lambda channel, pane=pane: self._take_channel(pane, channel))
        self.panes[1].offer_taken.connect(self.offer_taken)
        self.panes[2].hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row, 1)
        column.addWidget(FixedHeightLabel(self._readout, longest=LONGEST))

    def show_pair(self, pair: ABPair) -> None:
        """Show two looks that belong together; zoom and channel stay where shapes do."""
        self._pair, (a, b) = pair, pair.maps
        alone = pair.a is pair.b
        self._values = [a.values if a else None, b.values if b and not alone else None, None]
        for pane, letter, look, maps in zip(self.panes, LETTERS, (pair.a, pair.b), (a, b), strict=False):
            pane.show_subject(letter, look)
            if maps:
                pane.show_maps(maps)
        if alone:
            self.panes[1].show_nothing("B", why=SAME)
        elif b is None:
            network = title(pair.b.subject.architecture)
            self.panes[1].show_nothing(f"B  {network}", why=f"{network} has nothing that corresponds to {pair.layer}")
        self._show_difference()
        self._draw()
        self._read(self._under, self._place)

    def show_channel(self, number: int) -> None:
        """Frame a channel on every side that has it, without emitting."""
        for pane, values in zip(self.panes, self._values, strict=True):
            if values is None or number < len(values):
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.show_channel(number)

    def show_awaited(self) -> None:
        """Say that the second side is on its way."""
        self.panes[1].show_nothing("B", why=AWAITED)

    def show_problem(self, sentence: str, offers: Sequence[Offer]) -> None:
        """Say why there is no second side, in its place."""
        self._values[1:] = None, None
        self.panes[1].show_nothing("B", why=sentence, offers=offers, problem=True)
        self._show_difference()

    def show_views(self, shown: Shown) -> None:
        """Show both sides, their difference, or all three; the same part of each as before."""
        before = self.panes[2 if self._shown == "difference" else 0]
        self._shown = shown
        for pane, among in zip(self.panes, self._among(), strict=True):
            pane.setVisible(among)
        self._show_difference()
        self._draw()
        self._follow(before)

    def show_colours(self, scale: Scale, colours: Colours) -> None:
        """Spread colours over each channel, each layer, or one range for both sides."""
        self._scale, self._colours = scale, colours
        self._draw()

    def _among(self) -> tuple[bool, bool, bool]:
        """Which of A, B and their difference are on the screen."""
        return self._shown != "difference", self._shown != "difference", self._shown != "both"

    def _show_difference(self) -> None:
        """The numbers of the difference, or why there is none; made only while it is looked at."""
        a, b, _ = self._values
        pane = self.panes[2]
        if self._shown == "both" or self._pair is None:
            return
        if a is None or b is None:
            pane.show_nothing("A − B", why=SAME if self._pair.a is self._pair.b else NO_B)
        elif (values := difference(a, b)) is None:
            why = f"{by(a)} beside {by(b)}: no value of A has one of B to be compared with."
            pane.show_nothing("A − B", why=why)
        else:
            self._values[2] = values
            pane.show_difference(layer_maps("A − B", values), self._pair.layer, self._pair.counterpart or "")

    def _draw(self) -> None:
        """Draw what is on the screen."""
        a, b, _ = self._values
        own = MapStyle("layer" if self._scale == "one" or _points(a) else self._scale, self._colours)
        if self._scale == "one" and a is not None and b is not None:
            own = replace(own, contrast="fixed", limits=common_limits(a, b))
        drawings = (own, own, MapStyle("layer", "diverging"))
        for pane, values, drawing, among in zip(self.panes, self._values, drawings, self._among(), strict=True):
            if values is not None and among:
                pane.mosaic.show_values(values, drawing)
        self._tell_channel()

    def _follow(self, moved: SidePane) -> None:
        for pane in self.panes:
            if pane is not moved and pane.has_maps:
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.follow(moved.mosaic)

    def _take_channel(self, chosen: SidePane, channel: int) -> None:
        for pane, values in zip(self.panes, self._values, strict=True):
            if pane is not chosen and values is not None and channel < len(values):
                with QSignalBlocker(pane.mosaic):
                    pane.mosaic.show_channel(channel)
        self._tell_channel()

    def _tell_channel(self) -> None:
        """The first side's framed channel, or the difference's where it is alone."""
        number = 2 if self._shown == "difference" else 0
        values, mosaic = self._values[number], self.panes[number].mosaic
        if values is not None and self._pair is not None:
            channel = mosaic.channel()
            self.channel_shown.emit(channel, values[channel], mosaic.pixels(channel), self._pair.layer)

    def _hover(self, under: SidePane, place: Place | None) -> None:
        """The mouse is over a value; that it has left a pane is news only of the pane it was last in."""
        if place is not None or under is self._under:
            self._read(under, place)

    def _read(self, under: SidePane, place: Place | None) -> None:
        """What all sides have at a place, in one line; of sides of other shapes only the one under the mouse."""
        a, b, _ = self._values
        shown = self._values[self.panes.index(under)]
        place = place if shown is not None and _holds(shown, place) else None
        self._under, self._place = under, place
        if a is None or b is None or a.shape != b.shape:
            sides = {"AB"[number]: values for number, values in enumerate((a, b)) if self.panes[number] is under}
        else:
            sides = {"A": a, "B": b}
        for pane in self.panes:
            pane.mosaic.show_place(place if len(sides) > 1 and pane is not under else None)
        if place is None:
            self._readout.setText(HINT)
            return
        at = place.channel, place.row, place.column
        told = {name: float(values[at]) for name, values in sides.items() if values is not None}
        if len(told) > 1:
            told["A − B"] = told["A"] - told["B"]
        where = (f"channel {place.channel}", f"row {place.row}, column {place.column}")
        self._readout.setText(" · ".join((*where, *(f"{name} {significant(value)}" for name, value in told.items()))))


def _points(values: Values | None) -> bool:
    """Maps of one value each have a scale in common, whatever is wished: alone, each would be constant."""
    return values is not None and values[0].size == 1


def _holds(values: Values, place: Place | None) -> bool:
    return place is not None and all(
        at < size for at, size in zip((place.channel, place.row, place.column), values.shape, strict=True)
    )
