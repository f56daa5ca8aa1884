"""The writer of a run: events are written before the listener is called, the heartbeat, and a single end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Ended, Event, Noted
from resnet_studio.training.runs.run_folder import RunError
from resnet_studio.training.runs.writer import NullSink, RunWriter, end_reason, stop_on_signals
from small import make_run, read_events
from waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def note(text: str) -> Noted:
    return Noted(1.0, text)


def test_an_event_is_written_before_the_listener_is_called(folder: Path) -> None:
    seen: list[list[Event]] = []
    with RunWriter(folder, lambda event: seen.append(read_events(folder))) as run_writer:
        run_writer.emit(note("one"))
        run_writer.emit(note("two"))
    assert seen == [[note("one")], [note("one"), note("two")]]


def test_nothing_is_written_after_an_end(folder: Path) -> None:
    end = Ended(2.0, "finished", 3)
    with RunWriter(folder) as run_writer:
        run_writer.emit(end)
        run_writer.emit(note("late"))
    assert read_events(folder) == [end]


def test_an_exception_ends_the_run_as_failed(folder: Path) -> None:

    def fail() -> None:
        with RunWriter(folder) as run_writer:
            run_writer.saved_step = 7
            raise ValueError("lr: too high\nand more")

    with pytest.raises(ValueError, match="lr"):
        fail()
    [end] = read_events(folder)
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.why) == ("failed", 7, "lr: too high")


def test_ctrl_c_before_the_first_event_is_a_stop(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunWriter(folder):
        raise KeyboardInterrupt
    [end] = read_events(folder)
    assert isinstance(end, Ended)
    assert end.how == "stopped"


def test_the_heartbeat_is_touched(folder: Path) -> None:
    with RunWriter(folder):
        heartbeat = folder / run_folder.HEARTBEAT
        os.utime(heartbeat, (0, 0))
        wait_until(lambda: heartbeat.stat().st_mtime > 1)


def test_requests_are_files_and_stale_ones_are_removed(folder: Path) -> None:
    run_folder.make_request(folder, run_folder.STOP)
    run_folder.make_request(folder, run_folder.STOP_NOW)
    run_folder.make_request(folder, run_folder.PAUSE)
    with RunWriter(folder) as run_writer:
        assert not run_writer.requested(run_folder.STOP_NOW)
        assert not run_writer.requested(run_folder.STOP)
        assert not run_writer.requested(run_folder.PAUSE)
        run_folder.make_request(folder, run_folder.PAUSE)
        assert run_writer.requested(run_folder.PAUSE)
        run_folder.withdraw_request(folder, run_folder.PAUSE)
        assert not run_writer.requested(run_folder.PAUSE)
        run_folder.make_request(folder, run_folder.STOP)
        assert run_writer.requested(run_folder.STOP)


def test_a_removed_folder_is_a_stop_request(folder: Path) -> None:
    with RunWriter(folder) as run_writer:
        folder.rename(folder.with_name("trash"))
        wait_until(lambda: run_writer.requested(run_folder.STOP))
        assert not run_writer.requested(run_folder.PAUSE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_stop_request(folder: Path, number: signal.Signals) -> None:
    before, null_sink = signal.getsignal(number), NullSink()
    with RunWriter(folder) as run_writer, stop_on_signals(run_writer), stop_on_signals(null_sink):
        os.kill(os.getpid(), number)
        wait_until(lambda: null_sink.requested(run_folder.STOP))
        assert not run_writer.requested(run_folder.STOP), "the signal goes to the innermost block"
        assert not null_sink.requested(run_folder.PAUSE)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_a_stop_now_request(folder: Path, first: signal.Signals) -> None:
    counts: list[int] = []
    with RunWriter(folder) as run_writer, stop_on_signals(run_writer, counts.append):
        os.kill(os.getpid(), first)
        wait_until(lambda: run_writer.requested(run_folder.STOP))
        assert not run_writer.requested(run_folder.STOP_NOW)
        os.kill(os.getpid(), signal.SIGINT)
        wait_until(lambda: run_writer.requested(run_folder.STOP_NOW))
        wait_until(lambda: counts == [1, 2])


def test_a_request_to_an_experiment_applies_to_its_run(folder: Path) -> None:
    with RunWriter(folder, parents=[folder.parent]) as run_writer:
        assert not run_writer.requested(run_folder.STOP)
        run_folder.make_request(folder.parent, run_folder.STOP_NOW)
        assert run_writer.requested(run_folder.STOP_NOW)
        assert run_writer.requested(run_folder.STOP), "a step that ends meanwhile is the last"
        assert not run_writer.requested(run_folder.PAUSE)


def test_a_failed_run_reports_how_many_steps_are_lost(folder: Path) -> None:
    def fail() -> None:
        with RunWriter(folder) as run_writer:
            run_writer.saved_step, run_writer.trained_steps = 7, 19
            raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="disk"):
        fail()
    [end] = read_events(folder)
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.lost) == ("failed", 7, 12)


def test_an_incomplete_last_line_is_truncated(folder: Path) -> None:
    with RunWriter(folder) as run_writer:
        run_writer.emit(note("one"))
    with (folder / run_folder.EVENTS).open("a") as file:
        file.write('{"kind": "noted", "time": 1.0, "te')
    with RunWriter(folder) as run_writer:
        run_writer.emit(note("two"))
        assert read_events(folder) == [note("one"), note("two")]


STRANGE = {
    "link": lambda path, outside: path.symlink_to(outside),
    "new": lambda path, outside: path.symlink_to(outside.with_name("new")),
    "pipe": lambda path, outside: os.mkfifo(path),
    "device": lambda path, outside: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize(
    "name",
    [
        *run_folder.RUN_ENTRIES,
        "checkpoints/step-0000100",
        "checkpoints/step-0000100/weights.safetensors",
        "probes/a.npz",
    ],
)
def test_a_run_with_links_out_of_its_folder_is_rejected_by_name(tmp_path: Path, folder: Path, name: str, make) -> None:
    """A run from elsewhere: resuming it would append to a shell's start-up file, or delete a folder."""
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    (home / "bashrc").write_text("mine")
    place = folder / name
    place.parent.mkdir(exist_ok=True)
    if place.is_dir():
        place.rmdir()
    place.unlink(missing_ok=True)
    make(place, home / "folder" if "." not in place.name else home / "bashrc")
    before = {path: path.lstat().st_mtime_ns for path in [*home.rglob("*"), *folder.rglob("*")]}
    with pytest.raises(RunError, match=f"^run: {name} is a link, a pipe or a device"):
        RunWriter(folder).__enter__()
    assert {path: path.lstat().st_mtime_ns for path in [*home.rglob("*"), *folder.rglob("*")]} == before


