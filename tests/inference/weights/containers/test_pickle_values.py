"""A pickle's values are read without importing, calling or constructing anything that it names."""

from __future__ import annotations

import argparse
import collections
import datetime
import enum
import os
import pathlib
import pickle
import random
import sys
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from resnet_studio.files import FileRefusedError
from resnet_studio.inference.weights.containers.pickle_imports import check_imports, passed_over
from resnet_studio.inference.weights.containers.pickle_values import StandIn, read_pickle
from resnet_studio.inference.weights.containers.plain_values import plain_value
from resnet_studio.inference.weights.containers.stored import Storage, StoredTensor
from resnet_studio.inference.weights.containers.torch_values import TensorValues


def read(pickled: bytes) -> Any:
    return read_pickle(BytesIO(pickled)).value


class Color(enum.Enum):
    RED = "red"


class Record:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


NESTED = {"a": [1, 2.5, None, True], "b": ("x", b"y", -(2**40)), 3: {"c": {}}, "empty": ((), [], "")}


@pytest.mark.parametrize("protocol", range(6))
def test_values_of_python_are_themselves(protocol: int) -> None:
    values = {**NESTED, "b": ("x", -(2**40))} if protocol < 3 else NESTED  # where bytes are the result of a call
    assert read(pickle.dumps(values, protocol)) == values


@pytest.mark.parametrize("protocol", range(6))
def test_what_is_shared_stays_shared_and_may_hold_itself(protocol: int) -> None:
    inner: list[Any] = [1]
    inner.append(inner)
    first, second = read(pickle.dumps([inner, inner], protocol))
    assert first is second
    assert first[1] is first


PLAIN: dict[str, tuple[Any, Any]] = {
    "a namespace": (argparse.Namespace(lr=0.1, name="resnet18"), {"lr": 0.1, "name": "resnet18"}),
    "a path": (pathlib.PurePosixPath("/data/runs"), "/data/runs"),
    "a path of Windows": (pathlib.PureWindowsPath("C:\\data\\runs"), "C:\\data\\runs"),
    "a NumPy float": (np.float64(0.25), 0.25),
    "a NumPy integer": (np.int64(-3), -3),
    "a NumPy half": (np.float16(0.5), 0.5),
    "a NumPy truth value": (np.bool_(True), True),
    "a NumPy text": (np.str_("cat"), "cat"),
    "an array of numbers": (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    "an array by columns": (np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]), [[1, 2], [3, 4]]),
    "an array of text": (np.array(["cat", "döner"]), ["cat", "döner"]),
    "an array of dates": (np.array(["2024-01-01"], "datetime64[D]"), None),
    "a counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "a dictionary with a default": (collections.defaultdict(list, a=[1]), {"a": [1]}),
    "an ordered dictionary": (collections.OrderedDict(a=1, b=2), {"a": 1, "b": 2}),
    "a queue": (collections.deque([1, 2]), [1, 2]),
    "a set": ({1}, [1]),
    "a member of an enumeration": (Color.RED, "red"),
    "an object": (Record(lr=0.1, inner=Record(steps=[1, 2])), {"lr": 0.1, "inner": {"steps": [1, 2]}}),
    "a date": (datetime.date(2024, 2, 3), None),
    "a number beyond 64 bits": (2**80, None),
    "a number that is not finite": ([np.inf, -np.inf, np.nan], [None] * 3),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", PLAIN)
def test_harmless_objects_become_plain_values(name: str, protocol: int) -> None:
    value, expected = PLAIN[name]
    found = read_pickle(BytesIO(pickle.dumps({"value": value}, protocol)))
    check_imports(found.imports, found.calls)
    got = plain_value(found.value)["value"]
    if expected is None:
        assert not isinstance(got, int | float)
    else:
        assert got == expected


def foreign(module: str, name: str, state: Any) -> bytes:
    """A pickle of an object of a class that is not installed here."""
    return f"c{module}\n{name}\n".encode() + b")\x81" + pickle.dumps(state, 2)[2:-1] + b"b."


def test_the_values_of_omegaconf_are_found_inside_of_its_nodes() -> None:
    def node(value: Any) -> bytes:
        return foreign("omegaconf.nodes", "AnyNode", {"_val": value, "_parent": None})[:-1]

    def container(kind: bytes, content: bytes) -> bytes:
        return b"comegaconf." + kind + b"\n)\x81}X\x08\0\0\0_content" + content + b"sb"

    depths = container(b"listconfig\nListConfig", b"](" + node(3) + node(4) + b"e")
    entries = b"}(X\x02\0\0\0lr" + node(0.1) + b"X\x06\0\0\0depths" + depths + b"u"
    pickled = b"\x80\x02" + container(b"dictconfig\nDictConfig", entries) + b"."
    found = read_pickle(BytesIO(pickled))
    check_imports(found.imports, found.calls)
    assert plain_value(found.value) == {"lr": 0.1, "depths": [3, 4]}
    assert "omegaconf" not in sys.modules


