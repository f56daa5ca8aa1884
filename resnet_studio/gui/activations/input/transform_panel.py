"""The handles beside the picture: sliders for what a mouse on the picture does not do, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.transforms import IDENTITY, RANGES, ImageTransforms, Occluder, with_number

Written = Callable[[float], str]


def _times(value: float) -> str:
    return f"{value:.2f}×"


SLIDERS: dict[str, tuple[str, str, tuple[float, float], Written]] = {
    "zoom": ("Zoom", "How much larger things appear; the wheel over the photograph does the same", (0.25, 8), _times),
    "rotation": ("Rotation", "Degrees against the clock", RANGES["rotation"], lambda value: f"{value:.0f}°"),
    "brightness": ("Brightness", "Brightness: a factor of every value", (0, 2), _times),
    "contrast": ("Contrast", "Contrast: a factor of each value's distance from the mean", (0, 2), _times),
    "blur": ("Blur", "Gaussian blur: its deviation in pixels of the input", (0, 8), lambda value: f"{value:.1f} px"),
    "noise": ("Noise", "Gaussian noise: its deviation, white being 1", (0, 0.5), lambda value: f"{value:.2f}"),
}
"""Title, tip, what the slider spans and how a value is written."""


class TransformPanel(QWidget):
    """Emits `handles_wished` with all handles, and whether the hand still moves."""

    handles_wished = Signal(object, bool)
    keep_wished = Signal(bool)
    """Whether the next image is to have these handles, too."""

    def __init__(self) -> None:
        super().__init__()
        self._handles = IDENTITY
        self._sliders: dict[str, TransformSlider] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(2)
        for number, (name, (title, tip, (low, high), written)) in enumerate(SLIDERS.items()):
            slider = TransformSlider(name, title, tip, low, high, getattr(IDENTITY, name), written, self)
            slider.moved.connect(lambda value, moving, name=name: self._take(name, value, moving))
            for place, widget in enumerate((slider.label, slider.slider, slider.value)):
                grid.addWidget(widget, number, place)
            self._sliders[name] = slider
        grid.setColumnStretch(1, 1)
        self._flip = named(QCheckBox("Flip"), "flipHandle", "Flip", "Exchange left and right")
        self._flip.clicked.connect(lambda on: self._wish(replace(self._handles, flipped=on)))
        tip = "Lay a grey square over the network's input; drag it there, the wheel changes its size"
        self._occlude = named(QCheckBox("Occluder"), "occluderHandle", "Occluder", tip)
        self._occlude.clicked.connect(
            lambda on: self._wish(replace(self._handles, occluder=Occluder() if on else None))
        )
        self._reset = named(QPushButton("Reset"), "resetHandles", "Reset", "Take every change of the image back")
        self._reset.clicked.connect(lambda: self._wish(IDENTITY))
        tip = "Usually every image begins as it is; with this the changes stay for the images that come next"
        self._keep = named(QCheckBox("Keep for the next image"), "keepHandles", "Keep for the next image", tip)
        self._keep.clicked.connect(self.keep_wished)
        buttons = QHBoxLayout()
        buttons.setSpacing(GRID)
        for button in (self._flip, self._occlude, self._reset):
            buttons.addWidget(button)
        buttons.insertStretch(2, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(GRID)
        whole.addLayout(grid)
        whole.addLayout(buttons)
        whole.addWidget(self._keep)
        self.show_handles(IDENTITY)

    def show_kept(self, kept: bool) -> None:
        """Show whether the handles are for the next image, too."""
        self._keep.setChecked(kept)

    def show_handles(self, handles: ImageTransforms) -> None:
        """Show these, without emitting."""
        self._handles = handles
        for name, slider in self._sliders.items():
            slider.show_value(getattr(handles, name))
        self._flip.setChecked(handles.flipped)
        self._occlude.setChecked(handles.occluder is not None)
        self._reset.setEnabled(handles != IDENTITY)

    def _take(self, name: str, value: float, moving: bool) -> None:
        self._wish(with_number(self._handles, name, value), moving)

    def _wish(self, handles: ImageTransforms, moving: bool = False) -> None:
        self.show_handles(handles)
        self.handles_wished.emit(handles, moving)


STEPS = 200
VALUE = QSize(52, 20)


class TransformSlider(QObject):
    """Emits `moved` with the value, and whether the hand is still on it. Its widgets are laid out by who holds it."""

    moved = Signal(float, bool)

    def __init__(
        self, name: str, title: str, tip: str, low: float, high: float, usual: float, written: Callable[[float], str],
        parent: QObject,
    ) -> None:  # fmt: skip
        """The slider's middle is the usual value, wherever it lies between `low` and `high`, unless it is an end."""
        super().__init__(parent)
        self._low, self._high, self._usual, self._written = low, high, usual, written
        self.label = QLabel(title)
        self.label.setProperty("quiet", True)
        self.slider = named(QSlider(Qt.Orientation.Horizontal), f"{name}Handle", title, f"{tip}; double-click resets")
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setMinimumWidth(24)
        self.slider.valueChanged.connect(self._take)
        self.slider.sliderReleased.connect(lambda: self.moved.emit(self._value(), False))
        self.slider.installEventFilter(self)
        self.value = named(QLabel(), f"{name}Value", title)
        self.value.setFixedSize(VALUE)  # of a fixed size, so that nothing is laid out anew when it changes
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.show_value(usual)

    def show_value(self, value: float) -> None:
        """Show a value, without emitting."""
        if not (self.slider.isSliderDown() and value == self._value()):
            with QSignalBlocker(self.slider):
                self.slider.setValue(self._place(value))
        if self.value.text() != self._written(value):
            self.value.setText(self._written(value))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            self.moved.emit(self._usual, False)
            return True
        return super().eventFilter(watched, event)

    def _take(self) -> None:
        self.moved.emit(self._value(), self.slider.isSliderDown())

    def _value(self) -> float:
        """The value of the slider's place; each half of the way has a scale of its own."""
        share, middle = self.slider.value() / STEPS, self._middle()
        if share >= middle:
            return self._usual + (self._high - self._usual) * ((share - middle) / (1 - middle)) if middle < 1 else 0
        return self._low + (self._usual - self._low) * (share / middle)

    def _place(self, value: float) -> int:
        middle = self._middle()
        if value >= self._usual:
            share = middle + (1 - middle) * (value - self._usual) / (self._high - self._usual)
        else:
            share = middle * (value - self._low) / (self._usual - self._low)
        return round(STEPS * share)

    def _middle(self) -> float:
        return 0.0 if self._usual == self._low else 0.5
