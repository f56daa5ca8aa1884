"""Checkpoints of other programs: their networks are found by their content, and nothing in them is run."""

from __future__ import annotations

import argparse
import collections
import gzip
import os
import pickle
import sys
import tarfile
import types
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from resnet_studio.inference.compute.weights import architecture_of, load
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

TINY = Residual(Basic(), (1, 1), width=4, stem="cifar", image=16, classes=10)
State = dict[str, Tensor]


@pytest.fixture
def state() -> State:
    return build(TINY, seed=3).state_dict()


def saved(folder: Path, content: Any, **options: Any) -> WeightsFile:
    torch.save(content, folder / "some.pth", **options)
    return WeightsFile(folder / "some.pth")


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def without_head(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def same(network: nn.Module, state: State) -> bool:
    loaded = network.state_dict()
    return loaded.keys() == state.keys() and all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def with_state(network: nn.Module, state: State) -> nn.Module:
    network.load_state_dict(state)
    return network


def nested(state: State) -> dict[str, Any]:
    """A dictionary for each module."""
    root: dict[str, Any] = {}
    for name, tensor in state.items():
        *modules, last = name.split(".")
        inner = root
        for module in modules:
            inner = inner.setdefault(module, {})
        inner[last] = tensor
    return root


CONTAINERS: dict[str, Callable[[State], Any]] = {
    "net": lambda state: {"net": prefixed(state, "module."), "acc": 95.3, "epoch": 199},
    "weights of a trainer": lambda state: {"trainer": {"model_weights": {"best": state}}, "epoch": 3},
    "a list": lambda state: [{"epoch": 3}, state],
    "a tuple": lambda state: (state, {"lr": 0.1}),
    "with an optimizer": lambda state: {
        "params": state, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(4, 3, 3, 3)}}, "param_groups": []},
    },
    "with single tensors": lambda state: {"network": state, "loss": torch.tensor(0.5), "mean": torch.ones(3)},
    "a prefix of two": lambda state: {"state_dict": prefixed(state, "module.model.")},
    "an averaged model": lambda state: {**prefixed(state, "module."), "n_averaged": torch.tensor(7)},
    "two halves": lambda state: {
        "backbone": without_head(state), "head": {"weight": state["fc.weight"], "bias": state["fc.bias"]},
    },
    "a whole module": lambda state: with_state(build(TINY), state),
    "a whole module in a dict": lambda state: {"net": nn.DataParallel(with_state(build(TINY), state)), "epoch": 3},
    "dictionaries in dictionaries": lambda state: {"params": nested(state)},
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_network_is_found_in_any_container(name: str, state: State, tmp_path: Path) -> None:
    network, info = load(TINY, saved(tmp_path, CONTAINERS[name](state)))
    assert same(network, state)
    assert info.trained
    assert info.caveats == ()


