"""The engine's jobs by name. The one module of the engine that imports torch.

A job yields its progress before anything slow, imports included, and returns values that need no torch.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from resnet_studio.analysis.compute.counting import layer_table_steps, summary
from resnet_studio.analysis.measurement import MeasurementSpec
from resnet_studio.analysis.memory_measurement import MemorySpec
from resnet_studio.engine.server import Job, Steps
from resnet_studio.export.formats import export_steps
from resnet_studio.export.request import ExportRequest
from resnet_studio.inference.images import references
from resnet_studio.inference.values import (
    Device,
    ForwardSpec,
    Photograph,
    PublishedWeights,
    UnreadableImage,
    WeightsSource,
)
from resnet_studio.inference.weights.identity import Answers, IdentityCard
from resnet_studio.inference.weights.identity import identify as identify_file
from resnet_studio.inference.weights.metadata import WeightsMetadata, read_labels, store_metadata, stored_metadata
from resnet_studio.inference.weights.provenance import COMPLETERS
from resnet_studio.inference.weights.published import fetch_steps
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.own_module import ModuleSource
from resnet_studio.progress import Progress
from resnet_studio.training import dataset_images
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import weights as run_weights
from resnet_studio.training.runs.run_folder import data_folder, runs_folder
from resnet_studio.training.runs.weights import trained_weights

MAX_SIDE = 1600
"""Longer side in pixels of a photograph that is sent to the window; more than it can show."""
THUMBNAIL_SIDE = 96


def summarize(architecture: Architecture) -> Generator[Progress, None, str]:
    """torchinfo's summary as text."""
    yield Progress(0, 1, "running torchinfo")
    return summary(architecture)


def list_devices() -> Generator[Progress, None, tuple[Device, ...]]:
    """The devices that networks can run on here."""
    yield Progress(0, 1, "detecting devices")
    from resnet_studio.inference.compute.devices import devices

    return tuple(devices())


def photograph(reference: str) -> Generator[Progress, None, Photograph]:
    """An image for the window: upright, RGB, its longer side at most `MAX_SIDE`."""
    yield Progress(0, 1, "opening the image")
    return downscaled(references.open_cached(reference))


def thumbnails(images: tuple[str, ...]) -> Generator[Progress | Photograph | UnreadableImage, None, None]:
    """Thumbnails of images, each yielded as soon as it is made, or an `UnreadableImage` with the reason."""
    yield Progress(0, len(images), "creating thumbnails")
    for image in images:
        try:
            yield downscaled(references.open_reference(image), THUMBNAIL_SIDE)
        except (ValueError, OSError) as error:
            yield UnreadableImage(image, str(error))


def images_of_data(data: str) -> Generator[Progress, None, dataset_images.DataImages]:
    """How many images a data set has; each can then be opened by its reference."""
    return (yield from dataset_images.count_images_steps(data, data_folder()))


def downscaled(photograph: Photograph, max_side: int = MAX_SIDE) -> Photograph:
    """The photograph with its longer side at most `max_side` pixels; `size` stays that of the original."""
    height, width = photograph.pixels.shape[:2]
    if max(width, height) <= max_side:
        return photograph
    image = Image.fromarray(photograph.pixels)
    image.thumbnail((max_side, max_side))
    return replace(photograph, pixels=np.asarray(image), reduced_from=(width, height))


def forward(spec: ForwardSpec, layers: tuple[str, ...], preview: bool) -> Steps:
    """One image through one network: a `ForwardResult`."""
    if not preview:
        yield Progress(0, 1, "preparing the network")
    from resnet_studio.inference.compute.forward import forward_steps

    return (yield from forward_steps(spec, layers, preview=preview))


def kernels(architecture: Architecture, weights: WeightsSource, layer: str) -> Steps:
    """The weights of one layer: `Kernels`."""
    yield Progress(0, 1, f"reading the weights of {layer}")
    from resnet_studio.inference.compute.kernels import kernels_steps

    return (yield from kernels_steps(architecture, weights, layer))


def responses(specs: tuple[ForwardSpec, ...]) -> Steps:
    """The layer responses of these networks, the standard deviation of every block's F(x): one `Responses` each."""
    yield Progress(0, len(specs), "preparing the networks")
    from resnet_studio.inference.compute.responses import responses_steps

    return (yield from responses_steps(specs))


def available_weights(architecture: Architecture) -> Steps:
    """The weights for an architecture on this machine: those of runs, newest first, then the bundled ones."""
    yield Progress(0, 1, "searching runs")
    return trained_weights(runs_folder(), architecture)


def fetch_weights(source: PublishedWeights) -> Steps:
    """Download published weights unless they are in the cache."""
    yield Progress(0, 1, "checking the cache")
    yield from fetch_steps(source)


def identify(path: Path, prefix: str, answers: Answers) -> Generator[Progress, None, IdentityCard]:
    """What a file of weights is: an `IdentityCard`."""
    yield Progress(0, 1, "identifying the weights")
    return identify_file(path, prefix, answers)


