"""The form of a sweep: the values of each field that is varied, the budget, and what is best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.analysis.budget import CAPACITIES, USUAL_BATCH, Capacity
from resnet_studio.analysis.sweep_text import EXAMPLES
from resnet_studio.analysis.units import LABELS, FlopUnit
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.inputs import ComboBox, EditCommitter, SegmentedControl
from resnet_studio.gui.common.labels import labeled
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID

ALWAYS = ("depth", "width", "image")
"""Fields that are shown from the start; others are added."""
WIDEST = 400
"""Pixels of a line."""
LIMITS: Mapping[str, tuple[str, str, int, str]] = {
    "max_macs": ("FLOPs", "1G", 76, "At most so many FLOPs for one image, as in 600M or 1.5G"),
    "max_parameters": ("Parameters", "25M", 80, "At most so many parameters, as in 10M"),
    "max_memory": ("Memory", "2GB", 80, "At most so much memory at the peak of a training step, predicted"),
    "batch": ("at batch", str(USUAL_BATCH), 48, "Images in a step, of which the memory is"),
    "max_ms": ("ms per image", "10", 68, "At most so many milliseconds for one image, predicted for this device"),
}
"""Label, example, pixels and tooltip of each limit."""
BEST = {"": "Auto", "macs": "FLOPs", "parameters": "Parameters", "depth": "Layers"}
BEST_TIPS: dict[str, str] = {
    "": "The first of FLOPs, parameters and layers that the budget does not limit",
    **{str(capacity): f"Best is what has the most {words}" for capacity, words in CAPACITIES.items()},
}
VALUES_TIP = (
    "Values with commas between them, such as {example}; a range with its step is written 32..96:16.\n"
    "Leave it empty to keep the current network's"
)
WIDTH_TIP = "\nfit is the widest network within the budget, rounded down to a multiple of 8; fit:4 to one of 4"


class SweepForm(QWidget):
    """Emits `textsChanged` with all texts by their keys whenever one was edited; "" is in none of them."""

    textsChanged = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, QLineEdit] = {}
        self._labels: dict[str, QLabel] = {}
        self._fields, self._limits = FlowLayout(), FlowLayout()
        self._more = ComboBox({"": "Vary…"}, "sweepAddField", "Vary another field", "Vary another field")
        self._more.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._more.setFixedWidth(96)
        self._more.valueSelected.connect(self._on_field_added)
        self._best = SegmentedControl(BEST, "sweepBest", "Best", BEST_TIPS, stretches=False)
        self._best.valueSelected.connect(lambda _: self._emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(self._fields)
        column.addLayout(self._limits)
        self._available: tuple[str, ...] = ()
        for field in ALWAYS:
            self._add_field(field)
        for limit in LIMITS:
            self._add_limit(limit)
        self._limits.addWidget(labeled("Most", self._best))

    def texts(self) -> dict[str, str]:
        """What is typed, by field and limit; what is best under "best"."""
        typed = {key: line.text().strip() for key, line in self._lines.items()}
        return {key: text for key, text in {**typed, "best": self._best.value()}.items() if text}

    @property
    def best(self) -> Capacity | None:
        """What there is to be most of; None for the usual."""
        best = self._best.value()
        return cast("Capacity", best) if best else None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that can be varied."""
        return self._available

    def show_fields(self, fields: Sequence[str]) -> None:
        """Set the fields that can be varied; others keep their text and are hidden."""
        if tuple(fields) == self._available:
            return
        self._available = tuple(fields)
        self._offer()
        for field, line in self._lines.items():
            if field not in LIMITS:
                cast("QWidget", line.parentWidget()).setVisible(field in fields)

    def show_texts(self, texts: Mapping[str, str]) -> None:
        """Show these texts, without emitting."""
        for field in self._available:
            if field in texts and field not in self._lines:
                self._add_field(field)
        for key, line in self._lines.items():
            if line.text().strip() != texts.get(key, ""):
                line.setText(texts.get(key, ""))
        best = texts.get("best", "")
        self._best.set_value(best if best in BEST else "")
        self._offer()

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Mark the fields that are wrong; their tooltips say why."""
        for key, line in self._lines.items():
            set_style_property(line, wrong=key in problems)

    def set_unit(self, unit: FlopUnit) -> None:
        """Set the unit of the limit of FLOPs."""
        self._lines["max_macs"].setToolTip(f"At most so many {LABELS[unit]} for one image, as in 600M or 1.5G")

    def _add_field(self, field: str) -> QLineEdit:
        example = EXAMPLES.get(field, "1, 2")
        tip = VALUES_TIP.format(example=example) + (WIDTH_TIP if field == "width" else "")
        name = "φ (scale)" if field == "scale" else field.replace("_", " ").capitalize()
        self._fields.removeWidget(self._more)
        line = self._add_line(self._fields, field, name, example, 136, tip)
        self._fields.addWidget(self._more)  # stays behind the fields
        return line

    def _add_limit(self, limit: str) -> None:
        label, example, width, tip = LIMITS[limit]
        self._add_line(self._limits, limit, label if limit == "batch" else f"{label} ≤", example, width, tip)

    def _add_line(
        self, layout: FlowLayout, key: str, label: str, example: str, width: int, tip: str
    ) -> QLineEdit:  # fmt: skip
        line = set_names(QLineEdit(), f"sweep_{key}", label, tip)
        line.setPlaceholderText(example if key == "batch" else f"e.g. {example}")
        line.setFixedWidth(width)
        line.textChanged.connect(partial(_widen, line, width))
        EditCommitter(line).committed.connect(lambda _: self._emit())
        self._lines[key] = line
        layout.addWidget(labeled(label, line))
        return line

    def _offer(self) -> None:
        """Offer the fields that are not shown yet."""
        others = [field for field in self._available if field not in self._lines]
        self._more.set_values({"": "Vary…", **{field: field.replace("_", " ") for field in others}})
        self._more.set_value("")

    def _on_field_added(self, field: str) -> None:
        if not field:
            return
        line = self._add_field(field)
        self._offer()
        line.setFocus()

    def _emit(self) -> None:
        self.textsChanged.emit(self.texts())


def _widen(line: QLineEdit, usual: int, text: str) -> None:
    """Make a line as wide as its text, within limits."""
    line.setFixedWidth(min(max(usual, line.fontMetrics().horizontalAdvance(text) + 3 * GRID), WIDEST))
