"""The sweep against looks with the same occluder, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from resnet_studio.inference.attribution import NOT_YET, Sweep, occluder_at, starts
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.occlusion import sweep_steps
from resnet_studio.inference.transforms import ImageTransforms, Occluder
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.inference.weights.bundled import A_DIGIT, DIGITS, shipped_weights
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress, finish

DIGIT = ForwardSpec(A_DIGIT, preset(DIGITS), shipped_weights(preset(DIGITS)))
SMALL = ForwardSpec("sample:china", replace(preset("resnet18"), image=64, classes=20))
VGG = ForwardSpec("sample:china", replace(preset("alexnet"), image=64, classes=5))


def under(subject: ForwardSpec, occluder: Occluder | None) -> dict[int, float]:
    """The most probable classes that a look sees with that occluder."""
    look = finish(forward_steps(replace(subject, handles=replace(subject.handles, occluder=occluder)), ()))
    return {prediction.number: prediction.probability for prediction in look.predictions or ()}


@pytest.mark.parametrize(
    ("subject", "patch", "stride"),
    [
        (DIGIT, 3, 2),
        (SMALL, 20, 13),
        (VGG, 32, 16),
        (replace(SMALL, handles=ImageTransforms(zoom=1.5, flipped=True)), 21, 15),
    ],
    ids=["digits", "resnet18", "alexnet", "by hand"],
)
def test_every_position_is_a_look_with_that_occluder(subject: ForwardSpec, patch: int, stride: int) -> None:
    sweep = finish(sweep_steps(subject, patch, stride))
    assert sweep.done == sweep.positions == len(sweep.starts) ** 2
    assert under(subject, None)[sweep.target] == pytest.approx(sweep.probability, abs=1e-5)
    for row in range(len(sweep.starts)):
        for column in range(len(sweep.starts)):
            seen = under(subject, sweep.occluder(row, column))
            assert next(iter(seen)) == sweep.winners[row, column]
            if sweep.target in seen:
                assert sweep.probabilities[row, column] == pytest.approx(seen[sweep.target], abs=1e-5)


def test_an_occluder_of_the_subject_is_left_out() -> None:
    covered = replace(DIGIT, handles=ImageTransforms(occluder=Occluder(0.5, 0.5, 0.5)))
    assert np.array_equal(finish(sweep_steps(covered)).probabilities, finish(sweep_steps(DIGIT)).probabilities)
    assert finish(sweep_steps(covered)).subject == DIGIT


def test_another_class_can_be_watched() -> None:
    sweep = finish(sweep_steps(DIGIT, 5, 1, target=8))
    assert (sweep.target, sweep.label) == (8, "8")
    assert sweep.probability < 0.5  # it is a 3
    assert sweep.winner == 3
    assert all(flip.winner != 3 for flip in sweep.flips)
    for wrong in (-1, 10):
        with pytest.raises(ValueError, match=str(wrong)):
            finish(sweep_steps(DIGIT, target=wrong))


def test_a_large_square_flips_the_digit_and_the_list_says_where() -> None:
    sweep = finish(sweep_steps(DIGIT, 5, 1))
    assert sweep.target == 3
    other = sweep.winners != 3
    assert len(sweep.flips) == other.sum() > 0
    assert [flip.probability for flip in sweep.flips] == sorted(sweep.probabilities[other].tolist())
    assert all(flip.label == str(flip.winner) == str(sweep.winners[flip.row, flip.column]) for flip in sweep.flips)
    assert [flip.probability for flip in sweep.lowest] == sorted(sweep.probabilities.ravel().tolist())


def test_partial_results_grow_and_stay_as_they_were_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resnet_studio.inference.compute.occlusion.TOLD_EVERY", 0)
    steps = sweep_steps(replace(SMALL, architecture=replace(SMALL.architecture, image=224)), 56, 28)
    told: list[Progress | Sweep] = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            whole = end.value
            break
    parts = [part for part in told if isinstance(part, Sweep)]
    counts = [part.done for part in parts]
    assert counts == sorted(set(counts))
    assert len(counts) > 5
    for part in parts:
        reached = part.winners != NOT_YET
        assert np.array_equal(part.probabilities[reached], whole.probabilities[reached])
        assert np.isnan(part.probabilities[~reached]).all()
    assert all(one.of == 49 for one in told if isinstance(one, Progress) and one.what.startswith("covering"))


@pytest.mark.parametrize("side", [8, 32, 97, 224])
@pytest.mark.parametrize("patch", [1, 3, 7])
@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_square_reaches_both_edges_and_leaves_no_gap(side: int, patch: int, stride: int) -> None:
    places = starts(side, patch, stride)
    assert (places[0], places[-1]) == (0, side - patch)
    assert all(0 < after - before <= stride for before, after in pairwise(places))


def test_a_square_as_large_as_the_input_has_one_place_and_a_larger_one_none() -> None:
    assert starts(8, 8, 3) == (0,)
    for patch, stride in ((9, 1), (0, 1), (3, 0)):
        with pytest.raises(ValueError, match=f"{patch} pixels every {stride}"):
            starts(8, patch, stride)


def test_the_handle_covers_the_very_pixels() -> None:
    assert occluder_at(2, 4, 2, 8) == Occluder(x=5 / 8, y=3 / 8, side=2 / 8)
