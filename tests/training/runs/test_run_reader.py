"""faults.md rows 33, 35 and 36: a reader yields every event exactly once, and always an end."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_studio.training.runs import reader as reader_module
from resnet_studio.training.runs.events import Began, Ended, Event, Measured, Noted, Saved, Stepped, to_line
from resnet_studio.training.runs.reader import HEARTBEAT_TIMEOUT, RunReader
from resnet_studio.training.runs.run_folder import EVENTS, HEARTBEAT, MANIFEST

WRITER = """
import itertools, sys, time
from pathlib import Path
from resnet_studio.training.runs.events import Noted
from resnet_studio.training.runs.writer import RunWriter

with RunWriter(Path(sys.argv[1])) as run_writer:
    for number in itertools.count(int(sys.argv[2])):
        run_writer.emit(Noted(time.time(), f"{number} " + "x" * 20_000 * (number % 4)))
"""
"""A run that writes numbered events without end, in lines of up to 60,000 bytes."""


def noted(*numbers: int) -> list[Event]:
    return [Noted(float(number), f"note {number}, naïve") for number in numbers]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a live run without events."""
    (tmp_path / EVENTS).touch()
    (tmp_path / HEARTBEAT).touch()
    return tmp_path


def write_events(folder: Path, *events: Event) -> None:
    append(folder, "".join(to_line(event) + "\n" for event in events).encode())


def append(folder: Path, data: bytes) -> None:
    with (folder / EVENTS).open("ab") as file:
        file.write(data)


def set_heartbeat(folder: Path, ago: float) -> float:
    """Set the last heartbeat to `ago` seconds ago, and return that time."""
    at = time.time() - ago
    os.utime(folder / HEARTBEAT, (at, at))
    return at


def test_every_event_comes_once_and_in_order(folder: Path) -> None:
    reader = RunReader(folder)
    assert list(reader.new_events()) == []
    write_events(folder, *noted(0, 1, 2))
    assert list(reader.new_events()) == noted(0, 1, 2)
    assert list(reader.new_events()) == []
    write_events(folder, *noted(3, 4), Ended(9.0, "finished", 110))
    assert list(reader.new_events()) == [*noted(3, 4), Ended(9.0, "finished", 110)]
    assert list(reader.new_events()) == []
    assert reader.ended
    assert reader.position == (folder / EVENTS).stat().st_size


def test_a_reader_that_stops_in_the_middle_loses_nothing(folder: Path) -> None:
    write_events(folder, *noted(0, 1, 2))
    reader = RunReader(folder)
    assert next(reader.new_events()) == noted(0)[0]
    assert list(reader.new_events()) == noted(1, 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_an_incomplete_line_is_read_once_it_is_complete(folder: Path, data: st.DataObject) -> None:
    (folder / EVENTS).write_bytes(b"")
    written = b"".join(to_line(event).encode() + b"\n" for event in noted(*range(4)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(written)), max_size=8)) | {len(written)})
    reader = RunReader(folder)
    seen: list[Event] = []
    for start, end in zip([0, *cuts], cuts, strict=False):
        append(folder, written[start:end])
        seen += reader.new_events()
        assert seen == noted(*range(written[:end].count(b"\n")))


@pytest.mark.parametrize("most", [1, 50, 200, 10_000])
def test_a_long_log_is_read_in_chunks(folder: Path, most: int) -> None:
    events = noted(*range(300))
    write_events(folder, *events)
    set_heartbeat(folder, ago=60)
    longest = max(len(to_line(event)) + 1 for event in events)
    reader, seen, calls = RunReader(folder), [], 0
    while not reader.ended:
        before = reader.position
        seen += reader.new_events(most)
        calls += 1
        assert reader.position - before < most + longest
    assert seen[:-1] == events
    assert isinstance(seen[-1], Ended)  # the end is inferred after the last event, not after the first chunk
    assert calls >= (folder / EVENTS).stat().st_size / (most + longest)


def test_all_can_be_read_at_once(folder: Path) -> None:
    events = [Noted(0.0, "x" * 100_000) for _ in range(30)]
    write_events(folder, *events)
    assert len(list(RunReader(folder).new_events())) < 30
    assert list(RunReader(folder).new_events(-1)) == events


def test_a_line_longer_than_a_chunk_is_read_whole(folder: Path) -> None:
    write_events(folder, Noted(0.0, "x" * 100_000), *noted(1))
    reader = RunReader(folder)
    assert list(reader.new_events(10)) == [Noted(0.0, "x" * 100_000)]
    assert list(reader.new_events(10)) == noted(1)


def test_lines_that_are_not_events_are_skipped(folder: Path) -> None:
    write_events(folder, *noted(0))
    append(folder, b'\n{"kind": "ended"}\n\x00\xff\xfe\n{"kind": "dreamt"}\n[[[\n' + b"[" * 100_000 + b"\n")
    write_events(folder, *noted(1))
    first, damaged, newer, last = RunReader(folder).new_events()
    assert [first, last] == noted(0, 1)
    assert damaged.text == "events.jsonl has damaged lines, which are skipped"
    assert "newer version of this program, which are skipped" in newer.text


