from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from resnet_studio.inference.compute import transforms
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.images import references
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

SMALL = replace(preset("resnet18"), blocks=(1, 1), width=8, image=32, classes=10)


@pytest.fixture
def network() -> nn.Module:
    return build(SMALL)


@contextmanager
def counted(network: nn.Module) -> Iterator[list[int]]:
    passes: list[int] = []
    hook = network.register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        yield passes
    finally:
        hook.remove()


def outputs(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Every module's output, cloned in plain hooks: a reference for networks without in-place operations."""
    found: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: found.__setitem__(name, output.clone()))
        for name, module in network.named_modules()
    ]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    return found


def test_every_layer_of_torchvisions_resnet_50_is_as_if_nothing_were_overwritten() -> None:
    architecture = replace(preset("resnet50-v1.5"), image=64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = models.resnet50().eval()
        image = torch.randn(1, 3, 64, 64)
    ours = build(architecture).eval()
    ours.load_state_dict(theirs.state_dict())
    truth = outputs(ours.double(), image.double())
    names = [name for name, _ in theirs.named_modules() if name]
    with counted(theirs) as passes:
        captured = capture(theirs, image, names)
    assert len(passes) == 2  # its ReLUs and additions work in place
    for name in names:
        true = truth[name.replace(".relu", ".relu3") if name.startswith("layer") else name]
        assert (captured.layers[name] - true).abs().max() <= 1e-5 * true.abs().max(), name
    assert (captured.logits - truth[""]).abs().max() <= 1e-5 * truth[""].abs().max()


def test_a_network_without_in_place_work_runs_once(network: nn.Module) -> None:
    with counted(network) as passes:
        capture(network, torch.zeros(1, 3, 32, 32), [name for name, _ in network.named_modules() if name])
    assert len(passes) == 1


def test_only_what_was_asked_for_is_given_in_that_order(network: nn.Module) -> None:
    captured = capture(network, torch.zeros(1, 3, 32, 32), ["layer2.0.add", "conv1", "layer1"])
    assert {name: tuple(values.shape) for name, values in captured.layers.items()} == {
        "layer2.0.add": (1, 16, 4, 4),
        "conv1": (1, 8, 16, 16),
        "layer1": (1, 8, 8, 8),
    }
    assert list(captured.layers) == ["layer2.0.add", "conv1", "layer1"]
    assert captured.logits.shape == (1, 10)
    assert not captured.logits.requires_grad


class Disorderly(nn.Module):
    """Overwrites its input, drops values in every mode, and gives a pair from one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ReLU(inplace=True)
        self.pair = nn.MaxPool2d(2, return_indices=True)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        values, _ = self.pair(self.first(x))
        x = functional.dropout(self.norm(values))  # training=True is its default
        if x.isnan().any():
            raise ArithmeticError("no number")
        return x.flatten(1)


def test_the_network_the_image_and_the_random_state_stay_as_they_were() -> None:
    network = Disorderly()
    network.norm.eval()
    image = -torch.ones(1, 3, 8, 8)
    state = torch.get_rng_state()
    captured = capture(network, image, ["first", "norm"])
    assert (captured.layers["first"] == 0).all()
    assert (image == -1).all()
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in (network, network.first, network.pair, network.norm)] == [
        True,
        True,
        True,
        False,
    ]
    assert network.norm.num_batches_tracked == 0


def test_hooks_are_removed_even_if_the_pass_fails() -> None:
    network = Disorderly()
    with pytest.raises(ArithmeticError):
        capture(network, torch.full((1, 3, 8, 8), torch.nan), ["first"])
    with pytest.raises(ValueError, match="'pair' returns a tuple"):
        capture(network, torch.zeros(1, 3, 8, 8), ["pair", "norm"])
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_captured_values_are_copies(network: nn.Module) -> None:
    image = torch.zeros(1, 3, 32, 32)
    identity = nn.Sequential(nn.Identity(), network)
    captured = capture(identity, image, ["0"])
    captured.layers["0"].fill_(7)
    assert (image == 0).all()


def test_capture_works_inside_inference_mode(network: nn.Module) -> None:
    with torch.inference_mode():
        captured = capture(network, torch.ones(1, 3, 32, 32), ["conv1"])
    assert captured.layers["conv1"].shape == (1, 8, 16, 16)


def test_an_unknown_layer_is_reported_with_similar_names(network: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"'layer1\.0\.conv'.*did you mean.*layer1\.0\.conv1"):
        capture(network, torch.zeros(1, 3, 32, 32), ["layer1.0.conv"])
    with pytest.raises(ValueError, match=r"'blancmange'.*available"):
        capture(network, torch.zeros(1, 3, 32, 32), ["blancmange"])


def test_a_layer_that_is_never_called_is_reported() -> None:
    article = build(replace(preset("article18"), blocks=(1,), width=8, image=32, classes=10))
    with pytest.raises(ValueError, match=r"'layer1\.0\.unused_conv' is never called"):
        capture(article, torch.zeros(1, 3, 32, 32), ["layer1.0.unused_conv"])


def test_an_image_by_its_name_its_path_or_its_pixels(network: nn.Module, tmp_path: Path) -> None:
    photograph = references.open_reference("sample:china")
    path = tmp_path / "china #1.png"
    Image.fromarray(photograph.pixels).save(path)
    ready = transforms.preprocess(photograph, transforms.imagenet(32), 3)
    wanted = capture(network, ready, ["conv1"]).layers["conv1"]
    for image in ("sample:china", str(path), path, photograph):
        assert torch.equal(capture(network, image, ["conv1"]).layers["conv1"], wanted)


def test_another_librarys_network_gets_gray_at_the_default_size() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True)).double()
    captured = capture(network, "sample:flower", ["0", "1"])
    assert captured.layers["0"].shape == (1, 2, 222, 222)
    assert captured.layers["0"].dtype == torch.float64
    assert np.array_equal(captured.layers["1"], captured.layers["0"].clamp(min=0))
