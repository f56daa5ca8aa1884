import json
import os
import pickle
import re
import struct
import tempfile
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from checkpoints import State, legacy, zipped
from resnet_studio.inference.compute.checkpoint_file import read
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError, WeightsMismatch
from resnet_studio.inference.values import RandomWeights, WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

TINY = Residual(Basic(), (1,), width=4, stem="cifar", image=16, classes=10)


def tensors_of(architecture: Residual = TINY) -> State:
    return build(architecture).state_dict()


FORMATS: dict[str, Callable[[State], bytes]] = {"zip": zipped, "legacy": legacy, "safetensors": safetensors.torch.save}


def refused(folder: Path, data: bytes, architecture: Residual = TINY) -> WeightsError:
    """The error for a file of these bytes, after checks that it names the file, can be pickled and leaves no files."""
    path = folder / "bait.pth"
    path.write_bytes(data)
    before = set(Path(tempfile.gettempdir()).iterdir())
    with pytest.raises(WeightsError) as caught:
        load(architecture, WeightsFile(path))
    assert set(Path(tempfile.gettempdir()).iterdir()) == before
    assert str(caught.value).startswith("bait.pth ")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (type(caught.value), str(caught.value))
    return caught.value


class Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_a_bare_pickle_never_runs(protocol: int, tmp_path: Path) -> None:
    data = pickle.dumps({"weights": Runs(tmp_path / "ran")}, protocol)
    error = refused(tmp_path, data)
    if protocol >= 2:  # older ones begin like any text
        assert "would run code when opened (posix.mkdir)" in str(error) or "nt.mkdir" in str(error)
    assert not (tmp_path / "ran").exists()
    pickle.loads(data)
    assert (tmp_path / "ran").exists()  # which pickle does


@pytest.mark.parametrize("written", [zipped, legacy])
@pytest.mark.parametrize("hidden", [lambda bait: bait, lambda bait: {"state_dict": tensors_of(), "extra": [bait]}])
def test_a_checkpoint_that_runs_code_never_does(
    written: Callable[[Any], bytes], hidden: Callable[[Any], Any], tmp_path: Path
) -> None:
    data = written(hidden(Runs(tmp_path / "ran")))
    assert "would run code when opened" in str(refused(tmp_path, data))
    assert not (tmp_path / "ran").exists()
    torch.load(BytesIO(data), weights_only=False)
    assert (tmp_path / "ran").exists()  # which pickle does


