"""Two subjects beside each other: what the second follows, what is kept of it, and how maps differ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.inference.ab import (
    SideBOverrides,
    apply_overrides,
    common_limits,
    difference,
    from_values,
    overrides_between,
    to_values,
    twin,
)
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.networks.presets import preset

FILE = WeightsFile(Path("/weights/net.pth"))
FIRST = ForwardSpec("sample:china", preset("resnet50"), RandomWeights(3), "cpu", ImageTransforms(zoom=2))
DIGITS = replace(FIRST, architecture=preset("resnet20-digits"), weights=shipped_weights(preset("resnet20-digits")))
OTHERS = [
    replace(FIRST, image="sample:flower"),
    replace(FIRST, weights=RandomWeights(4)),
    replace(FIRST, weights=FILE),
    replace(FIRST, architecture=preset("vgg19")),
    replace(FIRST, architecture=preset("vgg19"), weights=PublishedWeights("vgg19", "IMAGENET1K_V1")),
    replace(FIRST, architecture=preset("plain34"), weights=FILE, image="/pictures/a.jpg"),
    FIRST,
]


def test_what_is_not_chosen_follows() -> None:
    assert apply_overrides(FIRST, SideBOverrides()) == FIRST
    assert apply_overrides(FIRST, SideBOverrides(image="sample:flower")) == replace(FIRST, image="sample:flower")
    assert apply_overrides(FIRST, SideBOverrides(weights=FILE)) == replace(FIRST, weights=FILE)
    twins = apply_overrides(FIRST, SideBOverrides(architecture=preset("plain34")))
    assert twins == replace(FIRST, architecture=preset("plain34"))
    assert twins.handles.zoom == 2


@pytest.mark.parametrize("other", OTHERS)
def test_what_lies_apart_makes_one_side_of_the_other(other: ForwardSpec) -> None:
    assert apply_overrides(FIRST, overrides_between(FIRST, other)) == other
    assert apply_overrides(other, overrides_between(other, FIRST)) == FIRST


def test_weights_of_another_network_are_not_tried_on() -> None:
    plain = apply_overrides(DIGITS, SideBOverrides(architecture=preset("plain20-cifar")))
    assert plain.weights == RandomWeights()
    assert (
        apply_overrides(replace(FIRST, weights=FILE), SideBOverrides(architecture=preset("resnet34"))).weights
        == RandomWeights()
    )


def test_the_programs_own_weights_go_with_their_networks() -> None:
    plain = apply_overrides(DIGITS, SideBOverrides(architecture=twin(DIGITS.architecture)))
    assert plain.weights == shipped_weights(preset("plain20-digits"))
    assert plain.weights is not None


def test_published_weights_go_with_their_networks() -> None:
    v2 = replace(FIRST, weights=PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert apply_overrides(v2, SideBOverrides(preset("resnet101"))).weights == PublishedWeights(
        "resnet101", "IMAGENET1K_V2"
    )
    assert apply_overrides(v2, SideBOverrides(preset("vgg19"))).weights == PublishedWeights("vgg19", "IMAGENET1K_V1")
    assert apply_overrides(v2, SideBOverrides(preset("plain34"))).weights == RandomWeights()


@pytest.mark.parametrize(
    ("name", "other"),
    [("resnet34", "plain34"), ("plain34", "resnet34"), ("resnet56-cifar", "plain56-cifar"),
     ("plain20-cifar", "resnet20-cifar"), ("plain20-digits", "resnet20-digits")],
)  # fmt: skip
def test_twins(name: str, other: str) -> None:
    assert twin(preset(name)) == preset(other)


@pytest.mark.parametrize("name", ["vgg19", "alexnet", "article18", "article50"])
def test_what_has_no_twin(name: str) -> None:
    assert twin(preset(name)) is None


@pytest.mark.parametrize("other", OTHERS)
def test_what_is_chosen_comes_back_from_json(other: ForwardSpec) -> None:
    beside = overrides_between(FIRST, other)
    assert from_values(json.loads(json.dumps(to_values(beside)))) == beside


@pytest.mark.parametrize(
    "values",
    [None, [], "resnet50", {"architecture": {"kind": "tree"}}, {"architecture": 3}, {"weights": {"seed": -1}},
     {"weights": {"seed": "1"}}, {"weights": {"path": 3, "head": True, "prefix": ""}}, {"weights": {"path": "a"}},
     {"weights": {"model": "resnet50", "name": "../../x"}}, {"image": 7}, {"image": ""},
     {"architecture": {"kind": "residual", "width": 10**9}}, {"weights": {"seed": 1 << 63}}],
)  # fmt: skip
def test_what_a_session_should_not_hold_is_left_out(values: object) -> None:
    assert from_values(values) == SideBOverrides()


def test_what_is_good_of_a_session_is_kept_beside_what_is_not() -> None:
    assert from_values({"architecture": 3, "weights": {"seed": 5}}) == SideBOverrides(weights=RandomWeights(5))


def test_difference_is_value_by_value_and_only_of_one_shape() -> None:
    a, b = np.float32([[[1, 2]], [[3, np.inf]]]), np.float32([[[0.5, 4]], [[3, np.inf]]])
    less = difference(a, b)
    assert less is not None
    np.testing.assert_array_equal(less, np.float32([[[0.5, -2]], [[0, np.nan]]]))
    assert difference(a, b[:1]) is None
    assert difference(a, b.reshape(2, 2, 1)) is None


def test_limits_are_those_of_both_without_what_is_no_number() -> None:
    a, b = np.float32([[[1, np.nan]]]), np.float32([[[-2, np.inf, 0.5]]])
    assert common_limits(a, b) == (-2, 1)
    assert common_limits(a * np.nan, b * np.nan) == (0, 1)
