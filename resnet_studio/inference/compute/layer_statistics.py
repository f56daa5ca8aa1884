"""One layer over many images, one image after the other, so that any number of them takes the memory of one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from resnet_studio.inference.channel_statistics import (
    ChannelStatistics,
    LayerStatistics,
    SkippedImage,
    merged,
    statistics,
)
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.folding import served
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.prepare import Ready, loaded_steps, ready_steps
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardSpec, image_title
from resnet_studio.networks.architecture import Residual
from resnet_studio.progress import Progress


def survey_steps(
    subject: ForwardSpec, images: tuple[str, ...], layer: str
) -> Generator[Progress, None, LayerStatistics]:
    """What a layer's channels amount to over these images, seen with the subject's network, device and handles.

    Each pass stops after the layer. An image that can't be opened is passed over and named; whatever else goes wrong
    is raised as by `look_steps`.
    """
    return (yield from guarded(subject.device, lambda: _steps(subject, images, layer)))


def _steps(subject: ForwardSpec, images: tuple[str, ...], layer: str) -> Generator[Progress, None, LayerStatistics]:
    yield from loaded_steps(subject.architecture, subject.weights)  # what is wrong with these is no image's fault
    total: ChannelStatistics | None = None
    damaged: list[SkippedImage] = []
    for done, image in enumerate(images):
        progress = Progress(done, len(images), f"looking at {image_title(image)}")
        yield progress
        try:
            ready = yield from _told_as(progress, ready_steps(replace(subject, image=image)))
        except (ValueError, OSError) as error:
            damaged.append(SkippedImage(image, str(error)))
            continue
        one = _one(ready, layer)
        total = merged(total, one) if total else one
    return LayerStatistics(layer, total, tuple(damaged))


def _told_as(progress: Progress, steps: Generator[Progress, None, Ready]) -> Generator[Progress, None, Ready]:
    """The steps of one image are told as one of many images."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            ready: Ready = end.value
            return ready
        yield progress


def _one(ready: Ready, layer: str) -> ChannelStatistics:
    architecture = ready.subject.architecture
    quick = isinstance(architecture, Residual) and layer in served(architecture)
    network = ready.folded() if quick else ready.network()
    output = capture(network, ready.images, (layer,), whole=False).layers[layer]
    return statistics(layer_maps(layer, output.float().cpu().numpy()).values)