class Network(nn.Sequential):
    """A module that leaves a mark when it is unpickled."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        os.mkdir(self.__dict__.get("mark", state["mark"]))
        super().__setstate__(state)


@pytest.mark.parametrize("written", [zipped, legacy])
def test_the_weights_of_a_whole_module_are_read_and_its_code_is_not_run(
    written: Callable[[Any], bytes], tmp_path: Path
) -> None:
    module = Network(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    module.__dict__["mark"] = str(tmp_path / "ran")
    (tmp_path / "whole.pth").write_bytes(written(module))
    whole = read(tmp_path / "whole.pth", 1_000_000)
    loaded = whole.load(whole.contents.tensors)
    assert loaded.keys() == module.state_dict().keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in module.state_dict().items())
    assert "read from a whole pickled module, whose code was not run" in whole.contents.notes
    assert not (tmp_path / "ran").exists()


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    names = {"net/data.pkl": pickle.dumps({}, 2), "net/constants.pkl": pickle.dumps((), 2)}
    assert "TorchScript" in str(refused(tmp_path, archive(names)))


def archive(records: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", compression) as written:
        for name, content in records.items():
            written.writestr(name, content)
    return file.getvalue()


NESTED = b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"K\x01s."  # {((((…),),),): 1}: hashing the key overflows the stack
NO_WEIGHTS = {
    "text": b"epoch 1: loss 2.3\n" * 20,
    "a page": b"<!DOCTYPE html><html>404</html>",
    "zeros": bytes(4096),
    "an empty zip": archive({}),
    "another zip": archive({"report.docx": b"text", "data.pkl": b"N."}),
    "a zip with a broken pickle": archive({"a/data.pkl": b"\x80\x02}q\x00(X\x05"}),
    "a zip with text for a pickle": archive({"a/data.pkl": b"hello"}),
    "a number": zipped(3),
    "a list": zipped([torch.ones(2)]),
    "no tensors": zipped({"lr": 0.1}),
    "numbers for names": legacy({1: torch.ones(2)}),
    "an empty dict": legacy({}),
    "a pickle": pickle.dumps({"a": [1, 2]}, 2),
    "deep nesting, bare": NESTED,
    "deep nesting, zip": archive({"a/data.pkl": NESTED, "a/version": b"3\n"}),
    "a storage that isn't there": archive({"a/data.pkl": b"\x80\x02(X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
                                           b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ.", "a/version": b"3\n"}),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_WEIGHTS)
def test_other_files_are_reported_as_not_weights(name: str, tmp_path: Path) -> None:
    said = str(refused(tmp_path, NO_WEIGHTS[name]))
    assert any(words in said for words in ("not a weights file", "no state_dict", "incomplete or damaged"))


def test_deep_nesting_in_an_old_file_is_refused(tmp_path: Path) -> None:
    whole = legacy({})
    main = whole.index(b"\x80\x02}q\x00.")  # the state_dict's own pickle, the fourth
    refused(tmp_path, whole[:main] + NESTED + whole[main:])


@pytest.mark.parametrize("field", [6, 8, 38, 46], ids=["version", "flags", "attributes", "name"])
def test_a_zip_whose_directory_is_broken_is_incomplete(field: int, tmp_path: Path) -> None:
    data = bytearray(zipped(tensors_of()))
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data/0"))
    data[entry + field : entry + field + 2] = b"\xff\xff"
    assert "is incomplete or damaged" in str(refused(tmp_path, bytes(data)))


def test_numbers_of_8_bits_in_a_pth_run_no_code(tmp_path: Path) -> None:
    error = refused(tmp_path, zipped({"conv1.weight": torch.ones(2, dtype=torch.float8_e4m3fn)}))
    assert "contains unsupported tensors" in str(error)


def test_an_empty_file_is_reported_as_empty(tmp_path: Path) -> None:
    assert "is empty" in str(refused(tmp_path, b""))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_incomplete(kind: str, share: float, tmp_path: Path) -> None:
    data = FORMATS[kind](tensors_of())
    assert "is incomplete" in str(refused(tmp_path, data[: int(share * len(data))]))


def test_a_flipped_bit_in_a_tensor_is_found_by_the_checksum(tmp_path: Path) -> None:
    state = tensors_of()
    data = bytearray(zipped(state))
    place = data.index(state["fc.weight"].numpy().tobytes())
    data[place + 17] ^= 0x04
    assert torch.load(BytesIO(data), weights_only=True).keys() == state.keys()  # torch itself doesn't notice
    assert "damaged, or was saved without checksums" in str(refused(tmp_path, bytes(data)))


class Claims:
    """Unpickles as a tensor of a shape that its storage doesn't have."""

    def __init__(self, shape: tuple[int, ...], stride: tuple[int, ...]) -> None:
        self.shape, self.stride = shape, stride

    def __reduce__(self) -> tuple[Any, ...]:
        storage = torch.storage.TypedStorage(
            wrap_storage=torch.ones(4).untyped_storage(), dtype=torch.float, _internal=True
        )
        arguments = (storage, 0, self.shape, self.stride, False, OrderedDict())
        return torch._utils._rebuild_tensor_v2, arguments


@pytest.mark.parametrize("written", [zipped, legacy])
@pytest.mark.parametrize("stride", [(0, 0), (10**6, 1)])
def test_a_tensor_that_claims_more_than_the_file_has_is_refused(
    written: Callable[[Any], bytes], stride: tuple[int, int], tmp_path: Path
) -> None:
    data = written({**tensors_of(), "fc.weight": Claims((10**6, 10**6), stride)})
    assert len(data) < 100_000
    refused(tmp_path, data)


def test_values_that_are_repeated_and_not_there_are_refused_even_in_the_right_shape(tmp_path: Path) -> None:
    state = tensors_of()
    state["fc.weight"] = torch.zeros(1).expand(state["fc.weight"].shape)
    assert "fc.weight claims more values than the file contains" in str(refused(tmp_path, zipped(state)))


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_would_inflate_is_refused_before_it_does(compression: int, tmp_path: Path) -> None:
    data = archive({"a/data.pkl": b"\x80\x02}.", "a/data/0": bytes(100_000_000)}, compression)
    assert len(data) < 1_000_000
    tracemalloc.start()
    try:
        error = refused(tmp_path, data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "larger than the file" in str(error)
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.empty(10, 4, device="meta"), "contains unsupported tensors"),
        (torch.ones(10, 4).to_sparse(), "contains unsupported tensors"),
        (torch.ones(10, 4, dtype=torch.complex64), "complex64 values in fc.weight"),
        (torch.ones(10, 4, dtype=torch.int32), "int32 values in fc.weight"),
        (torch.ones(10, 4, dtype=torch.bool), "bool values in fc.weight"),
    ],
)
def test_tensors_that_are_no_weights_are_refused(tensor: Tensor, message: str, tmp_path: Path) -> None:
    assert message in str(refused(tmp_path, zipped({**tensors_of(), "fc.weight": tensor})))


