"""Pinned channels side by side: they stay while images, layers and pages change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.activations.pins import MAP, SMALL, TITLE, Pin, PinView
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import Colours, MapStyle, Values, colour, spread
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import channels_by_name

EMPTY = "Pin channels to keep them here"
EMPTY_TIP = "P on a map, or “Pin” beside the large channel: it stays in view while images, layers and pages change"
SCALE_TIP = "One range of values for all pins, so that strong and weak ones can be compared"
BAR = 12
"""Pixels that the scroll bar has below the pins."""


class PinBar(QWidget):
    """Shows the pins of any network in the newest look that has them; one line while there are none."""

    pin_chosen = Signal(object)
    unpin_wished = Signal(object)
    move_wished = Signal(object, int)
    """The pin, and the place that it is to have."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "tray", "Pinned channels")
        self._views: list[PinView] = []
        self._channels: Mapping[str, int] = {}
        """How many channels each layer of the network in hand has."""
        self._architecture: Architecture | None = None
        self._look: ForwardResult | None = None
        self._colours: Colours = "viridis"
        self._current: Pin | None = None
        self._small = False
        self._empty = named(QLabel(EMPTY), "trayEmpty", "", EMPTY_TIP)
        self._note = named(QLabel(wordWrap=True), "trayNote", "Tray")
        self._range = named(QLabel(), "trayRange", "Range of all pins")
        for label in (self._empty, self._range):
            label.setProperty("quiet", True)
        self._note.setProperty("warning", True)
        self._one_scale = named(QPushButton("one scale"), "trayScale", "One scale for all pins", SCALE_TIP)
        self._one_scale.setCheckable(True)
        self._one_scale.toggled.connect(self._draw)
        self._pins = QWidget()
        self._row = QHBoxLayout(self._pins)
        self._strip = _Strip(self._pins)
        self._lay_out()
        self.show_pins(())

    def show_pins(self, pins: Sequence[Pin]) -> None:
        """Show these, in this order."""
        known = {view.pin: view for view in self._views}
        self._strip.reveals = bool(known and pins and pins[-1] not in known)
        focused = next((number for number, view in enumerate(self._views) if view.hasFocus()), None)
        self._views = [known.pop(pin) if pin in known else self._make(pin) for pin in pins]
        for gone in known.values():
            self._row.removeWidget(gone)
            gone.hide()
            gone.deleteLater()
        for number, view in enumerate(self._views):
            self._row.insertWidget(number, view)
            if number:
                QWidget.setTabOrder(self._views[number - 1], view)
        if focused is not None and self._views and not any(view.hasFocus() for view in self._views):
            self._views[min(focused, len(self._views) - 1)].setFocus()
        self._empty.setVisible(not pins)
        self._whole.setVisible(bool(pins))
        self._note.hide()
        self._mark()
        self._draw()

    def show_layers(self, architecture: Architecture) -> None:
        """Follow to another network: pins of layers that it lacks say so, and come back with them."""
        self._architecture = architecture
        self._channels = channels_by_name(architecture)
        self._draw()

    def show_look(self, look: ForwardResult) -> None:
        """Show the pins as they are in this look."""
        self._look = look
        self._draw()

    def show_colours(self, colours: Colours) -> None:
        """Draw them in these colours, as the maps are."""
        if colours != self._colours:
            self._colours = colours
            self._draw()

    def show_current(self, layer: str, channel: int) -> None:
        """Mark the channel that is shown large, if it is among the pins."""
        if (layer, channel) != self._current:
            self._current = Pin(layer, channel)
            self._mark()

    def show_small(self, *, small: bool) -> None:
        """Draw the maps small, or as usual."""
        if small != self._small:
            self._small = small
            self._strip.setFixedHeight((SMALL if small else MAP) + TITLE + BAR)
            for view in self._views:
                view.show_small(small=small)

    def show_note(self, sentence: str) -> None:
        """Say why a channel could not be pinned."""
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
        side.addWidget(self._one_scale)
        side.addWidget(self._range)
        side.addStretch(1)
        self._whole = QWidget()
        whole = QHBoxLayout(self._whole)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addWidget(self._strip, 1)
        whole.addLayout(side)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        for widget in (self._empty, self._note, self._whole):
            column.addWidget(widget)

    def _make(self, pin: Pin) -> PinView:
        view = PinView(pin)
        view.show_small(small=self._small)
        view.chosen.connect(lambda: None if view.is_absent() else self.pin_chosen.emit(pin))
        view.unpin_wished.connect(lambda: self.unpin_wished.emit(pin))
        view.dragged.connect(lambda point: self._drag(view, point))
        view.stepped.connect(lambda way, along: self._step(view, way, along=along))
        return view

    def _drag(self, view: PinView, point: QPointF) -> None:
        inside = self._pins.mapFromGlobal(point)
        to = sum(one.geometry().center().x() < inside.x() for one in self._views if one is not view)
        if to != self._views.index(view):
            self.move_wished.emit(view.pin, to)
            self._strip.ensureWidgetVisible(view)

    def _step(self, view: PinView, way: int, *, along: bool) -> None:
        to = self._views.index(view) + way
        if not 0 <= to < len(self._views):
            return
        if along:
            self.move_wished.emit(view.pin, to)
        else:
            self._views[to].setFocus()
        self._strip.ensureWidgetVisible(view if along else self._views[to])

    def _mark(self) -> None:
        for view in self._views:
            view.show_current(current=view.pin == self._current)

    def _draw(self) -> None:
        """Each pin from the look, if that is one of the network in hand.

        A map of one value has its layer's range: alone, it would be constant.
        """
        found: dict[PinView, Values] = {}
        look = self._look if self._look and self._look.subject.architecture == self._architecture else None
        layers = {maps.name: maps.values for maps in look.layers} if look else {}
        for view in self._views:
            layer, channel = view.pin
            if channel >= self._channels.get(layer, 0):
                view.show_absent()
            elif layer in layers:
                found[view] = layers[layer][channel : channel + 1]
            elif view.is_absent():
                view.show_waiting()
        limits = _limits(list(found.values())) if self._one_scale.isChecked() else None
        self._range.setText(f"{significant(limits[0])} …\n{significant(limits[1])}" if limits else "")
        for view, values in found.items():
            ends = limits or (_limits([layers[view.pin.layer]]) if values.size == 1 else None)
            drawing = MapStyle("fixed" if ends else "channel", self._colours, ends)
            view.show_pixels(colour(spread(values, drawing)[0], self._colours))


class _Strip(QScrollArea):
    """Scrolls sideways, also by a wheel that turns up and down."""

    def __init__(self, pins: QWidget) -> None:
        super().__init__(widgetResizable=True)
        self.setWidget(pins)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(MAP + TITLE + BAR)
        self.viewport().setAutoFillBackground(False)
        pins.setAutoFillBackground(False)
        self.reveals = False
        """Whether what comes at the end is to be seen as soon as there is room made for it."""
        self.horizontalScrollBar().rangeChanged.connect(self._reveal)

    def _reveal(self, _: int, end: int) -> None:
        if self.reveals:
            self.horizontalScrollBar().setValue(end)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  (Qt's name)
        turn: QPoint = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (turn.x() or turn.y()))
        event.accept()


def _limits(values: Sequence[Values]) -> tuple[float, float] | None:
    """The least and the greatest finite value; None where there is none."""
    known = [one[np.isfinite(one)] for one in values]
    known = [one for one in known if one.size]
    if not known:
        return None
    low, high = min(float(one.min()) for one in known), max(float(one.max()) for one in known)
    return low, high if high > low else low + 1
