"""Why a network says a class, by captum's methods. captum is imported when the first is asked for."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from resnet_studio.inference.attribution import (
    METHODS,
    MISSING,
    STEPS,
    Attribution,
    CaptumMissing,
    layers_with_maps,
    usual_layer,
    usual_patch,
)
from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.captum_bridge import Forward, in_passes
from resnet_studio.inference.compute.capture import evaluating
from resnet_studio.inference.compute.forward import guarded
from resnet_studio.inference.compute.prepare import Ready, ready_steps
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.progress import Progress

MACS_A_PASS, MOST_A_PASS = 8 << 30, 64
"""Multiply-adds and images that go through the network between two yields: about half a second on two cores."""


@dataclass(frozen=True, slots=True, eq=False)
class AttributionRequest:
    """A question that is ready to be put to captum."""

    network: nn.Module
    images: Tensor
    layer: nn.Module | None
    target: int
    batch: int
    """Images a pass."""
    steps: int
    patch: int
    stride: int


Answer: TypeAlias = tuple[Tensor, float | None]
"""The attribution, N × C × H × W, and the convergence delta where there is one."""


def attribution_steps(
    subject: ForwardSpec,
    method: str = "grad-cam",
    layer: str = "",
    target: int | None = None,
    *,
    steps: int = STEPS,
    patch: int = 0,
    stride: int = 0,
) -> Generator[Progress, None, Attribution]:
    """Attribute a class to an image by a method of `METHODS`.

    Without a layer it is the last block, without a target the most probable class; `steps` are for integrated
    gradients, `patch` and `stride` (pixels of the input) for occlusion. Raises `CaptumMissing`, `ValueError` for what
    the network lacks, and what a look raises. The network is left as it was.
    """
    if method not in METHODS:
        raise ValueError(f"no method is called {method!r}: there are {', '.join(METHODS)}")
    layer = (layer or usual_layer(subject.architecture)) if METHODS[method].layered else ""
    if layer and layer not in layers_with_maps(subject.architecture):
        raise ValueError(
            f"{layer!r} is no layer with maps of this network; the last is {usual_layer(subject.architecture)}"
        )
    yield Progress(0, 3, "importing captum")
    _captum()
    usual = usual_patch(subject.architecture.image)
    how = steps, patch or usual[0], stride or usual[1]
    return (yield from guarded(subject.device, lambda: _steps(subject, method, layer, target, how)))


def images_a_pass(architecture: Architecture) -> int:
    """How many images go through at a time, so that a cancel is heard soon."""
    macs = sum(one.macs for one in plan(architecture))
    return min(max(1, MACS_A_PASS // max(1, macs)), MOST_A_PASS)


def summed(attribution: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One image's attribution as height × width: the sum of what its channels have a part in."""
    return attribution[0].detach().float().sum(0).cpu().numpy().copy()


def explained(ready: Ready, network: nn.Module, target: int | None) -> tuple[int, float, int]:
    """The class to explain, by itself the most probable, its probability, and the most probable class.

    `ValueError` where there is none.
    """
    with evaluating(network):
        logits = network(ready.images)[0].float()
    if not logits.isfinite().all():
        raise ValueError("the network's output is not a number, so there is no class to explain")
    winner = int(logits.argmax())
    target = winner if target is None else target
    if not 0 <= target < len(logits):
        raise ValueError(f"there is no class {target}: the network has {len(logits):,}, from 0")
    return target, float(logits.softmax(0)[target]), winner


def _steps(
    subject: ForwardSpec, method: str, layer: str, target: int | None, how: tuple[int, int, int]
) -> Generator[Progress, None, Attribution]:
    ready = yield from ready_steps(subject)
    yield Progress(1, 3, "running the network")
    network = ready.network()
    started = time.perf_counter()
    target, probability, _ = explained(ready, network, target)
    module = network.get_submodule(layer) if layer else None
    asked = AttributionRequest(
        network, ready.images.detach().clone(), module, target, images_a_pass(subject.architecture), *how
    )
    yield Progress(2, 3, METHODS[method].title)
    if method in LONG:
        attribution, delta = yield from LONG[method](asked)
    else:
        attribution, delta = _at_once(SHORT[method], asked), None
    side = ready.images.shape[-2:]
    large = _captum().LayerAttribution.interpolate(attribution.detach().float(), side, "bilinear")
    return Attribution(
        subject, method, layer, target, ready.weights.labels[target], probability, summed(attribution), summed(large),
        transforms.seen(ready.images, ready.weights.preprocessing), ready.key.image, ready.weights,
        time.perf_counter() - started, delta,
    )  # fmt: skip


def _captum() -> Any:
    try:
        from captum import attr
    except ModuleNotFoundError as error:
        raise CaptumMissing(MISSING) from error
    return attr


def _at_once(method: Callable[[Any, AttributionRequest], Tensor], asked: AttributionRequest) -> Tensor:
    """One pass there and back. captum says in warnings that it sets hooks and that it takes them away again."""
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return method(_captum(), asked)


SHORT: dict[str, Callable[[Any, AttributionRequest], Tensor]] = {
    "grad-cam": lambda captum, asked: captum.LayerGradCam(asked.network, asked.layer).attribute(
        asked.images, asked.target, relu_attributions=True
    ),
    "guided-grad-cam": lambda captum, asked: captum.GuidedGradCam(asked.network, asked.layer).attribute(
        asked.images, asked.target, interpolate_mode="bilinear"
    ),
    "layer-gradient-x-activation": lambda captum, asked: captum.LayerGradientXActivation(
        asked.network, asked.layer
    ).attribute(asked.images, asked.target),
    "saliency": lambda captum, asked: captum.Saliency(asked.network).attribute(asked.images, asked.target),
    "input-x-gradient": lambda captum, asked: captum.InputXGradient(asked.network).attribute(
        asked.images, asked.target
    ),
    "guided-backprop": lambda captum, asked: captum.GuidedBackprop(asked.network).attribute(asked.images, asked.target),
}
"""Methods that need one pass."""


def _integrated(asked: AttributionRequest) -> Generator[Progress, None, Answer]:
    """From zero after normalization, which is the mean color, to the image."""

    def work(forward: Forward) -> Answer:
        attribution, delta = (
            _captum()
            .IntegratedGradients(forward)
            .attribute(
                asked.images, target=asked.target, n_steps=asked.steps, internal_batch_size=asked.batch,
                return_convergence_delta=True,
            )
        )  # fmt: skip
        return attribution, float(delta[0])

    passes = -(-asked.steps // asked.batch) + 2
    return (yield from in_passes(work, asked.network, passes, METHODS["integrated-gradients"].title))


def _occlusion(asked: AttributionRequest) -> Generator[Progress, None, Answer]:
    """One map: the square covers all channels, so captum gives every channel the same whole value."""
    channels, side = asked.images.shape[1], asked.images.shape[-1]
    window = channels, asked.patch, asked.patch

    def work(forward: Forward) -> Answer:
        attribution: Tensor = (
            _captum()
            .Occlusion(forward)
            .attribute(
                asked.images, window, (channels, asked.stride, asked.stride), target=asked.target,
                perturbations_per_eval=asked.batch,
            )
        )  # fmt: skip
        return attribution[:, :1], None

    positions = (-(-(side - asked.patch) // asked.stride) + 1) ** 2
    return (yield from in_passes(work, asked.network, -(-positions // asked.batch) + 1, METHODS["occlusion"].title))


LONG: dict[str, Callable[[AttributionRequest], Generator[Progress, None, Answer]]] = {
    "integrated-gradients": _integrated,
    "occlusion": _occlusion,
}
"""Methods that need many passes."""
