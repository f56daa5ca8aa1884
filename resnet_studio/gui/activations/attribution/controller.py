"""Requests attributions and occlusion maps of a class from the engine."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.attribution import METHODS, Attribution, OcclusionMap
from resnet_studio.inference.transforms import Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, image_title

ATTRIBUTION, OCCLUSION = "attribution", "occlusion"
"""Lanes, which are also the jobs' names."""


class AttributionController(QObject):
    """Computes attributions on demand, and while following after every full-quality forward pass."""

    attributionComputed = Signal(object)
    """An `Attribution`."""
    occlusionUpdated = Signal(object)
    """An `OcclusionMap`, complete or as far as it is computed."""
    runningChanged = Signal(bool, bool)
    """Whether an attribution and whether an occlusion map is being computed."""

    def __init__(self, activations: ActivationsController, engine: EngineClient) -> None:
        super().__init__()
        self._activations, self._engine = activations, engine
        self._visible = self._following = False
        self._request: tuple[str, str, int | None] | None = None
        self._requested: tuple[object, ...] = ()
        self._running: set[str] = set()
        activations.forwardFinished.connect(self._on_forward_finished)
        engine.answerReceived.connect(self._on_answer)
        engine.partReceived.connect(self._on_part)
        engine.failed.connect(lambda kind, _: self._finish(kind))
        engine.idle.connect(lambda took: self._finish(ATTRIBUTION, OCCLUSION) if took is None else None)

    def set_visible(self, visible: bool) -> None:
        """Start or stop following, as the view is shown or hidden."""
        self._visible = visible
        if visible and self._following:
            self._update()

    def compute_attribution(self, method: str, layer: str, target: int | None) -> None:
        """Compute which parts of the current image are evidence for a class."""
        self._request = method, layer, target
        spec = self._activations.spec
        if ATTRIBUTION not in self._running or (spec, *self._request) != self._requested:
            self._send_request(spec)

    def set_request(self, method: str, layer: str, target: int | None) -> None:
        """Set what is computed next; while following it is computed at once."""
        self._request = method, layer, target
        if self._following:
            self._update()

    def set_following(self, following: bool) -> None:
        """Set whether to compute again after every full-quality forward pass."""
        self._following = following
        if following:
            self._update()

    def compute_occlusion(self, patch: int, stride: int, target: int | None) -> None:
        """Compute the occlusion map of the current image."""
        spec = self._activations.spec
        self._start(OCCLUSION)
        label = f"occlusion test on {image_title(spec.image)}"
        self._engine.request(OCCLUSION, OCCLUSION, spec, patch, stride, target, label=label)

    def cancel_occlusion(self) -> None:
        """Cancel the occlusion map; what is computed stays."""
        self._engine.cancel_lane(OCCLUSION)
        self._finish(OCCLUSION)

    def set_occluder(self, occluder: Occluder) -> None:
        """Set the occluder among the image's transforms."""
        self._activations.set_transforms(replace(self._activations.spec.transforms, occluder=occluder))

    def _on_forward_finished(self, result: ForwardResult) -> None:
        if self._following and not result.preview:
            self._update()

    def _update(self) -> None:
        """Compute again if the spec or the request has changed."""
        spec = self._activations.spec
        if self._visible and self._request and (spec, *self._request) != self._requested:
            self._send_request(spec)

    def _send_request(self, spec: ForwardSpec) -> None:
        assert self._request is not None
        self._requested = spec, *self._request
        self._start(ATTRIBUTION)
        method, *_ = self._request
        label = f"{METHODS[method].title} for {image_title(spec.image)}"
        self._engine.request(ATTRIBUTION, ATTRIBUTION, spec, *self._request, label=label)

    def _on_answer(self, lane: str, value: object) -> None:
        if lane == ATTRIBUTION and isinstance(value, Attribution):
            self.attributionComputed.emit(value)
        self._on_part(lane, value)
        self._finish(lane)

    def _on_part(self, lane: str, value: object) -> None:
        if lane == OCCLUSION and isinstance(value, OcclusionMap):
            self.occlusionUpdated.emit(value)

    def _start(self, lane: str) -> None:
        self._running.add(lane)
        self._emit_running()

    def _finish(self, *lanes: str) -> None:
        if self._running & set(lanes):
            self._running -= set(lanes)
            self._emit_running()

    def _emit_running(self) -> None:
        self.runningChanged.emit(ATTRIBUTION in self._running, OCCLUSION in self._running)
