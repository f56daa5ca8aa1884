"""The layer table's sums and its JSON, from the plan alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resnet_studio.analysis.table import BlockGroup, plan_table
from resnet_studio.networks.architecture import Residual, from_json
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_rows_sum_to_stages_and_stages_to_totals(name: str) -> None:
    table = plan_table(preset(name))
    assert [row for stage in table.stages for row in stage.rows] == list(table.rows)
    for quantity in ("parameters", "macs", "activation_bytes"):
        by_row = sum(getattr(row.layer, quantity) for row in table.rows)
        by_stage = sum(getattr(stage, quantity) for stage in table.stages)
        assert by_row == by_stage == getattr(table.totals, quantity) > 0


@pytest.mark.parametrize("name", [name for name, value in PRESETS.items() if isinstance(value, Residual)])
def test_stages_are_the_papers_and_hold_its_blocks(name: str) -> None:
    architecture = preset(name)
    table = plan_table(architecture)
    middle = [f"conv{number}_x" for number in range(2, len(architecture.blocks) + 2)]
    assert [stage.name for stage in table.stages] == ["conv1", *middle, "fc"]
    assert tuple(len(stage.blocks) for stage in table.stages[1:-1]) == architecture.blocks
    assert [block.name for block in table.totals.blocks] == [block.name for block in blocks(architecture)]


def test_pools_belong_where_table_1_puts_them() -> None:
    stages = {stage.name: [row.layer.kind for row in stage.rows] for stage in plan_table(preset("resnet50")).stages}
    assert stages["conv1"] == ["conv", "batch norm", "relu"]
    assert stages["conv2_x"][0] == "max pool"
    assert stages["fc"] == ["average pool", "linear"]


def test_a_block_by_hand() -> None:
    """conv4_x's second block: 1×1, 256; 3×3, 256; 1×1, 1024 on 1024×14×14, with three norms."""
    stage = next(stage for stage in plan_table(preset("resnet50")).stages if stage.name == "conv4_x")
    block = stage.blocks[1]
    weights = 1024 * 256 + 256 * 256 * 9 + 256 * 1024
    assert (block.name, block.output) == ("layer3.1", (1024, 14, 14))
    assert (block.parameters, block.macs) == (weights + 2 * (256 + 256 + 1024), weights * 14 * 14)
    # Three convolutions and three norms, two ReLUs inside, the addition and the last ReLU.
    assert block.activation_bytes == 4 * 14 * 14 * (3 * 256 + 3 * 256 + 2 * 1024 + 2 * 1024)


def test_what_is_never_called_ends_no_group() -> None:
    table = plan_table(preset("article18"))
    assert [stage.output for stage in table.stages][1] == (64, 56, 56)
    assert BlockGroup("silent", table.totals.blocks[0].rows[:2]).output == (0, 0, 0)


def test_nothing_has_been_counted_yet() -> None:
    table = plan_table(preset("resnet18"))
    assert not table.counted
    assert table.checks is None
    assert table.uncounted == {}
    assert table.totals.macs_all is None


@pytest.mark.parametrize("name", ["resnet50", "vgg19", "article18"])
def test_json_holds_the_table(name: str) -> None:
    architecture = replace(preset(name), image=64, classes=10)
    table = plan_table(architecture)
    values = json.loads(json.dumps(table.to_json()))
    assert set(values) == {"architecture", "input", "totals", "stages", "rows", "uncounted"}
    assert from_json(values["architecture"]) == architecture
    assert values["input"] == [1, 3, 64, 64]
    assert values["totals"].keys() == {"parameters", "macs", "macs_all", "activation_bytes"}
    for quantity in ("parameters", "macs", "activation_bytes"):
        assert sum(row[quantity] for row in values["rows"]) == values["totals"][quantity]
        assert sum(stage[quantity] for stage in values["stages"]) == values["totals"][quantity]
    assert values["rows"][0].items() >= {"name": table.rows[0].name, "kind": "conv", "stage": "conv1"}.items()
    assert values["stages"][-1]["output"] == [10, 1, 1]
