import json
from dataclasses import replace

import pytest

from resnet_studio.analysis.comparison import COSTS, compare, makeup
from resnet_studio.analysis.compute.counting import layer_table
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.presets import preset


def tables(*names):
    return [plan_table(preset(name)) for name in names]


def line(comparison, name):
    return next(line for line in (*comparison.lines, comparison.total) if line.name == name)


def makeups(architecture):
    return {stage.name: makeup(stage, architecture) for stage in plan_table(architecture).stages}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("resnet18", ["2 × [3×3, 64; 3×3, 64]", "2 × [3×3, 128; 3×3, 128], 1 projection"]),
        ("resnet50", ["3 × [1×1, 64; 3×3, 64; 1×1, 256], 1 projection"]),
        ("plain34", ["3 × [3×3, 64; 3×3, 64], no shortcuts", "4 × [3×3, 128; 3×3, 128], no shortcuts"]),
        ("article18", ["2 × [3×3, 64; 1×1, 64], 1 projection"]),
        ("resnet20-cifar", ["3 × [3×3, 16; 3×3, 16]", "3 × [3×3, 32; 3×3, 32], 1 zero pad"]),
        ("vgg19", ["2 × [3×3, 128]", "4 × [3×3, 256]"]),
    ],
)
def test_a_stage_reads_as_in_the_paper(name, stages):
    read = makeups(preset(name))
    assert [read[f"conv{number}_x"] for number in range(2, 2 + len(stages))] == stages


def test_stem_and_head_read_as_in_the_paper():
    assert makeups(preset("resnet152"))["conv1"] == "7×7, 64, stride 2"
    assert makeups(preset("resnet152"))["fc"] == "1000-d fc"
    assert makeups(preset("vgg19"))["fc"] == "2 × [4096-d fc]; 1000-d fc"


def test_the_place_of_the_stride_and_every_projection_are_listed():
    assert "stride on the 1×1" in makeups(preset("resnet50"))["conv3_x"]
    assert "stride on the 3×3" in makeups(preset("resnet50-v1.5"))["conv3_x"]
    assert "6 projections" in makeups(replace(preset("resnet50"), shortcut="C"))["conv4_x"]


def test_rows_are_aligned_by_stage_with_gaps_where_one_has_none():
    comparison = compare(tables("resnet20-cifar", "resnet50"))
    assert [line.name for line in comparison.lines] == ["conv1", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc"]
    missing = line(comparison, "conv5_x")
    assert missing.cells[0] is None
    assert missing.differs(1)
    assert missing.delta(1, "parameters") == 14_964_736
    assert missing.relative(1, "parameters") is None


def test_deltas_are_to_the_first():
    comparison = compare(tables("resnet34", "plain34", "resnet50"))
    projections = 3 * 28**2 * 64 * 128
    assert line(comparison, "total").delta(1, "macs") == -projections
    assert line(comparison, "total").delta(2, "parameters") == 25_557_032 - 21_797_672
    assert line(comparison, "total").relative(2, "parameters") == pytest.approx(25_557_032 / 21_797_672 - 1)
    assert comparison.depths == (34, 34, 50)


def test_only_what_differs_is_marked():
    comparison = compare(tables("resnet34", "plain34"))
    assert {line.name: line.differs(1) for line in comparison.lines} == {
        "conv1": False, "conv2_x": True, "conv3_x": True, "conv4_x": True, "conv5_x": True, "fc": False,
    }  # fmt: skip
    assert not any(line.differs(0) for line in comparison.lines)


def test_stages_sum_to_the_totals():
    comparison = compare(tables("alexnet", "resnet1202-cifar", "article34"))
    for index in range(3):
        for cost in COSTS:
            assert sum(line.cost(index, cost) for line in comparison.lines) == comparison.total.cost(index, cost)


def test_a_counted_table_compares_as_the_plans_does():
    assert compare([layer_table(preset("resnet18"))]) == compare(tables("resnet18"))


def test_json_has_every_number():
    read = json.loads(json.dumps(compare(tables("resnet20-cifar", "resnet50")).to_json()))
    assert [entry["title"] for entry in read["architectures"]] == ["resnet20-cifar", "resnet50"]
    assert [entry["depth"] for entry in read["architectures"]] == [20, 50]
    assert read["stages"][4]["cells"][0] is None
    assert read["totals"][1]["macs"] == 3_857_973_248
    delta = read["totals"][1]["delta"]["parameters"]
    assert delta["absolute"] == 25_557_032 - 269_722
    assert delta["relative"] == pytest.approx(delta["absolute"] / 269_722)


def test_nothing_to_compare_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        compare([])


def test_a_baselines_parts_are_rows_between_those_that_both_have():
    """GoogLeNet has a conv1 and an fc of its own, EfficientNet shares no name with a residual network."""
    lines = [line.name for line in compare([plan_table(preset(name)) for name in ("resnet18", "googlenet")]).lines]
    assert lines[0] == "conv1"
    assert lines[-1] == "fc"
    assert lines.index("inception3a") < lines.index("inception5b") < lines.index("fc")
    both = compare([plan_table(preset(name)) for name in ("resnet18", "efficientnet_b0")])
    own = [line.name for line in both.lines if line.cells[1]]
    assert own == [*(f"features.{number}" for number in range(9)), "avgpool", "classifier"]
    assert sum(line.cost(1, "macs") for line in both.lines) == both.total.cost(1, "macs")


def test_long_parts_of_a_baseline_are_counted_by_kind():
    stages = {stage.name: stage for stage in plan_table(preset("swin_t")).stages}
    assert makeup(stages["features.2"], preset("swin_t")) == "192-d fc"
    assert makeup(stages["features.5"], preset("swin_t")) == "6 attention, 12 linear"
    assert makeup(stages["permute"], preset("swin_t")) == "permute"
