"""Resuming a run with a changed recipe: what can be changed, and the event that records it.

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

FIXED_FIELDS = {
    "batch_size": "its steps use batches of {}",
    "optimizer": "its checkpoint has the state of {}",
    "seed": "its image order depends on seed {}",
    "normalise": "its weights expect images normalized by {}",
    "holdout": "it would be tested on images it was trained on",
    "zero_init_residual": "it is about the first weights",
}
"""Fields that can't change during a run, and why; {} is the field's value."""


def current_recipe(first: Recipe, events: Iterable[Event]) -> Recipe:
    """The current recipe of a run: the manifest's, or what it was last changed to."""
    recipe = first
    for event in events:
        if isinstance(event, Changed):
            with suppress(RecipeError, TypeError):
                recipe = from_json(event.recipe)
    return recipe


def check_change(before: Recipe, after: Recipe) -> None:
    """`RecipeError` names a field that can't be changed on resuming, and says why."""
    for field, reason in FIXED_FIELDS.items():
        was = getattr(before, field)
        if getattr(after, field) != was:
            raise RecipeError(field, f"can't change on resuming: {reason.format(was)}. Start a new run instead")
    if before.data != after.data and not (is_folder(before.data) and is_folder(after.data)):
        raise RecipeError(
            "data", f"can't change on resuming: it was started with {before.data}. Start a new run instead"
        )


def check_length(recipe: Recipe, per_epoch: int, trained: int) -> None:
    """`RecipeError` if the recipe's length does not exceed the steps trained so far."""
    if recipe.in_steps(recipe.length, per_epoch) > trained:
        return
    done = f"{trained:,} steps" if recipe.unit == "steps" else f"{trained / per_epoch:.4g} epochs"
    raise RecipeError("length", f"the run has already trained {done}; set a greater length with --epochs N")


def change_event(before: Recipe, after: Recipe, step: int, per_epoch: int) -> Changed:
    """The event that a run continues with another recipe from `step` on."""
    changes = [
        f"{field.name} {_format_value(getattr(before, field.name))} → {_format_value(getattr(after, field.name))}"
        for field in fields(Recipe)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    was, now = (_learning_rate(recipe, step, per_epoch) for recipe in (before, after))
    if was != now and now is not None:
        changes.append(f"the learning rate continues at {now:.3g}" + ("" if was is None else f" instead of {was:.3g}"))
    return Changed(time.time(), step, to_json(after), tuple(changes))


def _learning_rate(recipe: Recipe, step: int, per_epoch: int) -> float | None:
    """The learning rate of a step; None after the end of the recipe."""
    return learning_rate(recipe, step, per_epoch) if step < recipe.in_steps(recipe.length, per_epoch) else None


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
