"""A slider over the snapshots of a run: plays them, steps with the arrow keys, and can follow the latest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID

EVERY = 250
"""Milliseconds between snapshots while it plays."""
PLAY, PAUSE = "▶", "❚❚"


class TimeSlider(QWidget):
    """Emits `stepSelected` whenever the step changes, by the user, while playing, or by a new snapshot."""

    stepSelected = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[int, ...] = ()
        self._step: int | None = None
        self._step_shown = True
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(self._advance)
        self._play = set_names(QPushButton(), "playTraining", "Play", "Play the training from this step (Space)")
        self._play.setText(PLAY)
        self._play.setFixedWidth(40)
        self._play.clicked.connect(self.toggle)
        tip = "Saved training steps: ← and → move between them, Home and End go to the first and last, Space plays"
        self._slider = set_names(QSlider(Qt.Orientation.Horizontal), "trainingTime", "Training step", tip)
        self._slider.setPageStep(5)
        self._slider.valueChanged.connect(self._on_slider_moved)
        self._step_label = set_names(QLabel(), "trainingStep", "Step")
        self._step_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._live = set_names(QPushButton(), "followLive", "Live", "Follow the latest step of the run")
        self._live.setText("Live")
        self._live.setCheckable(True)
        self._live.setChecked(True)
        self._live.clicked.connect(self._on_live_clicked)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._play, self._slider, self._step_label, self._live):
            row.addWidget(widget, 1 if widget is self._slider else 0)

    def show_steps(self, steps: Sequence[int], *, reset: bool) -> None:
        """Offer these steps, in order. `reset` goes to the latest; else the step stays, unless Live is checked."""
        self._steps = tuple(steps)
        if reset:
            self.pause()
            self._step = None
            self._live.setChecked(True)
        newest = self._live.isChecked() or self._step not in self._steps
        target = self._steps[-1] if newest and self._steps else self._step
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, len(self._steps) - 1))
        self._slider.setValue(self._steps.index(target) if target in self._steps else 0)
        self._slider.blockSignals(False)
        last = f"{self._steps[-1]:,}" if self._steps else ""
        self._step_label.setMinimumWidth(self.fontMetrics().horizontalAdvance(f"step {last} of {last} "))
        self._set_step(target if self._steps else None)

    def mark_shown(self, step: int) -> None:
        """Note that a step's snapshot is shown, so that playing may advance."""
        self._step_shown = self._step_shown or step == self._step

    def toggle(self) -> None:
        """Play from the current step, or from the start if at the end; pause if playing."""
        if self._timer.isActive():
            self.pause()
        elif len(self._steps) > 1:
            self._live.setChecked(False)
            if self._slider.value() == self._slider.maximum():
                self._slider.setValue(0)
            self._timer.start()
            self._play.setText(PAUSE)

    def pause(self) -> None:
        """Pause at the current step."""
        self._timer.stop()
        self._play.setText(PLAY)

    def _advance(self) -> None:
        """Go to the next step, once the current one is shown."""
        if not self._step_shown:
            return
        if self._slider.value() == self._slider.maximum():
            self.pause()
        else:
            self._slider.setValue(self._slider.value() + 1)

    def _on_slider_moved(self, index: int) -> None:
        """Stop following the latest step when the slider leaves it."""
        if index != self._slider.maximum():
            self._live.setChecked(False)
        self._set_step(self._steps[index])

    def _on_live_clicked(self) -> None:
        if self._live.isChecked():
            self.pause()
            self._slider.setValue(self._slider.maximum())

    def _set_step(self, step: int | None) -> None:
        self._step_label.setText("" if step is None else f"step {step:,} of {self._steps[-1]:,}")
        before, self._step = self._step, step
        if step is not None and step != before:
            self._step_shown = False
            self.stepSelected.emit(step)
