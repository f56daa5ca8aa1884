"""Files of twelve sources, made by these sources' own definitions: recognized, loaded and written again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from resnet_studio.inference.compute.translation import translate
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.architecture_inference import (
    infer_architecture,
    state_shapes,
    without_batch_counters,
)
from resnet_studio.inference.weights.dialects import DIALECTS
from resnet_studio.inference.weights.identity import identify
from resnet_studio.inference.weights.layout import inverse, stream_order
from resnet_studio.inference.weights.recognition import find_networks
from resnet_studio.inference.weights.translation import write_plan
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import PRESETS, preset
from weight_makers import MAKERS, Made, State, akamaster, keras, torchvision_resnet

SMALL = [name for name, value in PRESETS.items() if isinstance(value, Residual) and value.depth < 60]


@pytest.fixture(scope="module")
def made_by() -> Callable[[str], Made]:
    known: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name not in known:
            known[name] = MAKERS[name]()
        return known[name]

    return make


def save_safetensors(state: State, path: Path) -> None:
    safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)


def save_nested(state: State, path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": state, "optimizer": {"state": {}, "param_groups": []}}, path)


def save_old(state: State, path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


CONTAINERS: dict[str, Callable[[State, Path], None]] = {
    "nested.pth.tar": save_nested, "old.pth": save_old, "weights.safetensors": save_safetensors,
}  # fmt: skip


def shapes_of(state: State) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def close(found: Tensor, wanted: Tensor) -> bool:
    return bool((found - wanted).abs().max() <= 1e-5 * wanted.abs().max())


def logits_of(path: Path, images: Tensor, **choices: Any) -> Tensor:
    """The logits of a file's weights in the network that they are identified as."""
    card = identify(path)
    assert card.architecture is not None, card.doubts
    network, _ = load(card.architecture, replace(WeightsFile(path), **choices))
    with torch.no_grad():
        result: Tensor = network(images)
    return result


@pytest.mark.parametrize("name", MAKERS)
def test_a_sources_network_is_recognized_and_gives_its_logits(
    name: str, made_by: Callable[[str], Made], tmp_path: Path
) -> None:
    made, path = made_by(name), tmp_path / "weights.safetensors"
    save_safetensors(made.state, path)
    card = identify(path)
    assert card.key == name.partition(" ")[0]
    assert card.architecture is not None
    assert {field: card.architecture.values()[field] for field in made.fields} == made.fields
    assert card.parameters == sum(
        tensor.numel() for name, tensor in made.state.items() if not any(part in name for part in BUFFERS)
    ) - (sum(t.numel() for n, t in made.state.items() if n.endswith("conv/bias:0")) if name == "keras" else 0)
    assert not any("not used" in sentence for sentence in card.ignored)
    assert close(logits_of(path, made.images()), made.logits(made.images()))


BUFFERS = ("running_", "moving_", "num_batches")


@pytest.mark.parametrize("name", MAKERS)
def test_container_prefix_and_precision_change_nothing(
    name: str, made_by: Callable[[str], Made], tmp_path: Path
) -> None:
    made = made_by(name)
    key, fields = name.partition(" ")[0], made.fields
    precisions = (torch.float32, torch.float16, torch.bfloat16)
    pairs = product(enumerate(CONTAINERS.items()), enumerate(("", "module.", "model.encoder.")))
    for (row, (file, save)), (column, prefix) in pairs:  # each precision with each container and each prefix
        precision = precisions[(row + column) % 3]
        path = tmp_path / file
        state = {f"{prefix}{n}": t.to(precision) if t.is_floating_point() else t for n, t in made.state.items()}
        save(state, path)
        card = identify(path)
        assert card.key == key, (file, prefix)
        assert card.architecture is not None, (file, prefix, card.doubts)
        assert {field: card.architecture.values()[field] for field in fields} == fields
        assert card.precision == str(precision).removeprefix("torch.")
        assert card.classes == (7 if made.image == 64 else 10)
    rounded = {one: tensor.to(precision).float() for one, tensor in made.state.items() if tensor.is_floating_point()}
    same, reference = tmp_path / "weights.safetensors", tmp_path / "reference.safetensors"
    save_safetensors(rounded, reference)
    assert close(logits_of(same, made.images()), logits_of(reference, made.images()))


