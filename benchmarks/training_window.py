"""Whether the Runs tab blocks the event loop: with a hundred long runs, and while four runs are written."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import Line, spread
from benchmarks.window import run_child
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import events, run_folder
from resnet_studio.training.runs.summary import summarize

if TYPE_CHECKING:
    from resnet_studio.gui.training.run_monitor import RunMonitor
    from resnet_studio.gui.training.runs.view import RunsView

RUN_COUNT, STEPS, STEPS_PER_EPOCH, STEPS_PER_EVENT = 100, 10_000, 100, 20
"""Number of runs, steps of each, steps of an epoch, steps in one event."""
LIVE_RUNS, STEPS_PER_SECOND, SECONDS = 4, 30, 20
PRESETS = ("resnet20-cifar", "plain20-cifar", "resnet56-cifar", "plain56-cifar")
PAIRS, WINDOW_OPENS = 5, 3.0
"""Pairs of trainings with and without a window; seconds for the window to open."""
CHILD = "from benchmarks.training_window import {function}; {function}({folder!r})"
WRITE_CHILD = "from benchmarks.training_window import write_live; write_live({folder!r}, {number})"


def measure() -> Iterator[Line]:
    """Open, zoom and pan a hundred finished runs; then follow four live ones."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUN_COUNT):
            SyntheticRun(Path(folder) / f"run-{number}", number).write(STEPS)
        yield from _gap_lines(
            f"{RUN_COUNT} runs of {STEPS:,} steps", _run_child_json("open_many", folder), ("open", "zoom", "pan"), 100
        )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as writers:
        for number in range(LIVE_RUNS):
            code = WRITE_CHILD.format(folder=folder, number=number)
            writers.enter_context(_killed_at_exit(subprocess.Popen([sys.executable, "-c", code])))
        yield from _gap_lines(f"{LIVE_RUNS} runs being written", _run_child_json("follow_live", folder), ("live",), 33)
    yield attached_line()


