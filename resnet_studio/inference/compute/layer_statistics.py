"""Statistics of one layer over many images, one after the other, so that memory does not grow with their number."""

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
from resnet_studio.inference.compute.folding import folded_layers
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.layouts import as_maps
from resnet_studio.inference.compute.prepare import PreparedForward, load_steps, prepare_steps
from resnet_studio.inference.compute.transforms import check_channels
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardSpec, image_title
from resnet_studio.networks.architecture import Residual
from resnet_studio.progress import Progress, map_progress


def layer_statistics_steps(
    spec: ForwardSpec, images: tuple[str, ...], layer: str
) -> Generator[Progress, None, LayerStatistics]:
    """Statistics of a layer's channels over these images, with the network, device and transforms of `spec`.

    Each pass stops after the layer. An image that can't be opened is skipped and named in the result; other errors
    are raised as by `forward_steps`.
    """
    return (yield from guarded(spec.device, lambda: _steps(spec, images, layer)))


def _steps(spec: ForwardSpec, images: tuple[str, ...], layer: str) -> Generator[Progress, None, LayerStatistics]:
    check_channels(spec.architecture.channels)
    yield from load_steps(spec.architecture, spec.weights)  # these errors are not an image's
    total: ChannelStatistics | None = None
    skipped: list[SkippedImage] = []
    for done, image in enumerate(images):
        progress = Progress(done, len(images), f"running {image_title(image)}")
        yield progress
        try:
            ready = yield from _constant_progress(prepare_steps(replace(spec, image=image)), progress)
        except (ValueError, OSError) as error:
            skipped.append(SkippedImage(image, str(error)))
            continue
        current = _image_statistics(ready, layer)
        total = merged(total, current) if total else current
    return LayerStatistics(layer, total, tuple(skipped))


def _constant_progress(
    steps: Generator[Progress, None, PreparedForward], progress: Progress
) -> Generator[Progress, None, PreparedForward]:
    return map_progress(steps, lambda _: progress)


def _image_statistics(ready: PreparedForward, layer: str) -> ChannelStatistics:
    architecture = ready.spec.architecture
    use_folded = isinstance(architecture, Residual) and layer in folded_layers(architecture)
    network = ready.folded() if use_folded else ready.network()
    output = capture(network, ready.images, (layer,), full_pass=False).layers[layer]
    return statistics(layer_maps(layer, as_maps(architecture, layer, output).float().cpu().numpy()).values)
