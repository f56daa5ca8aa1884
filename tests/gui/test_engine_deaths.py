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
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.presets import preset


@pytest.fixture
def ready(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A client whose engine is ready, with jobs that need no torch."""
    monkeypatch.syspath_prepend(STUBS)
    ready = Listener(EngineClient("stub_jobs:JOBS"), qtbot)
    ready.client.start()
    ready.until(lambda: ready.client.state == "ready")
    yield ready
    ready.client.close()


def test_a_killed_engine_is_replaced_a_hundred_times(ready: Listener, tmp_path: Path) -> None:
    """Killed idle, between two yields and in the middle of a step, in turn; every request is answered."""
    files = psutil.Process().num_fds()
    for death in range(100):
        gate = tmp_path / f"gate {death}"
        job = ("", "steps_until", "wait_for")[death % 3]
        number = ready.request("forward", job, str(gate), label="the forward pass") if job else 0
        ready.until(lambda number=number: not number or ready.of(number, "part", "progress"))
        kill(ready.client)
        ready.until(lambda death=death: len(ready.all("died")) > death)
        gate.touch()
        ready.until(lambda death=death: len(ready.all("restarted")) > death)
        assert not job or ready.answer(number) == "waited"
    working = [" (the forward pass)" in text for (text,) in ready.all("died")]
    assert working == [False, True, True] * 33 + [False]
    assert len(ready.all("restarted")) == 100
    assert ready.all("error", "requestFailed", "failed") == []
    assert len(ready.client.findChildren(QSocketNotifier)) == 1
    assert psutil.Process().num_fds() <= files  # fewer if what earlier tests left was collected meanwhile


def test_a_request_that_killed_the_engine_twice_is_refused_and_the_others_are_answered(ready: Listener) -> None:
    counting = ready.request("other", "count", 20)
    killer = ready.request("forward", "die", label="resnet152 at 4096×4096")
    error = ready.answer(killer)
    assert isinstance(error, EngineDiedError)
    assert str(error).startswith("Resnet152 at 4096×4096 crashed the engine twice and will not be retried.")
    assert ready.all("requestFailed") == [("forward", error)]
    assert len(ready.all("died")) == 2
    assert ready.answer(counting) == 20
    assert ready.of(counting, "result", "error") == [20]
    assert ready.answer(ready.request("forward", "echo", 1)) == 1


def test_a_refused_request_may_be_repeated(ready: Listener) -> None:
    for count in (1, 2):
        assert isinstance(ready.answer(ready.request("forward", "die")), EngineDiedError)
        assert len(ready.all("died")) == 2 * count


def test_an_engine_killed_while_sending_a_large_answer_is_restarted(ready: Listener) -> None:
    number = ready.request("forward", "frames", 1, 1 << 28)
    ready.until(lambda: ready.client._process and ready.client._process._incoming._missing)
    kill(ready.client)
    assert ready.answer(number) == 1
    (frame,) = ready.of(number, "part", "progress")
    assert frame.nbytes == 1 << 28
    assert len(ready.all("died")) == 1


def test_an_engine_that_never_becomes_ready_is_started_three_times_and_then_on_demand(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(STUBS)
    monkeypatch.syspath_prepend(tmp_path)
    log, jobs = tmp_path / "log", tmp_path / "dying_jobs.py"
    jobs.write_text(f"import os\nopen({str(log)!r}, 'a').write('start ')\nos.kill(os.getpid(), 9)")
    client = EngineClient("dying_jobs:JOBS")
    listener = Listener(client, qtbot)
    number = listener.request("lane", "echo", 5)
    client.start()
    listener.until(lambda: client.state == "failed")
    assert log.read_text() == "start " * 3
    assert [("SIGKILL" in text) for (text,) in listener.all("failed")] == [True]
    assert listener.all("died", "error") == []
    jobs.write_text("from stub_jobs import JOBS")
    client.start()
    assert listener.answer(number) == 5
    client.close()


def test_a_missing_library_is_named(qtbot: QtBot) -> None:
    client = EngineClient("no_such_library:JOBS")
    listener = Listener(client, qtbot)
    client.start()
    listener.until(lambda: client.state == "failed")
    ((text,),) = listener.all("failed")
    assert "No module named 'no_such_library'" in text


def test_the_real_engine_killed_idle_tracing_and_running_restarts_and_answers(qtbot: QtBot) -> None:
    client = EngineClient()
    real = Listener(client, qtbot)
    client.start()
    real.until(lambda: client.state == "ready")

    kill(client)
    real.until(lambda: len(real.all("died")) == 1)
    table = real.request("table", "table", preset("resnet152"), label="resnet152's table")
    real.until(lambda: any(part.done > 1 for part in real.of(table, "part", "progress")))
    kill(client)
    counted = real.answer(table)
    assert counted.totals.parameters == 60_192_808
    assert counted.checks.agree

    forward = real.request(
        "forward",
        "forward",
        ForwardSpec("sample:china", preset("resnet152")),
        ("layer4.2",),
        False,
        label="the forward pass",
    )
    real.until(lambda: len(real.of(forward, "part", "progress")) > 1)
    kill(client)
    (maps,) = real.answer(forward).layers
    assert maps.values.shape == (2048, 7, 7)

    working = [text.split(": it was killed by SIGKILL")[0] for (text,) in real.all("died")]
    assert working == [
        "The engine stopped unexpectedly",
        "The engine stopped unexpectedly (resnet152's table)",
        "The engine stopped unexpectedly (the forward pass)",
    ]
    assert len(real.all("restarted")) == 3
    assert real.all("error", "failed") == []
    client.close()
