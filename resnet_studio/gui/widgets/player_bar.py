"""Play, pause and speed of the images as a stream."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.choice import Choice
from resnet_studio.gui.widgets.named import named

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
        self._speed = Choice(SPEEDS, "playSpeed", "Speed", tip)
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
