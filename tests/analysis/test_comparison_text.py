"""Comparisons as grids, CSV and JSON: the same rows and sentences as in the window."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from resnet_studio.analysis import text
from resnet_studio.analysis.comparison import Comparison, compare
from resnet_studio.analysis.comparison_order import Order, ordered
from resnet_studio.analysis.comparison_rows import rows
from resnet_studio.analysis.comparison_text import (
    comparison_csv,
    comparison_grid,
    comparison_json,
    comparison_text,
    fold_line,
    sentence_lines,
    sentences,
)
from resnet_studio.analysis.difference import costs_of
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.analysis.results import NetworkResults, RunResult
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.presets import preset


def between(*names: str, **results: NetworkResults) -> Comparison:
    known = {preset(name): result for name, result in results.items()}
    return compare([plan_table(preset(name)) for name in names], known)


def by_label(comparison: Comparison, **options: Any) -> dict[tuple[str, str], tuple[str, ...]]:
    found, stage = {}, ""
    for name, label, *cells in comparison_grid(comparison, **options).rows:
        stage = name or stage
        found[stage, label] = tuple(cells)
    return found


def timed(name: str, milliseconds: float, threads: int = 2) -> NetworkResults:
    timing = Timing(milliseconds / 1000, milliseconds / 1010, milliseconds / 990, 30)
    return NetworkResults(Measurement(MeasurementSpec(preset(name)), timing, {}, "a CPU", threads, {}, 0.0))


def test_a_grid_shows_equals_gaps_and_deltas() -> None:
    found = by_label(between("resnet34", "plain34", "resnet20-cifar"))
    assert found["conv1", "layers"] == ("7×7, 64, stride 2", "=", "3×3, 16")
    projections = 3 * 64 * 128 * 28**2
    assert (
        found["total", "FLOPs"][1] == f"3.64 G (−{projections / 1e6:.1f} M, −{100 * projections / 3_663_761_408:.1f} %)"
    )
    assert {cells[2] for (stage, _), cells in found.items() if stage == "conv5_x"} == {"–"}


def test_a_grid_has_a_plus_where_a_network_costs_more() -> None:
    additions = 3 * 64 * 56**2 + 4 * 128 * 28**2 + 6 * 256 * 14**2 + 3 * 512 * 7**2
    projections = 2 * (128 * 28**2 + 256 * 14**2 + 512 * 7**2)
    assert 4 * (additions + projections) == 6_924_288
    assert by_label(between("plain34", "resnet34"))["total", "activations"][1] == "50.5 MB (+6.92 MB, +15.9 %)"


def test_equal_rows_are_left_out_and_counted() -> None:
    comparison = between("resnet34", "plain34")
    every, differing = by_label(comparison, equal_rows=True), by_label(comparison)
    left_out = every.keys() - differing.keys()
    assert ("conv1", "output") in left_out
    assert all(every[row][1] == "=" for row in left_out)
    assert fold_line(comparison) == f"{len(left_out)} rows are equal"
    assert fold_line(between("resnet34", "resnet34")) == f"all {len(every)} rows are equal"


def test_what_differs_most_comes_first() -> None:
    """VGG-19's fc has 123,642,856 parameters, ResNet-50's 2,049,000: the largest ratio, but for that of the FLOPs."""
    comparison = between("resnet50", "vgg19")
    listed = list(by_label(comparison, order="difference"))
    assert listed[:2] == [("fc", "FLOPs"), ("fc", "parameters")]
    by_distance = [row.distance for row in ordered(rows(comparison), "difference").listed]
    assert by_distance == sorted(by_distance, reverse=True)
    assert by_label(comparison).keys() == by_label(comparison, order="difference").keys()


def test_half_is_as_far_as_twice() -> None:
    one, other = (
        {(row.name, row.label): row.distance for row in rows(between(*names))}
        for names in (("resnet50", "resnet18"), ("resnet18", "resnet50"))
    )
    assert one["total", "parameters"] == pytest.approx(other["total", "parameters"])


@pytest.mark.parametrize("order", ["stage", "difference"])
def test_csv_has_every_exact_number(order: Order) -> None:
    comparison = between("resnet50", "vgg19", vgg19=timed("vgg19", 240))
    header, *lines = csv.reader(io.StringIO(comparison_csv(comparison, order=order)))
    assert header == ["stage", "quantity", "resnet50", "vgg19"]
    found = {tuple(line[:2]): line[2:] for line in lines}
    assert found["total", "parameters"] == ["25557032", "143667240"]
    assert found["total", "time per image"] == ["", "0.24"]
    assert found["conv1", "output"] == ["64×112×112", "64×224×224"]
    assert len(found) == len(lines) == len(rows(comparison, makeups=True))


def test_other_formats_have_the_grid() -> None:
    comparison = between("resnet50", "vgg19")
    grid = comparison_grid(comparison, "operations")
    assert comparison_text(comparison, "markdown", "operations") == text.markdown(grid)
    assert comparison_text(comparison, "html", "operations") == text.html(grid)
    latex = comparison_text(comparison, "latex", "operations")
    assert r"$\times$60.4" in latex
    assert "FLOPs (2 $\\times$ MAC)" in latex


def test_json_has_differences_that_add_up_and_every_quantity() -> None:
    run = RunResult("one", "digits", 0.0125)
    values = comparison_json(between("resnet50", "resnext50_32x4d", resnet50=NetworkResults(runs=(run,))))
    values = json.loads(json.dumps(values))
    (difference,) = values["differences"]
    assert sum(step["macs"] for step in difference["steps"]) == difference["adds"]["macs"]
    assert difference["sentence"].startswith("resnext50_32x4d has, compared with resnet50, ")
    quantities = {entry["name"]: entry["values"] for entry in values["quantities"]}
    assert quantities["parameters"] == [costs_of(preset(name)).parameters for name in ("resnet50", "resnext50_32x4d")]
    assert quantities["best run, digits"] == [0.0125, None]
    assert values["best_runs"][0][0]["run"] == "one"
    assert {error["top1"] for error in values["published_errors"][0]} >= {"22.85", "20.74"}


def test_times_of_different_threads_are_not_held_against_each_other() -> None:
    resnet, vgg = timed("resnet50", 80), timed("vgg19", 240)
    assert "3 times the time" in sentences(between("resnet50", "vgg19", resnet50=resnet, vgg19=vgg))[0]
    other = timed("vgg19", 240, threads=4)
    assert "the time" not in sentences(between("resnet50", "vgg19", resnet50=resnet, vgg19=other))[0]


def test_costs_that_a_sentence_leaves_out_are_listed_below_it() -> None:
    assert len(sentence_lines(between("resnet50", "resnet50-v1.5"))) == 1
    lines = sentence_lines(between("resnet50", "wrn-28-10"))
    assert len(lines) == 1 + 6
    assert all(line.startswith("  ") for line in lines[1:])


def test_rows_that_no_network_has_are_left_out() -> None:
    labels = {row.label for row in rows(between("resnet20-cifar", "resnet56-cifar")) if row.name == "total"}
    assert "error, CIFAR-10" in labels
    assert not labels & {"error, 10-crop", "error, center crop", "time per image", "best run, digits"}


def test_published_errors_are_those_of_the_paper() -> None:
    """Tables 3 and 6 of He et al. 2015; errors differ in percentage points."""
    found = by_label(between("resnet34", "plain34"))["total", "error, 10-crop"]
    assert found == ("24.52 %", f"28.54 % (+{28.54 - 24.52:.2f} pp)")
    tips = {row.label: row.entries[1].tip for row in rows(between("resnet34", "plain34"))}
    assert tips["error, 10-crop"].endswith("\n+4.02 percentage points vs. 24.52 %")
    tips = {row.label: row.entries[0].tip for row in rows(between("resnet20-cifar", "resnet56-cifar"))}
    assert "8.75" in tips["error, CIFAR-10"]
    assert "Table 6" in tips["error, CIFAR-10"]


def test_runs_on_different_data_stand_in_different_rows() -> None:
    digits, cifar = RunResult("a", "digits", 0.02), RunResult("b", "CIFAR-10", 0.09)
    comparison = between(
        "resnet18", "plain18", resnet18=NetworkResults(runs=(digits,)), plain18=NetworkResults(runs=(cifar, digits))
    )
    found = by_label(comparison, equal_rows=True)
    assert found["total", "best run, CIFAR-10"] == ("–", "9.00 %")
    assert found["total", "best run, digits"] == ("2.00 %", "=")