@pytest.mark.parametrize("name", MAKERS)
def test_a_network_is_written_in_its_dialect_as_it_was_read(
    name: str, made_by: Callable[[str], Made], tmp_path: Path
) -> None:
    made, path = made_by(name), tmp_path / "weights.safetensors"
    save_safetensors(made.state, path)
    architecture = identify(path).architecture
    assert architecture is not None
    network, _ = load(architecture, WeightsFile(path))
    plan = write_plan(DIALECTS[name.partition(" ")[0]], architecture)
    assert plan.missing == ()
    written = translate(network.state_dict(), plan.entries)
    counters = {name for name in written if name.endswith("num_batches_tracked")}
    assert written.keys() - counters == {n for n in made.state if not n.endswith("num_batches_tracked")}
    for tensor in written.keys() - counters:
        assert written[tensor].shape == made.state[tensor].shape
    if name != "keras":  # whose biases are part of the means now
        assert all(torch.equal(written[one], made.state[one]) for one in written.keys() - counters)
    save_safetensors(
        {one: tensor for one, tensor in written.items() if one not in counters}, tmp_path / "again.safetensors"
    )
    assert close(logits_of(tmp_path / "again.safetensors", made.images()), made.logits(made.images()))


@pytest.mark.parametrize("key", DIALECTS)
def test_what_a_dialect_can_name_of_the_presets_is_recognized_again(key: str) -> None:
    named = {name: write_plan(DIALECTS[key], preset(name)) for name in SMALL}
    assert any(not plan.missing for plan in named.values())
    for name, plan in named.items():
        if plan.missing:
            continue
        own = state_shapes(preset(name))
        shapes = {theirs: entry.result_shape(own[entry.source]) for theirs, entry in plan.entries.items()}
        (found,) = find_networks(shapes)
        assert without_batch_counters(found.shapes(shapes)) == without_batch_counters(own), name
        inferred = infer_architecture(found.shapes(shapes))
        assert inferred is not None
        assert state_shapes(inferred) == own, name


def test_every_preset_has_names_in_this_programs_dialect() -> None:
    for name in SMALL:
        assert write_plan(DIALECTS["resnet-studio"], preset(name)).missing == (), name


def test_what_a_dialect_has_no_name_for_is_said() -> None:
    plan = write_plan(DIALECTS["akamaster"], preset("resnet18"))
    assert {name.rpartition(".")[0] for name in plan.missing} == {
        f"layer{stage}.0.downsample.{part}" for stage in (2, 3, 4) for part in (0, 1)
    }
    assert write_plan(DIALECTS["torchvision"], preset("resnet50d")).missing[0].startswith("conv1.0")
    assert len(write_plan(DIALECTS["timm"], preset("alexnet")).missing) == 16


def test_a_network_goes_in_as_akamasters_and_out_as_torchvisions(tmp_path: Path) -> None:
    made = akamaster()
    save_safetensors(made.state, tmp_path / "in.safetensors")
    architecture = identify(tmp_path / "in.safetensors").architecture
    assert isinstance(architecture, Residual)
    network, info = load(architecture, WeightsFile(tmp_path / "in.safetensors"))
    assert "channels were reordered, as the file's shortcuts pad on both sides" in info.notes
    plan = write_plan(DIALECTS["torchvision"], architecture)
    save_safetensors(translate(network.state_dict(), plan.entries), tmp_path / "out.safetensors")
    again, _ = load(architecture, WeightsFile(tmp_path / "out.safetensors"))
    with torch.no_grad():
        assert close(again(made.images()), made.logits(made.images()))
    plain = replace(architecture, shortcut="none")
    without, notes = load(plain, WeightsFile(tmp_path / "in.safetensors"))
    assert not any("reordered" in note for note in notes.notes)
    assert torch.equal(without.state_dict()["fc.weight"], made.state["linear.weight"])


