"""The engine's process: it starts from any program, has a lower priority, and ends with the window."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resnet_studio.engine.process import EngineProcess
from resnet_studio.engine.protocol import Reply, Request
from waiting import wait_until

HELPERS = Path(__file__).parents[1] / "helpers"
STARTS_AN_ENGINE = f"""
import sys
sys.path.append({str(HELPERS)!r})
from resnet_studio.engine.protocol import Request
from resnet_studio.engine.process import EngineProcess

engine = EngineProcess("stub_jobs:JOBS")
engine.send(Request("lane", 1, "echo", ("done",)))
while (reply := engine.receive()) is None or reply.kind != "answer":
    pass
print(reply.value, *(name for name in ("torch", "PySide6") if name in sys.modules))
engine.stop()
"""


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    engine = EngineProcess("stub_jobs:JOBS")
    yield engine
    engine.stop()


def next_reply(engine: EngineProcess) -> Reply:
    while engine.poll(30):
        reply = engine.receive()
        if reply:
            return reply
    raise TimeoutError("no reply from the engine")


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def python(*arguments: str | Path, folder: Path, text: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        input=text, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_ready_comes_first_with_the_versions(engine: EngineProcess) -> None:
    reply = next_reply(engine)
    assert reply.kind == "ready"
    assert reply.value["torch"].count(".") >= 2


def test_the_engine_has_a_lower_priority_than_the_window(engine: EngineProcess) -> None:
    assert next_reply(engine).kind == "ready"
    assert psutil.Process(engine.pid).nice() == min(19, psutil.Process().nice() + 10)


@pytest.mark.parametrize("way", ["script", "module", "command", "standard input", "console program"])
def test_it_starts_from_every_kind_of_program_without_torch_there(tmp_path: Path, way: str) -> None:
    """None of these has a guard `if __name__ == "__main__"`: the engine does not import them."""
    (tmp_path / "package").mkdir()
    for name in ("program.py", "program", "package/__main__.py"):
        (tmp_path / name).write_text(STARTS_AN_ENGINE)
    arguments = {
        "script": ["program.py"],
        "console program": ["program"],
        "module": ["-m", "package"],
        "command": ["-c", STARTS_AN_ENGINE],
        "standard input": ["-"],
    }
    assert python(*arguments[way], folder=tmp_path, text=STARTS_AN_ENGINE) == "done"


@pytest.mark.parametrize("job", ["stuck", "computing"])
def test_stop_ends_it_in_the_middle_of_a_job(tmp_path: Path, job: str) -> None:
    engine = EngineProcess("stub_jobs:JOBS")
    engine.send(Request("lane", 1, job, (str(tmp_path / "begun"),)))
    wait_until((tmp_path / "begun").exists)
    assert "SIGKILL" in engine.stop()
    assert not psutil.pid_exists(engine.pid)


def test_death_is_raised_after_all_earlier_replies(engine: EngineProcess) -> None:
    engine.send(Request("lane", 1, "die"))
    assert [next_reply(engine).kind for _ in range(3)] == ["ready", "started", "part"]
    with pytest.raises((EOFError, OSError)):
        next_reply(engine)


@pytest.mark.parametrize("job", ["stuck", "computing", "wait_for", "steps_until"])
def test_a_killed_window_leaves_no_engine_behind(tmp_path: Path, job: str) -> None:
    program = f"""
import sys
sys.path.append({str(HELPERS)!r})
from resnet_studio.engine.protocol import Request
from resnet_studio.engine.process import EngineProcess
engine = EngineProcess("stub_jobs:JOBS")
engine.send(Request("lane", 1, {job!r}, ({str(tmp_path / "file")!r},)))
while (reply := engine.receive()) is None or reply.kind != "part":
    pass
print(engine.pid, flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as window:
        assert window.stdout
        engine = psutil.Process(int(window.stdout.readline()))
        if job in ("stuck", "computing"):
            wait_until((tmp_path / "file").exists)
        assert not has_ended(engine)
        window.kill()
    wait_until(lambda: has_ended(engine))


def test_an_engine_that_nobody_stops_ends_with_its_program(tmp_path: Path) -> None:
    program = STARTS_AN_ENGINE.replace("engine.stop()", "print(engine.pid)")
    pid = int(python("-c", program, folder=tmp_path).split()[-1])
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("jobs", "reason"),
    [("no_such_module:JOBS", "No module named 'no_such_module'"), ("stub_jobs:NO_JOBS", "NO_JOBS")],
)
def test_an_engine_that_cannot_start_sends_the_reason(jobs: str, reason: str) -> None:
    engine = EngineProcess(jobs)
    try:
        reply = next_reply(engine)
        assert reply.kind == "failed"
        assert reason in str(reply.value)
        with pytest.raises((EOFError, OSError)):
            next_reply(engine)
    finally:
        assert "exit code 1" in engine.stop()


def test_starting_and_stopping_leaves_no_open_files() -> None:
    def cycle() -> None:
        engine = EngineProcess("stub_jobs:JOBS")
        assert next_reply(engine).kind == "ready"
        engine.stop()

    cycle()  # multiprocessing's resource tracker starts with the first
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(5):
        cycle()
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
