"""A small figure of the architecture: a rectangle for each block, from the image on the left to the classes."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import named
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.figure_parts import FigurePart, parts

ARCS, BODY, MARK = 10, 56, 8
"""Pixels from the top: shortcuts, the highest rectangle, and the mark under the chosen one."""
LOWEST = 10
BETWEEN = 5
"""Pixels between stages where there is room."""
ROOMY = 5.0
"""Pixels that a rectangle has from the next one's begin where it gets a gap and its shortcut an arc."""
TIP = "Click a block to see what comes out of it; ← and → walk through the network"


class ArchitectureStrip(QWidget):
    """Emits `layer_chosen` with what comes out of the rectangle that was clicked or walked to."""

    layer_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        named(self, "smallFigure", "Architecture", TIP)
        self._parts: tuple[FigurePart, ...] = ()
        self._chosen: int | None = None
        self._hovered: int | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        return QSize(192, ARCS + BODY + MARK)

    def show_architecture(self, architecture: Architecture) -> None:
        """Draw another network."""
        self._parts = parts(architecture)
        self._chosen = self._hovered = None
        self.update()

    def show_chosen(self, layer: str) -> None:
        """Mark the part that a layer belongs to."""
        self._chosen = next((number for number, part in enumerate(self._parts) if layer in part.layers), None)
        self.setAccessibleDescription(self._words(self._chosen))
        self.update()

    def boxes(self) -> list[QRectF]:
        """Where each part is drawn: as high as its maps are large, in powers of two."""
        gaps = sum(self._opens(number) for number in range(1, len(self._parts)))
        between = BETWEEN if gaps * BETWEEN < self.width() / 3 else 0
        pitch = (self.width() - gaps * between) / max(len(self._parts), 1)
        gap = 1.0 if pitch >= ROOMY else 0.5 if pitch >= 2 else 0.0
        largest = math.log2(max((part.size for part in self._parts), default=1) + 1)
        found, left = [], 0.0
        for number, part in enumerate(self._parts):
            left += between if number and self._opens(number) else 0
            height = max(LOWEST, BODY * math.log2(part.size + 1) / largest)
            found.append(QRectF(left, ARCS + (BODY - height) / 2, max(pitch - gap, 0.1), height))
            left += pitch
        return found

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._words(self._at(QPointF(event.pos()))) or TIP, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._hover(self._at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._hover(None)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose(self._at(event.position()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -len(self._parts), Qt.Key.Key_End: 10**6}
        step = steps.get(Qt.Key(event.key()))
        if step is None or not self._parts:
            super().keyPressEvent(event)
        else:
            here = -1 if self._chosen is None else self._chosen
            self._choose(min(max(here + step, 0), len(self._parts) - 1))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter, colours = QPainter(self), theme.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        boxes = self.boxes()
        for number, (part, box) in enumerate(zip(self._parts, boxes, strict=True)):
            colour = theme.stage_colour(part.stage)
            if number == self._chosen:
                band = QRectF(box.left() - 2, 0, box.width() + 4, ARCS + BODY)
                painter.fillRect(band, QColor(colours.selected))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, box.width() >= 1)  # else hundreds would be pale
            painter.fillRect(box, colour.lighter(130) if number == self._hovered else colour)
            if box.width() >= ROOMY - 1:
                self._paint_arc(painter, part, box)
        if self._chosen is not None:
            self._paint_mark(painter, boxes[self._chosen])
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_arc(self, painter: QPainter, part: FigurePart, box: QRectF) -> None:
        """The shortcut over its block: whole where it is projected, dotted where x goes as it is, or with zeros."""
        if part.joint == "none":
            return
        colours = theme.current()
        whole = part.joint == "projection"
        style = Qt.PenStyle.SolidLine if whole else Qt.PenStyle.DotLine
        painter.setPen(QPen(QColor(colours.text if whole else colours.muted), 1, style))
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

    def _opens(self, number: int) -> bool:
        """Whether a stage begins there."""
        return self._parts[number].stage != self._parts[number - 1].stage

    def _at(self, point: QPointF) -> int | None:
        """The part whose column a point lies in, however low its rectangle is."""
        for number, box in enumerate(self.boxes()):
            if box.left() - 0.5 <= point.x() < box.right() + 1:
                return number
        return None

    def _words(self, number: int | None) -> str:
        if number is None:
            return ""
        part = self._parts[number]
        return f"{part.name} · {part.stage}\n{part.label}, output {part.size}×{part.size}"

    def _hover(self, number: int | None) -> None:
        if number != self._hovered:
            self._hovered = number
            self.setCursor(Qt.CursorShape.ArrowCursor if number is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def _choose(self, number: int | None) -> None:
        if number is not None:
            name = self._parts[number].name
            self.show_chosen(name)
            self.layer_chosen.emit(name)
