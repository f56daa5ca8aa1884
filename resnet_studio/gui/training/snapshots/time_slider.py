"""A slider through the moments of a training: it plays them, steps with the arrow keys, and can follow the newest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.theme import GRID

EVERY = 250
"""Milliseconds between two moments while it plays."""
PLAY, PAUSE = "▶", "❚❚"


class TimeSlider(QWidget):
    """Emits `step_chosen` with another step, whether the user, the clock or a new moment brought it."""

    step_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._steps: tuple[int, ...] = ()
        self._step: int | None = None
        self._arrived = True
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(self._play_on)
        self._play = named(QPushButton(), "playTraining", "Play", "Play the training from here (Space)")
        self._play.setText(PLAY)
        self._play.setFixedWidth(40)
        self._play.clicked.connect(self.toggle)
        tip = "Moments of the training: ← and → step, Home and End go to the first and the last, Space plays"
        self._slider = named(QSlider(Qt.Orientation.Horizontal), "trainingTime", "Training time", tip)
        self._slider.setPageStep(5)
        self._slider.valueChanged.connect(self._take)
        self._words = named(QLabel(), "trainingStep", "Step")
        self._words.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._live = named(QPushButton(), "followLive", "Live", "Follow the newest moment of the run")
        self._live.setText("Live")
        self._live.setCheckable(True)
        self._live.setChecked(True)
        self._live.clicked.connect(self._follow)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        for widget in (self._play, self._slider, self._words, self._live):
            row.addWidget(widget, 1 if widget is self._slider else 0)

    def show_steps(self, steps: Sequence[int], *, afresh: bool) -> None:
        """Offer these moments, in order. `afresh` goes to the newest; else it stays, unless it follows the newest."""
        self._steps = tuple(steps)
        if afresh:
            self.pause()
            self._step = None
            self._live.setChecked(True)
        newest = self._live.isChecked() or self._step not in self._steps
        wanted = self._steps[-1] if newest and self._steps else self._step
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, len(self._steps) - 1))
        self._slider.setValue(self._steps.index(wanted) if wanted in self._steps else 0)
        self._slider.blockSignals(False)
        last = f"{self._steps[-1]:,}" if self._steps else ""
        self._words.setMinimumWidth(self.fontMetrics().horizontalAdvance(f"step {last} of {last} "))
        self._choose(wanted if self._steps else None)

    def arrived(self, step: int) -> None:
        """What belongs to a step is shown: the next may come."""
        self._arrived = self._arrived or step == self._step

    def toggle(self) -> None:
        """Play from here, from the beginning at the end, or pause."""
        if self._timer.isActive():
            self.pause()
        elif len(self._steps) > 1:
            self._live.setChecked(False)
            if self._slider.value() == self._slider.maximum():
                self._slider.setValue(0)
            self._timer.start()
            self._play.setText(PAUSE)

    def pause(self) -> None:
        """Stop where it is."""
        self._timer.stop()
        self._play.setText(PLAY)

    def _play_on(self) -> None:
        """One moment further, once the last one was shown."""
        if not self._arrived:
            return
        if self._slider.value() == self._slider.maximum():
            self.pause()
        else:
            self._slider.setValue(self._slider.value() + 1)

    def _take(self, place: int) -> None:
        """The slider was moved: it follows the newest only while it is there."""
        if place != self._slider.maximum():
            self._live.setChecked(False)
        self._choose(self._steps[place])

    def _follow(self) -> None:
        if self._live.isChecked():
            self.pause()
            self._slider.setValue(self._slider.maximum())

    def _choose(self, step: int | None) -> None:
        self._words.setText("" if step is None else f"step {step:,} of {self._steps[-1]:,}")
        before, self._step = self._step, step
        if step is not None and step != before:
            self._arrived = False
            self.step_chosen.emit(step)
