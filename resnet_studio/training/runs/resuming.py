"""Going on with a run in another way than it began: what can be changed, and how the run says so.

Needs neither torch nor Qt.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields

from resnet_studio.training.datasets import is_folder
from resnet_studio.training.recipe import Recipe, RecipeError, from_json, learning_rate, to_json
from resnet_studio.training.runs.events import Changed, Event

FIXED = {
    "batch_size": "its steps are counted in batches of {}",
    "optimizer": "its checkpoint holds the state of {}",
    "seed": "the order of its images follows from seed {}",
    "normalise": "its weights are made for images normalized by {}",
    "holdout": "it would be tested on images that it was trained on",
}
"""Fields that can't change in the middle of a run, and why; the value that it has goes into the gap."""


def recipe_of(first: Recipe, events: Iterable[Event]) -> Recipe:
    """The recipe that a run has by now: its manifest's, or what it was changed to last."""
    recipe = first
    for event in events:
        if isinstance(event, Changed):
            with suppress(RecipeError, TypeError):
                recipe = from_json(event.recipe)
    return recipe


def check_change(before: Recipe, after: Recipe) -> None:
    """`RecipeError` names a field that can't change any more, and says why."""
    for field, why in FIXED.items():
        was = getattr(before, field)
        if getattr(after, field) != was:
            raise RecipeError(field, f"can't change when a run goes on: {why.format(was)}. Start a new run for that")
    if before.data != after.data and not (is_folder(before.data) and is_folder(after.data)):
        raise RecipeError("data", f"can't change when a run goes on: it was begun with {before.data}. Start a new run")


def check_length(recipe: Recipe, per_epoch: int, trained: int) -> None:
    """`RecipeError` where the recipe ends no later than the run has come already."""
    if recipe.in_steps(recipe.length, per_epoch) > trained:
        return
    done = f"{trained:,} steps" if recipe.unit == "steps" else f"{trained / per_epoch:.4g} epochs"
    raise RecipeError("length", f"the run has trained {done} already, and can only go on to a later end: --epochs N")


def changed(before: Recipe, after: Recipe, step: int, per_epoch: int) -> Changed:
    """The event that a run goes on with another recipe from a step on."""
    told = [
        f"{field.name} {_shown(getattr(before, field.name))} → {_shown(getattr(after, field.name))}"
        for field in fields(Recipe)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    was, now = (_rate(recipe, step, per_epoch) for recipe in (before, after))
    if was != now and now is not None:
        told.append(f"the learning rate goes on at {now:.3g}" + ("" if was is None else f" instead of {was:.3g}"))
    return Changed(time.time(), step, to_json(after), tuple(told))


def _rate(recipe: Recipe, step: int, per_epoch: int) -> float | None:
    """The learning rate of a step; None after the recipe's end."""
    return learning_rate(recipe, step, per_epoch) if step < recipe.in_steps(recipe.length, per_epoch) else None


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