def test_plain_values_have_an_end() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]
    assert plain_value(deep) is not None
    wide = [[0] * 1000] * 1000
    assert len(pickle.dumps(plain_value(wide))) < 1_000_000
    loop: list[Any] = []
    loop.append(loop)
    assert plain_value(loop) is not None
    assert plain_value("x" * 10**6) is None


class Calls:
    """Pickles as a call."""

    def __init__(self, what: Callable[..., Any], *arguments: Any) -> None:
        self.what, self.arguments = what, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.arguments


HARMFUL: dict[str, Callable[[str], Any]] = {
    "os": lambda mark: Calls(os.mkdir, mark),
    "as a key": lambda mark: {(Calls(os.mkdir, mark),): 1},
    "inside of a namespace": lambda mark: argparse.Namespace(a=[Calls(os.mkdir, mark)]),
    "eval": lambda mark: Calls(eval, f"__import__('os').mkdir({mark!r})"),
    "getattr": lambda mark: Calls(getattr, "", "lower"),
    "Popen": lambda mark: Calls(__import__("subprocess").Popen, ["mkdir", mark]),
    "a thread": lambda mark: Calls(__import__("threading").Thread, None, os.mkdir, None, (mark,)),
    "numpy.load": lambda mark: Calls(np.load, mark),
    "runpy": lambda mark: Calls(__import__("runpy").run_path, mark),
    "an unknown function": lambda mark: Calls(make_folder, mark),
    "an interpreter": lambda mark: Calls(__import__("code").InteractiveInterpreter, {}),
}