def attached_line() -> Line:
    """A real training, in turns with and without a window that shows its curves."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * PAIRS):
            seconds[number % 2 == 1].append(_trained(Path(folder), f"run-{number}", with_window=number % 2 == 1))
    value = median(seconds[True]) / median(seconds[False])
    text = f"{value:.3f} ×, {spread(seconds[True], 1.0)}"
    return Line(
        "training time with the window attached ≤ 1.03 ×", text, value, 1.03, f"no window {spread(seconds[False], 1.0)}"
    )


def _trained(folder: Path, name: str, *, with_window: bool) -> float:
    """Training seconds of one real run, as it records them."""
    command = [sys.executable, "-m", "resnet_studio", "train", "resnet20-cifar", "--runs", str(folder), "--name", name]
    with ExitStack() as windows:
        if with_window:
            code = CHILD.format(function="stay_open", folder=str(folder))
            environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
            windows.enter_context(_killed_at_exit(subprocess.Popen([sys.executable, "-c", code], env=environment)))
            time.sleep(WINDOW_OPENS)
        subprocess.run([*command, "--json"], check=True, capture_output=True)
    return summarize(folder / name).seconds


def stay_open(folder: str) -> None:
    """Show the Runs tab until this process is killed."""
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.training.run_commands import RunCommands
    from resnet_studio.gui.training.run_monitor import RunMonitor
    from resnet_studio.gui.training.runs.controller import connect_runs
    from resnet_studio.gui.training.runs.view import RunsView

    app = QApplication([])
    theme.apply(app, "light")
    monitor, view = RunMonitor(), RunsView()
    connect_runs(view, monitor, RunCommands(monitor))
    view.resize(1136, 800)
    view.show()
    monitor.set_folder(Path(folder))
    app.exec()


def _run_child_json(function: str, folder: str) -> dict[str, Any]:
    measured: dict[str, Any] = json.loads(run_child(CHILD.format(function=function, folder=folder)).splitlines()[-1])
    return measured


def _gap_lines(when: str, measured: dict[str, Any], parts: tuple[str, ...], late_limit: float) -> Iterator[Line]:
    for part in parts:
        gaps = measured[part]
        percentile_99, longest = quantiles(gaps, n=100)[-1], max(gaps)
        text = f"longest {longest:.1f} ms, 99 % under {percentile_99:.1f} ms of {len(gaps):,} gaps"
        yield Line(f"event loop, {when}, {part}: longest gap ≤ 100 ms", text, longest, 100)
        if late_limit < 100:
            yield Line(
                f"event loop, {when}, {part}: 99 % of gaps ≤ {late_limit:.0f} ms", text, percentile_99, late_limit
            )
    if "seconds" in measured:
        durations = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in measured["seconds"].items())
        yield Line(
            f"{when}: everything fully drawn within 15 s",
            durations,
            max(measured["seconds"].values()),
            15,
        )


class SyntheticRun:
    """Writes events like a training: some steps at a time, an evaluation per epoch, each line flushed."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.step = folder, 0
        self._rng = np.random.default_rng(number)
        self._pace, self._floor = self._rng.uniform(500, 3000), self._rng.uniform(0.02, 0.3)
        architecture = preset(PRESETS[number % len(PRESETS)])
        recipe = Recipe(length=STEPS, unit="steps")
        run_folder.create(folder, run_folder.Manifest(folder.name, architecture, recipe, time.time() + number))
        (folder / run_folder.HEARTBEAT).touch()
        self._append(events.Began(time.time(), 0, 0.0, 2, "cpu", 1))
        self._append(events.Prepared(
            time.time(), to_json(architecture), (), tuple("0123456789"), 50_000, 10_000, "its own", STEPS_PER_EPOCH,
            STEPS,
            "on the device as uint8, augmented in batches", (0.5,) * 3, (0.25,) * 3,
        ))  # fmt: skip

    def write(self, steps: int) -> None:
        """Write further steps, and the end after the last one."""
        for first in range(self.step, self.step + steps, STEPS_PER_EVENT):
            self._append_steps(first)
        self.step += steps
        if self.step >= STEPS:
            self._append(events.Ended(time.time(), "finished", self.step))

    def _append_steps(self, first: int) -> None:
        at = np.arange(first, first + STEPS_PER_EVENT)
        mean = np.exp(-at / self._pace)
        losses = (2.3 * mean + self._floor) * np.exp(self._rng.normal(0, 0.25, STEPS_PER_EVENT))
        shares = np.minimum(0.9 * mean + self._floor / 3, 1) * np.exp(self._rng.normal(0, 0.2, STEPS_PER_EVENT))
        seconds = (first + STEPS_PER_EVENT) / 50
        self._append(events.Stepped(
            time.time(), first, tuple(losses.tolist()), tuple(np.minimum(shares, 1).tolist()),
            tuple((0.1 * (1 - at / STEPS)).tolist()), seconds, 128 * 50 * float(self._rng.normal(1, 0.03)),
        ))  # fmt: skip
        if (first + STEPS_PER_EVENT) % STEPS_PER_EPOCH == 0:
            error = min(float(shares.mean()) * 1.2, 1.0)
            loss = float(losses.mean())
            self._append(events.Measured(time.time(), "test", first + STEPS_PER_EVENT, loss, error, 10_000, seconds))

    def _append(self, event: events.Event) -> None:
        with (self.folder / run_folder.EVENTS).open("a", encoding="utf-8") as file:
            file.write(events.to_line(event) + "\n")


def write_live(folder: str, number: int) -> None:
    """Write a live run that starts with 4,000 steps, until the process is killed."""
    run = SyntheticRun(Path(folder) / f"run-{number}", number)
    run.write(4_000)
    while run.step + STEPS_PER_EVENT < STEPS:
        run.write(STEPS_PER_EVENT)
        (run.folder / run_folder.HEARTBEAT).touch()
        time.sleep(STEPS_PER_EVENT / STEPS_PER_SECOND)


