"""Published and measured figures as a tree model: source → figures, and the article's mistakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from resnet_studio.analysis import units
from resnet_studio.analysis.article import ARTICLE, ARTICLE_SLIPS, Slip
from resnet_studio.analysis.published import PublishedFigure, VerifiedFigure
from resnet_studio.analysis.quantities import QUANTITIES
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import cell_alignment

Index = QModelIndex | QPersistentModelIndex


class FigureColumn(IntEnum):
    """The list's columns, from left to right."""

    SUBJECT = 0
    QUANTITY = 1
    PUBLISHED = 2
    MEASURED = 3
    DIFFERENCE = 4
    VERDICT = 5
    REASON = 6


HEADINGS = ("network", "quantity", "published", "measured", "difference", "\N{EM SPACE}verdict", "reason")
NUMBERS = (FigureColumn.PUBLISHED, FigureColumn.MEASURED, FigureColumn.DIFFERENCE)


@dataclass(slots=True, eq=False)
class FigureNode:
    """A source, one of its figures, or a mistake of the article."""

    about: str | PublishedFigure | Slip
    row: int
    parent: FigureNode | None = None
    result: VerifiedFigure | None = None
    children: list[FigureNode] = field(default_factory=list)

    @property
    def figure(self) -> PublishedFigure | None:
        return self.about if isinstance(self.about, PublishedFigure) else None

    @property
    def reason(self) -> str:
        """The sentence under or next to the figure."""
        if isinstance(self.about, Slip):
            return f"{self.about.true} ({self.about.source})"
        return self.result.reason if self.result else ""


class FigureModel(QAbstractItemModel):
    """Read-only. The figures are fixed; results are added as they arrive."""

    def __init__(self, figures: Sequence[PublishedFigure]) -> None:
        super().__init__()
        self._sources = [_source(row, source, list(of)) for row, (source, of) in enumerate(_by_source(figures))]

    def show_results(self, results: Sequence[VerifiedFigure]) -> None:
        """Show the results so far."""
        known = {result.figure: result for result in results}
        for node in self._sources:
            for child in node.children:
                child.result = known.get(child.figure) if child.figure else None
            above = self.createIndex(node.row, 0, node)
            self.dataChanged.emit(above, above)
            last = self.index(len(node.children) - 1, len(FigureColumn) - 1, above)
            self.dataChanged.emit(self.index(0, 0, above), last)

    def node(self, index: Index) -> FigureNode:
        found: FigureNode = index.internalPointer()
        return found

    def index(self, row: int, column: int, parent: Index | None = None) -> QModelIndex:
        children = self.node(parent).children if parent is not None and parent.isValid() else self._sources
        if 0 <= row < len(children) and 0 <= column < len(FigureColumn):
            return self.createIndex(row, column, children[row])
        return QModelIndex()

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        above = self.node(index).parent if index.isValid() else None
        return self.createIndex(above.row, 0, above) if above else QModelIndex()

    def rowCount(self, parent: Index | None = None) -> int:
        if parent is None or not parent.isValid():
            return len(self._sources)
        return 0 if parent.column() > 0 else len(self.node(parent).children)

    def columnCount(self, parent: Index | None = None) -> int:
        return len(FigureColumn)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(HEADINGS):
            return None
        return {
            Qt.ItemDataRole.DisplayRole: HEADINGS[section],
            Qt.ItemDataRole.TextAlignmentRole: cell_alignment(right=section in NUMBERS, top=True),
        }.get(role)  # type: ignore[call-overload]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node, column = self.node(index), FigureColumn(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(node, column)
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(node, column)
            case Qt.ItemDataRole.TextAlignmentRole:
                return cell_alignment(right=column in NUMBERS, top=True)
            case Qt.ItemDataRole.ForegroundRole:
                return QColor(_color(node, column))
        return node.reason if role == Qt.ItemDataRole.AccessibleDescriptionRole else None


def _by_source(figures: Sequence[PublishedFigure]) -> Iterator[tuple[str, Iterator[PublishedFigure]]]:
    ranks = {figure.source: rank for rank, figure in reversed(list(enumerate(figures)))}
    return groupby(sorted(figures, key=lambda figure: ranks[figure.source]), key=lambda figure: figure.source)


def _source(row: int, source: str, figures: list[PublishedFigure]) -> FigureNode:
    node = FigureNode(source, row)
    slips = ARTICLE_SLIPS if source.startswith(ARTICLE) else ()
    node.children = [FigureNode(about, at, node) for at, about in enumerate((*figures, *slips))]
    return node


def _text(node: FigureNode, column: FigureColumn) -> str:
    if isinstance(node.about, PublishedFigure):
        return _figure_text(node.about, node.result, column)
    if column != FigureColumn.SUBJECT:
        return ""
    return f"Claim: {node.about.says}" if isinstance(node.about, Slip) else _heading(node)


def _heading(node: FigureNode) -> str:
    """The source, and how many of its figures hold once all are measured."""
    figures = sum(child.figure is not None for child in node.children)
    results = [child.result for child in node.children if child.result]
    if len(results) < figures:
        return f"{node.about}   ·   {len(results)} of {figures} measured"
    return f"{node.about}   ·   {sum(result.holds for result in results)} of {figures} match"


def _figure_text(figure: PublishedFigure, result: VerifiedFigure | None, column: FigureColumn) -> str:
    match column:
        case FigureColumn.SUBJECT:
            return figure.name
        case FigureColumn.QUANTITY:
            return QUANTITIES[figure.quantity]
        case FigureColumn.PUBLISHED:
            return figure.text
        case FigureColumn.REASON:
            return result.reason if result else ""
    if result is None:
        return "…"
    if column == FigureColumn.MEASURED:
        return units.scaled(result.measured, figure.scale) if figure.scale > 1 else units.exact(result.measured)
    if column == FigureColumn.DIFFERENCE:
        more = result.measured - figure.value
        return units.delta_scaled(more, figure.scale) if figure.scale > 1 else units.signed(more)
    return "✓ matches" if result.holds else "✗ doesn't match"


def _tip(node: FigureNode, column: FigureColumn) -> str:
    figure, result = node.figure, node.result
    if figure is None:
        return node.reason or str(node.about)
    match column:
        case FigureColumn.PUBLISHED:
            return f"{units.exact(figure.value)} {figure.unit}: {figure.source}"
        case FigureColumn.MEASURED if result:
            return f"{units.exact(result.measured)} {figure.unit}"
        case FigureColumn.DIFFERENCE if result:
            return f"{units.signed(result.measured - figure.value)} {figure.unit}"
    return node.reason or "Measuring…"


def _color(node: FigureNode, column: FigureColumn) -> str:
    colors = theme.current()
    if node.figure is None or column in (FigureColumn.QUANTITY, FigureColumn.PUBLISHED, FigureColumn.DIFFERENCE):
        return colors.text if isinstance(node.about, Slip) else colors.muted
    if column == FigureColumn.VERDICT and node.result:
        return colors.good if node.result.holds else colors.bad
    return colors.text if node.result or column == FigureColumn.SUBJECT else colors.muted
