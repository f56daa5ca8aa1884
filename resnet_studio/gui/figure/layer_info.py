"""The row of the layer table for what is under the mouse or selected, in a line that never moves."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QStackedLayout, QWidget

from resnet_studio.analysis import units
from resnet_studio.formatting import DASH, dimensions, percent, short_time
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.figure.layer_facts import LayerFacts
from resnet_studio.gui.theme import GRID

HINT = "Point at a layer to read its row of the layer table · click it to select it in every workspace"
COLUMNS = {
    "output": ("output", "2048×999×999", "Channels × height × width of the output for one image"),
    "parameters": ("parameters", "102,764,544", "Weights, biases, and batch norm's scale and shift"),
    "flops": ("FLOPs", "99.9 G", ""),
    "share": ("share", "99.9 %", "Share of the network's FLOPs"),
    "field": ("receptive field", "9,999×9,999", "Pixels of the image that a value depends on, as papers count it"),
    "time": ("time", "999 µs", "Measured time for each image on this device"),
}
"""Heading, widest usual text, and tooltip of each number."""


class LayerInfo(QWidget):
    """Name and kernel on the left, and the numbers under their headings."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "figureInfo", "Layer")
        self._unit: units.FlopUnit = "flops"
        self._facts: LayerFacts | None = None
        self._name = set_names(ElidedLabel(), "figureInfoName", "Layer")
        self._detail = set_names(ElidedLabel(), "figureInfoDetail", "Kernel")
        self._detail.setProperty("quiet", True)
        self._name.setProperty("heading", True)
        self._hint = set_names(ElidedLabel(HINT), "figureInfoHint", "What to do next")
        self._hint.setProperty("quiet", True)
        row = QWidget()
        self._pages = QStackedLayout(self)
        self._pages.addWidget(row)
        self._pages.addWidget(self._hint)
        grid = QGridLayout(row)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(3 * GRID // 2)
        grid.setVerticalSpacing(0)
        grid.addWidget(self._name, 0, 0)
        grid.addWidget(self._detail, 1, 0)
        grid.setColumnStretch(0, 1)
        self._headings: dict[str, QLabel] = {}
        self._values: dict[str, QLabel] = {}
        for column, (key, (heading, widest, tip)) in enumerate(COLUMNS.items(), start=1):
            self._add_number(grid, column, key, heading, widest, tip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_facts(None)

    def _add_number(self, grid: QGridLayout, column: int, key: str, heading: str, widest: str, tip: str) -> None:
        for row, (labels, text) in enumerate(((self._headings, heading), (self._values, ""))):
            label = labels[key] = set_names(QLabel(text), f"figureInfo{key.capitalize()}{row}", heading, tip)
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(label, row, column)
        self._headings[key].setProperty("quiet", True)
        self._values[key].setMinimumWidth(QFontMetrics(theme.text_font()).horizontalAdvance(widest))

    def set_unit(self, unit: units.FlopUnit) -> None:
        """Show FLOPs in another unit."""
        self._unit = unit
        self.show_facts(self._facts)

    def show_facts(self, facts: LayerFacts | None, column: str = "") -> None:
        """Show a row; None says what there is to do. `column` names the network, if there are several."""
        self._facts = facts
        self._pages.setCurrentIndex(0 if facts else 1)
        if facts is None:
            return
        numbers = self._numbers(facts)
        for key, text in numbers.items():
            self._values[key].setText(text)
        self._headings["flops"].setToolTip(units.LABELS[self._unit])
        repeats = f" · one of {facts.repeats:,} equal blocks" if facts.repeats > 1 else ""
        self._name.set_text(facts.name)
        self._detail.set_text(" · ".join(filter(None, (facts.detail, column))) + repeats)
        described = ", ".join(f"{COLUMNS[key][0]} {text}" for key, text in numbers.items())
        self.setAccessibleDescription(f"{facts.name}: {facts.detail}{repeats}, {described}")

    def _numbers(self, facts: LayerFacts) -> dict[str, str]:
        macs = units.in_unit(facts.macs, self._unit)
        self._values["flops"].setToolTip(f"{units.exact(macs)} {units.NAMES[self._unit]}")
        return {
            "output": dimensions(facts.output),
            "parameters": units.exact(facts.parameters) if facts.parameters else DASH,
            "flops": units.short(macs) if macs else DASH,
            "share": percent(facts.share) if macs else DASH,
            "field": dimensions(facts.field) if facts.field else DASH,
            "time": short_time(facts.seconds) if facts.seconds else DASH,
        }
