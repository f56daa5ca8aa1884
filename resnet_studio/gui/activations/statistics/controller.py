"""Statistics of the selected layer's channels over more than one image."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, merged, statistics
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, ForwardSpec
from resnet_studio.networks.presets import title


class StatisticsController(QObject):
    """Accumulates statistics over the images run since the network or its weights changed, and runs all images.

    An image counts once for each setting of its transforms; previews do not count.
    """

    accumulatedChanged = Signal(object)
    """`ChannelStatistics` of the selected layer over the images run so far, or None."""
    layerStatisticsChanged = Signal(object)
    """The `LayerStatistics` over all images for the current layer, network and transforms, or None."""
    runningChanged = Signal(int)
    """How many images are being run; 0 if none are."""

    def __init__(self, activations: ActivationsController, images: ImageController, engine: EngineClient) -> None:
        super().__init__()
        self._activations, self._images, self._engine = activations, images, engine
        self._network: tuple[object, ...] = ()
        self._accumulated: dict[str, ChannelStatistics] = {}
        self._counted: set[tuple[str, str, ImageTransforms]] = set()
        self._layer_statistics: tuple[ForwardSpec, str, LayerStatistics] | None = None
        self._running = 0
        activations.forwardFinished.connect(self._on_forward_finished)
        activations.selectionChanged.connect(lambda *_: self.emit_statistics())
        activations.specChanged.connect(lambda _: self._emit_layer_statistics())

    def emit_statistics(self) -> None:
        """Emit what is known of the selected layer."""
        self.accumulatedChanged.emit(self._accumulated.get(self._activations.layer))
        self._emit_layer_statistics()

    def run_all_images(self) -> None:
        """Run every image of the list through the network up to the selected layer."""
        images = tuple(self._images.images())
        spec, layer = self._activations.spec, self._activations.layer
        self._set_running(len(images))
        self._engine.request(
            "layer_statistics", spec, images, layer, label=f"{len(images):,} images through {title(spec.architecture)}",
            on_result=partial(self._on_result, _without_image(spec), layer),
            on_error=lambda _: self._set_running(0),
        )  # fmt: skip

    def _on_forward_finished(self, result: ForwardResult) -> None:
        """Add the selected layer's maps to the accumulated statistics."""
        spec = result.spec
        network = spec.architecture, spec.weights, result.weights.sha256, spec.device
        if network != self._network:
            self._network = network
            self._accumulated.clear()
            self._counted.clear()
        maps = result.maps(self._activations.layer)
        if maps is None or result.preview:
            return
        key = maps.name, result.image_sha256, spec.transforms
        if key not in self._counted:
            self._counted.add(key)
            before, added = self._accumulated.get(maps.name), statistics(maps.values)
            self._accumulated[maps.name] = merged(before, added) if before else added
        self.accumulatedChanged.emit(self._accumulated[maps.name])

    def _on_result(self, spec: ForwardSpec, layer: str, answer: LayerStatistics) -> None:
        self._layer_statistics = spec, layer, answer
        self._set_running(0)
        self._emit_layer_statistics()

    def _emit_layer_statistics(self) -> None:
        current = _without_image(self._activations.spec), self._activations.layer
        known = self._layer_statistics is not None and self._layer_statistics[:2] == current
        self.layerStatisticsChanged.emit(self._layer_statistics[2] if self._layer_statistics and known else None)

    def _set_running(self, images: int) -> None:
        if images != self._running:
            self._running = images
            self.runningChanged.emit(images)


def _without_image(spec: ForwardSpec) -> ForwardSpec:
    return replace(spec, image="")
