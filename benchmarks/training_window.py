"""Whether the page of runs stutters: with a hundred long runs in it, and while four runs are written."""

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
from resnet_studio.training.runs.summary import summarise

if TYPE_CHECKING:
    from resnet_studio.gui.training.run_monitor import RunMonitor
    from resnet_studio.gui.training.runs.view import RunsView

MANY, LONG, EPOCH, TOLD = 100, 10_000, 100, 20
"""Runs, steps of each, steps of an epoch, steps told of in one event."""
WRITERS, STEPS_PER_SECOND, SECONDS = 4, 30, 20
PRESETS = ("resnet20-cifar", "plain20-cifar", "resnet56-cifar", "plain56-cifar")
PAIRS, WINDOW_OPENS = 5, 3.0
"""Pairs of trainings with and without a window; seconds that it has to open."""
LOOK = "from benchmarks.training_window import {what}; {what}({folder!r})"
WRITE = "from benchmarks.training_window import write_live; write_live({folder!r}, {number})"


def measure() -> Iterator[Line]:
    """A hundred finished runs are opened, zoomed and panned; then four live ones are watched."""
    with tempfile.TemporaryDirectory() as kept:
        for number in range(MANY):
            RunWriter(Path(kept) / f"run-{number}", number).write(LONG)
        yield from _lines(f"{MANY} runs of {LONG:,} steps", _measured("open_many", kept), ("open", "zoom", "pan"), 100)
    with tempfile.TemporaryDirectory() as kept, ExitStack() as writers:
        for number in range(WRITERS):
            code = WRITE.format(folder=kept, number=number)
            writers.enter_context(_ended(subprocess.Popen([sys.executable, "-c", code])))
        yield from _lines(f"{WRITERS} runs are written", _measured("follow_live", kept), ("live",), 33)
    yield attached()


def attached() -> Line:
    """A real training in turns with and without a window that shows its curves."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as kept:
        for number in range(2 * PAIRS):
            seconds[number % 2 == 1].append(_trained(Path(kept), f"run-{number}", watched=number % 2 == 1))
    value = median(seconds[True]) / median(seconds[False])
    text = f"{value:.3f} ×, {spread(seconds[True], 1.0)}"
    return Line(
        "training time with the window attached ≤ 1.03 ×", text, value, 1.03, f"none {spread(seconds[False], 1.0)}"
    )


def _trained(folder: Path, name: str, *, watched: bool) -> float:
    """Seconds of training of one real run, by its own watch."""
    command = [sys.executable, "-m", "resnet_studio", "train", "resnet20-cifar", "--runs", str(folder), "--name", name]
    with ExitStack() as windows:
        if watched:
            code = LOOK.format(what="stay_open", folder=str(folder))
            environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
            windows.enter_context(_ended(subprocess.Popen([sys.executable, "-c", code], env=environment)))
            time.sleep(WINDOW_OPENS)
        subprocess.run([*command, "--json"], check=True, capture_output=True)
    return summarise(folder / name).seconds


def stay_open(folder: str) -> None:
    """Show the page of runs until somebody ends this process."""
    from PySide6.QtWidgets import QApplication

    from resnet_studio.gui import theme
    from resnet_studio.gui.training.run_commands import RunCommands
    from resnet_studio.gui.training.run_monitor import RunMonitor
    from resnet_studio.gui.training.runs.controller import connect_runs
    from resnet_studio.gui.training.runs.view import RunsView

    app = QApplication([])
    theme.apply(app, "light")
    watch, view = RunMonitor(), RunsView()
    connect_runs(view, watch, RunCommands(watch))
    view.resize(1136, 800)
    view.show()
    watch.watch(Path(folder))
    app.exec()


def _measured(what: str, folder: str) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(run_child(LOOK.format(what=what, folder=folder)).splitlines()[-1])
    return done


def _lines(when: str, done: dict[str, Any], parts: tuple[str, ...], late_limit: float) -> Iterator[Line]:
    for part in parts:
        gaps = done[part]
        late, longest = quantiles(gaps, n=100)[-1], max(gaps)
        text = f"longest {longest:.1f} ms, 99 % under {late:.1f} ms of {len(gaps):,} gaps"
        yield Line(f"event loop, {when}, {part}: longest gap ≤ 100 ms", text, longest, 100)
        if late_limit < 100:
            yield Line(f"event loop, {when}, {part}: 99 % of gaps ≤ {late_limit:.0f} ms", text, late, late_limit)
    if "seconds" in done:
        took = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in done["seconds"].items())
        yield Line(f"{when}: everything sharp on the screen within 15 s", took, max(done["seconds"].values()), 15)


class RunWriter:
    """Writes events as a training does: some steps at a time, a measurement an epoch, every line flushed."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder, self.step = folder, 0
        self._rng = np.random.default_rng(number)
        self._pace, self._floor = self._rng.uniform(500, 3000), self._rng.uniform(0.02, 0.3)
        architecture = preset(PRESETS[number % len(PRESETS)])
        recipe = Recipe(length=LONG, unit="steps")
        run_folder.make(folder, run_folder.Manifest(folder.name, architecture, recipe, time.time() + number))
        (folder / run_folder.HEARTBEAT).touch()
        self._tell(events.Began(time.time(), 0, 0.0, 2, "cpu", 1))
        self._tell(events.Prepared(
            time.time(), to_json(architecture), (), tuple("0123456789"), 50_000, 10_000, "its own", EPOCH, LONG,
            "on the device as uint8, augmented in batches", (0.5,) * 3, (0.25,) * 3,
        ))  # fmt: skip

    def write(self, steps: int) -> None:
        """Train further steps, and end where they are all."""
        for first in range(self.step, self.step + steps, TOLD):
            self._tell_steps(first)
        self.step += steps
        if self.step >= LONG:
            self._tell(events.Ended(time.time(), "finished", self.step))

    def _tell_steps(self, first: int) -> None:
        at = np.arange(first, first + TOLD)
        mean = np.exp(-at / self._pace)
        losses = (2.3 * mean + self._floor) * np.exp(self._rng.normal(0, 0.25, TOLD))
        shares = np.minimum(0.9 * mean + self._floor / 3, 1) * np.exp(self._rng.normal(0, 0.2, TOLD))
        seconds = (first + TOLD) / 50
        self._tell(events.Stepped(
            time.time(), first, tuple(losses.tolist()), tuple(np.minimum(shares, 1).tolist()),
            tuple((0.1 * (1 - at / LONG)).tolist()), seconds, 128 * 50 * float(self._rng.normal(1, 0.03)),
        ))  # fmt: skip
        if (first + TOLD) % EPOCH == 0:
            error = min(float(shares.mean()) * 1.2, 1.0)
            loss = float(losses.mean())
            self._tell(events.Measured(time.time(), "test", first + TOLD, loss, error, 10_000, seconds))

    def _tell(self, event: events.Event) -> None:
        with (self.folder / run_folder.EVENTS).open("a", encoding="utf-8") as file:
            file.write(events.to_line(event) + "\n")


