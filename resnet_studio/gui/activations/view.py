"""The Activations workspace: images, layers, transforms, weights and pins around its tabs."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QLabel, QSplitter, QTabBar, QVBoxLayout, QWidget

from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.activations.images.strip import ImageStrip
from resnet_studio.gui.activations.input.transform_panel import TransformPanel
from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.large_channel import LargeChannel
from resnet_studio.gui.activations.layer_picker import LayerPicker
from resnet_studio.gui.activations.pin_bar import PinBar
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.gui.common.helpers import separator, set_names, vbox
from resnet_studio.gui.common.labels import FixedHeightLabel
from resnet_studio.gui.common.layouts import VerticalScrollArea
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, Photograph, image_title
from resnet_studio.networks.architecture import Architecture

OUTDATED = "from the previous architecture"
COMPACT_BELOW = 680
"""Below this height, in pixels, the pinned maps are small, to leave space for the mosaic."""
LEFT_WIDTHS, RIGHT_WIDTHS = (168, 208), (232, 304)
"""Minimum and maximum width of the outer columns until the user moves the splitter."""
NARROW_WIDTHS = 144, 224
"""Their widths where the tab bar in the middle would otherwise not fit."""


class ActivationsView(QWidget):
    """Lays out what is around the pages, and shows one image in one network. Its parts emit what the user requests."""

    filesDropped = Signal(object)
    """The paths of dropped files."""

    def __init__(self, tabs: QWidget) -> None:
        """`tabs` is the middle of the workspace."""
        super().__init__()
        self._tabs = tabs
        self._result: ForwardResult | None = None
        self._photograph_reference = ""
        self._photograph: Photograph | None = None
        self._architecture: Architecture | None = None
        self.images, self.layers, self.weights = ImageStrip(), LayerPicker(), WeightsRow()
        self.input, self.transforms = InputView(), TransformPanel()
        self.predictions, self.channel, self.pin_bar = PredictionBars(), ChannelView(), PinBar()
        self.large_channel = LargeChannel(self.channel, self.input, self.pin_bar)
        self._photograph_notes = _hidden_label("photographNotes")
        self._caveat = _hidden_label("predictionsDoubt")
        self._origin = _hidden_label("lookOrigin")
        self._columns = self._lay_out(tabs)
        self.setAcceptDrops(True)
        paste = QShortcut(QKeySequence.StandardKey.Paste, self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        paste.activated.connect(self.images.sources.pasteRequested)

    def show_layers(self, architecture: Architecture) -> None:
        """List an architecture's layers; the maps shown stay, marked as those of the previous architecture."""
        self._architecture = architecture
        self.layers.show_layers(architecture)
        self.pin_bar.show_layers(architecture)
        self.large_channel.show_receptive_field(None)
        self._show_origin()

    def show_selection(self, reference: str, layer: str) -> None:
        """Show which image and layer are selected."""
        self.images.show_selected(reference)
        self.layers.show_selected(layer)

    def show_photograph(self, photograph: Photograph) -> None:
        """Show the selected image as it was opened."""
        self._photograph, self._photograph_reference = photograph, self.images.selected()
        self.images.show_thumbnail(photograph)
        self.input.show_photograph(photograph)
        _set_text(self._photograph_notes, "\n".join(photograph.notes), "quiet")
        self._show_model_input()
        self._show_predictions()
        self._show_origin()

    def show_transforms(self, transforms: ImageTransforms) -> None:
        """Show the image's transforms."""
        self.transforms.show_transforms(transforms)
        self.input.show_transforms(transforms)

    def show_result(self, result: ForwardResult) -> None:
        """Show the result of a forward pass."""
        before, self._result = self._result, result
        self._show_model_input()
        self._show_predictions()
        self.large_channel.show_result(result)
        self.pin_bar.show_result(result)
        _set_text(self._caveat, predictions_caveat(result), "warning")
        if before is None or (before.weights, before.spec.weights) != (result.weights, result.spec.weights):
            self.weights.show_weights(result.weights, result.spec.weights)
        self._show_origin()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Pin the large channel with P; a focused text field takes the key first."""
        if event.key() == Qt.Key.Key_P and not event.modifiers():
            self.large_channel.toggle_pin()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.filesDropped.emit([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.pin_bar.show_small(small=self.height() < COMPACT_BELOW)
        if not self._columns.property("moved"):
            left = min(max(LEFT_WIDTHS[0], self.width() * 3 // 16), LEFT_WIDTHS[1])
            right = min(max(RIGHT_WIDTHS[0], self.width() * 9 // 32), RIGHT_WIDTHS[1])
            tabs = self._tabs.findChild(QTabBar)
            if tabs and self.width() - left - right < tabs.sizeHint().width() + 2 * GRID + 2:
                left, right = NARROW_WIDTHS
            self._columns.setSizes([left, self.width() - left - right, right])

    def _lay_out(self, tabs: QWidget) -> QSplitter:
        columns = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False, handleWidth=1)
        columns.splitterMoved.connect(lambda: columns.setProperty("moved", True))
        columns.addWidget(vbox((self.images, 2), (separator(), 0), (self.layers, 3), margin=GRID))
        columns.addWidget(
            vbox((tabs, 1), (separator(), 0), (self.pin_bar, 0), (separator(), 0),
                   (FixedHeightLabel(self._origin), 0), (self.weights, 0), margin=GRID)
        )  # fmt: skip
        columns.addWidget(
            VerticalScrollArea(
                vbox((self.input, 0), (self.transforms, 0), (self._photograph_notes, 0), (self.predictions, 0),
                       (self._caveat, 0), (separator(), 0), (self.channel, 1))
            )
        )  # fmt: skip
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(columns)
        return columns

    def _show_origin(self) -> None:
        """Show which image the result is of, its device and its time."""
        if self._result is None:
            return
        spec = self._result.spec
        device = "CPU" if spec.device == "cpu" else spec.device
        outdated = OUTDATED if spec.architecture != self._architecture else ""
        photograph = self._current_photograph(spec.image)
        title = photograph.title if photograph else image_title(spec.image)
        parts = (title, f"{device}, {self._result.seconds:.2f} s", outdated)
        _set_text(self._origin, " · ".join(filter(None, parts)), "warning" if outdated else "quiet")

    def _current_photograph(self, reference: str) -> Photograph | None:
        """The photograph shown, if it is of that image."""
        return self._photograph if self._photograph_reference == reference else None

    def _show_predictions(self) -> None:
        """Show the predictions, with the correct class marked where the photograph's class is known."""
        if self._result is not None:
            photograph = self._current_photograph(self._result.spec.image)
            self.predictions.set_predictions(self._result.predictions or (), photograph.truth if photograph else "")

    def _show_model_input(self) -> None:
        """Show the network's input once photograph and result are of one image; either may come first."""
        if self._result is not None and self._current_photograph(self._result.spec.image):
            self.input.show_model_input(self._result.model_input, self._result.weights.preprocessing)


def predictions_caveat(result: ForwardResult) -> str:
    """A caveat about the predictions; empty if the weights are trained."""
    if not result.predictions:
        return "The output is NaN, so there is no prediction. Look for the first layer with NaN"
    source = result.weights.source.replace("random, ", "random weights, ", 1)
    return "" if result.weights.trained else f"{source}: untrained, the class names are meaningless"


def _hidden_label(name: str) -> QLabel:
    """A label that is hidden while it is empty."""
    label = set_names(QLabel(wordWrap=True), name)
    label.hide()
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _set_text(label: QLabel, text: str, tone: Literal["quiet", "warning"]) -> None:
    if label.text() == text and label.property(tone):
        return
    label.setText(text)
    label.setVisible(bool(text))
    for one in ("quiet", "warning"):
        label.setProperty(one, one == tone)
    label.style().unpolish(label)
    label.style().polish(label)
