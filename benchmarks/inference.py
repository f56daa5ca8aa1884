"""How fast a forward pass is, and what capturing the blocks' outputs costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version

import torch
from torch import Tensor, nn
from torchvision import models

from benchmarks.measure import Line, Task, in_turns, ratio
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.folding import folded
from resnet_studio.networks.modules.network import ResNet, build
from resnet_studio.networks.plan import blocks, plan
from resnet_studio.networks.presets import preset

ROUNDS, PEER_ROUNDS = 15, 5
PEERS = {
    "resnet18": "resnet18", "resnet50-v1.5": "resnet50", "resnet152-v1.5": "resnet152",
    "resnext50_32x4d": "resnext50_32x4d",
}  # fmt: skip


def measure() -> Iterator[Line]:
    """Each network compared with torchvision's with the same weights, and with itself without capture."""
    image = torch.rand(1, 3, 224, 224)
    for name, peer in PEERS.items():
        reference = getattr(models, peer)(weights=None).eval()
        network, layers = _build_folded(name, reference)
        captured, without_capture = partial(capture, network, image, layers), partial(capture, network, image, ())
        seconds = in_turns({"theirs": partial(forward, reference, image), "ours": captured}, ROUNDS, warm_up=3)
        title = f"{name}, one image, every block's output"
        yield ratio(title, seconds["ours"], seconds["theirs"], 0.9, f"torchvision's {peer}, eager eval")
        # without the other network: running after it would find the weights evicted from the caches
        seconds = in_turns({"ours": captured, "no capture": without_capture}, 2 * ROUNDS, warm_up=3)
        yield ratio(f"{title}, capture overhead", seconds["ours"], seconds["no capture"], 1.05, "no capture")
    yield from capture_all()


def capture_all() -> Iterator[Line]:
    """All named tensors of ResNet-50 at once, compared with none of them, and with torchlens."""
    import torchlens

    image, reference = torch.rand(1, 3, 224, 224), models.resnet50(weights=None).eval()
    architecture = preset("resnet50-v1.5")
    network = build(architecture).eval()
    network.load_state_dict(reference.state_dict())
    names = tuple(layer.name for layer in plan(architecture) if layer.called)
    tasks: dict[str, Task] = {
        "all": partial(capture, network, image, names),
        "none": partial(capture, network, image, ()),
    }
    seconds = in_turns(tasks, ROUNDS, warm_up=3)
    title = f"resnet50-v1.5, one image, all {len(names)} named tensors"
    yield ratio(f"{title}, capture overhead", seconds["all"], seconds["none"], 1.3, "no capture")
    with torch.no_grad():
        seconds = in_turns({"all": tasks["all"], "torchlens": lambda: torchlens.trace(reference, image)}, PEER_ROUNDS)
    peer = f"torchlens {version('torchlens')}, torchvision's network"
    yield ratio(title, seconds["all"], seconds["torchlens"], 0.3, peer)


def _build_folded(name: str, reference: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    architecture = preset(name)
    network = build(architecture)
    assert isinstance(network, ResNet)
    network.load_state_dict(reference.state_dict())
    return folded(network.eval()), tuple(block.name for block in blocks(network.architecture))


def forward(network: nn.Module, image: Tensor) -> Tensor:
    """The forward pass as a user of torchvision runs it."""
    with torch.inference_mode():
        output: Tensor = network(image)
    return output