def test_padding_on_both_sides_is_an_order_of_channels() -> None:
    order = stream_order(range(4), 8)
    assert order == (2, 3, 4, 5, 0, 1, 6, 7)  # the old channels come first, wherever they were
    assert [order[place] for place in inverse(order)] == list(range(8))
    x = torch.arange(4.0)
    both = torch.cat([torch.zeros(2), x, torch.zeros(2)])
    assert torch.equal(both[list(order)], torch.cat([x, torch.zeros(4)]))


def test_a_head_elsewhere_is_found_and_one_of_several_layers_is_offered(tmp_path: Path) -> None:
    made = torchvision_resnet()
    body = {f"backbone.{name}": tensor for name, tensor in made.state.items() if not name.startswith("fc.")}
    head = {
        f"classifier.{name.removeprefix('fc.')}": tensor
        for name, tensor in made.state.items()
        if name.startswith("fc.")
    }
    path = tmp_path / "one.safetensors"
    save_safetensors(body | head, path)
    assert identify(path).head == "classifier"
    assert close(logits_of(path, made.images()), made.logits(made.images()))
    several = {f"head.3.{name.removeprefix('classifier.')}": tensor for name, tensor in head.items()}
    several |= {"head.0.weight": torch.ones(512), "head.0.bias": torch.zeros(512)}
    save_safetensors(body | several, path := tmp_path / "several.safetensors")
    card = identify(path)
    assert (card.head, card.classes) == ("", 0)
    (assumption,) = [one for one in card.assumptions if one.what == "Head"]
    assert assumption.reason == "the file's has 2 layers (head.0, head.3)" or "head.3, head.0" in assumption.reason
    (offered,) = assumption.alternatives
    assert (offered.field, offered.value) == ("head", "head.3")
    chosen = identify(path, answers={"head": "head.3"})
    assert (chosen.head, chosen.classes) == ("head.3", 7)
    assert chosen.architecture is not None
    network, info = load(chosen.architecture, WeightsFile(path, head_layer="head.3"))
    assert info.trained
    with torch.no_grad():
        assert close(network(made.images()), made.logits(made.images()))
    assert card.architecture is not None
    _, headless = load(card.architecture, WeightsFile(path))
    assert "as the file's has 2 layers" in headless.caveats[0]


def test_what_is_among_the_layers_and_has_no_name_is_not_lost(tmp_path: Path) -> None:
    for name in ("torchvision", "transformers", "detectron2", "pytorchcv"):
        made = MAKERS[name]()
        layer = next(one for one in made.state if "conv" in one and one.endswith(".weight"))
        extra = layer.removesuffix("weight") + "gain"
        save_safetensors({**made.state, extra: torch.ones(1)}, tmp_path / "weights.safetensors")
        card = identify(tmp_path / "weights.safetensors")
        assert card.architecture is None
        assert "No network here has exactly these tensors" in card.doubts[-1]
        assert "gain" in card.doubts[-1]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"bn.weight": torch.ones(8)}, "projections take the block's input"),
        ({"layer1.0.se.conv.weight": torch.ones(1, 1, 3)}, "channel attention"),
    ],
)
def test_networks_that_none_here_can_equal_are_said_to_be_others(changes: State, what: str, tmp_path: Path) -> None:
    state = build(Residual(Basic(), (1, 1), width=8, stem="cifar", image=16, classes=10), 0).state_dict()
    if "layer1.0.se.conv.weight" in changes:
        state |= {f"layer1.0.se.fc{n}.weight": torch.ones(8, 8, 1, 1) for n in (1, 2)}
    save_safetensors({**state, **changes}, tmp_path / "weights.safetensors")
    card = identify(tmp_path / "weights.safetensors")
    assert card.architecture is None
    assert what in " ".join(card.doubts)


def test_kerass_names_may_have_slashes_dots_and_a_models_name(tmp_path: Path) -> None:
    made = keras()
    spellings: tuple[Callable[[str], str], ...] = (
        lambda name: name.replace("/", ".").removesuffix(":0"),
        lambda name: f"resnet50/{name}",
        lambda name: f"{name.partition('/')[0]}/{name}",
    )
    for spell in spellings:
        save_safetensors({spell(name): tensor for name, tensor in made.state.items()}, tmp_path / "k.safetensors")
        assert close(logits_of(tmp_path / "k.safetensors", made.images()), made.logits(made.images()))
