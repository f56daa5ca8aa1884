"""The window's client of the engine: callbacks, signals, canceling and closing. With real processes."""

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
from resnet_studio.engine.process import EngineProcess
from resnet_studio.engine.protocol import CanceledError, Request
from resnet_studio.gui.engine_client import CANCEL_TIMEOUT, EngineClient
from resnet_studio.progress import Progress
from waiting import PATIENCE


@pytest.fixture
def client(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineClient]:
    monkeypatch.syspath_prepend(STUBS)
    client = EngineClient("stub_jobs:JOBS")
    yield client
    client.close()


@pytest.fixture
def listener(client: EngineClient, qtbot: QtBot) -> Listener:
    return Listener(client, qtbot)


@pytest.fixture
def ready(listener: Listener) -> Listener:
    listener.client.start()
    listener.until(lambda: listener.client.state == "ready")
    return listener


def test_parts_progress_and_the_answer_arrive_in_order(ready: Listener, tmp_path: Path) -> None:
    number = ready.request("lane", "count", 3)
    assert ready.answer(number) == 3
    callbacks = [("part", ("lane", number, part)) for part in range(3)] + [("result", ("lane", number, 3))]
    assert [entry for entry in ready.received if entry[0] in ("part", "result")] == callbacks
    (tmp_path / "gate").touch()
    waiting = ready.request("lane", "wait_for", str(tmp_path / "gate"))
    assert ready.answer(waiting) == "waited"
    progress = [Progress(0, 1, "waiting"), Progress(1, 1, "waited")]
    assert ready.of(waiting, "progress") == progress
    assert [shown for (shown,) in ready.all("progressChanged")] == progress
    assert ready.of(waiting, "part") == []


def test_the_lane_is_the_jobs_name_by_default(ready: Listener) -> None:
    results: list[int] = []
    ready.client.request("echo", 1, on_result=results.append)
    ready.client.request("echo", 2, on_result=results.append)
    ready.client.request("count", 0, on_result=results.append)
    ready.until(lambda: len(results) == 2)
    assert results == [2, 0]
    assert ready.all("requestAnswered") == [("echo",), ("count",)]


def test_a_result_may_be_followed_by_another_request_of_its_lane(ready: Listener) -> None:
    results: list[int] = []

    def again(result: int) -> None:
        results.append(result)
        if result < 3:
            ready.client.request("echo", result + 1, on_result=again)

    ready.client.request("echo", 1, on_result=again)
    ready.until(lambda: ready.all("idle"))
    assert results == [1, 2, 3]
    assert len(ready.all("idle")) == 1


def test_the_window_is_idle_when_all_but_the_background_has_ended(ready: Listener, tmp_path: Path) -> None:
    gates = [tmp_path / name for name in ("first", "second", "background")]
    first, second, background = (
        ready.request(gate.name, "steps_until", str(gate), background=gate.name == "background") for gate in gates
    )
    for number in (first, second, background):
        ready.working_on(number)
    assert {progress for (progress,) in ready.all("progressChanged")} == {Progress(0, 1, "waiting step by step")}
    gates[0].touch()
    ready.answer(first)
    assert ready.all("idle") == []
    gates[1].touch()
    ready.answer(second)
    ((seconds,),) = ready.all("idle")
    assert 0 < seconds < PATIENCE
    ready.client.cancel_all()
    gates[2].touch()
    assert ready.answer(background) == "waited"
    assert len(ready.all("idle")) == 1


