"""Baselines in a forward pass: maps of every layout, predictions, the layers that attributions take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import captum.attr  # noqa: F401  (it imports matplotlib, which logs about its fonts on the first import)
import numpy as np
import pytest
import torch

from architectures import ONE_OF_EACH_KIND, SMALL_BASELINES
from resnet_studio.inference.attribution import default_layer, layers_with_maps
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.capture import capture
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.layouts import as_maps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsMismatch
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.modules.baseline import torchvision_network
from resnet_studio.networks.plan import called_layers, layers_by_name
from resnet_studio.progress import finish

IMAGE = "sample:flower"
LAST = {
    "vgg11_bn": "features.27", "squeezenet1_1": "classifier.2", "googlenet": "inception5b", "inception_v3": "Mixed_7c",
    "densenet121": "features.norm5", "mobilenet_v2": "features.18.2", "efficientnet_b0": "features.8.2",
    "regnet_y_400mf": "trunk_output.block4.block4-5.activation", "convnext_tiny": "features.7.2", "swin_t": "permute",
    "vit_b_32": "conv_proj",
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_every_called_layer_can_be_captured_and_is_maps_of_the_planned_size(name: str) -> None:
    architecture = SMALL_BASELINES[name]
    layers = tuple(layer.name for layer in called_layers(architecture) if layer.layout != "windows")
    result = finish(forward_steps(ForwardSpec(IMAGE, architecture), layers))
    assert [maps.values.shape for maps in result.layers] == [layers_by_name(architecture)[one].output for one in layers]
    assert result.predictions is not None
    assert len(result.predictions) == 5


def test_a_module_of_several_layers_is_captured_as_maps() -> None:
    """The second stage of Swin as torch gives it, N × H × W × C, is 192 maps of half the side."""
    architecture = SMALL_BASELINES["swin_t"]
    network, _ = load(architecture, RandomWeights())
    raw = capture(network, torch.rand(1, 3, 64, 64), ("features.3",)).layers["features.3"]
    assert raw.shape == (1, 8, 8, 192)
    assert torch.equal(as_maps(architecture, "features.3", raw), raw.movedim(-1, 1))


def test_tokens_are_maps_without_the_class_token() -> None:
    architecture = Baseline("vit_b_32", 96, 10)
    name = "encoder.layers.encoder_layer_3"
    network, _ = load(architecture, RandomWeights())
    raw = capture(network, torch.rand(1, 3, 96, 96), (name,)).layers[name]
    maps = as_maps(architecture, name, raw)
    assert maps.shape == (1, 768, 3, 3)
    assert torch.equal(maps[0, :, 1, 2], raw[0, 1 + 1 * 3 + 2])


def test_windows_of_positions_are_said_to_be_no_maps() -> None:
    architecture = SMALL_BASELINES["maxvit_t"]
    windows = next(layer.name for layer in called_layers(architecture) if layer.layout == "windows")
    with pytest.raises(ValueError, match="no feature maps"):
        finish(forward_steps(ForwardSpec(IMAGE, architecture), (windows,)))


@pytest.mark.parametrize("name", LAST)
def test_attribution_takes_the_last_maps_by_default(name: str) -> None:
    assert default_layer(Baseline(name)) == LAST[name]


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "convnext_tiny", "swin_t", "vit_b_32", "inception_v3"])
def test_captum_attributes_to_the_default_layer(name: str) -> None:
    result = finish(attribution_steps(ForwardSpec(IMAGE, SMALL_BASELINES[name])))
    assert result.layer == default_layer(SMALL_BASELINES[name])
    assert result.values.shape == layers_by_name(SMALL_BASELINES[name])[result.layer].output[1:]
    assert np.isfinite(result.values).all()


def test_layers_that_captum_would_misread_are_refused() -> None:
    """It takes the second dimension for channels, which tokens and channels last have elsewhere."""
    for name, layer in (("swin_t", "features.1.0.norm1"), ("vit_b_32", "encoder.ln")):
        assert layer in layers_by_name(SMALL_BASELINES[name])
        assert layer not in layers_with_maps(SMALL_BASELINES[name])
        with pytest.raises(ValueError, match="not a layer with feature maps"):
            finish(attribution_steps(ForwardSpec(IMAGE, SMALL_BASELINES[name]), layer=layer))


@pytest.mark.parametrize("name", ["efficientnet_b0", "densenet121"])
def test_random_weights_are_calibrated(name: str) -> None:
    """Without it, logits of untrained networks with batch norm leave the range of float32 or vanish."""
    network, info = load(SMALL_BASELINES[name], RandomWeights())
    logits = capture(network, IMAGE, ()).logits
    assert logits is not None
    assert 1e-3 < float(logits.std()) < 1e3
    assert not info.trained


def saved(path: Path, state: Mapping[str, torch.Tensor]) -> WeightsFile:
    torch.save(state, path / "weights.pth")
    return WeightsFile(path / "weights.pth")


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_torchvisions_weights_give_its_logits(name: str, tmp_path: Path) -> None:
    architecture = SMALL_BASELINES[name]
    with torch.random.fork_rng():
        theirs = torchvision_network(name, architecture.image_size, architecture.classes).eval()
        images = torch.rand(1, *architecture.input_shape)
    ours, info = load(architecture, saved(tmp_path, theirs.state_dict()))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))
    assert info.trained


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("vit_b_32", (("mlp.0.", "mlp.linear_1."), ("mlp.3.", "mlp.linear_2."))),
        ("densenet121", (("norm1.", "norm.1."), ("norm2.", "norm.2."), ("conv1.", "conv.1."), ("conv2.", "conv.2."))),
    ],
)
def test_former_names_of_torchvisions_weights_are_read(
    name: str, changes: Sequence[tuple[str, str]], tmp_path: Path
) -> None:
    """As in the files that it publishes of these two, which it renames itself."""
    architecture = SMALL_BASELINES[name]
    theirs = torchvision_network(name, architecture.image_size, architecture.classes).eval()
    state = {}
    for key, tensor in theirs.state_dict().items():
        for current, former in changes:
            key = key.replace(current, former) if "layer" in key else key
        state[key] = tensor
    assert state.keys() != theirs.state_dict().keys()
    ours, _ = load(architecture, saved(tmp_path, state))
    images = torch.rand(1, *architecture.input_shape)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_weights_of_another_baseline_are_refused(tmp_path: Path) -> None:
    state = torchvision_network("vgg11_bn", (64, 64), 10).state_dict()
    with pytest.raises(WeightsMismatch):
        load(SMALL_BASELINES["squeezenet1_1"], saved(tmp_path, state))
