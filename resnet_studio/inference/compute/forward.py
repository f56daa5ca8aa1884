"""One image through one network, for the window and the command line: predictions, model input, feature maps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from torch import Tensor

from resnet_studio.inference.compute import devices, prepare, transforms
from resnet_studio.inference.compute.capture import Captured, capture
from resnet_studio.inference.compute.folding import folded_layers
from resnet_studio.inference.compute.layouts import as_maps
from resnet_studio.inference.compute.prepare import ForwardKey, PreparedForward, prepare_steps
from resnet_studio.inference.cropping import frame
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.values import ForwardResult, ForwardSpec, Prediction
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress

MAX_CACHED_BYTES = 1 << 30
"""Bytes of activations that are cached in case another layer is requested next."""
MAX_PREDICTIONS = 5
CACHED_PASSES = 2
"""Two, for the two sides of a comparison."""
Result = TypeVar("Result")
Yielded = TypeVar("Yielded")
Steps: TypeAlias = Generator[Progress, None, Result]


@dataclass(frozen=True, slots=True, eq=False)
class ForwardPass:
    """A forward pass and its outputs. If there are no logits, it stopped early."""

    key: ForwardKey
    captured: Captured
    seconds: float
    preview: bool

    def covers(self, key: ForwardKey, layers: tuple[str, ...], *, predictions: bool, preview: bool) -> bool:
        """Whether it has all that is requested. A preview never stands in for a full-quality result."""
        has_logits = self.captured.logits is not None or not predictions
        good = preview or not self.preview
        return self.key == key and good and has_logits and set(layers) <= self.captured.layers.keys()


_passes: list[ForwardPass] = []
"""The latest passes, newest first."""


def forward_steps(
    spec: ForwardSpec, layers: tuple[str, ...], *, predictions: bool = True, preview: bool = False
) -> Steps[ForwardResult]:
    """Run a forward pass and return the feature maps of the named layers.

    Image, weights and the latest passes are cached: another layer of the same image costs no pass. A `preview`, one
    of many while the user drags, captures only the named layers; without predictions it stops after the last of
    them. Raises `ImageError`, `WeightsError`, `DeviceError`, `MemoryError`, and `ValueError` for a layer that the
    network lacks or never calls. If a device fails, its memory is freed.
    """
    return (yield from guarded(spec.device, lambda: _steps(spec, layers, predictions=predictions, preview=preview)))


def guarded(device: str, work: Callable[[], Generator[Yielded, None, Result]]) -> Generator[Yielded, None, Result]:
    """Run `work` on a device; if the device fails, free its memory and raise a `DeviceError` that says what to do."""
    devices.check(device)
    try:
        return (yield from work())
    except RuntimeError as error:
        failure = devices.explain_failure(device, error)
        if failure is None:
            raise
    clear_caches()  # only here, as the error's traceback kept the tensors alive
    raise failure


def _steps(spec: ForwardSpec, layers: tuple[str, ...], *, predictions: bool, preview: bool) -> Steps[ForwardResult]:
    ready = yield from prepare_steps(spec)
    forward_pass = next(
        (cached for cached in _passes if cached.covers(ready.key, layers, predictions=predictions, preview=preview)),
        None,
    )
    if forward_pass is None:
        if not preview:
            yield Progress(2, 4, "running the network")
        forward_pass = _run_pass(ready, layers, predictions=predictions, preview=preview)
        _passes[:] = [forward_pass, *(cached for cached in _passes if cached.key != ready.key)][:CACHED_PASSES]
    height, width = ready.photograph.pixels.shape[:2]
    return ForwardResult(
        spec=spec,
        image_sha256=ready.key.image,
        frame=frame(width, height, ready.weights.preprocessing, spec.transforms),
        model_input=transforms.denormalized(ready.images, ready.weights.preprocessing),
        weights=ready.weights,
        layers=tuple(
            layer_maps(name, as_maps(spec.architecture, name, output).float().cpu().numpy().copy())
            for name, output in ((name, forward_pass.captured.layers[name]) for name in layers)
        ),
        seconds=forward_pass.seconds,
        predictions=top_predictions(forward_pass.captured.logits, ready.weights.labels) if predictions else None,
        preview=preview,
    )


def layers_to_capture(architecture: Architecture, layers: tuple[str, ...]) -> tuple[str, ...]:
    """What a pass for these layers captures: every layer, block and stage, as another is likely to be requested next.

    If that would take more than `MAX_CACHED_BYTES`, only these layers.
    """
    sizes = {layer.name: layer.activation_bytes for layer in plan(architecture) if layer.called}
    if sum(sizes.values()) > MAX_CACHED_BYTES:
        return layers
    blocks = folded_layers(architecture) if isinstance(architecture, Residual) else ()
    return tuple(dict.fromkeys((*sizes, *blocks, *layers)))


def clear_caches() -> None:
    """Drop every cached network, image and activation."""
    _passes.clear()
    prepare.clear_caches()


def _run_pass(ready: PreparedForward, layers: tuple[str, ...], *, predictions: bool, preview: bool) -> ForwardPass:
    """Run a pass. A preview uses the folded network if that has all the layers: faster, and equal to 1e-4.

    All other passes use the plain network, so that the window and the command line give exactly the same numbers.
    """
    architecture = ready.spec.architecture
    captured_layers = layers if preview else layers_to_capture(architecture, layers)
    use_folded = (
        preview and isinstance(architecture, Residual) and set(captured_layers) <= set(folded_layers(architecture))
    )
    network = ready.folded() if use_folded else ready.network()
    started = time.perf_counter()
    to_the_end = predictions or not preview or isinstance(architecture, OwnModule)  # where a module's last call counts
    captured = capture(network, ready.images, captured_layers, full_pass=to_the_end)
    if captured.logits is not None:  # waits for a GPU to finish
        captured = Captured(captured.logits.float().cpu(), captured.layers)
    return ForwardPass(ready.key, captured, time.perf_counter() - started, preview)


def top_predictions(
    logits: Tensor | None, labels: tuple[str, ...], count: int = MAX_PREDICTIONS
) -> tuple[Prediction, ...]:
    """The most probable classes; none if the logits are not finite."""
    if logits is None or not logits.isfinite().all():
        return ()
    probabilities, classes = logits[0].softmax(0).topk(min(count, len(labels)))
    return tuple(
        Prediction(labels[number], probability, number)
        for number, probability in zip(classes.tolist(), probabilities.tolist(), strict=True)
    )
