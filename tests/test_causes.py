"""What is said of errors, whoever raised them, here and after they have crossed from the engine."""

from __future__ import annotations

import errno
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.causes import OF_THE_SYSTEM, cause, is_ours, sentence, why
from resnet_studio.engine.protocol import crossing
from resnet_studio.files import read_file
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.parsing import weights_named
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
    "one by hand": lambda: weights_named("random:x"),
}
THEIRS: dict[str, tuple[Callable[[], object], str]] = {
    "re": (lambda: re.compile("("), "re"),
    "json": (lambda: json.loads("{"), "json"),
    "a built-in called by us": (lambda: weights_named(None), "resnet_studio"),  # type: ignore[arg-type]
    "a built-in": (lambda: int("x"), "test_causes"),
}


@pytest.mark.parametrize("name", OURS)
def test_what_the_program_raises_is_said_as_it_is(name: str) -> None:
    error = raised(OURS[name])
    assert is_ours(error)
    assert cause(error) == str(error).rstrip(".")
    assert sentence(crossing(error)) == str(error)


@pytest.mark.parametrize("name", THEIRS)
def test_what_a_library_raises_is_not(name: str) -> None:
    call, place = THEIRS[name]
    error = raised(call)
    said, theirs = cause(error), str(error)
    assert not is_ours(error)
    assert theirs not in said
    assert f"something failed in {place}" in said
    assert said.count(". ") >= 1  # and what to do


def test_a_librarys_error_keeps_its_sentence_when_it_crosses() -> None:
    error = crossing(raised(lambda: re.compile("(")))
    again = pickle.loads(pickle.dumps(error))
    assert sentence(again) == sentence(error)
    assert "something failed in re " in sentence(again)
    assert "unterminated" not in sentence(again)
    assert any("unterminated subpattern" in note for note in again.__notes__)  # for a report
    assert sentence(pickle.loads(pickle.dumps(crossing(WeightsError("a.pth", "is empty"))))) == "a.pth is empty"


@pytest.mark.parametrize("text", ["[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: not enough memory",
                                  "CUDA out of memory. Tried to allocate 20.00 MiB"])  # fmt: skip
def test_a_lack_of_memory_is_told_whoever_finds_it(text: str) -> None:
    assert cause(RuntimeError(text)).startswith("there is not enough memory. Close other programs")


@pytest.mark.parametrize("number", OF_THE_SYSTEM)
def test_what_the_system_refuses_says_what_to_do(number: int) -> None:
    reason = why(OSError(number, "the system's words", "/data/x"))
    assert re.fullmatch(r"[a-z][^.]+(\. [A-Z]|, or c)[^.]+", reason) or reason.count(". ") == 1
    assert cause(OSError(number, "the system's words", "/data/x")) == f"/data/x: {reason}"


def test_what_the_system_refuses_for_a_rare_reason_is_said_to_be_its_own() -> None:
    assert why(OSError(errno.EPIPE, "Broken pipe")).startswith("the system says: ")
