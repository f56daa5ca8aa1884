"""Maps that form: what some images look like inside a network, from moment to moment of its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.common.helpers import column, dress, named, rule
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import in_html, plain_label, tooltip
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.common.painting import PixelView, as_image, thumbnail
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.snapshots.time_slider import TimeSlider
from resnet_studio.inference.feature_maps import Colours, MapStyle
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain
from resnet_studio.training.datasets import Probe
from resnet_studio.training.snapshots import maps_of

SIDE, LARGE = 32, 160
LEFT, RIGHT = 168, 232
FINE = 32
"""Pixels that a map is drawn with at least, so that the gaps between small ones are narrower than their values."""
NO_RUN = "Choose a run to see how its maps formed, or start one: its first maps come before the first step."
NO_PROBES = "{} has kept no maps. Runs keep them from before their first step on."
LOADING = "Opening step {:,} …"
MAPS = {"viridis": "viridis", "magma": "magma", "grey": "grey"}


class SnapshotsView(QWidget):
    """Shows one run's maps at one moment, and emits which moment the user wants."""

    step_wished = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._run = ""
        self._probe: Probe | None = None
        self._image, self._layer = 0, ""
        self._images = named(QListWidget(), "probeImages", "Probe images", "↑ and ↓ walk the images")
        self._images.setIconSize(QSize(SIDE, SIDE))
        self._layers = named(QListWidget(), "probeLayers", "Layers", "The last layer of each stage; ↑ and ↓ walk them")
        self._images.currentRowChanged.connect(self._take_image)
        self._layers.currentRowChanged.connect(self._take_layer)
        self._heading = named(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "formingHeading", "Layer and moment"
        )
        tip = "Colour map: equal steps in value are equal steps to the eye; cyan is not a number"
        self._colours = ComboBox(MAPS, "formingColours", "Colour map", tip)
        self._colours.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._drawing = MapStyle("layer")
        self._mosaic = MosaicView()
        self._colours.chosen.connect(self._take_colours)
        self._large, self._filters = PixelView(LARGE), PixelView(LARGE)
        named(self._large, "probeImage", "The probe image")
        named(self._filters, "firstFilters", "Kernels of the first convolution", "Each spread over its own range")
        self._predictions = PredictionBars()
        self._truth = named(QLabel(wordWrap=True), "probeTruth", "The right class")
        self._problem = named(QLabel(wordWrap=True), "formingProblem", "Why there are no maps of this moment")
        self._problem.hide()
        self._time = TimeSlider()
        self._time.step_chosen.connect(self._wish)
        self._empty = named(QLabel(NO_RUN, wordWrap=True), "formingEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self._pages, self._bar = QStackedWidget(), _bar(self._time)
        self._lay_out()

    def show_run(self, name: str, steps: Sequence[int]) -> None:
        """Offer the moments of a run, in order. The same run's newest is gone to only while it is followed live."""
        afresh, self._run = name != self._run, name
        if afresh:
            self._probe = None
        self._show_page(steps)
        self._time.show_steps(steps, afresh=afresh)

    def show_probe(self, probe: Probe) -> None:
        """Show a moment's maps; image, layer, channel and zoom stay as they are."""
        self._say("")
        before, self._probe = self._probe, probe
        if before is None or before.truth != probe.truth:
            self._list_images(probe)
        if before is None or before.shapes != probe.shapes:
            self._list_layers(probe)
        self._filters.show_pixels(probe.filters)
        self._show_image()
        self._pages.setCurrentIndex(1)
        self._time.arrived(probe.step)

    def show_problem(self, step: int, sentence: str) -> None:
        """Say why a moment can't be shown; what is shown stays."""
        self._say(sentence)
        if self._probe is None:
            self._empty.setText(sentence)
        self._time.arrived(step)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        """Space plays and pauses from anywhere on the page."""
        if event.key() == Qt.Key.Key_Space:
            self._time.toggle()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if not self._columns.property("moved"):
            self._columns.setSizes([LEFT, max(0, self.width() - LEFT - RIGHT), RIGHT])

    def hideEvent(self, event: object) -> None:  # noqa: N802
        self._time.pause()
        super().hideEvent(event)  # type: ignore[arg-type]  # Qt's own event

    def _wish(self, step: int) -> None:
        if self._probe is None:
            self._empty.setText(LOADING.format(step))
        self.step_wished.emit(step)

    def _show_page(self, steps: Sequence[int]) -> None:
        if not self._run:
            self._empty.setText(NO_RUN)
        elif not steps:
            self._empty.setText(NO_PROBES.format(self._run))
        self._pages.setCurrentIndex(1 if self._probe and steps else 0)
        self._bar.setVisible(bool(steps))

    def _list_images(self, probe: Probe) -> None:
        with QSignalBlocker(self._images):
            self._images.clear()
            for pixels, truth in zip(probe.images, probe.truth, strict=True):
                small = thumbnail(as_image(pixels, 4 * SIDE), SIDE, self.devicePixelRatioF())
                icon = QIcon(small)
                icon.addPixmap(small, QIcon.Mode.Selected)
                QListWidgetItem(icon, plain(truth), self._images).setToolTip(tooltip(plain(truth)))
            self._image = min(self._image, len(probe.images) - 1)
            self._images.setCurrentRow(self._image)

    def _list_layers(self, probe: Probe) -> None:
        with QSignalBlocker(self._layers):
            self._layers.clear()
            for name, shape in probe.shapes.items():
                QListWidgetItem(plain(name), self._layers).setToolTip(
                    tooltip(f"{plain(name)}: {'×'.join(map(str, shape))} are shown")
                )
            self._layer = self._layer if self._layer in probe.shapes else next(iter(probe.shapes), "")
            self._layers.setCurrentRow(list(probe.shapes).index(self._layer) if self._layer else -1)

    def _take_colours(self, name: str) -> None:
        self._drawing = MapStyle("layer", cast(Colours, name))
        self._show_maps()

    def _take_image(self, row: int) -> None:
        self._image = row
        self._show_image()

    def _take_layer(self, row: int) -> None:
        self._layer = self._layers.item(row).text()
        self._show_maps()

    def _show_image(self) -> None:
        """What belongs to the chosen image: itself, its predictions and its maps."""
        probe = self._probe
        if probe is None:
            return
        right = probe.truth[self._image]
        self._large.show_pixels(probe.images[self._image])
        self._predictions.show_predictions([Prediction(*one) for one in probe.top[self._image]], right)
        self._truth.setText(verdict(probe, self._image))
        names = [label for label, _ in probe.top[self._image]]
        dress(self._truth, good=names[:1] == [right], quiet=names[:1] != [right])
        self._show_maps()

    def _show_maps(self) -> None:
        probe = self._probe
        if probe is None or not self._layer:
            return
        channels, height, width = probe.shapes[self._layer]
        plural = "s" if channels > 1 else ""
        self._heading.setText(f"<b>{in_html(self._layer)}</b> · {channels:,} channel{plural}, {height}×{width}")
        self._heading.setToolTip(f"After {probe.step:,} steps")
        maps, squares = maps_of(probe, self._layer, self._image), max(1, FINE // max(height, width))
        self._mosaic.show_values(maps.repeat(squares, axis=1).repeat(squares, axis=2), self._drawing)

    def _say(self, sentence: str) -> None:
        self._problem.setText(sentence)
        self._problem.setProperty("problem", True)
        self._problem.setVisible(bool(sentence))

    def _lay_out(self) -> None:
        self._columns = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False, handleWidth=1)
        self._columns.splitterMoved.connect(lambda: self._columns.setProperty("moved", True))
        top = QWidget()
        row = QHBoxLayout(top)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._heading, 1)
        row.addWidget(self._colours)
        self._columns.addWidget(column((self._images, 3), (rule(), 0), (self._layers, 2), margin=GRID))
        self._columns.addWidget(column((self._problem, 0), (top, 0), (self._mosaic, 1)))
        self._columns.addWidget(
            column((self._large, 0), (self._truth, 0), (self._predictions, 0), (rule(), 0),
                    (_quiet("first convolution"), 0), (self._filters, 0), (QWidget(), 1))
        )  # fmt: skip
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._columns)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._pages, 1)
        whole.addWidget(self._bar)


def verdict(probe: Probe, image: int) -> str:
    """What the network takes the image for, and what it is."""
    right, names = plain(probe.truth[image]), [plain(label) for label, _ in probe.top[image]]
    if not names:
        return f"The output is not a number; right is {right}"
    return f"Right: {right}" if names[0] == right else f"Taken for {names[0]}; right is {right}"


def _bar(time: TimeSlider) -> QWidget:
    """The slider under a line over the whole width."""
    held = QWidget()
    layout = QVBoxLayout(held)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(rule())
    layout.addWidget(column((time, 0)))
    return held


def _quiet(text: str) -> QLabel:
    label = plain_label(QLabel(text))
    label.setProperty("quiet", True)
    return label
