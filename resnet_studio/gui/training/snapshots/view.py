"""The Maps tab: feature maps of the probe images at successive steps of a training."""

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

from resnet_studio.formatting import dimensions
from resnet_studio.gui.common.helpers import empty_label, separator, set_names, set_style_property, vbox
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import as_plain_text, layer_heading, tooltip
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.common.painting import PixelView, thumbnail, to_qimage
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.snapshots.time_slider import TimeSlider
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import MapStyle
from resnet_studio.inference.values import Prediction
from resnet_studio.plain import plain
from resnet_studio.training.datasets import Snapshot
from resnet_studio.training.snapshots import snapshot_maps

SIDE, LARGE = 32, 160
LEFT, RIGHT = 168, 232
FINE = 32
"""Maps smaller than this many pixels are repeated, so that the gaps between them are narrower than their values."""
NO_RUN = "Select a run to see how its feature maps developed, or start one: the first maps are saved before step 1."
NO_PROBES = "{} has no saved feature maps. Runs save them from the start of training."
LOADING = "Loading step {:,}…"
COLORMAPS = {"viridis": "viridis", "magma": "magma", "grey": "gray"}


class SnapshotsView(QWidget):
    """Shows one run's maps at one step, and emits which step the user selects."""

    stepRequested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._run = ""
        self._probe: Snapshot | None = None
        self._image, self._layer = 0, ""
        self._images = set_names(QListWidget(), "probeImages", "Probe images", "↑ and ↓ switch images")
        self._images.setIconSize(QSize(SIDE, SIDE))
        self._layers = set_names(
            QListWidget(), "probeLayers", "Layers", "Last layer of each stage; ↑ and ↓ switch layers"
        )
        self._images.currentRowChanged.connect(self._on_image_selected)
        self._layers.currentRowChanged.connect(self._on_layer_selected)
        self._heading = set_names(
            QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "formingHeading", "Layer and step"
        )
        tip = "Perceptually uniform colormap; cyan marks NaN"
        self._colormap = ComboBox(COLORMAPS, "formingColours", "Colormap", tip)
        self._colormap.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._map_style = MapStyle("layer")
        self._mosaic = MosaicView()
        self._colormap.valueSelected.connect(self._on_colormap_selected)
        self._large, self._filters = PixelView(LARGE), PixelView(LARGE)
        set_names(self._large, "probeImage", "Probe image")
        set_names(self._filters, "firstFilters", "Kernels of the first convolution", "Each scaled to its own range")
        self._predictions = PredictionBars()
        self._truth = set_names(QLabel(wordWrap=True), "probeTruth", "True class")
        self._problem = set_names(QLabel(wordWrap=True), "formingProblem", "Why this step has no feature maps")
        self._problem.hide()
        self._time_slider = TimeSlider()
        self._time_slider.stepSelected.connect(self._on_step_selected)
        self._empty = empty_label("formingEmpty", NO_RUN)
        self._pages, self._bar = QStackedWidget(), _bar(self._time_slider)
        self._lay_out()

    def show_run(self, name: str, steps: Sequence[int]) -> None:
        """Offer the snapshots of a run, in order. A new one of the same run is shown only while Live is checked."""
        is_new, self._run = name != self._run, name
        if is_new:
            self._probe = None
        self._show_page(steps)
        self._time_slider.show_steps(steps, reset=is_new)

    def show_probe(self, probe: Snapshot) -> None:
        """Show a snapshot; image, layer, channel and zoom stay as they are."""
        self._set_problem("")
        before, self._probe = self._probe, probe
        if before is None or before.truth != probe.truth:
            self._list_images(probe)
        if before is None or before.shapes != probe.shapes:
            self._list_layers(probe)
        self._filters.set_pixels(probe.filters)
        self._show_image()
        self._pages.setCurrentIndex(1)
        self._time_slider.mark_shown(probe.step)

    def show_problem(self, step: int, sentence: str) -> None:
        """Show why a snapshot can't be shown; the current maps stay."""
        self._set_problem(sentence)
        if self._probe is None:
            self._empty.setText(sentence)
        self._time_slider.mark_shown(step)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space plays and pauses, whichever widget has focus."""
        if event.key() == Qt.Key.Key_Space:
            self._time_slider.toggle()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._columns.property("moved"):
            self._columns.setSizes([LEFT, max(0, self.width() - LEFT - RIGHT), RIGHT])

    def hideEvent(self, event: object) -> None:
        self._time_slider.pause()
        super().hideEvent(event)  # type: ignore[arg-type]  # Qt's own event

    def _on_step_selected(self, step: int) -> None:
        if self._probe is None:
            self._empty.setText(LOADING.format(step))
        self.stepRequested.emit(step)

    def _show_page(self, steps: Sequence[int]) -> None:
        if not self._run:
            self._empty.setText(NO_RUN)
        elif not steps:
            self._empty.setText(NO_PROBES.format(self._run))
        self._pages.setCurrentIndex(1 if self._probe and steps else 0)
        self._bar.setVisible(bool(steps))

    def _list_images(self, probe: Snapshot) -> None:
        with QSignalBlocker(self._images):
            self._images.clear()
            for pixels, truth in zip(probe.images, probe.truth, strict=True):
                small = thumbnail(to_qimage(pixels, 4 * SIDE), SIDE, self.devicePixelRatioF())
                icon = QIcon(small)
                icon.addPixmap(small, QIcon.Mode.Selected)
                QListWidgetItem(icon, plain(truth), self._images).setToolTip(tooltip(plain(truth)))
            self._image = min(self._image, len(probe.images) - 1)
            self._images.setCurrentRow(self._image)

    def _list_layers(self, probe: Snapshot) -> None:
        with QSignalBlocker(self._layers):
            self._layers.clear()
            for name, shape in probe.shapes.items():
                QListWidgetItem(plain(name), self._layers).setToolTip(
                    tooltip(f"{plain(name)}: {dimensions(shape)} shown")
                )
            self._layer = self._layer if self._layer in probe.shapes else next(iter(probe.shapes), "")
            self._layers.setCurrentRow(list(probe.shapes).index(self._layer) if self._layer else -1)

    def _on_colormap_selected(self, name: str) -> None:
        self._map_style = MapStyle("layer", cast(Colormap, name))
        self._show_maps()

    def _on_image_selected(self, row: int) -> None:
        self._image = row
        self._show_image()

    def _on_layer_selected(self, row: int) -> None:
        self._layer = self._layers.item(row).text()
        self._show_maps()

    def _show_image(self) -> None:
        """Show the selected image, its predictions and its maps."""
        probe = self._probe
        if probe is None:
            return
        right = probe.truth[self._image]
        self._large.set_pixels(probe.images[self._image])
        self._predictions.set_predictions([Prediction(*prediction) for prediction in probe.top[self._image]], right)
        self._truth.setText(prediction_text(probe, self._image))
        names = [label for label, _ in probe.top[self._image]]
        set_style_property(self._truth, good=names[:1] == [right], quiet=names[:1] != [right])
        self._show_maps()

    def _show_maps(self) -> None:
        probe = self._probe
        if probe is None or not self._layer:
            return
        shape = probe.shapes[self._layer]
        self._heading.setText(layer_heading(self._layer, shape))
        self._heading.setToolTip(f"After {probe.step:,} steps")
        maps, squares = snapshot_maps(probe, self._layer, self._image), max(1, FINE // max(shape[1:]))
        self._mosaic.set_values(maps.repeat(squares, axis=1).repeat(squares, axis=2), self._map_style)

    def _set_problem(self, sentence: str) -> None:
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
        row.addWidget(self._colormap)
        self._columns.addWidget(vbox((self._images, 3), (separator(), 0), (self._layers, 2), margin=GRID))
        self._columns.addWidget(vbox((self._problem, 0), (top, 0), (self._mosaic, 1)))
        self._columns.addWidget(
            vbox((self._large, 0), (self._truth, 0), (self._predictions, 0), (separator(), 0),
                    (_quiet("first convolution"), 0), (self._filters, 0), (QWidget(), 1))
        )  # fmt: skip
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._columns)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._bar)


def prediction_text(probe: Snapshot, image: int) -> str:
    """The predicted and the true class of an image."""
    right, names = plain(probe.truth[image]), [plain(label) for label, _ in probe.top[image]]
    if not names:
        return f"The output is NaN; true class: {right}"
    return f"Correct: {right}" if names[0] == right else f"Predicted: {names[0]}; true class: {right}"


def _bar(time: TimeSlider) -> QWidget:
    """The slider below a separator."""
    container = QWidget()
    layout = QVBoxLayout(container)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    layout.addWidget(separator())
    layout.addWidget(vbox((time, 0)))
    return container


def _quiet(text: str) -> QLabel:
    label = as_plain_text(QLabel(text))
    label.setProperty("quiet", True)
    return label
