"""The A/B tab: corresponding layers of two networks, weights or images, their difference, and both predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.activations.ab.chooser import SideBChooser
from resnet_studio.gui.activations.ab.pane import Offer
from resnet_studio.gui.activations.ab.panel import ABPanel, ScaleMode, VisibleMaps
from resnet_studio.gui.activations.ab.predictions import MAX_ROWS, MIN_ROWS, PairedPredictions
from resnet_studio.gui.activations.weights.caveats import WeightsCaveats
from resnet_studio.gui.common.helpers import empty_label, set_names
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.labels import labeled
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.tab_view import TabView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import ABPair, SideBOverrides, overrides_between
from resnet_studio.inference.colormaps import COLORMAPS, Colormap
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training.runs.weights import RunWeights

EMPTY = "Running A … If nothing appears, choose an image and a layer on the left."
VIEWS = {"both": "both", "difference": "difference", "all": "all"}
VIEW_TIPS = {
    "both": "Feature maps of A and B",
    "difference": "A − B, value by value; zero is the middle of the color scale",
    "all": "A, B and A − B side by side",
}
SCALES = {"one": "shared", "layer": "layer", "channel": "channel"}
SCALE_TIPS = {
    "one": "Min to max of both sides: equal colors are equal values",
    "layer": "Min to max of each side",
    "channel": "Min to max of each channel: shows every pattern",
}
FULL_HEIGHT, MIN_MAPS_HEIGHT = 60 * GRID, 22 * GRID
"""Height below which fewer predictions are shown in favor of the maps; minimum height of the maps, below which the view
scrolls."""
COLORMAPS_TIP = "Colormap of A and B; A − B always uses diverging. Cyan is NaN"


class ABView(TabView):
    """Emits what side B is to have instead of side A's, and whether B is to replace A."""

    overridesRequested = Signal(object)
    swapRequested = Signal()
    useSideBRequested = Signal()
    """Side B is to become the current network, weights and image."""
    runsRequested = Signal()
    """The list of checkpoints is to be updated."""

    def __init__(self) -> None:
        super().__init__()
        self.chooser, self.panel, self.predictions = SideBChooser(), ABPanel(), PairedPredictions()
        self._views = SegmentedControl(VIEWS, "pairViews", "Views", VIEW_TIPS, stretches=False)
        self._scales = SegmentedControl(SCALES, "pairScale", "Contrast", SCALE_TIPS, stretches=False)
        self._color_list = set_names(QComboBox(), "pairColours", "Colors", COLORMAPS_TIP)
        self._color_list.addItems(COLORMAPS)
        swap_tip = "Swap A and B: B becomes the current network"
        self._swap = set_names(QPushButton("Swap"), "swapSides", "Swap A and B", swap_tip)
        use_b_tip = "Make B's network, weights and image current. Undo restores the network"
        self._use_b = set_names(QPushButton("Use B as A"), "takeSecond", "Use B as A", use_b_tip)
        self._caveats = WeightsCaveats("SideB")
        self._pair: ABPair | None = None
        self._empty = empty_label("pairEmpty", EMPTY)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def show_overrides(self, overrides: SideBOverrides, side_a: ForwardSpec) -> None:
        """Show what side B has instead of side A's."""
        self.chooser.show_overrides(overrides, side_a)
        for button in (self._swap, self._use_b):
            button.setEnabled(overrides != SideBOverrides())

    def show_images(self, images: Sequence[str]) -> None:
        """Offer these images for side B."""
        self.chooser.show_images(images)

    def show_pair(self, pair: ABPair) -> None:
        """Show the results of both sides."""
        self.panel.show_pair(pair)
        self._pair, same = pair, pair.a is pair.b
        self._caveats.show_weights(None if same else pair.b.weights)
        self.predictions.show_predictions(pair.a.predictions, None if same else pair.b.predictions)
        self._pages.setCurrentWidget(self.panel)

    def show_channel(self, number: int) -> None:
        """Frame the channel that is shown enlarged."""
        self.panel.show_channel(number)

    def show_pending(self, pair: ABPair) -> None:
        """Show side A alone if nothing is shown yet; otherwise the previous pair stays until side B has finished."""
        if self._pages.currentWidget() is self._empty:
            self.show_pair(pair)
            self.panel.show_pending()

    def show_problem(self, sentence: str, offers: Sequence[Offer]) -> None:
        """Show in side B's pane why there are no maps, and buttons for the suggested fixes."""
        self.panel.show_problem(sentence, offers)
        self._caveats.show_weights(None)
        self.predictions.show_side_b(None)
        if self._pages.currentWidget() is self._empty:
            self._empty.setText(sentence)

    def show_runs(self, runs: Sequence[RunWeights]) -> None:
        """Offer checkpoints for side B."""
        self.chooser.show_runs(runs)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.predictions.set_rows(MAX_ROWS if self.height() >= FULL_HEIGHT else MIN_ROWS)

    def _lay_out(self) -> None:
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.panel)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.chooser)
        column.addWidget(self._caveats)
        column.addWidget(_ToolRow(self._views, self._swap, self._use_b))
        column.addWidget(_ToolRow(labeled("Contrast", self._scales), labeled("Colors", self._color_list)))
        column.addWidget(self._pages, 1)
        column.addWidget(self.predictions)
        self._pages.setMinimumHeight(MIN_MAPS_HEIGHT)
        scroll_area = QScrollArea(widgetResizable=True)
        scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll_area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll_area)

    def _connect(self) -> None:
        self.visibilityChanged.connect(lambda visible: self.runsRequested.emit() if visible else None)
        self.chooser.overridesRequested.connect(self.overridesRequested)
        self.panel.panes[1].offerSelected.connect(self.overridesRequested)
        self._caveats.architectureRequested.connect(self._use_architecture)
        self._views.valueSelected.connect(lambda shown: self.panel.show_views(cast(VisibleMaps, shown)))
        self._scales.valueSelected.connect(lambda _: self._update_colors())
        self._color_list.activated.connect(lambda _: self._update_colors())
        self._swap.clicked.connect(self.swapRequested)
        self._use_b.clicked.connect(self.useSideBRequested)

    def _use_architecture(self, architecture: Architecture) -> None:
        """Request another network with side B's weights."""
        if self._pair:
            side_b = replace(self._pair.b.spec, architecture=architecture)
            self.overridesRequested.emit(overrides_between(self._pair.a.spec, side_b))

    def _update_colors(self) -> None:
        self.panel.set_colors(cast(ScaleMode, self._scales.value()), cast(Colormap, self._color_list.currentText()))


class _ToolRow(QWidget):
    """Controls in as many lines as they need; its minimum height follows from its width."""

    def __init__(self, *controls: QWidget) -> None:
        super().__init__()
        self._flow = FlowLayout()
        self.setLayout(self._flow)
        for control in controls:
            self._flow.addWidget(control)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self._flow.heightForWidth(self.width()))