def write_live(folder: str, number: int) -> None:
    """Be a run that goes on, until it is ended; it begins with a past of some thousand steps."""
    run = RunWriter(Path(folder) / f"run-{number}", number)
    run.write(4_000)
    while run.step + TOLD < LONG:
        run.write(TOLD)
        (run.folder / run_folder.HEARTBEAT).touch()
        time.sleep(TOLD / STEPS_PER_SECOND)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process with the block."""
    try:
        yield
    finally:
        process.kill()
        process.wait()


class _Page:
    """The page of runs on a folder, with a note of the event loop's gaps."""

    def __init__(self, folder: str) -> None:
        from PySide6.QtCore import Qt, QTimer
        from PySide6.QtWidgets import QApplication

        from resnet_studio.gui import theme
        from resnet_studio.gui.training.run_monitor import RunMonitor
        from resnet_studio.gui.training.runs.view import RunsView

        self.app = QApplication([])
        theme.apply(self.app, "light")
        self.view: RunsView = RunsView()
        self.watch: RunMonitor = RunMonitor()
        self.watch.runs_changed.connect(self.view.show_runs)
        self.watch.run_changed.connect(self.view.show_run)
        self.view.resize(1152, 800)
        self.view.show()
        self.app.processEvents()
        gc.freeze()  # as the program does when its window is there
        self._folder = Path(folder)
        self._ticks: list[float] = []
        self._timer = QTimer(interval=1, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(lambda: self._ticks.append(time.perf_counter()))

    def open(self) -> None:
        self.watch.watch(self._folder)

    def gaps(self, act: Callable[[int], None], until: Callable[[], bool], every: float = 0.05) -> list[float]:
        """The gaps in ms while `act` is done again and again with the number of the turn, until `until` says so."""
        from PySide6.QtCore import QTimer

        self._ticks.clear()
        self._timer.start()
        acting = QTimer(interval=round(1e3 * every))
        turns = iter(range(1_000_000))
        acting.timeout.connect(lambda: self.app.quit() if until() else act(next(turns)))
        acting.start()
        self.app.exec()
        acting.stop()
        self._timer.stop()
        return [1e3 * (after - before) for before, after in pairwise(self._ticks)]

    def close(self) -> None:
        self.watch.stop()
        self.view.close()


def open_many(folder: str) -> None:
    """Open all runs, wheel into the loss plot, drag it to and fro; print the gaps of each."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    page = _Page(folder)
    panel = page.view.panel
    plot = panel.plots["loss"]
    result: dict[str, Any] = {"seconds": {}}

    def timed(name: str, act: Callable[[int], None], turns: int) -> None:
        began = time.perf_counter()
        done = [0]

        def count(turn: int) -> None:
            done[0] = turn + 1
            if turn < turns:
                act(turn)

        def settled() -> bool:
            known = page.watch.runs()
            return done[0] > turns and len(known) == MANY and all(run.loaded for run in known) and panel.sharp

        result[name] = page.gaps(count, settled)
        result["seconds"][name] = time.perf_counter() - began - 0.05 * turns

    def zoom(turn: int) -> None:
        keys = (Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Minus)
        QTest.keyClick(plot, keys[turn % 4])

    def pan(turn: int) -> None:
        QTest.keyClick(plot, Qt.Key.Key_Left if turn // 10 % 2 else Qt.Key.Key_Right)

    timed("open", lambda turn: page.open() if turn == 0 else None, 1)
    timed("zoom", zoom, 40)
    timed("pan", pan, 40)
    page.close()
    print(json.dumps(result))


def follow_live(folder: str) -> None:
    """Watch runs that are being written; print the gaps."""
    while len(run_folder.find(Path(folder))) < WRITERS:
        time.sleep(0.1)
    page = _Page(folder)
    page.open()
    end = time.perf_counter() + SECONDS
    gaps = page.gaps(lambda _: None, lambda: time.perf_counter() > end)
    page.close()
    print(json.dumps({"live": gaps}))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    for line in measure():
        print(line, flush=True)
