"""The channel that is shown large on every page, with its receptive field on the input and its mark among the pins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from resnet_studio.formatting import dimensions
from resnet_studio.gui.activations.channel_view import ChannelView
from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.pin_bar import PinBar
from resnet_studio.gui.activations.pins import Pin
from resnet_studio.inference.feature_maps import Place
from resnet_studio.inference.values import ForwardResult, Pixels
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.receptive_field import Box, passes_gate, pixels_read, receptive_field


class LargeChannel(QObject):
    """Keeps the views of one channel together. They are laid out by their parent."""

    pinRequested = Signal(str, int)
    """Pin a layer's channel, or unpin it if it is pinned."""

    def __init__(self, view: ChannelView, model_input: InputView, pin_bar: PinBar) -> None:
        super().__init__(view)
        self._view, self._input, self._pin_bar = view, model_input, pin_bar
        self._shown = Pin("", 0)
        self._pins: tuple[Pin, ...] = ()
        self._result: ForwardResult | None = None
        view.hovered.connect(self.show_receptive_field)
        view.pinRequested.connect(self.toggle_pin)

    def toggle_pin(self) -> None:
        """Emit `pinRequested` for the channel, if one is shown."""
        if self._shown.layer:
            self.pinRequested.emit(*self._shown)

    def show_result(self, result: ForwardResult) -> None:
        """Show the input of the newest result below the channel."""
        self._result = result
        self._view.show_model_input(result.model_input)

    def show_channel(self, number: int, values: NDArray[np.float32], pixels: Pixels, layer: str) -> None:
        """Show a layer's channel: its values, height × width, and its RGB pixels."""
        self._view.show_channel(number, values, pixels)
        if layer != self._shown.layer:
            self.show_receptive_field(None)
        if (layer, number) != self._shown:
            self._shown = Pin(layer, number)
            self._mark_pinned()
        architecture = self._architecture()
        self._view.show_receptive_field(*(describe_receptive_field(architecture, layer) if architecture else ("", "")))

    def show_pins(self, pins: tuple[Pin, ...]) -> None:
        """Show the pinned channels, and whether this one is among them."""
        self._pins = pins
        self._pin_bar.show_pins(pins)
        self._mark_pinned()

    def show_receptive_field(self, place: Place | None) -> None:
        """Draw the receptive field of a value of the channel on the input; None removes it."""
        architecture, layer = self._architecture(), self._shown.layer
        if architecture is None or place is None:
            self._input.show_receptive_field(None)
        else:
            self._input.show_receptive_field(pixels_read(architecture, layer, place.row, place.column))

    def _architecture(self) -> Architecture | None:
        """The network that computed the channel; None if the newest result does not contain its layer."""
        result, layer = self._result, self._shown.layer
        has_layer = result is not None and result.maps(layer) is not None
        return result.spec.architecture if result and has_layer else None

    def _mark_pinned(self) -> None:
        self._view.show_pinned(pinned=self._shown in self._pins)
        self._pin_bar.show_current(*self._shown)


def describe_receptive_field(architecture: Architecture, layer: str) -> tuple[str, str]:
    """A layer's receptive field as a short label and as a tooltip."""
    field = receptive_field(architecture, layer, 0, 0)
    size, (height, width) = dimensions((field.height, field.width)), architecture.image_size
    if field == Box(0, 0, width, height):
        return "whole input", "Each value of this layer depends on the whole input"
    if field.width > width or field.height > height:
        return f"RF {size}", (
            f"The receptive field of each value, {size}, reaches beyond the {dimensions((height, width))} input; what "
            "is outside is padding. The part inside is drawn on the input"
        )
    gates = ", and through the gates of squeeze-and-excitation on all" if passes_gate(architecture, layer) else ""
    return f"RF {size}", f"Receptive field: each value of this layer depends on this many pixels of the input{gates}"
