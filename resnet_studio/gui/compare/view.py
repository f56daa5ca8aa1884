"""The Compare workspace: networks beside each other, stage by stage, against the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from resnet_studio.analysis.comparison import Comparison
from resnet_studio.analysis.comparison_rows import Shown
from resnet_studio.gui.common.helpers import dress, named
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.compare.model import CompareDelegate, CompareModel
from resnet_studio.gui.network_table.headers import NetworkHeader, StageHeader
from resnet_studio.gui.network_table.table import NetworkTable
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import preset

Compared = tuple[Architecture | None, ...]
"""What is compared, in order; None stands for the architecture in hand, whichever that is."""
EDGE, NARROWEST = 134, 154
"""Pixels: the stages' names and what is compared; a column with a value and its per cent."""
SPARE = {"all": 5, "blocks": 12}
"""Pixels that a row may grow where there is room; rows with bars take more."""
SPARE_OF_BARS = 32
"""Bytes; an architecture takes some hundreds."""
SHOWN: dict[str, str] = {
    "all": "All", "blocks": "Blocks", "parameters": "Parameters", "macs": "FLOPs", "activation_bytes": "Activations",
}  # fmt: skip
TIPS = {
    "all": "Sizes, blocks and costs of every stage",
    "blocks": "What every stage is made of, as the paper's Table 1 prints it",
    "parameters": "Parameters alone",
    "macs": "Multiply-adds of convolutions and linear layers alone",
    "activation_bytes": "Activation memory alone: every layer's output, float32, one image",
}


