"""The legend of a scatter plot: a marker and a name for each family, in lines like words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.analysis.network_sets import FAMILIES
from resnet_studio.analysis.scatter import Scatter
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.compare.scatter.markers import CURRENT, FRONT, SAMPLE, paint_sample

FONT_SIZE, ROW, GAP, BETWEEN = 9.0, 20, 6, 14
"""Points of the names; pixels: height of a line, between a marker and its name, between two entries."""


class PlacedEntry(NamedTuple):
    """An entry of a legend with the corner of its place."""

    entry: str
    left: float
    top: float


def legend_entries(found: Scatter, *, has_current: bool) -> tuple[str, ...]:
    """What a legend explains: the families of the points, the front, and the ring."""
    families = {point.family for point in found.points}
    known = [family for family in FAMILIES if family in families]
    marks = [*([FRONT] if len(found.front) > 1 else []), *([CURRENT] if has_current else [])]
    return (*known, *marks)


def legend_height(entries: Sequence[str], width: float) -> int:
    """The height of a legend of that width."""
    return int(max((one.top for one in _placed(entries, width)), default=-ROW) + ROW)


def paint_legend(painter: QPainter, left: float, top: float, width: float, entries: Sequence[str]) -> None:
    """Paint a legend below and to the right of a place."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(theme.text_font(FONT_SIZE))
    for entry, x, y in _placed(entries, width):
        middle = QPointF(left + x + SAMPLE / 2 + 2, top + y + ROW / 2)
        paint_sample(painter, middle, entry)
        painter.setPen(QColor(theme.current().text))
        text_left = left + x + SAMPLE + GAP
        painter.drawText(
            QRectF(text_left, top + y, width, ROW), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, entry
        )
    painter.restore()


def _placed(entries: Sequence[str], width: float) -> Iterator[PlacedEntry]:
    metrics = QFontMetricsF(theme.text_font(FONT_SIZE))
    x = y = 0.0
    for entry in entries:
        needed = SAMPLE + GAP + metrics.horizontalAdvance(entry)
        if x and x + needed > width:
            x, y = 0.0, y + ROW
        yield PlacedEntry(entry, x, y)
        x += needed + BETWEEN


class ScatterLegend(QWidget):
    """Shows the legend in as many lines as it needs."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "scatterLegend", "Legend")
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._entries: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        return self._entries

    def show_entries(self, entries: tuple[str, ...]) -> None:
        """Show these entries."""
        if entries != self._entries:
            self._entries = entries
            self.setAccessibleDescription(", ".join(entries))
            self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return legend_height(self._entries, width)

    def sizeHint(self) -> QSize:
        return QSize(0, self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_legend(painter, 0, 0, self.width(), self._entries)
        painter.end()
