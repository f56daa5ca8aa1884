"""The Verify workspace: the paper's Table 1 with its FLOPs measured, and every other published figure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from resnet_studio.analysis.published import PublishedFigure, VerifiedFigure, paper_figure, published
from resnet_studio.analysis.table_one import TableOneNetwork
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.network_table.headers import NetworkHeader, StageHeader
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.verify.figure_tree import FigureTree
from resnet_studio.gui.verify.figures import FigureModel
from resnet_studio.gui.verify.model import TableOneDelegate, TableOneModel
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import PRESETS, preset, title

TABLE_ONE = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
EDGE, NARROWEST, SPARE = 144, 116, 4
"""Pixels: stages and output sizes, a column of "1×1, 2048" in brackets 36 times, what a row grows in a high window."""
HIGH = 720


class VerifyView(QWidget):
    """Shows what has been verified so far, and emits which other networks are to be."""

    columns_wished = Signal(object)
    """A tuple of the architectures in columns that are not among the published ones, whenever it changes."""
    architecture_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._in_hand: Architecture | None = None
        self._wished: tuple[Architecture, ...] = ()
        self._results: Sequence[VerifiedFigure] = ()
        self._model = TableOneModel()
        self._table = self._make_table()
        self._figures = FigureModel([figure for figure in published() if not in_table_one(figure)])
        self._list = FigureTree(self._figures)
        self._list.setMinimumHeight(6 * GRID)
        self._list.subject_chosen.connect(lambda name: self.architecture_chosen.emit(preset(name)))
        self._reason = named(QLabel(wordWrap=True), "verifyReason", "Reason")
        self._reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._reason.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._table)
        layout.addWidget(self._reason)
        layout.addWidget(self._list, 1)
        self._menu.tick(TABLE_ONE)
        self.show_results(())

    def show_results(self, results: Sequence[VerifiedFigure]) -> None:
        """Show what has been verified so far; what is missing waits for the next call."""
        self._results = results
        self._model.show_results(results)
        self._figures.show_results(results)
        text, good = standing(results)
        self._standing.setText(text)
        dress(self._standing, good=good)
        self._tell_reason()

    def show_in_hand(self, architecture: Architecture) -> None:
        """The column "in hand", where it is shown, is this architecture from now on."""
        self._in_hand = architecture
        if self._hand.isChecked():
            self._show_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._table.spare = SPARE if self.height() >= HIGH else 0

    def _make_table(self) -> NetworkTable:
        table = NetworkTable(self._model, NetworkHeader(), StageHeader(EDGE, "output size"), NARROWEST, spare=0)
        named(table, "verifyTable", "The paper's Table 1")
        table.setItemDelegate(TableOneDelegate(self._model, table))
        table.network_chosen.connect(self._choose)
        table.removal_wished.connect(self._remove)
        table.selectionModel().currentChanged.connect(self._tell_reason)
        return table

    def _make_tools(self) -> QHBoxLayout:
        self._menu = ColumnsMenu(self)
        self._menu.ticked.connect(self._show_columns)
        columns = QToolButton()
        columns.setText("Columns ▾")
        named(columns, "columns", "Columns", "Which networks stand in the table (Delete takes the chosen one out)")
        columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        columns.setMenu(self._menu)
        self._hand = named(QCheckBox("in hand"), "inHand", "", "A further column for the architecture in hand")
        self._hand.toggled.connect(self._show_columns)
        self._standing = named(
            QLabel(), "standing", "How the verification stands",
            "A printed figure holds when the measured one, truncated or rounded to its digits, is the same",
        )  # fmt: skip
        self._standing.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._standing.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        tools = QHBoxLayout()
        tools.setSpacing(2 * GRID)
        for widget in (columns, self._hand, self._standing):
            tools.addWidget(widget)
        return tools

    def _show_columns(self) -> None:
        """Show the columns that are ticked, keep the chosen one, and wish for what has not been verified."""
        chosen, before = self._chosen(), [network.architecture for network in self._model.networks]
        networks = [TableOneNetwork(PRESETS[name]) for name in self._menu.names()]
        if self._hand.isChecked() and self._in_hand is not None:
            networks.append(TableOneNetwork(self._in_hand, in_hand=True))
        self._model.show_networks(networks)
        self._table.lay_out(self._model.spans())
        for column, network in enumerate(networks):
            if chosen and ((network.in_hand and chosen.in_hand) or network == replace(chosen, result=None)):
                self._table.choose(column)
        fresh = [column for column, network in enumerate(networks) if network.architecture not in before]
        if before and fresh and not chosen:
            self._table.choose(fresh[0])  # so that why it holds or differs is told at once
        self._tell_reason()
        wished = tuple(network.architecture for network in networks if needs_measuring(network.architecture))
        if wished != self._wished:
            self._wished = wished
            self.columns_wished.emit(wished)

    def _chosen(self) -> TableOneNetwork | None:
        at = self._table.current()
        return self._model.networks[at] if 0 <= at < len(self._model.networks) else None

    def _choose(self, column: int) -> None:
        self.architecture_chosen.emit(self._model.networks[column].architecture)

    def _remove(self, column: int) -> None:
        network = self._model.networks[column]
        if network.in_hand:
            self._hand.setChecked(False)
        else:
            self._menu.tick([name for name in self._menu.names() if PRESETS[name] != network.architecture])

    def _tell_reason(self, *_: QModelIndex) -> None:
        """Say why the chosen column's figure holds or not; without one, how to ask."""
        network = self._chosen()
        self._reason.setText(self._why(network) if network else self._hint())
        dress(self._reason, quiet=network is None)

    def _hint(self) -> str:
        if self._model.networks:
            return "Choose a column to read why its figure holds or differs; Enter takes its network in hand."
        return "No network is shown: tick some under Columns, or the one in hand."

    def _why(self, network: TableOneNetwork) -> str:
        """A sentence or two on what is published of the chosen network."""
        name = title(network.architecture)
        result = network.result or next((r for r in self._results if r.architecture == network.architecture), None)
        if result:
            return f"{name}: {result.reason}."
        if figure := network.figure:
            return f"{name}: being measured against {figure.text}, {figure.source}."
        return f"{name}: no published FLOPs are known; measured is the closed form of its plan."


