"""The feature maps of one layer: what they amount to, how they are drawn, and the value under the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.formatting import percent, significant
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Colours, Contrast, MapStyle, Place, Sort, channel_order, value_range
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title

HINT, SHORT_HINT = "click enlarges · wheel zooms · double-click resets", "click enlarges · wheel zooms"
REFERENCE_TIP = "Keep what is shown now, to sort channels by how much they differ from it under another image"
NO_REFERENCE = "There is no reference yet. Choose the image to compare with, then “Set as reference”."


class MapsPanel(QWidget):
    """Emits `channel_shown` with number, values and pixels whenever the channel to be shown large is another."""

    channel_shown = Signal(int, object, object)
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    pin_wished = Signal(int)
    """A channel is to stay in view."""
    export_wished = Signal()
    reference_wished = Signal()
    """What is shown now is to be the reference."""
    reference_layer_wished = Signal(str)
    """A layer that the reference lacks."""

    def __init__(self) -> None:
        super().__init__()
        self._maps: LayerMaps | None = None
        self._reference: ForwardResult | None = None
        self._wished = MapStyle()
        self._order: NDArray[np.intp] | None = None
        self._place: Place | None = None
        self._name = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "mapsHeading", "Layer")
        self._numbers = named(ElidedLabel(), "mapsNumbers", "Statistics of the layer")
        self._note = named(QLabel(wordWrap=True), "referenceNote", "Reference")
        self._readout = named(ElidedLabel(), "mapsReadout", "Value under the mouse")
        self._readout.say(HINT, "", SHORT_HINT)
        for label in (self._numbers, self._note, self._readout):
            label.setProperty("quiet", True)
        self._tools, self._mosaic, self._bar = MapsToolbar(), MosaicView(), ColorBar()
        self._set_reference = named(QPushButton("Set as reference"), "setReference", "Set as reference", REFERENCE_TIP)
        self._menu = self._make_menu()
        self._connect()
        self._lay_out()

    def show_maps(self, maps: LayerMaps, *, brief: bool = False) -> None:
        """Show a layer's maps; the channel chosen before stays so where there is one of its number.

        `brief` ones, of which more come at once, keep the order of channels.
        """
        same = self._maps is not None and (self._maps.name, self._maps.values.shape) == (maps.name, maps.values.shape)
        if self._maps is None or self._maps.values.shape != maps.values.shape:
            self._place = None
        self._maps = maps
        channels, height, width = maps.values.shape
        self._name.setText(f"<b>{maps.name}</b> · {channels:,} channel{'s' if channels > 1 else ''}, {height}×{width}")
        self._numbers.say(*layer_numbers(maps))
        self._draw(keep_order=brief and same)
        self._read(self._place)

    def show_reference(self, reference: ForwardResult | None) -> None:
        """Sort by the difference to this look, where that is the order."""
        self._reference = reference
        if self._wished.sort == "difference":
            self._draw()

    def show_channel(self, channel: int) -> None:
        """Frame a channel and have it shown large."""
        if self._maps is not None and 0 <= channel < len(self._maps.values):
            self._mosaic.show_channel(channel)
            self._tell_channel(channel)

    def add_tool(self, tool: QWidget) -> None:
        """Put a control behind those that say how the maps are drawn."""
        self._tools.add(tool)

    def drawing(self) -> MapStyle:
        """How the maps are drawn: contrast, colours and order that can't be had give way to those that can."""
        one_value = self._maps is not None and self._maps.values[0].size == 1
        contrast = "layer" if one_value and self._wished.contrast == "channel" else self._wished.contrast
        return replace(self._wished, contrast=contrast, sort="index" if self._order is None else self._wished.sort)

    def order(self) -> NDArray[np.intp] | None:
        """The channels as they are laid out; None by number."""
        return self._order

    def channel(self) -> int:
        """The channel that is shown large."""
        return self._mosaic.channel()

    def _connect(self) -> None:
        self._tools.drawing_wished.connect(self._take_drawing)
        self._set_reference.clicked.connect(self.reference_wished)
        self._bar.limits_wished.connect(lambda low, high: self._take_drawing(replace(self._wished, limits=(low, high))))
        self._mosaic.channel_chosen.connect(self._tell_channel)
        self._mosaic.hovered.connect(self._read)
        self._mosaic.hovered.connect(self.hovered)
        self._mosaic.menu_wished.connect(self._open_menu)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        words = QVBoxLayout()
        words.setSpacing(2)
        for said in (self._name, FixedHeightLabel(self._numbers)):
            words.addWidget(said)
        above = QHBoxLayout()
        above.setSpacing(GRID)
        above.addLayout(words, 1)
        above.addWidget(self._set_reference, 0, Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(above)
        for widget in (self._tools, self._note):
            column.addWidget(widget)
        column.addWidget(self._mosaic, 1)
        below = QVBoxLayout()
        below.setSpacing(2)
        for shown in (self._bar, FixedHeightLabel(self._readout)):
            below.addWidget(shown)
        column.addLayout(below)
        self._note.hide()
        self._set_reference.hide()

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        self._pin = menu.addAction("Pin channel", lambda: self.pin_wished.emit(self._mosaic.channel()))
        menu.addAction("Copy values", self._copy)
        menu.addAction("Set as reference", self.reference_wished.emit)
        menu.addSeparator()
        menu.addAction("Export…", self.export_wished.emit)
        return menu

    def _open_menu(self, channel: int, point: QPoint) -> None:
        self._mosaic.show_channel(channel)
        self._pin.setText(f"Pin channel {channel}")
        self._menu.popup(point)

    def _copy(self) -> None:
        """The channel's values as a table: rows as lines, columns with tabs between them."""
        if self._maps is not None:
            rows = self._maps.values[self._mosaic.channel()].tolist()
            QGuiApplication.clipboard().setText("\n".join("\t".join(map(repr, row)) for row in rows))
            self._readout.setText(f"Copied the {len(rows)}×{len(rows[0])} values of channel {self._mosaic.channel()}")

    def _take_drawing(self, drawing: MapStyle) -> None:
        """What becomes fixed keeps the range that the layer has now."""
        if drawing.contrast == "fixed" and drawing.limits is None and self._maps is not None:
            low, high = (float(end.item()) for end in value_range(self._maps.values, MapStyle("layer")))
            drawing = replace(drawing, limits=(low, high if high > low else low + 1))
        same_order = drawing.sort == self._wished.sort
        self._wished = drawing
        self._draw(keep_order=same_order)

    def _draw(self, *, keep_order: bool = False) -> None:
        """Maps of one value each have a scale in common, whatever is wished: alone, each would be constant."""
        if self._maps is None:
            self._tools.show_drawing(self._wished)
            return
        if not keep_order:
            self._order = self._sorted(self._maps)
        drawing = self.drawing()
        shown = replace(drawing, sort=self._wished.sort)
        self._tools.show_drawing(shown, channels_alone=self._maps.values[0].size > 1)
        self._mosaic.show_values(self._maps.values, drawing, self._order)
        ends = None if drawing.contrast == "channel" else value_range(self._maps.values, drawing)
        self._bar.show_range(
            drawing.colours,
            None if ends is None else (ends[0].item(), ends[1].item()),
            typed=drawing.contrast == "fixed",
        )
        self._tell_channel(self._mosaic.channel())

    def _sorted(self, maps: LayerMaps) -> NDArray[np.intp] | None:
        """The order that is wished, and beside a difference what it is one to; None where they lie by number."""
        sort, theirs, note = self._wished.sort, None, ""
        if sort == "difference":
            theirs, note = self._reference_values(maps)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._set_reference.setVisible(sort == "difference")
        if sort == "index" or (sort == "difference" and theirs is None):
            return None
        return channel_order(maps.values, sort, theirs)

    def _reference_values(self, maps: LayerMaps) -> tuple[NDArray[np.float32] | None, str]:
        """The reference's values of a layer, and a line about them."""
        if self._reference is None:
            return None, NO_REFERENCE
        title = image_title(self._reference.subject.image)
        found = next((layer for layer in self._reference.layers if layer.name == maps.name), None)
        if found is None:
            self.reference_layer_wished.emit(maps.name)
            return None, f"The reference {title} has no {maps.name} so far; until it has, channels lie by number."
        if found.values.shape != maps.values.shape:
            return None, f"The reference {title} went through another network: set a new one."
        return found.values, f"by the mean absolute difference to {title}"

    def _tell_channel(self, channel: int) -> None:
        assert self._maps is not None  # the mosaic shows a channel only after it was given maps
        self.channel_shown.emit(channel, self._maps.values[channel], self._mosaic.pixels(channel))

    def _read(self, place: Place | None) -> None:
        self._place = place
        if place is None or self._maps is None:
            self._readout.say(HINT, "", SHORT_HINT)
            return
        value = float(self._maps.values[place.channel, place.row, place.column])
        told, (channel, row, column) = significant(value), (place.channel, place.row, place.column)
        self._readout.say(
            f"channel {channel} · row {row}, column {column} · {told}", repr(value),
            f"channel {channel} · {row}, {column} · {told}",
        )  # fmt: skip


def layer_numbers(maps: LayerMaps) -> tuple[str, str, str]:
    """A layer's statistics in a line, with all their digits, and in a shorter line."""
    zeros = f"{percent(maps.zeros, 2)} zeros"
    mean, deviation = significant(maps.mean), significant(maps.std)
    exact = f"mean {maps.mean!r}\ndeviation {maps.std!r}\nshare of zeros {maps.zeros!r}"
    return f"mean {mean} · deviation {deviation} · {zeros}", exact, f"μ {mean}  σ {deviation}  {zeros}"


CONTRASTS = {"channel": "per channel", "layer": "per layer", "fixed": "fixed"}
CONTRAST_TIPS = {
    "channel": "Each channel from its own lowest to its own highest value: every pattern can be seen",
    "layer": "One scale for all channels: strong and weak ones can be compared",
    "fixed": "Keep the scale that the layer has now, whatever image or layer comes: images can be compared",
}
COLOURS_TIP = (
    "Colour map: equal steps in value are equal steps to the eye; diverging has zero in its middle, "
    "cyan is not a number"
)
COLOURS: tuple[Colours, ...] = ("viridis", "magma", "grey", "diverging")
SORTS = {
    "index": "by number",
    "mean": "by mean",
    "maximum": "by maximum",
    "variance": "by variance",
    "difference": "by difference",
}
SORT_TIP = "Which channel comes first: the greatest mean, maximum, variance or difference to the reference"


class MapsToolbar(QWidget):
    """Emits the `Drawing` that is wished for; one that becomes fixed has yet to be given its limits."""

    drawing_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._drawing = MapStyle()
        self._contrast = SegmentedControl(CONTRASTS, "Contrast", CONTRAST_TIPS)
        self._contrast.setObjectName("contrast")
        self._contrast.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._colours = named(QComboBox(), "colourMap", "Colour map", COLOURS_TIP)
        self._colours.addItems(COLOURS)
        self._sort = ComboBox(SORTS, "channelOrder", "Order of channels", SORT_TIP)
        self._sort.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row = row = FlowLayout()
        self.setLayout(row)
        for widget in (self._contrast, self._colours, self._sort):
            row.addWidget(widget)
        self._connect()
        self.show_drawing(self._drawing)

    def add(self, tool: QWidget) -> None:
        """Put another control behind these."""
        self._row.addWidget(tool)

    def show_drawing(self, drawing: MapStyle, *, channels_alone: bool = True) -> None:
        """Show how maps are drawn; maps of one value each can't have a range of their own."""
        self._drawing = drawing
        self._contrast.show_value(drawing.contrast)
        self._contrast.button("channel").setEnabled(channels_alone)
        with QSignalBlocker(self._colours):
            self._colours.setCurrentText(drawing.colours)
        self._sort.show_value(drawing.sort)

    def _connect(self) -> None:
        self._contrast.chosen.connect(lambda contrast: self._wish(contrast=cast(Contrast, contrast), limits=None))
        self._colours.currentTextChanged.connect(lambda name: self._wish(colours=cast(Colours, name)))
        self._sort.chosen.connect(lambda sort: self._wish(sort=cast(Sort, sort)))

    def _wish(self, **changes: object) -> None:
        self.drawing_wished.emit(replace(self._drawing, **changes))  # type: ignore[arg-type]
