"""How feature maps are drawn, as controls: contrast, colours, order of channels."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from resnet_studio.gui.widgets.choice import Choice
from resnet_studio.gui.widgets.flow import Flow
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.segmented import Segmented
from resnet_studio.inference.maps import Colours, Contrast, Drawing, Sort

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


class MapsTools(QWidget):
    """Emits the `Drawing` that is wished for; one that becomes fixed has yet to be given its limits."""

    drawing_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._drawing = Drawing()
        self._contrast = Segmented(CONTRASTS, "Contrast", CONTRAST_TIPS)
        self._contrast.setObjectName("contrast")
        self._contrast.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._colours = named(QComboBox(), "colourMap", "Colour map", COLOURS_TIP)
        self._colours.addItems(COLOURS)
        self._sort = Choice(SORTS, "channelOrder", "Order of channels", SORT_TIP)
        self._sort.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row = row = Flow()
        self.setLayout(row)
        for widget in (self._contrast, self._colours, self._sort):
            row.addWidget(widget)
        self._connect()
        self.show_drawing(self._drawing)

    def add(self, tool: QWidget) -> None:
        """Put another control behind these."""
        self._row.addWidget(tool)

    def show_drawing(self, drawing: Drawing, *, channels_alone: bool = True) -> None:
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