def needs_measuring(architecture: Architecture) -> bool:
    """Whether something is published to hold the network against, but not of this very network."""
    known = any(preset(figure.subject) == architecture for figure in published())
    return not known and paper_figure(architecture) is not None


def in_table_one(figure: PublishedFigure) -> bool:
    """Whether the figure stands in the table itself, and so need not be in the list under it."""
    return figure.of_paper and figure.source.endswith("Table 1")


def standing(results: Sequence[VerifiedFigure]) -> tuple[str, bool]:
    """How the paper's own figures stand, and whether all of them are measured and hold."""
    wanted = sum(figure.of_paper for figure in published())
    measured = [result for result in results if result.figure.of_paper]
    holding = sum(result.holds for result in measured)
    if len(measured) < wanted:
        return f"… {len(measured)} of the paper's {wanted} figures measured", False
    if holding == wanted:
        return f"✓ all {wanted} of the paper's figures hold", True
    return f"✗ {holding} of the paper's {wanted} figures hold", False


FAMILIES = {
    "the paper's": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "torchvision's v1.5": ("resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5"),
    "plain": ("plain18", "plain34"),
    "the article's": ("article18", "article34", "article50", "article101", "article152"),
    "for CIFAR and digits": tuple(name for name in PRESETS if name.endswith(("-cifar", "-digits"))),
    "baselines": ("vgg19", "alexnet"),
}


class ColumnsMenu(QMenu):
    """Emits `ticked` with the names of all that are ticked, in the order of `PRESETS`, after every change."""

    ticked = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: dict[str, QAction] = {}
        for family, names in FAMILIES.items():
            menu = StayingMenu(family, self)
            self.addMenu(menu)
            for name in names:
                action = menu.addAction(name)
                action.setCheckable(True)
                action.triggered.connect(self._tell)  # by the user, not by `tick`
                self._presets[name] = action
            menu.addSeparator()
            menu.addAction("All of them", partial(self._tick_all, names, wanted=True))
            menu.addAction("None of them", partial(self._tick_all, names, wanted=False))

    def names(self) -> tuple[str, ...]:
        """What is ticked."""
        return tuple(name for name in PRESETS if self._presets[name].isChecked())

    def tick(self, names: Collection[str]) -> None:
        """Tick these and no others."""
        for name, action in self._presets.items():
            action.setChecked(name in names)
        self._tell()

    def _tick_all(self, names: Collection[str], *, wanted: bool) -> None:
        rest = [name for name in self.names() if name not in names]
        self.tick([*rest, *(names if wanted else ())])

    def _tell(self) -> None:
        self.ticked.emit(self.names())


class StayingMenu(QMenu):
    """A menu that stays open while its entries are ticked, as several are wanted more often than one."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's names)
        if not self._trigger(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        chosen = self.activeAction() if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) else None
        if not self._trigger(chosen):
            super().keyPressEvent(event)

    def _trigger(self, action: QAction | None) -> bool:
        if action is None or action.isSeparator():
            return False
        action.trigger()
        return True
