"""Attributions by captum's methods. captum is only imported when an attribution is requested."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.inference.attribution import (
    INTEGRATION_STEPS,
    METHODS,
    MISSING_CAPTUM,
    Attribution,
    CaptumMissing,
    default_layer,
    default_patch,
    layers_with_maps,
)
from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.captum_bridge import ForwardFunction, pass_steps
from resnet_studio.inference.compute.capture import eval_mode
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.prepare import PreparedForward, prepare_steps
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.own_trace import CALL
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress

MACS_PER_PASS, MAX_IMAGES_PER_PASS = 8 << 30, 64
"""Multiply-adds and images that go through the network between two yields: about half a second on two cores."""


@dataclass(frozen=True, slots=True, eq=False)
class AttributionRequest:
    """The arguments of an attribution method."""

    network: nn.Module
    images: Tensor
    layer: nn.Module | None
    target: int
    batch: int
    """Images per pass."""
    steps: int
    patch: int
    stride: int


Attributed: TypeAlias = tuple[Tensor, float | None]
"""The attribution, N × C × H × W, and the convergence delta where there is one."""


def attribution_steps(
    spec: ForwardSpec,
    method: str = "grad-cam",
    layer: str = "",
    target: int | None = None,
    *,
    steps: int = INTEGRATION_STEPS,
    patch: int = 0,
    stride: int = 0,
) -> Generator[Progress, None, Attribution]:
    """Attribute a class to an image by a method of `METHODS`.

    The default layer is the last block, the default target the most probable class; `steps` is for integrated
    gradients, `patch` and `stride` (pixels of the input) are for occlusion. Raises `CaptumMissing`, `ValueError` for a
    layer or class that the network lacks, and the errors of `forward_steps`. The network is left unchanged.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}. Available: {', '.join(METHODS)}")
    layer = (layer or default_layer(spec.architecture)) if METHODS[method].has_layer else ""
    if layer and layer not in layers_with_maps(spec.architecture):
        raise ValueError(
            f"{layer!r} is not a layer with feature maps; the last one is {default_layer(spec.architecture)}"
        )
    yield Progress(0, 3, "loading Captum")
    _import_captum()
    default = default_patch(spec.architecture.image_size)
    options = steps, patch or default[0], stride or default[1]
    return (yield from guarded(spec.device, lambda: _steps(spec, method, layer, target, options)))


