"""The window's connection with the engine: what is told, what is not, and what a death costs. Real processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QSocketNotifier, QTimer
from pytestqt.qtbot import QtBot

from resnet_studio.engine.messages import EngineDiedError
from resnet_studio.gui.engine_link import PATIENCE, EngineLink
from resnet_studio.inference.values import RandomWeights
from resnet_studio.networks.presets import preset

STUBS = Path(__file__).parents[1] / "engine"
SIGNALS = ("ready", "started", "part", "answer", "error", "died", "restarted", "failed", "state_changed")
LONG = 60_000  # milliseconds until a test gives up


class Listener:
    """Keeps every signal of a link in order, as (name, arguments)."""

    def __init__(self, link: EngineLink, qtbot: QtBot) -> None:
        self.link, self.qtbot = link, qtbot
        self.heard: list[tuple[str, tuple[Any, ...]]] = []
        for name in SIGNALS:
            getattr(link, name).connect(lambda *arguments, name=name: self.heard.append((name, arguments)))

    def all(self, *names: str) -> list[tuple[Any, ...]]:
        return [arguments for name, arguments in self.heard if name in names]

    def of(self, number: int, *names: str) -> list[Any]:
        return [arguments[-1] for arguments in self.all(*names) if arguments[1] == number]

    def until(self, condition: Callable[[], object]) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=LONG)

    def answer(self, number: int) -> Any:
        self.until(lambda: self.of(number, "answer", "error"))
        return self.of(number, "answer", "error")[0]

    def working_on(self, number: int) -> None:
        self.until(lambda: self.of(number, "part"))


def kill(link: EngineLink) -> None:
    os.kill(link.pid, signal.SIGKILL)


@pytest.fixture
def link(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineLink]:
    monkeypatch.syspath_prepend(STUBS)
    link = EngineLink("stub_jobs:JOBS")
    yield link
    link.close()


@pytest.fixture
def listener(link: EngineLink, qtbot: QtBot) -> Listener:
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
    link = EngineLink("dying_jobs:JOBS")
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
    link = EngineLink("no_such_library:JOBS")
    listener = Listener(link, qtbot)
    link.start()
    listener.until(lambda: link.state == "failed")
    ((text,),) = listener.all("failed")
    assert "No module named 'no_such_library'" in text


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


def test_the_real_engine_killed_idle_tracing_and_running_comes_back_and_answers(qtbot: QtBot) -> None:
    link = EngineLink()
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
        "look", "look", "sample:china", preset("resnet152"), RandomWeights(), "cpu", ("layer4.2",), label="the look"
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
