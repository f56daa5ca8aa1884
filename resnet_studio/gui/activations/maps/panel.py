"""The feature maps of one layer with statistics, style controls, and the value under the mouse."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.formatting import about_percent, significant
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel, labeled, layer_heading
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.colormaps import COLORMAPS, Colormap
from resnet_studio.inference.feature_maps import Contrast, MapStyle, Place, Sort, channel_order, value_range
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title

HINT, SHORT_HINT = "click enlarges · wheel zooms · double-click resets", "click enlarges · wheel zooms"
REFERENCE_TIP = "Keep the current maps as a reference, to sort channels by how much they change with another image"
NO_REFERENCE = "No reference yet. Choose the image to compare with, then “Set as reference”."


class MapsPanel(QWidget):
    """Emits `channelChanged` with number, values and pixels of the channel to be shown large."""

    channelChanged = Signal(int, object, object)
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    pinRequested = Signal(int)
    """A channel is to be pinned."""
    exportRequested = Signal()
    referenceRequested = Signal()
    """What is shown now is to be the reference."""
    referenceLayerRequested = Signal(str)
    """A layer that the reference lacks."""

    def __init__(self) -> None:
        super().__init__()
        self._maps: LayerMaps | None = None
        self._reference: ForwardResult | None = None
        self._requested_style = MapStyle()
        self._order: NDArray[np.intp] | None = None
        self._place: Place | None = None
        self._name = set_names(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "mapsHeading", "Layer")
        self._statistics = set_names(ElidedLabel(), "mapsNumbers", "Layer statistics")
        self._note = set_names(QLabel(wordWrap=True), "referenceNote", "Reference")
        self._readout = set_names(ElidedLabel(), "mapsReadout", "Value under the cursor")
        self._readout.set_text(HINT, "", SHORT_HINT)
        for label in (self._statistics, self._note, self._readout):
            label.setProperty("quiet", True)
        self._tools, self._mosaic, self._bar = MapsToolbar(), MosaicView(), ColorBar()
        self._set_reference = set_names(
            QPushButton("Set as reference"), "setReference", "Set as reference", REFERENCE_TIP
        )
        self._menu = self._make_menu()
        self._connect()
        self._lay_out()

    def show_maps(self, maps: LayerMaps, *, preview: bool = False) -> None:
        """Show a layer's maps; the channel number stays selected if the layer has it.

        Previews, which follow one another fast, keep the order of channels.
        """
        same = self._maps is not None and (self._maps.name, self._maps.values.shape) == (maps.name, maps.values.shape)
        if self._maps is None or self._maps.values.shape != maps.values.shape:
            self._place = None
        self._maps = maps
        self._name.setText(layer_heading(maps.name, maps.values.shape))
        self._statistics.set_text(*statistics_text(maps))
        self._draw(keep_order=preview and same)
        self._show_value(self._place)

    def show_reference(self, reference: ForwardResult | None) -> None:
        """Use this result when channels are sorted by difference."""
        self._reference = reference
        if self._requested_style.sort == "difference":
            self._draw()

    def show_channel(self, channel: int) -> None:
        """Select a channel and emit it to be shown large."""
        if self._maps is not None and 0 <= channel < len(self._maps.values):
            self._mosaic.show_tile(channel)
            self._emit_channel(channel)

    def add_tool(self, tool: QWidget) -> None:
        """Add a control to the toolbar."""
        self._tools.add_tool(tool)

    def map_style(self) -> MapStyle:
        """The style in effect: contrast or order that is not available is replaced by one that is."""
        one_value = self._maps is not None and self._maps.values[0].size == 1
        contrast = (
            "layer" if one_value and self._requested_style.contrast == "channel" else self._requested_style.contrast
        )
        return replace(
            self._requested_style,
            contrast=contrast,
            sort="index" if self._order is None else self._requested_style.sort,
        )

    def order(self) -> NDArray[np.intp] | None:
        """The channels in the order of the mosaic; None if sorted by index."""
        return self._order

    def channel(self) -> int:
        """The channel that is shown large."""
        return self._mosaic.tile()

    def _connect(self) -> None:
        self._tools.styleRequested.connect(self._on_style_requested)
        self._set_reference.clicked.connect(self.referenceRequested)
        self._bar.limitsChanged.connect(
            lambda low, high: self._on_style_requested(replace(self._requested_style, limits=(low, high)))
        )
        self._mosaic.tileSelected.connect(self._emit_channel)
        self._mosaic.hovered.connect(self._show_value)
        self._mosaic.hovered.connect(self.hovered)
        self._mosaic.menuRequested.connect(self._open_menu)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        heading = QVBoxLayout()
        heading.setSpacing(2)
        for label in (self._name, FixedHeightLabel(self._statistics)):
            heading.addWidget(label)
        above = QHBoxLayout()
        above.setSpacing(GRID)
        above.addLayout(heading, 1)
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
        self._pin = menu.addAction("Pin channel", lambda: self.pinRequested.emit(self._mosaic.tile()))
        menu.addAction("Copy values", self._copy)
        menu.addAction("Set as reference", self.referenceRequested.emit)
        menu.addSeparator()
        menu.addAction("Export…", self.exportRequested.emit)
        return menu

    def _open_menu(self, channel: int, point: QPoint) -> None:
        self._mosaic.show_tile(channel)
        self._pin.setText(f"Pin channel {channel}")
        self._menu.popup(point)

    def _copy(self) -> None:
        """Copy the channel's values: one line per row, columns separated by tabs."""
        if self._maps is not None:
            rows = self._maps.values[self._mosaic.tile()].tolist()
            QGuiApplication.clipboard().setText("\n".join("\t".join(map(repr, row)) for row in rows))
            self._readout.setText(f"Copied the {len(rows)}×{len(rows[0])} values of channel {self._mosaic.tile()}")

    def _on_style_requested(self, map_style: MapStyle) -> None:
        """Apply a style; a range that becomes fixed is the one that the layer has now."""
        if map_style.contrast == "fixed" and map_style.limits is None and self._maps is not None:
            low, high = (float(end.item()) for end in value_range(self._maps.values, MapStyle("layer")))
            map_style = replace(map_style, limits=(low, high if high > low else low + 1))
        same_order = map_style.sort == self._requested_style.sort
        self._requested_style = map_style
        self._draw(keep_order=same_order)

    def _draw(self, *, keep_order: bool = False) -> None:
        """Draw the maps. Maps of one value share a scale whatever is requested, as each alone would be constant."""
        if self._maps is None:
            self._tools.show_style(self._requested_style)
            return
        if not keep_order:
            self._order = self._order_of(self._maps)
        map_style = self.map_style()
        shown = replace(map_style, sort=self._requested_style.sort)
        self._tools.show_style(shown, channels_alone=self._maps.values[0].size > 1)
        self._mosaic.set_values(self._maps.values, map_style, self._order)
        ends = None if map_style.contrast == "channel" else value_range(self._maps.values, map_style)
        self._bar.set_range(
            map_style.colours,
            None if ends is None else (ends[0].item(), ends[1].item()),
            editable=map_style.contrast == "fixed",
        )
        self._emit_channel(self._mosaic.tile())

    def _order_of(self, maps: LayerMaps) -> NDArray[np.intp] | None:
        """The requested order of channels, None if sorted by index; also updates the note about the reference."""
        sort, theirs, note = self._requested_style.sort, None, ""
        if sort == "difference":
            theirs, note = self._reference_values(maps)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._set_reference.setVisible(sort == "difference")
        if sort == "index" or (sort == "difference" and theirs is None):
            return None
        return channel_order(maps.values, sort, theirs)

    def _reference_values(self, maps: LayerMaps) -> tuple[NDArray[np.float32] | None, str]:
        """The reference's values of a layer, or None, and a note about them."""
        if self._reference is None:
            return None, NO_REFERENCE
        title = image_title(self._reference.spec.image)
        found = self._reference.maps(maps.name)
        if found is None:
            self.referenceLayerRequested.emit(maps.name)
            return None, f"Computing {maps.name} of the reference {title} …; until then, channels are sorted by index."
        if found.values.shape != maps.values.shape:
            return None, f"The reference {title} is from another network. Set a new one."
        return found.values, f"by mean absolute difference from {title}"

    def _emit_channel(self, channel: int) -> None:
        assert self._maps is not None  # the mosaic emits a channel only after it was given maps
        self.channelChanged.emit(channel, self._maps.values[channel], self._mosaic.pixels(channel))

    def _show_value(self, place: Place | None) -> None:
        self._place = place
        if place is None or self._maps is None:
            self._readout.set_text(HINT, "", SHORT_HINT)
            return
        value = float(self._maps.values[place.channel, place.row, place.column])
        text, (channel, row, column) = significant(value), (place.channel, place.row, place.column)
        self._readout.set_text(
            f"channel {channel} · row {row}, column {column} · {text}", repr(value),
            f"channel {channel} · {row}, {column} · {text}",
        )  # fmt: skip


