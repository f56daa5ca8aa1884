import csv
import io
from dataclasses import replace
from decimal import Decimal

import pytest

from resnet_studio.analysis import text
from resnet_studio.analysis.compute.counting import layer_table
from resnet_studio.analysis.grids import layer_grid
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset


@pytest.fixture(scope="module")
def resnet50():
    return layer_table(preset("resnet50"))


def read_csv(table, unit="flops"):
    return list(csv.DictReader(io.StringIO(text.table(table, "csv", unit))))


def test_csv_has_every_layer_and_sums_to_the_totals(resnet50):
    rows = read_csv(resnet50)
    assert [row["name"] for row in rows] == [layer.name for layer in plan(preset("resnet50"))]
    assert sum(int(row["macs"]) for row in rows) == 3_857_973_248
    assert sum(int(row["macs_all"]) for row in rows) == resnet50.totals.macs_all
    assert sum(int(row["parameters"]) for row in rows) == 25_557_032
    assert sum(int(row["activation_bytes"]) for row in rows) == resnet50.totals.activation_bytes


def test_operations_are_twice_the_multiply_adds_and_labeled(resnet50):
    assert sum(int(row["operations"]) for row in read_csv(resnet50, "operations")) == 2 * 3_857_973_248
    for how in ("text", "markdown"):
        assert "FLOPs (2 × MAC)" in text.table(resnet50, how, "operations")
        assert "7.72 G" in text.table(resnet50, how, "operations")
        assert "FLOPs (MAC)" in text.table(resnet50, how, "flops")
        assert "3.86 G" in text.table(resnet50, how, "flops")


def test_what_has_not_been_counted_is_empty_and_not_zero():
    assert {row["macs_all"] for row in read_csv(plan_table(preset("resnet18")))} == {""}


def test_equal_consecutive_blocks_share_a_row_and_every_layer_is_in_one(resnet50):
    grid = layer_grid(resnet50)
    names = [row[0].strip() for row in grid.rows]
    assert names[:4] == ["conv1", "conv2_x", "layer1.0", "layer1.1 … layer1.2"]
    assert names[-2:] == ["fc", "total"]
    parameters = {row[0]: int(row[3].replace(",", "")) for row in grid.rows}
    assert sum(count for name, count in parameters.items() if not name.startswith(" ")) == 2 * 25_557_032
    assert sum(count for name, count in parameters.items() if name.startswith(" ")) == 25_557_032 - 9_536 - 2_049_000


def test_every_layer_is_listed_on_request(resnet50):
    listed = [row[0].strip() for row in layer_grid(resnet50, layers=True).rows]
    assert {layer.name for layer in plan(preset("resnet50"))} <= set(listed)


def test_plain_text_is_aligned_and_nothing_is_cut():
    grid = layer_grid(plan_table(replace(preset("resnet152"), width=2048)))
    header, rule, *rows = text.plain(grid).splitlines()
    assert len({len(line) for line in (header, rule, *rows)}) == 1
    for row in grid.rows:
        assert any(all(cell.strip() in line for cell in row) for line in rows)


def test_markdown_has_one_cell_for_every_column(resnet50):
    header, marks, *rows = text.table(resnet50, "markdown").splitlines()
    assert {line.count("|") for line in (header, marks, *rows)} == {8}
    assert marks.count("---:") == 4


def test_notes_say_what_is_missing_and_who_agrees(resnet50):
    message = "\n".join(text.notes(resnet50))
    assert "not counted: add ×16, max_pool2d ×1" in message
    assert "counts agree: multiply-adds fvcore 3,857,973,248, torch 3,857,973,248, analytic 3,857,973,248" in message
    assert "torchinfo 25,557,032" in message
    assert "fvcore's total of 3.879 G" in message
    assert "total of 7.758 G" in "\n".join(text.notes(resnet50, "operations"))
    assert "weights 102 MB" in message


def test_counters_that_disagree_are_called_that(resnet50):
    wrong = replace(resnet50, checks=replace(resnet50.checks, torch=1))
    assert "counts DISAGREE" in "\n".join(text.notes(wrong))


@pytest.mark.parametrize("name", PRESETS)
def test_stages_shares_add_up_to_a_hundred(name):
    """As they are written, and what is a stage's only cost has the stage's number."""
    table = plan_table(preset(name))
    rows = {row[0].strip(): row for row in layer_grid(table).rows}
    shares = {stage.name: rows[stage.name][6] for stage in table.stages}
    assert sum(Decimal(text.removesuffix(" %")) for text in shares.values() if text != "–") == 100
    for stage in table.stages:
        assert all(
            rows[b.name][6] == shares[stage.name] for b in stage.blocks if b.name in rows and b.macs == stage.macs
        )
