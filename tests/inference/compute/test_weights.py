import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torchvision import models

from resnet_studio.inference.compute import transforms, weights_metadata
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsMismatch
from resnet_studio.inference.images import references
from resnet_studio.inference.values import Preprocessing, PublishedWeights, RandomWeights, WeightsFile
from resnet_studio.inference.weights import published
from resnet_studio.inference.weights.provenance import TrainingProvenance, to_metadata
from resnet_studio.inference.weights.published import find_entry
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

TINY = Residual(Basic(), (1, 1), width=8, stem="cifar", image=16, classes=10)
State = dict[str, Tensor]


def legacy(state: State, path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


FORMATS: dict[str, Callable[[State, Path], None]] = {
    "zip.pth": torch.save,
    "legacy.pth": legacy,
    "weights.safetensors": lambda state, path: safetensors.torch.save_file(state, path),
}


@pytest.fixture
def state() -> State:
    network, _ = load(TINY, RandomWeights(5))
    return network.state_dict()


def equal(first: State, second: State) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def saved(tmp_path: Path, content: Any, name: str = "weights.pth") -> WeightsFile:
    torch.save(content, tmp_path / name)
    return WeightsFile(tmp_path / name)


def test_random_weights_follow_from_their_seed_and_nothing_else() -> None:
    state = torch.get_rng_state()
    (first, info), (again, _), (other, _) = (load(TINY, RandomWeights(seed)) for seed in (1, 1, 2))
    assert equal(first.state_dict(), again.state_dict())
    assert not equal(first.state_dict(), other.state_dict())
    assert torch.equal(torch.get_rng_state(), state)
    assert (info.source, info.trained, info.labels[9]) == ("random, seed 1", False, "class 9")
    assert info.preprocessing == transforms.imagenet(16)


def test_batch_norm_has_the_statistics_of_the_photographs() -> None:
    network, _ = load(TINY, RandomWeights(0))
    names = ("sample:china", "sample:flower")
    usual = transforms.imagenet(16)
    photographs = torch.cat([transforms.preprocess(references.open_reference(name), usual, 3) for name in names])
    with torch.no_grad():
        values = network.get_submodule("conv1")(photographs).transpose(0, 1).flatten(1)
    norm = network.get_submodule("bn1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(norm.running_mean, values.mean(1), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(norm.running_var, values.var(1), atol=1e-5, rtol=1e-4)
    assert norm.momentum == 0.1
    assert not any(module.training for module in network.modules())


def test_a_deep_untrained_network_neither_explodes_nor_is_confident() -> None:
    architecture = preset("resnet50")
    image = transforms.preprocess(references.open_reference("sample:china"), transforms.imagenet(224), 3)
    network, _ = load(architecture, RandomWeights(0))
    with torch.no_grad():
        calibrated, raw = network(image), build(architecture, 0).eval()(image)
    assert calibrated.softmax(1).max() < 0.1
    assert raw.abs().max() > 10 * calibrated.abs().max()


@pytest.mark.parametrize(
    "changes",
    [{"channels": 1}, {"channels": 5}, {"stem": "imagenet", "blocks": (1, 1, 1, 1, 1, 1)}, {"image": 1}],
)
def test_other_inputs_are_calibrated_too(changes: dict[str, Any]) -> None:
    architecture = replace(TINY, **changes)
    network, _ = load(architecture, RandomWeights(0))
    shape = (2, architecture.channels, architecture.image, architecture.image)
    logits = network(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    assert logits.isfinite().all()
    assert logits.abs().max() < 1000


def test_a_network_without_batch_norm_is_left_as_it_was_built() -> None:
    network, _ = load(preset("alexnet"), RandomWeights(0))
    assert equal(network.state_dict(), build(preset("alexnet"), 0).state_dict())
    image = torch.ones(1, 3, 224, 224)
    assert torch.equal(network(image), network(image))  # its dropout is off


@pytest.mark.parametrize("name", FORMATS)
def test_a_files_weights_are_loaded_whatever_its_format(name: str, state: State, tmp_path: Path) -> None:
    FORMATS[name](state, tmp_path / name)
    network, info = load(TINY, WeightsFile(tmp_path / name))
    assert equal(network.state_dict(), state)
    assert not network.training
    assert (info.source, info.trained, info.notes) == (name, True, ())
    assert info.sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert info.labels == tuple(f"class {number}" for number in range(10))


@pytest.mark.parametrize("name", ["a b.pth", "100%#1.pth", "Größe 幅.pth", "n" * 246 + ".pth", "no ending"])
def test_any_file_name_will_do(name: str, state: State, tmp_path: Path) -> None:
    _, info = load(TINY, saved(tmp_path, state, name))
    first, _, last = info.source.partition("…")  # where a message would have no room for it
    assert info.source == name or (name.startswith(first) and name.endswith(last) and len(info.source) > 80)


def test_torchvisions_weights_give_torchvisions_logits(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reference = models.resnet18().eval()
        image = torch.randn(1, 3, 224, 224)
    network, info = load(preset("resnet18"), saved(tmp_path, reference.state_dict()))
    with torch.no_grad():
        wanted, got = reference(image), network(image)
    assert (got - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    assert len(info.labels) == 1000
    assert (info.labels[0], info.labels[207], info.labels[999]) == ("tench", "golden retriever", "toilet tissue")
    assert "assumed" in info.notes[0]
    assert info.preprocessing.resize == 256


@pytest.mark.parametrize(
    ("sha256", "model", "resize"),
    [
        ("f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec", "resnet18", 256),
        ("b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f", "resnet34", 256),
        ("0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a", "resnet50", 256),
        ("11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca", "resnet50", 232),
        ("f82ba261" + 56 * "0", "resnet152", 232),  # of which only the first eight digits are known
        ("dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44", "vgg19", 256),
        ("7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02", "alexnet", 256),
    ],
)
def test_torchvisions_published_files_are_known_by_their_hash(sha256: str, model: str, resize: int) -> None:
    known = weights_metadata.torchvision_entry(sha256)
    assert known is not None
    assert known[0] == model
    assert known[1].transforms().resize_size == [resize]
    assert weights_metadata.torchvision_entry(64 * "0") is None


def test_a_published_file_brings_its_own_preprocessing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = saved(tmp_path, models.resnet18().state_dict())
    sha256 = hashlib.sha256(source.path.read_bytes()).hexdigest()
    entry = find_entry(PublishedWeights("resnet50", "IMAGENET1K_V2"))
    monkeypatch.setattr(published, "ENTRIES", (replace(entry, sha256=sha256),))
    _, info = load(replace(preset("resnet18"), image=112), source)
    assert info.preprocessing == Preprocessing(116, 112, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    (doubt,) = info.caveats
    assert doubt in info.notes
    assert "made for resnet50-v1.5" in doubt
    assert not any("assumed" in note for note in info.notes)


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": [0.1]}}, "'state_dict'"),
        (lambda state: {"model": state}, "'model'"),
        (lambda state: {f"module.{name}": tensor for name, tensor in state.items()}, "'module.'"),
        (lambda state: {name: nn.Parameter(t) if t.is_floating_point() else t for name, t in state.items()}, ""),
    ],
)
def test_weights_are_found_where_trainings_put_them(
    wrap: Callable[[State], Any], message: str, state: State, tmp_path: Path
) -> None:
    network, info = load(TINY, saved(tmp_path, wrap(state)))
    assert equal(network.state_dict(), state)
    assert message in " ".join(info.notes)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_converted_and_noted(kind: torch.dtype, state: State, tmp_path: Path) -> None:
    other = {name: tensor.to(kind) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    network, info = load(TINY, saved(tmp_path, other))
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in network.state_dict().values())
    assert torch.equal(network.state_dict()["fc.weight"], other["fc.weight"].float())
    assert info.notes == (f"{str(kind).removeprefix('torch.')} converted to float32",)
    assert info.caveats == ()


def test_nan_and_infinite_values_are_named(state: State, tmp_path: Path) -> None:
    state["layer1.0.conv1.weight"][0, 0, 0, 0] = math.nan
    state["fc.bias"][3] = math.inf
    network, info = load(TINY, saved(tmp_path, state))
    assert info.notes == info.caveats == ("NaN or infinite values in layer1.0.conv1.weight, fc.bias",)
    assert network.state_dict()["fc.bias"][3] == math.inf


def test_files_from_before_batches_were_counted_load(state: State, tmp_path: Path) -> None:
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    network, _ = load(TINY, saved(tmp_path, old))
    assert network.state_dict()["bn1.num_batches_tracked"] == 0
    assert torch.equal(network.state_dict()["fc.weight"], state["fc.weight"])


def test_all_but_the_head_can_be_loaded(state: State, tmp_path: Path) -> None:
    source = replace(saved(tmp_path, state), head=False)
    architecture = replace(TINY, classes=1000)
    network, info = load(architecture, source)
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state if not name.startswith("fc."))
    assert torch.equal(loaded["fc.weight"], build(architecture, 0).state_dict()["fc.weight"])
    assert (info.trained, info.labels[999]) == (False, "class 999")
    assert "fc is random" in info.notes[0]
    assert info.caveats == info.notes


def test_a_network_that_no_machine_holds_is_refused_before_it_is_built(tmp_path: Path) -> None:
    vast = Residual(Bottleneck(), (8,) * 6, width=2048)
    for source in (RandomWeights(0), WeightsFile(tmp_path / "missing.pth")):
        with pytest.raises(MemoryError, match=r"needs [\d.,]+ TB to run; this machine has"):
            load(vast, source)


def test_tensors_under_a_prefix_can_be_loaded(state: State, tmp_path: Path) -> None:
    larger = {f"backbone.{name}": tensor for name, tensor in state.items()} | {"projector.weight": torch.ones(4, 4)}
    network, info = load(TINY, replace(saved(tmp_path, larger), prefix="backbone."))
    assert equal(network.state_dict(), state)
    assert info.trained
    assert info.notes == ("using the tensors under 'backbone.'", "not used: projector.weight")
    assert info.caveats == ()


def test_weights_of_a_run_are_named_by_run_and_step(tmp_path: Path) -> None:
    state = load(TINY, RandomWeights(0))[0].state_dict()
    for step, trained in ((0, False), (1330, True)):
        origin = TrainingProvenance(TINY, "digits", tuple("0123456789"), (0.5,) * 3, (0.25,) * 3, "a run", step)
        plain = safetensors.torch.save(state)
        path = tmp_path / f"step-{step}" / "weights.safetensors"
        path.parent.mkdir()
        path.write_bytes(safetensors.torch.save(state, to_metadata(origin, plain)))
        _, info = load(TINY, WeightsFile(path))
        assert (info.source, info.trained) == (f"a run, step {step:,}", trained)
    other = replace(TINY, blocks=(1, 1, 1), image=32)
    with pytest.raises(WeightsMismatch, match=r"^a run, step 1,330 doesn't match .* It was made for ") as refused:
        load(other, WeightsFile(path))
    assert refused.value.recognized == TINY
    assert [remedy.architecture for remedy in refused.value.fixes] == [TINY]
