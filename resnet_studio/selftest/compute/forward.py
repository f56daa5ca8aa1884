"""Forward passes on the device against the CPU: every named tensor, folded networks, precisions, attributions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resnet_studio.inference.attribution import METHODS, CaptumMissing
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.capture import Captured, capture
from resnet_studio.inference.compute.folding import folded_layers
from resnet_studio.inference.compute.forward import forward_steps, layers_to_capture, top_predictions
from resnet_studio.inference.compute.occlusion import occlusion_steps
from resnet_studio.inference.compute.prepare import PreparedForward, prepare_steps
from resnet_studio.inference.values import HALF_SUFFIX, ForwardSpec, Prediction
from resnet_studio.inference.weights.bundled import DIGITS, bundled_weights
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish
from resnet_studio.selftest.compute.networks import PHOTOGRAPHS, random_images, spec
from resnet_studio.selftest.compute.target import Target, full_float32
from resnet_studio.selftest.report import Check, at_least, at_most, noted, skipped

NETWORKS = {"resnet50": "ResNet-50", "resnet18": "ResNet-18", "resnet56-cifar": "ResNet-56 (CIFAR)"}
BOUNDS = {"fp32": 1e-4, "fp16": 3e-2, "bf16": 0.2}
"""Largest difference from the CPU, relative to the tensor's largest value. On the CPU the three precisions differ from
float64 by 5e-6, 1.1e-2 and 8e-2 at most, in ResNet-50's last block."""
ATTRIBUTION_BOUND = 1e-2
"""Largest ratio of norms between the difference of two maps and the CPU's: a ReLU near 0 may open or close."""
IMAGES, IMAGES_ON_CPU = 32, 4
INTEGRATION_STEPS = 16
Map: TypeAlias = NDArray[np.float32]
ADVICE = "Update the driver and PyTorch; until it passes, choose the CPU"


def network_checks(name: str, target: Target) -> Iterator[Check]:
    """One network in all precisions, plain and folded, with one image and with many."""
    given = spec(target, name)
    architecture = given.architecture
    assert isinstance(architecture, Residual)
    every, inner = layers_to_capture(architecture, ()), folded_layers(architecture)
    ready = finish(prepare_steps(given))
    expected = _reference(target, given, ready.images, every)
    run = partial(_compare, name, expected)
    with full_float32():
        yield run(f"fp32, all {len(every)} named tensors", capture(ready.network(), ready.images, every), "fp32")
        yield run("fp32, folded", capture(ready.folded(), ready.images, inner), "fp32")
        yield _batch_check(target, name, ready)
    if target.is_cuda:
        found = capture(ready.network(), ready.images, every)
        error, where = largest_difference(_tensors(found), _tensors(expected))
        yield noted(f"{NETWORKS[name]}, TF32", error, detail=f"PyTorch's default for convolutions; largest in {where}")
    if target.is_cpu:
        yield skipped(f"{NETWORKS[name]}, fp16", "half precision is not offered on the CPU")
    else:
        half = finish(prepare_steps(replace(given, device=target.name + HALF_SUFFIX)))
        yield run("fp16", capture(half.network(), half.images, every), "fp16")
        yield run("fp16, folded", capture(half.folded(), half.images, inner), "fp16")
    if target.has_bfloat16:
        network = deepcopy(ready.network()).to(torch.bfloat16)
        yield run("bf16", capture(network, ready.images.to(torch.bfloat16), every), "bf16")
    else:
        yield skipped(f"{NETWORKS[name]}, bf16", "the device does not compute in bfloat16")


def prediction_checks(target: Target) -> Iterator[Check]:
    """The five most probable classes of the sample photographs, and the digits that the bundled network reads."""
    cases = [spec(target, name, image) for name in _networks(target) for image in PHOTOGRAPHS]
    for precision in target.precisions:
        common = sum(_common_classes(target, given, precision) for given in cases)
        spare = len(cases) if precision == "bf16" else 0  # its logits are off by as much as two classes may be apart
        yield at_least(
            f"top-5 of the sample photographs, {precision}", common, 5 * len(cases) - spare, f"of {5 * len(cases)}",
            detail="classes that the CPU predicts, too", advice=ADVICE,
        )  # fmt: skip
    weights = bundled_weights(preset(DIGITS))
    assert weights is not None
    digits = [ForwardSpec(f"sample:digit-{digit}", preset(DIGITS), weights, target.name) for digit in range(10)]
    right = [_predictions(given)[0].label == given.image[-1] for given in digits]
    yield at_least("digits read by the bundled network", sum(right), 10, "of 10", advice=ADVICE)


