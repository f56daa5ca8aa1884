"""One side of a comparison: what it is, its layer in numbers, its maps, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.maps.panel import layer_numbers
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.common.linked_mosaic import LinkedMosaic
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import SideBOverrides
from resnet_studio.inference.feature_maps import Values, layer_maps
from resnet_studio.inference.values import ForwardResult, LayerMaps, image_title
from resnet_studio.networks.presets import title

Offer: TypeAlias = tuple[str, SideBOverrides]
"""What can be done, in words, and what is then beside the first side."""
LINES = ("Network", "Weights and image", "Layer", "Statistics")
LEAST = 9 * GRID
"""Height below which maps are of no use."""
LOW = 28 * GRID
"""Height of a side below which two of its lines have to do."""


class SidePane(QWidget):
    """Four lines over a mosaic, so that those of several sides stand on one line."""

    offer_taken = Signal(object)
    """The `Beside` of an offer."""

    def __init__(self, name: str, spoken: str) -> None:
        super().__init__()
        self._lines = [named(ElidedLabel(), f"{name}{part}", f"{spoken}: {part}") for part in LINES]
        self._lines[0].setProperty("heading", True)
        for line in (self._lines[1], self._lines[3]):
            line.setProperty("quiet", True)
        self.mosaic = LinkedMosaic()
        named(self.mosaic, f"{name}Maps", f"Feature maps of {spoken}")
        self.mosaic.setMinimumSize(1, LEAST)
        self._why = named(QLabel(wordWrap=True), f"{name}Why", f"Why {spoken} shows no maps")
        self._why.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._offers = QVBoxLayout()
        self._places = QStackedWidget()
        self._places.addWidget(self.mosaic)
        self._places.addWidget(self._lay_out_why())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for line in self._lines:
            column.addWidget(line)
        column.addSpacing(GRID // 2)
        column.addWidget(self._places, 1)

    def show_subject(self, letter: str, look: ForwardResult) -> None:
        """Say what the side is: its network, its weights, and the image."""
        trained, image = "trained" if look.weights.trained else "untrained", image_title(look.subject.image)
        source, notes = look.weights.source, "\n".join(look.weights.notes)
        told = f"{source}, {trained} · {image}"
        self._lines[0].say(f"{letter}  {title(look.subject.architecture)}", told)
        seed = f"{source.removeprefix('random, ')}, " if source.startswith("random, ") else ""
        self._lines[1].say(told, notes, f"{seed}{trained} · {image}", f"{seed}{trained}", seed.rstrip(", "), "")

    def show_maps(self, maps: LayerMaps) -> None:
        """Say what the side's layer amounts to; the mosaic itself is drawn by who knows the other sides."""
        channels, numbers = len(maps.values), layer_numbers(maps)
        size = by(maps.values)
        self._lines[2].say(
            f"{maps.name} · {channels:,} channel{'s' if channels > 1 else ''}, {by(maps.values[0])}", numbers[1],
            f"{maps.name} · {size}", size,
        )  # fmt: skip
        self._lines[3].say(*numbers, f"μ {significant(maps.mean)}", "")
        self._places.setCurrentIndex(0)

    def show_difference(self, maps: LayerMaps, layer: str, other: str) -> None:
        """Say what the difference of two layers amounts to."""
        self.show_maps(maps)
        self._lines[0].say("A − B")
        self._lines[1].say(layer if layer == other else f"{layer} − {other}")
        if maps.values.any():
            size = layer_maps("", np.abs(maps.values)).mean
            self._lines[2].say(f"mean distance {significant(size)}", f"mean of |A − B| {size!r}")
        else:
            self._lines[2].say("no difference: every value is the same")

    def show_nothing(self, *lines: str, why: str, offers: Sequence[Offer] = (), problem: bool = False) -> None:
        """Say why there are no maps, and under which heading."""
        for line, text in zip(self._lines, (*lines, *[""] * len(LINES)), strict=False):
            line.say(text)
        self._why.setText(why)
        dress(self._why, problem=problem, quiet=not problem)
        self._show_offers(offers)
        self._places.setCurrentIndex(1)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        """Two lines over maps; all other room is given, not asked for."""
        return QSize(LEAST, 2 * self.fontMetrics().lineSpacing() + 2 * GRID + LEAST)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(1, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Where it is low, maps matter more than words: hovering over the other lines tells the rest."""
        super().resizeEvent(event)
        for line in (self._lines[1], self._lines[3]):
            line.setVisible(self.height() >= LOW)

    @property
    def has_maps(self) -> bool:
        return self._places.currentIndex() == 0

    def _show_offers(self, offers: Sequence[Offer]) -> None:
        while item := self._offers.takeAt(0):
            if widget := item.widget():
                widget.deleteLater()
        for number, (words, beside) in enumerate(offers):
            button = named(QPushButton(words), f"{self.mosaic.objectName()}Offer{number}", words, words)
            button.clicked.connect(lambda _=False, beside=beside: self.offer_taken.emit(beside))
            self._offers.addWidget(button)

    def _lay_out_why(self) -> QWidget:
        held = QWidget()
        column = QVBoxLayout(held)
        column.setContentsMargins(GRID, 0, GRID, 0)
        column.addStretch(1)
        column.addWidget(self._why)
        column.addLayout(self._offers)
        column.addStretch(1)
        scrolled = QScrollArea(widgetResizable=True)
        scrolled.setFrameShape(QFrame.Shape.NoFrame)
        scrolled.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scrolled.setWidget(held)
        return scrolled


def by(values: Values) -> str:
    """ "64×56×56"."""
    return "×".join(map(str, values.shape))
