"""What two networks differ in: the steps add up to the whole, and the sentence says what is known of the networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from architectures import residuals
from resnet_studio.analysis.difference import Costs, Difference, MeasuredPair, costs_of, difference
from resnet_studio.analysis.difference_wording import KINDS, costed_steps, kind, sentence
from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset

NAMES = st.sampled_from(sorted(PRESETS))
PROJECTIONS = {"macs": 3 * 64 * 128 * 28**2, "parameters": 64 * 128 + 128 * 256 + 256 * 512 + 2 * (128 + 256 + 512)}
"""What the three projections of ResNet-34 cost: multiply-adds, weights and batch norms."""


def between(reference: str, name: str) -> Difference:
    return difference(preset(reference), preset(name))


def planned(architecture: Architecture) -> Costs:
    layers = plan(architecture)
    return Costs(
        sum(layer.macs for layer in layers), sum(layer.parameters for layer in layers),
        sum(layer.activation_bytes for layer in layers),
    )  # fmt: skip


def measured(architecture: Architecture, milliseconds: float, spread: float = 0.1) -> Measurement:
    seconds = milliseconds / 1000
    timing = Timing(seconds, seconds * (1 - spread), seconds * (1 + spread), 20)
    return Measurement(MeasurementSpec(architecture), timing, {}, "a CPU", 2, {}, 0.0)


@given(NAMES, NAMES)
def test_the_steps_between_presets_sum_to_the_whole_difference(reference: str, name: str) -> None:
    found = between(reference, name)
    assert found.adds == planned(preset(name)) - planned(preset(reference))
    if found.relation == "steps":
        assert sum((step.adds for step in found.steps), Costs()) == found.adds
        assert all(step.what for step in found.steps)


@given(residuals(stages=3, width=32, image=64), residuals(stages=3, width=32, image=64))
def test_so_do_those_between_any_two_residual_networks(reference: Residual, architecture: Residual) -> None:
    found = difference(reference, architecture)
    assert sum((step.adds for step in found.steps), Costs()) == planned(architecture) - planned(reference)
    assert bool(found.steps) == (reference != architecture)


@given(NAMES)
def test_costs_are_those_of_the_plan(name: str) -> None:
    assert costs_of(preset(name)) == planned(preset(name))


def test_the_place_of_the_stride_costs_flops_and_no_parameter() -> None:
    """3.858 G become 4.089 G, as fvcore counts both."""
    found = between("resnet50", "resnet50-v1.5")
    assert sentence(found).startswith(
        "resnet50-v1.5 has the stride on the 3×3 instead of the first 1×1: +0.231 G FLOPs, parameters equal, "
    )
    assert "+0.462 G FLOPs (2 × MAC)" in sentence(found, "operations")


def test_shortcuts_cost_their_projections() -> None:
    found = between("resnet34", "plain34")
    assert (found.adds.macs, found.adds.parameters) == (-PROJECTIONS["macs"], -PROJECTIONS["parameters"])
    assert sentence(found).startswith("plain34 has no shortcuts: −19.3 M FLOPs, −174 k parameters, ")


def test_each_of_several_changes_has_its_own_costs() -> None:
    """25,557,032 parameters become 25,028,904 (torchvision's metadata)."""
    found = between("resnet50", "resnext50_32x4d")
    assert found.adds.parameters == 25_028_904 - 25_557_032
    text = sentence(found)
    assert "the stride on the 3×3 instead of the first 1×1 (+0.231 G FLOPs, " in text
    assert "a 32×4d template instead of 1×64d (+0.141 G FLOPs, −528 k parameters, " in text
    assert "Together: +0.373 G FLOPs, −528 k parameters, " in text


def test_small_changes_are_summed_up() -> None:
    found = between("resnet50", "wrn-28-10")
    assert "2 smaller changes (" in sentence(found)
    assert len(costed_steps(found)) == len(found.steps) == 6


def test_networks_of_different_kinds_have_ratios() -> None:
    """143,667,240 parameters and 19.632 G against 25,557,032 and 3.858 G."""
    assert sentence(between("resnet50", "vgg19")).startswith(
        "vgg19, a chain of 3×3 convolutions without shortcuts (19 layers), has 5.09 times the FLOPs, "
        "5.62 times the parameters and "
    )
    assert sentence(between("vgg19", "resnet50")).endswith(
        "of vgg19, a chain of 3×3 convolutions without shortcuts (19 layers)"
    )
    assert "0.197 times the FLOPs" in sentence(between("vgg19", "resnet50"))


def test_a_network_and_itself() -> None:
    assert between("vgg19", "vgg19").relation == "equal"
    assert "there is no difference" in sentence(between("vgg19", "vgg19"))


def test_a_baseline_with_other_data_has_steps() -> None:
    found = difference(Baseline("vgg19"), Baseline("vgg19", classes=10))
    assert [step.what for step in found.steps] == ["10 classes instead of 1,000"]
    assert found.adds.parameters == -990 * 4097


@pytest.mark.parametrize(("after", "text"), [(84.0, "+2.00 ms here"), (80.5, "−1.50 ms here")])
def test_measured_time_is_part_of_the_sentence(after: float, text: str) -> None:
    pair = MeasuredPair(measured(preset("resnet50"), 82.0, 0.001), measured(preset("resnet50-v1.5"), after, 0.001))
    assert sentence(between("resnet50", "resnet50-v1.5"), measured=pair).endswith(text)


@pytest.mark.parametrize(("after", "told_apart"), [(84.0, False), (88.0, True)])
def test_a_difference_within_the_scatter_is_called_that(after: float, told_apart: bool) -> None:
    """90 % of 20 passes within ±10 % of 82 ms: the median's standard error is 1.253 · 16.4 ms / 3.29 / √20 = 1.4 ms."""
    pair = MeasuredPair(measured(preset("resnet50"), 82.0), measured(preset("resnet50-v1.5"), after))
    text = sentence(between("resnet50", "resnet50-v1.5"), measured=pair)
    assert text.endswith(
        f"+{after - 82:.2f} ms here" + ("" if told_apart else ", no more than the measurements scatter")
    )


def test_the_time_of_networks_of_different_kinds_is_a_ratio() -> None:
    pair = MeasuredPair(measured(preset("resnet50"), 80.0), measured(preset("vgg19"), 240.0))
    assert sentence(between("resnet50", "vgg19"), measured=pair).endswith("; here it takes 3 times the time")


def test_small_ratios_are_fractions() -> None:
    """ResNet-20 (CIFAR) has 0.27 M parameters, VGG-19 143,667,240."""
    text = sentence(between("vgg19", "resnet20-cifar"))
    assert f"1/{143_667_240 / costs_of(preset('resnet20-cifar')).parameters:,.0f} of the parameters" in text


def test_every_baseline_is_of_a_kind() -> None:
    assert all(kind(Baseline(name)).startswith(tuple(KINDS.values())) for name in baselines.NAMES)
    assert kind(preset("plain34")) == "a plain network (34 layers)"


def test_networks_that_cannot_be_reached_step_by_step_differ_in_all_fields_at_once() -> None:
    """conv2_x would have more channels than are allowed, in whichever order width and groups are changed."""
    wide = Residual(width=2048, blocks=(1,), image=32)
    grouped = replace(Residual(blocks=(1,), image=32), width=64).with_values({"groups": 16, "width_per_group": 256})
    found = difference(wide, grouped)
    assert sum((step.adds for step in found.steps), Costs()) == found.adds


def test_json_has_the_steps_and_their_sum() -> None:
    values = between("resnet50", "resnext50_32x4d").to_json()
    assert values["relation"] == "steps"
    for cost in ("macs", "parameters", "activation_bytes"):
        assert sum(step[cost] for step in values["steps"]) == values["adds"][cost]
