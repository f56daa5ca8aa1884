"""Which slice of a layer's weights is shown, and on which scale, as controls."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSpinBox, QToolButton, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import SegmentedControl, take_when_whole
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.kernels import Kernels

SLICES = {"input": "by input", "filter": "by filter"}
SLICE_TIPS = {
    "input": "What every filter looks for in one input channel",
    "filter": "What one filter looks for in all of its input channels",
}
SCALES = {"layer": "one scale", "alone": "each its own"}
SCALE_TIPS = {
    "layer": "One scale for the whole layer: strong and weak weights can be compared",
    "alone": "Each picture by its own largest weight: every pattern can be seen",
}
NUMBER_TIPS = {"input": "Which input channel of every filter", "filter": "Which filter, with all its input channels"}


@dataclass(frozen=True, slots=True)
class ChannelSlice:
    """Which weights: every filter for one input channel, or one filter for every input channel."""

    by_filter: bool = False
    number: int = 0
    """Of the input channel, or of the filter."""
    alone: bool = False
    """Whether each picture has a scale of its own."""


class KernelToolbar(QWidget):
    """Emits the `Slice` that is wished for; only what makes a difference for the layer can be changed."""

    slice_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._slice = ChannelSlice()
        self._by = _segmented(SLICES, "Slice", SLICE_TIPS, "kernelSlice")
        self._number = named(QSpinBox(), "kernelNumber", "Number", NUMBER_TIPS["input"])
        self._number.setWrapping(True)
        take_when_whole(self._number)
        self._number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stepper = self._make_stepper()
        self._scale = _segmented(SCALES, "Colour scale", SCALE_TIPS, "kernelScale")
        row = FlowLayout()
        self.setLayout(row)
        for widget in (self._by, self._stepper, self._scale):
            row.addWidget(widget)
        self._by.chosen.connect(lambda by: self._wish(by == "filter", 0, self._slice.alone))
        self._number.valueChanged.connect(self._take_number)
        self._scale.chosen.connect(
            lambda scale: self._wish(self._slice.by_filter, self._slice.number, scale == "alone")
        )

    def show_slice(self, kernels: Kernels, chosen: ChannelSlice) -> None:
        """Show which slice of a layer is on the screen."""
        self._slice = chosen
        whole = kernels.colour or kernels.matrix
        for widget in (self._by, self._stepper):
            widget.setVisible(not whole)
        self._by.show_value("filter" if chosen.by_filter else "input")
        self._scale.show_value("alone" if chosen.alone else "layer")
        step = 1 if chosen.by_filter else kernels.every
        count = len(kernels.values) if chosen.by_filter else kernels.values.shape[1]
        with QSignalBlocker(self._number):
            self._number.setSingleStep(step)
            self._number.setRange(0, (count - 1) * step)
            self._number.setValue(chosen.number * step)
            self._number.setSuffix(f" of {len(kernels.values) if chosen.by_filter else kernels.inputs:,}")
        self._number.setToolTip(NUMBER_TIPS["filter" if chosen.by_filter else "input"])

    def _make_stepper(self) -> QWidget:
        """The number between an arrow to the one before and an arrow to the one after."""
        stepper = QWidget()
        row = QHBoxLayout(stepper)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        back = named(QToolButton(), "kernelBack", "The one before", "The one before (↓)")
        on = named(QToolButton(), "kernelOn", "The one after", "The one after (↑)")
        for button, text, step in ((back, "‹", self._number.stepDown), (on, "›", self._number.stepUp)):
            button.setText(text)
            button.setFixedWidth(4 * GRID)
            button.clicked.connect(step)
        for widget in (back, self._number, on):
            row.addWidget(widget)
        return stepper

    def _take_scale(self, scale: str) -> None:
        self._wish(self._slice.by_filter, self._slice.number, scale == "alone")

    def _take_number(self, number: int) -> None:
        self._wish(self._slice.by_filter, number // self._number.singleStep(), self._slice.alone)

    def _wish(self, by_filter: bool, number: int, alone: bool) -> None:
        self.slice_wished.emit(ChannelSlice(by_filter, number, alone))


def _segmented(values: dict[str, str], spoken: str, tips: dict[str, str], name: str) -> SegmentedControl:
    made = SegmentedControl(values, spoken, tips)
    made.setObjectName(name)
    made.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
    return made
