"""Totals without a plan are the plan's."""

from __future__ import annotations

import pytest
from hypothesis import given

from architectures import ONE_OF_EACH_KIND, residuals
from resnet_studio.analysis.layer_sums import LayerSum, totals
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.plan import block_layers, block_runs, blocks, plan
from resnet_studio.networks.presets import PRESETS, preset


def sums_of_plan(architecture: object) -> tuple[int, int, int]:
    layers = plan(architecture)  # type: ignore[arg-type]
    return (
        sum(layer.parameters for layer in layers),
        sum(layer.macs for layer in layers),
        sum(layer.activation_bytes for layer in layers),
    )


@given(residuals())
def test_totals_are_the_sums_of_the_plan(architecture: Residual) -> None:
    assert totals(architecture) == sums_of_plan(architecture)


@pytest.mark.parametrize("name", [name for name, value in PRESETS.items() if isinstance(value, Residual)])
def test_totals_of_presets_are_the_sums_of_the_plan(name: str) -> None:
    assert totals(preset(name)) == sums_of_plan(preset(name))


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_totals_of_baselines_are_the_sums_of_the_plan(name: str) -> None:
    assert totals(preset(name)) == sums_of_plan(preset(name))


@pytest.mark.parametrize(
    ("name", "parameters", "macs"),
    [("resnet18", 11_689_512, 1_814_073_344), ("resnet50", 25_557_032, 3_857_973_248)],
)
def test_totals_are_what_torchvision_and_fvcore_say(name: str, parameters: int, macs: int) -> None:
    assert totals(preset(name))[:2] == (parameters, macs)


@given(residuals(blocks=4))
def test_runs_of_blocks_are_the_blocks(architecture: Residual) -> None:
    expanded = [
        (block.name.partition(".")[0], block_layers(block)[0]._replace(name=""))
        for block, count in block_runs(architecture)
        for _ in range(count)
    ]
    planned = [
        (block.name.partition(".")[0], block_layers(block)[0]._replace(name="")) for block in blocks(architecture)
    ]
    assert [stage for stage, _ in expanded] == [stage for stage, _ in planned]
    assert [layer[3:13] for _, layer in expanded] == [layer[3:13] for _, layer in planned]


def test_the_runs_of_a_network_of_six_thousand_blocks_are_twelve() -> None:
    deepest = Residual(blocks=(1000,) * 6, image=224)
    assert len(block_runs(deepest)) == 12
    assert sum(count for _, count in block_runs(deepest)) == 6000


def test_any_quantity_of_layers_can_be_summed() -> None:
    convolutions = LayerSum(lambda layer: layer.kind == "conv", lambda layer: layer.kind == "add")
    assert convolutions(preset("resnet50")) == (53, 16)  # 49 on the main path with conv1, and 4 projections