def test_another_networks_file_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    wider = replace(TINY, width=8, blocks=(2,), shortcut="C")
    error = refused(tmp_path, zipped(tensors_of(wider)))
    assert isinstance(error, WeightsMismatch)
    mine, theirs = tensors_of(), tensors_of(wider)
    assert set(error.missing) == mine.keys() - theirs.keys() == set()
    assert set(error.unexpected) == {name for name in theirs.keys() - mine.keys() if not name.endswith("tracked")}
    assert set(error.shapes) == {
        (name, tuple(theirs[name].shape), tuple(mine[name].shape))
        for name in mine
        if mine[name].shape != theirs[name].shape
    }
    assert f"{len(error.unexpected)} tensors that are not in this network" in str(error)
    assert "conv1.weight is 8×3×3×3 instead of 4×3×3×3" in str(error)
    assert pickle.loads(pickle.dumps(error)).shapes == error.shapes


def test_resnet_34_into_resnet_18_and_back(tmp_path: Path) -> None:
    small, large = (replace(preset(name), width=4, image=32) for name in ("resnet18", "resnet34"))
    error = refused(tmp_path, zipped(tensors_of(large)), small)
    assert isinstance(error, WeightsMismatch)
    assert len(error.unexpected) == 8 * 10  # eight blocks more, of two convolutions and two norms of four tensors
    error = refused(tmp_path, zipped(tensors_of(small)), large)
    assert isinstance(error, WeightsMismatch)
    assert (len(error.missing), error.unexpected) == (8 * 10, ())


def test_other_classes_are_named_and_loading_the_rest_is_offered(tmp_path: Path) -> None:
    error = refused(tmp_path, zipped(tensors_of()), replace(TINY, classes=1000))
    assert "it was made for 10 classes, this network has 1,000" in str(error)
    assert isinstance(error, WeightsMismatch)
    assert {name for name, _, _ in error.shapes} == {"fc.weight", "fc.bias"}
    assert "Load all but the head" in [remedy.title for remedy in error.fixes]


def header(entries: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(start: int, end: int, shape: list[int]) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


MALFORMED = {
    "a header past the end": struct.pack("<Q", 2**40) + b'{"a":1}',
    "a header that is no JSON": struct.pack("<Q", 4) + b"{a:}",
    "nested a hundred thousand deep": struct.pack("<Q", 500_000) + b'{"a":' * 100_000,
    "an overlap": header({"a": entry(0, 8, [2]), "b": entry(4, 12, [2])}, bytes(12)),
    "a hole": header({"a": entry(0, 4, [1]), "b": entry(8, 12, [1])}, bytes(12)),
    "bytes that belong to nothing": header({"a": entry(0, 4, [1])}, bytes(12)),
    "a shape that overflows": header({"a": entry(0, 8, [2**40, 2**40])}, bytes(8)),
    "offsets that overflow": header({"a": entry(0, 2**63, [2**61])}, bytes(8)),
    "an end before its start": header({"a": entry(8, 0, [2])}, bytes(8)),
    "an unknown type": header({"a": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "a shape that is not the data's": header({"a": entry(0, 8, [3])}, bytes(8)),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_safetensors_are_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    message = str(refused(tmp_path, MALFORMED[name]))
    assert "is incomplete or damaged: its header " in message
    assert "is invalid" not in message  # each of these has its own reason
    assert not {"deserializ", "JSON", "variant", "`", "invalid"} & set(re.findall(r"`|[A-Za-z]+", message))


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "looping link", "nothing"])
def test_anything_but_a_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bait.pth"
    make: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "dangling link": lambda: path.symlink_to("elsewhere"),
        "looping link": lambda: path.symlink_to(path),
        "nothing": lambda: None,
    }
    make[kind]()
    with pytest.raises(WeightsError, match=r"^bait\.pth "):
        load(TINY, WeightsFile(path))


GOOD = {kind: written(load(TINY, RandomWeights(0))[0].state_dict()) for kind, written in FORMATS.items()}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(FORMATS)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4),
    early=st.booleans(),
    cut=st.floats(0, 1),
)
def test_a_damaged_file_loads_or_is_refused_and_nothing_else_happens(
    kind: str, flips: list[tuple[float, int]], early: bool, cut: float, tmp_path: Path
) -> None:
    data = bytearray(GOOD[kind])
    for place, mask in flips:
        data[int(place * min(len(data), 2000 if early else len(data)))] ^= mask
    path = tmp_path / "bait.pth"
    path.write_bytes(data[: max(1, int(len(data) * min(1, 2 * cut)))])
    try:
        network, _ = load(TINY, WeightsFile(path))
    except WeightsError:
        return
    assert not network.training
