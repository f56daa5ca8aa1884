"""The estimated cost of a run before it starts."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnet_studio.analysis.units import DASH
from resnet_studio.formatting import PREFIXES, about_memory, duration, significant
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.memory import ERROR, SHARE, bounds
from resnet_studio.training.datasets import Estimate

LARGEST = "largestBatch"
ROWS = {
    "steps": ("Steps", "Number of weight updates"),
    "stepsPerEpoch": ("Steps/epoch", "Number of weight updates in an epoch"),
    "epoch": ("Time/epoch", "Estimated from a few timed steps, without evaluation and saving"),
    "whole": ("Whole run", "Estimated from a few timed steps, without evaluation and saving"),
    "memory": (
        "Memory",
        "Predicted for a step: weights, gradients, optimizer state and the activations of one batch; measured peaks are"
        f" within {ERROR:.0%}. On the CPU, the memory of the process itself comes on top",
    ),
    "deviceMemory": ("Device has", "Memory of the device in all"),
    LARGEST: ("Largest batch", f"Predicted to fit into {SHARE:.0%} of the device's memory"),
}


class EstimatePanel(QWidget):
    """Steps, time and memory, and a warning if the memory may not suffice."""

    batchRequested = Signal(int)
    """The largest batch that fits, to train with."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "estimate", "Estimate")
        self._network = set_names(QLabel(wordWrap=True), "fittedNetwork", "Network", "The network adapted to the data")
        self._warning = set_names(QLabel(wordWrap=True), "estimateWarning", "Warning")
        self._warning.setProperty("warning", True)
        self._warning.hide()
        self._largest = 0
        self._values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        for row, (name, (label, tip)) in enumerate(ROWS.items()):
            caption = QLabel(label)
            caption.setProperty("quiet", True)
            self._values[name] = value = set_names(QLabel(DASH), f"{name}Estimate", label, tip)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setWordWrap(True)
            caption.setAlignment(Qt.AlignmentFlag.AlignTop)
            grid.addWidget(caption, row, 0)
            if name == LARGEST:
                grid.addLayout(self._with_button(value), row, 1)
            else:
                grid.addWidget(value, row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self._network)
        column.addLayout(grid)
        column.addWidget(self._warning)
        column.addStretch(1)

    def _with_button(self, value: QLabel) -> QHBoxLayout:
        """The row of the largest batch, with the button that takes it."""
        self._use = set_names(
            QPushButton("Use"), "useLargestBatch", "Use the largest batch", "Train with this batch size"
        )
        self._use.clicked.connect(lambda: self.batchRequested.emit(self._largest))
        self._use.hide()
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addStretch(1)
        row.addWidget(self._use, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(value)
        return row

    def show_network(self, title: str, changes: tuple[str, ...]) -> None:
        """Show the network's name, and how it is fitted to the data."""
        self._network.setText(f"{title}: {', '.join(changes)}" if changes else title)

    def clear(self) -> None:
        """Clear the values, until there is an estimate for the current recipe."""
        self._warning.hide()
        self._use.hide()
        for value in self._values.values():
            value.setText(DASH)
            value.setToolTip("")

    def show_estimate(self, estimate: Estimate | None, device: str) -> None:
        """Show an estimate; None while a few steps are being timed."""
        self._warning.setText("" if estimate is None else memory_warning(estimate, device))
        self._warning.setVisible(bool(self._warning.text()))
        self._largest = (estimate.largest_batch if estimate else None) or 0
        self._use.setVisible(self._largest > 0)
        for name, value in self._values.items():
            text, tip = ("…", "Timing a few steps…") if estimate is None else row_text(estimate, name)
            value.setText(text)
            value.setToolTip(tip)


def row_text(estimate: Estimate, what: str) -> tuple[str, str]:
    """A row's text, and a tooltip with the exact value."""
    tip, step = ROWS[what][1], estimate.seconds_per_step
    steps = {"epoch": estimate.steps_per_epoch, "whole": estimate.steps}
    if what in steps:
        seconds = steps[what] * step
        return seconds_text(seconds), f"{tip}\n{step!r} s per step, {seconds!r} s"
    texts = {
        "steps": f"{estimate.steps:,}",
        "stepsPerEpoch": f"{estimate.steps_per_epoch:,}",
        "memory": step_memory(estimate),
        "deviceMemory": about_memory(estimate.available) if estimate.available else DASH,
        LARGEST: DASH if estimate.largest_batch is None else f"{estimate.largest_batch:,}",
    }
    return texts[what], tip


def seconds_text(seconds: float) -> str:
    """0.4213 → "0.421 s", 75 → "1:15 min"; a dash if nothing was timed."""
    if not math.isfinite(seconds):
        return DASH
    if seconds < 59.95:
        return f"{significant(seconds)} s"
    return f"{duration(seconds)} {'min' if seconds < 3600 else 'h'}"


def step_memory(estimate: Estimate) -> str:
    """The memory of a step, and of the process where it takes some of the same: "2.3 GB + 720 MB process"."""
    process = f" + {about_memory(estimate.process)} process" if estimate.process else ""
    return f"{about_memory(estimate.bytes)}{process}"


def memory_range(least: int, most: int) -> str:
    """A range of memory with two significant digits and one unit: "150–440 MB", "0.70–2.1 GB"."""
    ends = about_memory(least), about_memory(most)
    unit = ends[1].split()[1]
    if not ends[0].endswith(f" {unit}"):
        scale = 1000 ** PREFIXES.index(unit.removesuffix("B"))
        ends = f"{least / scale:.2f} {unit}", ends[1]
    return f"{ends[0].split()[0]}–{ends[1]}"


def memory_warning(estimate: Estimate, device: str) -> str:
    """A warning if a step may need more memory than the device has available; else an empty string."""
    least, most = (bound + estimate.process for bound in bounds(estimate.bytes))
    if estimate.available is None or most <= SHARE * estimate.available:
        return ""
    spared = f"{'this machine' if device == 'CPU' else device} has free"
    needs = "needs" if least > SHARE * estimate.available else "may need"
    return f"A step {needs} {memory_range(least, most)}, more than {spared}. Reduce batch size, width or image size."
