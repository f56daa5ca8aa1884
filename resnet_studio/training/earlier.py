"""What weights that an earlier version of this program saved lack: how the images of their run were normalized."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from resnet_studio.inference.origin import VERSION, Completed, Origin
from resnet_studio.progress import finish
from resnet_studio.training import runs
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import RunError, data_folder
from resnet_studio.training.sources import DataError

SAME = 1 / 255
"""By how much a mean may differ, of values 0 … 1, and still be that of the same images."""
LACKS = "the mean image of its training (normalise=pixel) is not in this file, which an earlier version saved, and "
WRONG = ". The mean of each channel is subtracted instead: do not trust the predictions"


def completed(path: Path, origin: Origin) -> Completed | None:
    """What the run subtracted, by its recipe and its data, for a file in the run's folder; None for any other file."""
    try:
        recipe = runs.read(path.absolute().parents[2]).recipe
    except (RunError, OSError, IndexError):
        return None
    if recipe.data != origin.data:
        return None
    if recipe.normalise == "channel":
        return replace(origin, version=VERSION), ""
    return _with_mean_image(origin, recipe)


def _with_mean_image(origin: Origin, recipe: Recipe) -> Completed:
    from resnet_studio.training.opening import open_data  # with torch, which the list of weights does not wait for

    try:
        data = finish(open_data(recipe, origin.architecture.image, data_folder()))
    except DataError as error:
        return origin, f"{LACKS}its data are not here ({error}){WRONG}"
    if data.classes != origin.classes or not _alike(origin.mean, data.mean):
        return origin, f"{LACKS}its data have changed since{WRONG}"
    deviation, image = data.divisors, data.mean_image
    return replace(origin, mean=data.mean, deviation=deviation, mean_image=image, version=VERSION), ""


def _alike(before: tuple[float, ...], now: tuple[float, ...]) -> bool:
    return len(before) == len(now) and all(abs(one - other) < SAME for one, other in zip(before, now, strict=True))
