"""Activations of a network of the user's own: captured tensors, weights, and attributions, by torch's own means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from own_modules import RESIDUAL, write
from resnet_studio.inference.compute.attribution import attribution_steps
from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.prepare import prepare_steps
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsFile
from resnet_studio.networks.modules.own_module import open_steps
from resnet_studio.networks.own_module import ModuleSource, OwnModule
from resnet_studio.progress import finish

SHARED = "layer1.1.relu"


@pytest.fixture
def module(tmp_path: Path) -> OwnModule:
    return finish(open_steps(ModuleSource(str(write(tmp_path, RESIDUAL)), "Net", 32, 48)))


def outputs(spec: ForwardSpec, layer: str) -> tuple[list[Tensor], Tensor]:
    """What a module gives at each of its calls, and the logits, with gradients."""
    ready = finish(prepare_steps(spec))
    network, found = ready.network(), []
    hook = network.get_submodule(layer).register_forward_hook(lambda module, args, made: found.append(made))
    with torch.enable_grad(), hook:
        logits = network(ready.images.detach().clone())
    return found, logits


@pytest.mark.parametrize("preview", [False, True])
def test_a_shared_module_gives_its_last_output(module: OwnModule, preview: bool) -> None:
    spec = ForwardSpec("sample:china", module)
    result = finish(forward_steps(spec, (SHARED,), preview=preview, predictions=not preview))
    found, logits = outputs(spec, SHARED)
    assert len(found) == 2
    assert np.allclose(result.layers[0].values, found[1][0].detach(), atol=1e-5)
    if result.predictions:
        assert result.predictions[0].number == int(logits.argmax())
        assert result.predictions[0].label == f"class {int(logits.argmax())}"


def test_grad_cam_is_that_of_the_formula(module: OwnModule) -> None:
    """Selvaraju et al. 2017, Eq. 1 and 2, at a module that is called twice."""
    spec = ForwardSpec("sample:china", module)
    attribution = finish(attribution_steps(spec, "grad-cam", SHARED, 3))
    (_, activation), logits = outputs(spec, SHARED)
    (gradient,) = torch.autograd.grad(logits[0, 3], activation)
    expected = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).clamp(min=0)
    assert np.allclose(attribution.values, expected[0].detach(), atol=1e-6)


def test_saliency_is_the_gradient_of_the_image(module: OwnModule) -> None:
    spec = ForwardSpec("sample:china", module)
    ready = finish(prepare_steps(spec))
    image = ready.images.detach().clone().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(ready.network()(image)[0, 3], image)
    attribution = finish(attribution_steps(spec, "saliency", "", 3))
    assert np.allclose(attribution.values, gradient[0].abs().sum(0), atol=1e-6)


def test_random_weights_are_calibrated_and_called_untrained(module: OwnModule) -> None:
    network, info = load(module, RandomWeights(4))
    assert (info.source, info.trained) == ("random, by net.py:Net, seed 4", False)
    assert not torch.equal(network.get_buffer("layer1.0.bn1.running_mean"), torch.zeros(8))


def test_weights_that_the_file_has_are_taken_to_be_trained(tmp_path: Path) -> None:
    text = f"import torch\n{RESIDUAL}\ndef fixed():\n    torch.manual_seed(0)\n    return Net()\n"
    source = ModuleSource(str(write(tmp_path, text)), "fixed", 32, 32)
    network, info = load(finish(open_steps(source)), RandomWeights(1))
    assert (info.source, info.trained) == ("those that net.py:fixed returns", True)
    assert torch.equal(network.get_buffer("layer1.0.bn1.running_mean"), torch.zeros(8))


def test_a_weights_file_is_refused_by_name(module: OwnModule, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"w\.pth can't be loaded into net\.py:Net, a network of your own"):
        load(module, WeightsFile(tmp_path / "w.pth"))
