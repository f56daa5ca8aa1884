"""The A/B page: corresponding layers of two subjects beside each other, their difference, and what both predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.activations.ab.chooser import SideBChooser
from resnet_studio.gui.activations.ab.pane import Offer
from resnet_studio.gui.activations.ab.panel import ABPanel, Scale, Shown
from resnet_studio.gui.activations.ab.predictions import FEWEST, MOST, PairedPredictions
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import ABPair, SideBOverrides
from resnet_studio.inference.feature_maps import Colours
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.training.runs.weights import RunWeights

EMPTY = "A is on its way through its network. Choose an image and a layer on the left if nothing comes."
VIEWS: dict[Shown, str] = {"both": "both", "difference": "difference", "all": "all"}
VIEW_TIPS = {
    "both": "The maps of A and of B",
    "difference": "A − B, value by value: zero is the middle of the colours",
    "all": "A, B and A − B beside one another",
}
SCALES: dict[Scale, str] = {"one": "one scale", "layer": "layer", "channel": "channel"}
SCALE_TIPS = {
    "one": "From the lowest to the highest value of both sides: the same colour is the same value",
    "layer": "Each side from its own lowest to its own highest value",
    "channel": "Each channel from its own lowest to its own highest value: every pattern can be seen",
}
LOW, MAPS = 60 * GRID, 22 * GRID
"""Height below which fewer predictions leave their room to the maps, and least height of the maps, below which all
scrolls."""
COLOURS: tuple[Colours, ...] = ("viridis", "magma", "grey", "diverging")
COLOURS_TIP = "Colours of A and B; the difference always diverges around zero. Cyan is not a number"


class ABView(QWidget):
    """Emits what the second side is to be, and which side is to be in hand."""

    beside_wished = Signal(object)
    architecture_wished = Signal(str)
    swap_wished = Signal()
    second_wished = Signal()
    """The second side is to be in hand."""
    channel_shown = Signal(int, object, object, str)
    """Number, values, pixels and layer of the channel that is to be shown large."""
    runs_wished = Signal()
    """The page would offer checkpoints."""
    entered = Signal(bool)
    """The page has come to the screen, or left it."""

    def __init__(self) -> None:
        super().__init__()
        self.chooser, self.panel, self.predictions = SideBChooser(), ABPanel(), PairedPredictions()
        self._views = _segmented(VIEWS, "Views", VIEW_TIPS, "pairViews")
        self._scales = _segmented(SCALES, "Colour scale", SCALE_TIPS, "pairScale")
        self._colours = named(QComboBox(), "pairColours", "Colour map", COLOURS_TIP)
        self._colours.addItems(COLOURS)
        swap = "Take B in hand, and put A beside it"
        self._swap = named(QPushButton("⇄"), "swapSides", swap, swap)
        take = "Take B in hand as A: its network, weights and image. Undo takes the network back"
        self._take = named(QPushButton("A ← B"), "takeSecond", "Take B in hand", take)
        self._empty = named(QLabel(EMPTY, wordWrap=True), "pairEmpty", "What to do next")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("quiet", True)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()

    def show_beside(self, beside: SideBOverrides, first: ForwardSpec) -> None:
        """Show what the second side has that the first has not."""
        self.chooser.show_beside(beside, first)
        for button in (self._swap, self._take):
            button.setEnabled(beside != SideBOverrides())

    def show_images(self, images: Sequence[str]) -> None:
        """Offer these images for the second side."""
        self.chooser.show_images(images)

    def show_pair(self, pair: ABPair) -> None:
        """Show two looks that belong together."""
        self.panel.show_pair(pair)
        alone = pair.a is pair.b
        self.predictions.show_predictions(pair.a.predictions, None if alone else pair.b.predictions)
        self._pages.setCurrentWidget(self.panel)

    def show_channel(self, number: int) -> None:
        """Frame the channel that is shown large."""
        self.panel.show_channel(number)

    def show_awaited(self, pair: ABPair) -> None:
        """Show the first side where there is nothing to show yet; what is there stays until the second has come."""
        if self._pages.currentWidget() is self._empty:
            self.show_pair(pair)
            self.panel.show_awaited()

    def show_problem(self, sentence: str, offers: Sequence[Offer]) -> None:
        """Say in the second side's place why it is not there, and what can be done about it."""
        self.panel.show_problem(sentence, offers)
        self.predictions.show_second(None)
        if self._pages.currentWidget() is self._empty:
            self._empty.setText(sentence)

    def show_runs(self, found: Sequence[RunWeights]) -> None:
        """Offer checkpoints for the second side."""
        self.chooser.show_runs(found)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's names)
        super().resizeEvent(event)
        self.predictions.show_rows(MOST if self.height() >= LOW else FEWEST)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.entered.emit(True)
        self.runs_wished.emit()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self.entered.emit(False)

    def _lay_out(self) -> None:
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self.panel)
        held = QWidget()
        column = QVBoxLayout(held)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.chooser)
        column.addWidget(_Tools(self._views, self._swap, self._take))
        column.addWidget(_Tools(self._scales, self._colours))
        column.addWidget(self._pages, 1)
        column.addWidget(self.predictions)
        self._pages.setMinimumHeight(MAPS)
        scrolled = QScrollArea(widgetResizable=True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setWidget(held)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scrolled)

    def _connect(self) -> None:
        self.chooser.beside_wished.connect(self.beside_wished)
        self.chooser.architecture_wished.connect(self.architecture_wished)
        self.panel.channel_shown.connect(self.channel_shown)
        self.panel.offer_taken.connect(self.beside_wished)
        self._views.chosen.connect(lambda shown: self.panel.show_views(cast(Shown, shown)))
        self._scales.chosen.connect(lambda _: self._show_colours())
        self._colours.activated.connect(lambda _: self._show_colours())
        self._swap.clicked.connect(self.swap_wished)
        self._take.clicked.connect(self.second_wished)

    def _show_colours(self) -> None:
        self.panel.show_colours(cast(Scale, self._scales.value()), cast(Colours, self._colours.currentText()))


class _Tools(QWidget):
    """Controls in as many lines as they need, which nothing else may squeeze."""

    def __init__(self, *controls: QWidget) -> None:
        super().__init__()
        self._flow = FlowLayout()
        self.setLayout(self._flow)
        for control in controls:
            self._flow.addWidget(control)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self.setMinimumHeight(self._flow.heightForWidth(self.width()))


def _segmented(values: Mapping[Any, str], name: str, tips: Mapping[str, str], key: str) -> SegmentedControl:
    """A choice whose first value is chosen."""
    made = named(SegmentedControl(values, name, tips), key, name)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    made.show_value(next(iter(values)))
    return made
