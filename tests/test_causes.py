"""Messages of errors, whoever raised them, here and after they crossed from the engine."""

from __future__ import annotations

import errno
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.atomic import write_file
from resnet_studio.causes import OF_THE_SYSTEM, describe, is_own_error, message_of, os_reason
from resnet_studio.engine.protocol import picklable
from resnet_studio.files import read_file
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.parsing import parse_weights
from resnet_studio.networks.presets import preset


def raised(call: Callable[[], object]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


OURS: dict[str, Callable[[], object]] = {
    "a ValueError of ours": lambda: preset("resnet19"),
    "one from within an except": lambda: read_file(Path("missing"), 10),
    "one by hand": lambda: parse_weights("random:x"),
}
THEIRS: dict[str, tuple[Callable[[], object], str]] = {
    "re": (lambda: re.compile("("), "re"),
    "json": (lambda: json.loads("{"), "json"),
    "a built-in called by us": (lambda: parse_weights(None), "resnet_studio"),  # type: ignore[arg-type]
    "a built-in": (lambda: int("x"), "test_causes"),
}


@pytest.mark.parametrize("name", OURS)
def test_own_errors_keep_their_message(name: str) -> None:
    error = raised(OURS[name])
    assert is_own_error(error)
    assert describe(error) == str(error).rstrip(".")
    assert message_of(picklable(error)) == str(error)


def test_what_the_system_refuses_is_said_in_our_words_whoever_passed_it_on(tmp_path: Path) -> None:
    """`write_file` raises the error again, with the path that the user named."""
    path = tmp_path / "nowhere" / "file"
    error = raised(lambda: write_file(path, b""))
    assert describe(error) == f"{path}: {OF_THE_SYSTEM[errno.ENOENT]}"
    assert message_of(picklable(error)) == describe(error)


@pytest.mark.parametrize("name", THEIRS)
def test_errors_of_libraries_get_a_message_of_ours(name: str) -> None:
    call, place = THEIRS[name]
    error = raised(call)
    text, theirs = describe(error), str(error)
    assert not is_own_error(error)
    assert theirs not in text
    assert f"unexpected error in {place}" in text
    assert text.count(". ") >= 1  # and what to do


def test_a_librarys_error_keeps_its_message_between_processes() -> None:
    error = picklable(raised(lambda: re.compile("(")))
    again = pickle.loads(pickle.dumps(error))
    assert message_of(again) == message_of(error)
    assert "unexpected error in re " in message_of(again)
    assert "unterminated" not in message_of(again)
    assert any("unterminated subpattern" in note for note in again.__notes__)  # for a report
    assert message_of(pickle.loads(pickle.dumps(picklable(WeightsError("a.pth", "is empty"))))) == "a.pth is empty"


@pytest.mark.parametrize("text", ["[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: not enough memory",
                                  "CUDA out of memory. Tried to allocate 20.00 MiB"])  # fmt: skip
def test_every_kind_of_out_of_memory_error_is_recognized(text: str) -> None:
    assert describe(RuntimeError(text)).startswith("not enough memory. Close other programs")


@pytest.mark.parametrize("number", OF_THE_SYSTEM)
def test_errors_of_the_system_say_what_to_do(number: int) -> None:
    reason = os_reason(OSError(number, "the system's words", "/data/x"))
    assert re.fullmatch(r"[a-z][^.]+(\. [A-Z]|, or c)[^.]+", reason) or reason.count(". ") == 1
    assert describe(OSError(number, "the system's words", "/data/x")) == f"/data/x: {reason}"


def test_a_rare_error_of_the_system_is_quoted() -> None:
    assert os_reason(OSError(errno.EPIPE, "Broken pipe")).startswith("system error: ")