def attribution_checks(target: Target) -> Iterator[Check]:
    """Gradients and many passes: attributions by captum, and the occlusion test."""
    given = spec(target, "resnet18")
    on_cpu = replace(given, device="cpu")
    methods = ("grad-cam", "integrated-gradients", *(() if target.quick else ("guided-backprop", "saliency")))
    with full_float32():
        for method in methods:
            title = f"{METHODS[method].title}, ResNet-18"
            try:
                found, expected = (
                    finish(attribution_steps(each, method, steps=INTEGRATION_STEPS)).values for each in (given, on_cpu)
                )
            except CaptumMissing as error:
                yield skipped(title, str(error))
            else:
                yield _compare_maps(title, found, expected)
        side = min(given.architecture.image_size) // 4
        found, expected = (finish(occlusion_steps(each, side, side)).probabilities for each in (given, on_cpu))
        yield _compare_maps("Occlusion test, ResNet-18", found, expected)


def largest_difference(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> tuple[float, str]:
    """The largest difference between tensors of the same names, relative to the largest value of each; its tensor.

    A NaN counts as infinitely different. Equal tensors give 0 and no name.
    """
    worst = 0.0, ""
    for name, values in found.items():
        reference = expected[name].double()
        difference = (values.cpu().double() - reference).abs().max() / reference.abs().max().clamp(min=1e-30)
        number = float(difference.nan_to_num(torch.inf, torch.inf))
        worst = (number, name) if number > worst[0] else worst
    return worst


def _networks(target: Target) -> tuple[str, ...]:
    return ("resnet50",) if target.quick else tuple(NETWORKS)


def _reference(target: Target, given: ForwardSpec, images: Tensor, layers: Iterable[str]) -> Captured:
    """What the CPU computes: in float32 for a GPU, in float64 to test the CPU itself."""
    network = finish(prepare_steps(replace(given, device="cpu"))).network()
    if target.is_cpu:
        return capture(deepcopy(network).double(), images.double(), tuple(layers))
    return capture(network, images.float().cpu(), tuple(layers))


def _compare(name: str, expected: Captured, what: str, found: Captured, precision: str) -> Check:
    error, where = largest_difference(_tensors(found), _tensors(expected))
    detail = f"relative difference; largest in {where}" if where else "equal"
    return at_most(f"{NETWORKS[name]}, {what}", error, BOUNDS[precision], detail=detail, advice=ADVICE)


def _compare_maps(title: str, found: Map, expected: Map) -> Check:
    error = float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
    return at_most(title, error, ATTRIBUTION_BOUND, detail="relative difference of the maps", advice=ADVICE)


def _tensors(captured: Captured) -> dict[str, Tensor]:
    logits = {} if captured.logits is None else {"logits": captured.logits}
    return captured.layers | logits


def _batch_check(target: Target, name: str, ready: PreparedForward) -> Check:
    """Logits and the outputs of blocks for many images."""
    architecture = ready.spec.architecture
    assert isinstance(architecture, Residual)
    count = IMAGES_ON_CPU if target.is_cpu else IMAGES
    layers = tuple(block.name for block in blocks(architecture))
    images = random_images(architecture, count)
    expected = _reference(target, ready.spec, images, layers)
    found = capture(ready.network(), images.to(target.device), layers)
    return _compare(name, expected, f"fp32, {count} images", found, "fp32")


def _common_classes(target: Target, given: ForwardSpec, precision: str) -> int:
    """How many of the five most probable classes the CPU predicts, too."""
    ready = finish(prepare_steps(given))
    labels = ready.weights.labels
    expected = top_predictions(_reference(target, given, ready.images, ()).logits, labels)
    if precision == "bf16":
        network = deepcopy(ready.network()).to(torch.bfloat16)
        found = top_predictions(capture(network, ready.images.to(torch.bfloat16), ()).logits, labels)
    else:
        found = _predictions(replace(given, device=target.name + (HALF_SUFFIX if precision == "fp16" else "")))
    return len({each.number for each in found} & {each.number for each in expected})


def _predictions(given: ForwardSpec) -> tuple[Prediction, ...]:
    return finish(forward_steps(given, ())).predictions or ()