def make_folder(mark: str) -> None:
    os.mkdir(mark)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_call_is_refused_by_name_and_never_made(name: str, protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    found = read_pickle(BytesIO(pickle.dumps(HARMFUL[name](str(mark)), protocol)))
    with pytest.raises(FileRefusedError, match=r"would run code when opened \([\w.]+") as refused:
        check_imports(found.imports, found.calls)
    assert "torch.save(model.state_dict()" in str(refused.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["types.FunctionType", "types.CodeType", "builtins.eval", "torch.hub.load", "nt.system",
             "numpy.load", "functools.reduce", "os.system", "dill._dill._create_code", "cloudpickle.loads"],
)  # fmt: skip
def test_what_runs_code_is_known_by_its_name(name: str) -> None:
    with pytest.raises(FileRefusedError, match=name):
        check_imports([name], [name])


@pytest.mark.parametrize(
    "name", ["code.models.resnet.ResNet", "my_project.config.Config", "mmengine.config.config.ConfigDict",
             "omegaconf.nodes.AnyNode", "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
             "easydict.EasyDict", "types.SimpleNamespace", "torch.optim.lr_scheduler.StepLR", "numpy.float64",
             "torch.nn.modules.conv.Conv2d"],
)  # fmt: skip
def test_classes_are_passed_over(name: str) -> None:
    check_imports([name], [name])
    assert passed_over([name]) == [name]


def test_python_2s_names_of_modules_are_known() -> None:
    for pickled in (b"c__builtin__\neval\n.", b"ccommands\ngetoutput\n.", b"(i__builtin__\nexecfile\n."):
        found = read_pickle(BytesIO(pickled))
        with pytest.raises(FileRefusedError, match="would run code"):
            check_imports(found.imports, found.calls)
    assert read_pickle(BytesIO(b"ccopy_reg\n_reconstructor\n.")).imports == {"copyreg._reconstructor"}


def test_a_call_inside_of_a_storages_bytes_is_refused(tmp_path: Path) -> None:
    """pickle writes a tensor with a file of torch's inside, which is a pickle again."""
    mark = tmp_path / "ran"
    pickled = pickle.dumps({"weight": torch.ones(2), "bait": Calls(torch.storage._load_from_bytes, hidden_call(mark))})
    found = read_pickle(BytesIO(pickled))
    with pytest.raises(FileRefusedError, match=r"would run code when opened \((posix|nt)\.mkdir\)"):
        check_imports(found.imports, found.calls)
    assert not mark.exists()


def hidden_call(mark: Path) -> bytes:
    file = BytesIO()
    torch.save(Calls(os.mkdir, str(mark)), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


STRANGE = {
    "an object of protocol 0": b"(iargparse\nNamespace\np0\n(dp1\nVlr\nF0.1\nsb.",
    "an object of protocol 1": b"(cargparse\nNamespace\no}U\x02lrK\x01sb.",
    "a thousand appended": b"cargparse\nNamespace\n)\x81" + b"K\x01a" * 1000 + b".",
    "a thousand imports": b"(" + b"".join(b"cargparse\nN%d\n" % n for n in range(1000)) + b"l.",
    "recalled after it was dropped": b"cargparse\nNamespace\nq\x00h\x00)\x81q\x01h\x01}b0h\x01.",
    "called by what it made": b"cargparse\nNamespace\n)R)R)R.",
    "a class as a persistent id": b"(U\x07storagecargparse\nNamespace\nU\x010U\x03cpuK\x01tQ.",
    "made with names": b"\x80\x04cargparse\nNamespace\n)}\x8c\x02lrK\x01s\x92.",
    "a frozen set": b"\x80\x04(K\x01K\x02\x91.",
    "an extension": b"\x82\x01.",
    "popped to a mark": b"K\x01(K\x02K\x031.",
}


@pytest.mark.parametrize("name", STRANGE)
def test_every_way_to_name_a_class_imports_nothing(name: str) -> None:
    modules = set(sys.modules)
    found = read_pickle(BytesIO(STRANGE[name]))
    assert set(sys.modules) == modules
    assert all(item.startswith(("argparse.N", "copyreg")) for item in passed_over(found.imports))


BROKEN = {
    "nothing": b"",
    "no end": b"K\x01",
    "a missing value": b"a.",
    "a value from below a mark": b"](a.",
    "an unknown operation": b"\xff.",
    "a memo that is not there": b"h\x07.",
    "a call of a number": b"K\x01)R.",
    "a call without a tuple": b"cargparse\nNamespace\n]R.",
    "an item of a number": b"K\x01K\x02a.",
    "an entry of a list": b"]K\x01K\x02s.",
    "a key that is a list": b"}]K\x01s.",
    "a key without a value": b"}(K\x01u.",
    "a mark that is not there": b"t.",
    "a buffer that is elsewhere": b"\x80\x05\x97.",
    "a module that is a number": b"\x80\x04K\x01\x8c\x01a\x93.",
    "deep": b"}" + b")" + b"\x85" * 200_000 + b"K\x01s.",
    "a key that doubles": b"}K\x01" + b"2\x86" * 60 + b"K\x01s.",
    "more than a state_dict": b"(" + b"N" * 2_000_001 + b"t.",
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pickle_raises_in_a_moment(name: str) -> None:
    with pytest.raises((ValueError, IndexError, KeyError, TypeError)):
        read(BROKEN[name])


SEEDS = [pickle.dumps(value, protocol) for value, _ in PLAIN.values() for protocol in (0, 2, 4)]
SEEDS += [pickle.dumps(harmful("ran"), protocol) for harmful in HARMFUL.values() for protocol in (0, 2, 4)]
SEEDS += list(STRANGE.values())
MUTANTS = 12_000


def test_mutants_of_every_pickle_import_and_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw = random.Random(0)
    modules, read_well = set(sys.modules), 0
    for number in range(MUTANTS):
        mutant = bytearray(draw.choice(SEEDS) if number % 3 else draw.choice(SEEDS)[:-1] + draw.choice(SEEDS))
        for _ in range(draw.randrange(1, 5)):
            mutant[draw.randrange(len(mutant))] = draw.randrange(256)
        try:
            found = read_pickle(BytesIO(bytes(mutant)))
        except Exception:  # broken ones raise all kinds of errors
            continue
        read_well += 1
        plain_value(found.value)
    assert read_well > MUTANTS // 20
    assert {name for name in set(sys.modules) - modules if not name.startswith("encodings.")} == set()
    assert not list(tmp_path.iterdir())


def test_the_stand_in_of_an_object_holds_what_it_was_given() -> None:
    value = read(b"\x80\x02cfastai.data\nItems\n(K\x01K\x02t\x81(K\x03K\x04eU\x01aK\x05s}U\x01bK\x06sb.")
    assert isinstance(value, StandIn)
    assert (value.name, value.arguments, value.items) == ("fastai.data.Items", (1, 2), [3, 4])
    assert (value.entries, value.state) == ({"a": 5}, {"b": 6})


class Array:
    """Pickles as a NumPy array of bytes that others share."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        make, arguments, (version, _, dtype, order, _) = np.ones(0, np.float32).__reduce__()
        return make, arguments, (version, (len(self.data) // 4,), dtype, order, self.data)


@pytest.mark.parametrize("protocol", [2, 4])
def test_bytes_that_many_arrays_share_are_there_once(protocol: int) -> None:
    data = bytes(1_000_000)
    pickled = pickle.dumps({f"{number}.weight": Array(data) for number in range(2000)}, protocol)
    assert len(pickled) < 2 * len(data)
    found, tensors = read(pickled), TensorValues(lambda key, dtype, count: Storage(None, 0, 0))
    tracemalloc.start()
    try:
        arrays = [tensors.tensor(value) for value in found.values()]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10 * len(data)
    assert {array.storage for array in arrays if isinstance(array, StoredTensor)} == {arrays[0].storage}


def test_pickles_inside_of_a_pickle_count_together() -> None:
    inner = b"(" + b"N" * 100_000 + b"t."
    with pytest.raises(ValueError, match="far more entries"):
        read(pickle.dumps([Calls(torch.storage._load_from_bytes, inner * 5) for _ in range(100)]))
