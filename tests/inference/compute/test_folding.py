from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.folding import folded, folded_layers
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import RandomWeights
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.article import ArticleBasic, ArticleBottleneck
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Bottleneck
from resnet_studio.networks.modules.network import ResNet
from resnet_studio.networks.presets import preset

SMALL = Residual(Bottleneck(), (1, 2), width=8, image=48, classes=10)
VARIANTS = {
    "resnet18": replace(preset("resnet18"), image=96),
    "resnet20-cifar": preset("resnet20-cifar"),
    "stride on the 1x1": SMALL,
    "stride on the 3x3": replace(SMALL, block=Bottleneck("3x3")),
    "shortcut A": replace(SMALL, shortcut="A"),
    "shortcut C": replace(SMALL, shortcut="C"),
    "plain": replace(SMALL, shortcut="none"),
    "gray": replace(SMALL, channels=1),
    "article, basic": Residual(ArticleBasic(), (2, 1), width=8, image=48),
    "article, bottleneck": replace(SMALL, block=ArticleBottleneck()),
    "pre-activation": replace(SMALL, block=PreActivationBottleneck()),
    "pre-activation, basic, A": replace(SMALL, block=PreActivationBasic(), shortcut="A"),
    "pre-activation, plain": replace(SMALL, block=PreActivationBasic(), shortcut="none"),
    "not square": replace(SMALL, image=(40, 64)),
    "groups": replace(SMALL, block=Bottleneck("3x3", groups=4, width_per_group=32)),
    "gates": replace(SMALL, se=4),
    "gates, plain": replace(SMALL, se=4, shortcut="none"),
    "gates, pre-activation": replace(SMALL, block=PreActivationBottleneck(groups=2), se=4),
    "dilated": replace(SMALL, block=Bottleneck("3x3", groups=2), dilated=1),
    "deep stem, shortcut D": replace(SMALL, stem="deep", shortcut="D"),
    "v2": replace(SMALL, block=V2Bottleneck(), shortcut="D"),
}


def calibrated(architecture: Residual) -> ResNet:
    network, _ = load(architecture, RandomWeights(3))
    assert isinstance(network, ResNet)
    return network


def images(architecture: Residual, count: int = 1) -> torch.Tensor:
    shape = count, *architecture.input_shape
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_folded_network_gives_the_same_as_the_network(name: str, packed: bool) -> None:
    architecture = VARIANTS[name]
    network = calibrated(architecture)
    names = folded_layers(architecture)
    wanted, got = (
        capture(version, images(architecture), names) for version in (network, folded(network, packed=packed))
    )
    for layer in names:
        error = (got.layers[layer] - wanted.layers[layer]).abs().max()
        assert error <= 1e-4 * wanted.layers[layer].abs().max(), layer
    assert (got.logits - wanted.logits).abs().max() <= 1e-4 * wanted.logits.abs().max()


def test_folded_layers_are_every_block_stage_relu_and_pool() -> None:
    names = folded_layers(SMALL)
    blocks = ("layer1.0", "layer2.0", "layer2.1")
    relus = {f"{block}.relu{number}" for block in blocks for number in (1, 2, 3)}
    assert set(names) == {"relu", "maxpool", "layer1", "layer2", "avgpool", "fc", *blocks, *relus}


def test_no_batch_norm_is_left_and_the_original_stays_as_it_was() -> None:
    network = calibrated(SMALL)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    wanted = network(images(SMALL)).detach()
    fast = folded(network)
    capture(fast, images(SMALL), folded_layers(SMALL))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.equal(network(images(SMALL)), wanted)
    own = {tensor.data_ptr() for tensor in network.state_dict().values()}
    assert own.isdisjoint(tensor.data_ptr() for tensor in fast.state_dict().values())


def test_several_images_of_another_size_fit_too() -> None:
    network = calibrated(SMALL)
    batch = images(replace(SMALL, image=70), count=3)
    wanted, got = (capture(version, batch, []).logits for version in (network, folded(network)))
    assert (got - wanted).abs().max() <= 1e-4 * wanted.abs().max()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", VARIANTS)
def test_no_tensor_of_it_is_on_the_meta_device(name: str, packed: bool) -> None:
    """Including the layers that the article builds and never calls: moving a network to a device copies all of it."""
    fast = folded(calibrated(VARIANTS[name]), packed=packed)
    tensors = [*fast.parameters(), *fast.buffers()]
    assert {tensor.device.type for tensor in tensors} <= {"cpu"}
    fast.to("cpu", torch.float32)
