"""The bar at the bottom of the window: device, engine state, what is running, and the last time taken."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.common.helpers import set_names, set_style_property
from resnet_studio.gui.common.labels import ElidedLabel
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import HALF_SUFFIX, Device
from resnet_studio.plain import plain
from resnet_studio.progress import Progress

TEST_ENTRY = "Test this device…"
LONGEST_TIME = "took 8888.88 s"


class StatusBar(QWidget):
    """Shows states and emits `deviceSelected` with torch's name of a device, and `cancelRequested`."""

    deviceSelected = Signal(str)
    testRequested = Signal(object)
    """The `Device` to test, in full precision."""
    cancelRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("statusLine")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._devices = set_names(QComboBox(), "deviceChoice", "Device", "Device that runs the network")
        self._devices.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._devices.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._devices.activated.connect(self._on_activated)
        tip = "The engine runs torch in its own process: if it crashes, the window stays open"
        self._engine = set_names(QLabel(), "engineState", "Engine state", tip)
        self._what = set_names(ElidedLabel(), "runningWhat", "Running task")
        self._what.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._bar = set_names(QProgressBar(textVisible=False), "progress", "Progress", "Progress of the running task")
        self._bar.setFixedWidth(140)
        self._cancel = set_names(QPushButton("Cancel"), "cancel", "Cancel", "Cancel the running task (Esc)")
        self._cancel.clicked.connect(self.cancelRequested)
        self.controls: tuple[QWidget, ...] = (self._devices, self._cancel)
        self._last = set_names(QLabel(), "lastTime", "Last duration", "Time the last result took")
        for label in (self._what, self._last):
            label.setProperty("quiet", True)
        self._last.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 4, 2 * GRID, 4)
        row.setSpacing(2 * GRID)
        row.addWidget(self._devices)
        row.addWidget(self._engine)
        row.addWidget(self._what, 1)
        for widget in (self._bar, self._cancel, self._last):
            row.addWidget(widget)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_devices([Device("cpu", "CPU")], "cpu")
        self.show_idle()

    def set_devices(self, devices: Sequence[Device], current: str) -> None:
        """List the devices; the first is shown if the current one is missing."""
        self._by_name = {device.name: device for device in devices}
        self._devices.clear()
        for device in devices:
            self._devices.addItem(device.label, device.name)
        self._devices.insertSeparator(self._devices.count())
        self._devices.addItem(TEST_ENTRY)
        self._current = max(0, self._devices.findData(current))
        self._devices.setCurrentIndex(self._current)

    def set_engine_state(self, state: str) -> None:
        """Show the engine's state, such as "starting" or "ready"."""
        if self._engine.text() == f"● engine {state}":
            return
        good = state in ("ready", "busy")
        _fix_size(self._engine, "● engine starting")
        self._engine.setText(f"● engine {state}")
        set_style_property(self._engine, good=good, quiet=not good)

    def show_progress(self, progress: Progress) -> None:
        """Show what is running and its progress."""
        self._what.set_text(plain(progress.what))
        self._bar.setRange(0, max(progress.of, 1))
        self._bar.setValue(progress.done)
        self._set_running(True)

    def show_idle(self, seconds: float | None = None) -> None:
        """Show that nothing is running; `seconds` is what the last answer took."""
        self._what.set_text("")
        self._set_running(False)
        if seconds is not None:
            _fix_size(self._last, LONGEST_TIME)
            self._last.setText(f"took {seconds:.2f} s")

    def _on_activated(self, row: int) -> None:
        """Select a device, or test the current one, which stays selected."""
        if self._devices.itemText(row) != TEST_ENTRY:
            self._current = row
            self.deviceSelected.emit(self._devices.itemData(row))
            return
        self._devices.setCurrentIndex(self._current)
        name = self._devices.itemData(self._current).removesuffix(HALF_SUFFIX)
        self.testRequested.emit(self._by_name[name])

    def _set_running(self, running: bool) -> None:
        self._bar.setVisible(running)
        self._cancel.setVisible(running)


def _fix_size(label: QLabel, longest: str) -> None:
    """Fix a label's size for its longest text, so that no layout runs while images follow one another."""
    label.setFixedSize(label.fontMetrics().boundingRect(longest).size() + QSize(GRID, 4))