class CompareView(QWidget):
    """Shows a comparison, and emits what is to be compared instead."""

    compared_wished = Signal(object)
    """A `Compared`; it always has a network."""
    architecture_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self._in_hand: Architecture | None = None
        self._shown: tuple[Architecture, ...] = ()
        self._compared: Compared = ()
        self._model = CompareModel()
        self._table = self._make_table()
        self._hint = named(QLabel(wordWrap=True), "compareHint", "Hint")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._make_tools())
        layout.addWidget(self._hint)
        layout.addWidget(self._table)
        layout.addStretch(1)
        self._show_state()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show these networks; one that equals the architecture in hand and may be it, follows it."""
        chosen = self._chosen()
        self._shown = comparison.architectures
        self._compared = self._with_hand(self._compared)
        followed = self._compared.index(None) if None in self._compared else None
        self._model.show_comparison(comparison, followed)
        self._table.lay_out(())
        if chosen in self._shown:
            self._table.choose(self._shown.index(chosen))
        self._show_state()

    def show_in_hand(self, architecture: Architecture) -> None:
        """What None stands for from now on; the comparison with it arrives by itself."""
        self._in_hand = architecture

    def _make_table(self) -> NetworkTable:
        header = NetworkHeader(removable=True)
        header.sectionMoved.connect(self._take_drag)
        table = NetworkTable(self._model, header, StageHeader(EDGE, at_top=True), NARROWEST, SPARE["all"])
        named(table, "compareTable", "Networks beside each other")
        table.setItemDelegate(CompareDelegate(self._model, table))
        table.network_chosen.connect(lambda column: self.architecture_chosen.emit(self._shown[column]))
        table.removal_wished.connect(self._remove)
        table.move_wished.connect(self._move)
        table.selectionModel().currentChanged.connect(self._show_state)
        return table

    def _make_tools(self) -> QHBoxLayout:
        self._search = preset_search("Add a network")
        named(self._search, "compareSearch", "Add a network", "Add a preset: type a part of its name, or open the list")
        self._search.setMinimumWidth(144)
        self._search.textActivated.connect(lambda name: self._add(preset(name)))
        # what was found is written into the line after it was told, so clear that then
        self._search.textActivated.connect(self._search.clearEditText, Qt.ConnectionType.QueuedConnection)
        cast("QLineEdit", self._search.lineEdit()).returnPressed.connect(self._refuse_unknown)
        self._hand = named(
            QPushButton("Add in hand"), "addInHand", "", "Add the architecture in hand; it follows every edit"
        )
        self._hand.clicked.connect(lambda: self._wish((*self._compared, None)))
        self._swap = named(
            QPushButton("Swap"), "swap", "", "The chosen network and the reference, which is the first, change places"
        )
        self._swap.clicked.connect(self._swap_with_first)
        self._what = named(SegmentedControl(SHOWN, "What is compared", TIPS), "compareWhat", "What is compared")
        self._what.show_value("all")
        self._what.chosen.connect(self._show_only)
        tools = QHBoxLayout()
        tools.setSpacing(GRID)
        for widget in (self._search, self._hand, self._swap):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self._what)
        return tools

    def _with_hand(self, wished: Compared) -> Compared:
        """What is shown, with None where the architecture in hand is: where it was wished, else at its first equal."""
        meant = tuple(self._in_hand if one is None else one for one in wished)
        if meant == self._shown:
            return wished
        same = [at for at, one in enumerate(self._shown) if one == self._in_hand]
        return tuple(None if at in same[:1] else one for at, one in enumerate(self._shown))

    def _show_state(self, *_: object) -> None:
        """Enable what can be done, and say what to do next where nothing is compared yet."""
        several = len(self._compared) > 1
        self._hand.setEnabled(None not in self._compared)
        self._swap.setEnabled(several)
        self._table.setVisible(bool(self._compared))
        self._tell("" if several else EMPTY)

    def _tell(self, hint: str, *, problem: bool = False) -> None:
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        dress(self._hint, problem=problem, quiet=not problem)

    def _chosen(self) -> Architecture | None:
        at = self._table.current()
        return self._shown[at] if 0 <= at < len(self._shown) else None

    def _show_only(self, shown: str) -> None:
        at = self._table.current()
        self._table.spare = SPARE.get(shown, SPARE_OF_BARS)
        self._model.show_only(cast("Shown", shown))
        self._table.lay_out(())
        if at >= 0:
            self._table.choose(at)

    def _wish(self, compared: Compared) -> None:
        if compared and compared != self._compared:
            self._compared = compared
            self.compared_wished.emit(compared)

    def _add(self, architecture: Architecture) -> None:
        """Add a network; one that is there already is chosen instead. The one in hand may have a twin that stays."""
        if architecture in self._compared:
            self._table.choose(self._compared.index(architecture))
        else:
            self._wish((*self._compared, architecture))

    def _refuse_unknown(self) -> None:
        """Return after a name that is no preset's, of which the combo box itself says nothing."""
        name = self._search.currentText().strip()
        if name and self._search.findText(name) < 0:
            try:
                self._add(preset(name))
            except ValueError as error:
                self._tell(str(error), problem=True)

    def _remove(self, column: int) -> None:
        self._wish((*self._compared[:column], *self._compared[column + 1 :]))

    def _move(self, column: int, to: int) -> None:
        order = list(self._compared)
        order.insert(to, order.pop(column))
        self._wish(tuple(order))

    def _take_drag(self, _column: int, old: int, new: int) -> None:
        """A header was dragged: the wish is for another order, in which the header stands as it was."""
        header = self._table.horizontalHeader()
        header.blockSignals(True)
        header.moveSection(new, old)
        header.blockSignals(False)
        self._move(old, new)

    def _swap_with_first(self) -> None:
        column = max(self._table.current(), 1)
        order = list(self._compared)
        order[0], order[column] = order[column], order[0]
        self._wish(tuple(order))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  (Qt's names)
        if _files(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        for path in _files(event.mimeData().urls()):
            try:
                self._add(read_architecture(path))
            except ValueError as error:
                self._tell(str(error), problem=True)


EMPTY = (
    "Two networks or more can be compared. Add a preset by its name, add the one in hand, "
    "or drop an architecture's .json file here."
)


def _files(urls: Sequence[QUrl]) -> list[Path]:
    """The paths, if all of them are of JSON files; other files are for the whole window to take."""
    paths = [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
    return paths if len(paths) == len(urls) and all(path.suffix.lower() == ".json" for path in paths) else []
