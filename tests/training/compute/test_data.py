"""Data that are held: the digits and their split, the statistics, and the order in which steps take the images."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import chain, islice

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from resnet_studio.training.compute import data as module
from resnet_studio.training.compute.data import InMemoryImages, measuring_order, mixed, statistics, training_order
from resnet_studio.training.compute.open_dataset import held_out_places
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from small import SHORT, opened


def test_digits_are_split_with_the_same_share_of_each_class() -> None:
    digits = opened(SHORT)
    assert (len(digits.training), len(digits.test), digits.size) == (1437, 360, (1, 8, 8))
    assert digits.classes == tuple("0123456789")
    every = np.bincount(load_digits().target)
    held_out = np.bincount(digits.test.labels)
    np.testing.assert_allclose(held_out, every * 360 / 1797, atol=1)
    np.testing.assert_array_equal(held_out + np.bincount(digits.training.labels), every)


def test_digits_are_those_of_scikit_learn_with_white_at_255() -> None:
    digits = opened(SHORT)
    training, test = digits.training, digits.test
    assert isinstance(training, InMemoryImages)
    assert isinstance(test, InMemoryImages)
    both = torch.cat([training.pixels, test.pixels])[:, 0].numpy()
    theirs = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    labels = torch.cat([training.labels, test.labels]).numpy()
    mine = sorted((image.tobytes(), int(label)) for image, label in zip(both, labels, strict=True))
    assert mine == sorted(
        (image.tobytes(), int(label)) for image, label in zip(theirs, load_digits().target, strict=True)
    )


def test_the_split_is_always_the_same() -> None:
    """On every machine and with every recipe: its fingerprint is written down here."""
    digits = opened(replace(SHORT, seed=7, batch_size=3))
    assert isinstance(digits.test, InMemoryImages)
    fingerprint = hashlib.sha256(digits.test.pixels.numpy().tobytes()).hexdigest()
    assert fingerprint == "de85aee14a9506dda8a479d72743a291a765f6b10b22e6656d483ccf239ae31a"


def test_mean_and_deviation_are_numpys_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED_AT_ONCE", 1000)  # in several portions
    digits = opened(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    values = digits.training.pixels.numpy().astype(np.float64) / 255
    assert digits.mean == pytest.approx([values.mean()], rel=1e-12)
    assert digits.deviation == pytest.approx([values.std()], rel=1e-12)


def test_statistics_are_of_each_channel() -> None:
    pixels = torch.randint(256, (50, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pixels[:, 2] = 255
    mean, deviation = statistics(pixels)
    values = pixels.numpy().astype(np.float64) / 255
    assert mean == pytest.approx(values.mean((0, 2, 3)), rel=1e-12)
    assert deviation == pytest.approx(values.std((0, 2, 3)), rel=1e-12)


def test_normalised_training_images_have_mean_0_and_deviation_1() -> None:
    digits = opened(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    values = digits.normalise(digits.training.pixels).double()
    assert values.mean().item() == pytest.approx(0, abs=1e-6)
    assert values.std().item() == pytest.approx(1, abs=1e-4)


def test_the_papers_normalisation_subtracts_the_mean_of_each_pixel() -> None:
    digits = opened(replace(SHORT, normalise="pixel"))
    assert isinstance(digits.training, InMemoryImages)
    values = digits.training.pixels.numpy().astype(np.float64) / 255
    expected = values[:5] - values.mean(0)
    np.testing.assert_allclose(digits.normalise(digits.training.pixels[:5]).numpy(), expected, atol=1e-6)


def test_a_channel_that_never_changes_does_not_divide_by_zero() -> None:
    pixels = torch.full((4, 1, 2, 2), 51, dtype=torch.uint8)
    values = module.normaliser(SHORT, pixels, *statistics(pixels))(pixels)
    assert values.abs().max() < 1e-6


def test_a_holdout_is_taken_from_the_training_images() -> None:
    digits = opened(replace(SHORT, holdout=100))
    assert (len(digits.training), len(digits.test)) == (1697, 100)
    assert "100" in digits.test_of
    with pytest.raises(DataError, match=r"holdout: 1,797 of 1,797 .* nothing to train on"):
        opened(replace(SHORT, holdout=1797))


def test_classes_that_are_too_small_for_a_share_are_still_split() -> None:
    kept, held_out = held_out_places([0] * 9 + [1], 2)
    assert (len(kept), len(held_out)) == (8, 2)
    assert sorted([*kept.tolist(), *held_out.tolist()]) == list(range(10))


def flat(batches: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(batches))


def steps(images: int, recipe: Recipe, count: int, first: int = 0, **workers: int) -> list[list[int]]:
    return [places.tolist() for _, places in islice(training_order(images, recipe, first, **workers), count)]


def test_an_epoch_meets_each_image_once_and_the_next_in_another_order() -> None:
    recipe = replace(SHORT, batch_size=10)
    first, second = steps(100, recipe, 20)[:10], steps(100, recipe, 20)[10:]
    assert all(len(batch) == 10 for batch in first + second)
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(100))
    assert first != second
    assert steps(100, replace(recipe, seed=1), 10) != first


def test_a_last_batch_that_is_not_full_is_left_out() -> None:
    batches = steps(25, replace(SHORT, batch_size=10), 4)
    assert [len(batch) for batch in batches] == [10] * 4
    assert len(set(flat(batches[:2]))) == len(set(flat(batches[2:]))) == 20


def test_a_set_smaller_than_a_batch_is_one_batch() -> None:
    assert [sorted(batch) for batch in steps(7, replace(SHORT, batch_size=10), 2)] == [list(range(7))] * 2


@pytest.mark.parametrize("first", [1, 7, 10, 23])
def test_the_order_can_be_taken_up_at_any_step(first: int) -> None:
    recipe = replace(SHORT, batch_size=10)
    whole = list(islice(training_order(100, recipe, 0), 30))
    rest = list(islice(training_order(100, recipe, first), 30 - first))
    assert [(seed, places.tolist()) for seed, places in rest] == [
        (seed, places.tolist()) for seed, places in whole[first:]
    ]
    assert len({seed for seed, _ in whole}) == 30


def test_workers_share_each_batch() -> None:
    recipe = replace(SHORT, batch_size=12)
    shares = [steps(100, recipe, 16, worker=worker, workers=3) for worker in range(3)]
    assert [one + two + three for one, two, three in zip(*shares, strict=True)] == steps(100, recipe, 16)
    assert {len(batch) for share in shares for batch in share} == {4}
    seeds = [[seed for seed, _ in islice(training_order(100, recipe, 0, worker, 3), 16)] for worker in range(3)]
    assert len(set(flat(seeds))) == 48


def test_workers_share_what_is_measured() -> None:
    recipe = replace(SHORT, batch_size=8)
    found = [places for worker in range(3) for _, places in measuring_order(20, recipe, worker, 3)]
    assert sorted(torch.cat(found).tolist()) == list(range(20))
    assert all(len(places) <= 3 for places in found)
    assert not list(measuring_order(2, recipe, 2, 3))


def test_batches_hand_out_the_images_of_an_order() -> None:
    digits = opened(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    order = [(5, torch.tensor([3, 1, 2])), (None, torch.tensor([0]))]
    found = list(digits.training.batches(order, "none"))
    for (_, places), (pixels, labels) in zip(order, found, strict=True):
        assert torch.equal(pixels, digits.training.pixels[places])
        assert torch.equal(labels, digits.training.labels[places])


def test_mixed_numbers_are_seeds_that_torch_takes() -> None:
    seeds = {mixed(seed, step) for seed in range(20) for step in range(20)}
    assert len(seeds) == 400
    for seed in seeds:
        torch.Generator().manual_seed(seed)
