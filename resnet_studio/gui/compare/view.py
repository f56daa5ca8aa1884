"""The Compare workspace: networks side by side, stage by stage, against the first one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_order import Order
from resnet_studio.analysis.comparison_rows import Shown
from resnet_studio.analysis.comparison_text import comparison_text, differences, sentence_forms, sentences
from resnet_studio.analysis.difference_wording import costed_steps
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.tables import TableFormat, with_notes
from resnet_studio.formatting import counted
from resnet_studio.gui.common.button_feedback import reserve_width
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.network_adder import NetworkAdder
from resnet_studio.gui.common.table_export import TableExportButton
from resnet_studio.gui.compare.model import CompareModel
from resnet_studio.gui.compare.sentence import SentenceLabel
from resnet_studio.gui.compare.table import CompareTable
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import read_architecture

Compared = tuple[Architecture | None, ...]
"""The compared architectures, in order; None stands for the current architecture, whatever that is."""
SHOWN: dict[str, str] = {
    "all": "All", "blocks": "Blocks", "parameters": "Parameters", "macs": "FLOPs", "activation_bytes": "Activations",
}  # fmt: skip
TIPS = {
    "all": "What is known of the whole, and output size, blocks, and costs of every stage",
    "blocks": "Blocks of every stage, as in the paper's Table 1",
    "parameters": "Parameters only",
    "macs": "Multiply-adds of convolutions and linear layers only",
    "activation_bytes": "Activation memory only: all layer outputs, float32, one image",
}
ORDERS = {"stage": "By stage", "difference": "By difference"}
ORDER_TIPS = {
    "stage": "The whole network, then its stages from input to output",
    "difference": "First what differs most from the reference, as a factor up or down",
}
MEASURE, AGAIN = "Measure time", "Measure again"
SECONDS = 4
"""About what measuring a network takes."""


class CompareView(QWidget):
    """Shows a comparison, and emits requests for another one."""

    comparisonRequested = Signal(object)
    """A `Compared` with at least one network."""
    architectureSelected = Signal(object)
    measureRequested = Signal()
    """Measure the networks without a time; if all have one, measure them again."""
    cancelRequested = Signal()
    saveRequested = Signal(object, object)
    """The path of the table's file, and the function that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._current: Architecture | None = None
        self._comparison: Comparison | None = None
        self._compared: Compared = ()
        self._unit: FlopUnit = "flops"
        self._sentences: list[list[str]] = []
        self._waiting = 0
        self._model = CompareModel()
        self._table = self._make_table()
        self._hint = set_names(QLabel(wordWrap=True), "compareHint", "Hint")
        self._sentence = SentenceLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._hint)
        layout.addWidget(self._sentence)
        layout.addWidget(self._table)
        layout.addStretch(1)
        self._show_state()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these networks. One that equals the current architecture follows it, unless it was added by name."""
        selected = self._selected()
        self._comparison = comparison
        self._compared = self._with_current(self._compared)
        followed = self._compared.index(None) if None in self._compared else None
        self._model.show_comparison(comparison, followed)
        self._sentences = sentence_forms(comparison, self._unit)
        self._table.update_rows()
        if selected in self._shown:
            self._table.select_column(self._shown.index(selected))
        self._show_state()

    def set_current_architecture(self, architecture: Architecture) -> None:
        """Set the architecture that None stands for. The comparison with it arrives separately."""
        self._current = architecture

    def set_unit(self, unit: FlopUnit) -> None:
        """Set what FLOPs count."""
        self._unit = unit
        if self._comparison:
            self._sentences = sentence_forms(self._comparison, unit)
        self._table.change_rows(lambda: self._model.set_unit(unit))
        self._show_sentence()

    def show_measuring(self, waiting: int) -> None:
        """Show how many of the networks are still to be measured; 0 when nothing is being measured."""
        self._waiting = waiting
        self._show_state()

    def options(self) -> tuple[str, ...]:
        """The options of the command `compare` that make it print what is shown."""
        return (
            *(("--sort", "difference") if self._model.order == "difference" else ()),
            *(("--all",) if self._model.unfolded else ()),
            *(("--unit", self._unit) if self._unit != "flops" else ()),
        )

    @property
    def _shown(self) -> tuple[Architecture, ...]:
        return self._comparison.architectures if self._comparison else ()

    def _make_table(self) -> CompareTable:
        table = CompareTable(self._model)
        table.networkSelected.connect(lambda column: self.architectureSelected.emit(self._shown[column]))
        table.removeRequested.connect(self._remove)
        table.moveRequested.connect(self._move)
        table.selectionModel().currentChanged.connect(self._show_state)
        return table

    def _make_tools(self) -> FlowLayout:
        search = NetworkAdder("compareSearch")
        search.architectureSelected.connect(self._add)
        search.failed.connect(lambda reason: self._show_hint(reason, problem=True))
        self._add_current = _button(
            "Add current", "addInHand", "Add the current network; it follows every edit",
        )  # fmt: skip
        self._add_current.clicked.connect(lambda: self._request((*self._compared, None)))
        self._swap = _button("Swap", "swap", "Swap the selected network with the reference, which is the first")
        self._swap.clicked.connect(self._swap_with_first)
        self._measure = _button(MEASURE, "compareMeasure", "")
        reserve_width(self._measure, AGAIN, "Cancel (99 left)")
        self._measure.clicked.connect(self._on_measure_clicked)
        shown = SegmentedControl(SHOWN, "compareWhat", "Compare", TIPS, stretches=False)
        shown.valueSelected.connect(lambda value: self._table.show_only(cast("Shown", value)))
        order = SegmentedControl(ORDERS, "compareOrder", "Order", ORDER_TIPS, stretches=False)
        order.valueSelected.connect(self._set_order)
        tools = FlowLayout()
        export = TableExportButton("exportCompare", "Export the table", "compare", {"Comparison": self._text})
        export.saveRequested.connect(self.saveRequested)
        for widget in (search, self._add_current, self._swap, self._measure, order, shown, export):
            tools.addWidget(widget)
        return tools

    def _text(self, how: str) -> str:
        """The comparison as text, with its sentences and where it comes from; empty if there is none."""
        if self._comparison is None:
            return ""
        form = cast("TableFormat", how)
        table = comparison_text(self._comparison, form, self._unit, self._model.order, equal_rows=self._model.unfolded)
        notes = (*sentences(self._comparison, self._unit), *NetworkProvenance(self._comparison.architectures).caption())
        return with_notes(table, form, ", ".join(self._comparison.titles), notes)

    def _set_order(self, order: str) -> None:
        self._table.change_rows(lambda: self._model.set_order(cast("Order", order)))

    def _with_current(self, requested: Compared) -> Compared:
        """What is shown, with None for the current architecture: where requested, else at the first equal one."""
        meant = tuple(self._current if architecture is None else architecture for architecture in requested)
        if meant == self._shown:
            return requested
        same = [at for at, architecture in enumerate(self._shown) if architecture == self._current]
        return tuple(None if at in same[:1] else architecture for at, architecture in enumerate(self._shown))

    def _show_state(self, *_: object) -> None:
        """Enable the possible actions, and show a hint if there is nothing to compare yet."""
        several = len(self._compared) > 1
        self._add_current.setEnabled(None not in self._compared)
        self._swap.setEnabled(several)
        self._table.setVisible(bool(self._compared))
        self._show_hint("" if several else EMPTY)
        self._show_sentence()
        self._show_measure_button()

    def _show_sentence(self) -> None:
        """Show the selected network's sentence; with the reference selected that of the second."""
        number = max(self._table.current_column(), 1) - 1
        if self._comparison is None or number >= len(self._sentences):
            self._sentence.show_sentence((), 0, "")
            return
        steps = costed_steps(differences(self._comparison)[number], self._unit)
        details = "\n".join(f"{what}: {costs}" for what, costs in steps)
        self._sentence.show_sentence(self._sentences, number, details or "Select a network to compare it")

    def _show_measure_button(self) -> None:
        self._measure.setEnabled(bool(self._compared))
        if self._waiting:
            self._measure.setText(f"Cancel ({self._waiting} left)")
            self._measure.setToolTip("Stop measuring; what has been measured is kept")
            return
        results = self._comparison.results if self._comparison else ()
        missing = sum(result.time is None for result in results)
        networks = counted(missing or len(results), "network")
        self._measure.setText(MEASURE if missing or not results else AGAIN)
        self._measure.setToolTip(
            f"Measure the time per image of {networks} on the chosen device: about "
            f"{SECONDS * (missing or len(results))} seconds"
        )

    def _on_measure_clicked(self) -> None:
        (self.cancelRequested if self._waiting else self.measureRequested).emit()

    def _show_hint(self, hint: str, *, problem: bool = False) -> None:
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        set_style_property(self._hint, problem=problem, quiet=not problem)

    def _selected(self) -> Architecture | None:
        at = self._table.current_column()
        return self._shown[at] if 0 <= at < len(self._shown) else None

    def _request(self, compared: Compared) -> None:
        if compared and compared != self._compared:
            self._compared = compared
            self.comparisonRequested.emit(compared)

    def _add(self, architecture: Architecture) -> None:
        """Add a network, or select it if it is there already. The current one may be added a second time, by name."""
        if architecture in self._compared:
            self._table.select_column(self._compared.index(architecture))
        else:
            self._request((*self._compared, architecture))

    def _remove(self, column: int) -> None:
        self._request((*self._compared[:column], *self._compared[column + 1 :]))

    def _move(self, column: int, to: int) -> None:
        order = list(self._compared)
        order.insert(to, order.pop(column))
        self._request(tuple(order))

    def _swap_with_first(self) -> None:
        column = max(self._table.current_column(), 1)
        order = list(self._compared)
        order[0], order[column] = order[column], order[0]
        self._request(tuple(order))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _files(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        for path in _files(event.mimeData().urls()):
            try:
                self._add(read_architecture(path))
            except ValueError as error:
                self._show_hint(str(error), problem=True)


EMPTY = (
    "Add at least two networks to compare: type a preset's name, add the current network, "
    "or drop an architecture's .json file here."
)


def _files(urls: Sequence[QUrl]) -> list[Path]:
    """The paths, if all are JSON files; other files are handled by the window."""
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return paths if len(paths) == len(urls) and all(path.suffix.lower() == ".json" for path in paths) else []


def _button(text: str, name: str, tip: str) -> QPushButton:
    return set_names(QPushButton(text), name, "", tip)
