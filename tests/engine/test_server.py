"""The engine's loop, in a real process with jobs that need no torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.engine.process import EngineProcess
from resnet_studio.engine.protocol import CANCEL, CHUNK_SIZE, Reply, Request

ENDS = ("answer", "error", "dropped")


class Client:
    """Sends requests at once and stores every reply."""

    def __init__(self, engine: EngineProcess) -> None:
        self.engine = engine
        self.replies: list[Reply] = []
        self.number = 0

    def request(self, lane: str, job: str, *arguments: object) -> int:
        self.number += 1
        self.engine.send(Request(lane, self.number, job, arguments))
        return self.number

    def wait(self, number: int, *kinds: str) -> Reply:
        """The first reply of these kinds to the request, received already or still to come."""
        for reply in self.replies:
            if reply.number == number and reply.kind in kinds:
                return reply
        while True:
            assert self.engine.poll(30), f"no {kinds} for request {number} in {self.replies}"
            reply = self.engine.receive()
            if reply:
                self.replies.append(reply)
                if reply.number == number and reply.kind in kinds:
                    return reply

    def end(self, number: int) -> Reply:
        return self.wait(number, *ENDS)

    def of_kind(self, *kinds: str) -> list[Reply]:
        return [reply for reply in self.replies if reply.kind in kinds]


@pytest.fixture
def client() -> Iterator[Client]:
    engine = EngineProcess("stub_jobs:JOBS")
    yield Client(engine)
    engine.stop()


@pytest.fixture
def gate(client: Client, tmp_path: Path) -> Path:
    """The engine is in the middle of a step in lane "gate" until this file is there."""
    file = tmp_path / "gate"
    client.wait(client.request("gate", "wait_for", str(file)), "part")
    return file


def test_a_job_sends_its_parts_and_then_its_answer(client: Client) -> None:
    number = client.request("lane", "count", 3)
    client.end(number)
    replies = [(reply.kind, reply.value) for reply in client.replies if reply.number == number]
    assert replies == [("started", None), ("part", 0), ("part", 1), ("part", 2), ("answer", 3)]


def test_of_twenty_requests_in_a_lane_the_first_is_ended_eighteen_never_begin_and_the_last_is_answered(
    client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "gate"
    numbers = [client.request("table", "wait_for", str(file))]
    client.wait(numbers[0], "part")
    numbers += [client.request("table", "echo", count) for count in range(2, 21)]
    file.touch()
    assert client.end(numbers[-1]) == Reply("table", numbers[-1], "answer", 20)
    assert [reply.number for reply in client.of_kind("started")] == [numbers[0], numbers[-1]]
    assert [reply.number for reply in client.of_kind("dropped")] == numbers[:-1]


def test_every_request_ends_exactly_once(client: Client, gate: Path) -> None:
    numbers = [client.request(lane, "count", 5) for _ in range(4) for lane in "abc"]
    gate.touch()
    for number in numbers:
        client.end(number)
    assert sorted(reply.number for reply in client.of_kind(*ENDS) if reply.lane != "gate") == numbers


def test_lanes_take_turns_so_that_a_long_job_blocks_nothing(client: Client, gate: Path) -> None:
    long = client.request("verify", "count", 1000)
    short = client.request("table", "count", 3)
    gate.touch()
    client.end(short)
    parts = [reply.lane for reply in client.of_kind("part", "answer") if reply.lane != "gate"]
    assert parts == ["verify", "table"] * 4
    assert client.end(long).value == 1000


def test_a_lane_with_repeated_requests_keeps_its_turn(client: Client, gate: Path) -> None:
    """Otherwise a table that is requested at every keystroke would always wait behind the verification."""
    first = client.request("table", "echo", "first")
    verification = client.request("verify", "count", 3)
    last = client.request("table", "echo", "last")
    gate.touch()
    assert client.end(verification).value == 3
    assert client.end(first).kind == "dropped"
    started = dict.fromkeys(reply.number for reply in client.of_kind("started") if reply.lane != "gate")
    assert list(started) == [last, verification]


def test_started_names_the_request_that_is_worked_on(client: Client, gate: Path) -> None:
    a, b = client.request("a", "count", 2), client.request("b", "count", 2)
    gate.touch()
    client.end(a)
    client.end(b)
    working = 0
    for reply in client.replies[1:]:
        if reply.kind == "started":
            assert reply.number != working
            working = reply.number
        elif reply.kind in ("part", "answer"):
            assert reply.number == working


def test_a_cancel_ends_the_running_job_and_lets_it_clean_up(client: Client, tmp_path: Path) -> None:
    running = client.request("a", "slowly", 0.01)
    client.wait(running, "part")
    counting = client.request("b", "count", 10**9, str(tmp_path / "tidied"))
    client.wait(counting, "part")
    nothing = client.request("b", CANCEL)
    assert client.end(counting).kind == client.end(nothing).kind == "dropped"
    assert (tmp_path / "tidied").exists()
    client.request("a", CANCEL)
    assert client.end(running).kind == "dropped"
    assert client.end(client.request("b", "echo", "alive")).value == "alive"


def test_a_cancel_ends_at_once_if_nothing_runs(client: Client) -> None:
    assert client.end(client.request("a", CANCEL)).kind == "dropped"


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("value", ValueError, "an ordinary error"),
        ("end of file", EOFError, "a job's own end of file"),
        ("holding", RuntimeError, "HoldingError: can't be pickled"),
        ("needs two", RuntimeError, "NeedsTwoError: this and that"),
        ("exit", RuntimeError, "SystemExit: 3"),
    ],
)
def test_whatever_a_job_raises_is_its_answer_and_the_engine_goes_on(
    client: Client, what: str, kind: type[Exception], text: str
) -> None:
    reply = client.end(client.request("lane", "fail", what))
    assert reply.kind == "error"
    assert type(reply.value) is kind
    assert str(reply.value) == text
    assert "stub_jobs.py" in "".join(reply.value.__notes__), "the traceback goes along"
    assert client.end(client.request("lane", "echo", 1)).value == 1


def test_a_value_that_cannot_be_sent_is_an_error_and_ends_the_job(client: Client) -> None:
    reply = client.end(client.request("lane", "fail", "value that can't be pickled"))
    assert reply.kind == "error"
    assert "pickle" in str(reply.value)
    assert client.end(client.request("lane", "echo", 1)).value == 1


@pytest.mark.parametrize("request_", [("no such job",), ("echo",), ("echo", 1, 2)])
def test_an_unknown_job_and_wrong_arguments_are_errors(client: Client, request_: tuple[object, ...]) -> None:
    job, *arguments = request_
    assert client.end(client.request("lane", str(job), *arguments)).kind == "error"
    assert client.end(client.request("lane", "echo", 1)).value == 1


def test_arrays_arrive_complete_and_in_chunks(client: Client) -> None:
    size = 10 * CHUNK_SIZE + 4
    number = client.request("lane", "frames", 2, size)
    pieces = 0
    while client.engine.poll(30):
        pieces += 1
        reply = client.engine.receive()
        if reply and reply.kind == "part" and reply.value[0] == 1:
            break
    assert pieces > 2 * 11, "so the window could have processed its events between any two of them"
    assert reply.value.dtype == np.float32
    assert np.array_equal(reply.value, np.ones(size // 4))
    assert client.end(number).value == 2


@pytest.mark.parametrize(
    "value", [None, "", (), b"", np.zeros(0), np.zeros((2, 0, 3)), np.float32(1), [np.ones(3)] * 2]
)
def test_small_and_empty_values_arrive_unchanged(client: Client, value: object) -> None:
    assert repr(client.end(client.request("lane", "echo", value)).value) == repr(value)