@contextmanager
def _killed_at_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill a process at the end of the block."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


class _RunsWindow:
    """The Runs tab on a folder, which records the event loop's gaps."""

    def __init__(self, folder: str) -> None:
        from PySide6.QtCore import Qt, QTimer
        from PySide6.QtWidgets import QApplication

        from resnet_studio.gui import theme
        from resnet_studio.gui.training.run_commands import RunCommands
        from resnet_studio.gui.training.run_monitor import RunMonitor
        from resnet_studio.gui.training.runs.controller import connect_runs
        from resnet_studio.gui.training.runs.view import RunsView

        self.app = QApplication([])
        theme.apply(self.app, "light")
        self.view: RunsView = RunsView()
        self.monitor: RunMonitor = RunMonitor()
        connect_runs(self.view, self.monitor, RunCommands(self.monitor))
        self.view.resize(1152, 800)
        self.view.show()
        self.app.processEvents()
        gc.freeze()  # as the program does after start
        self._folder = Path(folder)
        self._ticks: list[float] = []
        self._timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self._ticks.append(time.perf_counter()))

    def open(self) -> None:
        self.monitor.set_folder(self._folder)

    def gaps(self, action: Callable[[int], None], until: Callable[[], bool], every: float = 0.05) -> list[float]:
        """The gaps in ms while `action` is called every `every` seconds with its index, until `until` returns true."""
        from PySide6.QtCore import QTimer

        self._ticks.clear()
        self._timer.start()
        action_timer = QTimer(interval=round(1e3 * every))
        turns = iter(range(1_000_000))
        action_timer.timeout.connect(lambda: self.app.quit() if until() else action(next(turns)))
        action_timer.start()
        self.app.exec()
        action_timer.stop()
        self._timer.stop()
        return [1e3 * (after - before) for before, after in pairwise(self._ticks)]

    def close(self) -> None:
        self.monitor.stop()
        self.view.close()


def open_many(folder: str) -> None:
    """Open all runs, zoom the loss plot with keys, pan it to and fro; print the gaps of each."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    window = _RunsWindow(folder)
    panel = window.view.panel
    plot = panel.plots["loss"]
    result: dict[str, Any] = {"seconds": {}}

    def timed(name: str, action: Callable[[int], None], turns: int) -> None:
        began = time.perf_counter()
        finished_turns = [0]

        def count(turn: int) -> None:
            finished_turns[0] = turn + 1
            if turn < turns:
                action(turn)

        def settled() -> bool:
            runs = window.monitor.runs()
            return (
                finished_turns[0] > turns
                and len(runs) == RUN_COUNT
                and all(run.loaded for run in runs)
                and panel.up_to_date
            )

        result[name] = window.gaps(count, settled)
        result["seconds"][name] = time.perf_counter() - began - 0.05 * turns

    def zoom(turn: int) -> None:
        keys = (Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Minus)
        QTest.keyClick(plot, keys[turn % 4])

    def pan(turn: int) -> None:
        QTest.keyClick(plot, Qt.Key.Key_Left if turn // 10 % 2 else Qt.Key.Key_Right)

    timed("open", lambda turn: window.open() if turn == 0 else None, 1)
    timed("zoom", zoom, 40)
    timed("pan", pan, 40)
    window.close()
    print(json.dumps(result))


def follow_live(folder: str) -> None:
    """Follow runs that are being written; print the gaps."""
    while len(run_folder.find_runs(Path(folder))) < LIVE_RUNS:
        time.sleep(0.1)
    window = _RunsWindow(folder)
    window.open()
    end = time.perf_counter() + SECONDS
    gaps = window.gaps(lambda _: None, lambda: time.perf_counter() > end)
    window.close()
    print(json.dumps({"live": gaps}))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for line in measure():
        print(line, flush=True)
