"""Identity cards: what they say of a file, what they assume, and what they doubt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from resnet_studio.inference.compute.weights import architecture_of, load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.identity import IdentityCard, contradicted_depth, counted_depths, identify
from resnet_studio.inference.weights.identity_text import card_rows, card_text
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.presets import preset
from resnet_studio.resources import resource

PLAIN = Residual(Basic(), (1, 1), shortcut="none", width=8, stem="cifar", image=32, classes=10)
BOTTLENECKS = Residual(Bottleneck("3x3"), (1, 1, 1), width=8, image=224, classes=12)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(architecture: Architecture, name: str = "weights.pth", **changes: Any) -> Path:
        torch.save({**build(architecture, 0).state_dict(), **changes}, tmp_path / name)
        return tmp_path / name

    return save


def assumed(card: IdentityCard, what: str) -> str:
    return next(one.taken for one in card.assumptions if one.what == what)


def others(card: IdentityCard, what: str) -> list[Any]:
    return [other.value for one in card.assumptions if one.what == what for other in one.alternatives]


def test_a_card_tells_network_preset_names_and_file(saved: Callable[..., Path]) -> None:
    path = saved(BOTTLENECKS)
    card = identify(path)
    assert card.architecture == BOTTLENECKS
    assert card.preset in ("resnet26", "resnet50-v1.5")
    assert {"width 8", "classes 12"} <= set(card.differences)
    assert card.parameters == sum(tensor.numel() for tensor in empty(BOTTLENECKS).parameters())
    assert (card.head, card.classes, card.precision) == ("fc", 12, "float32")
    assert card.container.startswith("PyTorch")
    assert card.size == path.stat().st_size
    rows = dict(card_rows(card))
    assert rows["parameters"].startswith(f"{card.parameters:,} ")
    assert rows["head"] == "fc, 12 classes"
    assert card.sha256 in card_text(card)
    assert json.loads(json.dumps(card.to_json()))["architecture"]["width"] == 8


def test_presets_are_told_by_their_names(tmp_path: Path) -> None:
    for name, told in (("resnet18", "resnet18"), ("resnext50_32x4d", "resnext50_32x4d"), ("wrn-28-10", "wrn-28-10")):
        shapes = empty(preset(name)).state_dict()
        path = tmp_path / f"{name}.safetensors"
        safetensors.torch.save_file(
            {one: torch.zeros(t.shape, dtype=torch.bfloat16) for one, t in shapes.items()}, path
        )
        card = identify(path)
        assert (card.network, card.differences) == (told, ())
        assert card.doubts == ()


def test_what_shapes_do_not_tell_is_assumed_with_the_other_answers(saved: Callable[..., Path]) -> None:
    card = identify(saved(BOTTLENECKS))
    assert assumed(card, "Stride of bottlenecks") == "on the 3×3"
    assert others(card, "Stride of bottlenecks") == ["1x1"]
    assert assumed(card, "Dilation") == "none"
    assert others(card, "Dilation") == [1]
    assert assumed(card, "Input size") == "224"
    assert assumed(card, "Normalization") == "ImageNet"
    plain = identify(saved(PLAIN))
    assert assumed(plain, "Shortcut") == "A (zero-padding)"
    assert others(plain, "Shortcut") == ["none"]


@pytest.mark.parametrize(
    ("architecture", "field", "value"),
    [(BOTTLENECKS, "stride_on", "1x1"), (BOTTLENECKS, "dilated", 1), (PLAIN, "shortcut", "none")],
)
def test_an_answer_is_taken(architecture: Residual, field: str, value: Any, saved: Callable[..., Path]) -> None:
    path = saved(architecture)
    card = identify(path, answers={field: value})
    assert card.architecture is not None
    assert card.architecture.values()[field] == value
    what = {"stride_on": "Stride of bottlenecks", "dilated": "Dilation", "shortcut": "Shortcut"}[field]
    assert value not in others(card, what)
    network, _ = load(card.architecture, WeightsFile(path))
    assert network(torch.zeros(1, 3, 32, 32)).shape == (1, architecture.classes)


@pytest.mark.parametrize(
    ("name", "architecture", "named"),
    [
        ("resnet110.pth.tar", "preresnet164-cifar", "resnet110"),
        ("model_resnet50_best.pth", "resnet101", "resnet50"),
        ("resnet-20.th", "resnet20-cifar", ""),
        ("resnet50-11ad3fa6.pth", "resnet50", ""),
        ("wrn-28-10.pth", "wrn-28-10", ""),
        ("WRN-40-4.pth", "wrn-28-10", "WRN40"),
        ("wide_resnet50_2.pth", "wide_resnet50_2", ""),
        ("seresnet18.safetensors", "seresnet34", "seresnet18"),
        ("checkpoint-12.pth", "resnet18", ""),
        ("R-50.pth", "resnet50", ""),
        ("R-101.pth", "resnet50", "R101"),
        ("error-18.pth", "resnet50", ""),
    ],
)
def test_a_depth_that_the_name_contradicts_is_pointed_out(name: str, architecture: str, named: str) -> None:
    value = preset(architecture)
    assert isinstance(value, Residual)
    assert contradicted_depth(name, value) == named


def test_wide_networks_are_counted_as_their_paper_does() -> None:
    for name, depth in (("wrn-28-10", 28), ("wrn-16-8", 16), ("wrn-40-4", 40), ("resnet50", 50)):
        value = preset(name)
        assert isinstance(value, Residual)
        assert depth in counted_depths(value)


def test_a_contradicting_name_is_a_doubt_of_the_card(saved: Callable[..., Path]) -> None:
    card = identify(saved(PLAIN, "resnet110.pth"))
    assert card.doubts == ("Named resnet110, but it has 6 layers",)


def test_several_networks_are_listed_and_each_can_be_identified(tmp_path: Path) -> None:
    student, teacher = build(PLAIN, 0).state_dict(), build(BOTTLENECKS, 0).state_dict()
    path = tmp_path / "both.pth"
    torch.save({"student": student, "teacher": teacher}, path)
    card = identify(path)
    assert card.networks == ("student.", "teacher.")
    assert "2 networks" in card.doubts[0]
    assert card.architecture is not None
    assert card.architecture.values()["block"] == "basic"
    assert identify(path, "teacher.").architecture == BOTTLENECKS


def test_a_file_without_a_head_says_so(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in build(PLAIN, 0).state_dict().items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "backbone.pth")
    card = identify(tmp_path / "backbone.pth")
    assert (card.head, card.classes) == ("", 0)
    assert any("no head" in doubt for doubt in card.doubts)


def test_unknown_tensors_are_said_to_be_unknown(tmp_path: Path) -> None:
    torch.save({"encoder.0.weight": torch.ones(3, 4), "encoder.0.bias": torch.ones(3)}, tmp_path / "mlp.pth")
    card = identify(tmp_path / "mlp.pth")
    assert (card.architecture, card.network) == (None, "not recognized")
    assert card.doubts == ("Its tensors are not those of a network that this program knows",)
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(WeightsError, match="text file"):
        identify(tmp_path / "text.pth")


def test_the_card_and_loading_agree_on_the_network(saved: Callable[..., Path]) -> None:
    for architecture in (PLAIN, BOTTLENECKS):
        path = saved(architecture)
        assert identify(path).architecture == architecture_of(WeightsFile(path))


def test_each_network_of_a_file_is_offered(tmp_path: Path) -> None:
    state = build(PLAIN, 0).state_dict()
    torch.save({"model": state, "model_ema": build(PLAIN, 1).state_dict()}, tmp_path / "both.pth")
    card = identify(tmp_path / "both.pth")
    assert assumed(card, "Network") == "model"
    assert others(card, "Network") == ["model_ema."]
    (assumption,) = [one for one in card.assumptions if one.what == "Network"]
    assert assumption.alternatives[0].title == "model_ema (EMA)"
    other = identify(tmp_path / "both.pth", "model_ema.")
    assert assumed(other, "Network") == "model_ema (EMA)"
    assert not any("networks" in doubt for doubt in other.doubts)


def test_a_files_own_name_for_its_network_is_checked(saved: Callable[..., Path], tmp_path: Path) -> None:
    torch.save({"arch": "resnet50", "state_dict": build(PLAIN, 0).state_dict()}, tmp_path / "best.pth")
    assert identify(tmp_path / "best.pth").doubts == ("The file calls it resnet50, but it has 6 layers",)


def test_weights_of_this_program_leave_nothing_open() -> None:
    card = identify(resource("trained/resnet20-digits.safetensors"))
    assert card.network == "resnet20-digits"
    assert card.assumptions == card.doubts == ()
    assert card.metadata.labels == tuple("0123456789")
    assert card.normalization == ""