def test_a_run_counts_as_killed_without_a_heartbeat(folder: Path) -> None:
    write_events(folder, Began(0.0, 0, 0.0, 2, "cpu", 1), Stepped(1.0, 0, (1.0,) * 7, (0.5,) * 7, (0.1,) * 7, 1.0, 9.0))
    reader = RunReader(folder)
    set_heartbeat(folder, ago=HEARTBEAT_TIMEOUT - 3)
    assert len(list(reader.new_events())) == 2
    assert not reader.ended
    last = set_heartbeat(folder, ago=HEARTBEAT_TIMEOUT + 3)
    assert list(reader.new_events()) == [
        Ended(
            pytest.approx(last, abs=1e-3),
            "killed",
            step=7,
            why="its process exited unexpectedly: it was killed, or memory or power ran out",
            lost=7,
        )
    ]
    assert reader.ended
    assert list(reader.new_events()) == []


def test_a_killed_run_loses_what_came_after_its_checkpoint(folder: Path) -> None:
    """Steps of an earlier session don't count once the run was resumed."""
    steps = (1.0,) * 7, (0.5,) * 7, (0.1,) * 7, 1.0, 9.0
    write_events(
        folder, Began(0.0, 0, 0.0, 2, "cpu", 1), Stepped(1.0, 0, *steps), Saved(1.0, 5, "checkpoints/step-5", False)
    )
    set_heartbeat(folder, ago=60)
    end = list(RunReader(folder).new_events())[-1]
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.lost) == ("killed", 7, 2)
    write_events(folder, Began(2.0, 5, 0.0, 2, "cpu", 1))
    end = list(RunReader(folder).new_events())[-1]
    assert isinstance(end, Ended)
    assert (end.how, end.step, end.lost) == ("killed", 5, 0)


def test_the_last_measured_step_is_where_a_run_was_killed(folder: Path) -> None:
    write_events(folder, Measured(1.0, "test", 220, 0.1, 0.2, 360, 1.0))
    set_heartbeat(folder, ago=60)
    assert list(RunReader(folder).new_events())[-1].step == 220


def test_a_run_with_an_end_was_not_killed(folder: Path) -> None:
    write_events(folder, Ended(1.0, "failed", 3, "the loss is not a number"))
    set_heartbeat(folder, ago=1e6)
    reader = RunReader(folder)
    assert [event.how for event in reader.new_events()] == ["failed"]
    assert list(reader.new_events()) == []


def test_an_incomplete_line_does_not_keep_a_killed_run_alive(folder: Path) -> None:
    write_events(folder, *noted(0))
    append(folder, to_line(noted(1)[0]).encode()[:-5])
    set_heartbeat(folder, ago=60)
    note, end = RunReader(folder).new_events()
    assert ([note], end.how) == (noted(0), "killed")


def test_a_resumed_run_continues_after_the_inferred_end(folder: Path) -> None:
    write_events(folder, Began(0.0, 0, 0.0, 2, "cpu", 1))
    set_heartbeat(folder, ago=60)
    reader = RunReader(folder)
    assert [event.kind for event in reader.new_events()] == ["began", "ended"]
    began = Began(100.0, 0, 0.0, 2, "cpu", 1)
    write_events(folder, began)
    set_heartbeat(folder, ago=0)
    assert list(reader.new_events()) == [began]
    assert not reader.ended
    write_events(folder, Ended(101.0, "finished", 110))
    assert list(reader.new_events()) == [Ended(101.0, "finished", 110)]
    write_events(folder, began)  # and again after an end of its own
    assert list(reader.new_events()) == [began]
    set_heartbeat(folder, ago=70)
    assert [event.how for event in reader.new_events()] == ["killed"]


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_the_clock_of_another_machine_may_be_wrong(folder: Path, skew: float) -> None:
    reader = RunReader(folder)
    set_heartbeat(folder, ago=-skew)
    assert [event.how for event in reader.new_events()] == ["killed"]  # all that is known on the first call
    for number in range(3):
        set_heartbeat(folder, ago=-skew - 1 - number)
        write_events(folder, *noted(number))
        assert list(reader.new_events()) == noted(number)
        assert not reader.ended


def test_a_killed_run_is_detected_although_the_clock_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "HEARTBEAT_TIMEOUT", 0.05)
    reader = RunReader(folder)
    set_heartbeat(folder, ago=-3600)
    assert len(list(reader.new_events())) == 1
    set_heartbeat(folder, ago=-3601)
    write_events(folder, *noted(0))
    assert list(reader.new_events()) == noted(0)
    assert [event.kind for event in until_ended(reader)] == ["ended"]


def test_before_the_first_heartbeat_the_manifest_time_counts(tmp_path: Path) -> None:
    (tmp_path / EVENTS).touch()
    (tmp_path / MANIFEST).touch()
    assert list(RunReader(tmp_path).new_events()) == []
    made = time.time() - 60
    os.utime(tmp_path / MANIFEST, (made, made))
    assert [event.time for event in RunReader(tmp_path).new_events()] == [pytest.approx(made, abs=1e-3)]