def keep_metadata(sha256: str, metadata: WeightsMetadata, labels: Path | None) -> Generator[Progress, None, None]:
    """Keep what the user says of the preprocessing of a file's weights, and class names from a file."""
    yield Progress(0, 1, "saving")
    from resnet_studio.inference.compute.prepare import clear_caches

    given = replace(metadata, labels=read_labels(labels)) if labels else metadata
    store_metadata(sha256, replace(given.over(stored_metadata(sha256)), source=""))
    clear_caches()


def layer_statistics(spec: ForwardSpec, images: tuple[str, ...], layer: str) -> Steps:
    """Statistics of one layer over many images: a `LayerStatistics`."""
    yield Progress(0, len(images), "preparing the network")
    from resnet_studio.inference.compute.layer_statistics import layer_statistics_steps

    return (yield from layer_statistics_steps(spec, images, layer))


def attribution(spec: ForwardSpec, method: str, layer: str, target: int | None) -> Steps:
    """Which parts of an image are evidence for a class: an `Attribution`."""
    yield Progress(0, 3, "preparing the attribution")
    from resnet_studio.inference.compute.attribution import attribution_steps

    return (yield from attribution_steps(spec, method, layer, target))


def occlusion(spec: ForwardSpec, patch: int, stride: int, target: int | None) -> Steps:
    """A class's probability with a gray square at every position: an `OcclusionMap`, also yielded as it grows."""
    yield Progress(0, 1, "preparing the occlusion test")
    from resnet_studio.inference.compute.occlusion import occlusion_steps

    return (yield from occlusion_steps(spec, patch, stride, target))


def verify(extra: tuple[Architecture, ...] = ()) -> Steps:
    """Every published figure with its measured value; each is yielded as soon as it is verified."""
    yield Progress(0, 1, "loading published values")
    from resnet_studio.analysis.compute.verification import verify_steps

    return (yield from verify_steps(extra))


def data_view(recipe: Recipe, image: ImageSize, download: bool) -> Steps:
    """The images that a training would get: a `DataView`. Downloads the data only if `download` is true."""
    yield Progress(0, 1, f"opening {recipe.data}")
    from resnet_studio.training.compute.preview import data_view_steps

    return (yield from data_view_steps(recipe, image, data_folder(), download=download))


def estimate(recipe: Recipe, architecture: Architecture, training_images: int) -> Steps:
    """The time and memory that a training would need: an `Estimate`."""
    yield Progress(0, 1, "preparing the estimate")
    from resnet_studio.training.compute.preview import estimate_steps

    return (yield from estimate_steps(recipe, architecture, training_images))


def export(request: ExportRequest, path: Path) -> Steps:
    """Write a network to a file; the answer is what the user should know about it, a tuple of notes."""
    yield Progress(0, 1, f"exporting {path.name}")
    return (yield from export_steps(request, path))


def measure_memory(specs: tuple[MemorySpec, ...]) -> Steps:
    """How much memory networks take: each `MemoryMeasurement` or `MemoryFailure` is yielded as soon as it is known."""
    yield Progress(0, len(specs), "preparing the measurement")
    from resnet_studio.engine.memory_measuring import memory_steps

    yield from memory_steps(specs)


def fitting_batch(spec: MemorySpec, budget: int) -> Steps:
    """The largest batch of a training that takes at most `budget` bytes: a `FittingBatch`."""
    from resnet_studio.engine.memory_measuring import fitting_steps

    return (yield from fitting_steps(spec, budget))


def measure(specs: tuple[MeasurementSpec, ...]) -> Steps:
    """Measure networks: each `Measurement`, or `MeasurementFailure`, is yielded as soon as it is known."""
    yield Progress(0, 1, "preparing the measurement")
    from resnet_studio.engine.measuring import measurements_steps

    yield from measurements_steps(specs)


def selftest(device: str, quick: bool) -> Steps:
    """Test a device: each `Check` is yielded as soon as it is known, the answer is a `Report`."""
    yield Progress(0, 1, f"testing {device}")
    from resnet_studio.selftest.compute.run import selftest_steps

    return (yield from selftest_steps(device, quick=quick))


def open_module(source: ModuleSource) -> Steps:
    """Run a Python file of the user's, who was asked, and describe its network: an `OwnModule`."""
    yield Progress(0, 3, f"running {Path(source.path).name}")
    from resnet_studio.networks.modules.own_module import open_steps

    return (yield from open_steps(source))


JOBS: dict[str, Job] = {
    "table": layer_table_steps,
    "summary": summarize,
    "devices": list_devices,
    "photograph": photograph,
    "thumbnails": thumbnails,
    "images_of_data": images_of_data,
    "forward": forward,
    "kernels": kernels,
    "identify": identify,
    "keep_metadata": keep_metadata,
    "layer_statistics": layer_statistics,
    "responses": responses,
    "available_weights": available_weights,
    "fetch_weights": fetch_weights,
    "attribution": attribution,
    "occlusion": occlusion,
    "verify": verify,
    "data_view": data_view,
    "estimate": estimate,
    "export": export,
    "open_module": open_module,
    "measure": measure,
    "measure_memory": measure_memory,
    "fitting_batch": fitting_batch,
    "selftest": selftest,
}
references.OPENERS[dataset_images.PREFIX] = dataset_images.open_reference
COMPLETERS["run"] = run_weights.complete_provenance
