"""Sweeps: their networks, their front, and what can't be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resnet_studio.analysis.budget import Budget, Capacity, SecondsOf
from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.sweep import (  # fmt: skip
    MOST_COMBINATIONS,
    Candidate,
    Sweep,
    SweepError,
    SweepResult,
    sweep_steps,
    varied,
)
from resnet_studio.analysis.sweep_text import read_budget, read_fields, read_values, read_variations, values_text
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Baseline, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

BASE, UNLIMITED = preset("resnet50"), Budget()


def swept(
    *texts: str, base: Architecture = BASE, budget: Budget = UNLIMITED, best: Capacity | None = None,
    seconds_of: SecondsOf | None = None,
) -> SweepResult:  # fmt: skip
    return finish(sweep_steps(Sweep(base, read_variations(texts, base)), budget, best, seconds_of))


def test_a_sweep_has_every_combination_the_last_field_changing_fastest() -> None:
    result = swept("depth=18,34", "width=32,64")
    found = [(candidate.architecture.depth, candidate.values["width"]) for candidate in result.candidates]
    assert found == [(18, 32), (18, 64), (34, 32), (34, 64)]


def test_its_figures_are_those_of_the_plan() -> None:
    for candidate in swept("depth=18,50", "image=64,160x96", "shortcut=A,D", "se=0,16").candidates:
        layers = plan(candidate.architecture)
        assert candidate.figures.macs == sum(layer.macs for layer in layers)
        assert candidate.figures.parameters == sum(layer.parameters for layer in layers)
        assert candidate.figures.activation_bytes == sum(layer.activation_bytes for layer in layers)


def test_the_papers_depths_have_the_papers_blocks() -> None:
    found = [candidate.architecture for candidate in swept("depth=18,34,50,101,152").candidates]
    assert found == [preset(f"resnet{depth}") for depth in (18, 34, 50, 101, 152)]


def test_other_depths_have_equally_many_blocks_in_every_stage() -> None:
    assert varied(BASE, {"depth": 26}) == replace(BASE, blocks=(2, 2, 2, 2))
    small = preset("resnet20-cifar")
    assert varied(small, {"depth": 62}) == replace(small, blocks=(10, 10, 10))
    assert varied(BASE, {"depth": 50, "block": "basic"}) == Residual(Basic(), (6, 6, 6, 6))


def test_combinations_that_cannot_be_are_listed_with_the_architectures_reason() -> None:
    result = swept("block=basic,bottleneck", "groups=1,32", "dilated=0,4")
    assert [one.values["groups"] for one in result.impossible] == [1, 1, 32, 32, 1, 32]
    assert "no groups" in result.impossible[0].reason
    assert "at most 3" in result.impossible[-1].reason
    assert len(result.candidates) == 2


def test_a_depth_that_no_blocks_make_is_impossible_and_says_which_are_possible() -> None:
    (reason,) = [one.reason for one in swept("depth=18,19").impossible]
    assert reason == "depth: 19 is no depth of bottleneck blocks: 4 stages make 2 + 12 n layers"
    (reason,) = [one.reason for one in swept("depth=34", "block=bottleneck").impossible]
    assert reason.endswith("; the paper's has basic blocks")


def test_equal_networks_are_tabled_once() -> None:
    assert len(swept("depth=50", "blocks=3,4,6,3").candidates) == 1
    assert len(swept("image=224,224x224").candidates) == 1


def test_baselines_can_be_swept_over_their_fields() -> None:
    result = swept("image=10,64,224", base=Baseline("vgg11"))
    assert [candidate.values["image"] for candidate in result.candidates] == [64, 224]
    assert "at least" in result.impossible[0].reason


def test_the_front_is_what_no_other_beats() -> None:
    budget = Budget(macs=2 * 10**9, parameters=20_000_000)
    result = swept("depth=18,34,50", "width=16..80:8", "image=96,160,224", budget=budget, best="depth")
    fitting = [
        candidate for candidate in result.candidates
        if candidate.figures.macs <= 2 * 10**9 and candidate.figures.parameters <= 20_000_000
    ]  # fmt: skip
    assert result.fitting == len(fitting)

    def costs(candidate: Candidate) -> tuple[int, int, int]:
        return -candidate.figures.depth, candidate.figures.macs, candidate.figures.parameters

    def beaten(candidate: Candidate) -> bool:
        mine = costs(candidate)
        return any(
            costs(other) != mine and all(a <= b for a, b in zip(costs(other), mine, strict=True)) for other in fitting
        )

    expected = {candidate.architecture for candidate in fitting if not beaten(candidate)}
    assert {result.candidates[at].architecture for at in result.front} == expected


def test_the_best_come_first_on_the_front() -> None:
    result = swept("depth=18,34,50", "width=16..96:8", budget=Budget(macs=10**9))
    front = [result.candidates[at].figures for at in result.front]
    assert result.best == "parameters"  # as FLOPs are limited
    assert [one.parameters for one in front] == sorted((one.parameters for one in front), reverse=True)
    assert front[0].parameters == max(one.figures.parameters for one in result.candidates if one.fits)
    assert all(one.macs <= 10**9 for one in front)


def test_memory_and_time_are_budgets_too() -> None:
    def seconds(architecture: Architecture) -> float:
        return totals(architecture).macs / 100e9

    budget = Budget(seconds=0.01, memory=10**9, batch=8)
    result = swept("depth=18,34,50", "image=64..224:32", budget=budget, seconds_of=seconds)
    for candidate in result.candidates:
        late = totals(candidate.architecture).macs > 10**9
        assert ("seconds" in candidate.exceeded) == late
        assert ("memory" in candidate.exceeded) == (budget.memory_of(candidate.architecture) > 10**9)


def test_time_needs_something_that_predicts_it() -> None:
    with pytest.raises(ValueError, match="measured"):
        swept("depth=18", budget=Budget(seconds=1.0))


def test_the_widest_network_within_a_budget_is_found_and_its_rounding_explained() -> None:
    result = swept("depth=18,34", "width=fit:4", budget=Budget(macs=10**9))
    for candidate in result.candidates:
        architecture, (rounding,) = candidate.architecture, candidate.roundings
        assert isinstance(architecture, Residual)
        assert architecture.width % 4 == 0
        assert candidate.fits
        assert totals(replace(architecture, width=architecture.width + 4)).macs > 10**9
        assert architecture.width <= rounding.formula < architecture.width + 4
        assert rounding.macs == pytest.approx(10**9)  # what the formula's width would have: all of the budget
        assert rounding.built_macs == totals(architecture).macs


def test_nothing_can_be_fitted_without_a_budget_or_into_too_small_a_one() -> None:
    with pytest.raises(SweepError, match="without a budget"):
        swept("width=fit")
    result = swept("width=fit", budget=Budget(macs=1000))
    assert result.impossible[0].reason == "width: no multiple of 8 is within the budget"


@pytest.mark.parametrize(
    ("field", "text", "values"),
    [
        ("depth", "18, 34,50", (18, 34, 50)),
        ("width", "32..96:16", (32, 48, 64, 80, 96)),
        ("width", "30..34", (30, 31, 32, 33, 34)),
        ("image", "160x224,192", ((160, 224), 192)),
        ("blocks", "2,2,2,2; 3,4,6,3", ((2, 2, 2, 2), (3, 4, 6, 3))),
        ("shortcut", "A,B", ("A", "B")),
        ("scale", "0.5,1", (0.5, 1.0)),
        ("width", "64,64,32..64:32", (64, 32)),
    ],
)
def test_values_are_read(field: str, text: str, values: tuple[object, ...]) -> None:
    assert read_values(field, text, BASE) == values
    assert read_values(field, values_text(field, values), BASE) == values


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        ("width", "96..32:16", "must go up"),
        ("width", "32..96:0", "step"),
        ("width", "wide", "integers such as"),
        ("width", "32,,64", "integers such as"),
        ("width", "", "integers such as"),
        ("shortcut", "E", "one or more of A, B, C, D, none"),
        ("blocks", "2,x", "integers such as"),
        ("scale", "much", "numbers such as"),
        ("widht", "1", "did you mean width"),
        ("width", "1..1000000", "too many"),
    ],
)
def test_wrong_values_are_refused_with_what_would_be_right(field: str, text: str, reason: str) -> None:
    with pytest.raises(SweepError, match=reason) as caught:
        read_values(field, text, BASE)
    assert caught.value.field == field


def test_variations_name_their_field_once() -> None:
    with pytest.raises(ValueError, match="FIELD=VALUES"):
        read_variations(["width"], BASE)
    with pytest.raises(SweepError, match="twice"):
        read_variations(["width=1", "width=2"], BASE)


def test_sweeps_have_limits() -> None:
    with pytest.raises(SweepError, match=f"{MOST_COMBINATIONS:,}"):
        Sweep(BASE, {"width": tuple(range(1, 1001)), "image": tuple(range(1, 101))})
    with pytest.raises(SweepError, match="can't be varied"):
        Sweep(Baseline("vgg11"), {"width": (1,)})


def test_a_result_is_plain_json() -> None:
    result = swept("depth=18,19", "width=fit", "scale=1", budget=Budget(macs=10**9, memory=10**9))
    values = json.loads(json.dumps(result.to_json()))
    assert values["budget"] == {"macs": 10**9, "memory": 10**9, "batch": 32, "purpose": "training"}
    assert values["candidates"][0]["roundings"][0]["field"].startswith("blocks")
    assert values["impossible"][0]["values"]["depth"] == 19
    assert "accuracy" in values["meaning"]


def test_a_field_that_a_network_lacks_is_the_architectures_error() -> None:
    with pytest.raises(ArchitectureError, match="groups"):
        varied(preset("resnet18"), {"groups": 2})


def test_a_form_of_texts_is_read_with_what_is_wrong_by_field() -> None:
    texts = {"depth": "18, 34", "width": "", "image": "x", "max_macs": "2G", "max_ms": "soon", "batch": "8"}
    variations, problems = read_fields(texts, BASE)
    assert variations == {"depth": (18, 34)}
    assert problems.keys() == {"image"}
    budget, problems = read_budget(texts)
    assert (budget.macs, budget.batch, budget.seconds) == (2 * 10**9, 8, None)
    assert problems.keys() == {"max_ms"}
    assert read_budget(texts, "operations")[0].macs == 10**9
    assert read_budget({"batch": "0"})[1].keys() == {"batch"}


def test_depth_and_blocks_that_exclude_each_other_are_impossible() -> None:
    result = swept("depth=50", "blocks=3,4,6,3; 2,2,2,2")
    assert [candidate.architecture for candidate in result.candidates] == [BASE]
    assert result.impossible[0].reason == "depth: 50 layers have the blocks 3,4,6,3; vary one of both fields"


def test_what_best_means_is_said_also_where_the_budget_is_of_the_same() -> None:
    assert "the front is what has as many" in swept("width=8,16", budget=Budget(macs=10**9), best="macs").meaning
    assert "in parameters and FLOPs together" in swept("width=8,16").meaning
