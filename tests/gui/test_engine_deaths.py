"""When the engine dies, it is restarted and every request is still answered. With real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QSocketNotifier
from pytestqt.qtbot import QtBot

from engine_listener import STUBS, Listener, kill
from resnet_studio.engine.protocol import EngineDiedError
from resnet_studio.gui.engine_client import EngineConnection
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.presets import preset


@pytest.fixture
def ready(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A connection whose engine is ready, with jobs that need no torch."""
    monkeypatch.syspath_prepend(STUBS)
    ready = Listener(EngineConnection("stub_jobs:JOBS"), qtbot)
    ready.connection.start()
    ready.until(lambda: ready.connection.state == "ready")
    yield ready
    ready.connection.close()


def test_a_killed_engine_is_replaced_a_hundred_times(ready: Listener, tmp_path: Path) -> None:
    """Killed idle, between two yields and in the middle of a step, in turn; every request is answered."""
    files = psutil.Process().num_fds()
    for death in range(100):
        gate = tmp_path / f"gate {death}"
        job = ("", "steps_until", "wait_for")[death % 3]
        number = ready.connection.request("forward", job, str(gate), label="the forward pass") if job else 0
        ready.until(lambda number=number: not number or ready.of(number, "partReceived"))
        kill(ready.connection)
        ready.until(lambda death=death: len(ready.all("died")) > death)
        gate.touch()
        ready.until(lambda death=death: len(ready.all("restarted")) > death)
        assert not job or ready.answer(number) == "waited"
    working = [" (the forward pass)" in text for (text,) in ready.all("died")]
    assert working == [False, True, True] * 33 + [False]
    assert len(ready.all("restarted")) == 100
    assert ready.all("errorReceived", "failed") == []
    assert len(ready.connection.findChildren(QSocketNotifier)) == 1
    assert psutil.Process().num_fds() == files


def test_a_request_that_killed_the_engine_twice_is_refused_and_the_others_are_answered(ready: Listener) -> None:
    counting = ready.connection.request("other", "count", 20)
    killer = ready.connection.request("forward", "die", label="resnet152 at 4096×4096")
    error = ready.answer(killer)
    assert isinstance(error, EngineDiedError)
    assert str(error).startswith("Resnet152 at 4096×4096 crashed the engine twice and will not be retried.")
    assert len(ready.all("died")) == 2
    assert ready.answer(counting) == 20
    assert ready.of(counting, "answerReceived", "errorReceived") == [20]
    assert ready.answer(ready.connection.request("forward", "echo", 1)) == 1


def test_a_refused_request_may_be_repeated(ready: Listener) -> None:
    for count in (1, 2):
        assert isinstance(ready.answer(ready.connection.request("forward", "die")), EngineDiedError)
        assert len(ready.all("died")) == 2 * count


def test_an_engine_killed_while_sending_a_large_answer_is_restarted(ready: Listener) -> None:
    number = ready.connection.request("forward", "frames", 1, 1 << 28)
    ready.until(lambda: ready.of(number, "started"))
    kill(ready.connection)
    assert ready.answer(number) == 1
    (frame,) = ready.of(number, "partReceived")
    assert frame.nbytes == 1 << 28
    assert len(ready.all("died")) == 1


def test_an_engine_that_never_becomes_ready_is_started_three_times_and_then_on_demand(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(STUBS)
    monkeypatch.syspath_prepend(tmp_path)
    log, jobs = tmp_path / "log", tmp_path / "dying_jobs.py"
    jobs.write_text(f"import os\nopen({str(log)!r}, 'a').write('start ')\nos.kill(os.getpid(), 9)")
    connection = EngineConnection("dying_jobs:JOBS")
    listener = Listener(connection, qtbot)
    number = connection.request("lane", "echo", 5)
    connection.start()
    listener.until(lambda: connection.state == "failed")
    assert log.read_text() == "start " * 3
    assert [("SIGKILL" in text) for (text,) in listener.all("failed")] == [True]
    assert listener.all("died", "errorReceived") == []
    jobs.write_text("from stub_jobs import JOBS")
    connection.start()
    assert listener.answer(number) == 5
    connection.close()


def test_a_missing_library_is_named(qtbot: QtBot) -> None:
    connection = EngineConnection("no_such_library:JOBS")
    listener = Listener(connection, qtbot)
    connection.start()
    listener.until(lambda: connection.state == "failed")
    ((text,),) = listener.all("failed")
    assert "No module named 'no_such_library'" in text


def test_the_real_engine_killed_idle_tracing_and_running_restarts_and_answers(qtbot: QtBot) -> None:
    connection = EngineConnection()
    real = Listener(connection, qtbot)
    connection.start()
    real.until(lambda: connection.state == "ready")

    kill(connection)
    real.until(lambda: len(real.all("died")) == 1)
    table = connection.request("table", "table", preset("resnet152"), label="resnet152's table")
    real.until(lambda: any(part.done > 1 for part in real.of(table, "partReceived")))
    kill(connection)
    counted = real.answer(table)
    assert counted.totals.parameters == 60_192_808
    assert counted.checks.agree

    forward = connection.request(
        "forward",
        "forward",
        ForwardSpec("sample:china", preset("resnet152")),
        ("layer4.2",),
        False,
        label="the forward pass",
    )
    real.until(lambda: len(real.of(forward, "partReceived")) > 1)
    kill(connection)
    (maps,) = real.answer(forward).layers
    assert maps.values.shape == (2048, 7, 7)

    working = [text.split(": it was killed by SIGKILL")[0] for (text,) in real.all("died")]
    assert working == [
        "The engine stopped unexpectedly",
        "The engine stopped unexpectedly (resnet152's table)",
        "The engine stopped unexpectedly (the forward pass)",
    ]
    assert len(real.all("restarted")) == 3
    assert real.all("errorReceived", "failed") == []
    connection.close()
