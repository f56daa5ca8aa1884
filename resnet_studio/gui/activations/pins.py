"""The pinned channels, which are saved with the session and computed in every pass, and the view of one pin."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolButton, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.painting import paint_image, to_qimage
from resnet_studio.gui.session import Session
from resnet_studio.inference.values import Pixels

MAX_PINS = 24
FULL = f"At most {MAX_PINS} channels can be pinned. Unpin one first."


class PinController(QObject):
    """Keeps the pins in order, including those of layers that the current network lacks."""

    pinsChanged = Signal(object)
    failed = Signal(str)
    """Why a channel could not be pinned."""

    def __init__(self, session: Session, activations: ActivationsController) -> None:
        super().__init__()
        self._session, self._activations = session, activations
        self.pins = tuple(Pin(*pin) for pin in dict.fromkeys(session.state.pins))[:MAX_PINS]
        self._request_layers()

    def toggle(self, layer: str, channel: int) -> None:
        """Append a pin, or remove it if the channel is pinned."""
        pin = Pin(layer, channel)
        if pin in self.pins:
            self.unpin(pin)
        elif len(self.pins) >= MAX_PINS:
            self.failed.emit(FULL)
        elif layer:
            self._set_pins((*self.pins, pin))

    def unpin(self, pin: Pin) -> None:
        """Remove a pin."""
        self._set_pins(tuple(entry for entry in self.pins if entry != pin))

    def move(self, pin: Pin, position: int) -> None:
        """Move a pin to another position."""
        others = [entry for entry in self.pins if entry != pin]
        self._set_pins((*others[:position], pin, *others[position:]))

    def _set_pins(self, pins: tuple[Pin, ...]) -> None:
        self.pins = pins
        self._session.update(pins=list(pins))
        self.pinsChanged.emit(pins)
        self._request_layers()

    def _request_layers(self) -> None:
        self._activations.request_layers("pins", tuple(dict.fromkeys(pin.layer for pin in self.pins)))


MAP_SIDE, SMALL_MAP_SIDE, TITLE_HEIGHT = 72, 48, 20
"""Pixels: side of a map, side in a low window, and height of the title below."""
MAX_WIDTH, CLOSE_SIZE = 136, 18
TIP = "Click to enlarge. Drag or press Shift+← → to move, Delete to unpin"
ABSENT = "not in this\nnetwork"


class Pin(NamedTuple):
    """A channel of a layer by name, in any network."""

    layer: str
    channel: int

    @property
    def title(self) -> str:
        return f"{self.layer} · {self.channel}"


class PinView(QWidget):
    """Shows one pinned map, which stays until another map comes or the network lacks the channel."""

    activated = Signal()
    unpinRequested = Signal()
    dragged = Signal(QPointF)
    """The global mouse position while the pin is dragged."""
    stepped = Signal(int, bool)
    """A step to the left (−1) or right (1), and whether it moves the pin or only the focus."""

    def __init__(self, pin: Pin) -> None:
        super().__init__()
        set_names(self, "pin", f"{pin.layer}, channel {pin.channel}", f"{pin.title}\n{TIP}")
        self.pin = pin
        self._image: QImage | None = None
        self._placeholder = "…"
        self._current = self._dragging = False
        self._side = MAP_SIDE
        self._pressed: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._close = set_names(QToolButton(self), "unpin", f"Unpin {pin.title}", "Unpin (Delete)")
        self._close.setText("×")
        self._close.setProperty("flat", True)
        self._close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._close.setCursor(Qt.CursorShape.ArrowCursor)
        self._close.clicked.connect(self.unpinRequested)
        self._close.hide()
        self.show_small(small=False)

    def sizeHint(self) -> QSize:
        wanted = self.fontMetrics().horizontalAdvance(self.pin.title) + 4
        return QSize(min(max(self._side + CLOSE_SIZE + 6, wanted), MAX_WIDTH), self._side + TITLE_HEIGHT)

    def show_small(self, *, small: bool) -> None:
        """Use the small or the normal size."""
        self._side = SMALL_MAP_SIDE if small else MAP_SIDE
        self._close.setGeometry(self._side + 4, 0, CLOSE_SIZE, CLOSE_SIZE)
        self.updateGeometry()

    def show_pixels(self, pixels: Pixels) -> None:
        """Show a map."""
        self._image = to_qimage(pixels)
        self.setAccessibleDescription("")
        self.update()

    def show_absent(self) -> None:
        """Show that the network has no such channel."""
        self._image, self._placeholder = None, ABSENT
        self.setAccessibleDescription(ABSENT.replace("\n", " "))
        self.update()

    def show_waiting(self) -> None:
        """Show that the map is not computed yet."""
        self._placeholder = "…"
        self.setAccessibleDescription("")
        self.update()

    def show_current(self, *, current: bool) -> None:
        """Mark the channel that is shown large."""
        if current != self._current:
            self._current = current
            self.update()

    def is_absent(self) -> bool:
        """Whether the pin is shown as absent from the network."""
        return self._image is None and self._placeholder == ABSENT

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colors = QPainter(self), theme.current()
        box = QRectF(0, 0, self._side, self._side)
        if self._image is None:
            painter.fillRect(box, QColor(colors.hover))
            painter.setPen(QColor(colors.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._placeholder)
        else:
            box.setSize(self._image.size().scaled(self._side, self._side, Qt.AspectRatioMode.KeepAspectRatio).toSizeF())
            paint_image(painter, box, self._image)
        if self._current or self.hasFocus():
            for color, inset, width in (("#ffffff", 1.5, 3), (colors.accent, 1, 2)):
                painter.setPen(QPen(QColor(color), width, j=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(box.adjusted(inset, inset, -inset, -inset))
        strong = self._current or self.hasFocus() or self.underMouse()
        painter.setPen(QColor(colors.text if strong else colors.muted))
        below = QRectF(0, self._side, self.width(), TITLE_HEIGHT)
        title = painter.fontMetrics().elidedText(self.pin.title, Qt.TextElideMode.ElideLeft, self.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, steps = Qt.Key(event.key()), {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in steps:
            self.stepped.emit(steps[key], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.activated.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.unpinRequested.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragging = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        distance = (event.position() - self._pressed).manhattanLength()
        self._dragging = self._dragging or distance >= QApplication.startDragDistance()
        if self._dragging:
            self.dragged.emit(event.globalPosition())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        clicked = self._pressed is not None and not self._dragging and QRectF(self.rect()).contains(event.position())
        self._pressed = None
        if clicked:
            self.activated.emit()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._show_close()

    def leaveEvent(self, event: QEvent) -> None:
        self._show_close()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._show_close()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._show_close()

    def _show_close(self) -> None:
        self._close.setVisible(self.underMouse() or self.hasFocus())
        self.update()
