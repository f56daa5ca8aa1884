"""The learning rate over a run, compared with torch's schedulers, the paper's figures and formulas."""

from __future__ import annotations

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
)

from resnet_studio.training.recipe import Recipe, learning_rate
from resnet_studio.training.recipes import RECIPES

LR = 0.3
TOTALS = [*range(1, 25), 30, 110, 1000]


def ours(recipe: Recipe, per_epoch: int = 1) -> list[float]:
    total = recipe.in_steps(recipe.length, per_epoch)
    return [learning_rate(recipe, step, per_epoch) for step in range(total)]


def torchs(total: int, schedule: type[LRScheduler], **options: object) -> list[float]:
    """The learning rates of torch's scheduler for `total` steps."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], LR)
    scheduler = schedule(optimizer, **options)
    rates = []
    for step in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < total - 1:
            scheduler.step()
    return rates


def in_steps(total: int, **values: object) -> Recipe:
    return Recipe(length=total, unit="steps", lr=LR, **values)


@pytest.mark.parametrize("total", TOTALS)
def test_cosine_equals_torchs(total: int) -> None:
    assert ours(in_steps(total, schedule="cosine")) == pytest.approx(torchs(total, CosineAnnealingLR, T_max=total))


@pytest.mark.parametrize("total", TOTALS)
def test_one_cycle_equals_torchs_with_its_defaults(total: int) -> None:
    expected = torchs(total, OneCycleLR, max_lr=LR, total_steps=total)
    assert ours(in_steps(total, schedule="one-cycle")) == pytest.approx(expected)


@pytest.mark.parametrize("total", TOTALS)
def test_linear_decay_equals_torchs_and_its_formula(total: int) -> None:
    rates = ours(in_steps(total, schedule="linear"))
    expected = torchs(total, LinearLR, start_factor=1.0, end_factor=0.0, total_iters=total)
    assert rates == pytest.approx(expected)
    assert rates == pytest.approx([LR * (total - step) / total for step in range(total)])


@pytest.mark.parametrize("milestones", [(1,), (3, 4), (10, 50, 109)])
def test_steps_equal_torchs(milestones: tuple[int, ...]) -> None:
    rates = ours(in_steps(110, schedule="steps", milestones=milestones))
    assert rates == pytest.approx(torchs(110, MultiStepLR, milestones=list(milestones), gamma=0.1))


def test_constant_is_constant() -> None:
    assert ours(in_steps(50, schedule="constant")) == [LR] * 50


@pytest.mark.parametrize("warmup", [2, 3, 10, 99])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "one-cycle", "steps"])
def test_warm_up_rises_as_torchs_and_the_schedule_covers_the_steps_after_it(warmup: int, schedule: str) -> None:
    more = {"milestones": (99,)} if schedule == "steps" else {}
    rates = ours(in_steps(100, schedule=schedule, warmup=warmup, **more))
    rise = torchs(warmup, LinearLR, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
    assert rates[:warmup] == pytest.approx(rise)
    if schedule == "steps":
        assert rates[warmup:] == pytest.approx([LR] * (99 - warmup) + [LR / 10])
    else:
        assert rates[warmup:] == ours(in_steps(100 - warmup, schedule=schedule))


def test_warm_up_of_one_step_is_at_the_highest_rate() -> None:
    assert ours(in_steps(4, schedule="constant", warmup=1)) == [LR] * 4


def test_warm_up_with_its_own_rate_is_constant() -> None:
    rates = ours(in_steps(10, schedule="cosine", warmup=4, warmup_lr=0.01))
    assert rates == [0.01] * 4 + ours(in_steps(6, schedule="cosine"))


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "one-cycle", "steps"])
def test_epochs_equal_the_same_number_of_steps(schedule: str) -> None:
    def recipe(unit: str, scale: int) -> Recipe:
        milestones = (3 * scale, 6 * scale) if schedule == "steps" else ()
        return Recipe(length=9 * scale, unit=unit, lr=LR, schedule=schedule, warmup=2 * scale, milestones=milestones)

    assert ours(recipe("epochs", 1), per_epoch=11) == ours(recipe("steps", 11))


@pytest.mark.parametrize("schedule", ["linear", "cosine", "one-cycle"])
@pytest.mark.parametrize("total", TOTALS)
def test_no_rate_is_negative_or_above_the_highest(schedule: str, total: int) -> None:
    for warmup in {0, total // 2, total - 1}:
        rates = ours(in_steps(total, schedule=schedule, warmup=warmup))
        assert len(rates) == total
        assert min(rates) > 0
        assert max(rates) <= LR * (1 + 1e-12)


def test_the_papers_cifar_recipe_matches_its_section_4_2() -> None:
    """ "a weight decay of 0.0001 and momentum of 0.9 … a mini-batch size of 128 … We start with a learning rate of
    0.1, divide it by 10 at 32k and 48k iterations, and terminate training at 64k iterations" """
    recipe = RECIPES["paper-cifar"]
    assert (recipe.weight_decay, recipe.momentum, recipe.batch_size) == (0.0001, 0.9, 128)
    assert (recipe.optimizer, recipe.data, recipe.label_smoothing) == ("sgd", "cifar10", 0.0)
    assert (recipe.augmentation, recipe.normalise) == ("crop-flip", "pixel")
    rates = ours(recipe, per_epoch=390)
    assert len(rates) == 64_000
    assert rates == pytest.approx([0.1] * 32_000 + [0.01] * 16_000 + [0.001] * 16_000)


def test_110_layers_start_with_400_steps_at_0_01() -> None:
    """ "So we use 0.01 to warm up the training until the training error is below 80% (about 400 iterations), and then
    go back to 0.1 and continue training. The rest of the learning schedule is as done previously." """
    rates = ours(RECIPES["paper-cifar-110"], per_epoch=390)
    assert rates[:400] == [0.01] * 400
    assert rates[400:] == ours(RECIPES["paper-cifar"], per_epoch=390)[400:]


def test_the_papers_imagenet_recipe_matches_its_section_3_4() -> None:
    """ "a mini-batch size of 256. The learning rate starts from 0.1 and is divided by 10 when the error plateaus, and
    the models are trained for up to 60 × 10^4 iterations. We use a weight decay of 0.0001 and a momentum of 0.9." """
    recipe = RECIPES["paper-imagenet"]
    assert (recipe.weight_decay, recipe.momentum, recipe.batch_size) == (0.0001, 0.9, 256)
    assert recipe.in_steps(recipe.length, 5004) == 60 * 10**4
    assert learning_rate(recipe, 0, 5004) == 0.1
    assert learning_rate(recipe, 149_999, 5004) / learning_rate(recipe, 150_000, 5004) == pytest.approx(10)


def test_degradation_on_digits_warms_up_for_two_epochs_and_decays_to_zero() -> None:
    rates = ours(RECIPES["digits-degradation"], per_epoch=11)
    assert len(rates) == 110
    assert rates[:22] == pytest.approx([0.02 * step / 22 for step in range(1, 23)])
    assert rates[22:] == pytest.approx([0.02 * (88 - step) / 88 for step in range(88)])
