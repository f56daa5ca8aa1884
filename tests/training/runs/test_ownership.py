"""faults.md row 45: a run has one writer, even if processes are suspended, killed or on another machine."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from resnet_studio.training.runs import ownership, reader, run_folder, writer
from resnet_studio.training.runs.events import Ended, Noted
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.run_folder import RunError
from resnet_studio.training.runs.writer import RunWriter
from small import make_run, read_events
from waiting import wait_until

WRITER = """
import itertools, sys, time
from pathlib import Path
from resnet_studio.training.runs.events import Noted
from resnet_studio.training.runs.writer import RunWriter

with RunWriter(Path(sys.argv[1])) as run_writer:
    for number in itertools.count():
        run_writer.emit(Noted(time.time(), f"{sys.argv[2]} {number}"))
        time.sleep(0.01)
"""
FORKING = """
import os, sys, time
from pathlib import Path
from resnet_studio.training.runs.writer import RunWriter

with RunWriter(Path(sys.argv[1])):
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    time.sleep(60)
"""
"""Like the processes of a DataLoader, which outlive a killed run by some seconds."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@contextmanager
def writing(folder: Path, name: str = "first", code: str = WRITER) -> Iterator[subprocess.Popen[str]]:
    """A process that owns the run inside the block."""
    command = [sys.executable, "-c", code, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: ownership.is_alive(folder) is True and ownership.read_owner(folder) is not None)
            yield process
        finally:
            process.kill()


def silent(folder: Path) -> None:
    """Make the heartbeat 30,000 s old."""
    os.utime(folder / run_folder.HEARTBEAT, (time.time() - 30_000,) * 2)


def test_a_suspended_process_keeps_its_run(folder: Path) -> None:
    with writing(folder) as process:
        process.send_signal(signal.SIGSTOP)
        silent(folder)
        assert not [event for event in read_events(folder) if isinstance(event, Ended)], "it is still alive"
        with pytest.raises(
            RunError, match=rf"^run is still running in process {process.pid} on .* It may be suspended"
        ):
            RunWriter(folder).__enter__()
        size = (folder / run_folder.EVENTS).stat().st_size
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: (folder / run_folder.EVENTS).stat().st_size > size)
        assert {event.text.split()[0] for event in read_events(folder) if isinstance(event, Noted)} == {"first"}


def test_after_a_kill_the_run_is_free_at_once(folder: Path) -> None:
    with writing(folder) as process:
        wait_until(lambda: any(isinstance(event, Noted) for event in read_events(folder)))
        process.kill()
        process.wait()
        assert time.time() - (folder / run_folder.HEARTBEAT).stat().st_mtime < reader.HEARTBEAT_TIMEOUT
        last = read_events(folder)[-1]
        assert isinstance(last, Ended)
        assert last.how == "killed"
        with RunWriter(folder) as mine:
            mine.emit(Noted(1.0, "mine"))
            assert not isinstance(read_events(folder)[-1], Ended)


def test_forked_processes_do_not_keep_the_lock(folder: Path) -> None:
    with writing(folder, code=FORKING) as process:
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait()
            wait_until(lambda: ownership.is_alive(folder) is False)
            with RunWriter(folder):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_exactly_one_of_many_processes_can_resume_a_run(folder: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(folder), str(number)] for number in range(6)]
    with ExitStack() as stack:
        racers = [
            stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True)) for command in commands
        ]
        for racer in racers:
            stack.callback(racer.kill)
        wait_until(lambda: sum(racer.poll() is None for racer in racers) == 1)
        errors = [racer.stderr.read() for racer in racers if racer.poll() is not None]
        assert all("RunError: run is still running in process" in text for text in errors)
        assert len({event.text.split()[0] for event in read_events(folder) if isinstance(event, Noted)}) == 1


def test_checking_the_lock_never_takes_the_run(folder: Path) -> None:
    """A check holds the lock for a moment; a process that starts at that time just waits for it."""
    looks = "import sys; from pathlib import Path; from resnet_studio.training.runs import ownership\n"
    looks += "print(1, flush=True)\nwhile True: ownership.is_alive(Path(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", looks, str(folder)], stdout=subprocess.PIPE) as checker:
        try:
            checker.stdout.readline()
            for _ in range(20):
                with RunWriter(folder):
                    assert ownership.is_alive(folder) is True
        finally:
            checker.kill()


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as some network file systems."""

    def refuse(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_the_heartbeat_decides(folder: Path) -> None:
    with RunWriter(folder) as mine:
        mine.emit(Noted(1.0, "one"))
        assert ownership.is_alive(folder) is None
    assert not any(isinstance(event, Ended) for event in read_events(folder))
    silent(folder)
    assert [event.how for event in read_events(folder) if isinstance(event, Ended)] == ["killed"]


@pytest.mark.usefixtures("no_locks")
@pytest.mark.parametrize("how", ["tell", "asked"])
def test_without_locks_a_process_that_wakes_up_notices_the_new_owner_and_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(writer, "HEARTBEAT_INTERVAL", 3600.0)  # suspended: its heartbeat thread does nothing
    monkeypatch.setattr(writer, "STOP_TIMEOUT", 3600.0)
    with RunWriter(folder) as sleeper:
        sleeper.emit(Noted(1.0, "one"))
        with RunWriter(folder) as other:
            other.emit(Noted(2.0, "two"))
            monkeypatch.setattr(writer, "HEARTBEAT_INTERVAL", 0.0)
            if how == "asked":
                sleeper._write_heartbeat()
                with pytest.raises(RunError, match=r"^run: another process resumed this run, so this one"):
                    sleeper.requested(run_folder.STOP)
            with pytest.raises(RunError, match=r"^run: another process resumed this run, so this one"):
                sleeper.emit(Noted(3.0, "three"))
    assert [event.text for event in read_events(folder) if isinstance(event, Noted)] == ["one", "two"]


def test_a_run_of_another_machine_does_not_count_as_killed(folder: Path) -> None:
    """Some network file systems have locks per machine: a free lock here says nothing about another machine."""
    with RunWriter(folder):
        pass
    there = json.loads((folder / run_folder.HEARTBEAT).read_bytes()) | {"host": "lab-3"}
    (folder / run_folder.HEARTBEAT).write_text(json.dumps(there))
    assert ownership.is_alive(folder) is None
    assert not RunReader(folder).ended
    assert read_events(folder) == []
    silent(folder)
    assert [event.how for event in read_events(folder) if isinstance(event, Ended)] == ["killed"]


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 900, "3", "null", '{"host": 1}', '{"host": "a", "pid": "x"}', "x" * 2000, "\xff\0"]
)
def test_a_heartbeat_may_hold_anything(folder: Path, text: str) -> None:
    (folder / run_folder.HEARTBEAT).write_bytes(text.encode("latin-1"))
    assert ownership.read_owner(folder) is None
    assert ownership.is_alive(folder) is None
    assert read_events(folder) == []
    with RunWriter(folder):
        assert ownership.is_alive(folder) is True
