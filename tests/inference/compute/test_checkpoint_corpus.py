"""Every container with every prefix and precision gives the maker's tensors; damaged and lying ones never others."""

from __future__ import annotations

import json
import pickle
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from checkpoints import (
    BESIDE,
    NESTS,
    PRECISIONS,
    PREFIXES,
    WRITERS,
    State,
    arrays,
    converted,
    legacy,
    prefixed,
    write_shards,
    zipped,
)
from resnet_studio.inference.compute.checkpoint_file import read
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Residual
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.modules.network import build

TINY = Residual(Basic(), (1,), width=4, stem="cifar", image=16, classes=10)
STATE: State = build(TINY, seed=3).state_dict()
WRAPPERS = {"module", "_orig_mod"}
LIMIT = 10_000_000


def unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def check(path: Path, written: State, container: str, precision: str) -> None:
    """The file holds exactly these tensors, bit by bit."""
    found = read(path, LIMIT)
    assert (found.contents.container, found.contents.precision) == (container, precision)
    loaded = found.load(found.contents.tensors)
    wanted = {unwrapped(name): tensor for name, tensor in written.items()}
    assert loaded.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)
        assert found.contents.shapes[name] == tuple(tensor.shape)


@pytest.mark.parametrize("container", WRITERS)
def test_every_container_nest_and_prefix_gives_the_makers_tensors(container: str, tmp_path: Path) -> None:
    for ((nest, wrap), prefix), precision in zip(product(NESTS.items(), PREFIXES), cycle(PRECISIONS), strict=False):
        written = prefixed(converted(STATE, precision), prefix)
        path = tmp_path / "weights.bin"
        path.write_bytes(WRITERS[container](wrap(written)))
        check(path, written, container, str(precision).removeprefix("torch."))
        assert read(path, LIMIT).contents.path == nest


@pytest.mark.parametrize("precision", [torch.float16, torch.float32, torch.float64])
def test_arrays_in_a_plain_pickle_are_weights(precision: torch.dtype, tmp_path: Path) -> None:
    written = converted(STATE, precision)
    path = tmp_path / "R-50.pkl"
    path.write_bytes(arrays({"model": written, "__author__": "Detectron2", "matching_heuristics": True}))
    check(path, written, "plain pickle", str(precision).removeprefix("torch."))
    columns_first = np.asfortranarray(np.arange(12, dtype=">f4").reshape(3, 4))  # big-endian, as no machine of today
    for write in (partial(pickle.dumps, protocol=2), partial(pickle.dumps, protocol=5), zipped):
        path.write_bytes(write({"fc.weight": columns_first}))
        loaded = read(path, LIMIT).load(["fc.weight"])["fc.weight"]
        assert torch.equal(loaded, torch.arange(12, dtype=torch.float32).view(3, 4))


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_shards_are_read_by_their_index(suffix: str, precision: torch.dtype, tmp_path: Path) -> None:
    written = prefixed(converted(STATE, precision), "resnet.")
    index = write_shards(tmp_path, written, suffix)
    container = "safetensors" if suffix == ".safetensors" else "PyTorch zip"
    for path in (index, tmp_path / f"model-00002-of-00002{suffix}"):  # a shard is read with the others
        check(path, written, f"{container}, 2 shards", str(precision).removeprefix("torch."))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_safetensors_file_is_read_by_its_header(precision: torch.dtype, tmp_path: Path) -> None:
    written = prefixed(converted(STATE, precision), "_orig_mod.")
    path = tmp_path / "renamed.pth"
    path.write_bytes(safetensors.torch.save(written, {"arch": "resnet18"}))
    check(path, written, "safetensors", str(precision).removeprefix("torch."))
    assert read(path, LIMIT).contents.header == {"arch": "resnet18"}


def test_what_is_beside_the_weights_becomes_plain_metadata(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth.tar"
    path.write_bytes(zipped({**BESIDE, "state_dict": STATE}))
    contents = read(path, LIMIT).contents
    assert contents.metadata["epoch"] == 89
    assert contents.metadata["best_acc1"] == 71.5
    assert contents.metadata["args"] == {"lr": 0.1, "data": "/data/imagenet", "workers": 4}
    assert ("optimizer", "optimizer state") in {(entry.name, entry.reason) for entry in contents.ignored}
    json.dumps(contents.metadata)


def test_a_tensor_may_be_any_view_of_a_storage(tmp_path: Path) -> None:
    """Also one that all tensors share, or one in torch's memory format channels_last."""
    flat = torch.arange(400, dtype=torch.float32)
    state = {
        "conv.weight": flat[:36].view(1, 4, 3, 3),
        "last.weight": flat[36:108].view(2, 4, 3, 3).to(memory_format=torch.channels_last),
        "fc.weight": flat[108:208].view(10, 10).t(),
        "fc.bias": flat[300:330:3],
        "none.weight": flat[:0].view(0, 4),
    }
    for written in (zipped(state), legacy(state)):
        (tmp_path / "views.pth").write_bytes(written)
        found = read(tmp_path / "views.pth", LIMIT)
        loaded = found.load(found.contents.tensors)
        assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())


def test_only_the_tensors_that_are_loaded_are_read(tmp_path: Path) -> None:
    data = bytearray(zipped(STATE))
    data[data.index(STATE["fc.weight"].numpy().tobytes()) + 5] ^= 1
    (tmp_path / "damaged.pth").write_bytes(data)
    found = read(tmp_path / "damaged.pth", LIMIT)
    assert torch.equal(found.load(["conv1.weight"])["conv1.weight"], STATE["conv1.weight"])
    with pytest.raises(WeightsError, match=r"^damaged\.pth is damaged"):
        found.load(["fc.weight"])


