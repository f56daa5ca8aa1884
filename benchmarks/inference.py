"""How fast an image goes through a network, and what it costs to keep the blocks' outputs."""

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
PEERS = {"resnet18": "resnet18", "resnet50-v1.5": "resnet50", "resnet152-v1.5": "resnet152"}


def measure() -> Iterator[Line]:
    """Each network against torchvision's own with the same weights, and against itself without capture."""
    image = torch.rand(1, 3, 224, 224)
    for name, peer in PEERS.items():
        theirs = getattr(models, peer)(weights=None).eval()
        network, layers = _folded(name, theirs)
        ours, bare = partial(capture, network, image, layers), partial(capture, network, image, ())
        seconds = in_turns({"theirs": partial(forward, theirs, image), "ours": ours}, ROUNDS, warm_up=3)
        what = f"{name}, one image, every block's output"
        yield ratio(f"{what}", seconds["ours"], seconds["theirs"], 0.9, f"torchvision's {peer}, eager eval")
        # by themselves: whichever follows another network finds its weights gone from the caches
        seconds = in_turns({"ours": ours, "no capture": bare}, 2 * ROUNDS, warm_up=3)
        yield ratio(f"{what}, capture's cost", seconds["ours"], seconds["no capture"], 1.05, "no capture")
    yield from every_tensor()


def every_tensor() -> Iterator[Line]:
    """All named tensors of ResNet-50 at once, against none of them, and against torchlens."""
    import torchlens

    image, theirs = torch.rand(1, 3, 224, 224), models.resnet50(weights=None).eval()
    architecture = preset("resnet50-v1.5")
    network = build(architecture).eval()
    network.load_state_dict(theirs.state_dict())
    names = tuple(layer.name for layer in plan(architecture) if layer.called)
    tasks: dict[str, Task] = {
        "all": partial(capture, network, image, names),
        "none": partial(capture, network, image, ()),
    }
    seconds = in_turns(tasks, ROUNDS, warm_up=3)
    what = f"resnet50-v1.5, one image, every one of {len(names)} named tensors"
    yield ratio(f"{what}, capture's cost", seconds["all"], seconds["none"], 1.3, "no capture")
    with torch.no_grad():
        beside = in_turns({"all": tasks["all"], "torchlens": lambda: torchlens.trace(theirs, image)}, PEER_ROUNDS)
    peer = f"torchlens {version('torchlens')}, torchvision's network"
    yield ratio(what, beside["all"], beside["torchlens"], 0.3, peer)


def _folded(name: str, theirs: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    architecture = preset(name)
    network = build(architecture)
    assert isinstance(network, ResNet)
    network.load_state_dict(theirs.state_dict())
    return folded(network.eval()), tuple(block.name for block in blocks(network.architecture))


def forward(network: nn.Module, image: Tensor) -> Tensor:
    """What a user of torchvision runs."""
    with torch.inference_mode():
        output: Tensor = network(image)
    return output
