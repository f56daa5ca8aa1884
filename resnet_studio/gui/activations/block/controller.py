"""Selects the block that is shown, and requests the layer responses of its network and the plain counterpart."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.counterparts import (
    TrainedWeights,
    needs_weights_choice,
    plain_counterpart,
    with_counterpart,
)
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.block_tensors import BlockTensors, all_block_tensors, block_around
from resnet_studio.networks.presets import title

REQUESTER = "block"
SETTLE_MS = 200
"""Milliseconds that a spec must be unchanged before it is measured: images of a played folder change faster."""


class BlockController(QObject):
    """Requests only while its view is visible, and only what it has not requested yet."""

    blockChanged = Signal(object, object)
    """The architecture and the `BlockTensors` of the shown block; None if the network has no blocks."""
    responsesMeasured = Signal(object)
    """A tuple of `Responses`: of the network, and of its counterpart if there is one."""
    weightsChoicesChanged = Signal(object, object)
    """The `TrainedWeights` offered for the counterpart in addition to random ones, and the weights that it has."""

    def __init__(self, activations: ActivationsController, engine: EngineClient) -> None:
        super().__init__()
        self._activations, self._engine = activations, engine
        self._visible = False
        self._unanswered = False
        self._emitted: tuple[Architecture, BlockTensors | None] | None = None
        self._requested: tuple[ForwardSpec, ...] = ()
        self._searched: tuple[Architecture, WeightsSource] | None = None
        """The counterpart and the network's weights for which trained weights were last searched."""
        self._choices: tuple[TrainedWeights, ...] | None = None
        self._counterpart_weights: WeightsSource | None = None
        self._settle_timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle_timer.timeout.connect(self._request)
        activations.selectionChanged.connect(lambda *_: self._update())
        activations.specChanged.connect(lambda _: self._update())

    @property
    def tensors(self) -> BlockTensors | None:
        """The tensors of the block that contains the selected layer; None if no block does."""
        architecture = self._activations.spec.architecture
        return all_block_tensors(architecture).get(block_around(architecture, self._activations.layer))

    def set_visible(self, visible: bool) -> None:
        """Start or stop requesting, as the view is shown or hidden."""
        self._visible = visible
        self._settle_timer.stop()
        if self._unanswered:
            self._requested, self._searched, self._unanswered = (), None, False
        self._update()

    def emit_block(self) -> None:
        """Emit `blockChanged` for a view that was just made."""
        self._emitted = None
        self._update()

    def select_block(self, block: str) -> None:
        """Select the output layer of a block. A block that the current network does not have is ignored."""
        tensors = all_block_tensors(self._activations.spec.architecture).get(block)
        if tensors is not None:
            self._activations.set_layer(tensors.output)

    def set_counterpart_weights(self, weights: WeightsSource | None) -> None:
        """Measure the counterpart with these weights; None for random ones."""
        self._counterpart_weights = weights or RandomWeights()
        self._emit_choices()
        self._request()

    def _update(self) -> None:
        architecture, tensors = self._activations.spec.architecture, self.tensors
        if self._emitted != (architecture, tensors):
            self._emitted = architecture, tensors
            self.blockChanged.emit(architecture, tensors)
        self._activations.request_layers(REQUESTER, tensors.names if tensors and self._visible else ())
        if self._visible and tensors:
            self._settle_timer.start()

    def _request(self) -> None:
        """Request the responses, and before that the weights for the counterpart where the user has a choice."""
        if not self._visible or self.tensors is None:
            return
        spec = self._activations.spec
        counterpart = plain_counterpart(spec.architecture)
        if counterpart is None or not needs_weights_choice(spec):
            self._searched, self._choices, self._counterpart_weights = None, None, None
            self._emit_choices()
        elif self._searched != (counterpart, spec.weights):
            self._searched, self._choices, self._counterpart_weights = (counterpart, spec.weights), None, None
            self._engine.request(
                "available_weights", counterpart, label=f"looking for weights of {title(counterpart)}",
                on_result=self._on_weights_found, on_error=self._on_error,
            )  # fmt: skip
            return
        elif self._choices is None:
            return  # the search is running
        specs = with_counterpart(spec, self._counterpart_weights)
        if specs != self._requested:
            self._requested = specs
            self._engine.request(
                "responses", specs, label=f"measuring {title(spec.architecture)}'s blocks",
                on_result=self.responsesMeasured.emit, on_error=self._on_error,
            )  # fmt: skip

    def _on_weights_found(self, found: tuple[TrainedWeights, ...]) -> None:
        self._choices = found
        self._counterpart_weights = found[0].weights if found else RandomWeights()
        self._emit_choices()
        self._request()

    def _emit_choices(self) -> None:
        self.weightsChoicesChanged.emit(self._choices or (), self._counterpart_weights)

    def _on_error(self, _: Exception) -> None:
        """A request was canceled or has failed: it is repeated when the view is next shown, not at once."""
        self._unanswered = True
