"""Architectures inferred from tensors, compared with those of the built networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import OWN_PRESETS, residuals
from resnet_studio.inference.weights.architecture_inference import fits, infer_architecture, state_shapes
from resnet_studio.inference.weights.recognition import find_prefixes
from resnet_studio.networks.architecture import Architecture, Baseline, Residual
from resnet_studio.networks.modules.network import empty
from resnet_studio.networks.presets import preset

NETWORKS = residuals(stages=5, width=9, image=300)
NAMES = sorted(name for name in OWN_PRESETS if name != "resnet1202-cifar")


def built_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in empty(architecture).state_dict().items()}


@settings(max_examples=200)
@given(NETWORKS, st.one_of(st.none(), NETWORKS))
def test_any_network_is_recognized_by_its_tensors(architecture: Residual, like: Residual | None) -> None:
    shapes = built_shapes(architecture)
    assert state_shapes(architecture) == shapes
    found = infer_architecture(shapes, like)
    assert found is not None
    assert built_shapes(found) == shapes


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_recognized_with_itself_as_hint(name: str) -> None:
    architecture = preset(name)
    if isinstance(architecture, Residual):
        assert state_shapes(architecture) == built_shapes(architecture)
    found = infer_architecture(built_shapes(architecture), architecture)
    if "stride_on" in architecture.values():
        architecture = architecture.with_values(
            {"stride_on": "3x3"}
        )  # the tensors don't show it, and most files have it
    assert found == architecture


@pytest.mark.parametrize(
    ("name", "like", "found"),
    [
        ("resnet34", "resnet18", "resnet34"),
        ("resnet101", "resnet50", "resnet101-v1.5"),
        ("resnet101", "resnet50-v1.5", "resnet101-v1.5"),
        ("resnet50", "resnet18", "resnet50-v1.5"),
        ("resnet18", "resnet50-v1.5", "resnet18"),
        ("plain34", "resnet50", "plain34"),
        ("plain20-cifar", "plain56-cifar", "plain20-cifar"),
        ("plain20-cifar", "resnet50", "resnet20-cifar"),
        ("article18", "resnet50", "article18"),
        ("vgg19", "resnet50", "vgg19"),
        ("alexnet", "vgg19", "alexnet"),
    ],
)
def test_what_tensors_do_not_show_is_taken_from_the_hint_or_the_defaults(name: str, like: str, found: str) -> None:
    assert infer_architecture(built_shapes(preset(name)), preset(like)) == preset(found)


def test_the_image_size_is_the_hints_if_the_stem_is_the_same() -> None:
    shapes = built_shapes(replace(preset("resnet34"), classes=7))
    assert infer_architecture(shapes, replace(preset("resnet18"), image=96)) == replace(
        preset("resnet34"), image=96, classes=7
    )
    assert infer_architecture(shapes, replace(preset("resnet20-cifar"))) == replace(preset("resnet34"), classes=7)
    assert infer_architecture(shapes) == replace(preset("resnet34"), classes=7)
    assert infer_architecture(built_shapes(Baseline("vgg19", 64, 7)), Baseline("vgg19", 96)) == Baseline("vgg19", 96, 7)


def test_batch_counters_are_ignored() -> None:
    old = {name: shape for name, shape in built_shapes(preset("resnet18")).items() if "num_batches" not in name}
    assert infer_architecture(old) == preset("resnet18")


@pytest.mark.parametrize(
    "changes",
    [
        {"layer5.0.conv1.weight": (8, 8, 3, 3)},
        {"layer2.0.conv1.weight": None},
        {"conv1.weight": (64, 3, 5, 5)},
        {"conv1.weight": (0, 3, 7, 7)},
        {"conv1.weight": (64, 3)},
        {"fc.weight": None},
        {"fc.weight": (10, 512)},
        {"bn1.running_mean": (63,)},
        {"scale": ()},
    ],
)
def test_a_difference_in_a_single_tensor_prevents_recognition(changes: dict[str, tuple[int, ...] | None]) -> None:
    shapes = {**built_shapes(preset("resnet18")), **changes}
    assert infer_architecture({name: shape for name, shape in shapes.items() if shape is not None}) is None
    assert infer_architecture({}) is None


def test_networks_inside_larger_ones_are_found() -> None:
    small = built_shapes(preset("resnet20-cifar"))
    shapes = {f"encoder.module.{name}": shape for name, shape in small.items()}
    shapes |= {f"momentum.{name}": shape for name, shape in built_shapes(preset("alexnet")).items()}
    assert find_prefixes(shapes) == ("encoder.module.", "momentum.")
    assert infer_architecture(shapes) is None
    assert find_prefixes(small) == ()


def test_the_head_can_be_left_out_of_the_comparison() -> None:
    ten, seven = preset("resnet20-cifar"), replace(preset("resnet20-cifar"), classes=7)
    assert fits(built_shapes(ten), ten)
    assert not fits(built_shapes(seven), ten)
    assert fits(built_shapes(seven), ten, head="fc")
    assert not fits(built_shapes(preset("resnet32-cifar")), ten, head="fc")
