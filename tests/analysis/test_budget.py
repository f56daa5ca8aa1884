"""Budgets and how they are read."""

from __future__ import annotations

import pytest

from resnet_studio.analysis.budget import Budget, check_batch, read_bytes, read_count, read_milliseconds
from resnet_studio.causes import FieldError
from resnet_studio.networks.presets import preset


@pytest.mark.parametrize(
    ("text", "value"), [("2G", 2 * 10**9), ("1.5 M", 1_500_000), ("600m", 6 * 10**8), ("25e6", 25 * 10**6), ("7", 7)]
)
def test_counts_are_read(text: str, value: int) -> None:
    assert read_count(text) == value


@pytest.mark.parametrize(("text", "value"), [("2GB", 2 * 10**9), ("512 MB", 512 * 10**6), ("1.5GiB", 3 * 2**29)])
def test_sizes_are_read(text: str, value: int) -> None:
    assert read_bytes(text) == value


@pytest.mark.parametrize("text", ["", "much", "-2G", "2X", "0", "1e40", "2G G", "nan"])
def test_other_texts_are_refused(text: str) -> None:
    for read in (read_count, read_bytes):
        with pytest.raises(ValueError, match="must be"):
            read(text)


def test_milliseconds_become_seconds() -> None:
    assert read_milliseconds("10") == 0.01
    assert read_milliseconds("2.5 ms") == 0.0025
    for wrong in ("fast", "0", "-1", "nan", "inf"):
        with pytest.raises(ValueError, match="milliseconds"):
            read_milliseconds(wrong)


def test_a_batch_has_images() -> None:
    assert check_batch(1) == 1
    with pytest.raises(FieldError, match="batch"):
        check_batch(0)


def test_a_budget_says_what_is_exceeded() -> None:
    budget = Budget(macs=2 * 10**9, parameters=11_689_512)
    assert budget.exceeded(budget.figures(preset("resnet18"))) == ()  # just the parameters it may have
    assert budget.exceeded(budget.figures(preset("resnet50"))) == ("macs", "parameters")
    assert budget.words == "2 G FLOPs and 11.7 M parameters"
    assert Budget().words == ""


def test_an_unknown_time_is_not_within_a_budget_of_time() -> None:
    budget = Budget(seconds=1.0)
    assert budget.exceeded(budget.figures(preset("resnet18"))) == ("seconds",)


def test_there_is_most_of_what_is_not_limited() -> None:
    assert Budget().usual_capacity == "parameters"  # for as few FLOPs as possible
    assert Budget(seconds=0.01).usual_capacity == "macs"
    assert Budget(macs=1, seconds=0.01).usual_capacity == "parameters"
    assert Budget(macs=1, parameters=1).usual_capacity == "depth"
