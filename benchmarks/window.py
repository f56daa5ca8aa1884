"""How soon the window is usable, how long its event loop is blocked, and how much memory its process takes."""

from __future__ import annotations

import compileall
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import resnet_studio
from benchmarks.measure import Line, in_turns, ratio

ROUNDS = 9
REFERENCE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(pyqtgraph.PlotWidget())
window.resize(1440, 860)
window.show()
QTimer.singleShot(0, lambda: (print("usable", flush=True), app.quit()))
app.exec()
"""
OURS = """
import gc
gc.disable()  # as the command does until the window is open
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from resnet_studio.gui import theme
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.main_window import MainWindow
app = QApplication([])
theme.apply(app, "light")
window = MainWindow(SessionState())
window.show()
QTimer.singleShot(0, lambda: (print("usable", flush=True), app.quit()))
app.exec()
"""
RUN_FORWARD = "from benchmarks.window import run_forward; run_forward()"
MAKE_WORKSPACES = "from benchmarks.window import make_workspaces; make_workspaces()"


def measure() -> Iterator[Line]:
    """Start-up in turns with a bare window; then one window through an engine's start, a trace and a forward pass."""
    compileall.compile_dir(Path(resnet_studio.__file__).parent, quiet=1)  # as pip does with the libraries
    seconds = in_turns({"bare": lambda: run_child(REFERENCE), "ours": lambda: run_child(OURS)}, ROUNDS)
    yield ratio("window usable", seconds["ours"], seconds["bare"], 1.25, "a bare PySide6 + pyqtgraph window")
    runs = [json.loads(run_child(RUN_FORWARD).splitlines()[-1]) for _ in range(3)]
    gaps = [gap for run in runs for gap in run["gaps"]]
    percentile_99 = quantiles(gaps, n=100)[-1]
    situation = "event loop while the engine starts, traces ResNet-152 and runs it"
    yield Line(
        f"{situation}: 99 % of gaps ≤ 33 ms", f"{percentile_99:.1f} ms of {len(gaps)} gaps in 3 runs", percentile_99, 33
    )
    yield _longest_gap_line(situation, [run["gaps"] for run in runs])
    yield _longest_gap_line(
        "event loop while the window creates its other workspaces",
        [json.loads(run_child(MAKE_WORKSPACES)) for _ in range(5)],
    )
    memory = median(run["megabytes"] for run in runs)
    yield Line("window process memory ≤ 300 MB", f"{memory:.0f} MB", memory, 300)


def _longest_gap_line(situation: str, runs: list[list[float]]) -> Line:
    longest = [max(gaps) for gaps in runs]
    text = f"{max(longest):.1f} ms (each run: {', '.join(f'{gap:.1f}' for gap in longest)})"
    return Line(f"{situation}: longest gap ≤ 100 ms", text, max(longest), 100)


def run_child(code: str) -> str:
    """Run a Python program in a child process without a screen, and return what it prints."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return process.stdout


class EventLoopGaps:
    """Times between the iterations of the event loop, from `start` to `stop`."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._ticks: list[float] = []
        self._timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self._ticks.append(time.perf_counter()))
        self.start, self.stop = self._timer.start, self._timer.stop

    def milliseconds(self) -> list[float]:
        return [1e3 * (after - before) for before, after in pairwise(self._ticks)]


def make_workspaces() -> None:
    """Open the window as at the very first start; print the event loop's gaps in ms until every workspace is made."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState

    app = QApplication([])
    theme.apply(app, "light")
    window = MainWindow(SessionState())
    window.show()
    gc.freeze()  # as the program does
    gaps = EventLoopGaps()
    QTimer.singleShot(0, gaps.start)
    QTimer.singleShot(0, window.start_engine)
    window.workspaces.prepared.connect(gaps.stop)
    window.workspaces.prepared.connect(app.quit)
    app.exec()
    window.close()
    print(json.dumps(gaps.milliseconds()))


def run_forward() -> None:
    """Open the window on ResNet-152 and a photograph; print the event loop's gaps in ms and the process's memory."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.activations.workspace import ActivationsWorkspace
    from resnet_studio.gui.main_window import MainWindow
    from resnet_studio.gui.session import SessionState
    from resnet_studio.gui.workspaces import WORKSPACES
    from resnet_studio.networks.presets import preset

    app = QApplication([])
    theme.apply(app, "light")
    workspace = WORKSPACES.index(ActivationsWorkspace)
    window = MainWindow(SessionState(architecture=preset("resnet152"), workspace=workspace))
    window.show()
    gaps = EventLoopGaps()
    QTimer.singleShot(0, gaps.start)
    QTimer.singleShot(0, window.start_engine)
    quit_timer = QTimer(interval=1000, singleShot=True)
    quit_timer.timeout.connect(gaps.stop)  # before closing, which waits for the engine to end
    quit_timer.timeout.connect(app.quit)
    window.controller.activations.forwardFinished.connect(lambda _: quit_timer.start())
    QTimer.singleShot(120_000, app.quit)
    app.exec()
    window.close()
    print(json.dumps({"gaps": gaps.milliseconds(), "megabytes": _resident_megabytes()}))


def _resident_megabytes() -> float:
    with open("/proc/self/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(kilobytes) / 1e3