def images_per_pass(architecture: Architecture) -> int:
    """How many images go through at a time, so that a request can be canceled soon."""
    macs = sum(layer.macs for layer in plan(architecture))
    return min(max(1, MACS_PER_PASS // max(1, macs)), MAX_IMAGES_PER_PASS)


def channel_sum(attribution: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The first image's attribution summed over its channels: height × width."""
    return attribution[0].detach().float().sum(0).cpu().numpy().copy()


def target_class(ready: PreparedForward, network: nn.Module, target: int | None) -> tuple[int, float, int]:
    """The class to explain (`target`, or the most probable one), its probability, and the most probable class.

    Raises `ValueError` if the network has no such class or its output is not finite.
    """
    with eval_mode(network):
        logits = network(ready.images)[0].float()
    if not logits.isfinite().all():
        raise ValueError("the network's output is NaN or infinite, so there is no class to explain")
    top_class = int(logits.argmax())
    target = top_class if target is None else target
    if not 0 <= target < len(logits):
        raise ValueError(f"class {target} not found: the network has {len(logits):,} classes, starting at 0")
    return target, float(logits.softmax(0)[target]), top_class


def _steps(
    spec: ForwardSpec, method: str, layer: str, target: int | None, options: tuple[int, int, int]
) -> Generator[Progress, None, Attribution]:
    ready = yield from prepare_steps(spec)
    yield Progress(1, 3, "running the network")
    network = ready.network()
    _check_relus(spec.architecture, network, method)
    started = time.perf_counter()
    target, probability, _ = target_class(ready, network, target)
    module = network.get_submodule(layer) if layer else None
    request = AttributionRequest(
        network, ready.images.detach().clone(), module, target, images_per_pass(spec.architecture), *options
    )
    yield Progress(2, 3, METHODS[method].title)
    if method in MULTI_PASS:
        attribution, delta = yield from MULTI_PASS[method](request)
    else:
        attribution, delta = _run_once(SINGLE_PASS[method], request), None
    size = ready.images.shape[-2:]
    upsampled = _import_captum().LayerAttribution.interpolate(attribution.detach().float(), size, "bilinear")
    return Attribution(
        spec, method, layer, target, ready.weights.labels[target], probability,
        channel_sum(attribution), channel_sum(upsampled),
        transforms.denormalized(ready.images, ready.weights.preprocessing), ready.key.image, ready.weights,
        time.perf_counter() - started, delta,
    )  # fmt: skip


def _check_relus(architecture: Architecture, network: nn.Module, method: str) -> None:
    """Refuse guided backpropagation where a ReLU of the user's own network is no module: captum would pass over it."""
    if not isinstance(architecture, OwnModule) or not method.startswith("guided"):
        return
    modules = {name: module for name, module in network.named_modules() if isinstance(module, nn.ReLU)}
    relus = (layer.name.partition(CALL)[0] for layer in plan(architecture) if layer.kind == "relu")
    if name := next((name for name in relus if name not in modules), ""):
        raise ValueError(f"{METHODS[method].title} needs every ReLU to be a module, and {name} is a function")


def _import_captum() -> Any:
    try:
        from captum import attr
    except ModuleNotFoundError as error:
        raise CaptumMissing(MISSING_CAPTUM) from error
    return attr


def _run_once(method: Callable[[Any, AttributionRequest], Tensor], request: AttributionRequest) -> Tensor:
    """One forward and backward pass, without captum's warnings about the hooks that it sets and removes."""
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return method(_import_captum(), request)


SINGLE_PASS: dict[str, Callable[[Any, AttributionRequest], Tensor]] = {
    "grad-cam": lambda captum, request: captum.LayerGradCam(request.network, request.layer).attribute(
        request.images, request.target, relu_attributions=True
    ),
    "guided-grad-cam": lambda captum, request: captum.GuidedGradCam(request.network, request.layer).attribute(
        request.images, request.target, interpolate_mode="bilinear"
    ),
    "layer-gradient-x-activation": lambda captum, request: captum.LayerGradientXActivation(
        request.network, request.layer
    ).attribute(request.images, request.target),
    "saliency": lambda captum, request: captum.Saliency(request.network).attribute(request.images, request.target),
    "input-x-gradient": lambda captum, request: captum.InputXGradient(request.network).attribute(
        request.images, request.target
    ),
    "guided-backprop": lambda captum, request: captum.GuidedBackprop(request.network).attribute(
        request.images, request.target
    ),
}
"""Methods that need one pass."""


def _integrated(request: AttributionRequest) -> Generator[Progress, None, Attributed]:
    """Integrate from zero after normalization, which is the mean color, to the image."""

    def attribute(forward: ForwardFunction) -> Attributed:
        attribution, delta = (
            _import_captum()
            .IntegratedGradients(forward)
            .attribute(
                request.images, target=request.target, n_steps=request.steps, internal_batch_size=request.batch,
                return_convergence_delta=True,
            )
        )  # fmt: skip
        return attribution, float(delta[0])

    passes = -(-request.steps // request.batch) + 2
    return (yield from pass_steps(attribute, request.network, passes, METHODS["integrated-gradients"].title))


def _occlusion(request: AttributionRequest) -> Generator[Progress, None, Attributed]:
    """One channel only: the square covers all channels, so captum gives each of them the same full value."""
    channels, height, width = request.images.shape[1:]
    window = channels, request.patch, request.patch

    def attribute(forward: ForwardFunction) -> Attributed:
        attribution: Tensor = (
            _import_captum()
            .Occlusion(forward)
            .attribute(
                request.images, window, (channels, request.stride, request.stride), target=request.target,
                perturbations_per_eval=request.batch,
            )
        )  # fmt: skip
        return attribution[:, :1], None

    positions = math.prod(-(-(side - request.patch) // request.stride) + 1 for side in (height, width))
    return (
        yield from pass_steps(
            attribute, request.network, -(-positions // request.batch) + 1, METHODS["occlusion"].title
        )
    )


MULTI_PASS: dict[str, Callable[[AttributionRequest], Generator[Progress, None, Attributed]]] = {
    "integrated-gradients": _integrated,
    "occlusion": _occlusion,
}
"""Methods that need many passes."""
