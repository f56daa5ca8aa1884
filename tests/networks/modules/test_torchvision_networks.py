"""Baselines against torchvision's own networks: every tensor of one network per kind, the parameters of all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision import models

from architectures import ONE_OF_EACH_KIND, image_sizes
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.baselines import NAMES, PLAIN, traced_rows
from resnet_studio.networks.image_size import ImageSize
from resnet_studio.networks.layers import NOTHING, Layer
from resnet_studio.networks.modules import baseline_files
from resnet_studio.networks.modules.baseline import is_attention, torchvision_network
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.plan import head_layer, plan

OTHER_IMAGES: dict[str, ImageSize] = {
    "vit_b_32": 96, "maxvit_t": 446, "inception_v3": (97, 75), "vgg11_bn": (45, 64), "swin_t": (50, 93),
}  # fmt: skip
"""Of networks that don't take all sizes, or take them in an own way; others get one that isn't square."""


def outputs(network: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """What every module gives in a pass in eval mode, by its name."""
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor | tuple[Tensor, ...]) -> None:
        found.setdefault(name, output[0] if isinstance(output, tuple) else output)

    with ExitStack() as hooks, torch.no_grad():
        for name, module in network.named_modules():
            hook = module.register_forward_hook(lambda _module, _inputs, output, name=name: keep(name, output))
            hooks.callback(hook.remove)
        network.eval()(images)
    return found


def shape(layer: Layer, dimensions: int) -> tuple[int, ...]:
    """The shape of a layer's tensor for one image, as its layout says."""
    channels, height, width = layer.output
    match layer.layout:
        case "channels last":
            return 1, height, width, channels
        case "tokens":
            return 1, 1 + height * width, channels
    return (1, channels) if dimensions == 2 else (1, *layer.output)


def takes(name: str, side: int) -> bool:
    """Whether torchvision builds the network for that size and runs it."""
    try:
        network = torchvision_network(name, (side, side), 5).eval().to("meta")
        network(torch.empty(1, 3, side, side, device="meta"))
    except (RuntimeError, ValueError, AssertionError):
        return False
    return True


def inside_attention(network: nn.Module) -> Iterator[str]:
    for name, module in network.named_modules():
        if is_attention(module):
            yield from (f"{name}.{part}" for part, _ in module.named_modules() if part)


def check(architecture: Baseline) -> None:
    """Every tensor, and the parameters of every module, against the plan."""
    network = empty(architecture)
    made = outputs(network, torch.empty(1, *architecture.input_shape, device="meta"))
    layers = plan(architecture)
    for layer in layers:
        if layer.called:
            tensor = made[layer.name]
            expected = shape(layer, tensor.ndim)
            assert 4 * tensor.numel() == layer.activation_bytes, layer
            assert layer.layout == "windows" or tuple(tensor.shape) == expected, layer
    leaves = {name for name, module in network.named_modules() if not any(True for _ in module.children())}
    called = {name for name in leaves if name in made} - set(inside_attention(network))
    assert called <= {layer.name for layer in layers if layer.called}
    assert sum(layer.parameters for layer in layers) == sum(one.numel() for one in network.parameters())
    assert made[""].shape == (1, architecture.classes)


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_every_tensor_is_as_planned(name: str) -> None:
    check(Baseline(name, classes=7))


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_every_tensor_of_another_image_is_as_planned(name: str) -> None:
    check(Baseline(name, OTHER_IMAGES.get(name, (96, 135)), 3))


@given(st.sampled_from(("vgg19", "alexnet")), image_sizes(63, 300), st.integers(1, 12))
@settings(max_examples=20)
def test_a_chain_is_as_planned_whatever_its_image_and_classes(name: str, image: ImageSize, classes: int) -> None:
    check(Baseline(name, image, classes))


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_has_the_parameters_of_torchvisions_network(name: str) -> None:
    """Each module's own, of all networks; built without storage."""
    network = empty(Baseline(name))
    inside = set(inside_attention(network))
    own = {
        name: sum(one.numel() for one in module.parameters(recurse=is_attention(module)))
        for name, module in network.named_modules() if name not in inside
    }  # fmt: skip
    planned: dict[str, int] = {}
    for layer in plan(Baseline(name)):
        holder = layer.name if layer.kind != "parameter" else layer.name.rpartition(".")[0]
        planned[holder] = planned.get(holder, 0) + layer.parameters
    assert {name: count for name, count in planned.items() if count} == {
        name: count for name, count in own.items() if count
    }


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_a_file_is_still_the_trace_of_torchvisions_network(name: str) -> None:
    assert list(traced_rows(name)) == baseline_files.rows(name)


