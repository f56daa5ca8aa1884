"""The Maps page: every channel of the chosen layer, or what to do to see some."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLabel, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from resnet_studio.export.figure import MapFigure
from resnet_studio.export.provenance import name_of, stamp_of
from resnet_studio.gui.activations.maps.panel import MapsPanel
from resnet_studio.gui.common.button_feedback import make_room
from resnet_studio.gui.common.helpers import named
from resnet_studio.inference.feature_maps import Colours
from resnet_studio.inference.values import ForwardResult, image_title

NO_IMAGE = "Choose an image on the left, or drop one here, to see what every layer makes of it."
NO_LAYER = "Choose a layer on the left to see its feature maps."


class MapsView(QWidget):
    """Shows one layer of a look; what is there stays until the layer that was chosen has come."""

    channel_shown = Signal(int, object, object)
    """Number, values and pixels of the channel that is to be shown large."""
    hovered = Signal(object)
    """The `Place` under the mouse, or None."""
    pin_wished = Signal(int)
    """A channel of the shown layer is to stay in view."""
    export_wished = Signal(object, object)
    """The path of the file to be written, and the `Sheet` that goes into it."""
    reference_wished = Signal()
    """What is shown now is to be what others are compared with."""
    reference_layer_wished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._look: ForwardResult | None = None
        self._drawn: ForwardResult | None = None
        """The look whose maps are shown, which may be older than the newest."""
        self._reference: ForwardResult | None = None
        self._layer = self._shown = ""
        self._empty = named(QLabel(NO_IMAGE, wordWrap=True), "activationsEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self._maps = MapsPanel()
        self._maps.channel_shown.connect(self.channel_shown)
        self._maps.hovered.connect(self.hovered)
        self._maps.pin_wished.connect(self.pin_wished)
        self._export = MapsExportButton()
        self._export.wished.connect(self._wish_export)
        self._maps.add_tool(self._export)
        self._maps.export_wished.connect(self._export.showMenu)
        self._maps.channel_shown.connect(lambda number, *_: self._export.show_channel(number))
        self._maps.reference_wished.connect(self.reference_wished)
        self._maps.reference_layer_wished.connect(self.reference_layer_wished)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._maps)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._pages)

    def show_chosen(self, reference: str, layer: str) -> None:
        """Show a layer's maps where they are there already."""
        self._layer = layer
        if self._look is not None:
            self.show_look(self._look)
        elif reference:
            self._empty.setText(f"{image_title(reference)} is on its way through the network …")

    def show_look(self, look: ForwardResult) -> None:
        """The chosen layer's maps if the look holds them; else what is shown stays, or is the look's first layer."""
        self._look = look
        maps = {maps.name: maps for maps in look.layers}.get(self._layer)
        if maps is None and look.layers and self._pages.currentWidget() is self._empty:
            maps = look.layers[0]
        if maps is not None:
            self._shown, self._drawn = maps.name, look
            self._export.stem = f"{Path(name_of(look.subject.image)).stem}-{maps.name}"
            self._maps.show_maps(maps, brief=look.brief)
            self._pages.setCurrentWidget(self._maps)
        elif not look.layers:
            self._empty.setText(NO_LAYER)

    def layer(self) -> str:
        """The layer whose maps are shown."""
        return self._shown

    def channel(self) -> int:
        """The channel that is framed, and shown large."""
        return self._maps.channel()

    def colours(self) -> Colours:
        """The colour map that they are shown in."""
        return self._maps.drawing().colours

    def show_reference(self, reference: ForwardResult) -> None:
        """Compare with this look, where channels are sorted by how much they differ."""
        self._reference = reference
        self._maps.show_reference(reference)

    def show_channel(self, channel: int) -> None:
        """Frame a channel and have it shown large."""
        self._maps.show_channel(channel)

    def show_problem(self, sentence: str) -> None:
        """Say why there are no maps, as long as there are none."""
        self._empty.setText(sentence)

    def sheet(self, *, alone: bool = False, scale: int = 1) -> MapFigure | None:
        """The maps as they are drawn now, or one channel alone, to be written; None without any."""
        look, drawing, order = self._drawn, self._maps.drawing(), self._maps.order()
        if look is None:
            return None
        reference = self._reference if drawing.sort == "difference" else None
        stamp = stamp_of(
            look, (self._shown,), drawing, reference=reference.subject.image if reference else "",
            channel=self._maps.channel() if alone else None, scale=scale,
        )  # fmt: skip
        layers = tuple(maps for maps in look.layers if maps.name == self._shown)
        return MapFigure(layers, stamp, None if order is None else {self._shown: order})

    def show_saving(self, saving: bool) -> None:
        """Say that maps are being written to a file."""
        self._export.show_saving(saving)

    def _wish_export(self, wish: ExportRequest) -> None:
        if sheet := self.sheet(alone=wish.alone, scale=wish.scale):
            self.export_wished.emit(wish.path, sheet)


SCALES = (1, 2, 4)
FILTERS = {
    "png": "Picture (*.png)", "svg": "Page (*.svg)", "npz": "NumPy values (*.npz)", "npy": "NumPy values (*.npy)",
    "csv": "Table (*.csv)",
}  # fmt: skip
TIP = "Save the maps as they are drawn now, their values or their statistics; each file says where it comes from"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What is to be written; the path's ending tells the kind of file."""

    path: Path
    alone: bool
    """Only the channel that is shown large."""
    scale: int
    """Pixels along each value."""


class MapsExportButton(QToolButton):
    """Emits an `ExportWish`. `stem` is what the file is called unless the user says otherwise."""

    wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        named(self, "exportMaps", "Export the maps", TIP)
        self.stem, self._channel = "maps", 0
        self.setText("Export ▾")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._pictures(menu.addMenu("All channels as a picture (PNG)"), alone=False)
        self._alone = menu.addMenu("")
        self._pictures(self._alone, alone=True)
        menu.addAction("Page with scale and caption (SVG)", partial(self._ask, "svg"))
        menu.addSeparator()
        menu.addAction("Values (NPZ)", partial(self._ask, "npz"))
        menu.addAction("Values alone (NPY)", partial(self._ask, "npy"))
        menu.addAction("Statistics of each channel (CSV)", partial(self._ask, "csv"))
        menu.aboutToShow.connect(self._name_channel)
        self.setMenu(menu)
        self._name_channel()
        make_room(self, "Saving…")

    def show_saving(self, saving: bool) -> None:
        """Say that a file is being written; the next one can be asked for afterwards."""
        self.setText("Saving…" if saving else "Export ▾")
        self.setEnabled(not saving)

    def show_channel(self, number: int) -> None:
        """Offer this channel alone."""
        self._channel = number

    def _name_channel(self) -> None:
        self._alone.setTitle(f"Channel {self._channel} as a picture (PNG)")

    def _pictures(self, menu: QMenu, *, alone: bool) -> None:
        for scale in SCALES:
            text = "as it is" if scale == 1 else f"{scale} times as large"
            menu.addAction(text, partial(self._ask, "png", alone, scale))

    def _ask(self, ending: str, alone: bool = False, scale: int = 1) -> None:
        dialog = named(QFileDialog(self, self.accessibleName()), "exportDialog", self.accessibleName())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(FILTERS[ending])
        dialog.setDefaultSuffix(ending)
        channel = f"-channel-{self._channel}" if alone else ""
        dialog.selectFile(f"{self.stem}{channel}.{ending}")
        dialog.fileSelected.connect(lambda path: self.wished.emit(ExportRequest(Path(path), alone, scale)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
