"""The Activations workspace: an image on its way through a network, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.channel_view import ChannelView
from resnet_studio.gui.widgets.column import column
from resnet_studio.gui.widgets.image_strip import ImageStrip
from resnet_studio.gui.widgets.input_view import InputView
from resnet_studio.gui.widgets.layer_list import LayerList
from resnet_studio.gui.widgets.maps_panel import MapsPanel
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.predictions import Predictions
from resnet_studio.gui.widgets.rule import rule
from resnet_studio.gui.widgets.weights_row import WeightsRow
from resnet_studio.inference.values import Look, Photograph, image_title
from resnet_studio.networks.architecture import Architecture

NO_IMAGE = "Choose an image on the left, or drop one here, to see what every layer makes of it."
NO_LAYER = "Choose a layer on the left to see its feature maps."
FORMER = "of the former architecture"
LEFT, RIGHT = (168, 208), (232, 304)
"""Least and greatest width that the outer columns have by themselves."""


class ActivationsView(QWidget):
    """Shows what one image does in a network, and emits which image, layer, weights and files the user wants."""

    image_chosen = Signal(str)
    layer_chosen = Signal(str)
    files_wished = Signal(object)
    """Paths that were dropped or opened."""
    weights_wished = Signal(str)
    """A file's path, or nothing for random weights."""
    digits_wished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._look: Look | None = None
        self._look_of = self._photograph_of = self._layer = ""
        self._architecture: Architecture | None = None
        self._looked_through: Architecture | None = None
        self._images, self._layers = ImageStrip(), LayerList()
        self._maps, self._weights = MapsPanel(), WeightsRow()
        self._input, self._predictions, self._channel = InputView(), Predictions(), ChannelView()
        self._empty = named(QLabel(NO_IMAGE, wordWrap=True), "activationsEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self._problem = _line("activationsProblem")
        self._photograph_notes = _line("photographNotes")
        self._doubt = _line("predictionsDoubt")
        self._origin = _line("lookOrigin")
        self._pages = QStackedWidget()
        self._columns = self._lay_out()
        self._connect()
        self.setAcceptDrops(True)

    def show_images(self, references: Sequence[str]) -> None:
        """List the images at hand."""
        self._images.show_images(references)

    def show_layers(self, architecture: Architecture) -> None:
        """List an architecture's layers; maps that are there stay, and are said to be of the former one."""
        self._architecture = architecture
        self._layers.show_layers(architecture)
        self._show_origin()

    def show_chosen(self, reference: str, layer: str) -> None:
        """Show which image and which layer are looked at, with the layer's maps where they are there already."""
        self._images.show_chosen(reference)
        self._layers.show_chosen(layer)
        self._layer = layer
        if self._look is None:
            self._empty.setText(
                f"{image_title(reference)} is on its way through the network …" if reference else NO_IMAGE
            )
        else:
            self._show_maps(self._look)

    def show_photograph(self, photograph: Photograph) -> None:
        """Show the chosen image as it was opened."""
        self._photograph_of = self._images.chosen()
        self._images.show_thumbnail(self._photograph_of, photograph.pixels)
        self._input.show_photograph(photograph)
        _say(self._photograph_notes, "\n".join(photograph.notes), "quiet")
        self._show_seen()

    def show_thumbnail(self, photograph: Photograph) -> None:
        """Show a small copy of an image in the list of those at hand."""
        self._images.show_thumbnail(photograph.name, photograph.pixels)

    def show_look(self, look: Look) -> None:
        """Show what the network makes of the chosen image."""
        self._look, self._look_of, self._looked_through = look, self._images.chosen(), self._architecture
        _say(self._problem, "", "problem")
        self._show_seen()
        self._predictions.show_predictions(look.predictions)
        _say(self._doubt, doubt(look), "warning")
        self._weights.show_weights(look.weights)
        self._show_origin()
        self._show_maps(look)

    def show_problem(self, sentence: str) -> None:
        """Say why there are no new maps. The last good ones stay, and under them what they are of."""
        _say(self._problem, sentence if self._look else "", "problem")
        self._empty.setText(sentence)

    def start_search(self) -> None:
        """Put the cursor where a layer's name can be typed."""
        self._layers.start_search()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  (Qt's names)
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self.files_wished.emit([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if not self._columns.property("moved"):
            left = min(max(LEFT[0], self.width() * 3 // 16), LEFT[1])
            right = min(max(RIGHT[0], self.width() * 9 // 32), RIGHT[1])
            self._columns.setSizes([left, self.width() - left - right, right])

    def _lay_out(self) -> QSplitter:
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._maps)
        columns = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False, handleWidth=1)
        columns.splitterMoved.connect(lambda: columns.setProperty("moved", True))
        columns.addWidget(column((self._images, 2), (rule(), 0), (self._layers, 3), margin=GRID))
        columns.addWidget(
            column((self._problem, 0), (self._pages, 1), (self._origin, 0), (rule(), 0), (self._weights, 0))
        )
        columns.addWidget(
            column((self._input, 0), (self._photograph_notes, 0), (self._predictions, 0), (self._doubt, 0),
                    (rule(), 0), (self._channel, 1))
        )  # fmt: skip
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(columns)
        return columns

    def _connect(self) -> None:
        self._images.image_chosen.connect(self.image_chosen)
        self._images.files_wished.connect(self.files_wished)
        self._layers.layer_chosen.connect(self._take_layer)
        self._weights.weights_wished.connect(self.weights_wished)
        self._weights.digits_wished.connect(self.digits_wished)
        self._maps.channel_shown.connect(self._channel.show_channel)

    def _take_layer(self, name: str) -> None:
        self._layer = name
        if self._look is not None:
            self._show_maps(self._look)
        self.layer_chosen.emit(name)

    def _show_maps(self, look: Look) -> None:
        """The chosen layer's maps if the look holds them; else what is shown stays, or is the look's first layer."""
        named = {maps.name: maps for maps in look.layers}
        if self._layer in named:
            self._maps.show_maps(named[self._layer])
        elif look.layers and self._pages.currentWidget() is self._empty:
            self._maps.show_maps(look.layers[0])
        if look.layers:
            self._pages.setCurrentWidget(self._maps)
        else:
            self._empty.setText(NO_LAYER)

    def _show_origin(self) -> None:
        """Of which image the result is, and where it was computed."""
        if self._look is None:
            return
        device = "CPU" if self._look.device == "cpu" else self._look.device
        former = FORMER if self._looked_through != self._architecture else ""
        parts = (image_title(self._look_of), f"{device}, {self._look.seconds:.2f} s", former)
        _say(self._origin, " · ".join(filter(None, parts)), "warning" if former else "quiet")

    def _show_seen(self) -> None:
        """The network's input, where photograph and look are of one image; either may come first."""
        if self._look is not None and self._look_of == self._photograph_of:
            self._input.show_seen(self._look.seen, self._look.crop)


def doubt(look: Look) -> str:
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


def _say(label: QLabel, text: str, tone: Literal["quiet", "warning", "problem"]) -> None:
    label.setText(text)
    label.setVisible(bool(text))
    for one in ("quiet", "warning", "problem"):
        label.setProperty(one, one == tone)
    label.style().unpolish(label)
    label.style().polish(label)
