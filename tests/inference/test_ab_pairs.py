"""The overrides of side B: applying and saving them, and the difference of maps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from resnet_studio import codec
from resnet_studio.causes import FieldError
from resnet_studio.inference.ab import (
    SideBOverrides,
    apply_overrides,
    common_limits,
    difference,
    overrides_between,
)
from resnet_studio.inference.counterparts import plain_counterpart
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.networks.presets import preset

FILE = WeightsFile(Path("/weights/net.pth"))
FIRST = ForwardSpec("sample:china", preset("resnet50"), RandomWeights(3), "cpu", ImageTransforms(zoom=2))
DIGITS = replace(FIRST, architecture=preset("resnet20-digits"), weights=bundled_weights(preset("resnet20-digits")))
OTHERS = [
    replace(FIRST, image="sample:flower"),
    replace(FIRST, weights=RandomWeights(4)),
    replace(FIRST, weights=FILE),
    replace(FIRST, architecture=preset("vgg19")),
    replace(FIRST, architecture=preset("vgg19"), weights=PublishedWeights("vgg19", "IMAGENET1K_V1")),
    replace(FIRST, architecture=preset("plain34"), weights=FILE, image="/pictures/a.jpg"),
    FIRST,
]


def test_fields_without_override_follow_side_a() -> None:
    assert apply_overrides(FIRST, SideBOverrides()) == FIRST
    assert apply_overrides(FIRST, SideBOverrides(image="sample:flower")) == replace(FIRST, image="sample:flower")
    assert apply_overrides(FIRST, SideBOverrides(weights=FILE)) == replace(FIRST, weights=FILE)
    plain = apply_overrides(FIRST, SideBOverrides(architecture=preset("plain34")))
    assert plain == replace(FIRST, architecture=preset("plain34"))
    assert plain.transforms.zoom == 2


@pytest.mark.parametrize("other", OTHERS)
def test_overrides_between_two_specs_turn_one_into_the_other(other: ForwardSpec) -> None:
    assert apply_overrides(FIRST, overrides_between(FIRST, other)) == other
    assert apply_overrides(other, overrides_between(other, FIRST)) == FIRST


def test_weights_of_another_network_are_replaced_by_random_ones() -> None:
    plain = apply_overrides(DIGITS, SideBOverrides(architecture=preset("plain20-cifar")))
    assert plain.weights == RandomWeights()
    assert (
        apply_overrides(replace(FIRST, weights=FILE), SideBOverrides(architecture=preset("resnet34"))).weights
        == RandomWeights()
    )


def test_bundled_weights_follow_the_architecture() -> None:
    plain = apply_overrides(DIGITS, SideBOverrides(architecture=plain_counterpart(DIGITS.architecture)))
    assert plain.weights == bundled_weights(preset("plain20-digits"))
    assert plain.weights is not None


def test_published_weights_follow_the_architecture() -> None:
    v2 = replace(FIRST, weights=PublishedWeights("resnet50", "IMAGENET1K_V2"))
    assert apply_overrides(v2, SideBOverrides(preset("resnet101"))).weights == PublishedWeights(
        "resnet101", "IMAGENET1K_V2"
    )
    assert apply_overrides(v2, SideBOverrides(preset("vgg19"))).weights == PublishedWeights("vgg19", "IMAGENET1K_V1")
    assert apply_overrides(v2, SideBOverrides(preset("plain34"))).weights == RandomWeights()


@pytest.mark.parametrize("other", OTHERS)
def test_overrides_survive_json(other: ForwardSpec) -> None:
    overrides = overrides_between(FIRST, other)
    assert codec.from_json(SideBOverrides, json.loads(json.dumps(codec.to_json(overrides)))) == overrides


@pytest.mark.parametrize(
    "values",
    [{"architecture": {"kind": "tree"}}, {"architecture": 3}, {"weights": {"seed": -1}},
     {"weights": {"seed": "1"}}, {"weights": {"path": 3, "head": True, "prefix": ""}}, {"weights": {"path": "a"}},
     {"weights": {"model": "resnet50", "name": "../../x"}}, {"image": 7}, {"image": ""},
     {"architecture": {"kind": "residual", "width": 10**9}}, {"weights": {"seed": 1 << 63}}],
)  # fmt: skip
def test_invalid_values_are_refused_or_ignored(values: dict[str, object]) -> None:
    assert codec.salvage(SideBOverrides, values) == (SideBOverrides(), list(values))
    with pytest.raises(FieldError, match=f"^{next(iter(values))}: "):
        codec.from_json(SideBOverrides, values)


def test_valid_values_are_kept_next_to_invalid_ones() -> None:
    values = {"architecture": 3, "weights": {"seed": 5}}
    assert codec.salvage(SideBOverrides, values) == (SideBOverrides(weights=RandomWeights(5)), ["architecture"])


def test_difference_is_elementwise_and_needs_equal_shapes() -> None:
    a, b = np.float32([[[1, 2]], [[3, np.inf]]]), np.float32([[[0.5, 4]], [[3, np.inf]]])
    result = difference(a, b)
    assert result is not None
    np.testing.assert_array_equal(result, np.float32([[[0.5, -2]], [[0, np.nan]]]))
    assert difference(a, b[:1]) is None
    assert difference(a, b.reshape(2, 2, 1)) is None


def test_common_limits_ignore_values_that_are_not_finite() -> None:
    a, b = np.float32([[[1, np.nan]]]), np.float32([[[-2, np.inf, 0.5]]])
    assert common_limits(a, b) == (-2, 1)
    assert common_limits(a * np.nan, b * np.nan) == (0, 1)
