"""What a death of the engine costs: a new process, and nothing of what was asked. Real processes."""

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
    """A link whose engine is ready, with jobs that need no torch."""
    monkeypatch.syspath_prepend(STUBS)
    ready = Listener(EngineConnection("stub_jobs:JOBS"), qtbot)
    ready.link.start()
    ready.until(lambda: ready.link.state == "ready")
    yield ready
    ready.link.close()


def test_a_killed_engine_is_replaced_a_hundred_times(ready: Listener, tmp_path: Path) -> None:
    """Idle, between two yields and in the midst of a step in turn; what was asked is answered in the end."""
    files = psutil.Process().num_fds()
    for death in range(100):
        gate = tmp_path / f"gate {death}"
        job = ("", "steps_until", "wait_for")[death % 3]
        number = ready.link.ask("look", job, str(gate), label="the look") if job else 0
        ready.until(lambda number=number: not number or ready.of(number, "part"))
        kill(ready.link)
        ready.until(lambda death=death: len(ready.all("died")) > death)
        gate.touch()
        ready.until(lambda death=death: len(ready.all("restarted")) > death)
        assert not job or ready.answer(number) == "waited"
    doings = [" while it worked on the look" in text for (text,) in ready.all("died")]
    assert doings == [False, True, True] * 33 + [False]
    assert len(ready.all("restarted")) == 100
    assert ready.all("error", "failed") == []
    assert len(ready.link.findChildren(QSocketNotifier)) == 1
    assert psutil.Process().num_fds() == files


def test_what_ended_the_engine_twice_is_refused_by_name_and_everything_else_goes_on(ready: Listener) -> None:
    counting = ready.link.ask("other", "count", 20)
    killer = ready.link.ask("look", "die", label="resnet152 at 4096×4096")
    error = ready.answer(killer)
    assert isinstance(error, EngineDiedError)
    assert str(error).startswith("Resnet152 at 4096×4096 ended the engine twice, so it is not tried again.")
    assert len(ready.all("died")) == 2
    assert ready.answer(counting) == 20
    assert ready.of(counting, "answer", "error") == [20]
    assert ready.answer(ready.link.ask("look", "echo", 1)) == 1


def test_a_refused_question_may_be_asked_again(ready: Listener) -> None:
    for asked in (1, 2):
        assert isinstance(ready.answer(ready.link.ask("look", "die")), EngineDiedError)
        assert len(ready.all("died")) == 2 * asked


def test_a_death_in_the_midst_of_a_large_answer_is_a_death_like_any_other(ready: Listener) -> None:
    number = ready.link.ask("look", "frames", 1, 1 << 28)
    ready.until(lambda: ready.of(number, "started"))
    kill(ready.link)
    assert ready.answer(number) == 1
    (frame,) = ready.of(number, "part")
    assert frame.nbytes == 1 << 28
    assert len(ready.all("died")) == 1


def test_an_engine_that_never_gets_ready_is_started_three_times_and_then_on_demand(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(STUBS)
    monkeypatch.syspath_prepend(tmp_path)
    log, jobs = tmp_path / "log", tmp_path / "dying_jobs.py"
    jobs.write_text(f"import os\nopen({str(log)!r}, 'a').write('start ')\nos.kill(os.getpid(), 9)")
    link = EngineConnection("dying_jobs:JOBS")
    listener = Listener(link, qtbot)
    number = link.ask("lane", "echo", 5)
    link.start()
    listener.until(lambda: link.state == "failed")
    assert log.read_text() == "start " * 3
    assert [("SIGKILL" in text) for (text,) in listener.all("failed")] == [True]
    assert listener.all("died", "error") == []
    jobs.write_text("from stub_jobs import JOBS")
    link.start()
    assert listener.answer(number) == 5
    link.close()


def test_an_engine_that_lacks_a_library_says_which(qtbot: QtBot) -> None:
    link = EngineConnection("no_such_library:JOBS")
    listener = Listener(link, qtbot)
    link.start()
    listener.until(lambda: link.state == "failed")
    ((text,),) = listener.all("failed")
    assert "No module named 'no_such_library'" in text


def test_the_real_engine_killed_idle_tracing_and_running_comes_back_and_answers(qtbot: QtBot) -> None:
    link = EngineConnection()
    real = Listener(link, qtbot)
    link.start()
    real.until(lambda: link.state == "ready")

    kill(link)
    real.until(lambda: len(real.all("died")) == 1)
    table = link.ask("table", "table", preset("resnet152"), label="resnet152's table")
    real.until(lambda: any(part.done > 1 for part in real.of(table, "part")))
    kill(link)
    counted = real.answer(table)
    assert counted.totals.parameters == 60_192_808
    assert counted.checks.agree

    look = link.ask(
        "look", "look", ForwardSpec("sample:china", preset("resnet152")), ("layer4.2",), False, label="the look"
    )
    real.until(lambda: len(real.of(look, "part")) > 1)
    kill(link)
    (maps,) = real.answer(look).layers
    assert maps.values.shape == (2048, 7, 7)

    doings = [text.split(": it was ended by SIGKILL")[0] for (text,) in real.all("died")]
    assert doings == [
        "The engine ended",
        "The engine ended while it worked on resnet152's table",
        "The engine ended while it worked on the look",
    ]
    assert len(real.all("restarted")) == 3
    assert real.all("error", "failed") == []
    link.close()
