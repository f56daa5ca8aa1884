"""Background reading: results and errors arrive in order on the window's thread."""

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
    reader = BackgroundReader()
    yield reader
    reader.stop()


def fail() -> None:
    raise RecursionError("nobody thought of this")


def test_a_result_arrives_on_the_windows_thread(qtbot: QtBot, background: BackgroundReader) -> None:
    results: list[object] = []
    background.run(threading.get_ident, lambda ident: results.extend([ident, threading.get_ident(), background.busy]))
    assert background.busy
    qtbot.waitUntil(lambda: bool(results))
    assert results[0] != results[1] == threading.get_ident()
    assert results[2] is False


def test_an_exception_ends_a_task_and_the_next_one_runs(qtbot: QtBot, background: BackgroundReader) -> None:
    results: list[object] = []
    background.run(fail, results.append, lambda error: results.append((type(error), str(error))))
    background.run(lambda: "next", results.append)
    qtbot.waitUntil(lambda: len(results) == 2)
    assert results == [(RecursionError, "nobody thought of this"), "next"]
    assert not background.busy


def test_an_exception_without_a_callback_is_reported_and_ends_the_task(
    qtbot: QtBot, background: BackgroundReader
) -> None:
    results: list[object] = []
    with capture_exceptions() as raised:
        background.run(fail)
        background.run(lambda: "next", results.append)
        qtbot.waitUntil(lambda: bool(results))
    assert [kind for kind, _, _ in raised] == [RecursionError]
    assert not background.busy


def test_tasks_run_one_after_another_in_order(qtbot: QtBot, background: BackgroundReader) -> None:
    running, results = threading.Semaphore(), []

    def alone(number: int) -> int:
        assert running.acquire(blocking=False)
        running.release()
        return number

    for number in range(50):
        background.run(lambda number=number: alone(number), results.append)
    qtbot.waitUntil(lambda: len(results) == 50)
    assert results == list(range(50))


def test_of_pending_tasks_only_the_newest_runs(qtbot: QtBot, background: BackgroundReader) -> None:
    go_on, results = threading.Event(), []
    background.run(lambda: go_on.wait(10), results.append)
    for text in ("waits", "newest"):
        background.drop_pending()
        background.run(lambda text=text: text, results.append)
    go_on.set()
    qtbot.waitUntil(lambda: len(results) == 2)
    assert results == [True, "newest"]


def test_a_long_task_delays_no_other_reader(qtbot: QtBot, background: BackgroundReader) -> None:
    other, go_on, results = BackgroundReader(), threading.Event(), []
    background.run(lambda: go_on.wait(10))
    other.run(lambda: "other", results.append)
    qtbot.waitUntil(lambda: results == ["other"])
    go_on.set()
    other.stop()


def test_stop_waits_for_the_running_task_and_calls_nothing_back(qtbot: QtBot, background: BackgroundReader) -> None:
    begun, results = threading.Event(), []

    def work() -> str:
        begun.set()
        results.append("worked")
        return "answer"

    background.run(work, results.append)
    assert begun.wait(10)
    background.stop()
    background.run(lambda: "late", results.append)
    QCoreApplication.processEvents()
    assert results == ["worked"]