def test_events_with_a_hard_link_elsewhere_are_not_appended_to(tmp_path: Path, folder: Path) -> None:
    os.link(folder / run_folder.EVENTS, tmp_path / "bashrc")
    with pytest.raises(RunError, match=r"^run: events.jsonl has another hard link"):
        RunWriter(folder).__enter__()


FULL = """
import resource, sys, time
from pathlib import Path
from resnet_studio.training.runs.events import Ended, Noted
from resnet_studio.training.runs.writer import RunWriter

received = []
with RunWriter(Path(sys.argv[1]), received.append) as run_writer:
    run_writer.emit(Noted(1.0, "before"))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1], "events.jsonl").stat().st_size + 30, hard))
    for number in range(5):
        run_writer.emit(Noted(2.0, f"while {number}"))
    if sys.argv[2] == "room":
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        run_writer.emit(Noted(3.0, "after"))
    run_writer.emit(Ended(4.0, "finished", 9))
print(*(event.text for event in received if isinstance(event, Noted)), sep="|")
"""
"""A file that can't grow for a while, as on a full disk."""


def test_events_are_buffered_while_the_disk_is_full(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, folder, "room"], capture_output=True, text=True, check=True)
    notes = [event.text for event in read_events(folder) if isinstance(event, Noted)]
    assert notes == ["before", *(f"while {number}" for number in range(5)), "after"]
    assert read_events(folder)[-1] == Ended(4.0, "finished", 9)
    received = done.stdout.strip().split("|")
    assert received[1].startswith(f"{folder / run_folder.EVENTS}: the file is too large for this disk. ")
    assert received[1].endswith(". Events are written once there is space")
    assert [*received[:1], *received[2:]] == notes


def test_a_disk_that_stays_full_ends_in_an_error_that_names_the_file(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, folder, "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"OSError: [Errno 27] File too large: '{folder / run_folder.EVENTS}'" in done.stderr
    assert [event.text for event in read_events(folder) if isinstance(event, Noted)] == ["before"]


def test_a_reason_is_one_line() -> None:
    assert end_reason(OSError(28, "No space left on device", "/data/x")).startswith("/data/x: the disk is full")
    assert "the disk is full" in end_reason(OSError(28, "No space left on device"))
    assert end_reason(ValueError("one\ntwo")) == "one"
    assert end_reason(AssertionError()) == "AssertionError"
