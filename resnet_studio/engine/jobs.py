"""What the engine can be asked for, by name. The one module of the engine that imports torch.

A job tells its progress before anything slow, also before an import, and answers with values that need no torch.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace

import numpy as np
from PIL import Image

from resnet_studio.analysis.counting import layer_table_steps, summary
from resnet_studio.engine.serving import Job, Steps
from resnet_studio.inference.values import Device, Photograph, Subject
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import data_folder

LONGEST_SIDE = 1600
"""Pixels of a photograph that the window is given; more than it can show."""
THUMBNAIL_SIDE = 96


def summarise(architecture: Architecture) -> Generator[Progress, None, str]:
    """torchinfo's own summary, as text."""
    yield Progress(0, 1, "asking torchinfo")
    return summary(architecture)


def list_devices() -> Generator[Progress, None, tuple[Device, ...]]:
    """Where networks can run on this machine."""
    yield Progress(0, 1, "looking for devices")
    from resnet_studio.inference.devices import devices

    return tuple(devices())


def photograph(reference: str) -> Generator[Progress, None, Photograph]:
    """An image as the window shows it: upright, RGB, and not larger than a screen."""
    yield Progress(0, 1, "opening the image")
    from resnet_studio.inference.samples import open_reference

    return for_the_window(open_reference(reference))


def thumbnails(references: tuple[str, ...]) -> Generator[Progress | Photograph, None, None]:
    """Small copies of images, each as soon as it is made. One that can't be opened is left out until it is chosen."""
    yield Progress(0, len(references), "making thumbnails")
    from resnet_studio.inference.samples import open_reference

    for reference in references:
        with suppress(ValueError, OSError):
            yield for_the_window(open_reference(reference), THUMBNAIL_SIDE)


def for_the_window(photograph: Photograph, most: int = LONGEST_SIDE) -> Photograph:
    """The photograph with its longer side at most `most` pixels; `size` stays that of the original."""
    height, width = photograph.pixels.shape[:2]
    if max(width, height) <= most:
        return photograph
    image = Image.fromarray(photograph.pixels)
    image.thumbnail((most, most))
    return replace(photograph, pixels=np.asarray(image), reduced_from=(width, height))


def look(subject: Subject, layers: tuple[str, ...], brief: bool) -> Steps:
    """One image through one network: a `Look`."""
    if not brief:
        yield Progress(0, 1, "preparing to look")
    from resnet_studio.inference.look import look_steps

    return (yield from look_steps(subject, layers, brief=brief))


def survey(subject: Subject, images: tuple[str, ...], layer: str) -> Steps:
    """One layer over many images: a `Survey`."""
    yield Progress(0, len(images), "preparing to look")
    from resnet_studio.inference.survey import survey_steps

    return (yield from survey_steps(subject, images, layer))


def verify(extra: tuple[Architecture, ...] = ()) -> Steps:
    """Every published figure beside what is measured; each is told as soon as it is there."""
    yield Progress(0, 1, "reading the published figures")
    from resnet_studio.analysis.verification import verify_steps

    return (yield from verify_steps(extra))


def data_view(recipe: Recipe, image: int, download: bool) -> Steps:
    """What a training would see: a `DataView`. The data are fetched only if `download` says so."""
    yield Progress(0, 1, f"opening {recipe.data}")
    from resnet_studio.training.previews import data_view_steps

    return (yield from data_view_steps(recipe, image, data_folder(), download=download))


def estimate(recipe: Recipe, architecture: Architecture, training_images: int) -> Steps:
    """What a training would cost: an `Estimate`."""
    yield Progress(0, 1, "preparing to time a step")
    from resnet_studio.training.previews import estimate_steps

    return (yield from estimate_steps(recipe, architecture, training_images))


JOBS: dict[str, Job] = {
    "table": layer_table_steps,
    "summary": summarise,
    "devices": list_devices,
    "photograph": photograph,
    "thumbnails": thumbnails,
    "look": look,
    "survey": survey,
    "verify": verify,
    "data view": data_view,
    "estimate": estimate,
}
