"""The Verify workspace: the paper's Table 1 with its FLOPs measured, and every other published figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from resnet_studio.analysis.published import PublishedFigure, VerifiedFigure, network, paper_figure, published
from resnet_studio.analysis.table_one import TableOneNetwork, has_stages
from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.table_export import TableExportButton, model_text
from resnet_studio.gui.network_table.headers import NetworkHeader, StageHeader
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.verify.figure_tree import FigureTree
from resnet_studio.gui.verify.figures import FigureModel
from resnet_studio.gui.verify.model import TableOneDelegate, TableOneModel
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import GROUPS, PRESETS, title

TABLE_ONE = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
EDGE, NARROWEST, SPARE = 144, 116, 4
"""Pixels: width of stages and output sizes, minimum width of a column (36 times "1×1, 2048" in brackets), and extra
height of rows in a high window."""
HIGH = 720
CURRENT_TIP = "Add a column for the current network"
NO_STAGES = "The current network has no stages conv1, conv2_x, … to compare"


class VerifyView(QWidget):
    """Shows the results so far, and emits which other networks are to be verified."""

    columnsRequested = Signal(object)
    """A tuple of the architectures in columns that are not among the published ones, whenever it changes."""
    architectureSelected = Signal(object)
    saveRequested = Signal(object, object)
    """The path of a table's file, and the function that writes it."""

    def __init__(self) -> None:
        super().__init__()
        self._current: Architecture | None = None
        self._requested: tuple[Architecture, ...] = ()
        self._results: Sequence[VerifiedFigure] = ()
        self._model = TableOneModel()
        self._table = self._make_table()
        self._figures = FigureModel([figure for figure in published() if not in_table_one(figure)])
        self._figure_tree = FigureTree(self._figures)
        self._figure_tree.setMinimumHeight(6 * GRID)
        self._figure_tree.subjectSelected.connect(lambda subject: self.architectureSelected.emit(network(subject)))
        self._reason = set_names(QLabel(wordWrap=True), "verifyReason", "Reason")
        self._reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._table)
        layout.addWidget(self._reason)
        layout.addWidget(self._figure_tree, 1)
        self._menu.set_checked(TABLE_ONE)
        self.show_results(())

    def show_results(self, results: Sequence[VerifiedFigure]) -> None:
        """Show all results so far."""
        self._results = results
        self._model.show_results(results)
        self._figures.show_results(results)
        text, good = paper_comparison(results)
        self._paper_comparison.setText(text)
        set_style_property(self._paper_comparison, good=good)
        self._update_reason()

    def set_current_architecture(self, architecture: Architecture) -> None:
        """Set the architecture of the column that follows the current one."""
        self._current = architecture
        self._current_box.setEnabled(has_stages(architecture))
        self._current_box.setToolTip(CURRENT_TIP if has_stages(architecture) else NO_STAGES)
        if self._current_box.isChecked():
            self._show_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._table.extra_height = SPARE if self.height() >= HIGH else 0

    def _make_table(self) -> NetworkTable:
        table = NetworkTable(self._model, NetworkHeader(), StageHeader(EDGE, "output size"), NARROWEST, extra_height=0)
        set_names(table, "verifyTable", "The paper's Table 1")
        table.setItemDelegate(TableOneDelegate(self._model, table))
        table.networkSelected.connect(self._on_network_selected)
        table.removeRequested.connect(self._remove)
        table.selectionModel().currentChanged.connect(self._update_reason)
        return table

    def _make_tools(self) -> QHBoxLayout:
        self._menu = ColumnsMenu(self)
        self._menu.checkedChanged.connect(self._show_columns)
        columns = QToolButton()
        columns.setText("Columns ▾")
        set_names(columns, "columns", "Columns", "Networks in the table (Delete removes the selected one)")
        columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        columns.setMenu(self._menu)
        self._current_box = set_names(QCheckBox("current"), "inHand", "", CURRENT_TIP)
        self._current_box.toggled.connect(self._show_columns)
        self._paper_comparison = set_names(
            QLabel(), "standing", "Verification status",
            "A value matches if the measured one, truncated or rounded to the printed digits, is the same",
        )  # fmt: skip
        self._paper_comparison.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._paper_comparison.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        tools = QHBoxLayout()
        tools.setSpacing(2 * GRID)
        for widget in (columns, self._current_box, self._paper_comparison, self._make_export_button()):
            tools.addWidget(widget)
        return tools

    def _make_export_button(self) -> TableExportButton:
        tables = {
            "Published figures": lambda how: model_text(self._figures, "Published figures and what was counted", how),
            "The paper's Table 1": lambda how: model_text(self._model, "Table 1 of He et al. 2015, measured", how),
        }
        button = TableExportButton("exportVerify", "Export the tables", "verify", tables)
        button.saveRequested.connect(self.saveRequested)
        return button

    def _show_columns(self) -> None:
        """Show the checked columns, keep the current one, and request what has not been verified."""
        selected, before = self._selected(), [network.architecture for network in self._model.networks]
        networks = [TableOneNetwork(PRESETS[name]) for name in self._menu.checked_names()]
        if self._current_box.isChecked() and self._current is not None and has_stages(self._current):
            networks.append(TableOneNetwork(self._current, is_current=True))
        self._model.show_networks(networks)
        self._table.set_spans(self._model.spans())
        for column, shown in enumerate(networks):
            if selected and ((shown.is_current and selected.is_current) or shown == replace(selected, result=None)):
                self._table.select_column(column)
        fresh = [column for column, network in enumerate(networks) if network.architecture not in before]
        if before and fresh and not selected:
            self._table.select_column(fresh[0])  # so that its reason is shown at once
        self._update_reason()
        requested = tuple(network.architecture for network in networks if needs_measuring(network.architecture))
        if requested != self._requested:
            self._requested = requested
            self.columnsRequested.emit(requested)

    def _selected(self) -> TableOneNetwork | None:
        at = self._table.current_column()
        return self._model.networks[at] if 0 <= at < len(self._model.networks) else None

    def _on_network_selected(self, column: int) -> None:
        self.architectureSelected.emit(self._model.networks[column].architecture)

    def _remove(self, column: int) -> None:
        network = self._model.networks[column]
        if network.is_current:
            self._current_box.setChecked(False)
        else:
            self._menu.set_checked(
                [name for name in self._menu.checked_names() if PRESETS[name] != network.architecture]
            )

    def _update_reason(self, *_: QModelIndex) -> None:
        """Show why the current column's figure holds or not; without one, a hint."""
        network = self._selected()
        self._reason.setText(self._reason_text(network) if network else self._hint())
        set_style_property(self._reason, quiet=network is None)

    def _hint(self) -> str:
        if self._model.networks:
            return "Select a column to see why its value matches or not; press Enter to use its network."
        return "No networks shown. Select some under Columns, or check “current”."

    def _reason_text(self, network: TableOneNetwork) -> str:
        """A sentence on what is published about a network."""
        name = title(network.architecture)
        result = network.result or next((r for r in self._results if r.architecture == network.architecture), None)
        if result:
            return f"{name}: {result.reason}."
        if figure := network.figure:
            return f"{name}: measuring, to compare with {figure.text} ({figure.source})."
        return f"{name}: no published FLOPs; the measured value is an analytic count."


