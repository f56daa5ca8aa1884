"""Idle work in time slices: everything is done, in order, with the event loop running in between."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from resnet_studio.gui.plots.downsampling import TIME_SLICE, IdleScheduler


def counting(name: str, steps: int, done: list[str], *, seconds: float = 0.0) -> Iterator[None]:
    for _ in range(steps):
        time.sleep(seconds)
        done.append(name)
        yield


def test_the_oldest_runs_first_and_newer_work_replaces_older_work_of_its_owner(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    scheduler = IdleScheduler(parent)
    scheduler.start("a", counting("old", 5, done))
    scheduler.start("b", counting("b", 2, done))
    scheduler.start("a", counting("new", 3, done))
    assert (scheduler.busy, done) == (True, [])
    qtbot.waitUntil(lambda: not scheduler.busy)
    assert done == ["new"] * 3 + ["b"] * 2


def test_work_can_start_other_work(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    scheduler = IdleScheduler(parent)

    def first() -> Iterator[None]:
        yield
        scheduler.start("second", counting("second", 2, done))
        scheduler.start("first", counting("again", 1, done))

    scheduler.start("first", first())
    qtbot.waitUntil(lambda: not scheduler.busy)
    assert sorted(done) == ["again", "second", "second"]


def test_events_come_between_the_slices(qtbot: QtBot) -> None:
    parent, done, ticks = QObject(), list[str](), list[int]()
    scheduler = IdleScheduler(parent)
    timer = QTimer(parent, interval=0)
    timer.timeout.connect(lambda: ticks.append(len(done)))
    timer.start()
    scheduler.start("a", counting("a", 20, done, seconds=TIME_SLICE))
    qtbot.waitUntil(lambda: not scheduler.busy)
    timer.stop()
    assert len(set(ticks)) >= 18


def test_stopped_work_is_dropped(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    scheduler = IdleScheduler(parent)
    scheduler.start("a", counting("a", 3, done))
    scheduler.stop()
    assert not scheduler.busy
    qtbot.wait(20)
    assert done == []
