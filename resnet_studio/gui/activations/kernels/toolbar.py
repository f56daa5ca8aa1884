"""Controls that select which slice of a layer's weights is shown, and on which scale."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QToolButton, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import SegmentedControl, commit_when_complete
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.kernels import Kernels

SLICES = {"input": "by input", "filter": "by filter"}
SLICE_TIPS = {
    "input": "Weights of all filters for one input channel",
    "filter": "Weights of one filter for all input channels",
}
SCALES = {"layer": "shared scale", "alone": "per tile"}
SCALE_TIPS = {
    "layer": "One scale for the layer: strong and weak weights can be compared",
    "alone": "Each tile scaled to its largest weight: shows every pattern",
}
NUMBER_TIPS = {"input": "Input channel shown for all filters", "filter": "Filter whose input channels are shown"}


@dataclass(frozen=True, slots=True)
class ChannelSlice:
    """A slice of the weights: every filter for one input channel, or one filter for every input channel."""

    by_filter: bool = False
    number: int = 0
    """Index of the input channel, or of the filter."""
    per_tile: bool = False
    """Whether each tile has a scale of its own."""


class KernelToolbar(QWidget):
    """Emits the selected `ChannelSlice`; controls that have no effect for the layer are hidden."""

    sliceSelected = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._slice = ChannelSlice()
        self._axis = SegmentedControl(SLICES, "kernelSlice", "Slice", SLICE_TIPS, stretches=False)
        self._number = set_names(QSpinBox(), "kernelNumber", "Index", NUMBER_TIPS["input"])
        self._number.setWrapping(True)
        commit_when_complete(self._number)
        self._number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stepper = self._make_stepper()
        self._scale = SegmentedControl(SCALES, "kernelScale", "Contrast", SCALE_TIPS, stretches=False)
        row = FlowLayout()
        self.setLayout(row)
        for widget in (self._axis, self._stepper, self._scale):
            row.addWidget(widget)
        self._axis.valueSelected.connect(lambda axis: self._emit_slice(axis == "filter", 0, self._slice.per_tile))
        self._number.valueChanged.connect(self._on_number_changed)
        self._scale.valueSelected.connect(
            lambda scale: self._emit_slice(self._slice.by_filter, self._slice.number, scale == "alone")
        )

    def show_slice(self, kernels: Kernels, current: ChannelSlice) -> None:
        """Show which slice of a layer is displayed."""
        self._slice = current
        fixed = kernels.is_rgb or kernels.is_matrix
        for widget in (self._axis, self._stepper):
            widget.setVisible(not fixed)
        self._axis.set_value("filter" if current.by_filter else "input")
        self._scale.set_value("alone" if current.per_tile else "layer")
        step = 1 if current.by_filter else kernels.input_step
        count = len(kernels.values) if current.by_filter else kernels.values.shape[1]
        with QSignalBlocker(self._number):
            self._number.setSingleStep(step)
            self._number.setRange(0, (count - 1) * step)
            self._number.setValue(current.number * step)
            self._number.setSuffix(f" of {len(kernels.values) if current.by_filter else kernels.in_channels:,}")
        self._number.setToolTip(NUMBER_TIPS["filter" if current.by_filter else "input"])

    def _make_stepper(self) -> QWidget:
        """The number between buttons for the previous and the next one."""
        stepper = QWidget()
        row = QHBoxLayout(stepper)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        previous = set_names(QToolButton(), "kernelBack", "Previous", "Previous (↓)")
        next_button = set_names(QToolButton(), "kernelOn", "Next", "Next (↑)")
        for button, text, step in ((previous, "‹", self._number.stepDown), (next_button, "›", self._number.stepUp)):
            button.setText(text)
            button.setFixedWidth(4 * GRID)
            button.clicked.connect(step)
        for widget in (previous, self._number, next_button):
            row.addWidget(widget)
        return stepper

    def _on_number_changed(self, number: int) -> None:
        self._emit_slice(self._slice.by_filter, number // self._number.singleStep(), self._slice.per_tile)

    def _emit_slice(self, by_filter: bool, number: int, per_tile: bool) -> None:
        self.sliceSelected.emit(ChannelSlice(by_filter, number, per_tile))