def needs_measuring(architecture: Architecture) -> bool:
    """Whether the paper has a figure to compare the network with, but none is published of this very network."""
    known = any(network(figure.subject) == architecture for figure in published())
    return not known and paper_figure(architecture) is not None


def in_table_one(figure: PublishedFigure) -> bool:
    """Whether the figure is in the table itself, and so not in the tree below."""
    return figure.of_paper and figure.source.endswith("Table 1")


def paper_comparison(results: Sequence[VerifiedFigure]) -> tuple[str, bool]:
    """How many of the paper's own figures hold, as text, and whether all were measured and hold."""
    wanted = sum(figure.of_paper for figure in published())
    measured = [result for result in results if result.figure.of_paper]
    holding = sum(result.holds for result in measured)
    if len(measured) < wanted:
        return f"… {len(measured)} of the paper's {wanted} values measured", False
    if holding == wanted:
        return f"✓ all {wanted} of the paper's values match", True
    return f"✗ {holding} of the paper's {wanted} values match", False


COLUMNS = {group: [name for name in names if has_stages(PRESETS[name])] for group, names in GROUPS.items()}
"""The presets that can have a column."""


class ColumnsMenu(QMenu):
    """Emits `checkedChanged` with all checked names, in the order of `PRESETS`, after every change."""

    checkedChanged = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: dict[str, QAction] = {}
        for group, names in COLUMNS.items():
            menu = StayOpenMenu(group, self)
            self.addMenu(menu)
            for name in names:
                action = menu.addAction(name)
                action.setCheckable(True)
                action.triggered.connect(self._emit_checked)  # by the user, not by `set_checked`
                self._presets[name] = action
            menu.addSeparator()
            menu.addAction("Select all", partial(self._set_all_checked, names, wanted=True))
            menu.addAction("Select none", partial(self._set_all_checked, names, wanted=False))

    def checked_names(self) -> tuple[str, ...]:
        """The names of all checked presets."""
        return tuple(name for name, action in self._presets.items() if action.isChecked())

    def set_checked(self, names: Collection[str]) -> None:
        """Check these and no others."""
        for name, action in self._presets.items():
            action.setChecked(name in names)
        self._emit_checked()

    def _set_all_checked(self, names: Collection[str], *, wanted: bool) -> None:
        rest = [name for name in self.checked_names() if name not in names]
        self.set_checked([*rest, *(names if wanted else ())])

    def _emit_checked(self) -> None:
        self.checkedChanged.emit(self.checked_names())


class StayOpenMenu(QMenu):
    """A menu that stays open while its entries are checked, as one usually checks several."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._trigger(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        action = self.activeAction() if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) else None
        if not self._trigger(action):
            super().keyPressEvent(event)

    def _trigger(self, action: QAction | None) -> bool:
        if action is None or action.isSeparator():
            return False
        action.trigger()
        return True
