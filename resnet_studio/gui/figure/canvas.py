"""The figure on the screen: zoom, pan, hover, selection by mouse and keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, cast

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QGestureEvent, QGraphicsScene, QGraphicsView, QPinchGesture

from resnet_studio.figures.palette import Palette
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.figure.drawing_index import DrawingIndex
from resnet_studio.gui.figure.drawing_painter import REACH, DrawingPainter, Marks

POINTS_PER_INCH = 72
LEAST, MOST = 0.02, 16.0
"""Zoom."""
STEP = 1.25
"""Of the keys and the buttons."""
WHEEL = 1.0015
"""Per unit of the wheel, which turns by 120 a notch."""
READABLE = 0.6
"""A drawing that has to be smaller to fit into the window is first shown at its width, and scrolls."""
NEAR = 5
"""Pixels from a skip connection at which it is meant."""
LARGEST_FIT = 1.75
Framing = Literal["initial", "whole", "free"]
"""How a new drawing is placed: as is best to begin with, as a whole, or where the user has zoomed to."""


class FigureCanvas(QGraphicsView):
    """Shows a drawing. What it emits are boxes and skip connections."""

    hovered = Signal(object)
    """The `Box` or the `Arc` under the mouse, or None."""
    partSelected = Signal(object)
    """A `Box` or an `Arc` was clicked, or reached by keys."""
    partActivated = Signal(object)
    """It was double-clicked, or Enter was pressed on it."""
    zoomChanged = Signal(float)
    """1 where a point is as large as on paper."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "figureView", "Figure")
        self._drawing, self._marks = DrawingPainter(), Marks()
        self.setScene(QGraphicsScene(self))  # without items: the view paints itself
        self.framing: Framing = "initial"
        self._pressed: QPoint | None = None
        self._dragged = False
        self._column = 0
        self._placed = (0, 0)
        """The scroll bars' values after the drawing was placed."""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().grabGesture(Qt.GestureType.PinchGesture)

    @property
    def index(self) -> DrawingIndex:
        """The drawing that is shown."""
        return self._drawing.index

    @property
    def zoom(self) -> float:
        return self.transform().m11() / self._full_scale()

    def show_drawing(self, index: DrawingIndex, framing: Framing | None = None) -> None:
        """Show a drawing; by default it is placed as the one before it was."""
        center = self._relative_center()
        self._drawing.index, self._marks = index, Marks()
        self.setSceneRect(self._drawing.sheet)
        self.setAccessibleDescription(index.drawing.description)
        self.framing = framing or self.framing
        if self.framing == "free":
            area = self.sceneRect()
            self.centerOn(area.x() + center.x() * area.width(), area.y() + center.y() * area.height())
        else:
            self._frame()
        self.viewport().update()

    def show_palette(self, palette: Palette, *, on_paper: bool) -> None:
        """Paint in other colors: on a sheet of paper, or on the window itself."""
        self._drawing.palette = palette
        self.setBackgroundBrush(QColor(theme.current().panel if on_paper else palette.background))

    def show_selected(self, numbers: Sequence[int]) -> None:
        """Mark the boxes of the selected layer, without scrolling."""
        self._update_boxes(*self._marks.selected, *numbers)
        self._marks.selected = numbers
        if numbers:
            self._column = self.index.part(numbers[0]).column

    def show_matches(self, numbers: Collection[int]) -> None:
        """Mark what a search has found."""
        if numbers or self._marks.matches:
            self._marks.matches = numbers
            self.viewport().update()

    def show_current_match(self, number: int | None) -> None:
        """Mark the match that a search has stepped to."""
        self._update_boxes(self._marks.current_match, number)
        self._marks.current_match = number

    def reveal(self, number: int) -> None:
        """Scroll to a box, if it is not visible, and enlarge what is too small to be seen."""
        box = QRectF(*self.index.area(number))
        if self._drawing.is_coarse(self.transform().m11()):
            self.set_zoom(1.0)
            self.centerOn(box.center())
        self.ensureVisible(box, 48, 48)

    def fit(self) -> None:
        """Show the whole drawing, now and at every size of the window."""
        self.framing = "whole"
        self._frame()

    def set_zoom(self, zoom: float, at: QPoint | None = None) -> None:
        """Zoom about a point of the viewport, by default its center."""
        self.framing = "free"
        at = at or self.viewport().rect().center()
        fixed = self.mapToScene(at)
        self._set_scale(min(max(zoom, LEAST), MOST) * self._full_scale())
        moved = self.mapFromScene(fixed) - at
        self._scroll(moved)

    def zoom_by(self, factor: float, at: QPoint | None = None) -> None:
        """Zoom about a point of the viewport, by default its center."""
        self.set_zoom(self.zoom * factor, at)

    def _full_scale(self) -> float:
        """Pixels per point at 100 %."""
        return self.logicalDpiX() / POINTS_PER_INCH

    def _set_scale(self, scale: float) -> None:
        self.setTransform(QTransform.fromScale(scale, scale))
        self.zoomChanged.emit(self.zoom)

    def _relative_center(self) -> QPointF:
        """The center of what is visible, as fractions of the drawing's size."""
        center, area = self.mapToScene(self.viewport().rect().center()), self.sceneRect()
        if area.isEmpty():
            return QPointF(0.5, 0)
        return QPointF((center.x() - area.x()) / area.width(), (center.y() - area.y()) / area.height())

    def _frame(self) -> None:
        """Scale and place the drawing as `framing` says."""
        area, space = self.sceneRect(), self.maximumViewportSize()
        if area.isEmpty():
            return
        across, down = space.width() / area.width(), space.height() / area.height()
        full = self._full_scale()
        scale = min(across, down, LARGEST_FIT * full)
        whole = self.framing == "whole" or scale >= READABLE * full
        if not whole:
            bar = self.verticalScrollBar().sizeHint().width()
            across, down = (space.width() - bar) / area.width(), (space.height() - bar) / area.height()
            scale = max(scale, min(max(across, down), full))
        self._set_scale(scale)
        self.centerOn(area.center() if whole else area.topLeft())
        self._placed = self._position()

    def _position(self) -> tuple[int, int]:
        return self.horizontalScrollBar().value(), self.verticalScrollBar().value()

    def _scroll(self, by: QPoint) -> None:
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().value() + by.x())
        self.verticalScrollBar().setValue(self.verticalScrollBar().value() + by.y())

    def _update_boxes(self, *numbers: int | None) -> None:
        """Have boxes painted again, with their marks."""
        for number in numbers:
            if number is not None:
                around = QRectF(*self.index.area(number)).adjusted(-REACH, -REACH, REACH, REACH)
                self.viewport().update(self.mapFromScene(around).boundingRect().adjusted(-4, -4, 4, 4))

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        super().drawBackground(painter, rect)
        self._drawing.paint(painter, QRectF(rect), self.transform().m11())

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        self._marks.paint(painter, self.index, QRectF(rect))

    def resizeEvent(self, event: QResizeEvent) -> None:
        before = self._position()
        super().resizeEvent(event)
        if self.framing == "initial" and before != self._placed:
            self.framing = "free"  # the user has scrolled
        if self.framing != "free":
            self._frame()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(WHEEL ** event.angleDelta().y(), event.position().toPoint())
            event.accept()
        else:
            super().wheelEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1 + event.value(), event.position().toPoint())
            return True
        if isinstance(event, QGestureEvent) and (pinch := event.gesture(Qt.GestureType.PinchGesture)):
            pinch = cast("QPinchGesture", pinch)
            self.zoom_by(pinch.scaleFactor(), self.viewport().mapFromGlobal(pinch.centerPoint()).toPoint())
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._pressed, self._dragged = event.position().toPoint(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self._pressed is None:
            self._hover(self._part_at(position))
            return
        moved = self._pressed - position
        if self._dragged or moved.manhattanLength() >= QApplication.startDragDistance():
            self._dragged = True
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
            self._scroll(moved)
            self._pressed = position

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._pressed is not None and not self._dragged and event.button() == Qt.MouseButton.LeftButton
        self._pressed = None
        number = self._part_at(event.position().toPoint())
        if clicked and number is not None:
            self.partSelected.emit(self.index.part(number))
        self._hover(number)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        number = self._part_at(event.position().toPoint())
        if number is not None:
            self.partActivated.emit(self.index.part(number))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        zooms = {Qt.Key.Key_Plus: STEP, Qt.Key.Key_Equal: STEP, Qt.Key.Key_Minus: 1 / STEP}
        if key in zooms:
            self.zoom_by(zooms[key])
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.set_zoom(1.0)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._marks.selected:
            self.partActivated.emit(self.index.part(next(iter(self._marks.selected))))
        elif (number := self._box_by_key(key)) is not None:
            self.reveal(number)
            self.partSelected.emit(self.index.part(number))
        else:
            super().keyPressEvent(event)

    def _box_by_key(self, key: Qt.Key) -> int | None:
        """The box that an arrow key, Home, or End leads to."""
        along = (Qt.Key.Key_Up, Qt.Key.Key_Down) if self.index.vertical else (Qt.Key.Key_Left, Qt.Key.Key_Right)
        across = (Qt.Key.Key_Left, Qt.Key.Key_Right) if self.index.vertical else (Qt.Key.Key_Up, Qt.Key.Key_Down)
        boxes = self.index.columns.get(self._column) or next(iter(self.index.columns.values()), [])
        current = next((number for number in self._marks.selected if number in boxes), None)
        if not boxes or key not in (*along, *across, Qt.Key.Key_Home, Qt.Key.Key_End):
            return None
        if key in across:
            return self._beside(current, 1 if key == across[1] else -1)
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End) or current is None:
            return boxes[-1 if key == Qt.Key.Key_End else 0]
        at = boxes.index(current) + (1 if key == along[1] else -1)
        return boxes[min(max(at, 0), len(boxes) - 1)]

    def _beside(self, current: int | None, step: int) -> int | None:
        """The box at the same height in the next column."""
        columns = sorted(self.index.columns)
        if current is None or self._column not in columns:
            return None
        at = columns.index(self._column) + step
        if not 0 <= at < len(columns):
            return None
        x, y = self.index.box(current).rect.center

        def distance(number: int) -> float:
            center = self.index.box(number).rect.center
            return abs(center[1] - y) if self.index.vertical else abs(center[0] - x)

        return min(self.index.columns[columns[at]], key=distance)

    def _part_at(self, position: QPoint) -> int | None:
        point = self.mapToScene(position)
        return self.index.part_at((point.x(), point.y()), NEAR / self.transform().m11())

    def _hover(self, number: int | None) -> None:
        shape = Qt.CursorShape.OpenHandCursor if number is None else Qt.CursorShape.PointingHandCursor
        self.viewport().setCursor(shape)
        if number != self._marks.hovered:
            self._update_boxes(self._marks.hovered, number)
            self._marks.hovered = number
            self.hovered.emit(None if number is None else self.index.part(number))
