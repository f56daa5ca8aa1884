"""Edits of a recipe that touch more than one of its fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resnet_studio.training.recipe import Recipe, RecipeError, learning_rate
from resnet_studio.training.recipe_edits import (
    matching_recipe,
    with_data,
    with_recipe,
    with_schedule,
    with_texts,
    with_unit,
)
from resnet_studio.training.recipes import RECIPES

PAPER = RECIPES["paper-cifar"]


def test_texts_that_depend_on_each_other_may_come_in_any_order() -> None:
    assert with_texts(PAPER, {"length": "640", "milestones": "320, 480"})[0].milestones == (320, 480)
    assert with_texts(PAPER, {"milestones": "64000,96000", "length": "128000"})[0].length == 128_000
    _, wrong = with_texts(PAPER, {"length": "640"})
    assert wrong["length"].field == "milestones"


def test_valid_texts_are_applied_and_invalid_ones_reported() -> None:
    recipe, wrong = with_texts(PAPER, {"lr": "fast", "batch_size": "64", "seed": "-1"})
    assert recipe == replace(PAPER, batch_size=64)
    assert set(wrong) == {"lr", "seed"}
    assert "'fast'" in str(wrong["lr"])


def test_a_change_of_unit_keeps_the_length() -> None:
    """390 steps an epoch are 50,000 images in batches of 128."""
    epochs = with_unit(PAPER, "epochs", 390)
    assert (epochs.length, epochs.milestones) == (164, (82, 123))  # 64000 / 390 = 164.1; the paper's 32k and 48k
    assert with_unit(epochs, "steps", 390).length == 164 * 390
    warm = replace(PAPER, warmup=400, warmup_lr=0.01)
    assert with_unit(warm, "epochs", 390).warmup == 1
    assert with_unit(PAPER, "epochs", None) == replace(PAPER, unit="epochs")
    with pytest.raises(RecipeError, match="length"):
        with_unit(epochs, "steps", 10**6)


@pytest.mark.parametrize("per_epoch", [1, 7, 64_000, 10**5])
def test_every_named_recipe_can_have_both_units(per_epoch: int) -> None:
    for recipe in RECIPES.values():
        for unit in ("epochs", "steps"):
            other = with_unit(recipe, unit, per_epoch)
            assert other.unit == unit
            assert learning_rate(other, 0, per_epoch) > 0


def test_the_schedule_steps_gets_the_papers_milestones() -> None:
    constant = with_schedule(PAPER, "constant")
    assert constant.milestones == ()
    assert with_schedule(constant, "steps") == PAPER
    with pytest.raises(ValueError, match="milestones"):
        with_schedule(Recipe(length=1), "steps")


def test_a_change_of_data_selects_their_default_recipe() -> None:
    digits = replace(RECIPES["digits-quick"], seed=3, device="cuda:0")
    assert with_data(digits, "cifar10", depth=20) == replace(PAPER, seed=3, device="cuda:0")
    assert with_data(digits, "cifar100", depth=110).warmup_lr == 0.01
    assert with_data(digits, "/photos/cats", depth=50).augmentation == "resized-crop"


def test_a_recipe_edited_by_hand_stays_when_the_data_change() -> None:
    edited = replace(RECIPES["digits-quick"], lr=0.07)
    assert with_data(edited, "mnist", depth=20) == replace(edited, data="mnist")


def test_a_recipe_for_folders_needs_a_folder() -> None:
    assert with_recipe(Recipe(), "paper-imagenet") is None
    taken = with_recipe(Recipe(data="/photos", seed=5), "paper-imagenet")
    assert taken == replace(RECIPES["paper-imagenet"], data="/photos", seed=5)
    assert with_recipe(Recipe(data="/photos"), "digits-quick") == RECIPES["digits-quick"]


def test_a_recipes_name_does_not_depend_on_data_seed_and_device() -> None:
    for name, recipe in RECIPES.items():
        assert matching_recipe(replace(recipe, seed=9, device="mps")) == name
    assert matching_recipe(replace(PAPER, data="cifar100")) == "paper-cifar"
    assert matching_recipe(replace(PAPER, lr=0.2)) is None
