"""The totals of the current architecture, under its form."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from resnet_studio.analysis import units
from resnet_studio.analysis.table import LayerTable
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.theme import GRID
from resnet_studio.networks import memory


class ArchitectureSummary(QWidget):
    """Parameters, FLOPs, memory, and the comparison with the paper's figure."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("headline")
        self._parameters = _line("headline")
        self._flops = _line("headline")
        self._unit: units.FlopUnit = "flops"
        self._table: LayerTable | None = None
        self._comparison = ""
        self._memory = _line("quiet")
        self._warning = set_names(_line("warning"), "memoryWarning", "Memory")
        self._paper_comparison = _line("quiet")
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID + 4)
        column.setSpacing(GRID // 2)
        for label in (self._parameters, self._flops, self._memory, self._warning, self._paper_comparison):
            column.addWidget(label)

    def show_table(self, table: LayerTable) -> None:
        """Show a table's totals."""
        self._table, totals = table, table.totals
        self._parameters.setText(f"{units.short(totals.parameters)} <small>parameters</small>")
        self._parameters.setToolTip(units.exact(totals.parameters))
        self._show_flops(table)
        weights, activations = units.memory(4 * totals.parameters), units.memory(totals.activation_bytes)
        self._memory.setText(f"{weights} weights\n{activations} activations")
        self._memory.setToolTip("float32; activations are all layer outputs for one image")
        too_large = memory.too_large(table.architecture, memory.to_run(table.architecture), "to run")
        self._warning.setText(too_large)
        self._warning.setVisible(bool(too_large))

    def set_flop_unit(self, unit: units.FlopUnit) -> None:
        """Set the unit of the FLOPs. The comparison with the paper's figure stays in the paper's."""
        self._unit = unit
        self._show_comparison()
        if self._table:
            self._show_flops(self._table)

    def _show_comparison(self) -> None:
        """In the paper's unit, which is said where the other figures are in another."""
        stated = f"{self._comparison} (MAC)" if self._comparison and self._unit != "flops" else self._comparison
        self._paper_comparison.setText(stated)

    def _show_flops(self, table: LayerTable) -> None:
        macs = table.totals.macs
        how = "counted by fvcore" if table.counted else "analytic count"
        self._flops.setText(f"{units.short(units.in_unit(macs, self._unit))} <small>{units.NAMES[self._unit]}</small>")
        self._flops.setToolTip(f"{units.exact(macs)} multiply-adds in conv + fc, {how}")

    def show_paper_comparison(self, text: str, *, good: bool) -> None:
        """Show how the measured FLOPs compare with the published figure."""
        self._comparison = text
        self._show_comparison()
        set_style_property(self._paper_comparison, good=good, quiet=not good)


def _line(tone: str) -> QLabel:
    label = QLabel(wordWrap=True)
    label.setProperty(tone, True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
