"""The journal of a run: nothing is told before it is written, its heart beats, and it has one end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nursery import until
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Ended, Event, Noted
from resnet_studio.training.runs.run_folder import RunError
from resnet_studio.training.runs.writer import NullSink, RunWriter, reason, stopping_on_signals
from small import events, make_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def note(text: str) -> Noted:
    return Noted(1.0, text)


def test_an_event_is_written_before_anybody_is_told(folder: Path) -> None:
    seen: list[list[Event]] = []
    with RunWriter(folder, lambda event: seen.append(events(folder))) as journal:
        journal.tell(note("one"))
        journal.tell(note("two"))
    assert seen == [[note("one")], [note("one"), note("two")]]


def test_nothing_follows_an_end(folder: Path) -> None:
    end = Ended(2.0, "finished", 3)
    with RunWriter(folder) as journal:
        journal.tell(end)
        journal.tell(note("late"))
    assert events(folder) == [end]


def test_an_exception_ends_the_run_as_failed(folder: Path) -> None:

    def fail() -> None:
        with RunWriter(folder) as journal:
            journal.step = 7
            raise ValueError("lr: too high\nand more")

    with pytest.raises(ValueError, match="lr"):
        fail()
    [end] = events(folder)
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.why) == ("failed", 7, "lr: too high")


def test_ctrl_c_before_anything_is_a_stop(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RunWriter(folder):
        raise KeyboardInterrupt
    [end] = events(folder)
    assert isinstance(end, Ended)
    assert end.how == "stopped"


def test_the_heart_beats(folder: Path) -> None:
    with RunWriter(folder):
        heartbeat = folder / run_folder.HEARTBEAT
        os.utime(heartbeat, (0, 0))
        until(lambda: heartbeat.stat().st_mtime > 1)


def test_requests_are_files_and_old_ones_are_void(folder: Path) -> None:
    run_folder.request(folder, run_folder.STOP)
    run_folder.request(folder, run_folder.STOP_NOW)
    run_folder.request(folder, run_folder.PAUSE)
    with RunWriter(folder) as journal:
        assert not journal.asked_to(run_folder.STOP_NOW)
        assert not journal.asked_to(run_folder.STOP)
        assert not journal.asked_to(run_folder.PAUSE)
        run_folder.request(folder, run_folder.PAUSE)
        assert journal.asked_to(run_folder.PAUSE)
        run_folder.withdraw(folder, run_folder.PAUSE)
        assert not journal.asked_to(run_folder.PAUSE)
        run_folder.request(folder, run_folder.STOP)
        assert journal.asked_to(run_folder.STOP)


def test_a_folder_that_is_gone_is_a_stop(folder: Path) -> None:
    with RunWriter(folder) as journal:
        folder.rename(folder.with_name("trash"))
        until(lambda: journal.asked_to(run_folder.STOP))
        assert not journal.asked_to(run_folder.PAUSE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_stop(folder: Path, number: signal.Signals) -> None:
    before, mute = signal.getsignal(number), NullSink()
    with RunWriter(folder) as journal, stopping_on_signals(journal), stopping_on_signals(mute):
        os.kill(os.getpid(), number)
        until(lambda: mute.asked_to(run_folder.STOP))
        assert not journal.asked_to(run_folder.STOP), "it went to the one that asked last"
        assert not mute.asked_to(run_folder.PAUSE)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_a_stop_at_once(folder: Path, first: signal.Signals) -> None:
    told: list[int] = []
    with RunWriter(folder) as journal, stopping_on_signals(journal, told.append):
        os.kill(os.getpid(), first)
        until(lambda: journal.asked_to(run_folder.STOP))
        assert not journal.asked_to(run_folder.STOP_NOW)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: journal.asked_to(run_folder.STOP_NOW))
        until(lambda: told == [1, 2])


def test_what_is_asked_of_an_experiment_is_asked_of_its_run(folder: Path) -> None:
    with RunWriter(folder, above=[folder.parent]) as journal:
        assert not journal.asked_to(run_folder.STOP)
        run_folder.request(folder.parent, run_folder.STOP_NOW)
        assert journal.asked_to(run_folder.STOP_NOW)
        assert journal.asked_to(run_folder.STOP), "a step that ends meanwhile is the last"
        assert not journal.asked_to(run_folder.PAUSE)


def test_a_failed_run_says_how_many_steps_are_lost(folder: Path) -> None:
    def fail() -> None:
        with RunWriter(folder) as journal:
            journal.step, journal.trained = 7, 19
            raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="disk"):
        fail()
    [end] = events(folder)
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.lost) == ("failed", 7, 12)


def test_a_torn_last_line_is_taken_away(folder: Path) -> None:
    with RunWriter(folder) as journal:
        journal.tell(note("one"))
    with (folder / run_folder.EVENTS).open("a") as file:
        file.write('{"kind": "noted", "time": 1.0, "te')
    with RunWriter(folder) as journal:
        journal.tell(note("two"))
        assert events(folder) == [note("one"), note("two")]


STRANGE = {
    "link": lambda path, outside: path.symlink_to(outside),
    "new": lambda path, outside: path.symlink_to(outside.with_name("new")),
    "pipe": lambda path, outside: os.mkfifo(path),
    "device": lambda path, outside: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize(
    "name",
    [*run_folder.OWN, "checkpoints/step-0000100", "checkpoints/step-0000100/weights.safetensors", "probes/a.npz"],
)
def test_a_run_that_leads_out_of_its_folder_is_refused_by_name(tmp_path: Path, folder: Path, name: str, make) -> None:
    """Of somebody else's runs: to go on with one would append to a shell's start file, or clear away a folder."""
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


def test_a_log_with_a_second_name_elsewhere_is_not_appended_to(tmp_path: Path, folder: Path) -> None:
    os.link(folder / run_folder.EVENTS, tmp_path / "bashrc")
    with pytest.raises(RunError, match=r"^run: events.jsonl has a second name elsewhere \(a hard link\)"):
        RunWriter(folder).__enter__()


FULL = """
import resource, sys, time
from pathlib import Path
from resnet_studio.training.runs.events import Ended, Noted
from resnet_studio.training.runs.writer import Journal

