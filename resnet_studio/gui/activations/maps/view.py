"""The Maps tab: every channel of the selected layer or a hint, and the export menu."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.export.figure import MapFigure
from resnet_studio.export.provenance import image_name, provenance_of
from resnet_studio.gui.activations.maps.panel import MapsPanel
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import empty_label
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import MapStyle
from resnet_studio.inference.values import ForwardResult, image_title

NO_IMAGE = "Choose an image on the left, or drop one here, to see the feature maps of every layer."
NO_LAYER = "Choose a layer on the left to see its feature maps."


class MapsView(QWidget):
    """Shows one layer of a result; its maps stay until those of a newly selected layer have come."""

    exportRequested = Signal(object, object)
    """The path of the file to write, and its `MapFigure`."""

    def __init__(self) -> None:
        super().__init__()
        self._result: ForwardResult | None = None
        self._shown_result: ForwardResult | None = None
        """The result whose maps are shown, which may be older than the newest."""
        self._reference: ForwardResult | None = None
        self._layer = self._shown = ""
        self._empty = empty_label("activationsEmpty", NO_IMAGE)
        self.panel = MapsPanel()
        self._export = MapsExportButton()
        self._export.exportRequested.connect(self._request_export)
        self.panel.add_tool(self._export)
        self.panel.exportRequested.connect(self._export.showMenu)
        self.panel.channelChanged.connect(lambda number, *_: self._export.show_channel(number))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.panel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)

    def show_selection(self, reference: str, layer: str) -> None:
        """Select a layer; its maps are shown if the result has them already."""
        self._layer = layer
        if self._result is not None:
            self.show_result(self._result)
        elif reference:
            self._empty.setText(f"Running {image_title(reference)} …")

    def show_result(self, result: ForwardResult) -> None:
        """Show the selected layer's maps if the result has them; else keep those shown, or show its first layer."""
        self._result = result
        maps = result.maps(self._layer)
        if maps is None and result.layers and self._stack.currentWidget() is self._empty:
            maps = result.layers[0]
        if maps is not None:
            self._shown, self._shown_result = maps.name, result
            self._export.stem = f"{Path(image_name(result.spec.image)).stem}-{maps.name}"
            self.panel.show_maps(maps, preview=result.preview)
            self._stack.setCurrentWidget(self.panel)
        elif not result.layers:
            self._empty.setText(NO_LAYER)

    def layer(self) -> str:
        """The layer whose maps are shown."""
        return self._shown

    def channel(self) -> int:
        """The selected channel, which is shown large."""
        return self.panel.channel()

    def map_style(self) -> MapStyle:
        """How the maps are drawn."""
        return self.panel.map_style()

    def colormap(self) -> Colormap:
        """The colormap of the maps."""
        return self.panel.map_style().colours

    def show_reference(self, reference: ForwardResult) -> None:
        """Use this result when channels are sorted by difference."""
        self._reference = reference
        self.panel.show_reference(reference)

    def show_channel(self, channel: int) -> None:
        """Select a channel and emit it to be shown large."""
        self.panel.show_channel(channel)

    def show_problem(self, sentence: str) -> None:
        """Show a message, as long as there are no maps."""
        self._empty.setText(sentence)

    def figure(self, *, alone: bool = False, scale: int = 1) -> MapFigure | None:
        """The maps as they are drawn now, or the selected channel alone, for export; None without maps."""
        result, style, order = self._shown_result, self.panel.map_style(), self.panel.order()
        if result is None:
            return None
        reference = self._reference if style.sort == "difference" else None
        provenance = provenance_of(
            result, (self._shown,), style, reference=reference.spec.image if reference else "",
            channel=self.panel.channel() if alone else None, scale=scale,
        )  # fmt: skip
        shown = result.maps(self._shown)
        return MapFigure((shown,) if shown else (), provenance, None if order is None else {self._shown: order})

    def show_saving(self, saving: bool) -> None:
        """Show whether a file is being written."""
        self._export.show_saving(saving)

    def _request_export(self, request: ExportRequest) -> None:
        if figure := self.figure(alone=request.alone, scale=request.scale):
            self.exportRequested.emit(request.path, figure)


SCALES = (1, 2, 4)
FILTERS = {
    "png": "PNG image (*.png)", "svg": "SVG figure (*.svg)", "npz": "NumPy values (*.npz)",
    "npy": "NumPy values (*.npy)", "csv": "CSV table (*.csv)",
}  # fmt: skip
TIP = "Save the maps as shown, their values or their statistics; each file records how it was made"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export; the path's suffix is the format."""

    path: Path
    alone: bool
    """Only the selected channel."""
    scale: int
    """Pixels per value, along each axis."""


class MapsExportButton(ExportButton):
    """Emits an `ExportRequest`."""

    exportRequested = Signal(object)

    def __init__(self) -> None:
        self._channel = 0
        super().__init__("exportMaps", "Export the maps", TIP, "maps")

    def show_channel(self, number: int) -> None:
        """Set the channel that can be exported alone."""
        self._channel = number

    def _fill(self, menu: QMenu) -> None:
        self._add_picture_actions(menu.addMenu("All channels (PNG)"), alone=False)
        self._alone = menu.addMenu("")
        self._add_picture_actions(self._alone, alone=True)
        menu.addAction("Figure with color bar and caption (SVG)", partial(self._ask, "svg"))
        menu.addSeparator()
        menu.addAction("Values (NPZ)", partial(self._ask, "npz"))
        menu.addAction("Values only (NPY)", partial(self._ask, "npy"))
        menu.addAction("Statistics per channel (CSV)", partial(self._ask, "csv"))
        menu.aboutToShow.connect(self._update_channel_title)
        self._update_channel_title()

    def _update_channel_title(self) -> None:
        self._alone.setTitle(f"Channel {self._channel} (PNG)")

    def _add_picture_actions(self, menu: QMenu, *, alone: bool) -> None:
        for scale in SCALES:
            menu.addAction(f"{scale}×", partial(self._ask, "png", alone, scale))

    def _ask(self, ending: str, alone: bool = False, scale: int = 1) -> None:
        self._open_dialog(
            ending, FILTERS[ending], lambda path: self.exportRequested.emit(ExportRequest(path, alone, scale)),
            detail=f"-channel-{self._channel}" if alone else "",
        )  # fmt: skip
