"""Requests attributions and occlusion maps of a class from the engine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Signal, SignalInstance

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.attribution import METHODS
from resnet_studio.inference.transforms import Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, image_title

ATTRIBUTION, OCCLUSION = "attribution", "occlusion"
"""Jobs, and their lanes."""
DEFAULT_METHOD = next(iter(METHODS))


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

    def arguments(self) -> tuple[str, ...]:
        """The options of the command line for the selected method, layer and class."""
        method, layer, target = self._request or (DEFAULT_METHOD, "", None)
        layers = ("--layer", layer) if layer else ()
        return ("--attribution", method, *layers, *(() if target is None else ("--class", str(target))))

    def compute_occlusion(self, patch: int, stride: int, target: int | None) -> None:
        """Compute the occlusion map of the current image."""
        spec = self._activations.spec
        self._start(OCCLUSION)
        self._engine.request(
            OCCLUSION, spec, patch, stride, target, label=f"occlusion test on {image_title(spec.image)}",
            on_part=self.occlusionUpdated.emit, on_result=partial(self._finish, OCCLUSION, self.occlusionUpdated),
            on_error=partial(self._finish, OCCLUSION, None),
        )  # fmt: skip

    def cancel_occlusion(self) -> None:
        """Cancel the occlusion map; what is computed stays."""
        self._engine.cancel(OCCLUSION)

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
        self._engine.request(
            ATTRIBUTION, spec, *self._request, label=f"{METHODS[method].title} for {image_title(spec.image)}",
            on_result=partial(self._finish, ATTRIBUTION, self.attributionComputed),
            on_error=partial(self._finish, ATTRIBUTION, None),
        )  # fmt: skip

    def _start(self, job: str) -> None:
        self._running.add(job)
        self._emit_running()

    def _finish(self, job: str, computed: SignalInstance | None, value: object) -> None:
        """Emit the result, if there is one, and that the job no longer runs."""
        if computed is not None:
            computed.emit(value)
        self._running.discard(job)
        self._emit_running()

    def _emit_running(self) -> None:
        self.runningChanged.emit(ATTRIBUTION in self._running, OCCLUSION in self._running)