def test_of_a_network_and_its_average_the_user_chooses(state: State, tmp_path: Path) -> None:
    average = {name: tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    source = saved(tmp_path, {"state_dict_ema": average, "epoch": 3, "state_dict": state})
    with pytest.raises(WeightsMismatch, match=r"contains 2 networks, under state_dict and state_dict_ema") as refused:
        load(TINY, source)
    first, second = refused.value.fixes  # the network itself comes first, wherever it is in the file
    assert same(load(first.architecture, first.weights)[0], state)
    assert same(load(second.architecture, second.weights)[0], average)
    assert "EMA" in second.title


EXTRAS: dict[str, tuple[State, str, bool]] = {
    "a queue": ({"queue": torch.ones(4, 8), "queue_ptr": torch.zeros(1, dtype=torch.long)}, "ignored", False),
    "a profiler's counts": (
        {"total_ops": torch.zeros(1), "layer1.0.conv1.total_params": torch.zeros(1)}, "ignored", False
    ),
    "an average's count": ({"n_averaged": torch.tensor(7)}, "ignored", False),
    "a metric's state": ({"accuracy.tp": torch.zeros(10, dtype=torch.long)}, "ignored", False),
    "a mask": ({"mask": torch.ones(3, dtype=torch.bool)}, "ignored", False),
    "normalization": ({"normalize.mean": torch.ones(3), "normalize.std": torch.ones(3)}, "not used", False),
    "a loss": ({"criterion.pos_weight": torch.ones(10)}, "not used", False),
    "a second head": (
        {"aux.conv.weight": torch.ones(2, 4, 1, 1), "aux.conv.bias": torch.ones(2)}, "not used", True
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTRAS)
def test_other_tensors_are_left_out_and_named(name: str, state: State, tmp_path: Path) -> None:
    extras, said, doubted = EXTRAS[name]
    network, info = load(TINY, saved(tmp_path, {**state, **extras}))
    assert same(network, state)
    (note,) = (note for note in info.notes if note.startswith(f"{said}: "))
    assert all(extra in note for extra in extras)
    assert bool(info.caveats) == doubted


def test_a_layer_inside_a_block_is_another_network(state: State, tmp_path: Path) -> None:
    squeeze = {"layer1.0.se.fc1.weight": torch.ones(2, 4), "layer1.0.se.fc1.bias": torch.ones(2)}
    with pytest.raises(WeightsMismatch, match=r"it has 2 tensors that are not in this network \(layer1\.0\.se"):
        load(TINY, saved(tmp_path, {**state, **squeeze}))


@pytest.mark.parametrize("head", ["head.fc", "classifier", "linear", "last_linear", "fc.1", "head"])
@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_a_head_of_another_name_is_taken_for_the_head(head: str, prefix: str, state: State, tmp_path: Path) -> None:
    renamed = prefixed(without_head(state), prefix)
    renamed |= {f"{head}.weight": state["fc.weight"], f"{head}.bias": state["fc.bias"]}
    network, info = load(TINY, saved(tmp_path, renamed))
    assert same(network, state)
    assert info.trained
    of_mmpretrain = "names of OpenMMLab's mmpretrain translated"
    assert (of_mmpretrain if head == "head.fc" else f"the file's {head} is used as the head") in info.notes


def test_of_several_layers_none_is_taken_for_the_head(state: State, tmp_path: Path) -> None:
    projection = {f"projector.{n}.{role}": torch.ones(8, 8)[: 8 if role == "weight" else 1].squeeze()
                  for n in (0, 2) for role in ("weight", "bias")}  # fmt: skip
    network, info = load(TINY, saved(tmp_path, {**without_head(state), **projection}))
    assert torch.equal(network.state_dict()["fc.weight"], build(TINY, 0).state_dict()["fc.weight"])
    assert not info.trained
    assert info.caveats[0].startswith("fc is random, as the file's has 2 layers (projector.0, projector.2)")


def test_a_trained_head_is_kept_by_taking_the_network_as_the_file_has_it(state: State, tmp_path: Path) -> None:
    source = saved(tmp_path, {"state_dict": prefixed(state, "model."), "pytorch-lightning_version": "2.4.0"})
    wanted = replace(TINY, classes=1000)
    with pytest.raises(WeightsMismatch, match="it was made for 10 classes, this network has 1,000") as refused:
        load(wanted, source)
    first, second = refused.value.fixes
    assert (first.architecture, first.weights.head) == (TINY, True)
    assert (second.architecture, second.weights.head) == (wanted, False)
    network, info = load(first.architecture, first.weights)
    assert same(network, state)
    assert info.trained
    assert architecture_of(source) == replace(TINY, image=32)  # what does not follow from shapes has its usual value


def test_of_two_networks_the_user_chooses(state: State, tmp_path: Path) -> None:
    other = build(TINY, seed=4).state_dict()
    both = {"state_dict": prefixed(state, "module.encoder_q.") | prefixed(other, "module.encoder_k.")}
    source = saved(tmp_path, both)
    with pytest.raises(
        WeightsMismatch, match=r"contains 2 networks, under encoder_q and encoder_k\. Choose one"
    ) as refused:
        load(TINY, source)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
    assert [remedy.title for remedy in refused.value.fixes] == [
        "Load encoder_q", "Load encoder_k (momentum copy)",
    ]  # fmt: skip
    for remedy, expected in zip(refused.value.fixes, (state, other), strict=True):
        assert same(load(remedy.architecture, remedy.weights)[0], expected)
    with pytest.raises(WeightsMismatch, match="contains 2 networks"):
        architecture_of(source)
    with pytest.raises(WeightsError, match=r"no tensors with prefix 'q\.'\. Available: encoder_q\., encoder_k\."):
        load(TINY, replace(source, prefix="q."))


def test_of_two_networks_the_one_that_fits_is_taken(state: State, tmp_path: Path) -> None:
    larger = build(replace(TINY, width=8), seed=4).state_dict()
    network, info = load(TINY, saved(tmp_path, prefixed(larger, "teacher.") | prefixed(state, "student.")))
    assert same(network, state)
    assert "using the tensors under 'student.'" in info.notes


def test_a_bottlenecks_unknown_stride_is_a_caveat(tmp_path: Path) -> None:
    on_1x1 = replace(preset("resnet50"), width=4, image=32)
    on_3x3 = replace(on_1x1, block=Bottleneck("3x3"))
    source = saved(tmp_path, build(on_3x3, 1).state_dict())
    _, info = load(on_1x1, source)
    assert info.likely_architecture == on_3x3
    assert any("most files need it on the 3×3" in doubt for doubt in info.caveats)
    _, info = load(on_3x3, source)
    assert (info.likely_architecture, info.caveats) == (None, ())
    with pytest.raises(WeightsMismatch) as refused:
        load(replace(on_1x1, classes=5), source)
    assert refused.value.fixes[0].architecture == on_3x3
    assert load(TINY, saved(tmp_path, build(TINY, 1).state_dict()))[1].likely_architecture is None


MARK = "RESNET_STUDIO_TEST_MARK"
UNKNOWN_MODULE = f"""
import os
def note(what):
    with open(os.environ["{MARK}"], "a") as file:
        file.write(what)
note("imported ")
class Config(dict):
    def __new__(cls, *arguments):
        note("made ")
        return super().__new__(cls)
    def __setstate__(self, state):
        note("restored ")
    def __setitem__(self, key, value):
        note("filled ")
class Plain:
    def __init__(self):
        self.lr = 0.1
class Items(list):
    def append(self, item):
        note("appended ")
    extend = append
"""


@pytest.fixture
def unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module whose classes leave a mark whenever they are imported, made or changed."""
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / "strange_config.py").write_text(UNKNOWN_MODULE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))
    import strange_config

    return strange_config


def other_objects(unknown: types.ModuleType) -> dict[str, Any]:
    """Objects as trainings save them with their weights."""
    config = unknown.Config()
    dict.update(config, lr=0.1, layers=[1, 2], nested={"a": unknown.Plain()})
    config.note = "attribute"
    items = unknown.Items()
    list.extend(items, [1, 2, 3])
    return {
        "args": argparse.Namespace(model="resnet18", lr=0.1, path=Path("/data")),
        "config": config,
        "plain": unknown.Plain(),
        "items": items,
        "one": [unknown.Items([1])],
        "defaults": collections.defaultdict(list, a=[1]),
        "function": torch.nn.functional.relu,
        "loss": np.float64(0.5),
        "array": np.arange(3),
        "space": types.SimpleNamespace(a=1),
        "criterion": nn.CrossEntropyLoss(),
        "queue": collections.deque([1, 2]),
        "kinds": {argparse.Namespace: 1},
    }


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_other_objects_are_skipped_and_never_constructed(
    old: bool, first: bool, state: State, unknown: types.ModuleType, tmp_path: Path
) -> None:
    others = other_objects(unknown)
    if old:  # the legacy format saves modules with their source, which can't be distinguished
        others.pop("criterion")
    content = {**others, "model": state} if first else {"model": state, **others}
    source = saved(tmp_path, content, _use_new_zipfile_serialization=not old)
    del sys.modules["strange_config"]
    (tmp_path / "mark").unlink()
    network, info = load(TINY, source)
    assert same(network, state)
    (note,) = (note for note in info.notes if note.startswith("skipped, not executed: "))
    assert "argparse.Namespace" in note
    assert "strange_config" not in sys.modules
    assert not (tmp_path / "mark").exists()
    torch.load(source.path, weights_only=False)
    assert {"imported", "made"} <= set((tmp_path / "mark").read_text().split())  # which torch.load does


def test_only_unknown_objects_is_no_state_dict(unknown: types.ModuleType, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"contains no state_dict, only strange_config.Plain\. Save"):
        load(TINY, saved(tmp_path, {"config": unknown.Plain()}))


class Calls:
    """Pickles as a call."""

    def __init__(self, what: Callable[..., Any], *arguments: Any) -> None:
        self.what, self.arguments = what, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.arguments


HOSTILE: dict[str, Callable[[str], Any]] = {
    "in a namespace": lambda mark: argparse.Namespace(a=Calls(os.mkdir, mark)),
    "as a key": lambda mark: {(Calls(os.mkdir, mark),): 1},
    "by eval": lambda mark: Calls(eval, f"__import__('os').mkdir({mark!r})"),
    "by exec": lambda mark: Calls(exec, f"import os; os.mkdir({mark!r})"),
    "by a class": lambda mark: Calls(__import__("threading").Thread, None, os.mkdir, None, (mark,)),
    "by getattr": lambda mark: Calls(getattr, "", "lower"),
    "by another module": lambda mark: Calls(__import__("shutil").copytree, str(Path(mark).parent / "path"), mark),
    "by the tests' own": lambda mark: Calls(make_folder, mark),
    "by numpy": lambda mark: Calls(np.load, mark),
    "by torch": lambda mark: Calls(torch.load, mark),
    "by runpy": lambda mark: Calls(__import__("runpy").run_path, mark),
}


def make_folder(mark: str) -> None:
    os.mkdir(mark)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("old", [False, True])
def test_a_call_in_the_pickle_is_refused_and_never_made(name: str, old: bool, state: State, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    source = saved(tmp_path, {"state_dict": state, "bait": HOSTILE[name](str(mark))},
                   _use_new_zipfile_serialization=not old)  # fmt: skip
    with pytest.raises(WeightsError, match="would run code when opened"):
        load(TINY, source)
    assert not mark.exists()


def archive(records: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name, content in records.items():
            written.writestr(name, content)
    return file.getvalue()


def records_of(content: Any) -> dict[str, bytes]:
    file = BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as read:
        return {name: read.read(name) for name in read.namelist()}


BAIT = records_of({
    "state_dict": build(TINY, seed=3).state_dict(),
    "args": argparse.Namespace(lr=0.1, names=["a"], function=Calls(make_folder, "ran")),
    "kinds": collections.defaultdict(list, a=[1]),
})  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_changed_pickle_loads_or_is_refused_and_never_runs(
    changes: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickled = bytearray(BAIT["archive/data.pkl"].replace(b"make_folder", b"MakeFolders"))
    for place, value in changes:
        pickled[place % len(pickled)] = value
    (tmp_path / "some.pth").write_bytes(archive({**BAIT, "archive/data.pkl": bytes(pickled)}))
    modules = set(sys.modules)
    with suppress(WeightsError):
        load(TINY, WeightsFile(tmp_path / "some.pth"))
    assert not (tmp_path / "ran").exists()
    assert {name for name in set(sys.modules) - modules if not name.startswith("torch")} == set()


def tarred() -> bytes:
    file = BytesIO()
    with tarfile.open(fileobj=file, mode="w") as written:
        written.addfile(tarfile.TarInfo("weights.pth"))
    return file.getvalue()


def image(kind: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    return file.getvalue()


def numpys(write: Callable[..., None]) -> bytes:
    file = BytesIO()
    write(file, np.ones((2, 2)))
    return file.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 102530333\n"
KINDS: dict[str, tuple[str, bytes, str]] = {
    "a pointer of Git LFS": ("a.pth", POINTER, r"Git LFS pointer; its 102\.5 MB .*git lfs pull"),
    "a page": ("a.pth", b"\n <!DOCTYPE html>\n<html><head><title>Sign in</title>", r"web page \(HTML\)"),
    "a page behind a comment": ("a.pth", b"\xef\xbb\xbf<!-- x --><HTML><body>", r"web page \(HTML\)"),
    "a server's answer": ("a.pth", b'{"message": "Not Found", "status": "404"}', "JSON or XML"),
    "a bucket's answer": ("a.pth", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "JSON or XML"),
    "ONNX": ("a.pth", b"\x08\x08\x12\x07pytorch\x1a\x032.1:\x80\x01" + bytes(99), "ONNX model"),
    "ONNX by name": ("net.onnx", b"\x99" + bytes(99), "ONNX model"),
    "TensorFlow SavedModel": ("saved_model.pb", b"\x08\x01\x12\xc4\x9a\x01\n" + bytes(99), "TensorFlow SavedModel"),
    "TensorFlow's index": ("m.ckpt", bytes(99) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "TensorFlow checkpoint"),
    "TensorFlow's data": ("m.ckpt.data-00000-of-00001", b"\x99" * 99, "TensorFlow checkpoint"),
    "TensorFlow Lite": ("a.bin", b"\x1c\0\0\0TFL3" + bytes(99), "TensorFlow Lite"),
    "HDF5": ("model.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5 file, as saved by Keras"),
    "Keras": ("m.keras", archive({"config.json": b"{}", "model.weights.h5": b"\x89HDF"}), "Keras model"),
    "npz": ("a.npz", numpys(np.savez), r"NumPy arrays \(\.npz\)"),
    "npy": ("a.npy", numpys(np.save), r"NumPy array \(\.npy\)"),
    "GGUF": ("a.gguf", b"GGUF\x03\0\0\0" + bytes(99), "GGUF"),
    "gzip": ("a.pth", gzip.compress(b"weights" * 99), "gzip archive. Unpack it"),
    "tar": ("a.pth.tar", tarred(), "tar archive. Unpack it"),
    "a zip around weights": ("a.zip", archive({"runs/best.pth": b"PK"}), r"Unpack it and choose best\.pth in it"),
    "a zip of something else": ("a.pth", archive({"word/document.xml": b"<xml/>"}), "zip archive of other files"),
    "an image": ("a.pth", image("PNG"), r"image \(PNG\)"),
    "a photograph": ("a.pth", image("JPEG"), r"image \(JPEG\)"),
    "a text": ("a.pth", "Épochs: 3\n".encode() * 500, "a text"),
    "a pickle of numbers": ("a.pkl", pickle.dumps({"a": 1}, 4), "plain Python pickle"),
    "an exported program": ("a.pt2", archive({"a/archive_format": b"pt2", "a/models/m.json": b"{}"}), "torch.export"),
    "an older exported program": ("a.pt2", archive({"serialized_exported_program.json": b"{}"}), "torch.export"),
    "Python code": ("net.zip", archive({"net/model.py": b"import torch", "net/README.md": b""}), "Python code"),
    "Flax": ("a.bin", b"\x81\xa6params\x82\xa5conv1\x81\xa6kernel\xc7" + bytes(99), "Flax checkpoint"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_files_are_named_for_what_they_are(kind: str, tmp_path: Path) -> None:
    name, data, said = KINDS[kind]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError, match=rf"is not a weights file but .*{said}") as refused:
        load(TINY, WeightsFile(tmp_path / name))
    assert refused.value.cause.count(". ") >= 1  # and what to do


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_torchscript_program_of_torchs_own_is_named(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3))), str(tmp_path / "program.pt"))
    with pytest.raises(WeightsError, match=r"TorchScript program.*torch\.jit\.load\('program\.pt'\)\.state_dict"):
        load(TINY, WeightsFile(tmp_path / "program.pt"))
