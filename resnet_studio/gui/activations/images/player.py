"""Playing the images at hand as a stream."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.values import ForwardResult, Photograph
from resnet_studio.training.datasets import DataError


class Player(QObject):
    """Goes on to the next image once the last one and its look have come, so that nothing piles up.

    An image that can't be opened is passed over and counted. Where none of a whole round can, the stream ends.
    """

    playing_changed = Signal(bool)
    passed_over = Signal(object)
    """Why images of this stream were passed over, one sentence each."""
    problem = Signal(str)

    def __init__(self, images: ImageController, subject: ActivationsController, work: EngineClient) -> None:
        super().__init__()
        self._images = images
        self._playing = False
        self._rate = 0.0
        self._began = 0.0
        self._awaited: set[str] = set()
        self._passed: dict[str, str] = {}
        self._in_a_row = 0
        self._ended_at = ""
        """The damaged image at which a stream has ended: what else fails of it has been told."""
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._step)
        images.chosen_changed.connect(self._take_chosen)
        subject.looked.connect(self._take_look)
        work.photograph_opened.connect(self._take_photograph)

    def toggle(self) -> None:
        """Play, or pause."""
        if self._playing:
            self.pause()
        elif len(self._images.images()) > 1:
            self._playing, self._began = True, time.monotonic()
            self._passed, self._in_a_row = {}, 0
            self._awaited.clear()
            self.passed_over.emit(())
            self.playing_changed.emit(True)
            self._go_on()

    def pause(self) -> None:
        """Stay at the image that is looked at."""
        self._timer.stop()
        if self._playing:
            self._playing = False
            self.playing_changed.emit(False)

    @property
    def rate(self) -> float:
        """Images a second; 0 for as many as come."""
        return self._rate

    def take_rate(self, rate: float) -> None:
        """Show that many images a second from now on."""
        self._rate = rate
        if self._timer.isActive():
            self._go_on()

    def passes_over(self, kind: str, error: Exception) -> bool:
        """Whether a failure of the engine is a damaged image of the stream, of which nobody else need be told."""
        if kind not in ("look", "photograph"):
            return False
        if not self._playing:
            return self._images.chosen == self._ended_at
        if not isinstance(error, (ImageError, DataError)):
            self.pause()  # somebody has to see to this
            return False
        self._passed[self._images.chosen] = str(error)
        self._in_a_row += 1
        self.passed_over.emit(tuple(self._passed.values()))
        if self._in_a_row >= len(self._images.images()):
            self.pause()
            self._ended_at = self._images.chosen
            self.problem.emit(f"None of these images can be opened. {error}")
        else:
            self._awaited.clear()
            self._timer.start(0)
        return True

    def _take_chosen(self, _: str) -> None:
        self._ended_at = ""

    def _take_look(self, look: ForwardResult) -> None:
        if look.subject.image == self._images.chosen:
            self._have("look")

    def _take_photograph(self, photograph: Photograph) -> None:
        if photograph.name == self._images.chosen:
            self._have("photograph")

    def _have(self, what: str) -> None:
        if what in self._awaited:
            self._awaited.discard(what)
            if not self._awaited:
                self._in_a_row = 0
                self._go_on()

    def _go_on(self) -> None:
        """The next image is due when this one has been there for its time."""
        due = self._began + (1 / self._rate if self._rate else 0.0)
        self._timer.start(max(0, round(1000 * (due - time.monotonic()))))

    def _step(self) -> None:
        self._began = time.monotonic()
        self._awaited = {"look", "photograph"}
        self._images.step()


SPEEDS = {
    "0.5": "1 in 2 s", "1": "1 a second", "2": "2 a second", "5": "5 a second", "10": "10 a second", "0": "full speed",
}  # fmt: skip
USUAL = "2"
WIDTH, ICON = 4 * GRID, 2 * GRID


class PlayerBar(QWidget):
    """Emits `toggled`, and `rate_wished` with images a second; 0 for as many as come."""

    toggled = Signal()
    rate_wished = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._playing = False
        self._button = named(QPushButton(), "playImages")
        self._button.setIconSize(QSize(ICON, ICON))
        self._button.setFixedWidth(WIDTH)
        self._button.clicked.connect(self.toggled)
        tip = "Images a second; at full speed each look is followed by the next"
        self._speed = ComboBox(SPEEDS, "playSpeed", "Speed", tip)
        self._speed.show_value(USUAL)
        self._speed.chosen.connect(lambda rate: self.rate_wished.emit(float(rate)))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._button)
        row.addWidget(self._speed, 1)
        self.show_playing(False)

    @property
    def rate(self) -> float:
        """Images a second, as it is shown."""
        return float(self._speed.value())

    def show_playing(self, playing: bool) -> None:
        """Show whether the stream runs."""
        self._playing = playing
        self._button.setIcon(_icon(playing))
        self._button.setAccessibleName("Pause the images" if playing else "Play the images")
        stays, goes = "Stay at this image (Space)", "Play the images from here on (Space)"
        self._button.setToolTip(stays if playing else goes)

    def allow(self, allowed: bool) -> None:
        """Whether there is something to play."""
        self._button.setEnabled(allowed)
        self._speed.setEnabled(allowed)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._button.setIcon(_icon(self._playing))


def _icon(playing: bool) -> QIcon:
    """Two bars while it plays, else a triangle."""
    icon = QIcon()
    for mode, colour in ((QIcon.Mode.Normal, theme.current().text), (QIcon.Mode.Disabled, theme.current().muted)):
        pixmap = QPixmap(2 * ICON, 2 * ICON)  # sharp on screens of twice as many pixels
        pixmap.setDevicePixelRatio(2)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        if playing:
            painter.drawRect(QRectF(4, 3, 3, 10))
            painter.drawRect(QRectF(9, 3, 3, 10))
        else:
            painter.drawPolygon(QPolygonF([QPointF(4, 2.5), QPointF(13, 8), QPointF(4, 13.5)]))
        painter.end()
        icon.addPixmap(pixmap, mode)
    return icon
