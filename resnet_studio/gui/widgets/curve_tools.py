"""How the curves are looked at: which x axis, which y axis, how smooth; and where they can be saved."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSlider, QToolButton, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.answers import make_room
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.segmented import Segmented

AXES = {"step": "Step", "epoch": "Epoch", "seconds": "Time"}
AXIS_TIPS = {
    "step": "Curves against trained steps",
    "epoch": "Curves against passes over the training set",
    "seconds": "Curves against training time; measuring, saving and pauses are not part of it",
}
SCALES = {"linear": "Linear", "log": "Log"}
SCALE_TIPS = {"linear": "Values from zero up", "log": "Powers of ten; what is zero is not shown"}
SMOOTHEST, FIRST = 100, 50


class CurveTools(QWidget):
    """Emits what is chosen."""

    axis_chosen = Signal(str)
    scale_chosen = Signal(bool)
    """Whether y is logarithmic."""
    smoothing_chosen = Signal(float)
    """How much each value counts against the next: 0 … 0.99."""
    all_wished = Signal()
    export_wished = Signal(str)
    """The ending of the file."""

    def __init__(self) -> None:
        super().__init__()
        self._axis = named(Segmented(AXES, "x axis", AXIS_TIPS), "xAxis", "x axis")
        self._axis.show_value("step")
        self._axis.chosen.connect(self.axis_chosen)
        self._scale = named(Segmented(SCALES, "y axis", SCALE_TIPS), "yAxis", "y axis")
        self._scale.show_value("linear")
        self._scale.chosen.connect(lambda scale: self.scale_chosen.emit(scale == "log"))
        tip = "How much of the noise is averaged out; every step stays visible, thin"
        self._smoothing = named(QSlider(Qt.Orientation.Horizontal), "smoothing", "Smoothing", tip)
        self._smoothing.setRange(0, SMOOTHEST)
        self._smoothing.setValue(FIRST)
        self._smoothing.setFixedWidth(88)
        self._smoothing.valueChanged.connect(self._take_smoothing)
        self._amount = QLabel()
        self._amount.setFixedWidth(32)
        self._amount.setText(f"{weight(FIRST):.2f}")
        show_all = named(QPushButton("Show all"), "showAll", "", "Leave every zoom (double-click in a plot, or 0)")
        show_all.clicked.connect(self.all_wished)
        label = QLabel("Smoothing")
        label.setProperty("quiet", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._axis, self._scale, label, self._smoothing, self._amount):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(show_all)
        row.addWidget(self._make_export())

    def show_saving(self, saving: bool) -> None:
        """Say that the curves are being written to a file; the next one can be asked for afterwards."""
        self._export.setText("Saving…" if saving else "Export ▾")
        self._export.setEnabled(not saving)
        self._export.repaint()

    def _make_export(self) -> QToolButton:
        tip = "Save the plots with legend, labels and units"
        button = named(QToolButton(), "exportCurves", "Export the curves", tip)
        button.setText("Export ▾")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for ending, what in (("png", "Picture (PNG)"), ("svg", "Drawing (SVG)"), ("csv", "Values (CSV)")):
            menu.addAction(what, partial(self.export_wished.emit, ending))
        button.setMenu(menu)
        make_room(button, "Saving…")
        self._export = button
        return button

    def _take_smoothing(self, place: int) -> None:
        self._amount.setText(f"{weight(place):.2f}")
        self.smoothing_chosen.emit(weight(place))


def weight(place: int) -> float:
    """Of the slider's place: nothing at its left end, 0.9 in the middle, 0.99 at the right."""
    return float(1 - 10 ** (-place / (SMOOTHEST / 2)))
