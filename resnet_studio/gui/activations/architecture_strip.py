"""A small figure of the architecture: a rectangle for each block, from the image on the left to the classes."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from resnet_studio.formatting import dimensions
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.figure_parts import FigurePart, figure_parts

ARC_HEIGHT, BODY_HEIGHT, MARK_HEIGHT = 10, 56, 8
"""Pixels from the top: shortcut arcs, the tallest rectangle, and the mark under the selected one."""
MIN_BOX_HEIGHT = 10
STAGE_GAP = 5
"""Pixels between stages if they fit."""
DETAIL_PITCH = 5.0
"""Pixels per rectangle from which on gaps and shortcut arcs are drawn."""
TIP = "Click a block to see its output; ← and → step through the network"


class ArchitectureStrip(QWidget):
    """Emits `layerSelected` with the output layer of the rectangle that was clicked or reached by keys."""

    layerSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "smallFigure", "Architecture", TIP)
        self._parts: tuple[FigurePart, ...] = ()
        self._boxes: list[QRectF] = []
        self._boxes_width = -1
        self._selected: int | None = None
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(192, ARC_HEIGHT + BODY_HEIGHT + MARK_HEIGHT)

    def show_architecture(self, architecture: Architecture) -> None:
        """Draw another network."""
        self._parts, self._boxes_width = figure_parts(architecture), -1
        self._selected = self._hovered = None
        self.update()

    def show_selected(self, layer: str) -> None:
        """Mark the part that a layer belongs to."""
        self._selected = next((number for number, part in enumerate(self._parts) if layer in part.layers), None)
        self.setAccessibleDescription(self._description(self._selected))
        self.update()

    def boxes(self) -> list[QRectF]:
        """Where each part is drawn; the height grows with the logarithm of its maps' size."""
        if self._boxes_width != self.width():
            self._boxes, self._boxes_width = self._make_boxes(), self.width()
        return self._boxes

    def _make_boxes(self) -> list[QRectF]:
        gaps = sum(self._starts_stage(number) for number in range(1, len(self._parts)))
        between = STAGE_GAP if gaps * STAGE_GAP < self.width() / 3 else 0
        pitch = (self.width() - gaps * between) / max(len(self._parts), 1)
        gap = 1.0 if pitch >= DETAIL_PITCH else 0.5 if pitch >= 2 else 0.0
        sizes = {size: _log_size(size) for size in {part.size for part in self._parts}}
        largest = max(sizes.values(), default=1)
        found, left = [], 0.0
        for number, part in enumerate(self._parts):
            left += between if number and self._starts_stage(number) else 0
            height = max(MIN_BOX_HEIGHT, BODY_HEIGHT * sizes[part.size] / largest)
            found.append(QRectF(left, ARC_HEIGHT + (BODY_HEIGHT - height) / 2, max(pitch - gap, 0.1), height))
            left += pitch
        return found

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._description(self._part_at(QPointF(event.pos()))) or TIP, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self._part_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._select(self._part_at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -len(self._parts), Qt.Key.Key_End: 10**6}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self._parts:
            super().keyPressEvent(event)
        else:
            current = -1 if self._selected is None else self._selected
            self._select(min(max(current + step, 0), len(self._parts) - 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colors = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        boxes, drawn = self.boxes(), (-1, "")
        for number, (part, box) in enumerate(zip(self._parts, boxes, strict=True)):
            column = int(box.left()), part.stage
            if box.width() < 1 and column == drawn and number not in (self._selected, self._hovered):
                continue  # thousands of blocks have many in each column of pixels
            drawn = column
            color = theme.stage_color(part.stage)
            if number == self._selected:
                band = QRectF(box.left() - 2, 0, box.width() + 4, ARC_HEIGHT + BODY_HEIGHT)
                painter.fillRect(band, QColor(colors.selected))
            # antialiased, hundreds of thin boxes would look pale
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, box.width() >= 1)
            painter.fillRect(box, color.lighter(130) if number == self._hovered else color)
            if box.width() >= DETAIL_PITCH - 1:
                self._paint_arc(painter, part, box)
        if self._selected is not None:
            self._paint_mark(painter, boxes[self._selected])
        if self.hasFocus():
            painter.setPen(QPen(QColor(colors.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_arc(self, painter: QPainter, part: FigurePart, box: QRectF) -> None:
        """Draw the block's shortcut: solid for a projection, dotted for identity or zero padding."""
        if part.joint == "none":
            return
        colors = theme.current()
        whole = part.joint in ("projection", "pooled projection")
        style = Qt.PenStyle.SolidLine if whole else Qt.PenStyle.DotLine
        painter.setPen(QPen(QColor(colors.text if whole else colors.muted), 1, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        arc = QPainterPath(QPointF(box.left(), box.top() - 1))
        arc.cubicTo(box.left(), box.top() - 8, box.right(), box.top() - 8, box.right(), box.top() - 1)
        painter.drawPath(arc)

    def _paint_mark(self, painter: QPainter, box: QRectF) -> None:
        middle, top = box.center().x(), box.bottom() + 2
        mark = QPainterPath(QPointF(middle, top))
        mark.lineTo(middle - 4, top + 5)
        mark.lineTo(middle + 4, top + 5)
        mark.closeSubpath()
        painter.fillPath(mark, QColor(theme.current().accent))

    def _starts_stage(self, number: int) -> bool:
        """Whether a stage starts at that part."""
        return self._parts[number].stage != self._parts[number - 1].stage

    def _part_at(self, point: QPointF) -> int | None:
        """The part whose column contains a point, whatever its rectangle's height."""
        for number, box in enumerate(self.boxes()):
            if box.left() - 0.5 <= point.x() < box.right() + 1:
                return number
        return None

    def _description(self, number: int | None) -> str:
        if number is None:
            return ""
        part = self._parts[number]
        return f"{part.name} · {part.stage}\n{part.label}, output {dimensions(part.size)}"

    def _hover(self, number: int | None) -> None:
        if number != self._hovered:
            self._hovered = number
            self.setCursor(Qt.CursorShape.ArrowCursor if number is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def _select(self, number: int | None) -> None:
        if number is not None:
            name = self._parts[number].name
            self.show_selected(name)
            self.layerSelected.emit(name)


def _log_size(size: tuple[int, ...]) -> float:
    """Logarithm of the mean side of maps of that height and width."""
    return math.log2(math.sqrt(math.prod(size)) + 1)
