"""Occlusion maps against forward passes with the same occluder, and their own properties."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from resnet_studio.inference.attribution import NOT_COMPUTED, OcclusionMap, occluder_at, patch_starts
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.occlusion import occlusion_steps
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.inference.weights.bundled import DIGIT_SAMPLE, DIGITS, bundled_weights
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish

DIGIT = ForwardSpec(DIGIT_SAMPLE, preset(DIGITS), bundled_weights(preset(DIGITS)))
SMALL = ForwardSpec("sample:china", replace(preset("resnet18"), image=64, classes=20))
WIDE = replace(SMALL, architecture=replace(SMALL.architecture, image=(48, 80)))
VGG = ForwardSpec("sample:china", replace(preset("alexnet"), image=64, classes=5))


def top_classes_under(spec: ForwardSpec, occluder: Occluder | None) -> dict[int, float]:
    """The most probable classes of a forward pass with that occluder."""
    result = finish(forward_steps(replace(spec, transforms=replace(spec.transforms, occluder=occluder)), ()))
    return {prediction.number: prediction.probability for prediction in result.predictions or ()}


@pytest.mark.parametrize(
    ("spec", "patch", "stride"),
    [
        (DIGIT, 3, 2),
        (SMALL, 20, 13),
        (WIDE, 21, 20),
        (VGG, 32, 16),
        (replace(SMALL, transforms=ImageTransforms(zoom=1.5, flipped=True)), 21, 15),
    ],
    ids=["digits", "resnet18", "wide", "alexnet", "transformed"],
)
def test_every_position_equals_a_forward_pass_with_that_occluder(spec: ForwardSpec, patch: int, stride: int) -> None:
    occlusion_map = finish(occlusion_steps(spec, patch, stride))
    rows, columns = len(occlusion_map.tops), len(occlusion_map.lefts)
    assert occlusion_map.computed == occlusion_map.positions == rows * columns
    assert top_classes_under(spec, None)[occlusion_map.target] == pytest.approx(occlusion_map.probability, abs=1e-5)
    for row in range(rows):
        for column in range(columns):
            probabilities = top_classes_under(spec, occlusion_map.occluder(row, column))
            assert next(iter(probabilities)) == occlusion_map.top_classes[row, column]
            if occlusion_map.target in probabilities:
                assert occlusion_map.probabilities[row, column] == pytest.approx(
                    probabilities[occlusion_map.target], abs=1e-5
                )


def test_an_occluder_of_the_spec_is_ignored() -> None:
    covered = replace(DIGIT, transforms=ImageTransforms(occluder=Occluder(0.5, 0.5, 0.5)))
    assert np.array_equal(finish(occlusion_steps(covered)).probabilities, finish(occlusion_steps(DIGIT)).probabilities)
    assert finish(occlusion_steps(covered)).spec == DIGIT


def test_another_class_can_be_the_target() -> None:
    occlusion_map = finish(occlusion_steps(DIGIT, 5, 1, target=8))
    assert (occlusion_map.target, occlusion_map.label) == (8, "8")
    assert occlusion_map.probability < 0.5  # it is a 3
    assert occlusion_map.top_class == 3
    assert all(flip.top_class != 3 for flip in occlusion_map.flips)
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match=str(wrong)):
            finish(occlusion_steps(DIGIT, target=wrong))


def test_a_large_square_flips_the_digit_and_the_flips_are_listed() -> None:
    occlusion_map = finish(occlusion_steps(DIGIT, 5, 1))
    assert occlusion_map.target == 3
    other = occlusion_map.top_classes != 3
    assert len(occlusion_map.flips) == other.sum() > 0
    assert [flip.probability for flip in occlusion_map.flips] == sorted(occlusion_map.probabilities[other].tolist())
    assert all(
        flip.label == str(flip.top_class) == str(occlusion_map.top_classes[flip.row, flip.column])
        for flip in occlusion_map.flips
    )
    assert [flip.probability for flip in occlusion_map.by_probability] == sorted(
        occlusion_map.probabilities.ravel().tolist()
    )


def test_partial_results_grow_and_stay_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resnet_studio.inference.compute.occlusion.PARTIAL_RESULT_INTERVAL", 0)
    steps = occlusion_steps(replace(SMALL, architecture=replace(SMALL.architecture, image=224)), 56, 28)
    yielded: list[Progress | OcclusionMap] = []
    while True:
        try:
            yielded.append(next(steps))
        except StopIteration as end:
            whole = end.value
            break
    parts = [part for part in yielded if isinstance(part, OcclusionMap)]
    counts = [part.computed for part in parts]
    assert counts == sorted(set(counts))
    assert len(counts) > 5
    for part in parts:
        reached = part.top_classes != NOT_COMPUTED
        assert np.array_equal(part.probabilities[reached], whole.probabilities[reached])
        assert np.isnan(part.probabilities[~reached]).all()
    assert all(one.of == 49 for one in yielded if isinstance(one, Progress) and one.what.startswith("occlusion test"))


@pytest.mark.parametrize("side", [8, 32, 97, 224])
@pytest.mark.parametrize("patch", [1, 3, 7])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_square_reaches_both_edges_and_leaves_no_gap(side: int, patch: int, stride: int) -> None:
    places = patch_starts(side, patch, stride)
    assert (places[0], places[-1]) == (0, side - patch)
    assert all(0 < after - before <= stride for before, after in pairwise(places))


def test_a_square_as_large_as_the_input_has_one_place_and_a_larger_one_none() -> None:
    assert patch_starts(8, 8, 3) == (0,)
    for patch, stride in ((9, 1), (0, 1), (3, 0)):
        with pytest.raises(ValueError, match=f"{patch} px with stride {stride}"):
            patch_starts(8, patch, stride)


def test_the_occluder_covers_the_same_pixels() -> None:
    assert occluder_at(2, 4, 2, (8, 8)) == Occluder(x=5 / 8, y=3 / 8, side=2 / 8)
    assert occluder_at(2, 4, 2, (8, 20)) == Occluder(x=5 / 20, y=3 / 8, side=2 / 8)
