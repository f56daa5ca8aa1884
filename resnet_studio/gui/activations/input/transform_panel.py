"""The image transforms as sliders and check boxes, with a reset button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.transforms import IDENTITY, RANGES, ImageTransforms, Occluder, with_value

ValueFormat = Callable[[float], str]


def _times(value: float) -> str:
    return f"{value:.2f}×"


SLIDERS: dict[str, tuple[str, str, tuple[float, float], ValueFormat]] = {
    "zoom": ("Zoom", "Magnification; the mouse wheel over the image does the same", (0.25, 8), _times),
    "rotation": ("Rotation", "Degrees counterclockwise", RANGES["rotation"], lambda value: f"{value:.0f}°"),
    "brightness": ("Brightness", "Factor for all values", (0, 2), _times),
    "contrast": ("Contrast", "Factor for each value's distance from the mean", (0, 2), _times),
    "blur": ("Blur", "Gaussian blur: std in pixels of the network input", (0, 8), lambda value: f"{value:.1f} px"),
    "noise": ("Noise", "Gaussian noise: std, where white is 1", (0, 0.5), lambda value: f"{value:.2f}"),
}
"""Title, tooltip, range of the slider and how a value is formatted."""


class TransformPanel(QWidget):
    """Shows transforms, and emits `transformsRequested` with those that are to replace them."""

    transformsRequested = Signal(object, bool)
    """The `ImageTransforms`, and whether the user still drags."""
    keepRequested = Signal(bool)
    """Whether to keep the transforms for the next image."""

    def __init__(self) -> None:
        super().__init__()
        self._transforms = IDENTITY
        self._sliders: dict[str, TransformSlider] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(2)
        for number, (name, (title, tip, (low, high), value_format)) in enumerate(SLIDERS.items()):
            slider = TransformSlider(name, title, tip, low, high, getattr(IDENTITY, name), value_format, self)
            slider.slider.valueChanged.connect(partial(self._on_slider_changed, name))
            slider.slider.sliderReleased.connect(partial(self._on_slider_changed, name))
            for place, widget in enumerate((slider.label, slider.slider, slider.value)):
                grid.addWidget(widget, number, place)
            self._sliders[name] = slider
        grid.setColumnStretch(1, 1)
        self._flip = set_names(QCheckBox("Flip"), "flipHandle", "Flip", "Flip horizontally")
        self._flip.clicked.connect(
            lambda on: self.transformsRequested.emit(replace(self._transforms, flipped=on), False)
        )
        tip = "Cover part of the network input with a gray patch; drag it there, wheel resizes it"
        self._occlude = set_names(QCheckBox("Occluder"), "occluderHandle", "Occluder", tip)
        self._occlude.clicked.connect(
            lambda on: self.transformsRequested.emit(
                replace(self._transforms, occluder=Occluder() if on else None), False
            )
        )
        self._reset = set_names(QPushButton("Reset"), "resetHandles", "Reset image", "Undo all image changes")
        self._reset.clicked.connect(lambda: self.transformsRequested.emit(IDENTITY, False))
        tip = "Apply these changes to the next images, too; otherwise each image starts unchanged"
        self._keep = set_names(QCheckBox("Keep for next image"), "keepHandles", "Keep for next image", tip)
        self._keep.clicked.connect(self.keepRequested)
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
        self.show_transforms(IDENTITY)

    def show_keep(self, keep: bool) -> None:
        """Show whether the transforms are kept for the next image."""
        self._keep.setChecked(keep)

    def show_transforms(self, transforms: ImageTransforms) -> None:
        """Show these transforms, without emitting."""
        self._transforms = transforms
        for name, slider in self._sliders.items():
            slider.show_value(getattr(transforms, name))
        self._flip.setChecked(transforms.flipped)
        self._occlude.setChecked(transforms.occluder is not None)
        self._reset.setEnabled(transforms != IDENTITY)

    def _on_slider_changed(self, name: str, *_: int) -> None:
        slider = self._sliders[name]
        transforms = with_value(self._transforms, name, slider.current_value())
        self.transformsRequested.emit(transforms, slider.slider.isSliderDown())


STEPS = 200
VALUE_SIZE = QSize(52, 20)


class TransformSlider(QObject):
    """A slider with labels for its title and value; its owner lays them out and connects the slider's signals."""

    def __init__(
        self, name: str, title: str, tip: str, low: float, high: float, default: float,
        value_format: ValueFormat, parent: QObject,
    ) -> None:  # fmt: skip
        """The slider's middle is the default, or its left end if the default is `low`."""
        super().__init__(parent)
        self._low, self._high, self._default, self._value_format = low, high, default, value_format
        self.label = QLabel(title)
        self.label.setProperty("quiet", True)
        self.slider = set_names(
            QSlider(Qt.Orientation.Horizontal), f"{name}Handle", title, f"{tip}; double-click resets"
        )
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setMinimumWidth(24)
        self.slider.installEventFilter(self)
        self.value = set_names(QLabel(), f"{name}Value", title)
        self.value.setFixedSize(VALUE_SIZE)  # fixed, so that a changed text causes no relayout
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.show_value(default)

    def show_value(self, value: float) -> None:
        """Show a value, without emitting."""
        if not (self.slider.isSliderDown() and value == self.current_value()):
            with QSignalBlocker(self.slider):
                self.slider.setValue(self._position(value))
        if self.value.text() != self._value_format(value):
            self.value.setText(self._value_format(value))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonDblClick:
            self.slider.setValue(self._position(self._default))
            self.slider.valueChanged.emit(self.slider.value())  # even if the value was only near the default
            return True
        return super().eventFilter(watched, event)

    def current_value(self) -> float:
        """The value at the slider's position; the two halves have different scales."""
        share, middle = self.slider.value() / STEPS, self._middle()
        if share >= middle:
            return self._default + (self._high - self._default) * ((share - middle) / (1 - middle)) if middle < 1 else 0
        return self._low + (self._default - self._low) * (share / middle)

    def _position(self, value: float) -> int:
        middle = self._middle()
        if value >= self._default:
            share = middle + (1 - middle) * (value - self._default) / (self._high - self._default)
        else:
            share = middle * (value - self._low) / (self._default - self._low)
        return round(STEPS * share)

    def _middle(self) -> float:
        return 0.0 if self._default == self._low else 0.5
