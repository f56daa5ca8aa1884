"""Time: images a second in each precision, the live path, and what CUDA graphs or torch.compile take off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor, nn

from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.capture import Captured, capture
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.prepare import PreparedForward, prepare_steps
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import HALF_SUFFIX
from resnet_studio.progress import finish
from resnet_studio.selftest.compute.forward import BOUNDS, largest_difference
from resnet_studio.selftest.compute.networks import random_images, spec
from resnet_studio.selftest.compute.target import Target, full_float32
from resnet_studio.selftest.report import Check, at_least, noted, skipped

BATCHES, BATCHES_ON_CPU = (1, 8, 64), (1, 8)
LAYER = "layer1.0"
"""What the window shows at first, 64 channels of 56×56."""
WORTHWHILE = 1.5
"""How much faster CUDA graphs or torch.compile have to make one image for the live path to use them."""
COMPILED_BOUND = 1e-2
"""Relative difference of a layer that torch.compile returns, as its kernels round differently."""
ADVICE = "Use the CPU for inference; close other programs that use this GPU"


def throughput_checks(target: Target) -> Iterator[Check]:
    """Images a second of ResNet-50, waiting for each batch, against the CPU in float32."""
    given = spec(target, "resnet50")
    ready = finish(prepare_steps(given))
    on_cpu = finish(prepare_steps(replace(given, device="cpu"))).network()
    best = 0.0
    for size in BATCHES_ON_CPU if target.is_cpu else BATCHES:
        images = random_images(given.architecture, size)
        reference = size / target.seconds(_pass(on_cpu, images))
        for precision, network in _networks(target, ready).items():
            moved = images.to(next(network.parameters()))
            with full_float32() if precision == "fp32" else nullcontext():
                rate = reference if network is on_cpu else size / target.seconds(_pass(network, moved))
            detail = f"{rate / reference:.1f} × the CPU in fp32, {reference:,.1f} images/s"
            yield noted(f"ResNet-50, {precision}, batch {size}", rate, "images/s", detail=detail)
            best = max(best, rate / reference)
    if not target.is_cpu:
        yield at_least("fastest against the CPU", best, 1.0, "×", advice=ADVICE)


def live_checks(target: Target) -> Iterator[Check]:
    """What the window does while the crop is dragged, against the bare forward pass of the same network."""
    given = spec(target, "resnet18")
    ready = finish(prepare_steps(given))
    network, preprocessing, channels = ready.folded(), ready.weights.preprocessing, given.architecture.channels
    moves = (ImageTransforms(zoom=1 + (number % 100) / 100) for number in count())
    captured = capture(network, ready.images, (LAYER,), full_pass=False).layers[LAYER]
    whole = target.seconds(
        lambda: finish(forward_steps(replace(given, transforms=next(moves)), (LAYER,), predictions=True, preview=True))
    )
    bare = target.seconds(_pass(network, ready.images))
    transform = target.seconds(lambda: transforms.preprocess(ready.photograph, preprocessing, channels, next(moves)))
    maps = target.seconds(lambda: layer_maps(LAYER, captured.float().cpu().numpy().copy()))
    parts = {"transform": transform, "forward": bare, "maps": maps}
    detail = ", ".join(f"{name} {1e3 * seconds:.1f} ms" for name, seconds in parts.items())
    yield noted("live path, ResNet-18", 1 / whole, "fps", detail=detail)
    yield noted("live path against the bare forward", bare / whole, "×", detail=f"which alone makes {1 / bare:.0f} fps")


def graph_checks(target: Target) -> Iterator[Check]:
    """The same pass as a CUDA graph, which is launched at once: what it saves is the overhead of launching kernels."""
    name = "CUDA graph, ResNet-18, batch 1"
    if not target.is_cuda:
        yield skipped(name, "only for NVIDIA GPUs")
        return
    ready = finish(prepare_steps(spec(target, "resnet18")))
    network, images = ready.folded(), ready.images.clone()

    def run() -> Captured:
        return capture(network, images, (LAYER,))

    eager = target.seconds(run)
    with torch.cuda.device(target.device):
        replay, captured = _recorded(run)
        graphed = target.seconds(replay)
        images.copy_(images.flip(3))  # other values in the same memory
        replay()
        found = captured.layers[LAYER].clone()
    yield noted("launch overhead, ResNet-18, batch 1", 100 * (1 - graphed / eager), "%", detail=_milliseconds(eager))
    yield _gain(name, eager / graphed, found, run().layers[LAYER], BOUNDS["fp32"])


def compile_checks(target: Target) -> Iterator[Check]:
    """The same pass compiled by torch.compile, which returns the captured layer beside the logits."""
    name = "torch.compile, ResNet-18, batch 1"
    if not target.is_cuda:
        yield skipped(name, "measured on NVIDIA GPUs only")
        return
    ready = finish(prepare_steps(spec(target, "resnet18")))
    network = ready.folded()
    compiled = torch.compile(_WithLayer(network), mode="reduce-overhead", fullgraph=True)
    with torch.no_grad():
        try:
            compiled(ready.images)
        except Exception as failure:  # whatever compilers raise: no C compiler, no Triton, an operator they don't know
            yield skipped(name, f"can't compile: {str(failure).partition(chr(10))[0][:200]}")
            return
        eager = target.seconds(lambda: capture(network, ready.images, (LAYER,)))
        seconds = target.seconds(lambda: compiled(ready.images))
        found = compiled(ready.images)[1].clone()
    yield _gain(name, eager / seconds, found, capture(network, ready.images, (LAYER,)).layers[LAYER], COMPILED_BOUND)


class _WithLayer(nn.Module):
    """A network that returns the output of one layer, too, without hooks."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        layer = network.get_submodule(LAYER)
        stage = network.get_submodule(LAYER.partition(".")[0])
        parts = [part for child in network.children() for part in (child.children() if child is stage else (child,))]
        self.parts, self.last = nn.ModuleList(parts), parts.index(layer)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        captured = images
        for number, part in enumerate(self.parts):
            images = part(images)
            if number == self.last:
                captured = images
        return images, captured


