"""What the engine can be asked for, by name. The one module of the engine that imports torch.

A job tells its progress before anything slow, also before an import, and answers with values that need no torch.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np
from PIL import Image

from resnet_studio.analysis.compute.counting import layer_table_steps, summary
from resnet_studio.engine.server import Job, Steps
from resnet_studio.inference.images import references as samples
from resnet_studio.inference.values import (
    Device,
    ForwardSpec,
    Photograph,
    PublishedWeights,
    UnreadableImage,
    WeightsSource,
)
from resnet_studio.inference.weights.provenance import COMPLETERS
from resnet_studio.inference.weights.published import fetch_steps
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress
from resnet_studio.training import dataset_images
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import weights as earlier
from resnet_studio.training.runs.run_folder import data_folder, runs_folder
from resnet_studio.training.runs.weights import trained_weights

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
    from resnet_studio.inference.compute.devices import devices

    return tuple(devices())


def photograph(reference: str) -> Generator[Progress, None, Photograph]:
    """An image as the window shows it: upright, RGB, and not larger than a screen."""
    yield Progress(0, 1, "opening the image")
    return for_the_window(samples.open_or_recall(reference))


def thumbnails(references: tuple[str, ...]) -> Generator[Progress | Photograph | UnreadableImage, None, None]:
    """Small copies of images, each as soon as it is made, or why there can be none."""
    yield Progress(0, len(references), "making thumbnails")
    for reference in references:
        try:
            yield for_the_window(samples.open_reference(reference), THUMBNAIL_SIDE)
        except (ValueError, OSError) as error:
            yield UnreadableImage(reference, str(error))


def images_of_data(data: str) -> Generator[Progress, None, dataset_images.DataImages]:
    """How many images a data set has; each is then opened by its reference."""
    return (yield from dataset_images.images_steps(data, data_folder()))


def for_the_window(photograph: Photograph, most: int = LONGEST_SIDE) -> Photograph:
    """The photograph with its longer side at most `most` pixels; `size` stays that of the original."""
    height, width = photograph.pixels.shape[:2]
    if max(width, height) <= most:
        return photograph
    image = Image.fromarray(photograph.pixels)
    image.thumbnail((most, most))
    return replace(photograph, pixels=np.asarray(image), reduced_from=(width, height))


def look(subject: ForwardSpec, layers: tuple[str, ...], brief: bool) -> Steps:
    """One image through one network: a `Look`."""
    if not brief:
        yield Progress(0, 1, "preparing to look")
    from resnet_studio.inference.compute.forward import forward_steps

    return (yield from forward_steps(subject, layers, brief=brief))


def kernels(architecture: Architecture, weights: WeightsSource, layer: str) -> Steps:
    """The weights of one layer: `Kernels`."""
    yield Progress(0, 1, f"reading the weights of {layer}")
    from resnet_studio.inference.compute.kernels import kernels_steps

    return (yield from kernels_steps(architecture, weights, layer))


def responses(subjects: tuple[ForwardSpec, ...]) -> Steps:
    """How strong every block's F(x) is in these networks: `Responses` of each."""
    yield Progress(0, len(subjects), "preparing to measure")
    from resnet_studio.inference.compute.responses import responses_steps

    return (yield from responses_steps(subjects))


def weights_at_hand(architecture: Architecture) -> Steps:
    """The weights that this machine has for an architecture: of runs, newest first, and the program's own."""
    yield Progress(0, 1, "looking for runs")
    return trained_weights(runs_folder(), architecture)


def fetch_weights(source: PublishedWeights) -> Steps:
    """See to it that published weights are on this machine."""
    yield Progress(0, 1, "looking for the weights")
    yield from fetch_steps(source)


def survey(subject: ForwardSpec, images: tuple[str, ...], layer: str) -> Steps:
    """One layer over many images: a `Survey`."""
    yield Progress(0, len(images), "preparing to look")
    from resnet_studio.inference.compute.layer_statistics import survey_steps

    return (yield from survey_steps(subject, images, layer))


def attribution(subject: ForwardSpec, method: str, layer: str, target: int | None) -> Steps:
    """Which parts of an image speak for a class: an `Attribution`."""
    yield Progress(0, 3, "preparing to explain")
    from resnet_studio.inference.compute.attribution import attribution_steps

    return (yield from attribution_steps(subject, method, layer, target))


def sweep(subject: ForwardSpec, patch: int, stride: int, target: int | None) -> Steps:
    """What a grey square does to a class's probability, everywhere: a `Sweep`, told as it grows."""
    yield Progress(0, 1, "preparing to cover the image")
    from resnet_studio.inference.compute.occlusion import sweep_steps

    return (yield from sweep_steps(subject, patch, stride, target))


def verify(extra: tuple[Architecture, ...] = ()) -> Steps:
    """Every published figure beside what is measured; each is told as soon as it is there."""
    yield Progress(0, 1, "reading the published figures")
    from resnet_studio.analysis.compute.verification import verify_steps

    return (yield from verify_steps(extra))


def data_view(recipe: Recipe, image: int, download: bool) -> Steps:
    """What a training would see: a `DataView`. The data are fetched only if `download` says so."""
    yield Progress(0, 1, f"opening {recipe.data}")
    from resnet_studio.training.compute.preview import data_view_steps

    return (yield from data_view_steps(recipe, image, data_folder(), download=download))


def estimate(recipe: Recipe, architecture: Architecture, training_images: int) -> Steps:
    """What a training would cost: an `Estimate`."""
    yield Progress(0, 1, "preparing to time a step")
    from resnet_studio.training.compute.preview import estimate_steps

    return (yield from estimate_steps(recipe, architecture, training_images))


JOBS: dict[str, Job] = {
    "table": layer_table_steps,
    "summary": summarise,
    "devices": list_devices,
    "photograph": photograph,
    "thumbnails": thumbnails,
    "images of data": images_of_data,
    "look": look,
    "kernels": kernels,
    "survey": survey,
    "responses": responses,
    "weights at hand": weights_at_hand,
    "fetch weights": fetch_weights,
    "attribution": attribution,
    "sweep": sweep,
    "verify": verify,
    "data view": data_view,
    "estimate": estimate,
}
samples.OPENERS[dataset_images.PREFIX] = dataset_images.open_reference
COMPLETERS["run"] = earlier.completed