def test_an_end_arrives_without_an_events_file(tmp_path: Path) -> None:
    before = time.time()
    (end,) = RunReader(tmp_path / "gone").new_events()
    assert (end.how, end.step) == ("killed", 0)
    assert before <= end.time <= time.time()


def test_a_run_that_is_deleted_while_it_is_read_ends(folder: Path) -> None:
    write_events(folder, *noted(0))
    reader = RunReader(folder)
    assert list(reader.new_events()) == noted(0)
    for path in list(folder.iterdir()):
        path.unlink()
    folder.rmdir()
    assert [event.kind for event in reader.new_events()] == ["ended"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_reader_does_not_block_on_what_is_not_a_file(tmp_path: Path, make) -> None:
    make(tmp_path / EVENTS)
    assert [event.kind for event in RunReader(tmp_path).new_events()] == ["ended"]


def test_two_readers_both_read_everything_and_write_nothing(folder: Path) -> None:
    here, there = RunReader(folder), RunReader(folder)
    found: tuple[list[Event], list[Event]] = ([], [])
    for number in range(10):
        write_events(folder, *noted(number))
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        found[0].extend(here.new_events())
        if number % 3 == 0:
            found[1].extend(there.new_events())
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    found[1].extend(there.new_events())
    assert found[0] == found[1] == noted(*range(10))


def test_a_run_that_is_killed_again_and_again_is_read_while_it_grows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real writer, killed at random moments and started again from there."""
    monkeypatch.setattr(reader_module, "HEARTBEAT_TIMEOUT", 0.75)  # the heartbeat is written every second
    chance = random.Random(3)
    reader, seen = RunReader(folder), []
    for _ in range(4):
        wanted = len(seen) + chance.randrange(20, 200)
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(len(seen))]) as writer:
            try:
                while len(seen) < wanted:
                    assert writer.poll() is None
                    seen += [event for event in reader.new_events(50_000) if isinstance(event, Noted)]
            finally:
                writer.send_signal(signal.SIGKILL)
        *rest, end = until_ended(reader)
        assert isinstance(end, Ended)
        assert end.how == "killed"
        seen += [event for event in rest if isinstance(event, Noted)]
        assert [int(event.text.split()[0]) for event in seen] == list(range(len(seen)))
    assert len(seen) == (folder / EVENTS).read_bytes().count(b"\n")


def until_ended(reader: RunReader) -> list[Event]:
    """Poll until the end arrives, as the window's timer does."""
    events: list[Event] = []
    until = time.monotonic() + 60
    while not reader.ended:
        assert time.monotonic() < until, "no end arrived"
        events += reader.new_events()
        time.sleep(0.01)
    return events


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "torn"])
@pytest.mark.parametrize("most", [50_000, -1])
def test_a_line_of_a_hundred_megabytes_is_skipped_in_little_memory(folder: Path, most: int, whole: bool) -> None:
    write_events(folder, *noted(0))
    with (folder / EVENTS).open("r+b") as file:
        file.seek(100_000_000, os.SEEK_END)  # zeros of a sparse file, which take no disk space
        file.write(b"\n" if whole else b"x")
    reader, seen = RunReader(folder), []
    tracemalloc.start()
    try:
        while reader.position < (folder / EVENTS).stat().st_size:
            seen += reader.new_events(most)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * reader_module.MAX_LINE_BYTES
    append(folder, b"" if whole else b"y\n")
    write_events(folder, *noted(1))
    seen += reader.new_events()
    note, problem, last = seen
    assert [note, last] == noted(0, 1)
    assert problem.text == "events.jsonl has a line of more than 4 MB, which is skipped"


@pytest.mark.parametrize(
    "number", ["1" + "0" * 400, "-1", str(2**53 + 1), "1e999", "NaN", "1.5", "true", "null", '"7"']
)
@pytest.mark.parametrize("field", ["step", "images", "first"])
def test_an_impossible_count_is_skipped_and_reported(folder: Path, field: str, number: str) -> None:
    event = Measured(1.0, "test", 11, 0.1, 0.2, 360, 1.0) if field != "first" else Stepped(
        1.0, 0, (1.0,), (0.5,), (0.1,), 1.0, 9.0
    )  # fmt: skip
    values = json.loads(to_line(event))
    line = json.dumps(values | {field: "HERE"}).replace('"HERE"', number)
    append(folder, line.encode() + b"\n")
    write_events(folder, event)
    problem, read = RunReader(folder).new_events()
    assert read == event
    assert problem.text == "events.jsonl has damaged lines, which are skipped"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "null"])
def test_what_is_not_a_number_is_read_as_nan(folder: Path, number: str) -> None:
    values = json.loads(to_line(Ended(1.0, "failed", 3)))
    append(folder, json.dumps(values | {"time": "HERE"}).replace('"HERE"', number).encode() + b"\n")
    (end,) = RunReader(folder).new_events()
    assert math.isnan(end.time)
