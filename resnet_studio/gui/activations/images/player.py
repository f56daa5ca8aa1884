"""Playing the list of images as a stream, and the bar that controls it."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.values import ForwardResult, Photograph, UnreadableImage
from resnet_studio.training.datasets import DataError


class Player(QObject):
    """Selects the next image once the photograph and the result of the last one have come, so that nothing queues up.

    An image that can't be opened is skipped and counted. If no image of a full round can be opened, playing stops.
    """

    playingChanged = Signal(bool)
    skippedChanged = Signal(object)
    """Why images were skipped, one sentence each."""
    failed = Signal(str)

    def __init__(self, images: ImageController, activations: ActivationsController) -> None:
        super().__init__()
        self._images = images
        self._playing = False
        self._rate = 0.0
        self._shown_at = 0.0
        self._pending: set[str] = set()
        self._skipped: dict[str, str] = {}
        self._skipped_in_a_row = 0
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._show_next)
        activations.forwardFinished.connect(self._on_forward_finished)
        images.photographOpened.connect(self._on_photograph)
        images.photographFailed.connect(self._on_photograph)

    def toggle(self) -> None:
        """Play, or pause."""
        if self._playing:
            self.pause()
        elif len(self._images.images()) > 1:
            self._playing, self._shown_at = True, time.monotonic()
            self._skipped, self._skipped_in_a_row = {}, 0
            self._pending.clear()
            self.skippedChanged.emit(())
            self.playingChanged.emit(True)
            self._schedule_next()

    def pause(self) -> None:
        """Stop at the selected image."""
        self._timer.stop()
        if self._playing:
            self._playing = False
            self.playingChanged.emit(False)

    @property
    def rate(self) -> float:
        """Images a second; 0 for as many as come."""
        return self._rate

    def set_rate(self, rate: float) -> None:
        """Play that many images a second; 0 for as many as come."""
        self._rate = rate
        if self._timer.isActive():
            self._schedule_next()

    def skip(self, error: Exception) -> bool:
        """Skip the selected image if it could not be opened; returns whether its forward pass's error was handled."""
        if not self._playing:
            return False
        if not isinstance(error, (ImageError, DataError)):
            self.pause()  # the user has to see this error
            return False
        self._skipped[self._images.selected] = str(error)
        self._skipped_in_a_row += 1
        self.skippedChanged.emit(tuple(self._skipped.values()))
        if self._skipped_in_a_row >= len(self._images.images()):
            self.pause()
            self.failed.emit(f"None of these images can be opened. {error}")
        else:
            self._pending.clear()
            self._timer.start(0)
        return True

    def _on_forward_finished(self, result: ForwardResult) -> None:
        if result.spec.image == self._images.selected:
            self._on_received("forward")

    def _on_photograph(self, photograph: Photograph | UnreadableImage) -> None:
        if photograph.name == self._images.selected:
            self._on_received("photograph")

    def _on_received(self, kind: str) -> None:
        if kind in self._pending:
            self._pending.discard(kind)
            if not self._pending:
                self._skipped_in_a_row = 0
                self._schedule_next()

    def _schedule_next(self) -> None:
        """Select the next image when this one has been shown for its time."""
        due = self._shown_at + (1 / self._rate if self._rate else 0.0)
        self._timer.start(max(0, round(1000 * (due - time.monotonic()))))

    def _show_next(self) -> None:
        self._shown_at = time.monotonic()
        self._pending = {"forward", "photograph"}
        self._images.select_next()


SPEEDS = {
    "0.5": "0.5 fps", "1": "1 fps", "2": "2 fps", "5": "5 fps", "10": "10 fps", "0": "full speed",
}  # fmt: skip
DEFAULT_SPEED = "2"
BUTTON_WIDTH, ICON_SIZE = 4 * GRID, 2 * GRID


class PlayerBar(QWidget):
    """Emits `playToggled`, and `rateRequested` with images a second; 0 for as many as come."""

    playToggled = Signal()
    rateRequested = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._playing = False
        self._button = set_names(QPushButton(), "playImages")
        self._button.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
        self._button.setFixedWidth(BUTTON_WIDTH)
        self._button.clicked.connect(self.playToggled)
        tip = "Images per second; at full speed, the next image follows as soon as one is done"
        self._speed = ComboBox(SPEEDS, "playSpeed", "Speed", tip)
        self._speed.set_value(DEFAULT_SPEED)
        self._speed.valueSelected.connect(lambda rate: self.rateRequested.emit(float(rate)))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self._button)
        row.addWidget(self._speed, 1)
        self.show_playing(False)

    @property
    def rate(self) -> float:
        """The rate shown, in images a second."""
        return float(self._speed.value())

    def show_playing(self, playing: bool) -> None:
        """Show whether the stream is playing."""
        self._playing = playing
        self._button.setIcon(_icon(playing))
        self._button.setAccessibleName("Pause images" if playing else "Play images")
        stays, goes = "Pause at this image (Space)", "Play images from here (Space)"
        self._button.setToolTip(stays if playing else goes)

    def set_playable(self, playable: bool) -> None:
        """Enable the controls if there is more than one image."""
        self._button.setEnabled(playable)
        self._speed.setEnabled(playable)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._button.setIcon(_icon(self._playing))


def _icon(playing: bool) -> QIcon:
    """Two bars while it plays, else a triangle."""
    icon = QIcon()
    for mode, color in ((QIcon.Mode.Normal, theme.current().text), (QIcon.Mode.Disabled, theme.current().muted)):
        pixmap = QPixmap(2 * ICON_SIZE, 2 * ICON_SIZE)  # sharp on high-DPI screens
        pixmap.setDevicePixelRatio(2)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(color))
        if playing:
            painter.drawRect(QRectF(4, 3, 3, 10))
            painter.drawRect(QRectF(9, 3, 3, 10))
        else:
            painter.drawPolygon(QPolygonF([QPointF(4, 2.5), QPointF(13, 8), QPointF(4, 13.5)]))
        painter.end()
        icon.addPixmap(pixmap, mode)
    return icon
