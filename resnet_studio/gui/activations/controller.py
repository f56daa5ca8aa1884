"""What is run through the network (image, transforms, weights, device, layers), and the newest result."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference import transforms as image_transforms
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, ForwardSpec, image_title
from resnet_studio.networks.plan import channels_by_name, first_activation
from resnet_studio.networks.presets import title

PREVIEW_LANES = ("forward preview 1", "forward preview 2")


class ActivationsController(QObject):
    """Requests a forward pass whenever the spec or the visible layers change.

    While the user drags, previews alternate between two lanes, so that the engine never waits for the window. Each
    uses the newest transforms, and every answer is shown. When the drag ends, a full-quality pass is requested.
    """

    specChanged = Signal(object)
    selectionChanged = Signal(str, str)
    """The selected image and layer."""
    layerSelected = Signal(str)
    """The user has selected a layer, in whichever workspace."""
    transformsChanged = Signal(object)
    forwardFinished = Signal(object)
    failed = Signal(object)
    """The exception of a forward pass."""
    deviceChanged = Signal(str)
    """torch's name of the device, maybe with `HALF_SUFFIX`."""

    def __init__(
        self, session: Session, engine: EngineClient, images: ImageController, weights: WeightsController
    ) -> None:
        super().__init__()
        self._session, self._engine, self._images, self._weights = session, engine, images, weights
        self._requested_layers: dict[str, tuple[str, ...]] = {}
        self._visible = False
        self._transforms = session.state.handles
        self._image = images.selected
        self._requested: tuple[object, ...] = ()
        self.result: ForwardResult | None = None
        """The newest result, which may be older than `spec`."""
        self._running_previews: set[str] = set()
        """Lanes whose preview has no answer yet."""
        self._dragging = False
        images.selectionChanged.connect(lambda _: self._on_image_selected())
        weights.weightsChanged.connect(lambda _: self._on_spec_changed())

    @property
    def spec(self) -> ForwardSpec:
        """What the next forward pass computes."""
        return ForwardSpec(
            self._images.selected, self._session.architecture, self._weights.weights, self._session.state.device,
            self._transforms,
        )  # fmt: skip

    @property
    def layer(self) -> str:
        """The layer whose maps are shown."""
        return self._session.state.layer

    def visible_layers(self) -> tuple[str, ...]:
        """All layers that any view shows."""
        known = channels_by_name(self._session.architecture)
        names_shown = [self.layer, *(name for names in self._requested_layers.values() for name in names)]
        return tuple(dict.fromkeys(name for name in names_shown if name in known))

    def follow_architecture(self) -> None:
        """Follow the current architecture; a layer that it lacks is replaced by its first activation."""
        architecture = self._session.architecture
        if self.layer not in channels_by_name(architecture):
            self._session.update(layer=first_activation(architecture))
        self._emit_selection()
        self._on_spec_changed()

    def set_layer(self, name: str) -> None:
        """Show that layer's maps."""
        self._session.update(layer=name)
        self._emit_selection()
        self.layerSelected.emit(name)
        self._send_request()

    def set_device(self, name: str) -> None:
        """Run on that device from now on."""
        self._session.update(device=name)
        self.deviceChanged.emit(name)
        self._on_spec_changed()

    def request_layers(self, requester: str, layers: tuple[str, ...]) -> None:
        """Compute these layers as well, as `requester` shows them; replaces its earlier request."""
        if self._requested_layers.get(requester, ()) != layers:
            self._requested_layers[requester] = layers
            self._send_request()

    def set_transforms(self, transforms: ImageTransforms, moving: bool = False) -> None:
        """Change the image's transforms; `moving` while the user still drags."""
        self._store_transforms(transforms)
        self._dragging = moving
        if not moving:
            self.specChanged.emit(self.spec)
        self._send_request(preview=moving)

    def set_keep_transforms(self, keep: bool) -> None:
        """Set whether the transforms also apply to the next image."""
        self._session.update(keep_handles=keep)

    def reset_transforms(self) -> None:
        """Reset the transforms, unless the user keeps them for the next image."""
        if self._transforms != image_transforms.IDENTITY and not self._session.state.keep_handles:
            self._store_transforms(image_transforms.IDENTITY)

    def set_visible(self, visible: bool) -> None:
        """Set whether the workspace is visible: nothing is requested while it is hidden."""
        self._visible = visible
        if visible:
            self._images.open_selected()
            self._send_request()

    def invalidate(self) -> None:
        """Forget what has been requested, so that it is requested again."""
        self._requested = ()
        self._running_previews.clear()
        self._images.invalidate()

    def _store_transforms(self, transforms: ImageTransforms) -> None:
        self._transforms = transforms
        self._session.update(handles=transforms)
        self.transformsChanged.emit(transforms)

    def _on_image_selected(self) -> None:
        if self._images.selected != self._image:
            self._image = self._images.selected
            self.reset_transforms()
        if self._visible:
            self._images.open_selected()
        self._emit_selection()
        self._on_spec_changed()

    def _on_spec_changed(self) -> None:
        self.specChanged.emit(self.spec)
        self._send_request()

    def _send_request(self, *, preview: bool = False) -> None:
        """Request a forward pass, unless it has been requested already; a preview only if one of its lanes is free."""
        spec, layers = request = self.spec, self.visible_layers()
        lanes = PREVIEW_LANES if preview else ("forward",)
        lane = next((lane for lane in lanes if lane not in self._running_previews), None)
        if self._visible and lane and (*request, preview) != self._requested:
            self._requested, self._dragging = (*request, preview), preview
            if preview:
                self._running_previews.add(lane)
            self._engine.request(
                "forward", spec, layers, preview, lane=lane,
                label=f"running {title(spec.architecture)} on {image_title(spec.image)}",
                on_result=partial(self._on_result, lane), on_error=partial(self._on_error, lane),
            )  # fmt: skip

    def _on_result(self, lane: str, result: ForwardResult) -> None:
        self._running_previews.discard(lane)
        if self._dragging:
            self._send_request(preview=True)
        self._weights.mark_good()
        self.result = result
        self.forwardFinished.emit(result)

    def _on_error(self, lane: str, error: Exception) -> bool:
        self._running_previews.discard(lane)
        if isinstance(error, CanceledError):
            self._requested = ()
        else:
            self.failed.emit(error)
        return True

    def _emit_selection(self) -> None:
        self.selectionChanged.emit(self._images.selected, self.layer)
