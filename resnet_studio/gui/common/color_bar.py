"""Which value has which colour."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import NumberField
from resnet_studio.gui.common.painting import as_image
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.feature_maps import LOWEST, Colours, lookup_table

OWN = "each channel's own range"
OWN_TIP = "Its first colour is a channel's lowest value, its last the highest"
THICKNESS = 8


class ColorBar(QWidget):
    """A slim bar of a colour map with the values at its ends, which can be typed where `typed` says so."""

    limits_wished = Signal(float, float)
    """The lower and the upper number that were typed."""

    def __init__(self) -> None:
        super().__init__()
        named(self, "colourBar", "Colour bar")
        self._ends, self._symmetric = (0.0, 1.0), False
        self._low, self._high = named(QLabel(), "colourBarLow"), named(QLabel(), "colourBarHigh")
        self._low_field = NumberField("lowLimit", "Value of the first colour")
        self._high_field = NumberField("highLimit", "Value of the last colour")
        self._ramp = _Ramp()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._low, self._low_field, self._ramp, self._high, self._high_field):
            row.addWidget(widget)
        for label in (self._low, self._high):
            label.setProperty("quiet", True)
        for field in (self._low_field, self._high_field):
            field.hide()
            field.number_typed.connect(self._take)

    def show_range(self, colours: Colours, ends: tuple[float, float] | None, *, typed: bool = False) -> None:
        """Show the values of the first and the last colour; None where every channel has its own."""
        self._ramp.show_colours(colours)
        self._low.setVisible(ends is not None and not typed)
        self._high.setVisible(not typed)
        for field in (self._low_field, self._high_field):
            field.setVisible(typed)
        for label, text in ((self._low, significant(ends[0]) if ends else ""), (self._high, _high(ends))):
            if label.text() != text:
                label.setText(text)
        if ends and typed:
            self._ends, self._symmetric = ends, colours == "diverging"
            self._low_field.show_number(ends[0])
            self._high_field.show_number(ends[1])
        exact = f"{ends[0]!r} … {ends[1]!r}" if ends else OWN_TIP
        if exact != self.toolTip():
            self.setToolTip(exact)
            self.setAccessibleDescription(exact)

    def _take(self, number: float) -> None:
        """Zero stays in the middle of colours that diverge, so that either number is the other's opposite."""
        low, high = self._ends
        low, high = (number, high) if self.sender() is self._low_field else (low, number)
        if self._symmetric:
            low, high = -abs(number), abs(number)
        for field in (self._low_field, self._high_field):
            field.mark(wrong=field is self.sender() and low >= high)
        if low < high:
            self.limits_wished.emit(low, high)


def _high(ends: tuple[float, float] | None) -> str:
    return significant(ends[1]) if ends else OWN


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