def statistics_text(maps: LayerMaps) -> tuple[str, str, str]:
    """A layer's statistics as a line, with all digits as a tooltip, and as a shorter line."""
    zeros = f"{about_percent(maps.zeros)} zeros"
    mean, std = significant(maps.mean), significant(maps.std)
    exact = f"mean {maps.mean!r}\nstd {maps.std!r}\nfraction of zeros {maps.zeros!r}"
    return f"mean {mean} · std {std} · {zeros}", exact, f"μ {mean}  σ {std}  {zeros}"


CONTRASTS = {"channel": "per channel", "layer": "per layer", "fixed": "fixed"}
CONTRAST_TIPS = {
    "channel": "Min to max of each channel: shows every pattern",
    "layer": "Min to max of the layer: strong and weak channels can be compared",
    "fixed": "Keep the current range for all images and layers, so that images can be compared",
}
COLORMAP_TIP = "Colormap: perceptually uniform; diverging is centered at zero, cyan is NaN"
SORTS = {
    "index": "by index",
    "mean": "by mean",
    "maximum": "by max",
    "variance": "by variance",
    "difference": "by difference",
}
SORT_TIP = "Channels with the highest mean, max, variance or difference from the reference come first"


class MapsToolbar(QWidget):
    """Emits the requested `MapStyle`; one with fixed contrast has no limits yet."""

    styleRequested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._style = MapStyle()
        self._contrast = SegmentedControl(CONTRASTS, "contrast", "Contrast", CONTRAST_TIPS, stretches=False)
        self._colormap = set_names(QComboBox(), "colourMap", "Colors", COLORMAP_TIP)
        self._colormap.addItems(COLORMAPS)
        self._sort = ComboBox(SORTS, "channelOrder", "Sort", SORT_TIP)
        self._sort.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row = row = FlowLayout()
        self.setLayout(row)
        for text, field in (("Contrast", self._contrast), ("Colors", self._colormap), ("Sort", self._sort)):
            row.addWidget(labeled(text, field))
        self._connect()
        self.show_style(self._style)

    def add_tool(self, tool: QWidget) -> None:
        """Add another control at the end."""
        self._row.addWidget(tool)

    def show_style(self, map_style: MapStyle, *, channels_alone: bool = True) -> None:
        """Show a style; `channels_alone` enables a range per channel, which maps of one value can't have."""
        self._style = map_style
        self._contrast.set_value(map_style.contrast)
        self._contrast.button("channel").setEnabled(channels_alone)
        with QSignalBlocker(self._colormap):
            self._colormap.setCurrentText(map_style.colours)
        self._sort.set_value(map_style.sort)

    def _connect(self) -> None:
        self._contrast.valueSelected.connect(
            lambda contrast: self._request(contrast=cast(Contrast, contrast), limits=None)
        )
        self._colormap.currentTextChanged.connect(lambda name: self._request(colours=cast(Colormap, name)))
        self._sort.valueSelected.connect(lambda sort: self._request(sort=cast(Sort, sort)))

    def _request(self, **changes: object) -> None:
        self.styleRequested.emit(replace(self._style, **changes))  # type: ignore[arg-type]