def _recorded(run: Callable[[], Captured]) -> tuple[Callable[[], None], Captured]:
    """A function that runs the recorded pass again, and what it writes its outputs to."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # a few passes before, so that libraries have allocated what they need
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = run()
    return graph.replay, captured


def _networks(target: Target, ready: PreparedForward) -> dict[str, nn.Module]:
    """ResNet-50 in each precision of the device; TF32 is PyTorch's default for convolutions in float32."""
    found = {"fp32": ready.network()}
    if target.is_cuda:
        found["TF32"] = ready.network()
    if "fp16" in target.precisions:
        found["fp16"] = finish(prepare_steps(replace(ready.spec, device=target.name + HALF_SUFFIX))).network()
    if "bf16" in target.precisions:
        found["bf16"] = deepcopy(ready.network()).to(torch.bfloat16)
    return found


def _pass(network: nn.Module, images: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.inference_mode():
            output: Tensor = network(images)
            return output

    return run


def _gain(name: str, ratio: float, found: Tensor, expected: Tensor, bound: float) -> Check:
    """How many times faster a pass is, and whether it still gives the captured layer."""
    error, _ = largest_difference({LAYER: found}, {LAYER: expected.cpu()})
    intact = "captured layer intact" if error < bound else f"captured layer off by {error:.1e}"
    worthwhile = f"{'at least' if ratio >= WORTHWHILE else 'less than'} {WORTHWHILE} × as fast as without"
    return noted(name, ratio, "×", detail=f"{worthwhile}; {intact}")


def _milliseconds(seconds: float) -> str:
    return f"of {1e3 * seconds:.2f} ms"
