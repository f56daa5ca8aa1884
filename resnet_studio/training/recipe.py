"""Every choice of a training except the network, as one frozen value, and the learning rate schedule it defines.

Needs no torch, as the window plots the learning rate before a run starts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from resnet_studio.causes import FieldError
from resnet_studio.files import json_fault

Unit = Literal["epochs", "steps"]
Optimizer = Literal["sgd", "adamw"]
Schedule = Literal["constant", "steps", "linear", "cosine", "one-cycle"]
Augmentation = Literal["none", "shift", "crop-flip", "resized-crop", "scale-crop"]
Normalize = Literal["channel", "pixel"]
Precision = Literal["fp32", "bf16", "fp16"]
Damaged = Literal["fail", "skip"]

CHOICES: dict[str, tuple[str, ...]] = {
    "unit": get_args(Unit),
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
    "augmentation": get_args(Augmentation),
    "normalise": get_args(Normalize),
    "precision": get_args(Precision),
    "damaged": get_args(Damaged),
}
INTEGER_RANGES = {
    "length": (1, 10_000_000), "batch_size": (1, 65_536), "warmup": (0, 10_000_000), "holdout": (0, 10_000_000),
    "seed": (0, 2**31 - 1),
}  # fmt: skip
FLOAT_RANGES: dict[str, tuple[float, float]] = {
    "lr": (0.0, 1000.0), "momentum": (0.0, 1.0), "weight_decay": (0.0, 10.0), "label_smoothing": (0.0, 1.0),
    "warmup_lr": (0.0, 1000.0),
}  # fmt: skip
ONE_CYCLE_RISE, ONE_CYCLE_START, ONE_CYCLE_END = 0.3, 1 / 25, 1 / 250_000
"""Share of the steps that rise, and the first and last rate relative to the highest: torch's defaults."""


class RecipeError(FieldError):
    """A field has an invalid value."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained. To change one, `dataclasses.replace` it: it is validated again (`RecipeError`)."""

    data: str = "digits"
    """The name of a data set, or the path of a folder of class folders."""
    length: int = 30
    unit: Unit = "epochs"
    """Of `length`, `milestones` and `warmup`."""
    batch_size: int = 128
    """Images per step, summed over all devices."""
    optimizer: Optimizer = "sgd"
    lr: float = 0.1
    """The highest learning rate."""
    momentum: float = 0.9
    """Momentum of SGD. AdamW uses torch's β = (0.9, 0.999)."""
    weight_decay: float = 1e-4
    schedule: Schedule = "cosine"
    milestones: tuple[int, ...] = ()
    """Where the schedule "steps" divides the learning rate by 10, in `unit`."""
    warmup: int = 0
    warmup_lr: float | None = None
    """A constant rate during warm-up; None rises linearly to `lr`."""
    label_smoothing: float = 0.0
    augmentation: Augmentation = "none"
    normalise: Normalize = "channel"
    """Subtract the training set's mean of each channel and divide by its standard deviation, or subtract the mean of
    each pixel, as the paper does."""
    holdout: int = 0
    """Images taken from the training set for testing; 0 tests on the data set's own test images if it has some."""
    measure_training: bool = False
    """Evaluate on the whole training set after every epoch, in addition to the running error of the steps."""
    damaged: Damaged = "fail"
    """An image that can't be read fails the run, or is skipped and counted."""
    precision: Precision = "fp32"
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", _checked_milestones(self.milestones))
        _check(self)
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
    known = [known_field.name for known_field in fields(Recipe)]
    if field not in known:
        raise RecipeError(field, f"unknown field; must be one of {', '.join(known)}")
    return from_json({**to_json(recipe), field: _parse(field, text.strip())})


def to_json(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain JSON values; `from_json` restores an equal value."""
    return {**asdict(recipe), "milestones": list(recipe.milestones)}


def from_json(values: Mapping[str, Any] | str) -> Recipe:
    """Read a recipe from JSON text or parsed values; `RecipeError` names the invalid field."""
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except (ValueError, RecursionError) as error:
            raise RecipeError("recipe", json_fault(error)) from None
    if not isinstance(values, Mapping):
        raise RecipeError("recipe", 'must be a JSON object, such as {"data": "digits", "length": 30}')
    known = {f.name for f in fields(Recipe)}
    for name in values:
        if name not in known:
            raise RecipeError(str(name), f"unknown field; must be one of {', '.join(sorted(known))}")
    return Recipe(**values)


def _check(recipe: Recipe) -> None:
    for name, known in CHOICES.items():
        if getattr(recipe, name) not in known:
            raise RecipeError(name, f"must be one of {', '.join(known)}, got {getattr(recipe, name)!r}")
    for name, (least, most) in INTEGER_RANGES.items():
        value = getattr(recipe, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise RecipeError(name, f"must be an integer from {least:,} to {most:,}, got {value!r}")
    for name, (low, high) in FLOAT_RANGES.items():
        value = getattr(recipe, name)
        if name == "warmup_lr" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise RecipeError(name, f"must be a number from {low:g} to {high:g}, got {value!r}")
    for name in ("data", "device"):
        if not isinstance(getattr(recipe, name), str) or not getattr(recipe, name):
            raise RecipeError(name, f"must be a name, got {getattr(recipe, name)!r}")
    if not isinstance(recipe.measure_training, bool):
        raise RecipeError("measure_training", f"must be true or false, got {recipe.measure_training!r}")


def _checked_milestones(values: object) -> tuple[int, ...]:
    if not isinstance(values, list | tuple) or any(isinstance(v, bool) or not isinstance(v, int) for v in values):
        raise RecipeError("milestones", f"must be integers, such as 32000,48000, got {values!r}")
    if list(values) != sorted(set(values)) or (values and values[0] < 1):
        raise RecipeError("milestones", "must be positive and in increasing order")
    return tuple(values)


def _parse(field: str, text: str) -> Any:
    if field in CHOICES or field in ("data", "device"):
        return text
    if field == "warmup_lr" and text in ("", "none"):
        return None
    if field == "measure_training":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        if field == "milestones":
            return [int(part) for part in text.split(",") if part.strip()]
        return float(text) if field in FLOAT_RANGES else int(text)
    except ValueError:
        expected = "a number" if field in FLOAT_RANGES else "an integer"
        raise RecipeError(field, f"must be {expected}, got {text!r}") from None
