"""The Activations workspace: image, handles and layers around the pages that show what the network makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QLabel, QSplitter, QTabBar, QVBoxLayout, QWidget

from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.activations.images.strip import ImageStrip
from resnet_studio.gui.activations.input.transform_panel import TransformPanel
from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.layer_picker import LayerPicker
from resnet_studio.gui.activations.pin_bar import PinBar
from resnet_studio.gui.activations.pins import Pin
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.gui.common.helpers import column, named, rule
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.common.layouts import VerticalScrollArea
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, Photograph, Pixels, image_title
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.receptive_field import Box, field, read

FORMER = "of the former architecture"
LOW = 680
"""Below this height the tray's maps are small, so that the mosaic keeps its room."""
LEFT, RIGHT = (168, 208), (232, 304)
"""Least and greatest width that the outer columns have by themselves."""
NARROW = 144, 224
"""Their widths where the pages in the middle would else not have room for all of their tabs."""


class ActivationsView(QWidget):
    """Shows what one image does in a network, and emits which image, layer, weights and files the user wants."""

    image_chosen = Signal(str)
    layer_chosen = Signal(str)
    files_wished = Signal(object)
    """Paths that were dropped or opened."""
    weights_wished = Signal(object)
    architecture_requested = Signal(object)
    """Where weights are to come from."""
    digits_wished = Signal()
    handles_wished = Signal(object, bool)
    """The handles, and whether the hand still moves."""
    pin_wished = Signal(str, int)
    """A layer's channel is to be kept in view, or no longer if it is."""

    def __init__(self, pages: QWidget) -> None:
        """`pages` has the middle of the workspace."""
        super().__init__()
        self._pages = pages
        self._look: ForwardResult | None = None
        self._photograph_of = ""
        self._photograph: Photograph | None = None
        self._architecture: Architecture | None = None
        self.images, self.layers, self.weights = ImageStrip(), LayerPicker(), WeightsRow()
        self.input, self.handles = InputView(), TransformPanel()
        self.predictions, self.channel, self.tray = PredictionBars(), ChannelView(), PinBar()
        self._layer = ""
        self._shown = Pin("", 0)
        """The channel that is large."""
        self._pins: tuple[Pin, ...] = ()
        self._photograph_notes = _line("photographNotes")
        self._doubt = _line("predictionsDoubt")
        self._origin = _line("lookOrigin")
        self._columns = self._lay_out(pages)
        self._connect()
        self.setAcceptDrops(True)
        paste = QShortcut(QKeySequence.StandardKey.Paste, self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.activated.connect(self.images.sources.paste_wished)

    def show_images(self, references: Sequence[str]) -> None:
        """List the images at hand."""
        self.images.show_images(references)

    def show_layers(self, architecture: Architecture) -> None:
        """List an architecture's layers; maps that are there stay, and are said to be of the former one."""
        self._architecture = architecture
        self.layers.show_layers(architecture)
        self.tray.show_layers(architecture)
        self.show_place(None)
        self._show_origin()

    def show_chosen(self, reference: str, layer: str) -> None:
        """Show which image and which layer are looked at."""
        self._layer = layer
        self.images.show_chosen(reference)
        self.layers.show_chosen(layer)

    def show_photograph(self, photograph: Photograph) -> None:
        """Show the chosen image as it was opened."""
        self._photograph, self._photograph_of = photograph, self.images.chosen()
        self.images.show_thumbnail(photograph)
        self.input.show_photograph(photograph)
        _say(self._photograph_notes, "\n".join(photograph.notes), "quiet")
        self._show_seen()
        self._show_predictions()
        self._show_origin()

    def show_handles(self, handles: ImageTransforms) -> None:
        """Show how the image is changed by hand."""
        self.handles.show_handles(handles)
        self.input.show_handles(handles)

    def show_look(self, look: ForwardResult) -> None:
        """Show what the network makes of the chosen image."""
        before, self._look = self._look, look
        self._show_seen()
        self._show_predictions()
        self.channel.show_seen(look.seen)
        self.tray.show_look(look)
        _say(self._doubt, doubt(look), "warning")
        if before is None or (before.weights, before.subject.weights) != (look.weights, look.subject.weights):
            self.weights.show_weights(look.weights, look.subject.weights)
        self._show_origin()

    def show_channel(self, number: int, values: NDArray[np.float32], pixels: Pixels, layer: str = "") -> None:
        """Show one channel large; it is of the chosen layer if nothing else is said."""
        layer = layer or self._layer
        self.channel.show_channel(number, values, pixels)
        if layer != self._shown.layer:
            self.show_place(None)
        if (layer, number) != self._shown:
            self._shown = Pin(layer, number)
            self._show_pinned()
        self.channel.show_sight(*self._sight(layer))

    def show_pins(self, pins: tuple[Pin, ...]) -> None:
        """Show the channels that are kept in view."""
        self._pins = pins
        self.tray.show_pins(pins)
        self._show_pinned()

    def show_place(self, place: Place | None) -> None:
        """Draw what a value of the large channel's layer depends on; None takes that away."""
        known = place is not None and self._look is not None and self._holds(self._shown.layer)
        if known and place is not None and self._look is not None:
            self.input.show_field(read(self._look.subject.architecture, self._shown.layer, place.row, place.column))
        else:
            self.input.show_field(None)

    def start_search(self) -> None:
        """Put the cursor where a layer's name can be typed."""
        self.layers.start_search()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        """P pins the large channel, wherever the focus is, unless something is typed there."""
        if event.key() == Qt.Key.Key_P and not event.modifiers() and self._shown.layer:
            self.pin_wished.emit(*self._shown)
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  (Qt's names)
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self.files_wished.emit([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.tray.show_small(small=self.height() < LOW)
        if not self._columns.property("moved"):
            left = min(max(LEFT[0], self.width() * 3 // 16), LEFT[1])
            right = min(max(RIGHT[0], self.width() * 9 // 32), RIGHT[1])
            tabs = self._pages.findChild(QTabBar)
            if tabs and self.width() - left - right < tabs.sizeHint().width() + 2 * GRID + 2:
                left, right = NARROW
            self._columns.setSizes([left, self.width() - left - right, right])

    def _lay_out(self, pages: QWidget) -> QSplitter:
        columns = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False, handleWidth=1)
        columns.splitterMoved.connect(lambda: columns.setProperty("moved", True))
        columns.addWidget(column((self.images, 2), (rule(), 0), (self.layers, 3), margin=GRID))
        columns.addWidget(
            column((pages, 1), (rule(), 0), (self.tray, 0), (rule(), 0),
                   (FixedHeightLabel(self._origin), 0), (self.weights, 0), margin=GRID)
        )  # fmt: skip
        columns.addWidget(
            VerticalScrollArea(
                column((self.input, 0), (self.handles, 0), (self._photograph_notes, 0), (self.predictions, 0),
                       (self._doubt, 0), (rule(), 0), (self.channel, 1))
            )
        )  # fmt: skip
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(columns)
        return columns

    def _connect(self) -> None:
        self.images.image_chosen.connect(self.image_chosen)
        self.images.sources.files_wished.connect(self.files_wished)
        self.layers.layer_chosen.connect(self.layer_chosen)
        self.weights.weights_wished.connect(self.weights_wished)
        self.weights.architecture_requested.connect(self.architecture_requested)
        self.weights.digits_wished.connect(self.digits_wished)
        self.handles.handles_wished.connect(self.handles_wished)
        self.input.handles_wished.connect(self.handles_wished)
        self.channel.hovered.connect(self.show_place)
        self.channel.pin_wished.connect(lambda number: self.pin_wished.emit(self._shown.layer, number))

    def _show_origin(self) -> None:
        """Of which image the result is, and where it was computed."""
        if self._look is None:
            return
        subject = self._look.subject
        device = "CPU" if subject.device == "cpu" else subject.device
        former = FORMER if subject.architecture != self._architecture else ""
        opened = self._opened(subject.image)
        title = opened.title if opened else image_title(subject.image)
        parts = (title, f"{device}, {self._look.seconds:.2f} s", former)
        _say(self._origin, " · ".join(filter(None, parts)), "warning" if former else "quiet")

    def _opened(self, reference: str) -> Photograph | None:
        """The photograph on the screen, if it is of that image."""
        return self._photograph if self._photograph_of == reference else None

    def _show_predictions(self) -> None:
        """The look's, with a mark at the right class where the photograph tells it."""
        if self._look is not None:
            opened = self._opened(self._look.subject.image)
            self.predictions.show_predictions(self._look.predictions or (), opened.truth if opened else "")

    def _sight(self, layer: str) -> tuple[str, str]:
        """How much of the input each value of a layer depends on, in a word or two and in a sentence."""
        if self._look is None or not self._holds(layer):
            return "", ""
        architecture = self._look.subject.architecture
        sees = field(architecture, layer, 0, 0)
        size, side = f"{sees.width}×{sees.height}", architecture.image
        if sees == Box(0, 0, side, side):
            return "sees all", "Each value of this layer depends on all of the input"
        if sees.width > side:
            return f"field {size}", (
                f"The receptive field of each value, {size}, is larger than the input of {side}×{side}: beyond the "
                "edges there is only padding. What a value really sees is drawn on the input"
            )
        return f"sees {size}", "Each value of this layer depends on so many pixels of the input: its receptive field"

    def _holds(self, layer: str) -> bool:
        """Whether the look has a layer, and so its network."""
        return self._look is not None and any(maps.name == layer for maps in self._look.layers)

    def _show_pinned(self) -> None:
        self.channel.show_pinned(pinned=self._shown in self._pins)
        self.tray.show_current(*self._shown)

    def _show_seen(self) -> None:
        """The network's input, where photograph and look are of one image; either may come first."""
        if self._look is not None and self._opened(self._look.subject.image):
            self.input.show_seen(self._look.seen, self._look.weights.preprocessing)


def doubt(look: ForwardResult) -> str:
    """What to think of the predictions; nothing where the weights are trained."""
    if not look.predictions:
        return "The network's output is not a number, so there is no prediction: look for the first layer with NaN"
    source = look.weights.source.replace("random, ", "random weights, ", 1)
    return "" if look.weights.trained else f"{source}: untrained, the names mean nothing"


def _line(name: str) -> QLabel:
    """A line that is there only while it says something."""
    label = named(QLabel(wordWrap=True), name)
    label.hide()
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _say(label: QLabel, text: str, tone: Literal["quiet", "warning"]) -> None:
    if label.text() == text and label.property(tone):
        return
    label.setText(text)
    label.setVisible(bool(text))
    for one in ("quiet", "warning"):
        label.setProperty(one, one == tone)
    label.style().unpolish(label)
    label.style().polish(label)
