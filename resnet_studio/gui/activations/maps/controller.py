"""Exporting maps off the UI thread (compressing a large PNG takes a second), and the reference for differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, SignalInstance

from resnet_studio.export.figure import MapFigure
from resnet_studio.export.writers import write
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.background import BackgroundReader, failure_reason
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.values import ForwardResult, image_title
from resnet_studio.networks.plan import plan


class MapsExporter(QObject):
    """Writes one file after another; `stop` waits for the current one."""

    message = Signal(str)
    """A message for the user."""
    failed = Signal(str)
    savingChanged = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._writer = BackgroundReader(self)

    def write(self, path: Path, figure: MapFigure) -> None:
        """Write a figure in the format of the path's suffix."""
        self.savingChanged.emit(True)
        self._writer.run(
            lambda: write(path, figure),
            lambda _: self._finish(self.message, f"Saved {path.name} in {path.parent}."),
            lambda error: self._finish(self.failed, f"{path.name} could not be written: {failure_reason(error)}."),
        )

    def _finish(self, signal: SignalInstance, sentence: str) -> None:
        self.savingChanged.emit(self._writer.busy)
        signal.emit(sentence)

    def stop(self) -> None:
        """Stop writing; files that are still queued are not written."""
        self._writer.stop()


class ReferenceController(QObject):
    """Keeps a result to compare with, and requests layers that it lacks from the engine."""

    referenceChanged = Signal(object)
    """A `ForwardResult`: another one, or the same with more layers."""

    def __init__(self, activations: ActivationsController, engine: EngineClient) -> None:
        super().__init__()
        self._activations, self._engine = activations, engine
        self._requested: tuple[object, ...] = ()
        self.result: ForwardResult | None = None

    def set_current(self) -> None:
        """Make the newest result the reference."""
        if self._activations.result is not None:
            self.result, self._requested = self._activations.result, ()
            self.referenceChanged.emit(self.result)

    def request_layer(self, layer: str) -> None:
        """Request that layer of the reference, unless it has been requested or its network lacks it."""
        if self.result is None:
            return
        spec = self.result.spec
        request = spec, layer
        known = {name for layer in plan(spec.architecture) if layer.called for name in (layer.name, layer.block)}
        if request != self._requested and layer in known:
            self._requested = request
            self._engine.request(
                "forward", spec, (layer,), False, lane="reference",
                label=f"{layer} of the reference {image_title(spec.image)}",
                on_result=self._on_result, on_error=self._on_error,
            )  # fmt: skip

    def _on_error(self, _: Exception) -> None:
        self._requested = ()  # the same layer may be requested again

    def _on_result(self, answer: ForwardResult) -> None:
        if self.result and answer.spec == self.result.spec:
            received = {layer.name for layer in answer.layers}
            others = (layer for layer in self.result.layers if layer.name not in received)
            self.result = replace(self.result, layers=(*others, *answer.layers))
            self.referenceChanged.emit(self.result)
