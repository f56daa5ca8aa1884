"""The window's connection with the engine: what is told, what is not, and how things end. Real processes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QSocketNotifier, QTimer
from pytestqt.qtbot import QtBot

from engine_listener import STUBS, Listener
from resnet_studio.gui.engine_client import PATIENCE, EngineConnection


@pytest.fixture
def link(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineConnection]:
    monkeypatch.syspath_prepend(STUBS)
    link = EngineConnection("stub_jobs:JOBS")
    yield link
    link.close()


@pytest.fixture
def listener(link: EngineConnection, qtbot: QtBot) -> Listener:
    return Listener(link, qtbot)


@pytest.fixture
def ready(listener: Listener) -> Listener:
    listener.link.start()
    listener.until(lambda: listener.link.state == "ready")
    return listener


def test_parts_and_the_answer_arrive_in_order_with_lane_and_number(ready: Listener) -> None:
    number = ready.link.ask("lane", "count", 3)
    assert ready.answer(number) == 3
    told = [heard for heard in ready.heard if heard[0] in ("part", "answer")]
    assert told == [("part", ("lane", number, count)) for count in range(3)] + [("answer", ("lane", number, 3))]


def test_states_are_told_as_they_change(ready: Listener) -> None:
    ready.answer(ready.link.ask("lane", "echo", 1))
    ready.link.close()
    assert ready.all("state_changed") == [("starting",), ("ready",), ("busy",), ("ready",), ("off",)]
    (versions,) = ready.all("ready")[0]
    assert set(versions) >= {"torch", "torchvision", "numpy"}


def test_a_jobs_error_arrives_as_the_exception_it_was(ready: Listener) -> None:
    error = ready.answer(ready.link.ask("lane", "fail", "value"))
    assert isinstance(error, ValueError)
    assert str(error) == "an ordinary error"


def test_of_twenty_questions_before_the_engine_is_there_only_the_last_is_asked(listener: Listener) -> None:
    numbers = [listener.link.ask("table", "echo", value) for value in range(20)]
    assert numbers == sorted(set(numbers))
    listener.link.start()
    assert listener.answer(numbers[-1]) == 19
    assert [number for _, number in listener.all("started")] == numbers[-1:]


def test_of_twenty_questions_while_one_is_worked_on_only_the_last_is_answered(ready: Listener, tmp_path: Path) -> None:
    numbers = [ready.link.ask("table", "wait_for", str(tmp_path / "gate"))]
    ready.working_on(numbers[0])
    numbers += [ready.link.ask("table", "count", value) for value in range(1, 20)]
    told = len(ready.heard)
    (tmp_path / "gate").touch()
    assert ready.answer(numbers[-1]) == 19
    assert {arguments[1] for name, arguments in ready.heard[told:] if name in ("part", "answer")} == {numbers[-1]}


def test_a_thousand_questions_never_make_the_window_wait(ready: Listener, tmp_path: Path) -> None:
    """The engine reads nothing meanwhile; more than the pipe could hold is asked."""
    ready.working_on(ready.link.ask("gate", "wait_for", str(tmp_path / "gate")))
    for value in range(1000):
        last = ready.link.ask("table", "echo", f"{value:5000}")
    (tmp_path / "gate").touch()
    assert ready.answer(last) == f"{999:5000}"


def test_a_stream_leaves_the_event_loop_its_turns(ready: Listener) -> None:
    """The slot takes longer than the link reads at once, so each part has a turn of the event loop to itself."""
    heard: list[str] = []
    timer = QTimer()
    timer.timeout.connect(lambda: heard.append("turn"))
    ready.link.part.connect(lambda *_: heard.append("part"))
    ready.link.part.connect(lambda *_: time.sleep(0.01))
    timer.start(0)
    ready.answer(ready.link.ask("stream", "count", 50))
    timer.stop()
    assert heard.count("part") == 50
    assert ("part", "part") not in set(pairwise(heard))


def test_cancel_ends_a_job_at_its_next_yield(ready: Listener) -> None:
    number = ready.link.ask("lane", "slowly", 0.01)
    ready.working_on(number)
    engine = ready.link.pid
    ready.link.cancel("lane")
    told = len(ready.heard)
    ready.until(lambda: ready.link.state == "ready")
    assert [name for name, _ in ready.heard[told:]] == ["state_changed"]
    assert ready.link.pid == engine


def test_cancel_ends_a_stuck_job_with_its_engine_and_the_others_do_not_notice(ready: Listener, tmp_path: Path) -> None:
    other = ready.link.ask("other", "steps_until", str(tmp_path / "gate"), label="the other")
    ready.working_on(other)
    ready.link.ask("lane", "stuck", str(tmp_path / "stuck"), label="the stuck one")
    ready.until((tmp_path / "stuck").exists)
    engine = psutil.Process(ready.link.pid)
    ready.link.cancel("lane")
    new = ready.link.ask("lane", "echo", "new")
    (tmp_path / "gate").touch()
    assert ready.answer(new) == "new"
    assert ready.answer(other) == "waited"
    assert not engine.is_running()
    assert ready.all("died", "error", "restarted") == []


def test_cancel_spares_the_job_that_holds_the_cancelled_one_up(ready: Listener, tmp_path: Path) -> None:
    cancelled = ready.link.ask("cancelled", "slowly", 0.01)
    ready.working_on(cancelled)
    slow = ready.link.ask("slow", "wait_for", str(tmp_path / "gate"))
    ready.working_on(slow)
    engine = ready.link.pid
    ready.link.cancel("cancelled")
    ready.qtbot.wait(PATIENCE + 200)
    (tmp_path / "gate").touch()
    assert ready.answer(slow) == "waited"
    ready.until(lambda: ready.link.state == "ready")
    assert ready.link.pid == engine


@pytest.mark.parametrize("job", ["", "steps_until", "stuck", "computing"])
def test_close_ends_everything_at_once(ready: Listener, tmp_path: Path, job: str) -> None:
    if job:
        ready.working_on(ready.link.ask("lane", job, str(tmp_path / "file")))
        ready.until((tmp_path / "file").exists if job != "steps_until" else lambda: True)
        ready.link.cancel("lane")
    engine = psutil.Process(ready.link.pid)
    ready.link.close()
    told = len(ready.heard)
    assert not engine.is_running()
    assert not any(timer.isActive() for timer in ready.link.findChildren(QTimer))
    ready.qtbot.wait(50)
    assert ready.heard[told:] == []
    assert not ready.link.findChildren(QSocketNotifier)
    ready.link.close()


def test_close_while_the_engine_starts_and_from_within_a_signal(listener: Listener) -> None:
    listener.link.start()
    engine = psutil.Process(listener.link.pid)
    listener.link.close()
    assert not engine.is_running()
    listener.link.part.connect(lambda *_: listener.link.close())
    listener.link.ask("lane", "count", 10)
    listener.link.start()
    listener.until(lambda: listener.link.state == "off")
    listener.qtbot.wait(50)
    assert len(listener.all("part")) == 1
    assert listener.link.pid == 0
