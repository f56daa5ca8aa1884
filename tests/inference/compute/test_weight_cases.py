"""Files that people asked about in other projects' issues, made here in small, and what is right for each."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from checkpoints import State, prefixed
from resnet_studio.inference.compute.checkpoint_file import read
from resnet_studio.inference.compute.weights import architecture_of, load
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

RESNET18 = replace(preset("resnet18"), width=8, image=64)
RESNET50 = replace(preset("resnet50"), width=8, image=64)


def state(classes: int = 1000, seed: int = 0, like: Residual = RESNET18) -> State:
    return build(replace(like, classes=classes), seed).state_dict()


def saved(path: Path, content: Any) -> WeightsFile:
    torch.save(content, path)
    return WeightsFile(path)


def same(network: nn.Module, expected: State) -> bool:
    loaded = network.state_dict()
    return loaded.keys() == expected.keys() and all(torch.equal(loaded[name], expected[name]) for name in loaded)


def test_moco(tmp_path: Path) -> None:
    """facebookresearch/moco#84: "holds int64 numbers in queue_ptr"."""
    query, key = state(128), state(128, seed=1)
    content = prefixed(query, "module.encoder_q.") | prefixed(key, "module.encoder_k.")
    content |= {"module.queue": torch.randn(128, 64), "module.queue_ptr": torch.zeros(1, dtype=torch.long)}
    source = saved(
        tmp_path / "checkpoint_0199.pth.tar",
        {"epoch": 200, "arch": "resnet18", "state_dict": content, "optimizer": {}},
    )
    ignored = {entry.name: entry.reason for entry in read(source.path, 10**8).contents.ignored}
    assert ignored == dict.fromkeys(("module.queue", "module.queue_ptr"), "a queue of MoCo's")
    with pytest.raises(
        WeightsMismatch, match=r"contains 2 networks, under encoder_q and encoder_k\. Choose"
    ) as refused:
        load(replace(RESNET18, classes=128), source)
    first, second = refused.value.fixes
    assert same(load(first.architecture, first.weights)[0], query)
    assert same(load(second.architecture, second.weights)[0], key)


def test_net_key(tmp_path: Path) -> None:
    """kuangliu/pytorch-cifar's container."""
    expected = state(10)
    source = saved(tmp_path / "ckpt.pth", {"net": prefixed(expected, "module."), "acc": 95.3, "epoch": 199})
    network, info = load(replace(RESNET18, classes=10), source)
    assert same(network, expected)
    assert info.notes[:2] == ("found under 'net'", "'module.' removed from tensor names")


def test_reference_script(tmp_path: Path) -> None:
    """torchvision's references/classification (mlperf-automations#465): refused as code."""
    expected = state()
    arguments = argparse.Namespace(model="resnet18", lr=0.1)
    source = saved(tmp_path / "model_89.pth", {"model": expected, "epoch": 89, "args": arguments})
    network, info = load(RESNET18, source)
    assert same(network, expected)
    assert "skipped, not executed: argparse.Namespace" in info.notes
    assert read(source.path, 10**8).contents.metadata == {"epoch": 89, "args": {"model": "resnet18", "lr": 0.1}}


def test_lightning(tmp_path: Path) -> None:
    """pytorch-lightning#3629: the trained head of two classes was only offered to be left out."""
    expected = state(2)
    content = {"epoch": 9, "pytorch-lightning_version": "2.4.0", "state_dict": prefixed(expected, "model."),
               "hyper_parameters": {"lr": 0.001}}  # fmt: skip
    source = saved(tmp_path / "epoch=9-step=1000.ckpt", content)
    with pytest.raises(WeightsMismatch, match="it was made for 2 classes") as refused:
        load(RESNET18, source)
    fix = refused.value.fixes[0]
    assert (fix.weights.head, fix.architecture) == (True, replace(RESNET18, classes=2))
    network, info = load(fix.architecture, fix.weights)
    assert same(network, expected)
    assert info.trained
    assert architecture_of(source).classes == 2
    assert read(source.path, 10**8).contents.metadata["hyper_parameters"] == {"lr": 0.001}


def test_backbone_and_head(tmp_path: Path) -> None:
    """mmpretrain#620, #1411: offered without its head, or not at all."""
    expected = state()
    content = {("head." if name.startswith("fc.") else "backbone.") + name: tensor for name, tensor in expected.items()}
    source = saved(tmp_path / "resnet18_8xb32_in1k.pth", {"meta": {"epoch": 100}, "state_dict": content})
    network, info = load(RESNET18, source)
    assert same(network, expected)
    assert info.trained
    assert any("mmpretrain" in note for note in info.notes)


def test_pretrained_backbone(tmp_path: Path) -> None:
    """swav#43: the backbone loads, and the new head is said to be random."""
    expected = state()
    content = {f"module.{name}": tensor for name, tensor in expected.items() if not name.startswith("fc.")}
    content |= {
        "module.projection_head.0.weight": torch.randn(64, 64),
        "module.prototypes.weight": torch.randn(30, 128),
    }
    network, info = load(RESNET18, saved(tmp_path / "swav.pth.tar", content))
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], expected[name]) for name in expected if not name.startswith("fc."))
    assert not info.trained
    assert any("fc is random, as the file has none" in caveat for caveat in info.caveats)
    assert any("prototypes.weight" in note for note in info.notes)


def test_stride_on_3x3(tmp_path: Path) -> None:
    """pytorch/vision#1266, #191: fits `resnet50` shape by shape, and is another network."""
    on_3x3 = replace(RESNET50, block=Bottleneck("3x3"), classes=5)
    source = saved(tmp_path / "resnet50_fine_tuned.pth", state(5, like=on_3x3))
    _, info = load(replace(RESNET50, classes=5), source)
    assert info.likely_architecture == on_3x3
    assert any("stride" in caveat for caveat in info.caveats)
    assert load(on_3x3, source)[1].caveats == ()
    assert replace(architecture_of(source), image=64) == on_3x3


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_torchscript(tmp_path: Path) -> None:
    """pytorch#15570: "its records are larger than the file itself"."""
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.trace(build(RESNET18, 0).eval(), torch.ones(1, 3, 64, 64)), str(path))
    with pytest.raises(WeightsError, match=r"a TorchScript program, .* Save its state_dict"):
        load(RESNET18, WeightsFile(path))
