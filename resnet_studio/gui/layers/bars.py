"""Bars of cost by stage: two stacked bars of FLOPs and parameters, and the bar in a cell of the table."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QStyledItemDelegate, QStyleOptionViewItem, QToolTip, QWidget

from resnet_studio.analysis.table import LayerTable
from resnet_studio.formatting import percentages
from resnet_studio.gui import theme
from resnet_studio.gui.layers.model import SHARE_ROLE, STAGE_ROLE

BAR, GAP, LABELS, HEADINGS = 22, 10, 20, 92


class StageBar(QWidget):
    """Two bars in which each stage has its share of the width, in its color; a click emits the stage."""

    stageSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Share of FLOPs and parameters by stage")
        self._shares: dict[str, list[tuple[str, float]]] = {}
        self._texts: dict[tuple[str, str, int], str] = {}
        """By heading, stage and decimals."""

    def sizeHint(self) -> QSize:
        lines = 1 + max((line for _, line, _ in self._labels()), default=0)
        return QSize(480, 2 * BAR + GAP + lines * LABELS + 8)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()  # the names may need another line

    def show_table(self, table: LayerTable) -> None:
        """Show the shares of a table's stages."""
        totals = table.totals
        names = [stage.name for stage in table.stages]
        costs = {
            "FLOPs": ([stage.macs for stage in table.stages], totals.macs),
            "parameters": ([stage.parameters for stage in table.stages], totals.parameters),
        }
        self._shares = {
            heading: [(name, value / max(total, 1)) for name, value in zip(names, parts, strict=True)]
            for heading, (parts, total) in costs.items()
        }
        self._texts = {
            (heading, name, decimals): text
            for heading, (parts, _) in costs.items()
            for decimals in (0, 1)
            for name, text in zip(names, percentages(parts, decimals), strict=True)
        }
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, (heading, shares) in enumerate(self._shares.items()):
            top = row * (BAR + GAP)
            painter.setPen(QColor(theme.current().muted))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, HEADINGS - 12, BAR), right, heading)
            for stage, _, box in self._boxes(row, shares):
                self._paint_share(painter, stage, self._texts[heading, stage, 0], box)
        self._paint_legend(painter)

    def _boxes(self, row: int, shares: list[tuple[str, float]]) -> list[tuple[str, float, QRectF]]:
        left, width, found = float(HEADINGS), self.width() - HEADINGS, []
        for stage, share in shares:
            found.append((stage, share, QRectF(left, row * (BAR + GAP), share * width, BAR)))
            left += share * width
        return found

    def _paint_share(self, painter: QPainter, stage: str, text: str, box: QRectF) -> None:
        painter.fillRect(box.adjusted(0, 0, -1, 0), theme.stage_color(stage))
        if painter.fontMetrics().horizontalAdvance(text) + 8 < box.width():
            painter.setPen(QColor("#10141a"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_legend(self, painter: QPainter) -> None:
        for stage, line, left in self._labels():
            top = 2 * BAR + GAP + 8 + line * LABELS
            painter.fillRect(QRectF(left, top + 4, 10, 10), theme.stage_color(stage))
            painter.setPen(QColor(theme.current().muted))
            width = painter.fontMetrics().horizontalAdvance(stage)
            painter.drawText(QRectF(left + 16, top, width + 2, 18), Qt.AlignmentFlag.AlignVCenter, stage)

    def _labels(self) -> list[tuple[str, int, float]]:
        """Each stage with the line and the x position of its name in the legend."""
        found, line, left = [], 0, float(HEADINGS)
        for stage, _ in self._shares.get("FLOPs", []):
            width = self.fontMetrics().horizontalAdvance(stage) + 18
            if left + width > self.width() and left > HEADINGS:
                line, left = line + 1, float(HEADINGS)
            found.append((stage, line, left))
            left += width + 22
        return found

    def _at(self, position: QPointF) -> tuple[str, str, float] | None:
        for row, (heading, shares) in enumerate(self._shares.items()):
            for stage, share, box in self._boxes(row, shares):
                if box.contains(position):
                    return heading, stage, share
        return None

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            found = self._at(QPointF(event.pos()))
            text = f"{found[1]}: {self._texts[found[0], found[1], 1]} of the {found[0]}" if found else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if found := self._at(event.position()):
            self.stageSelected.emit(found[1])


PERCENT_WIDTH = 52


class ShareDelegate(QStyledItemDelegate):
    """Paints a bar after the percentage, in the stage's color if it is of one. The costliest one fills the column."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        share, length = index.data(SHARE_ROLE) or ("", 0.0)
        if not share:
            return
        box = QRectF(option.rect).adjusted(4, 0, -16, 0)
        painter.save()
        painter.setPen(QColor(theme.current().muted))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(box.left(), box.top(), PERCENT_WIDTH, box.height()), right, share)
        left = box.left() + PERCENT_WIDTH + 8
        width = max(1.0, length * (box.right() - left)) if length else 0.0
        stage = index.data(STAGE_ROLE)
        color = theme.stage_color(stage) if stage else QColor(theme.current().accent)
        painter.fillRect(QRectF(left, box.center().y() - 4, width, 8), color)
        painter.restore()
