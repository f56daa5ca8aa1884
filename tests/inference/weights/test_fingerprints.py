"""torchvision's other networks, recognized by all of their tensors at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from resnet_studio.inference.compute.fingerprints import fingerprint, state_shapes
from resnet_studio.inference.compute.weights import architecture_of
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.architecture_inference import state_shapes as planned_shapes
from resnet_studio.inference.weights.fingerprints import fingerprints, recognize
from resnet_studio.inference.weights.identity import identify
from resnet_studio.inference.weights.recognition import find_networks
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Baseline
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

SOME = ("mobilenet_v3_small", "squeezenet1_1", "inception_v3", "vit_b_32", "vgg11_bn", "swin_t")


def test_every_baseline_has_a_fingerprint_of_its_own() -> None:
    assert [known.name for known in fingerprints()] == list(baselines.NAMES)
    assert len({known.digest for known in fingerprints()}) == len(baselines.NAMES)


@pytest.mark.parametrize("name", SOME)
def test_the_file_has_what_torchvisions_networks_have(name: str) -> None:
    assert fingerprint(name) in fingerprints()


@pytest.mark.parametrize(
    ("name", "current", "former"),
    [
        ("densenet121", r"(denselayer\d+\.(?:norm|conv))(\d)\.", r"\1.\2."),
        ("vit_b_32", r"\.mlp\.(0|3)\.", lambda found: f".mlp.linear_{1 if found[1] == '0' else 2}."),
    ],
)
def test_a_file_with_former_names_is_identified(tmp_path: Path, name: str, current: str, former: Any) -> None:
    """As torchvision's own files have them, or had them: its loaders rename them."""
    network = build(Baseline(name, classes=4))
    state = {re.sub(current, former, key): value for key, value in network.state_dict().items()}
    assert state.keys() != network.state_dict().keys()
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "w.pth")
    card = identify(tmp_path / "w.pth")
    assert card.architecture == Baseline(name, classes=4)
    assert card.doubts == ()


@pytest.mark.parametrize("name", SOME)
def test_a_network_is_recognized_with_any_number_of_classes_under_any_prefix(name: str) -> None:
    shapes = state_shapes(name, 12)
    known = recognize(shapes)
    assert known is not None
    assert (known.name, known.classes) == (name, 12)
    (found,) = find_networks({f"model.{one}": shape for one, shape in shapes.items()})
    assert (found.prefix, found.head, found.others) == ("model.", f"model.{known.head}", ())
    changed = {**shapes, next(one for one in shapes if one.endswith("weight")): (1, 1)}
    assert recognize(changed) is None


def test_a_file_of_a_baseline_is_identified(tmp_path: Path) -> None:
    made = Baseline("mobilenet_v3_small", baselines.info("mobilenet_v3_small").image, 3)
    torch.save({"model": build(made, 0).state_dict()}, tmp_path / "mobile.pth")
    card = identify(tmp_path / "mobile.pth")
    assert (card.architecture, card.head, card.classes) == (made, "classifier.3", 3)
    assert card.preset == "mobilenet_v3_small"
    assert architecture_of(WeightsFile(tmp_path / "mobile.pth")) == made


def test_residual_networks_are_none_of_these() -> None:
    for name in ("resnet18", "resnet50d", "wrn-28-10"):
        assert recognize(planned_shapes(preset(name))) is None
