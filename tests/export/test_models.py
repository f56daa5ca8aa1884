"""ONNX models and exported programs: any batch size, equal logits, the layers' names."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from resnet_studio.export.formats import FORMATS
from resnet_studio.export.provenance import KEY
from resnet_studio.export.request import ExportRequest
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import RandomWeights
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic
from resnet_studio.networks.plan import called_layers
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

NETWORKS: dict[str, Architecture] = {
    "basic": Residual(Basic(), (1, 2), width=8, image=32, classes=5),
    "grouped, squeezed, ResNet-D, not square": Residual(
        Bottleneck("3x3", 2, 64), (1, 1, 1), "D", 16, "deep", 3, (32, 48), 5, se=4, dilated=1
    ),
    "padded shortcuts": Residual(PreActivationBasic(), (1, 1, 1), "A", 8, "cifar", 1, 16, 10),
    "plain": Residual(Basic(), (1, 1), "none", 8, "cifar", 3, 16, 10),
}
BATCHES = (1, 2, 5)


def exported(form: str, architecture: Architecture) -> bytes:
    return finish(FORMATS[form].steps(ExportRequest(form, (architecture,), RandomWeights(1)))).data


def images(architecture: Architecture, batch: int) -> torch.Tensor:
    return torch.rand(batch, *architecture.input_shape, generator=torch.Generator().manual_seed(batch))


def logits(architecture: Architecture, batch: int) -> torch.Tensor:
    network, _ = load(architecture, RandomWeights(1))
    with torch.inference_mode():
        return network(images(architecture, batch))


@pytest.fixture(scope="module", params=NETWORKS)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return NETWORKS[request.param]


@pytest.fixture(scope="module")
def model(architecture: Architecture) -> onnx.ModelProto:
    return onnx.load_from_string(exported("onnx", architecture))


def test_onnx_runtime_gives_equal_logits_for_any_batch(architecture: Architecture, model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in BATCHES:
        (found,) = session.run(["logits"], {"images": images(architecture, batch).numpy()})
        np.testing.assert_allclose(found, logits(architecture, batch).numpy(), rtol=1e-4, atol=1e-4)


def test_onnx_nodes_and_weights_have_the_names_of_the_layers(
    architecture: Architecture, model: onnx.ModelProto
) -> None:
    network, _ = load(architecture, RandomWeights(1))
    own = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")}
    assert own <= {initializer.name for initializer in model.graph.initializer}
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    layers = {layer.name for layer in called_layers(architecture)}
    assert {name.partition("/")[0] for name in names} <= layers
    assert layers <= {name.partition("/")[0] for name in names}
    convolutions = {node.name for node in model.graph.node if node.op_type == "Conv"}
    assert convolutions == {layer.name for layer in called_layers(architecture) if layer.kind == "conv"}


def test_onnx_says_where_it_is_from_and_no_folder_of_this_machine(model: onnx.ModelProto) -> None:
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(properties[KEY])["weights"]["source"] == "random, seed 1"
    assert model.producer_name == "ResNet Studio"
    assert b"site-packages" not in model.SerializeToString()
    assert b"resnet_studio/" not in model.SerializeToString()


def test_an_exported_program_gives_equal_logits_for_any_batch(architecture: Architecture) -> None:
    data = exported("torch-export", architecture)
    extra = {f"{KEY}.json": ""}
    network = torch.export.load(io.BytesIO(data), extra_files=extra).module()
    assert json.loads(extra[f"{KEY}.json"])["weights"]["source"] == "random, seed 1"
    with torch.inference_mode():
        for batch in BATCHES:
            torch.testing.assert_close(network(images(architecture, batch)), logits(architecture, batch))
    assert b"site-packages" not in data
    assert b"resnet_studio/" not in data


@pytest.mark.parametrize("name", ["alexnet", "shufflenet_v2_x0_5"])
def test_a_baseline_is_exported_too(name: str) -> None:
    """Also one whose own code splits and joins tensors, outside of any layer."""
    architecture = replace(preset(name), image=64, classes=3)
    session = onnxruntime.InferenceSession(exported("onnx", architecture), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": images(architecture, 3).numpy()})
    np.testing.assert_allclose(found, logits(architecture, 3).numpy(), rtol=1e-4, atol=1e-4)
