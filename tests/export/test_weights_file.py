"""Weights as files: the names of every dialect, the values, and what a file says of itself."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
import safetensors
import torch
from torchvision import models

from resnet_studio.export.formats import FORMATS, export_steps
from resnet_studio.export.provenance import KEY
from resnet_studio.export.request import OWN_DIALECT, ExportError, ExportRequest
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import RandomWeights, WeightsFile
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.dialects import DIALECTS
from resnet_studio.inference.weights.translation import write_plan
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.v2 import V2Bottleneck
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

SMALL = {
    "basic": Residual(Basic(), (1, 1, 1, 1), width=16, image=32, classes=5),
    "bottleneck": Residual(Bottleneck("3x3"), (2, 1, 1, 1), width=16, image=32, classes=5),
    "cifar": Residual(Basic(), (2, 2, 2), "A", width=16, stem="cifar", image=16, classes=10),
    "deep": Residual(Bottleneck("3x3"), (1, 1, 1, 1), "D", width=16, stem="deep", image=32, classes=5, se=16),
    "v2": Residual(V2Bottleneck(), (1, 1, 1, 1), width=16, image=32, classes=5),
}
SUFFIXES = (".safetensors", ".pth")


def written(path: Path, architecture: Residual, **options: object) -> tuple[str, ...]:
    """Export weights to a file and return the notes."""
    request = ExportRequest("weights", (architecture,), suffix=path.suffix, **options)  # type: ignore[arg-type]
    return finish(export_steps(request, path))


def tensors_in(path: Path) -> dict[str, torch.Tensor]:
    """As any program would read them."""
    if path.suffix == ".pth":
        return torch.load(path, weights_only=True)
    with safetensors.safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def stamp_of(path: Path) -> dict:
    if path.suffix == ".pth":
        with ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(f"/{KEY}.json"))
            return json.loads(archive.read(name))
    with safetensors.safe_open(path, "pt") as file:
        return json.loads(file.metadata()[KEY])


def logits(architecture: Residual, weights: object) -> torch.Tensor:
    network, _ = load(architecture, weights)  # type: ignore[arg-type]
    images = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return network(images)


CASES = [
    (name, dialect)
    for name, architecture in SMALL.items()
    for dialect in DIALECTS
    if not write_plan(DIALECTS[dialect], architecture).missing
]


@pytest.mark.parametrize(("name", "dialect"), CASES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_in_a_dialect_reads_back_with_equal_logits(
    name: str, dialect: str, suffix: str, tmp_path: Path
) -> None:
    architecture, path = SMALL[name], tmp_path / f"weights{suffix}"
    written(path, architecture, weights=RandomWeights(3), dialect=dialect)
    expected = logits(architecture, RandomWeights(3))
    torch.testing.assert_close(logits(architecture, WeightsFile(path)), expected, rtol=1e-5, atol=1e-5)


def test_akamasters_file_becomes_torchvisions(tmp_path: Path) -> None:
    """In as one dialect, out as another, with equal logits."""
    architecture = SMALL["cifar"]
    theirs, ours = tmp_path / "theirs.pth", tmp_path / "ours.safetensors"
    written(theirs, architecture, weights=RandomWeights(4), dialect="akamaster")
    assert "linear.weight" in tensors_in(theirs)
    written(ours, architecture, weights=WeightsFile(theirs), dialect="torchvision")
    assert "fc.weight" in tensors_in(ours)
    expected = logits(architecture, RandomWeights(4))
    torch.testing.assert_close(logits(architecture, WeightsFile(ours)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_torchvision_loads_its_dialect_strictly(suffix: str, tmp_path: Path) -> None:
    architecture, path = replace(preset("resnet18"), image=32), tmp_path / f"weights{suffix}"
    written(path, architecture, dialect="torchvision")
    network = models.resnet18(weights=None).eval()
    network.load_state_dict(tensors_in(path), strict=True)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(network(images), logits(architecture, RandomWeights(0)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_says_what_it_is(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    notes = written(path, SMALL["basic"], weights=RandomWeights(3), dialect="timm")
    assert notes == ("untrained weights: random, seed 3",)
    stamp = stamp_of(path)
    assert stamp["weights"] == {"source": "random, seed 3", "sha256": "", "trained": False}
    assert (stamp["dialect"], stamp["architectures"][0]["blocks"]) == ("timm", [1, 1, 1, 1])


def test_trained_weights_keep_their_classes_and_preprocessing(tmp_path: Path) -> None:
    architecture = preset("resnet20-digits")
    source = bundled_weights(architecture)
    before = load(architecture, source)[1]
    for dialect in (OWN_DIALECT, "akamaster"):
        path = tmp_path / f"{dialect}.safetensors"
        assert written(path, architecture, weights=source, dialect=dialect) == ()
        after = load(architecture, WeightsFile(path))[1]
        assert (after.labels, after.preprocessing, after.trained) == (before.labels, before.preprocessing, True)


def test_a_dialect_without_names_for_a_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(ExportError, match=r"akamaster.* has no names for conv1\.0\.weight"):
        written(path, SMALL["deep"], dialect="akamaster")
    with pytest.raises(ExportError, match=r"unknown dialect 'onnx'. Available: torchvision, timm"):
        written(path, SMALL["basic"], dialect="onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_baselines_weights_have_torchvisions_names() -> None:
    request = ExportRequest("weights", (replace(preset("alexnet"), classes=3),), suffix=".pth")
    tensors = torch.load(io.BytesIO(finish(FORMATS["weights"].steps(request)).data), weights_only=True)
    models.alexnet(num_classes=3).load_state_dict(tensors, strict=True)