def test_a_file_that_changes_between_looking_and_loading_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(zipped(STATE))
    found = read(path, LIMIT)
    path.write_bytes(zipped({**STATE, "more": torch.ones(3)}))
    with pytest.raises(WeightsError, match="changed while it was being read"):
        found.load(["conv1.weight"])
    with pytest.raises(WeightsError, match="changed while it was being read"):
        assert found.sha256


def spliced(data: bytes, draw: random.Random, *, moves: bool) -> bytes:
    """The bytes with a part cut off, cut out, put in or repeated; if `moves`, also overwritten or exchanged."""
    start, length = draw.randrange(len(data)), draw.randrange(1, 64) if draw.random() < 0.5 else draw.randrange(1, 5000)
    end, other = min(start + length, len(data)), draw.randrange(len(data))
    part = data[start:end]
    ways: list[Callable[[], bytes]] = [
        lambda: data[: max(start, 1)],
        lambda: data[:start] + data[end:] or b"\0",
        lambda: data[:other] + part + data[other:],
        lambda: data[:start] + bytes(draw.randrange(256) for _ in range(9)) + data[start:],
    ]
    if moves:
        ways += [
            lambda: data[:start] + bytes(len(part)) + data[end:],
            lambda: data[:other] + part + data[other + len(part) :],
            lambda: data[:start] + bytes([data[start] ^ 1 << draw.randrange(8)]) + data[start + 1 :],
        ]
    return draw.choice(ways)()


def archived(records: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    return file.getvalue()


def zip_lie(draw: random.Random) -> bytes:
    """A file of torch.save with another number in its pickle, or another type or name, and right checksums."""
    with zipfile.ZipFile(BytesIO(ZIP)) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    records["archive/data.pkl"] = pickle_lie(records["archive/data.pkl"], draw)
    return archived(records)


def pickle_lie(pickled: bytes, draw: random.Random) -> bytes:
    places = [place for operation, _, place in pickletools.genops(pickled) if operation.name in ("BININT1", "BININT2")]
    if draw.random() < 0.3:
        kinds = (b"FloatStorage", b"LongStorage", b"HalfStorage", b"DoubleStorage", b"IntStorage")
        return pickled.replace(draw.choice(kinds[:2]), draw.choice(kinds))
    place, changed = draw.choice(places), bytearray(pickled)
    changed[place + 1] = draw.choice((0, 1, 2, 3, 255, changed[place + 1] + 1 & 255, changed[place + 1] ^ 16))
    return bytes(changed)


def old_lie(draw: random.Random) -> bytes:
    """The same for a file from before 1.6, which has no checksums."""
    stream = BytesIO(LEGACY)
    ends = [0, *(stream.tell() for _ in range(4) if list(pickletools.genops(stream)))]
    return LEGACY[: ends[3]] + pickle_lie(LEGACY[ends[3] : ends[4]], draw) + LEGACY[ends[4] :]


def header_lie(draw: random.Random) -> bytes:
    """A safetensors file whose header says something else of one tensor."""
    length = int.from_bytes(SAFETENSORS[:8], "little")
    header = json.loads(SAFETENSORS[8 : 8 + length])
    name = draw.choice([name for name in header if name != "__metadata__"])
    entry = header[name]
    ways: list[Callable[[], object]] = [
        lambda: entry.update(dtype=draw.choice(("F16", "I32", "F64", "U8", "F31"))),
        lambda: entry.update(shape=[*entry["shape"], 1]),
        lambda: entry.update(shape=[2**40, 2**40]),
        lambda: entry.update(shape=[-1]),
        lambda: entry.update(data_offsets=[value + draw.choice((-4, 4, 2**40)) for value in entry["data_offsets"]]),
        lambda: header.update({f"{name}.other": header.pop(name)}),
        lambda: header.pop(name),
    ]
    draw.choice(ways)()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + SAFETENSORS[8 + length :]


ZIP, LEGACY, SAFETENSORS = zipped({"state_dict": STATE, **BESIDE}), legacy(STATE), safetensors.torch.save(STATE)


def bad_files(count: int) -> Iterator[tuple[str, bytes]]:
    """Spliced, cut and lying files. Without checksums, no reader sees that equal numbers of values changed places."""
    draw = random.Random(0)
    makers: dict[str, Callable[[], bytes]] = {
        "a spliced zip": lambda: spliced(ZIP, draw, moves=True),
        "a lying zip": lambda: zip_lie(draw),
        "a spliced old file": lambda: spliced(LEGACY, draw, moves=False),
        "a lying old file": lambda: old_lie(draw),
        "a spliced safetensors": lambda: spliced(SAFETENSORS, draw, moves=False),
        "a lying safetensors": lambda: header_lie(draw),
    }
    for _, (name, make) in zip(range(count), cycle(makers.items()), strict=False):
        yield name, make()


def test_none_of_500_splices_cuts_and_lies_loads_silently_wrong(tmp_path: Path) -> None:
    refused = []
    for number, (name, data) in enumerate(bad_files(500)):
        path = tmp_path / "bad.pth"
        path.write_bytes(data)
        try:
            network, info = load(TINY, WeightsFile(path))
        except WeightsError as error:
            refused.append(str(error))
            continue
        got = network.state_dict()
        wrong = [key for key in STATE if not torch.equal(got[key], STATE[key])]
        if not info.trained:  # the head is missing, which is said
            assert any("fc is random" in caveat for caveat in info.caveats)
            wrong = [key for key in wrong if not key.startswith("fc.")]
        assert not wrong, (number, name, wrong)
    assert all(message.startswith("bad.pth ") for message in refused)
    assert len(refused) > 400  # the rest has lost nothing: only the optimizer, or bytes between the records, changed
