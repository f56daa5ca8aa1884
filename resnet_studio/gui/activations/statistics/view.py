"""The Statistics tab: statistics of the selected layer's values and channels, and which channels are dead."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import about_percent, counted, significant
from resnet_studio.gui.activations.statistics.channel_table import ChannelTable
from resnet_studio.gui.common.button_feedback import disable_briefly
from resnet_studio.gui.common.helpers import empty_label, set_names
from resnet_studio.gui.common.histogram import Histogram
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.labels import layer_heading, tooltip
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.tab_view import TabView
from resnet_studio.gui.common.table_export import TableExportButton, model_text
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, follows_relu, statistics
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title
from resnet_studio.networks.presets import title

NO_IMAGE = "Choose an image on the left, or drop one here, to see a layer's statistics."
NO_LAYER = "Choose a layer on the left to see its statistics."
SCOPES = {"image": "this image", "seen": "images so far", "all": "all images"}
SCOPE_TIPS = {
    "image": "Statistics of the current image; updated while you edit it",
    "seen": "Statistics of all images since the network, the weights or the layer changed",
    "all": "Statistics of all images in the list, after “Run all images”",
}
FIGURES = {"mean": "mean", "deviation": "std", "zeros": "zeros", "least": "min", "greatest": "max"}
BARS = 64


class StatisticsView(TabView):
    """Follows the forward passes while it is visible; the table is of one image, of those run so far, or of all."""

    allImagesRequested = Signal()
    """All images are to be run through the network."""
    cancelRequested = Signal()
    saveRequested = Signal(object, object)
    """The path of the table's file, and the function that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._result: ForwardResult | None = None
        self._layer = ""
        self._accumulated: ChannelStatistics | None = None
        self._layer_statistics: LayerStatistics | None = None
        self._running = self._channel = 0
        self._empty = empty_label("statisticsEmpty", NO_IMAGE)
        self._heading = set_names(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "statisticsHeading", "Layer"
        )
        self._histogram_caption = set_names(QLabel(wordWrap=True), "histogramOf", "What the histogram counts")
        self._histogram = Histogram("layerHistogram", " in the layer for the current image", BARS)
        self._scope = SegmentedControl(SCOPES, "statisticsScope", "Statistics of", SCOPE_TIPS)
        tip = "Run all images in the list through the network up to this layer"
        self._button = set_names(QPushButton("Run all images"), "lookAtAll", "Run all images", tip)
        self._figures = {name: set_names(QLabel("–"), f"{name}Figure", text) for name, text in FIGURES.items()}
        self._verdict = set_names(QLabel(wordWrap=True), "deadChannels", "Dead channels")
        self._skipped = set_names(QLabel(wordWrap=True), "damagedImages", "Skipped images")
        self.table = ChannelTable()
        self._export = TableExportButton("exportStatistics", "Export the table", "channels", {"Channels": self._text})
        self._export.saveRequested.connect(self.saveRequested)
        self._lay_out()
        self._connect()

    def show_selection(self, reference: str, layer: str) -> None:
        """Show a layer's statistics if its maps are there already."""
        self._layer = layer
        if self._result is not None:
            self._update()
        elif reference:
            self._empty.setText(f"Running {image_title(reference)} …")

    def show_result(self, result: ForwardResult) -> None:
        """Show the selected layer's values if the result has them; otherwise the previous ones stay."""
        self._result = result
        self._update()

    def show_accumulated(self, accumulated: ChannelStatistics | None) -> None:
        """Show the selected layer's statistics over the images run so far."""
        self._accumulated = accumulated
        self._update()

    def show_layer_statistics(self, all_images: LayerStatistics | None) -> None:
        """Show the selected layer's statistics over all images, or None if they have not been run."""
        if all_images is not None and all_images is not self._layer_statistics and all_images.statistics:
            self._scope.set_value("all")
        elif all_images is None and self._scope.value() == "all":
            self._scope.set_value("image")
        self._layer_statistics = all_images
        self._update()

    def show_running(self, images: int) -> None:
        """Show how many images are being run; 0 if none are."""
        self._running = images
        self._button.setText(f"Cancel {images:,} images" if images else "Run all images")

    def show_channel(self, number: int, *_: object) -> None:
        """Select a channel's row."""
        self._channel = number
        self.table.show_channel(number)

    def show_problem(self, sentence: str) -> None:
        """Show why there are no statistics, as long as there are none."""
        self._empty.setText(sentence)

    def _text(self, how: str) -> str:
        """The table of channels as text, with what it is of."""
        result = self._result
        if result is None:
            return ""
        scope = self._scope.value()
        image = image_title(result.spec.image) if scope == "image" else SCOPES[scope]
        weights = result.weights.source + ("" if result.weights.trained else ", untrained")
        name = f"{title(result.spec.architecture)}, {self._layer}: {image}"
        return model_text(self.table.model(), name, how, f"weights: {weights}")

    def _lay_out(self) -> None:
        tools = FlowLayout()
        tools.addWidget(self._scope)
        tools.addWidget(self._button)
        tools.addWidget(self._export)
        headings = QVBoxLayout()
        headings.setSpacing(2)
        headings.addWidget(self._heading)
        headings.addWidget(self._histogram_caption)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(headings)
        column.addWidget(self._histogram)
        column.addLayout(tools)
        column.addLayout(self._figure_grid())
        column.addWidget(self._verdict)
        column.addWidget(self._skipped)
        column.addWidget(self.table, 1)
        self._pages = QStackedWidget()
        for page in (self._empty, shown):
            self._pages.addWidget(page)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._pages)
        self._histogram_caption.setProperty("quiet", True)
        self._skipped.setProperty("warning", True)
        self._skipped.hide()

    def _figure_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        for column, (name, label) in enumerate(self._figures.items()):
            caption = QLabel(FIGURES[name])
            caption.setProperty("quiet", True)
            grid.addWidget(caption, 0, column)
            grid.addWidget(label, 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _connect(self) -> None:
        self._scope.valueSelected.connect(lambda _: self._update())
        self._button.clicked.connect(self._on_button_clicked)
        self.visibilityChanged.connect(lambda _: self._update())

    def _on_button_clicked(self) -> None:
        if self._running:
            self.cancelRequested.emit()
        else:
            self.allImagesRequested.emit()
            disable_briefly(self._button)

    def _update(self) -> None:
        """Show the current values, but only while the view is visible."""
        if self._result is None or not self.isVisible():
            return
        maps = self._result.maps(self._layer)
        if maps is not None:
            self._pages.setCurrentIndex(1)
            self._show(self._result, maps)
        elif not self._result.layers:
            self._empty.setText(NO_LAYER)

    def _show(self, result: ForwardResult, maps: LayerMaps) -> None:
        self._heading.setText(layer_heading(maps.name, maps.values.shape))
        self._histogram_caption.setText(f"values of {image_title(result.spec.image)}, log scale")
        self._histogram.set_values(maps.values)
        numbers, evidence = self._numbers(maps)
        after_relu = follows_relu(result.spec.architecture, maps.name)
        self._show_figures(numbers.pooled())
        self.table.show_channels(numbers, evidence, after_relu=after_relu, preview=result.preview)
        self.table.show_channel(self._channel)
        inactive = int(evidence.inactive(after_relu=after_relu).sum())
        self._verdict.setText(verdict(inactive, len(maps.values), evidence.images, after_relu=after_relu))
        self._show_skipped()

    def _numbers(self, maps: LayerMaps) -> tuple[ChannelStatistics, ChannelStatistics]:
        """The statistics to show, and those of all images known so far, which decide which channels are dead."""
        channels, scope = len(maps.values), self._scope.value()
        all_images = self._layer_statistics.statistics if self._layer_statistics else None
        accumulated = self._accumulated if self._accumulated and self._accumulated.channels == channels else None
        known = bool(all_images and all_images.channels == channels)
        self._scope.button("all").setEnabled(known)
        self._scope.button("seen").setEnabled(accumulated is not None)
        if scope == "all" and known and all_images:
            return all_images, all_images
        if scope == "seen" and accumulated:
            return accumulated, accumulated
        single = statistics(maps.values)
        return single, accumulated or single

    def _show_figures(self, totals: ChannelStatistics) -> None:
        values = (totals.mean, totals.std, totals.zeros, totals.minimum, totals.maximum)
        for (name, label), value in zip(self._figures.items(), values, strict=True):
            number = float(value[0])
            label.setText(about_percent(number) if name == "zeros" else significant(number))
            label.setToolTip(repr(number))

    def _show_skipped(self) -> None:
        skipped = self._layer_statistics.skipped if self._layer_statistics else ()
        self._skipped.setVisible(bool(skipped))
        if skipped:
            count = counted(len(skipped), "image")
            self._skipped.setText(f"{count} could not be opened and {'is' if len(skipped) == 1 else 'are'} not counted")
            self._skipped.setToolTip(tooltip("\n".join(image.cause for image in skipped[:20])))


def verdict(inactive: int, channels: int, images: int, *, after_relu: bool) -> str:
    """How many channels are dead (after a ReLU) or constant, over how many images."""
    state, reason = ("dead", "never above zero") if after_relu else ("constant", "always the same value")
    over = f"over {counted(images, 'image')}"
    if not inactive:
        return f"No channel is {state} {over}"
    return f"{inactive:,} of {channels:,} channels {'is' if inactive == 1 else 'are'} {state}: {reason} {over}"
