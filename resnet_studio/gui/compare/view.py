"""The Compare workspace: networks side by side, stage by stage, against the first one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_rows import Shown
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.compare.model import CompareDelegate, CompareModel
from resnet_studio.gui.network_table.headers import NetworkHeader, StageHeader
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import matching, preset

Compared = tuple[Architecture | None, ...]
"""The compared architectures, in order; None stands for the current architecture, whatever that is."""
EDGE, NARROWEST = 134, 154
"""Pixels: width of the stages' names and labels; minimum width of a column, with a value and its percentage."""
SPARE = {"all": 5, "blocks": 12}
"""Pixels that a row may grow if there is space; rows with bars may grow more."""
SPARE_OF_BARS = 32
SHOWN: dict[str, str] = {
    "all": "All", "blocks": "Blocks", "parameters": "Parameters", "macs": "FLOPs", "activation_bytes": "Activations",
}  # fmt: skip
TIPS = {
    "all": "Output size, blocks, and costs of every stage",
    "blocks": "Blocks of every stage, as in the paper's Table 1",
    "parameters": "Parameters only",
    "macs": "Multiply-adds of convolutions and linear layers only",
    "activation_bytes": "Activation memory only: all layer outputs, float32, one image",
}


class CompareView(QWidget):
    """Shows a comparison, and emits requests for another one."""

    comparisonRequested = Signal(object)
    """A `Compared` with at least one network."""
    architectureSelected = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._current: Architecture | None = None
        self._shown: tuple[Architecture, ...] = ()
        self._compared: Compared = ()
        self._model = CompareModel()
        self._table = self._make_table()
        self._hint = set_names(QLabel(wordWrap=True), "compareHint", "Hint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._hint)
        layout.addWidget(self._table)
        layout.addStretch(1)
        self._show_state()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these networks. One that equals the current architecture follows it, unless it was added by name."""
        selected = self._selected()
        self._shown = comparison.architectures
        self._compared = self._with_current(self._compared)
        followed = self._compared.index(None) if None in self._compared else None
        self._model.show_comparison(comparison, followed)
        self._table.set_spans(())
        if selected in self._shown:
            self._table.select_column(self._shown.index(selected))
        self._show_state()

    def set_current_architecture(self, architecture: Architecture) -> None:
        """Set the architecture that None stands for. The comparison with it arrives separately."""
        self._current = architecture

    def _make_table(self) -> NetworkTable:
        header = NetworkHeader(removable=True)
        header.sectionMoved.connect(self._on_section_moved)
        table = NetworkTable(self._model, header, StageHeader(EDGE, at_top=True), NARROWEST, SPARE["all"])
        set_names(table, "compareTable", "Network comparison")
        table.setItemDelegate(CompareDelegate(self._model, table))
        table.networkSelected.connect(lambda column: self.architectureSelected.emit(self._shown[column]))
        table.removeRequested.connect(self._remove)
        table.moveRequested.connect(self._move)
        table.selectionModel().currentChanged.connect(self._show_state)
        return table

    def _make_tools(self) -> QHBoxLayout:
        self._search = preset_search("Add a network")
        set_names(
            self._search, "compareSearch", "Add a network", "Add a preset: type part of its name, or open the list"
        )
        self._search.setMinimumWidth(144)
        self._search.textActivated.connect(lambda name: self._add(preset(name)))
        # the completer writes the name into the line after this signal, so clear it later
        self._search.textActivated.connect(self._search.clearEditText, Qt.ConnectionType.QueuedConnection)
        cast("QLineEdit", self._search.lineEdit()).returnPressed.connect(self._on_name_entered)
        self._add_current = set_names(
            QPushButton("Add current"), "addInHand", "", "Add the current network; it follows every edit"
        )
        self._add_current.clicked.connect(lambda: self._request((*self._compared, None)))
        self._swap = set_names(
            QPushButton("Swap"), "swap", "", "Swap the selected network with the reference, which is the first"
        )
        self._swap.clicked.connect(self._swap_with_first)
        self._what = SegmentedControl(SHOWN, "compareWhat", "Compare", TIPS)
        self._what.valueSelected.connect(self._show_only)
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        for widget in (self._search, self._add_current, self._swap):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self._what)
        return tools

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

    def _show_hint(self, hint: str, *, problem: bool = False) -> None:
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        set_style_property(self._hint, problem=problem, quiet=not problem)

    def _selected(self) -> Architecture | None:
        at = self._table.current_column()
        return self._shown[at] if 0 <= at < len(self._shown) else None

    def _show_only(self, shown: str) -> None:
        at = self._table.current_column()
        self._table.extra_height = SPARE.get(shown, SPARE_OF_BARS)
        self._model.show_only(cast("Shown", shown))
        self._table.set_spans(())
        if at >= 0:
            self._table.select_column(at)

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

    def _on_name_entered(self) -> None:
        """On Return after what isn't in the list, add the first preset whose name contains it, or say what is wrong."""
        name = self._search.currentText().strip()
        if name and self._search.findText(name) < 0:
            try:
                self._add(preset(next(iter(matching(name)), name)))
                self._search.clearEditText()
            except ValueError as error:
                self._show_hint(str(error), problem=True)

    def _remove(self, column: int) -> None:
        self._request((*self._compared[:column], *self._compared[column + 1 :]))

    def _move(self, column: int, to: int) -> None:
        order = list(self._compared)
        order.insert(to, order.pop(column))
        self._request(tuple(order))

    def _on_section_moved(self, _column: int, old: int, new: int) -> None:
        """After a header was dragged, move it back and request the new order instead."""
        header = self._table.horizontalHeader()
        header.blockSignals(True)
        header.moveSection(new, old)
        header.blockSignals(False)
        self._move(old, new)

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
