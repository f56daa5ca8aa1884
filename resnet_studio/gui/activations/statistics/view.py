"""The Statistics page: what the chosen layer's values and channels amount to, and which channels are dead."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import percent, significant
from resnet_studio.gui.activations.statistics.channel_table import ChannelTable
from resnet_studio.gui.common.button_feedback import hold
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.histogram import Histogram
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, rectified, statistics
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title

NO_IMAGE = "Choose an image on the left, or drop one here, to count what a layer makes of it."
NO_LAYER = "Choose a layer on the left to see its statistics."
SCOPES = {"image": "this image", "seen": "seen", "all": "all"}
SCOPE_TIPS = {
    "image": "Numbers of the image that is looked at; they follow the hand",
    "seen": "Numbers over every image seen since the network, its weights or the layer changed",
    "all": "Numbers over all images at hand, once they have been looked at",
}
FIGURES = ("mean", "deviation", "zeros", "least", "greatest")
BARS = 64


class StatisticsView(QWidget):
    """Follows the looks while it is on the screen; the table's numbers are of one image, of those seen, or of all."""

    channel_chosen = Signal(int)
    survey_wished = Signal()
    """All images are to be looked at."""
    cancel_wished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._look: ForwardResult | None = None
        self._layer = ""
        self._seen: ChannelStatistics | None = None
        self._survey: LayerStatistics | None = None
        self._running = self._chosen = 0
        self._empty = named(QLabel(NO_IMAGE, wordWrap=True), "statisticsEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._heading = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "statisticsHeading", "Layer")
        self._of = named(QLabel(wordWrap=True), "histogramOf", "What the histogram counts")
        self._histogram = Histogram("layerHistogram", " in the layer, of the image that is looked at", BARS)
        self._scope = SegmentedControl(SCOPES, "Numbers of", SCOPE_TIPS)
        self._scope.setObjectName("statisticsScope")
        self._scope.show_value("image")
        tip = "Run every image of the list through the network up to this layer, and count"
        self._button = named(QPushButton("Look at all images"), "lookAtAll", "Look at all images", tip)
        self._figures = {figure: named(QLabel("–"), f"{figure}Figure", figure) for figure in FIGURES}
        self._verdict = named(QLabel(wordWrap=True), "deadChannels", "Dead channels")
        self._damaged = named(QLabel(wordWrap=True), "damagedImages", "Damaged images")
        self._table = ChannelTable()
        self._lay_out()
        self._connect()

    def show_chosen(self, reference: str, layer: str) -> None:
        """Show a layer's statistics where its maps are there already."""
        self._layer = layer
        if self._look is not None:
            self._follow()
        elif reference:
            self._empty.setText(f"{image_title(reference)} is on its way through the network …")

    def show_look(self, look: ForwardResult) -> None:
        """Count the chosen layer's values, if the look holds them; else what is shown stays."""
        self._look = look
        self._follow()

    def show_seen(self, seen: ChannelStatistics | None) -> None:
        """The chosen layer's channels over all images seen so far."""
        self._seen = seen
        self._follow()

    def show_survey(self, survey: LayerStatistics | None) -> None:
        """The chosen layer's channels over all images, or None where they have not been looked at."""
        if survey is not None and survey is not self._survey and survey.statistics:
            self._scope.show_value("all")
        elif survey is None and self._scope.value() == "all":
            self._scope.show_value("image")
        self._survey = survey
        self._follow()

    def show_running(self, images: int) -> None:
        """Say that so many images are being looked at; none where that has ended."""
        self._running = images
        self._button.setText(f"Cancel {images:,} images" if images else "Look at all images")

    def show_channel(self, number: int, *_: object) -> None:
        """Choose a channel's row."""
        self._chosen = number
        self._table.show_chosen(number)

    def show_problem(self, sentence: str) -> None:
        """Say why there are no statistics, as long as there are none."""
        self._empty.setText(sentence)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's name)
        super().showEvent(event)
        self._follow()

    def _lay_out(self) -> None:
        tools = FlowLayout()
        tools.addWidget(self._scope)
        tools.addWidget(self._button)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._heading)
        words.addWidget(self._of)
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(words)
        column.addWidget(self._histogram)
        column.addLayout(tools)
        column.addLayout(self._figure_grid())
        column.addWidget(self._verdict)
        column.addWidget(self._damaged)
        column.addWidget(self._table, 1)
        self._pages = QStackedWidget()
        for page in (self._empty, shown):
            self._pages.addWidget(page)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._pages)
        for label in (self._empty, self._of):
            label.setProperty("quiet", True)
        self._damaged.setProperty("warning", True)
        self._damaged.hide()

    def _figure_grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        for column, (name, label) in enumerate(self._figures.items()):
            caption = QLabel(name)
            caption.setProperty("quiet", True)
            grid.addWidget(caption, 0, column)
            grid.addWidget(label, 1, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _connect(self) -> None:
        self._scope.chosen.connect(lambda _: self._follow())
        self._button.clicked.connect(self._press)
        self._table.channel_chosen.connect(self.channel_chosen)

    def _press(self) -> None:
        if self._running:
            self.cancel_wished.emit()
        else:
            self.survey_wished.emit()
            hold(self._button)

    def _follow(self) -> None:
        """Show what there is, while somebody can see it."""
        if self._look is None or not self.isVisible():
            return
        maps = next((maps for maps in self._look.layers if maps.name == self._layer), None)
        if maps is not None:
            self._pages.setCurrentIndex(1)
            self._show(self._look, maps)
        elif not self._look.layers:
            self._empty.setText(NO_LAYER)

    def _show(self, look: ForwardResult, maps: LayerMaps) -> None:
        channels, height, width = maps.values.shape
        self._heading.setText(
            f"<b>{maps.name}</b> · {channels:,} channel{'s' if channels > 1 else ''}, {height}×{width}"
        )
        self._of.setText(f"values of {image_title(look.subject.image)}; bars are logarithmic")
        self._histogram.show_values(maps.values)
        numbers, evidence = self._numbers(maps)
        after_relu = rectified(look.subject.architecture, maps.name)
        self._show_figures(numbers.whole())
        self._table.show_channels(numbers, evidence, rectified=after_relu, brief=look.brief)
        self._table.show_chosen(self._chosen)
        silent = int(evidence.silent(rectified=after_relu).sum())
        self._verdict.setText(verdict(silent, channels, evidence.images, rectified=after_relu))
        self._show_damaged()

    def _numbers(self, maps: LayerMaps) -> tuple[ChannelStatistics, ChannelStatistics]:
        """What the numbers are of, and from which images is concluded what is dead: from all that are known."""
        channels, scope = len(maps.values), self._scope.value()
        survey = self._survey.statistics if self._survey else None
        seen = self._seen if self._seen and self._seen.channels == channels else None
        known = bool(survey and survey.channels == channels)
        self._scope.button("all").setEnabled(known)
        self._scope.button("seen").setEnabled(seen is not None)
        if scope == "all" and known and survey:
            return survey, survey
        if scope == "seen" and seen:
            return seen, seen
        one = statistics(maps.values)
        return one, seen or one

    def _show_figures(self, whole: ChannelStatistics) -> None:
        values = (whole.mean, whole.deviation, whole.zeros, whole.least, whole.greatest)
        for (name, label), value in zip(self._figures.items(), values, strict=True):
            number = float(value[0])
            label.setText(percent(number) if name == "zeros" else significant(number))
            label.setToolTip(repr(number))

    def _show_damaged(self) -> None:
        damaged = self._survey.damaged if self._survey else ()
        self._damaged.setVisible(bool(damaged))
        if damaged:
            what = "1 image" if len(damaged) == 1 else f"{len(damaged):,} images"
            self._damaged.setText(f"{what} could not be opened and {'is' if len(damaged) == 1 else 'are'} not counted")
            self._damaged.setToolTip(tooltip("\n".join(one.cause for one in damaged[:20])))


def verdict(silent: int, channels: int, images: int, *, rectified: bool) -> str:
    """How many channels tell nothing, and of how many images that is known."""
    word, why = ("dead", "never above zero") if rectified else ("constant", "never another value")
    over = f"over {images:,} image{'s' if images > 1 else ''}"
    if not silent:
        return f"No channel is {word} {over}"
    return f"{silent:,} of {channels:,} channels {'is' if silent == 1 else 'are'} {word}: {why} {over}"
