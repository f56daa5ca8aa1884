"""The window's connection with the engine: signals, canceling and closing. With real processes."""

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
from resnet_studio.gui.engine_client import CANCEL_TIMEOUT, EngineConnection


@pytest.fixture
def connection(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineConnection]:
    monkeypatch.syspath_prepend(STUBS)
    connection = EngineConnection("stub_jobs:JOBS")
    yield connection
    connection.close()


@pytest.fixture
def listener(connection: EngineConnection, qtbot: QtBot) -> Listener:
    return Listener(connection, qtbot)


@pytest.fixture
def ready(listener: Listener) -> Listener:
    listener.connection.start()
    listener.until(lambda: listener.connection.state == "ready")
    return listener


def test_parts_and_the_answer_arrive_in_order_with_lane_and_number(ready: Listener) -> None:
    number = ready.connection.request("lane", "count", 3)
    assert ready.answer(number) == 3
    replies = [entry for entry in ready.received if entry[0] in ("partReceived", "answerReceived")]
    assert replies == [("partReceived", ("lane", number, count)) for count in range(3)] + [
        ("answerReceived", ("lane", number, 3))
    ]


def test_state_changes_are_emitted(ready: Listener) -> None:
    ready.answer(ready.connection.request("lane", "echo", 1))
    ready.connection.close()
    assert ready.all("stateChanged") == [("starting",), ("ready",), ("busy",), ("ready",), ("off",)]
    (versions,) = ready.all("ready")[0]
    assert set(versions) >= {"torch", "torchvision", "numpy"}


def test_a_jobs_error_arrives_as_its_exception(ready: Listener) -> None:
    error = ready.answer(ready.connection.request("lane", "fail", "value"))
    assert isinstance(error, ValueError)
    assert str(error) == "an ordinary error"


def test_of_twenty_requests_before_the_engine_is_ready_only_the_last_is_sent(listener: Listener) -> None:
    numbers = [listener.connection.request("table", "echo", value) for value in range(20)]
    assert numbers == sorted(set(numbers))
    listener.connection.start()
    assert listener.answer(numbers[-1]) == 19
    assert [number for _, number in listener.all("started")] == numbers[-1:]


def test_of_twenty_requests_while_one_is_running_only_the_last_is_answered(ready: Listener, tmp_path: Path) -> None:
    numbers = [ready.connection.request("table", "wait_for", str(tmp_path / "gate"))]
    ready.working_on(numbers[0])
    numbers += [ready.connection.request("table", "count", value) for value in range(1, 20)]
    before = len(ready.received)
    (tmp_path / "gate").touch()
    assert ready.answer(numbers[-1]) == 19
    assert {
        arguments[1] for name, arguments in ready.received[before:] if name in ("partReceived", "answerReceived")
    } == {numbers[-1]}


def test_a_thousand_requests_never_block_the_window(ready: Listener, tmp_path: Path) -> None:
    """The engine reads nothing meanwhile, and the requests are more than the pipe could hold."""
    ready.working_on(ready.connection.request("gate", "wait_for", str(tmp_path / "gate")))
    for value in range(1000):
        last = ready.connection.request("table", "echo", f"{value:5000}")
    (tmp_path / "gate").touch()
    assert ready.answer(last) == f"{999:5000}"


def test_the_event_loop_runs_during_a_stream(ready: Listener) -> None:
    """The slot takes longer than `READ_SLICE`, so each part has its own turn of the event loop."""
    events: list[str] = []
    timer = QTimer()
    timer.timeout.connect(lambda: events.append("turn"))
    ready.connection.partReceived.connect(lambda *_: events.append("partReceived"))
    ready.connection.partReceived.connect(lambda *_: time.sleep(0.01))
    timer.start(0)
    ready.answer(ready.connection.request("stream", "count", 50))
    timer.stop()
    assert events.count("partReceived") == 50
    assert ("partReceived", "partReceived") not in set(pairwise(events))


def test_cancel_ends_a_job_at_its_next_yield(ready: Listener) -> None:
    number = ready.connection.request("lane", "slowly", 0.01)
    ready.working_on(number)
    engine = ready.connection.pid
    ready.connection.cancel("lane")
    before = len(ready.received)
    ready.until(lambda: ready.connection.state == "ready")
    assert [name for name, _ in ready.received[before:]] == ["stateChanged"]
    assert ready.connection.pid == engine


def test_cancel_kills_a_stuck_job_with_its_engine_and_other_lanes_do_not_notice(
    ready: Listener, tmp_path: Path
) -> None:
    other = ready.connection.request("other", "steps_until", str(tmp_path / "gate"), label="the other")
    ready.working_on(other)
    ready.connection.request("lane", "stuck", str(tmp_path / "stuck"), label="the stuck one")
    ready.until((tmp_path / "stuck").exists)
    engine = psutil.Process(ready.connection.pid)
    ready.connection.cancel("lane")
    new = ready.connection.request("lane", "echo", "new")
    (tmp_path / "gate").touch()
    assert ready.answer(new) == "new"
    assert ready.answer(other) == "waited"
    assert not engine.is_running()
    assert ready.all("died", "errorReceived", "restarted") == []


def test_cancel_does_not_kill_a_job_that_delays_the_canceled_one(ready: Listener, tmp_path: Path) -> None:
    canceled = ready.connection.request("canceled", "slowly", 0.01)
    ready.working_on(canceled)
    slow = ready.connection.request("slow", "wait_for", str(tmp_path / "gate"))
    ready.working_on(slow)
    engine = ready.connection.pid
    ready.connection.cancel("canceled")
    ready.qtbot.wait(CANCEL_TIMEOUT + 200)
    (tmp_path / "gate").touch()
    assert ready.answer(slow) == "waited"
    ready.until(lambda: ready.connection.state == "ready")
    assert ready.connection.pid == engine


@pytest.mark.parametrize("job", ["", "steps_until", "stuck", "computing"])
def test_close_ends_everything_at_once(ready: Listener, tmp_path: Path, job: str) -> None:
    if job:
        ready.working_on(ready.connection.request("lane", job, str(tmp_path / "file")))
        ready.until((tmp_path / "file").exists if job != "steps_until" else lambda: True)
        ready.connection.cancel("lane")
    engine = psutil.Process(ready.connection.pid)
    ready.connection.close()
    before = len(ready.received)
    assert not engine.is_running()
    assert not any(timer.isActive() for timer in ready.connection.findChildren(QTimer))
    ready.qtbot.wait(50)
    assert ready.received[before:] == []
    assert not ready.connection.findChildren(QSocketNotifier)
    ready.connection.close()


def test_close_while_the_engine_starts_and_from_within_a_signal(listener: Listener) -> None:
    listener.connection.start()
    engine = psutil.Process(listener.connection.pid)
    listener.connection.close()
    assert not engine.is_running()
    listener.connection.partReceived.connect(lambda *_: listener.connection.close())
    listener.connection.request("lane", "count", 10)
    listener.connection.start()
    listener.until(lambda: listener.connection.state == "off")
    listener.qtbot.wait(50)
    assert len(listener.all("partReceived")) == 1
    assert listener.connection.pid == 0
