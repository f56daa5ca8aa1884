"""Which value has which colour."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.pictures import as_image
from resnet_studio.gui.widgets.significant import significant
from resnet_studio.inference.maps import LOWEST, Colours, lookup_table

OWN = "each channel's own range"
THICKNESS = 8


class ColourBar(QWidget):
    """A slim bar of a colour map with the values at its ends."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "colourBar", "Colour bar")
        self._low, self._high = named(QLabel(), "colourBarLow"), named(QLabel(), "colourBarHigh")
        self._ramp = _Ramp()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._low, self._ramp, self._high):
            row.addWidget(widget)
        for label in (self._low, self._high):
            label.setProperty("quiet", True)

    def show_range(self, colours: Colours, ends: tuple[float, float] | None) -> None:
        """Show the values of the first and the last colour; None where every channel has its own."""
        self._ramp.show_colours(colours)
        self._low.setVisible(ends is not None)
        self._low.setText(significant(ends[0]) if ends else "")
        self._high.setText(significant(ends[1]) if ends else OWN)
        exact = (
            f"{ends[0]!r} … {ends[1]!r}"
            if ends
            else "Its first colour is a channel's lowest value, its last the highest"
        )
        if exact != self.toolTip():
            self.setToolTip(exact)
            self.setAccessibleDescription(exact)


class _Ramp(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._colours = ""
        self.setFixedHeight(THICKNESS)
        self.setMinimumWidth(6 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_colours(self, colours: Colours) -> None:
        if colours != self._colours:
            self._colours, self._image = colours, as_image(lookup_table(colours)[None, LOWEST:])
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(self.rect()), self._image)
