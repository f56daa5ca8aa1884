"""Exported source: what it builds is this program's network, and what it says is this network's alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from architectures import residuals
from resnet_studio.export.python_source import LINE_LENGTH, source
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.presets import PRESETS, preset

RESIDUAL = [name for name, architecture in PRESETS.items() if isinstance(architecture, Residual)]
SMALL = 32
"""Side of the images, so that networks of 152 layers take a moment."""


def classes_of(text: str) -> dict[str, Any]:
    """What the source defines, executed in an empty namespace."""
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec"), namespace)
    return namespace


def made(text: str, *arguments: int) -> nn.Module:
    """The network that the source defines."""
    namespace = classes_of(text)
    return namespace.get("ResNet", namespace.get("PlainNet"))(*arguments).eval()


POOL = torch.rand(10_000_000, generator=torch.Generator().manual_seed(0)) * 2 - 1
"""Numbers of −1 … 1 that all weights are taken from, which is quicker than to make as many."""


def randomize(network: nn.Module, depth: int) -> None:
    """Values with which every layer matters, and nothing explodes in however many blocks."""
    with torch.no_grad():
        for number, (name, tensor) in enumerate(network.state_dict().items()):
            if not tensor.is_floating_point():
                continue
            start = 7919 * number % (len(POOL) - tensor.numel())
            tensor.copy_(POOL[start : start + tensor.numel()].view(tensor.shape))
            if tensor.ndim > 1:
                tensor.mul_((3 / tensor[0].numel()) ** 0.5)
            elif name.endswith("running_var"):
                tensor.div_(2).add_(1)
            elif name.endswith("weight"):
                tensor.add_(1).mul_(2 / depth**0.5)


def assert_equal_logits(architecture: Residual) -> None:
    """Weights of our network load strictly into the exported one, without a copy, and give equal logits."""
    ours = empty(architecture).to_empty(device="cpu").eval()
    randomize(ours, architecture.depth)
    with torch.device("meta"):
        exported = made(source(architecture))
    exported.load_state_dict(ours.state_dict(), strict=True, assign=True)
    images = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = ours(images)
        assert expected.isfinite().all()
        torch.testing.assert_close(exported(images), expected, rtol=1e-5, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("name", RESIDUAL)
def test_every_preset_has_equal_logits(name: str) -> None:
    architecture = PRESETS[name]
    assert isinstance(architecture, Residual)
    assert_equal_logits(replace(architecture, image=8 if architecture.stem == "cifar" else SMALL))


@settings(max_examples=60)
@given(residuals(stages=4, blocks=2, image=20))
def test_any_residual_network_has_equal_logits(architecture: Residual) -> None:
    assert_equal_logits(architecture)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for every preset."""
    path = tmp_path_factory.mktemp("exported")
    for name, architecture in PRESETS.items():
        (path / f"{name.replace('-', '_').replace('.', '_')}.py").write_text(source(architecture), encoding="utf-8")
    return path


def test_the_files_are_formatted_as_ruff_does_and_pass_its_checks(folder: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "format", "--check", "--isolated", "--line-length", str(LINE_LENGTH), str(folder)],
        [
            *ruff,
            "check",
            "--isolated",
            "--line-length",
            str(LINE_LENGTH),
            "--select",
            "E,F,W,I,B,UP,SIM,N,RET",
            str(folder),
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_import_torch_alone() -> None:
    for name in RESIDUAL:
        tree = ast.parse(source(PRESETS[name]))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert {alias.name for node in imported if isinstance(node, ast.Import) for alias in node.names} == {"torch"}
        assert {node.module for node in imported if isinstance(node, ast.ImportFrom)} == {"torch"}


UNUSED = {
    "resnet18": ("Bottleneck", "SqueezeExcitation", "groups", "dilation", "nn.AvgPool2d", "pad(", "width"),
    "resnet50": ("BasicBlock", "SqueezeExcitation", "groups", "dilation", "nn.AvgPool2d", "pad("),
    "seresnet18": ("Bottleneck", "groups", "dilation", "pad("),
    "plain34": ("downsample", "SqueezeExcitation", "groups"),
    "resnet20-cifar": ("downsample", "MaxPool", "Bottleneck", "groups"),
    "resnet50d": ("SqueezeExcitation", "groups", "dilation", "BasicBlock"),
}
USED = {
    "resnet18": ("BasicBlock",), "resnet50d": ("nn.AvgPool2d", "conv1 = nn.Seq"), "resnext50_32x4d": ("groups=32",),
    "seresnet18": ("SqueezeExcitation",), "resnet20-cifar": ("pad(",), "preresnet50": ("final_bn",),
    "article18": ("unused_conv",),
}  # fmt: skip


@pytest.mark.parametrize(("name", "words"), UNUSED.items())
def test_a_file_has_nothing_that_its_network_does_not_use(name: str, words: tuple[str, ...]) -> None:
    text = source(preset(name)).partition("import torch")[2]
    assert [word for word in words if word in text] == []


@pytest.mark.parametrize(("name", "words"), USED.items())
def test_a_file_has_what_its_network_uses(name: str, words: tuple[str, ...]) -> None:
    assert [word for word in words if word not in source(preset(name))] == []


def test_the_docstring_has_the_figures_and_the_command_that_writes_the_file() -> None:
    docstring = ast.get_docstring(ast.parse(source(preset("resnet50"))))
    assert docstring is not None
    for words in ("25,557,032 parameters", "3.86 G multiply-adds", "He et al. 2015", "export resnet50 --to python"):
        assert words in " ".join(docstring.split())


def test_other_fields_are_in_the_command() -> None:
    architecture = replace(preset("resnet18"), image=(96, 64), classes=7)
    assert "export resnet18 --set image=96x64 --set classes=7" in " ".join(source(architecture).split())
    assert made(source(architecture)).fc.out_features == 7
    assert made(source(architecture), 3).fc.out_features == 3


def test_a_dilated_network_keeps_its_size() -> None:
    """torchvision's `replace_stride_with_dilation`: 1/8 of the input's size instead of 1/32."""
    text = source(replace(preset("resnet50-v1.5"), dilated=2))
    assert "dilation=4, first_dilation=2" in text
    assert_equal_logits(replace(preset("resnet18"), dilated=2, image=SMALL))


def test_a_baseline_is_torchvisions() -> None:
    text = source(preset("vgg19"))
    assert "from torchvision import models" in text
    namespace = classes_of(text)
    with torch.device("meta"):
        network = namespace["vgg19"]()
    assert sum(parameter.numel() for parameter in network.parameters()) == 143_667_240


def test_every_family_has_a_text() -> None:
    for family in FAMILIES:
        assert "class " in source(Residual(family(), (1, 1), family.shortcuts[0]))


def test_the_weights_of_a_built_network_are_kaimings() -> None:
    """He et al. 2015b, Eq. 10: a standard deviation of √(2 / fan-in)."""
    torch.manual_seed(0)
    weight = made(source(preset("resnet18"))).layer4[1].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert build(preset("resnet18")).layer4[1].conv2.weight.std().item() == pytest.approx(weight.std().item(), rel=0.01)
