"""Quantities of whole networks against formulas and published numbers, and the Pareto front by brute force."""

from __future__ import annotations

import random

import pytest

from resnet_studio.analysis.intensity import layer_intensity, moved_bytes, network_intensity
from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures, pareto_front, quantities
from resnet_studio.analysis.published import network
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import PRESETS, preset
from resnet_studio.networks.receptive_field import network_field, receptive_field

Points = list[tuple[float, float]]


def value(key: str, name: str) -> float | None:
    return QUANTITIES[key].of(NetworkFigures(preset(name)))


@pytest.mark.parametrize(("name", "parameters"), [("resnet18", 11_689_512), ("vgg19", 143_667_240)])
def test_parameters_and_weights(name: str, parameters: int) -> None:
    assert value("parameters", name) == parameters
    assert value("weight_bytes", name) == 4 * parameters


def test_flops_in_both_units() -> None:
    figures = NetworkFigures(preset("vgg19"))
    macs = quantities()["macs"].of(figures)
    assert macs is not None
    assert round(macs / 1e9, 1) == 19.6
    assert quantities("operations")["macs"].of(figures) == 2 * macs
    assert quantities("operations")["macs"].title == "FLOPs (2 × MAC)"


@pytest.mark.parametrize(
    ("name", "pixels"), [("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507), ("vgg16", 212), ("alexnet", 195)]
)
def test_receptive_fields_are_those_of_araujo_et_al_2019(name: str, pixels: int) -> None:
    assert network_field(preset(name)) == pixels


@pytest.mark.parametrize(
    "subject",
    ["resnet34", "resnet50d", "wrn-16-8", "preresnet50", "resnext29-8x64d", "resnet50 dilated=2"],
)
def test_the_field_of_equal_blocks_in_a_row_is_that_of_the_whole_walk(subject: str) -> None:
    architecture = network(subject)
    last = [layer for layer in plan(architecture) if layer.kernel and layer.on_main_path and any(layer.output)][-1]
    _, height, width = last.output
    assert network_field(architecture) == receptive_field(architecture, last.name, height // 2, width // 2).width


def test_with_global_attention_the_field_is_the_image() -> None:
    assert network_field(preset("vit_b_16")) == 224


def test_intensity_of_a_convolution_by_hand() -> None:
    conv = next(layer for layer in plan(preset("resnet18")) if layer.name == "layer1.0.conv1")
    maps, weights = 64 * 56 * 56, 9 * 64 * 64
    assert moved_bytes(conv) == 4 * (2 * maps + weights)
    assert moved_bytes(conv, batch=8) == 4 * (8 * 2 * maps + weights)
    assert layer_intensity(conv) == 2 * weights * 56 * 56 / (4 * (2 * maps + weights))


def test_a_sum_reads_both_of_its_inputs_and_dropout_moves_nothing() -> None:
    layers = {layer.kind: layer for layer in (*plan(preset("resnet18")), *plan(preset("vgg19")))}
    add = layers["add"]
    assert moved_bytes(add) == 4 * 3 * add.output[0] * add.output[1] * add.output[2]
    assert moved_bytes(layers["dropout"]) == 0
    assert layer_intensity(layers["dropout"]) is None


@pytest.mark.parametrize("name", ["resnet50", "seresnet18", "densenet121"])
def test_intensity_of_a_network_is_that_of_its_sums(name: str) -> None:
    layers = plan(preset(name))
    flops = 2 * sum(layer.macs for layer in layers)
    assert network_intensity(preset(name)) == pytest.approx(flops / sum(moved_bytes(layer) for layer in layers))


def test_what_was_measured_comes_with_the_figures() -> None:
    figures = NetworkFigures(preset("resnet18"), seconds=0.02, best_run_error=3.5)
    assert QUANTITIES["images_per_second"].of(figures) == pytest.approx(50)
    assert QUANTITIES["best_run_error"].of(figures) == 3.5
    assert value("seconds", "resnet18") is None
    assert value("images_per_second", "resnet18") is None


def test_every_preset_has_every_planned_quantity() -> None:
    planned = {key for key in QUANTITIES if "error" not in key} - {"seconds", "images_per_second"}
    for name, architecture in PRESETS.items():
        figures = NetworkFigures(architecture)
        assert all((QUANTITIES[key].of(figures) or 0) > 0 for key in planned), name


def test_numbers_are_shown_with_their_units() -> None:
    texts = {
        ("macs", 3_857_973_248): "3.86 G", ("weight_bytes", 102_228_128): "102 MB", ("depth", 1202): "1,202 layers",
        ("receptive_field", 1507): "1,507 px", ("seconds", 0.0821): "82.1 ms", ("images_per_second", 1977.4): "1,977",
        ("published_error", 24.518): "24.52 %",
    }  # fmt: skip
    assert {key: QUANTITIES[key[0]].show(key[1]) for key in texts} == texts


def test_ticks_have_no_needless_digits() -> None:
    assert [QUANTITIES["macs"].tick(value) for value in (0, 2e6, 5e8, 1e9, 2.5e9)] == [
        "0",
        "2 M",
        "500 M",
        "1 G",
        "2.5 G",
    ]
    assert [QUANTITIES["published_error"].tick(value) for value in (7.5, 20, 100)] == ["7.5", "20", "100"]
    assert QUANTITIES["seconds"].tick(0.1) == "100 ms"
    assert QUANTITIES["published_error"].axis_title.endswith("(%)")
    assert QUANTITIES["seconds"].axis_title == QUANTITIES["seconds"].title


def brute_force(points: Points, lower: tuple[bool, bool]) -> set[int]:
    """The points that no other point is at least as good as in both, and better than in one."""
    signs = [1 if one else -1 for one in lower]
    costs = [tuple(sign * part for sign, part in zip(signs, point, strict=True)) for point in points]
    return {
        at
        for at, (x, y) in enumerate(costs)
        if not any(other_x <= x and other_y <= y and (other_x, other_y) != (x, y) for other_x, other_y in costs)
    }


@pytest.mark.parametrize("lower", [(True, True), (True, False), (False, True), (False, False)])
def test_the_front_is_that_of_brute_force(lower: tuple[bool, bool]) -> None:
    chance = random.Random(13)
    for count in (0, 1, 2, 7, 60):
        points: Points = [(chance.randint(0, 12), chance.randint(0, 12)) for _ in range(count)]  # with equal points
        front = pareto_front(points, lower)
        assert set(front) == brute_force(points, lower)
        xs = [points[at][0] for at in front]
        assert xs == sorted(xs, reverse=not lower[0])


def test_the_front_of_three_dimensions() -> None:
    assert set(pareto_front([(1, 5, 5), (5, 1, 5), (5, 5, 1), (5, 5, 5), (1, 5, 6)])) == {0, 1, 2}


def test_a_deep_network_has_its_quantities_without_a_plan() -> None:
    blocks = Residual(Basic(), (1000,) * 6, width=4)
    assert network_field(blocks) == _field_by_the_formula(6, 1000)


def _field_by_the_formula(stages: int, blocks: int) -> int:
    """One pixel, 7×7/2 and 3×3/2, and two 3×3 a block, the first of each later stage with stride 2."""
    field, jump = 1 + 6 + 2 * 2, 4
    for stage in range(stages):
        before = jump
        jump *= 2 if stage else 1
        field += 2 * before + 2 * jump + (blocks - 1) * 4 * jump
    return field
