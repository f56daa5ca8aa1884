"""Verdicts, figures and the table of a self-test."""

from __future__ import annotations

import json
import math

import pytest

from resnet_studio.selftest.report import Check, Report, at_least, at_most, failed, grid, holds, noted, skipped


def report(*checks: Check) -> Report:
    return Report("cuda:0", "NVIDIA Imaginary", quick=False, versions={"torch": "9"}, checks=checks, seconds=61.4)


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (at_most("a", 1e-4, 1e-4), "passed"),
        (at_most("a", 1.1e-4, 1e-4), "failed"),
        (at_most("a", math.nan, 1e-4), "failed"),
        (at_most("a", math.inf, 1e-4), "failed"),
        (at_least("a", 0.97, 0.97), "passed"),
        (at_least("a", 0.96, 0.97), "failed"),
        (at_least("a", math.nan, 0.97), "failed"),
        (holds("a", True), "passed"),
        (holds("a", False), "failed"),
        (failed("a", "why"), "failed"),
        (noted("a", 3.0), "noted"),
        (skipped("a", "why"), "skipped"),
    ],
)
def test_a_verdict_follows_from_the_figure(check: Check, verdict: str) -> None:
    assert check.verdict == verdict
    assert report(check).passed == (verdict != "failed")


def test_the_table_shows_the_advice_only_where_a_check_failed() -> None:
    good = at_most("difference", 2e-6, 1e-4, detail="relative", advice="Update the driver")
    bad = at_least("speed", 0.5, 0.97, "×", detail="50 of 100", advice="Close other programs")
    table = grid((good, bad, noted("memory", 80.0, "GB")))
    assert [row[1:] for row in table.rows] == [
        ("difference", "passed", "2e−6", "≤ 0.0001", "relative"),
        ("speed", "failed", "0.5 ×", "≥ 0.97", "50 of 100; Close other programs"),
        ("memory", "noted", "80 GB", "", ""),
    ]


def test_a_rule_divides_the_groups() -> None:
    checks = tuple(Check("a", "noted", group=group) for group in ("device", "forward", "forward", "speed"))
    assert grid(checks).rules == {0, 2}


def test_the_summary_counts_the_verdicts() -> None:
    found = report(noted("a"), noted("b"), failed("c", "why"), holds("d", True))
    assert found.summary == "cuda:0 (NVIDIA Imaginary): 1 passed, 1 failed, 0 skipped, 2 noted in 61 s"


def test_a_report_is_strict_json_even_with_a_nan() -> None:
    values = json.loads(json.dumps(report(at_most("a", math.nan, 1.0, detail="in fc")).to_json(), allow_nan=False))
    assert values["checks"][0] == {
        "name": "a", "verdict": "failed", "value": None, "unit": "", "relation": "≤", "bound": 1.0,
        "detail": "NaN; in fc", "advice": "", "group": "",
    }  # fmt: skip
    assert values["passed"] is False
    assert values["versions"] == {"torch": "9"}
