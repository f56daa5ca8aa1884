"""Work in slices: everything is done, in turn, with the event loop between."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from resnet_studio.gui.plots.downsampling import SLICE, IdleScheduler


def counting(name: str, steps: int, done: list[str], *, seconds: float = 0.0) -> Iterator[None]:
    for _ in range(steps):
        time.sleep(seconds)
        done.append(name)
        yield


def test_the_oldest_is_done_first_and_an_owner_s_newer_replaces_its_older(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    slices = IdleScheduler(parent)
    slices.start("a", counting("old", 5, done))
    slices.start("b", counting("b", 2, done))
    slices.start("a", counting("new", 3, done))
    assert (slices.busy, done) == (True, [])
    qtbot.waitUntil(lambda: not slices.busy)
    assert done == ["new"] * 3 + ["b"] * 2


def test_work_can_begin_other_work(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    slices = IdleScheduler(parent)

    def first() -> Iterator[None]:
        yield
        slices.start("second", counting("second", 2, done))
        slices.start("first", counting("again", 1, done))

    slices.start("first", first())
    qtbot.waitUntil(lambda: not slices.busy)
    assert sorted(done) == ["again", "second", "second"]


def test_events_come_between_the_slices(qtbot: QtBot) -> None:
    parent, done, ticks = QObject(), list[str](), list[int]()
    slices = IdleScheduler(parent)
    timer = QTimer(parent, interval=0)
    timer.timeout.connect(lambda: ticks.append(len(done)))
    timer.start()
    slices.start("a", counting("a", 20, done, seconds=SLICE))
    qtbot.waitUntil(lambda: not slices.busy)
    timer.stop()
    assert len(set(ticks)) >= 18


def test_stopped_work_is_not_done(qtbot: QtBot) -> None:
    parent, done = QObject(), list[str]()
    slices = IdleScheduler(parent)
    slices.start("a", counting("a", 3, done))
    slices.stop()
    assert not slices.busy
    qtbot.wait(20)
    assert done == []
