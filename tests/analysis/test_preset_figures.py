"""What is published of the presets, compared with the plan's closed form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resnet_studio.analysis.preset_figures import planned_figures, preset_json, published_comparison
from resnet_studio.analysis.published import figures_of, published
from resnet_studio.networks.architecture import Architecture, from_json
from resnet_studio.networks.presets import GROUPS, PRESETS, preset

LATER = ("Pre-activation", "Wide ResNet", "ResNeXt", "SE-ResNet", "ResNet-D")


def test_every_published_figure_of_a_preset_holds_but_those_that_are_of_another_network() -> None:
    """The article's networks, and the stride on the 3×3 where the paper has it on the 1×1."""
    residual = [name for name in PRESETS if name not in GROUPS["Baselines"]]
    failing = {result.subject for name in residual for result in planned_figures(name) if not result.holds}
    assert failing == {*GROUPS["ResNet v1.5"], *GROUPS["Article"]}
    for name in GROUPS["ResNet v1.5"]:
        assert [result.figure.about for result in planned_figures(name) if not result.holds] == [name[:-5]]


@pytest.mark.parametrize("group", LATER)
def test_networks_of_libraries_have_parameters_flops_and_activations_published(group: str) -> None:
    for name in GROUPS[group]:
        if name != "preresnet50":  # which no library has
            assert {result.quantity for result in planned_figures(name)} == {"parameters", "macs", "activations"}


def test_each_figure_is_a_presets_or_of_a_variation_of_one() -> None:
    of_presets = sum(len(figures_of(name)) for name in PRESETS)
    varied = [figure for figure in published() if figure.subject not in PRESETS]
    assert of_presets + len(varied) == len(published())
    assert {figure.name for figure in varied} == {f"seresnet{n}, stride on 1×1" for n in (50, 101, 152)}


def test_baselines_are_held_against_torchvisions_metadata() -> None:
    results = {name: planned_figures(name) for name in GROUPS["Baselines"]}
    assert {frozenset(result.quantity for result in of_name) for of_name in results.values()} == {
        frozenset(("macs", "parameters"))
    }
    assert all(result.holds or ": " in result.reason for of_name in results.values() for result in of_name)


@pytest.mark.parametrize(
    ("architecture", "words", "good"),
    [
        (preset("resnet50"), "paper 3.8 G ✓", True),
        (preset("resnet50-v1.5"), "paper 3.8 G: doesn't match, see Verify", False),
        (preset("resnet20-cifar"), "paper 0.27 M parameters ✓", True),
        (preset("resnext50_32x4d"), "Xie et al. 2017 4.2 G ✓", True),
        (replace(preset("resnet18"), image=(320, 160)), "paper 1.8 G at 224×224", False),  # 1.85 G: by chance
        (replace(preset("resnet18"), channels=1, classes=10), "paper 1.8 G, 3 channels, 1,000 classes", False),
        (preset("mobilenet_v2"), "torchvision 0.301 G ✓", True),
        (preset("seresnet110-cifar"), "no published value", False),
    ],
)
def test_a_network_is_compared_with_its_figure_in_a_few_words(
    architecture: Architecture, words: str, good: bool
) -> None:
    assert published_comparison(architecture) == (words, good)


def test_a_presets_json_has_its_costs_and_its_figures() -> None:
    """torchvision's 11,689,512 and 1.814 G are among them."""
    values = json.loads(json.dumps(preset_json("resnet18")))
    assert from_json(values["architecture"]) == PRESETS["resnet18"]
    assert values["parameters"] == 11_689_512
    assert round(values["macs"] / 1e9, 3) == 1.814
    assert {figure["published"] for figure in values["published"]} >= {1.8e9, 1.814e9, 11_689_512, 2.48e6}
    assert all(figure["reason"] for figure in values["published"])
