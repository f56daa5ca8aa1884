"""Which channels are pinned: kept from start to start, and wished for in every look."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication, QSizePolicy, QToolButton, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.painting import as_image, paint_image
from resnet_studio.gui.session import Session
from resnet_studio.inference.values import Pixels

MOST = 24
FULL = f"The tray holds {MOST} pins. Take one out to pin another."


class PinController(QObject):
    """The pins in their order; layers that the network in hand lacks are among them."""

    pins_changed = Signal(object)
    refused = Signal(str)
    """Why a channel is not pinned."""

    def __init__(self, session: Session, subject: ActivationsController) -> None:
        super().__init__()
        self._kept, self._subject = session.kept, subject
        self.pins = _read(session.kept.pins)
        self._wish()

    def toggle(self, layer: str, channel: int) -> None:
        """Pin a channel behind the others; one that is pinned is taken out."""
        pin = Pin(layer, channel)
        if pin in self.pins:
            self.unpin(pin)
        elif len(self.pins) >= MOST:
            self.refused.emit(FULL)
        elif layer:
            self._take((*self.pins, pin))

    def unpin(self, pin: Pin) -> None:
        """Take a pin out."""
        self._take(tuple(one for one in self.pins if one != pin))

    def move(self, pin: Pin, to: int) -> None:
        """Give a pin another place."""
        others = [one for one in self.pins if one != pin]
        self._take((*others[:to], pin, *others[to:]))

    def _take(self, pins: tuple[Pin, ...]) -> None:
        self.pins = pins
        self._kept.pins = [list(pin) for pin in pins]
        self.pins_changed.emit(pins)
        self._wish()

    def _wish(self) -> None:
        self._subject.wish("tray", tuple(dict.fromkeys(pin.layer for pin in self.pins)))


def _read(kept: object) -> tuple[Pin, ...]:
    """The pins of a session; what is none of them is left out."""
    pins = [
        Pin(*one)
        for one in (kept if isinstance(kept, list) else [])
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and type(one[1]) is int and one[1] >= 0
    ]
    return tuple(dict.fromkeys(pins))[:MOST]


MAP, SMALL, TITLE = 72, 48, 20
"""Side of a map, usual and where there is little room, and the height of the line under it."""
WIDEST, CLOSE = 136, 18
TIP = "Click shows this channel large. Drag or Shift+← → moves it, Delete takes it out of the tray"
ABSENT = "not in this\nnetwork"


class Pin(NamedTuple):
    """A channel of a layer, whatever network has it."""

    layer: str
    channel: int

    @property
    def title(self) -> str:
        return f"{self.layer} · {self.channel}"


class PinView(QWidget):
    """Its map stays until there is another, or until it is said that the network has none."""

    chosen = Signal()
    unpin_wished = Signal()
    dragged = Signal(QPointF)
    """Where the mouse is on the screen while the pin is dragged."""
    stepped = Signal(int, bool)
    """One to the left (−1) or to the right (1), and whether the pin goes with it."""

    def __init__(self, pin: Pin) -> None:
        super().__init__()
        named(self, "pin", f"{pin.layer}, channel {pin.channel}", f"{pin.title}\n{TIP}")
        self.pin = pin
        self._image: QImage | None = None
        self._words = "…"
        self._current = self._dragging = False
        self._side = MAP
        self._pressed: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._close = named(QToolButton(self), "unpin", f"Unpin {pin.title}", "Take it out of the tray (Delete)")
        self._close.setText("×")
        self._close.setProperty("flat", True)
        self._close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._close.setCursor(Qt.CursorShape.ArrowCursor)
        self._close.clicked.connect(self.unpin_wished)
        self._close.hide()
        self.show_small(small=False)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        wanted = self.fontMetrics().horizontalAdvance(self.pin.title) + 4
        return QSize(min(max(self._side + CLOSE + 6, wanted), WIDEST), self._side + TITLE)

    def show_small(self, *, small: bool) -> None:
        """Take less room, or the usual."""
        self._side = SMALL if small else MAP
        self._close.setGeometry(self._side + 4, 0, CLOSE, CLOSE)
        self.updateGeometry()

    def show_pixels(self, pixels: Pixels) -> None:
        """Show the map as it is now."""
        self._image = as_image(pixels)
        self.setAccessibleDescription("")
        self.update()

    def show_absent(self) -> None:
        """Say that the network has no such channel."""
        self._image, self._words = None, ABSENT
        self.setAccessibleDescription(ABSENT.replace("\n", " "))
        self.update()

    def show_waiting(self) -> None:
        """The network has such a channel; its map is on its way."""
        self._words = "…"
        self.setAccessibleDescription("")
        self.update()

    def show_current(self, *, current: bool) -> None:
        """Mark the channel that is shown large."""
        if current != self._current:
            self._current = current
            self.update()

    def is_absent(self) -> bool:
        """Whether it is said that the network has no such channel."""
        return self._image is None and self._words == ABSENT

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter, colours = QPainter(self), theme.current()
        box = QRectF(0, 0, self._side, self._side)
        if self._image is None:
            painter.fillRect(box, QColor(colours.hover))
            painter.setPen(QColor(colours.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._words)
        else:
            size = self._image.size().scaled(self._side, self._side, Qt.AspectRatioMode.KeepAspectRatio)
            paint_image(painter, QRectF(0, 0, size.width(), size.height()), self._image)
        if self._current or self.hasFocus():
            for colour, inset, width in (("#ffffff", 1.5, 3), (colours.accent, 1, 2)):
                painter.setPen(QPen(QColor(colour), width, j=Qt.PenJoinStyle.MiterJoin))
                painter.drawRect(box.adjusted(inset, inset, -inset, -inset))
        strong = self._current or self.hasFocus() or self.underMouse()
        painter.setPen(QColor(colours.text if strong else colours.muted))
        below = QRectF(0, self._side, self.width(), TITLE)
        title = painter.fontMetrics().elidedText(self.pin.title, Qt.TextElideMode.ElideLeft, self.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        key, steps = Qt.Key(event.key()), {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in steps:
            self.stepped.emit(steps[key], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.unpin_wished.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragging = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._pressed is None:
            return
        way = (event.position() - self._pressed).manhattanLength()
        self._dragging = self._dragging or way >= QApplication.startDragDistance()
        if self._dragging:
            self.dragged.emit(event.globalPosition())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        clicked = self._pressed is not None and not self._dragging and QRectF(self.rect()).contains(event.position())
        self._pressed = None
        if clicked:
            self.chosen.emit()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        self._show_close()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._show_close()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._show_close()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._show_close()

    def _show_close(self) -> None:
        self._close.setVisible(self.underMouse() or self.hasFocus())
        self.update()
