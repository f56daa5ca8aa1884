"""A color bar with the values at its ends."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from resnet_studio.formatting import significant
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import NumberField
from resnet_studio.gui.common.painting import to_qimage
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import LOWEST, lookup_table

PER_CHANNEL = "per-channel range"
PER_CHANNEL_TIP = "From each channel's min (first color) to its max (last color)"
THICKNESS = 8


class ColorBar(QWidget):
    """A slim bar of a color map with the values at its ends, which can be edited if `editable`."""

    limitsChanged = Signal(float, float)
    """The new lower and upper limit."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "colourBar", "Color bar")
        self._limits, self._symmetric = (0.0, 1.0), False
        self._low, self._high = set_names(QLabel(), "colourBarLow"), set_names(QLabel(), "colourBarHigh")
        self._low_field = NumberField("lowLimit", "Value of the first color")
        self._high_field = NumberField("highLimit", "Value of the last color")
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
            field.numberEntered.connect(self._on_number_entered)

    def set_range(self, colors: Colormap, limits: tuple[float, float] | None, *, editable: bool = False) -> None:
        """Show the values of the first and the last color; None if every channel has its own."""
        self._ramp.set_colors(colors)
        self._low.setVisible(limits is not None and not editable)
        self._high.setVisible(not editable)
        for field in (self._low_field, self._high_field):
            field.setVisible(editable)
        for label, text in ((self._low, significant(limits[0]) if limits else ""), (self._high, _high_text(limits))):
            if label.text() != text:
                label.setText(text)
        if limits and editable:
            self._limits, self._symmetric = limits, colors == "diverging"
            self._low_field.set_number(limits[0])
            self._high_field.set_number(limits[1])
        exact = f"{limits[0]!r} … {limits[1]!r}" if limits else PER_CHANNEL_TIP
        if exact != self.toolTip():
            self.setToolTip(exact)
            self.setAccessibleDescription(exact)

    def _on_number_entered(self, number: float) -> None:
        """Emit the new limits. Those of a diverging map stay symmetric, so that zero is in the middle."""
        low, high = self._limits
        low, high = (number, high) if self.sender() is self._low_field else (low, number)
        if self._symmetric:
            low, high = -abs(number), abs(number)
        for field in (self._low_field, self._high_field):
            field.set_invalid(invalid=field is self.sender() and low >= high)
        if low < high:
            self.limitsChanged.emit(low, high)


def _high_text(ends: tuple[float, float] | None) -> str:
    return significant(ends[1]) if ends else PER_CHANNEL


class _Ramp(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._colors = ""
        self.setFixedHeight(THICKNESS)
        self.setMinimumWidth(4 * GRID)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_colors(self, colors: Colormap) -> None:
        if colors != self._colors:
            self._colors, self._image = colors, to_qimage(lookup_table(colors)[None, LOWEST:])
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(self.rect()), self._image)