def test_progress_in_the_background_is_not_shown(ready: Listener, tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    number = ready.request("lane", "wait_for", str(tmp_path / "gate"), background=True)
    assert ready.answer(number) == "waited"
    assert len(ready.of(number, "progress")) == 2
    assert ready.all("progressChanged", "idle") == []


def test_state_changes_are_emitted(ready: Listener) -> None:
    ready.answer(ready.request("lane", "echo", 1))
    ready.client.close()
    assert ready.all("stateChanged") == [("starting",), ("ready",), ("busy",), ("ready",), ("off",)]
    (versions,) = ready.all("ready")[0]
    assert set(versions) >= {"torch", "torchvision", "numpy"}


def test_a_jobs_error_arrives_as_its_exception_and_is_reported(ready: Listener) -> None:
    error = ready.answer(ready.request("lane", "fail", "value"))
    assert isinstance(error, ValueError)
    assert str(error) == "an ordinary error"
    assert ready.all("requestFailed") == [("lane", error)]
    assert len(ready.all("idle")) == 1
    assert ready.all("requestAnswered") == []


def test_an_error_that_its_caller_shows_is_not_reported(ready: Listener) -> None:
    ready.handles_errors = True
    assert isinstance(ready.answer(ready.request("lane", "fail", "value")), ValueError)
    assert ready.all("requestFailed") == []
    assert len(ready.all("idle")) == 1


def test_a_callback_that_raises_holds_up_nobody(ready: Listener) -> None:
    def fail(_: object) -> None:
        raise ValueError("in a callback")

    with ready.qtbot.captureExceptions() as exceptions:
        ready.client.request("echo", 1, on_result=fail)
        other = ready.request("lane", "count", 3)
        assert ready.answer(other) == 3
        ready.until(lambda: ready.client.state == "ready")
    assert [str(error) for _, error, _ in exceptions] == ["in a callback"]
    assert len(ready.all("idle")) == 1


def test_of_twenty_requests_before_the_engine_is_ready_only_the_last_is_sent(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Request] = []
    send = EngineProcess.send
    monkeypatch.setattr(EngineProcess, "send", lambda engine, request: (sent.append(request), send(engine, request)))
    numbers = [listener.request("table", "echo", value) for value in range(20)]
    listener.client.start()
    assert listener.answer(numbers[-1]) == 19
    assert [request.arguments for request in sent] == [(19,)]


def test_of_twenty_requests_while_one_is_running_only_the_last_is_answered(ready: Listener, tmp_path: Path) -> None:
    numbers = [ready.request("table", "wait_for", str(tmp_path / "gate"))]
    ready.working_on(numbers[0])
    numbers += [ready.request("table", "count", value) for value in range(1, 20)]
    before = len(ready.received)
    (tmp_path / "gate").touch()
    assert ready.answer(numbers[-1]) == 19
    assert {arguments[1] for name, arguments in ready.received[before:] if name in ("part", "progress", "result")} == {
        numbers[-1]
    }


def test_a_thousand_requests_never_block_the_window(ready: Listener, tmp_path: Path) -> None:
    """The engine reads nothing meanwhile, and the requests are more than the pipe could hold."""
    ready.working_on(ready.request("gate", "wait_for", str(tmp_path / "gate")))
    for value in range(1000):
        last = ready.request("table", "echo", f"{value:5000}")
    (tmp_path / "gate").touch()
    assert ready.answer(last) == f"{999:5000}"


def test_the_event_loop_runs_during_a_stream(ready: Listener) -> None:
    """The slot takes longer than `READ_SLICE`, so each part has its own turn of the event loop."""
    events: list[str] = []
    timer = QTimer()
    timer.timeout.connect(lambda: events.append("turn"))

    def slowly(_: int) -> None:
        events.append("part")
        time.sleep(0.01)

    results: list[int] = []
    timer.start(0)
    ready.client.request("count", 50, on_part=slowly, on_result=results.append)
    ready.until(lambda: results)
    timer.stop()
    assert events.count("part") == 50
    assert ("part", "part") not in set(pairwise(events))


def test_cancel_ends_a_job_at_its_next_yield(ready: Listener) -> None:
    number = ready.request("lane", "slowly", 0.01)
    ready.working_on(number)
    engine = ready.client.pid
    before = len(ready.received)
    ready.client.cancel("lane")
    assert [name for name, _ in ready.received[before:]] == ["error", "idle"]
    assert isinstance(ready.answer(number), CanceledError)
    assert ready.all("idle") == [(None,)]
    ready.until(lambda: ready.client.state == "ready")
    assert [name for name, _ in ready.received[before:]] == ["error", "idle", "stateChanged"]
    assert ready.client.pid == engine


def test_everything_is_canceled_at_once(ready: Listener) -> None:
    numbers = [ready.request(f"lane {number}", "slowly", 0.01) for number in range(3)]
    ready.working_on(numbers[0])
    ready.client.cancel_all()
    assert all(isinstance(ready.answer(number), CanceledError) for number in numbers)
    assert ready.all("idle") == [(None,)]
    assert ready.all("requestFailed", "requestAnswered") == []
    ready.until(lambda: ready.client.state == "ready")


def test_canceling_what_does_not_run_has_no_effect(ready: Listener) -> None:
    number = ready.request("lane", "echo", 1)
    ready.answer(number)
    before = len(ready.received)
    ready.client.cancel("lane")
    ready.client.cancel_all()
    assert ready.received[before:] == []


def test_cancel_kills_a_stuck_job_with_its_engine_and_other_lanes_do_not_notice(
    ready: Listener, tmp_path: Path
) -> None:
    other = ready.request("other", "steps_until", str(tmp_path / "gate"), label="the other")
    ready.working_on(other)
    ready.request("lane", "stuck", str(tmp_path / "stuck"), label="the stuck one")
    ready.until((tmp_path / "stuck").exists)
    engine = psutil.Process(ready.client.pid)
    ready.client.cancel("lane")
    new = ready.request("lane", "echo", "new")
    (tmp_path / "gate").touch()
    assert ready.answer(new) == "new"
    assert ready.answer(other) == "waited"
    assert not engine.is_running()
    assert ready.all("died", "requestFailed", "restarted") == []


def test_cancel_does_not_kill_a_job_that_delays_the_canceled_one(ready: Listener, tmp_path: Path) -> None:
    canceled = ready.request("canceled", "slowly", 0.01)
    ready.working_on(canceled)
    slow = ready.request("slow", "wait_for", str(tmp_path / "gate"))
    ready.working_on(slow)
    engine = ready.client.pid
    ready.client.cancel("canceled")
    ready.qtbot.wait(CANCEL_TIMEOUT + 200)
    (tmp_path / "gate").touch()
    assert ready.answer(slow) == "waited"
    ready.until(lambda: ready.client.state == "ready")
    assert ready.client.pid == engine


@pytest.mark.parametrize("job", ["", "steps_until", "stuck", "computing"])
def test_close_ends_everything_at_once(ready: Listener, tmp_path: Path, job: str) -> None:
    if job:
        ready.working_on(ready.request("lane", job, str(tmp_path / "file")))
        ready.until((tmp_path / "file").exists if job != "steps_until" else lambda: True)
        ready.client.cancel("lane")
    engine = psutil.Process(ready.client.pid)
    ready.client.close()
    before = len(ready.received)
    assert not engine.is_running()
    assert not any(timer.isActive() for timer in ready.client.findChildren(QTimer))
    ready.qtbot.wait(50)
    assert ready.received[before:] == []
    assert not ready.client.findChildren(QSocketNotifier)
    ready.client.close()


def test_close_while_the_engine_starts_and_from_within_a_signal(listener: Listener) -> None:
    listener.client.start()
    engine = psutil.Process(listener.client.pid)
    listener.client.close()
    assert not engine.is_running()
    parts: list[int] = []
    listener.client.request("count", 10, on_part=lambda part: (parts.append(part), listener.client.close()))
    listener.client.start()
    listener.until(lambda: listener.client.state == "off" and parts)
    listener.qtbot.wait(50)
    assert parts == [0]
    assert listener.client.pid == 0
