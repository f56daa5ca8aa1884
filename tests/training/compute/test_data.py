"""Data in memory: the digits and their split, statistics, and the order of the images in steps."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import chain, islice
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from resnet_studio.training.compute import data as data_module
from resnet_studio.training.compute.data import (
    InMemoryImages,
    evaluation_order,
    mix_seed,
    restored_random_state,
    seed_torch,
    statistics,
    training_order,
)
from resnet_studio.training.compute.open_dataset import holdout_split
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from small import SHORT, open_recipe_data


def test_digits_are_split_with_the_same_share_of_each_class() -> None:
    digits = open_recipe_data(SHORT)
    assert (len(digits.training), len(digits.test), digits.size) == (1437, 360, (1, 8, 8))
    assert digits.classes == tuple("0123456789")
    every = np.bincount(load_digits().target)
    held_out = np.bincount(digits.test.labels)
    np.testing.assert_allclose(held_out, every * 360 / 1797, atol=1)
    np.testing.assert_array_equal(held_out + np.bincount(digits.training.labels), every)


def test_digits_equal_scikit_learns_scaled_to_255() -> None:
    digits = open_recipe_data(SHORT)
    training, test = digits.training, digits.test
    assert isinstance(training, InMemoryImages)
    assert isinstance(test, InMemoryImages)
    both = torch.cat([training.pixels, test.pixels])[:, 0].numpy()
    theirs = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    labels = torch.cat([training.labels, test.labels]).numpy()
    ours = sorted((image.tobytes(), int(label)) for image, label in zip(both, labels, strict=True))
    assert ours == sorted(
        (image.tobytes(), int(label)) for image, label in zip(theirs, load_digits().target, strict=True)
    )


def test_the_split_does_not_depend_on_the_recipe() -> None:
    """It is the same on every machine and with every recipe: this is its hash."""
    digits = open_recipe_data(replace(SHORT, seed=7, batch_size=3))
    assert isinstance(digits.test, InMemoryImages)
    fingerprint = hashlib.sha256(digits.test.pixels.numpy().tobytes()).hexdigest()
    assert fingerprint == "de85aee14a9506dda8a479d72743a291a765f6b10b22e6656d483ccf239ae31a"


def test_mean_and_deviation_equal_numpys_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_module, "CHUNK_VALUES", 1000)  # several chunks
    digits = open_recipe_data(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    values = digits.training.pixels.numpy().astype(np.float64) / 255
    assert digits.mean == pytest.approx([values.mean()], rel=1e-12)
    assert digits.std == pytest.approx([values.std()], rel=1e-12)


def test_statistics_are_per_channel() -> None:
    pixels = torch.randint(256, (50, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pixels[:, 2] = 255
    mean, deviation = statistics(pixels)
    values = pixels.numpy().astype(np.float64) / 255
    assert mean == pytest.approx(values.mean((0, 2, 3)), rel=1e-12)
    assert deviation == pytest.approx(values.std((0, 2, 3)), rel=1e-12)


def test_normalized_training_images_have_mean_0_and_deviation_1() -> None:
    digits = open_recipe_data(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    values = digits.normalize(digits.training.pixels).double()
    assert values.mean().item() == pytest.approx(0, abs=1e-6)
    assert values.std().item() == pytest.approx(1, abs=1e-4)


def test_the_papers_normalization_subtracts_the_mean_of_each_pixel() -> None:
    digits = open_recipe_data(replace(SHORT, normalise="pixel"))
    assert isinstance(digits.training, InMemoryImages)
    values = digits.training.pixels.numpy().astype(np.float64) / 255
    expected = values[:5] - values.mean(0)
    np.testing.assert_allclose(digits.normalize(digits.training.pixels[:5]).numpy(), expected, atol=1e-6)


def test_a_constant_channel_does_not_divide_by_zero() -> None:
    pixels = torch.full((4, 1, 2, 2), 51, dtype=torch.uint8)
    values = data_module.make_normalizer(SHORT, pixels, *statistics(pixels))(pixels)
    assert values.abs().max() < 1e-6


def test_a_holdout_is_taken_from_the_training_images() -> None:
    digits = open_recipe_data(replace(SHORT, holdout=100))
    assert (len(digits.training), len(digits.test)) == (1697, 100)
    assert "100" in digits.test_source
    with pytest.raises(DataError, match=r"holdout: 1,797 of 1,797 .* none to train on"):
        open_recipe_data(replace(SHORT, holdout=1797))


def test_classes_that_are_too_small_to_stratify_are_still_split() -> None:
    remaining, held_out = holdout_split([0] * 9 + [1], 2)
    assert (len(remaining), len(held_out)) == (8, 2)
    assert sorted([*remaining.tolist(), *held_out.tolist()]) == list(range(10))


def flat(batches: list[list[int]]) -> list[int]:
    return list(chain.from_iterable(batches))


def steps(images: int, recipe: Recipe, count: int, first: int = 0, **workers: int) -> list[list[int]]:
    return [indices.tolist() for _, indices in islice(training_order(images, recipe, first, **workers), count)]


def test_an_epoch_has_each_image_once_and_the_next_another_order() -> None:
    recipe = replace(SHORT, batch_size=10)
    first, second = steps(100, recipe, 20)[:10], steps(100, recipe, 20)[10:]
    assert all(len(batch) == 10 for batch in first + second)
    assert sorted(flat(first)) == sorted(flat(second)) == list(range(100))
    assert first != second
    assert steps(100, replace(recipe, seed=1), 10) != first


def test_a_last_batch_that_is_not_full_is_dropped() -> None:
    batches = steps(25, replace(SHORT, batch_size=10), 4)
    assert [len(batch) for batch in batches] == [10] * 4
    assert len(set(flat(batches[:2]))) == len(set(flat(batches[2:]))) == 20


def test_a_set_smaller_than_a_batch_is_one_batch() -> None:
    assert [sorted(batch) for batch in steps(7, replace(SHORT, batch_size=10), 2)] == [list(range(7))] * 2


@pytest.mark.parametrize("first", [1, 7, 10, 23])
def test_the_order_can_resume_at_any_step(first: int) -> None:
    recipe = replace(SHORT, batch_size=10)
    whole = list(islice(training_order(100, recipe, 0), 30))
    rest = list(islice(training_order(100, recipe, first), 30 - first))
    assert [(seed, indices.tolist()) for seed, indices in rest] == [
        (seed, indices.tolist()) for seed, indices in whole[first:]
    ]
    assert len({seed for seed, _ in whole}) == 30


def test_workers_share_each_batch() -> None:
    recipe = replace(SHORT, batch_size=12)
    shares = [steps(100, recipe, 16, worker=worker, workers=3) for worker in range(3)]
    assert [one + two + three for one, two, three in zip(*shares, strict=True)] == steps(100, recipe, 16)
    assert {len(batch) for share in shares for batch in share} == {4}
    seeds = [[seed for seed, _ in islice(training_order(100, recipe, 0, worker, 3), 16)] for worker in range(3)]
    assert len(set(flat(seeds))) == 48


def test_workers_share_the_evaluation() -> None:
    recipe = replace(SHORT, batch_size=8)
    found = [indices for worker in range(3) for _, indices in evaluation_order(20, recipe, worker, 3)]
    assert sorted(torch.cat(found).tolist()) == list(range(20))
    assert all(len(indices) <= 3 for indices in found)
    assert not list(evaluation_order(2, recipe, 2, 3))


def test_batches_have_the_images_of_an_order() -> None:
    digits = open_recipe_data(SHORT)
    assert isinstance(digits.training, InMemoryImages)
    order = [(5, torch.tensor([3, 1, 2])), (None, torch.tensor([0]))]
    found = list(digits.training.batches(order, "none"))
    for (_, indices), (pixels, labels) in zip(order, found, strict=True):
        assert torch.equal(pixels, digits.training.pixels[indices])
        assert torch.equal(labels, digits.training.labels[indices])


def test_every_gpu_is_seeded_as_the_one_of_the_run_need_not_be_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    module = SimpleNamespace(manual_seed=lambda seed: None, manual_seed_all=seeded.append)
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    with torch.random.fork_rng(devices=[]):
        seed_torch(7, torch.device("cuda", 1))
        assert torch.initial_seed() == 7
    assert seeded == [7]


def test_the_random_state_of_the_cpu_and_of_a_gpu_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    device, before = torch.device("cuda", 1), torch.get_rng_state()
    states = {device: "before"}
    monkeypatch.setattr(torch.cuda, "get_rng_state", states.__getitem__)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: states.update({device: state}))
    with restored_random_state(device):
        torch.rand(1)
        states[device] = "used"
    assert states[device] == "before"
    assert torch.equal(torch.get_rng_state(), before)
    with restored_random_state(torch.device("cpu")):
        torch.rand(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_mixed_seeds_are_distinct_and_valid_for_torch() -> None:
    seeds = {mix_seed(seed, step) for seed in range(20) for step in range(20)}
    assert len(seeds) == 400
    for seed in seeds:
        torch.Generator().manual_seed(seed)
