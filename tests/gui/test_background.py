"""Reading off the window's thread: every end is told, errors too, in order, and on the window's thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.exceptions import capture_exceptions
from pytestqt.qtbot import QtBot

from resnet_studio.gui.background import BackgroundReader


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[BackgroundReader]:
    made = BackgroundReader()
    yield made
    made.stop()


def fail() -> None:
    raise RecursionError("nobody thought of this")


def test_an_answer_comes_on_the_windows_thread(qtbot: QtBot, background: BackgroundReader) -> None:
    told: list[object] = []
    background.run(threading.get_ident, lambda ident: told.extend([ident, threading.get_ident(), background.busy]))
    assert background.busy
    qtbot.waitUntil(lambda: bool(told))
    assert told[0] != told[1] == threading.get_ident()
    assert told[2] is False


def test_what_is_raised_ends_it_and_the_next_one_runs(qtbot: QtBot, background: BackgroundReader) -> None:
    told: list[object] = []
    background.run(fail, told.append, lambda error: told.append((type(error), str(error))))
    background.run(lambda: "next", told.append)
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [(RecursionError, "nobody thought of this"), "next"]
    assert not background.busy


def test_an_error_that_nobody_takes_is_reported_and_ends_it_too(qtbot: QtBot, background: BackgroundReader) -> None:
    told: list[object] = []
    with capture_exceptions() as raised:
        background.run(fail)
        background.run(lambda: "next", told.append)
        qtbot.waitUntil(lambda: bool(told))
    assert [kind for kind, _, _ in raised] == [RecursionError]
    assert not background.busy


def test_one_after_another_in_order(qtbot: QtBot, background: BackgroundReader) -> None:
    running, told = threading.Semaphore(), []

    def alone(number: int) -> int:
        assert running.acquire(blocking=False)
        running.release()
        return number

    for number in range(50):
        background.run(lambda number=number: alone(number), told.append)
    qtbot.waitUntil(lambda: len(told) == 50)
    assert told == list(range(50))


def test_of_those_that_wait_only_the_newest_runs(qtbot: QtBot, background: BackgroundReader) -> None:
    go_on, told = threading.Event(), []
    background.run(lambda: go_on.wait(10), told.append)
    for text in ("waits", "newest"):
        background.drop_waiting()
        background.run(lambda text=text: text, told.append)
    go_on.set()
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [True, "newest"]


def test_a_long_one_holds_up_no_other_owner(qtbot: QtBot, background: BackgroundReader) -> None:
    other, go_on, told = BackgroundReader(), threading.Event(), []
    background.run(lambda: go_on.wait(10))
    other.run(lambda: "other", told.append)
    qtbot.waitUntil(lambda: told == ["other"])
    go_on.set()
    other.stop()


def test_stopping_waits_for_what_runs_and_nothing_is_told(qtbot: QtBot, background: BackgroundReader) -> None:
    begun, told = threading.Event(), []

    def work() -> str:
        begun.set()
        told.append("worked")
        return "answer"

    background.run(work, told.append)
    assert begun.wait(10)
    background.stop()
    background.run(lambda: "late", told.append)
    QCoreApplication.processEvents()
    assert told == ["worked"]
