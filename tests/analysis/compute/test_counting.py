"""Counting by pieces against counting whole, fvcore against two other counters, and the model left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision import models

from architectures import OWN_PRESETS
from resnet_studio.analysis.compute.counting import (
    Counts,
    FlopCountAnalysis,
    count,
    layer_table,
    layer_table_steps,
    summary,
)
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.v2 import V2Bottleneck
from resnet_studio.networks.modules.network import build, empty
from resnet_studio.networks.presets import preset, title
from resnet_studio.progress import Progress

WHOLE = {
    "resnet18": 1.819, "resnet34": 3.671, "resnet50": 3.879, "resnet101": 7.602, "resnet152": 11.327,
    "resnet50-v1.5": 4.112, "resnet101-v1.5": 7.834, "resnet152-v1.5": 11.559, "vgg19": 19.632,
}  # fmt: skip
"""fvcore's own total of torchvision's networks at 224×224 in eval mode, in 10⁹; the paper's have the stride moved."""


GATED = Residual(Bottleneck("3x3", 4, 16), (1, 2, 1), "D", 16, "deep", image=48, classes=5, se=4)


def count_whole(architecture: Architecture) -> Counts:
    network = empty(architecture).to_empty(device="cpu")
    return count(network.eval(), torch.zeros(1, *architecture.input_shape))


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_all_counters_agree_on_every_preset(name: str) -> None:
    table = layer_table(preset(name))
    checks = table.checks
    assert checks is not None
    assert checks.agree
    assert checks.fvcore == checks.torch == checks.plan == table.totals.macs
    assert checks.torchinfo == checks.plan_parameters == table.totals.parameters


@pytest.mark.parametrize("name", OWN_PRESETS)
def test_every_row_is_the_plans_closed_form(name: str) -> None:
    assert [row.macs for row in layer_table(preset(name)).rows] == [
        row.layer.macs for row in layer_table(preset(name)).rows
    ]


@pytest.mark.parametrize("name", WHOLE)
def test_fvcores_totals(name: str) -> None:
    assert round(layer_table(preset(name)).totals.macs_all / 1e9, 3) == WHOLE[name]


@pytest.mark.parametrize(
    "architecture",
    [
        *map(preset, ("resnet18", "resnet50", "resnet20-cifar", "plain20-cifar", "article18", "article50", "alexnet")),
        replace(preset("resnet34"), shortcut="C", image=65),
        replace(preset("resnet18"), shortcut="A", stem="cifar", image=8, channels=1, width=3, classes=2),
        GATED,
        replace(GATED, block=V2Bottleneck(groups=2), dilated=1),
    ],
    ids=title,
)
def test_the_pieces_are_the_whole(architecture: Architecture) -> None:
    table, whole = layer_table(architecture), count_whole(architecture)
    assert {row.name: row.macs for row in table.rows} == whole.macs
    assert {row.name: row.macs_all for row in table.rows} == whole.macs_all
    assert table.uncounted == whole.uncounted
    assert (table.checks.torch, table.checks.torchinfo) == (whole.torch_macs, whole.parameters)


@pytest.mark.parametrize(
    ("name", "uncounted"),
    [
        ("resnet50", {"aten::add": 16, "aten::max_pool2d": 1}),
        ("resnet152", {"aten::add": 50, "aten::max_pool2d": 1}),
        ("plain34", {"aten::max_pool2d": 1}),
        ("resnet20-cifar", {"aten::add": 9, "aten::pad": 2}),
        ("vgg19", {"aten::max_pool2d": 5}),
    ],
)
def test_what_was_not_counted_is_listed(name: str, uncounted: dict[str, int]) -> None:
    """One addition a block, one padding where option A changes the shape, and the pools."""
    assert layer_table(preset(name)).uncounted.items() >= uncounted.items()
    assert "aten::conv2d" not in layer_table(preset(name)).uncounted


def test_gates_and_averages_are_listed_too() -> None:
    """Four blocks with a sigmoid, a product and an addition each; two of them halve the size."""
    assert layer_table(GATED).uncounted == {
        "aten::add": 4, "aten::avg_pool2d": 2, "aten::max_pool2d": 1, "aten::mul": 4, "aten::sigmoid": 4,
    }  # fmt: skip
    assert layer_table(GATED).checks.agree


@pytest.mark.parametrize(
    ("name", "theirs"), [("resnet18", models.resnet18), ("resnet50-v1.5", models.resnet50), ("alexnet", models.alexnet)]
)
def test_rows_and_stages_sum_to_fvcores_total_of_torchvisions_network(name: str, theirs: Callable) -> None:
    table = layer_table(preset(name))
    analysis = FlopCountAnalysis(theirs(weights=None).eval(), torch.zeros(table.input)).tracer_warnings("none")
    total = analysis.unsupported_ops_warnings(False).total()
    assert table.counted
    assert sum(row.macs_all for row in table.rows) == sum(stage.macs_all for stage in table.stages) == total


def states(network: nn.Module) -> Iterator[object]:
    """What a count could disturb."""
    yield [module.training for module in network.modules()]
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    yield [list(getattr(module, kind)) for module in network.modules() for kind in hooks]
    yield {name: (tensor.device, tensor.tolist()) for name, tensor in network.state_dict().items()}
    yield [(parameter.requires_grad, parameter.grad) for parameter in network.parameters()]
    yield torch.get_rng_state().tolist()
    yield torch.is_grad_enabled()


@pytest.mark.parametrize("train", [True, False])
def test_a_counted_model_is_left_as_it_was(train: bool) -> None:
    network = build(replace(preset("resnet18"), width=4, image=32, classes=10), seed=0).train(train)
    network.get_submodule("layer2").train(not train)
    network.get_submodule("layer1").register_forward_hook(lambda *_: None)
    before = list(states(network))
    count(network, torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert list(states(network)) == before


def test_a_model_that_fails_is_left_as_it_was() -> None:
    network = build(replace(preset("resnet18"), width=4, image=32), seed=0)
    before = list(states(network))
    with pytest.raises(RuntimeError):
        count(network, torch.rand(1, 5, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert list(states(network)) == before


def test_the_table_touches_no_random_state() -> None:
    before = torch.get_rng_state()
    layer_table(replace(preset("alexnet"), image=65))
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_is_yielded_for_every_distinct_part() -> None:
    steps = list(layer_table_steps(preset("resnet101")))
    assert all(isinstance(step, Progress) for step in steps)
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    # Two in each of conv2_x … conv5_x, the stem and the head.
    assert len(steps) == 10
    assert {step.of for step in steps} == {1 + 3 + 4 + 23 + 3 + 1}


def test_what_would_not_fit_is_refused_before_anything_is_allocated() -> None:
    """Its last 3×3 convolution alone has 9 · 65,536² weights, 155 GB."""
    enormous = Residual(Bottleneck(), (1,) * 6, width=2048, image=8)
    with pytest.raises(MemoryError, match=r"needs \d+ GB to count its FLOPs; this machine has"):
        next(layer_table_steps(enormous))


def test_torchinfos_summary_names_layers_and_total() -> None:
    text = summary(preset("resnet18"))
    assert "(layer4)" in text
    assert "Total params: 11,689,512" in text
