"""Networks as arguments of the command line, read back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from architectures import residuals
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.arguments import network_argument, split_argument
from resnet_studio.networks.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_name_alone(name: str) -> None:
    assert resolve_architecture(network_argument(PRESETS[name])) == PRESETS[name]
    assert " " not in network_argument(PRESETS[name])


@given(residuals())
def test_any_network_is_read_back_from_its_argument(architecture: Residual) -> None:
    assert resolve_architecture(network_argument(architecture)) == architecture


def test_a_name_of_several_words_keeps_them() -> None:
    assert split_argument("wide resnet 50-2 image=64 classes=10") == ("wide resnet 50-2", ("image=64", "classes=10"))
    wide = resolve_architecture("wide resnet 50-2 classes=10")
    assert wide == replace(preset("wide_resnet50_2"), classes=10)


def test_further_settings_hold_for_the_network_with_its_own() -> None:
    assert resolve_architecture("resnet18 image=64", ["classes=10"]).values()["image"] == 64


@pytest.mark.parametrize(
    ("text", "says"), [("resnet50 wdith=3", "wdith"), ("resnet50 image=x", "image"), ("a=b", "a=b")]
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        resolve_architecture(text)
