"""Edits of a recipe that change more than the one field the user touched. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resnet_studio.training.datasets import DATASETS, DataError, is_folder
from resnet_studio.training.recipe import Recipe, RecipeError, Schedule, Unit, with_text
from resnet_studio.training.recipes import RECIPES, default_recipe


def with_texts(recipe: Recipe, texts: Mapping[str, str]) -> tuple[Recipe, dict[str, RecipeError]]:
    """The recipe with every field whose text is valid, and the errors of the others.

    The order of the fields doesn't matter: a shorter length is applied once the milestones beyond it were changed.
    """
    pending = dict(texts)
    while True:
        errors: dict[str, RecipeError] = {}
        for field, text in pending.items():
            try:
                recipe = with_text(recipe, field, text)
            except RecipeError as error:
                errors[field] = error
        if not errors or len(errors) == len(pending):
            return recipe, errors
        pending = {field: pending[field] for field in errors}


def with_unit(recipe: Recipe, unit: Unit, per_epoch: int | None) -> Recipe:
    """The same length in another unit. The numbers stay as they are if the steps per epoch are unknown.

    `RecipeError` if the converted length is out of range.
    """
    if unit == recipe.unit or per_epoch is None:
        return replace(recipe, unit=unit)

    def convert(length: int) -> int:
        return length * per_epoch if unit == "steps" else round(length / per_epoch)

    length = max(1, convert(recipe.length))
    milestones = tuple(sorted({convert(at) for at in recipe.milestones if 0 < convert(at) < length}))
    if recipe.schedule == "steps" and not milestones:
        milestones = default_milestones(length)
    schedule: Schedule = "constant" if recipe.schedule == "steps" and not milestones else recipe.schedule
    warmup = min(convert(recipe.warmup), length - 1)
    return replace(recipe, unit=unit, length=length, milestones=milestones, schedule=schedule, warmup=warmup)


def with_schedule(recipe: Recipe, schedule: Schedule) -> Recipe:
    """Change the schedule. "steps" gets the paper's milestones, the others have none."""
    milestones = default_milestones(recipe.length) if schedule == "steps" else ()
    return replace(recipe, schedule=schedule, milestones=milestones)


def default_milestones(length: int) -> tuple[int, ...]:
    """At one half and three quarters of the run, as in the paper: 32k and 48k of 64k."""
    return tuple(sorted({at for at in (length // 2, length * 3 // 4) if 0 < at < length}))


def with_data(recipe: Recipe, data: str, depth: int) -> Recipe:
    """Change the data and take its default recipe, unless the present recipe was edited by hand."""
    if matching_recipe(recipe) is None:
        return replace(recipe, data=data)
    return replace(RECIPES[default_recipe(data, depth)], data=data, seed=recipe.seed, device=recipe.device)


def with_absolute_data(recipe: Recipe) -> Recipe:
    """The recipe with an absolute path to a data folder, as its run may continue in another working directory.

    `DataError` if the folder doesn't exist.
    """
    if not is_folder(recipe.data):
        return recipe
    folder = Path(recipe.data).expanduser().absolute()
    if not folder.is_dir():
        raise DataError(f"{recipe.data}: directory or data set not found. Data sets: {', '.join(DATASETS)}")
    return replace(recipe, data=str(folder))


def with_recipe(recipe: Recipe, name: str) -> Recipe | None:
    """A named recipe on its own data, keeping seed and device; None if it is for a folder and no folder is chosen."""
    named, data = RECIPES[name], RECIPES[name].data
    if is_folder(data):
        if not is_folder(recipe.data):
            return None
        data = recipe.data
    return replace(named, data=data, seed=recipe.seed, device=recipe.device)


def matching_recipe(recipe: Recipe) -> str | None:
    """The name of the recipe that equals this one apart from data, seed and device; None if there is none."""
    for name, value in RECIPES.items():
        if replace(value, data=recipe.data, seed=recipe.seed, device=recipe.device) == recipe:
            return name
    return None
