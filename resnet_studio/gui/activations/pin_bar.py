"""The pinned channels in a row, which stay while images, layers and tabs change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.pins import MAP_SIDE, SMALL_MAP_SIDE, TITLE_HEIGHT, Pin, PinView
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import MapStyle, Values, apply_colormap, to_indices
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import channels_by_name

EMPTY = "Pin channels to keep them here"
EMPTY_TIP = "Press P on a map or click “Pin”: the channel stays in view when the image, layer or tab changes"
SCALE_TIP = "Use one value range for all pinned channels so that they can be compared"
SCROLL_BAR_HEIGHT = 12
"""Height of the scroll bar below the pins, in pixels."""


class PinBar(QWidget):
    """Shows each pin from the newest result that contains it; a one-line hint while there are no pins."""

    pinSelected = Signal(object)
    unpinRequested = Signal(object)
    moveRequested = Signal(object, int)
    """The pin, and its new position."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "tray", "Pinned channels")
        self._views: list[PinView] = []
        self._channels: Mapping[str, int] = {}
        """How many channels each layer of the current network has."""
        self._architecture: Architecture | None = None
        self._result: ForwardResult | None = None
        self._colormap: Colormap = "viridis"
        self._current: Pin | None = None
        self._small = False
        self._empty = set_names(QLabel(EMPTY), "trayEmpty", "", EMPTY_TIP)
        self._note = set_names(QLabel(wordWrap=True), "trayNote", "Note")
        self._range = set_names(QLabel(), "trayRange", "Value range of all pinned channels")
        for label in (self._empty, self._range):
            label.setProperty("quiet", True)
        self._note.setProperty("warning", True)
        self._shared_scale = set_names(
            QPushButton("shared scale"), "trayScale", "Shared scale for all pinned channels", SCALE_TIP
        )
        self._shared_scale.setCheckable(True)
        self._shared_scale.toggled.connect(self._draw)
        self._pins = QWidget()
        self._row = QHBoxLayout(self._pins)
        self._strip = _Strip(self._pins)
        self._lay_out()
        self.show_pins(())

    def show_pins(self, pins: Sequence[Pin]) -> None:
        """Show these pins in this order."""
        existing = {view.pin: view for view in self._views}
        self._strip.reveal_end = bool(existing and pins and pins[-1] not in existing)
        focused = next((number for number, view in enumerate(self._views) if view.hasFocus()), None)
        self._views = [existing.pop(pin) if pin in existing else self._make(pin) for pin in pins]
        for view in existing.values():
            self._row.removeWidget(view)
            view.hide()
            view.deleteLater()
        for number, view in enumerate(self._views):
            self._row.insertWidget(number, view)
            if number:
                QWidget.setTabOrder(self._views[number - 1], view)
        if focused is not None and self._views and not any(view.hasFocus() for view in self._views):
            self._views[min(focused, len(self._views) - 1)].setFocus()
        self._empty.setVisible(not pins)
        self._content.setVisible(bool(pins))
        self._note.hide()
        self._update_current()
        self._draw()

    def show_layers(self, architecture: Architecture) -> None:
        """Follow another network; pins that it lacks are marked as absent."""
        self._architecture = architecture
        self._channels = channels_by_name(architecture)
        self._draw()

    def show_result(self, result: ForwardResult) -> None:
        """Show the pins' maps in this result."""
        self._result = result
        self._draw()

    def show_colormap(self, colormap: Colormap) -> None:
        """Use this colormap, which is that of the maps."""
        if colormap != self._colormap:
            self._colormap = colormap
            self._draw()

    def show_current(self, layer: str, channel: int) -> None:
        """Mark the channel that is shown large, if it is among the pins."""
        if (layer, channel) != self._current:
            self._current = Pin(layer, channel)
            self._update_current()

    def show_small(self, *, small: bool) -> None:
        """Draw the maps small or in their normal size."""
        if small != self._small:
            self._small = small
            self._strip.setFixedHeight((SMALL_MAP_SIDE if small else MAP_SIDE) + TITLE_HEIGHT + SCROLL_BAR_HEIGHT)
            for view in self._views:
                view.show_small(small=small)

    def show_note(self, sentence: str) -> None:
        """Show why a channel could not be pinned."""
        self._note.setText(sentence)
        self._note.show()

    def views(self) -> list[PinView]:
        """The pins in their order."""
        return self._views

    def _lay_out(self) -> None:
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        self._row.addStretch(1)
        self._row.setAlignment(Qt.AlignmentFlag.AlignTop)
        side = QVBoxLayout()
        side.setSpacing(GRID // 2)
        side.addWidget(self._shared_scale)
        side.addWidget(self._range)
        side.addStretch(1)
        self._content = QWidget()
        whole = QHBoxLayout(self._content)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addWidget(self._strip, 1)
        whole.addLayout(side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        for widget in (self._empty, self._note, self._content):
            column.addWidget(widget)

    def _make(self, pin: Pin) -> PinView:
        view = PinView(pin)
        view.show_small(small=self._small)
        view.activated.connect(lambda: None if view.is_absent() else self.pinSelected.emit(pin))
        view.unpinRequested.connect(lambda: self.unpinRequested.emit(pin))
        view.dragged.connect(lambda point: self._drag(view, point))
        view.stepped.connect(lambda step, move: self._step(view, step, move=move))
        return view

    def _drag(self, view: PinView, point: QPointF) -> None:
        inside = self._pins.mapFromGlobal(point)
        position = sum(other.geometry().center().x() < inside.x() for other in self._views if other is not view)
        if position != self._views.index(view):
            self.moveRequested.emit(view.pin, position)
            self._strip.ensureWidgetVisible(view)

    def _step(self, view: PinView, step: int, *, move: bool) -> None:
        position = self._views.index(view) + step
        if not 0 <= position < len(self._views):
            return
        if move:
            self.moveRequested.emit(view.pin, position)
        else:
            self._views[position].setFocus()
        self._strip.ensureWidgetVisible(view if move else self._views[position])

    def _update_current(self) -> None:
        for view in self._views:
            view.show_current(current=view.pin == self._current)

    def _draw(self) -> None:
        """Draw each pin from the result, if that is of the current network.

        A map of one value uses its layer's range, as its own would be empty.
        """
        shown: dict[PinView, Values] = {}
        result = self._result if self._result and self._result.spec.architecture == self._architecture else None
        layers = {maps.name: maps.values for maps in result.layers} if result else {}
        for view in self._views:
            layer, channel = view.pin
            if channel >= self._channels.get(layer, 0):
                view.show_absent()
            elif layer in layers:
                shown[view] = layers[layer][channel : channel + 1]
            elif view.is_absent():
                view.show_waiting()
        limits = _limits(list(shown.values())) if self._shared_scale.isChecked() else None
        self._range.setText(f"{significant(limits[0])} …\n{significant(limits[1])}" if limits else "")
        for view, values in shown.items():
            ends = limits or (_limits([layers[view.pin.layer]]) if values.size == 1 else None)
            map_style = MapStyle("fixed" if ends else "channel", self._colormap, ends)
            view.show_pixels(apply_colormap(to_indices(values, map_style)[0], self._colormap))


class _Strip(QScrollArea):
    """Scrolls horizontally, also with a vertical wheel."""

    def __init__(self, pins: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setWidget(pins)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(MAP_SIDE + TITLE_HEIGHT + SCROLL_BAR_HEIGHT)
        self.viewport().setAutoFillBackground(False)
        pins.setAutoFillBackground(False)
        self.reveal_end = False
        """Whether to scroll to the end as soon as the range grows."""
        self.horizontalScrollBar().rangeChanged.connect(self._reveal)

    def _reveal(self, _: int, end: int) -> None:
        if self.reveal_end:
            self.horizontalScrollBar().setValue(end)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta: QPoint = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (delta.x() or delta.y()))
        event.accept()


def _limits(values: Sequence[Values]) -> tuple[float, float] | None:
    """The minimum and maximum finite value; None if no value is finite."""
    finite = [array[np.isfinite(array)] for array in values]
    finite = [array for array in finite if array.size]
    if not finite:
        return None
    low, high = min(float(array.min()) for array in finite), max(float(array.max()) for array in finite)
    return low, high if high > low else low + 1
