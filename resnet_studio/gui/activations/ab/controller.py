"""Keeps what side B has instead of side A's, and runs side B after each forward pass of side A."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.ab import ABPair, SideBOverrides, apply_overrides, overrides_between
from resnet_studio.inference.errors import SuggestedFix, WeightsMismatch
from resnet_studio.inference.values import ForwardResult, ForwardSpec, image_title
from resnet_studio.inference.weights.published import needs_download
from resnet_studio.networks.layer_matching import matching_layer
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import title


class ABController(QObject):
    """Runs side B after each forward pass of side A, so that the two results that are shown belong together.

    While the user drags, one forward pass of side B runs at a time; the newest result of side A is next.
    Errors of side B are emitted only here: side A keeps its weights.
    """

    overridesChanged = Signal(object, object)
    """A `SideBOverrides`, and side A's `ForwardSpec`."""
    pairChanged = Signal(object)
    """An `ABPair`; it holds the same result twice if the sides do not differ."""
    pairPending = Signal(object)
    """An `ABPair` of side A's result twice: side B is still running."""
    failed = Signal(str, object)
    """Why there is no side B, and the suggested fixes: pairs of a title and the `SideBOverrides` that applies it."""

    def __init__(self, app: AppController, engine: EngineClient) -> None:
        super().__init__()
        self._app, self._engine = app, engine
        self._overrides = _without_download(app.session.state.beside)
        self._visible = False
        self._next_result: ForwardResult | None = None
        """Side A's newest result, while side B of an older one is running."""
        self._running = False
        """Whether side B has been requested."""
        self._finished: tuple[ForwardResult, tuple[object, ...], ForwardResult] | None = None
        """The last finished request: side A's result, the job's arguments, and side B's result."""
        self._has_failed = False
        app.activations.specChanged.connect(lambda _: self.emit_overrides())
        app.activations.forwardFinished.connect(self._on_side_a_finished)

    def emit_overrides(self) -> None:
        """Emit what side B is now."""
        self.overridesChanged.emit(self._overrides, self._app.activations.spec)

    def set_visible(self, visible: bool) -> None:
        """Start or stop requesting, as the view is shown or hidden."""
        self._visible = visible
        if visible and self._app.activations.result:
            self._on_side_a_finished(self._app.activations.result)

    def set_overrides(self, overrides: SideBOverrides) -> None:
        """Set what side B has instead of side A's, and run it."""
        self._store_overrides(overrides)
        self.emit_overrides()
        self.set_visible(self._visible)

    def open_architecture(self, path: str) -> None:
        """Read side B's network from a JSON file."""
        try:
            self.set_overrides(replace(self._overrides, architecture=read_architecture(Path(path))))
        except ValueError as error:
            self.failed.emit(str(error), ())

    def swap(self) -> None:
        """Exchange the sides."""
        side_a = self._app.activations.spec
        side_b = apply_overrides(side_a, self._overrides)
        self._replace_side_a(side_a, side_b, overrides_between(side_b, side_a))

    def use_side_b(self) -> None:
        """Make side B the current network, weights and image; side B is then the same as A."""
        side_a = self._app.activations.spec
        self._replace_side_a(side_a, apply_overrides(side_a, self._overrides), SideBOverrides())

    def _replace_side_a(self, side_a: ForwardSpec, side_b: ForwardSpec, overrides: SideBOverrides) -> None:
        app = self._app
        layer = matching_layer(side_a.architecture, side_b.architecture, app.activations.layer)
        self._store_overrides(overrides)
        if side_b.image != side_a.image:
            app.images.select(side_b.image)
            if side_a.transforms != app.activations.spec.transforms:  # the transforms apply to both sides
                app.activations.set_transforms(side_a.transforms)
        app.session.set_architecture(side_b.architecture)
        if side_b.weights != app.activations.spec.weights:
            app.weights.set_weights(side_b.weights)
        if layer and layer != app.activations.layer:
            app.activations.set_layer(layer)
        self.set_overrides(overrides)

    def _store_overrides(self, overrides: SideBOverrides) -> None:
        self._overrides = overrides
        self._app.session.update(beside=overrides)
        self._has_failed = False

    def _on_side_a_finished(self, result: ForwardResult) -> None:
        """Run side B for side A's result, unless that is outdated or lacks the selected layer."""
        activations = self._app.activations
        stale = replace(result.spec, transforms=activations.spec.transforms) != activations.spec
        if not self._visible or stale or not result.maps(activations.layer):
            return
        if result.preview and (self._running or self._has_failed):
            self._next_result = result
        else:
            self._request_side_b(result)

    def _request_side_b(self, result: ForwardResult) -> None:
        layer = self._app.activations.layer
        side_b = apply_overrides(result.spec, self._overrides)
        matching = matching_layer(result.spec.architecture, side_b.architecture, layer)
        arguments = side_b, ((matching,) if matching else ())
        self._next_result, self._running = None, False
        if side_b == result.spec:
            self.pairChanged.emit(ABPair(result, result, layer))
        elif self._finished and self._finished[0] is result and self._finished[1] == arguments:
            self.pairChanged.emit(ABPair(result, self._finished[2], layer))
        else:
            self._running = True
            pending = ABPair(result, result, layer)
            self.pairPending.emit(pending)
            self._engine.request(
                "forward", *arguments, result.preview, lane="side_b",
                label=f"{image_title(side_b.image)} through {title(side_b.architecture)}, side B",
                on_result=partial(self._on_result, result, layer, arguments),
                on_error=partial(self._on_error, pending),
            )  # fmt: skip

    def _on_result(
        self, side_a: ForwardResult, layer: str, arguments: tuple[object, ...], result: ForwardResult
    ) -> None:
        self._running, self._finished, self._has_failed = False, (side_a, arguments, result), False
        self.pairChanged.emit(ABPair(side_a, result, layer))
        if self._next_result and self._visible:
            self._request_side_b(self._next_result)

    def _on_error(self, pending: ABPair, error: Exception) -> bool:
        """A side B that failed is run again after the next full-quality result, or when it is changed."""
        self._running = False
        if isinstance(error, CanceledError):
            self._next_result = None
            return True
        self._has_failed = True
        self.pairPending.emit(pending)
        fixes = error.fixes if isinstance(error, WeightsMismatch) else ()
        offers = tuple((fix.title, self._overrides_after(fix)) for fix in fixes)
        self.failed.emit(message_of(error), offers)
        return True

    def _overrides_after(self, fix: SuggestedFix) -> SideBOverrides:
        """Side B's overrides with a suggested fix applied."""
        changed = self._app.session.architecture != fix.architecture
        return replace(self._overrides, architecture=fix.architecture if changed else None, weights=fix.weights)


def _without_download(overrides: SideBOverrides) -> SideBOverrides:
    """The overrides without weights that are not downloaded yet, because a start downloads nothing."""
    return replace(overrides, weights=None) if needs_download(overrides.weights) else overrides
