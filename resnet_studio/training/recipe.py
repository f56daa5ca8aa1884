"""Every choice of a training except the network, as one frozen value, and the learning rate schedule it defines.

Needs no torch, as the window plots the learning rate before a run starts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta

from resnet_studio import codec
from resnet_studio.causes import FieldError

Unit = Literal["epochs", "steps"]
Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["constant", "steps", "linear", "cosine", "one-cycle"]
Augmentation = Literal["none", "shift", "crop-flip", "resized-crop", "scale-crop"]
Normalize = Literal["channel", "pixel"]
Precision = Literal["fp32", "bf16", "fp16"]
Damaged = Literal["fail", "skip"]

LearningRate = Annotated[float, Meta(ge=0.0, le=1000.0)]
Length = Annotated[int, Meta(ge=0, le=10_000_000)]
PositiveLength = Annotated[int, Meta(ge=1, le=10_000_000)]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Name = Annotated[str, Meta(min_length=1, description="a name")]
ONE_CYCLE_RISE, ONE_CYCLE_START, ONE_CYCLE_END = 0.3, 1 / 25, 1 / 250_000
"""Share of the steps that rise, and the first and last rate relative to the highest: torch's defaults."""


LATER = ("zero_init_residual", "stochastic_depth")
"""Fields that version 0.1 lacks: JSON has them only with other values than their defaults."""


class RecipeError(FieldError):
    """A field has an invalid value."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained. To change one, `dataclasses.replace` it: it is validated again (`RecipeError`)."""

    data: Name = "digits"
    """The name of a data set, or the path of a folder of class folders."""
    length: PositiveLength = 30
    unit: Unit = "epochs"
    """Of `length`, `milestones` and `warmup`."""
    batch_size: Annotated[int, Meta(ge=1, le=65_536)] = 128
    """Images per step, summed over all devices."""
    optimizer: Optimizer = "sgd"
    lr: LearningRate = 0.1
    """The highest learning rate."""
    momentum: Fraction = 0.9
    """Momentum of SGD. AdamW uses torch's β = (0.9, 0.999)."""
    weight_decay: Annotated[float, Meta(ge=0.0, le=10.0)] = 1e-4
    schedule: Schedule = "cosine"
    milestones: Annotated[tuple[int, ...], Meta(description="integers, such as 32000,48000")] = ()
    """Where the schedule "steps" divides the learning rate by 10, in `unit`."""
    warmup: Length = 0
    warmup_lr: LearningRate | None = None
    """A constant rate during warm-up; None rises linearly to `lr`."""
    label_smoothing: Fraction = 0.0
    zero_init_residual: bool = False
    """Begin with F(x) = 0 in every block (Goyal et al. 2017): the γ of its last batch norm is 0, or, in pre-activation
    blocks, which end with a convolution, all of that one's weights."""
    stochastic_depth: Fraction = 0.0
    """How likely each image skips F(x) of the last block in training; in the block n of N it is n / N times as likely
    (Huang et al. 2016)."""
    augmentation: Augmentation = "none"
    normalise: Normalize = "channel"
    """Subtract the training set's mean of each channel and divide by its standard deviation, or subtract the mean of
    each pixel, as the paper does."""
    holdout: Length = 0
    """Images taken from the training set for testing; 0 tests on the data set's own test images if it has some."""
    measure_training: bool = False
    """Evaluate on the whole training set after every epoch, in addition to the running error of the steps."""
    damaged: Damaged = "fail"
    """An image that can't be read fails the run, or is skipped and counted."""
    precision: Precision = "fp32"
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    device: Name = "cpu"

    def __post_init__(self) -> None:
        codec.check(self, RecipeError)
        object.__setattr__(self, "milestones", tuple(self.milestones))
        if self.milestones != tuple(sorted(set(self.milestones))) or (self.milestones and self.milestones[0] < 1):
            raise RecipeError("milestones", "must be positive and in increasing order")
        if self.schedule == "steps" and not self.milestones:
            raise RecipeError("milestones", "the steps schedule needs at least one, such as 32000,48000")
        if self.milestones and self.milestones[-1] >= self.length:
            raise RecipeError("milestones", f"each must be less than the length of {self.length:,}")
        if self.warmup >= self.length and self.warmup:
            raise RecipeError("warmup", f"must be less than the length of {self.length:,} {self.unit}")

    def in_steps(self, length: int, steps_per_epoch: int) -> int:
        """A length in the recipe's unit, in steps."""
        return length * steps_per_epoch if self.unit == "epochs" else length


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Updates per epoch. A last batch that is not full is dropped."""
    return max(1, images // batch_size)


def learning_rate(recipe: Recipe, step: int, per_epoch: int) -> float:
    """The learning rate of a step, counted from 0, where an epoch has `per_epoch` steps.

    Each schedule equals torch's scheduler of that kind over the steps after the warm-up.
    """
    total = recipe.in_steps(recipe.length, per_epoch)
    warmup = recipe.in_steps(recipe.warmup, per_epoch)
    if step < warmup:
        return recipe.lr * (step + 1) / warmup if recipe.warmup_lr is None else recipe.warmup_lr
    if recipe.schedule == "steps":
        passed = sum(step >= recipe.in_steps(milestone, per_epoch) for milestone in recipe.milestones)
        return recipe.lr / 10.0**passed
    done = (step - warmup) / (total - warmup)
    if recipe.schedule == "linear":
        return recipe.lr * (1 - done)
    if recipe.schedule == "cosine":
        return recipe.lr * _half_cosine(1, 0, done)
    if recipe.schedule == "one-cycle":
        return recipe.lr * _one_cycle(step - warmup, total - warmup)
    return recipe.lr


def _one_cycle(step: int, total: int) -> float:
    """The rate relative to the highest (Smith and Topin 2017, with torch's cosine)."""
    top = ONE_CYCLE_RISE * total - 1
    if step <= top:
        return _half_cosine(ONE_CYCLE_START, 1, step / top)
    return _half_cosine(1, ONE_CYCLE_END, (step - top) / (total - 1 - top))


def _half_cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2


def with_text(recipe: Recipe, field: str, text: str) -> Recipe:
    """The recipe with one field parsed from text, as entered in a form or on the command line."""
    types = codec.field_types(Recipe)
    value = codec.parse_text(types[field], text.strip()) if field in types else text
    return from_json({**to_json(recipe), field: value})


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values; `from_json` restores an equal value."""
    values, usual = codec.to_json(recipe), Recipe()
    return {name: value for name, value in values.items() if name not in LATER or value != getattr(usual, name)}


def from_json(values: Mapping[str, Any] | str) -> Recipe:
    """Read a recipe from JSON text or parsed values; `RecipeError` names the invalid field."""
    return codec.from_json(Recipe, values, RecipeError)


RECIPE = codec.Form(to_json, from_json)
