"""One side of the comparison: its network, weights and image, statistics of its layer, and its maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import dimensions, maps_size, significant
from resnet_studio.gui.activations.maps.panel import statistics_text
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.common.mosaic import LinkedMosaic
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import SideBOverrides
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title
from resnet_studio.networks.presets import title

Offer: TypeAlias = tuple[str, SideBOverrides]
"""A suggested fix: its title, and side B's overrides that apply it."""
LINES = ("Network", "Weights and image", "Layer", "Statistics")
MIN_MAPS_HEIGHT = 9 * GRID
"""Minimum height of the maps."""
FULL_HEIGHT = 28 * GRID
"""Height of a pane below which it shows two of its four lines."""


class SidePane(QWidget):
    """Four lines of text above a mosaic; equal heights keep the lines of all panes aligned."""

    offerSelected = Signal(object)
    """The `SideBOverrides` of an offer."""

    def __init__(self, name: str, accessible_name: str) -> None:
        super().__init__()
        self._lines = [set_names(ElidedLabel(), f"{name}{part}", f"{accessible_name}: {part}") for part in LINES]
        self._lines[0].setProperty("heading", True)
        for line in (self._lines[1], self._lines[3]):
            line.setProperty("quiet", True)
        self.mosaic = LinkedMosaic()
        set_names(self.mosaic, f"{name}Maps", f"Feature maps of {accessible_name}")
        self.mosaic.setMinimumSize(1, MIN_MAPS_HEIGHT)
        self._reason = set_names(QLabel(wordWrap=True), f"{name}Why", f"Why {accessible_name} has no feature maps")
        self._reason.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._offers = QVBoxLayout()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.mosaic)
        self._pages.addWidget(self._make_reason_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for line in self._lines:
            column.addWidget(line)
        column.addSpacing(GRID // 2)
        column.addWidget(self._pages, 1)

    def show_side(self, letter: str, result: ForwardResult) -> None:
        """Show the side's network, weights and image."""
        trained, image = "trained" if result.weights.trained else "untrained", image_title(result.spec.image)
        source, notes = result.weights.source, "\n".join(result.weights.notes)
        description = f"{source}, {trained} · {image}"
        self._lines[0].set_text(f"{letter}  {title(result.spec.architecture)}", description)
        seed = f"{source.removeprefix('random, ')}, " if source.startswith("random, ") else ""
        self._lines[1].set_text(
            description, notes, f"{seed}{trained} · {image}", f"{seed}{trained}", seed.rstrip(", "), ""
        )

    def show_maps(self, maps: LayerMaps) -> None:
        """Show name, size and statistics of the side's layer; the panel, which knows all sides, draws the mosaic."""
        statistics, size = statistics_text(maps), dimensions(maps.values.shape)
        self._lines[2].set_text(
            f"{maps.name} · {maps_size(maps.values.shape)}", statistics[1],
            f"{maps.name} · {size}", size,
        )  # fmt: skip
        self._lines[3].set_text(*statistics, f"μ {significant(maps.mean)}", "")
        self._pages.setCurrentIndex(0)

    def show_difference(self, maps: LayerMaps, layer: str, other: str) -> None:
        """Show the statistics of the difference of two layers."""
        self.show_maps(maps)
        self._lines[0].set_text("A − B")
        self._lines[1].set_text(layer if layer == other else f"{layer} − {other}")
        if maps.values.any():
            size = layer_maps("", np.abs(maps.values)).mean
            self._lines[2].set_text(f"mean abs(A − B) {significant(size)}", f"mean abs(A − B) {size!r}")
        else:
            self._lines[2].set_text("no difference: all values are equal")

    def show_reason(self, *lines: str, reason: str, offers: Sequence[Offer] = (), problem: bool = False) -> None:
        """Show why there are no maps, under these lines."""
        for line, text in zip(self._lines, (*lines, *[""] * len(LINES)), strict=False):
            line.set_text(text)
        self._reason.setText(reason)
        set_style_property(self._reason, problem=problem, quiet=not problem)
        self._show_offers(offers)
        self._pages.setCurrentIndex(1)

    def sizeHint(self) -> QSize:
        """Two lines above the smallest maps; layouts give more."""
        return QSize(MIN_MAPS_HEIGHT, 2 * self.fontMetrics().lineSpacing() + 2 * GRID + MIN_MAPS_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(1, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Hide two lines if the pane is low; the tooltips of the others contain their text."""
        super().resizeEvent(event)
        for line in (self._lines[1], self._lines[3]):
            line.setVisible(self.height() >= FULL_HEIGHT)

    @property
    def has_maps(self) -> bool:
        return self._pages.currentIndex() == 0

    def _show_offers(self, offers: Sequence[Offer]) -> None:
        while item := self._offers.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        for number, (text, overrides) in enumerate(offers):
            button = set_names(QPushButton(text), f"{self.mosaic.objectName()}Offer{number}", text, text)
            button.clicked.connect(lambda _=False, overrides=overrides: self.offerSelected.emit(overrides))
            self._offers.addWidget(button)

    def _make_reason_page(self) -> QWidget:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(GRID, 0, GRID, 0)
        column.addStretch(1)
        column.addWidget(self._reason)
        column.addLayout(self._offers)
        column.addStretch(1)
        scrolled = QScrollArea(widgetResizable=True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setWidget(content)
        return scrolled