def test_the_index_is_still_torchvisions() -> None:
    """All its classification networks but the ResNets, with what the metadata of their weights say."""
    assert list(NAMES) == baseline_files.names()
    assert {*NAMES, *(name for name in models.list_models(module=models) if "resne" in name)} == set(
        models.list_models(module=models)
    )
    for name in NAMES:
        known = baselines.info(name)
        assert known.image == baseline_files.default_image(name)
        assert [(cost.weights, cost.image, cost.giga_macs, cost.parameters) for cost in known.published] == (
            baseline_files.published(name)
        )


@pytest.mark.parametrize("name", [*ONE_OF_EACH_KIND, "alexnet", "vgg19"])
def test_a_baselines_smallest_image_is_torchvisions(name: str) -> None:
    side = baselines.smallest_image(name)
    check(Baseline(name, side, 5))
    assert not takes(name, side - 1)


@pytest.mark.parametrize("name", ["squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small"])
def test_no_tensor_is_overwritten_by_a_later_module(name: str) -> None:
    """Functions in place may do so, which a capture notices."""
    network = build(Baseline(name, 64, 5), seed=0).eval()
    copies: dict[str, Tensor] = {}
    for module_name, module in network.named_modules():
        module.register_forward_hook(lambda _m, _i, output, name=module_name: copies.setdefault(name, output.clone()))
    made = outputs(network, torch.rand(1, 3, 64, 64))
    assert len(made) > 20
    assert all(torch.equal(made[layer], copies[layer]) for layer in made)


@pytest.mark.parametrize("name", ["vit_b_32", "swin_v2_t", "convnext_tiny"])
def test_random_weights_depend_on_the_seed_alone(name: str) -> None:
    architecture = Baseline(name, 64, 5)
    torch.manual_seed(1)
    first, state = build(architecture, seed=3).state_dict(), torch.get_rng_state()
    torch.manual_seed(2)
    second, third = build(architecture, seed=3).state_dict(), build(architecture, seed=4).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], third[key]) for key in first)
    torch.manual_seed(1)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_the_head_has_an_output_for_each_class(name: str) -> None:
    """SqueezeNet averages behind its classifier, all others end with it."""
    architecture = Baseline(name, classes=7)
    head = empty(architecture).get_submodule(head_layer(architecture).name)
    assert head.weight.shape[0] == head_layer(architecture).output[0] == 7


def test_stages_of_a_chain_are_those_of_a_residual_network() -> None:
    for name in PLAIN:
        stages = list(dict.fromkeys(layer.stage for layer in plan(Baseline(name))))
        assert stages[0] == "conv1"
        assert stages[-1] == "fc"


@pytest.mark.parametrize("name", ["inception_v3", "googlenet", "efficientnet_b0"])
def test_training_gives_logits(name: str) -> None:
    """Also where torchvision's network gives those of an auxiliary classifier, too."""
    network = build(Baseline(name, 80, 5), seed=0).train()
    assert network(torch.rand(2, 3, 80, 80)).shape == (2, 5)


def test_what_is_never_called_has_parameters_only() -> None:
    """The auxiliary classifier of Inception v3, which only its training uses."""
    uncalled = [layer for layer in plan(Baseline("inception_v3")) if layer.output == NOTHING]
    assert {layer.stage for layer in uncalled} == {"AuxLogits"}
    assert sum(layer.parameters for layer in uncalled) > 3_000_000
    assert all(layer.macs == layer.activation_bytes == 0 for layer in uncalled)
