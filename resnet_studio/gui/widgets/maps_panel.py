"""The feature maps of one layer: what they amount to, how they are drawn, and the value under the mouse."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.mosaic_view import MosaicView
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.segmented import Segmented
from resnet_studio.gui.widgets.significant import significant
from resnet_studio.inference.maps import Colours, Contrast, Drawing, Place
from resnet_studio.inference.values import LayerMaps

HINT = "click enlarges · wheel zooms · double-click resets"
CONTRAST_TIPS = {
    "channel": "Each channel from its own lowest to its own highest value: every pattern can be seen",
    "layer": "One scale for all channels: strong and weak ones can be compared",
}


class MapsPanel(QWidget):
    """Emits `channel_shown` with number, values and pixels whenever the channel to be shown large is another."""

    channel_shown = Signal(int, object, object)

    def __init__(self) -> None:
        super().__init__()
        self._maps: LayerMaps | None = None
        self._wished: Contrast = "channel"
        self._place: Place | None = None
        self._name = named(QLabel(wordWrap=True), "mapsHeading", "Layer")
        self._numbers = named(QLabel(wordWrap=True), "mapsNumbers", "Statistics of the layer")
        self._readout = named(QLabel(HINT), "mapsReadout", "Value under the mouse")
        self._readout.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for label in (self._numbers, self._readout):
            label.setProperty("quiet", True)
        self._contrast = Segmented({"channel": "per channel", "layer": "per layer"}, "Contrast", CONTRAST_TIPS)
        self._contrast.setObjectName("contrast")
        self._contrast.show_value(self._wished)
        self._contrast.chosen.connect(self._take_contrast)
        tip = "Colour map: equal steps in value are equal steps to the eye; cyan is not a number"
        self._colours = named(QComboBox(), "colourMap", "Colour map", tip)
        self._colours.addItems(["viridis", "magma", "grey"])
        self._colours.activated.connect(self._draw)
        self._mosaic = MosaicView()
        self._mosaic.channel_chosen.connect(self._tell_channel)
        self._mosaic.hovered.connect(self._read)
        self._lay_out()

    def show_maps(self, maps: LayerMaps) -> None:
        """Show a layer's maps; the channel chosen before stays so where there is one of its number."""
        if self._maps is None or self._maps.values.shape != maps.values.shape:
            self._place = None
        self._maps = maps
        channels, height, width = maps.values.shape
        self._name.setText(f"<b>{maps.name}</b> · {channels:,} channel{'s' if channels > 1 else ''}, {height}×{width}")
        numbers = f"mean {significant(maps.mean)} · deviation {significant(maps.std)} · {maps.zeros:.0%}".replace(
            "%", " % zeros"
        )
        self._numbers.setText(numbers)
        self._numbers.setToolTip(f"mean {maps.mean!r}\ndeviation {maps.std!r}\nshare of zeros {maps.zeros!r}")
        self._draw()
        self._read(self._place)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        for widget in (self._contrast, self._colours):
            tools.addWidget(widget)
        tools.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._name)
        words.addWidget(self._numbers)
        column.addLayout(words)
        column.addLayout(tools)
        column.addWidget(self._mosaic, 1)
        column.addWidget(self._readout)

    def _take_contrast(self, contrast: str) -> None:
        self._wished = cast(Contrast, contrast)
        self._draw()

    def _draw(self) -> None:
        """Maps of one value each have a scale in common, whatever is wished: alone, each would be constant."""
        if self._maps is None:
            return
        one_value = self._maps.values[0].size == 1
        contrast: Contrast = "layer" if one_value else self._wished
        self._contrast.show_value(contrast)
        self._contrast.setDisabled(one_value)
        self._mosaic.show_values(self._maps.values, Drawing(contrast, cast(Colours, self._colours.currentText())))
        self._tell_channel(self._mosaic.channel())

    def _tell_channel(self, channel: int) -> None:
        assert self._maps is not None  # the mosaic shows a channel only after it was given maps
        self.channel_shown.emit(channel, self._maps.values[channel], self._mosaic.pixels(channel))

    def _read(self, place: Place | None) -> None:
        self._place = place
        if place is None or self._maps is None:
            self._readout.setText(HINT)
            return
        value = float(self._maps.values[place.channel, place.row, place.column])
        self._readout.setText(
            f"channel {place.channel} · row {place.row}, column {place.column} · {significant(value)}"
        )
