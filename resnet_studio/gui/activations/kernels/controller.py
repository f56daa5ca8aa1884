"""Requests the weights for the Kernels tab: those of the selected layer, or of the layer whose output it processes."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.kernels import weight_layer
from resnet_studio.networks.presets import title


class KernelsController(QObject):
    """Requests a layer's weights while the view is visible, unless they are there already."""

    loadingStarted = Signal(str, str)
    """The selected layer, and the layer whose weights are requested."""
    kernelsChanged = Signal(object)
    """The `Kernels` of that layer."""
    failed = Signal(str)

    def __init__(self, activations: ActivationsController, engine: EngineClient) -> None:
        super().__init__()
        self._activations, self._engine = activations, engine
        self._visible = False
        self._requested: tuple[object, ...] = ()
        activations.specChanged.connect(lambda _: self._request())
        activations.selectionChanged.connect(lambda *_: self._request())

    def set_visible(self, visible: bool) -> None:
        """Start or stop requesting, as the view is shown or hidden."""
        self._visible = visible
        self._request()

    def _request(self) -> None:
        if not self._visible:
            return
        spec = self._activations.spec
        layer = weight_layer(spec.architecture, self._activations.layer)
        if not layer:
            return
        self.loadingStarted.emit(self._activations.layer, layer)
        arguments = spec.architecture, spec.weights, layer
        if arguments != self._requested:
            self._requested = arguments
            self._engine.request(
                "kernels", *arguments, label=f"weights of {layer} in {title(spec.architecture)}",
                on_result=self.kernelsChanged.emit, on_error=self._on_error,
            )  # fmt: skip

    def _on_error(self, error: Exception) -> bool:
        self._requested = ()  # the same weights may be requested again
        if not isinstance(error, CanceledError):
            self.failed.emit(message_of(error))
        return True
