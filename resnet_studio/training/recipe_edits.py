"""What an edit in a form makes of a recipe, beyond the one field that was touched. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resnet_studio.training.datasets import is_folder
from resnet_studio.training.recipe import Recipe, RecipeError, Schedule, Unit, with_text
from resnet_studio.training.recipes import RECIPES, usual_recipe


def with_texts(recipe: Recipe, texts: Mapping[str, str]) -> tuple[Recipe, dict[str, RecipeError]]:
    """The recipe with as many of these fields as can be had, and why the others can't.

    Their order is no matter: a shorter length waits until the milestones beyond it were changed, too.
    """
    waiting = dict(texts)
    while True:
        wrong: dict[str, RecipeError] = {}
        for field, text in waiting.items():
            try:
                recipe = with_text(recipe, field, text)
            except RecipeError as error:
                wrong[field] = error
        if not wrong or len(wrong) == len(waiting):
            return recipe, wrong
        waiting = {field: waiting[field] for field in wrong}


def with_unit(recipe: Recipe, unit: Unit, per_epoch: int | None) -> Recipe:
    """As long a run told in the other unit; the numbers stay where nobody knows how many steps an epoch has.

    `RecipeError` where that is more than a run may have.
    """
    if unit == recipe.unit or per_epoch is None:
        return replace(recipe, unit=unit)

    def told(length: int) -> int:
        return length * per_epoch if unit == "steps" else round(length / per_epoch)

    length = max(1, told(recipe.length))
    milestones = tuple(sorted({told(one) for one in recipe.milestones if 0 < told(one) < length}))
    if recipe.schedule == "steps" and not milestones:
        milestones = usual_milestones(length)
    schedule: Schedule = "constant" if recipe.schedule == "steps" and not milestones else recipe.schedule
    warmup = min(told(recipe.warmup), length - 1)
    return replace(recipe, unit=unit, length=length, milestones=milestones, schedule=schedule, warmup=warmup)


def with_schedule(recipe: Recipe, schedule: Schedule) -> Recipe:
    """Another schedule. Steps begin with milestones where the paper has them; nothing else keeps any."""
    milestones = usual_milestones(recipe.length) if schedule == "steps" else ()
    return replace(recipe, schedule=schedule, milestones=milestones)


def usual_milestones(length: int) -> tuple[int, ...]:
    """After a half and three quarters of the run, as in the paper: 32k and 48k of 64k."""
    return tuple(sorted({at for at in (length // 2, length * 3 // 4) if 0 < at < length}))


def with_data(recipe: Recipe, data: str, depth: int) -> Recipe:
    """Other data: with the recipe that suits them, unless what is there was edited by hand."""
    if shown_name(recipe) is None:
        return replace(recipe, data=data)
    return replace(RECIPES[usual_recipe(data, depth)], data=data, seed=recipe.seed, device=recipe.device)


def with_recipe(recipe: Recipe, name: str) -> Recipe | None:
    """A named recipe on its own data, with seed and device kept; None where it is for a folder and none is chosen."""
    wanted, data = RECIPES[name], RECIPES[name].data
    if is_folder(data):
        if not is_folder(recipe.data):
            return None
        data = recipe.data
    return replace(wanted, data=data, seed=recipe.seed, device=recipe.device)


def shown_name(recipe: Recipe) -> str | None:
    """The named recipe that this is, on whatever data, with whatever seed and device."""
    for name, value in RECIPES.items():
        if replace(value, data=recipe.data, seed=recipe.seed, device=recipe.device) == recipe:
            return name
    return None