heard = []
with Journal(Path(sys.argv[1]), heard.append) as journal:
    journal.tell(Noted(1.0, "before"))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1], "events.jsonl").stat().st_size + 30, hard))
    for number in range(5):
        journal.tell(Noted(2.0, f"while {number}"))
    if sys.argv[2] == "room":
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        journal.tell(Noted(3.0, "after"))
    journal.tell(Ended(4.0, "finished", 9))
print(*(event.text for event in heard if isinstance(event, Noted)), sep="|")
"""
"""A file that takes no more for a while, as on a disk that is full."""


def test_events_wait_while_the_disk_is_full(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, folder, "room"], capture_output=True, text=True, check=True)
    notes = [event.text for event in events(folder) if isinstance(event, Noted)]
    assert notes == ["before", *(f"while {number}" for number in range(5)), "after"]
    assert events(folder)[-1] == Ended(4.0, "finished", 9)
    heard = done.stdout.strip().split("|")
    assert heard[1].startswith(f"{folder / run_folder.EVENTS}: a file can't be that large there. ")
    assert heard[1].endswith(". Events wait until there is room")
    assert [*heard[:1], *heard[2:]] == notes


def test_where_the_disk_stays_full_the_end_is_an_error_that_names_the_file(folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, folder, "none"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"OSError: [Errno 27] File too large: '{folder / run_folder.EVENTS}'" in done.stderr
    assert [event.text for event in events(folder) if isinstance(event, Noted)] == ["before"]


def test_a_reason_is_one_line() -> None:
    assert reason(OSError(28, "No space left on device", "/data/x")).startswith("/data/x: the disk is full")
    assert "the disk is full" in reason(OSError(28, "No space left on device"))
    assert reason(ValueError("one\ntwo")) == "one"
    assert reason(AssertionError()) == "AssertionError"
