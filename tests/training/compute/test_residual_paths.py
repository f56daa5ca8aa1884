"""How residual paths begin, and how often they are skipped: against torchvision's, and by counting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from resnet_studio.cli.main import main
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families import Family
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.families.v2 import V2Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import preset
from resnet_studio.training.compute.residual_paths import StochasticAdd, set_residual_paths
from resnet_studio.training.degradation.experiment import Experiment, ExperimentError
from resnet_studio.training.recipe import RecipeError
from resnet_studio.training.residual_paths import skip_probabilities
from small import SHORT, TINY, assert_same_outcome, make_run, read_outcome, stop_after, train

ZERO = replace(SHORT, zero_init_residual=True)
SKIPPING = replace(SHORT, stochastic_depth=0.5)
PLAIN = replace(TINY, shortcut="none")


def prepared(architecture: Residual, recipe=ZERO) -> nn.Module:
    network = build(architecture, seed=1)
    set_residual_paths(network, architecture, recipe)
    return network


@pytest.mark.parametrize("name", ["resnet18", "resnet50-v1.5"])
def test_the_same_batch_norms_are_zero_as_torchvisions(name: str) -> None:
    theirs = getattr(models, name.removesuffix("-v1.5"))(weights=None, zero_init_residual=True)
    zero = {key for key, weight in theirs.named_parameters() if key.endswith("weight") and not weight.any()}
    ours = prepared(replace(preset(name), image=32))
    assert {key for key, weight in ours.named_parameters() if key.endswith("weight") and not weight.any()} == zero
    assert len(zero) in (8, 16)


@pytest.mark.parametrize("se", [0, 4])
@pytest.mark.parametrize(
    "family", [Basic(), Bottleneck(), PreActivationBasic(), PreActivationBottleneck(), V2Bottleneck()]
)
def test_a_block_begins_as_its_shortcut(family: Family, se: int) -> None:
    architecture = replace(TINY, block=family, blocks=(2, 1), shortcut="B", se=se)
    network = prepared(architecture).eval()
    inputs: dict[str, Tensor] = {}
    for block in blocks(architecture):
        network.get_submodule(block.name).register_forward_hook(
            lambda _, taken, given, name=block.name: inputs.update({name: taken[0], f"{name} out": given})
        )
    with torch.no_grad():
        network(torch.rand(3, *architecture.input_shape))
    identities = [block.name for block in blocks(architecture) if block.shortcut == "identity"]
    assert identities
    for name in identities:
        before, after = inputs[name], inputs[f"{name} out"]
        assert torch.equal(after, before if "pre" in family.label or "v2" in family.label else torch.relu(before))


def test_a_block_is_skipped_in_proportion_to_its_depth() -> None:
    """Huang et al. 2016, equation 4: the survival 1 − n/N (1 − p_N) of the block n of N."""
    assert skip_probabilities(0.5, 4) == [0.125, 0.25, 0.375, 0.5]
    network = prepared(replace(TINY, blocks=(2, 1, 1)), SKIPPING)
    found = [module.probability for module in network.modules() if isinstance(module, StochasticAdd)]
    assert found == [0.125, 0.25, 0.375, 0.5]


def test_each_image_skips_by_itself_and_the_mean_stays() -> None:
    """Of 4,000 images with the probability 0.3, 1,200 ± 29 (σ) skip; the others are divided by 0.7."""
    add = StochasticAdd(0.3)
    residual, shortcut = torch.ones(4000, 2, 2, 2), torch.full((4000, 2, 2, 2), 10.0)
    torch.manual_seed(0)
    added = add(residual, shortcut) - shortcut
    of_image = added[:, 0, 0, 0]
    assert torch.equal(added, of_image[:, None, None, None].expand_as(added))
    skipped = of_image == 0
    assert abs(int(skipped.sum()) - 1200) < 5 * 29
    torch.testing.assert_close(of_image[~skipped], torch.full((int((~skipped).sum()),), 1 / 0.7), rtol=1e-5, atol=1e-5)
    assert torch.equal(add.eval()(residual, shortcut), residual + shortcut)


def test_nothing_is_skipped_in_eval_mode() -> None:
    plain, skipping = build(TINY, seed=1).eval(), prepared(TINY, SKIPPING).eval()
    assert list(plain.state_dict()) == list(skipping.state_dict())
    images = torch.rand(4, *TINY.input_shape)
    assert torch.equal(plain(images), skipping(images))


@pytest.mark.parametrize("recipe", [ZERO, SKIPPING, replace(SKIPPING, zero_init_residual=True)])
def test_a_resumed_run_is_equal_bit_for_bit(tmp_path: Path, recipe) -> None:
    whole, stopped = make_run(tmp_path / "whole", recipe), make_run(tmp_path / "stopped", recipe)
    assert train(whole) == "finished"
    assert train(stopped, stop_after(stopped, 8)) == "stopped"
    assert train(stopped, resume=True) == "finished"
    assert_same_outcome(read_outcome(whole), read_outcome(stopped))
    assert not torch.equal(
        torch.tensor(read_outcome(whole).losses), torch.tensor(outcome_without(tmp_path / "usual").losses)
    )


def outcome_without(folder: Path):
    assert train(make_run(folder)) == "finished"
    return read_outcome(folder)


@pytest.mark.parametrize("recipe", [ZERO, SKIPPING])
@pytest.mark.parametrize("architecture", [PLAIN, preset("alexnet")], ids=["plain", "alexnet"])
def test_a_network_without_shortcuts_is_refused(architecture, recipe) -> None:
    with pytest.raises(RecipeError, match="has no shortcuts") as error:
        set_residual_paths(nn.Module(), architecture, recipe)
    assert error.value.field == ("zero_init_residual" if recipe == ZERO else "stochastic_depth")


def test_the_degradation_experiment_has_plain_networks_too() -> None:
    with pytest.raises(ExperimentError, match=r"stochastic_depth: .* has no shortcuts"):
        Experiment(replace(Experiment().recipe, stochastic_depth=0.1))


def test_the_command_line_refuses_before_it_makes_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change = ["--change", "stochastic_depth=0.2", "--runs", str(tmp_path)]
    assert main(["train", "plain20-digits", *change]) == 2
    assert "stochastic_depth: plain20-digits has no shortcuts" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
