"""Torchvision's data sets, written by the tests in their own formats, so that the real readers and checks run."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import threading
from collections.abc import Generator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import tqdm
from torchvision import datasets

from resnet_studio.progress import Progress, finish
from resnet_studio.training.compute.data import Data, InMemoryImages
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from small import open_recipe_data

RANDOM = np.random.default_rng(0)
GRAY = {
    "train": RANDOM.integers(0, 256, (50, 28, 28), np.uint8),
    "t10k": RANDOM.integers(0, 256, (20, 28, 28), np.uint8),
}
LABELS = {"train": np.arange(50, dtype=np.uint8) % 10, "t10k": np.arange(20, dtype=np.uint8) % 10}


def idx(values: np.ndarray) -> bytes:
    """LeCun's format: 0, 0, 8 (bytes follow), dimensions, sizes, values."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


def make_mnist(root: Path, name: str = "MNIST") -> Path:
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(GRAY[part]))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(LABELS[part]))
    return raw


def make_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Five files of training images and one of test images, with their checksums patched into torchvision."""
    base = root / datasets.CIFAR10.base_folder
    base.mkdir(parents=True)
    rows = RANDOM.integers(0, 256, (60, 3072), np.uint8)
    sums: dict[str, str] = {}

    def write_part(name: str, values: dict[str, object]) -> None:
        (base / name).write_bytes(pickle.dumps(values))
        sums[name] = hashlib.md5((base / name).read_bytes()).hexdigest()

    for number in range(5):
        part = rows[10 * number : 10 * number + 10]
        write_part(f"data_batch_{number + 1}", {"data": part, "labels": list(range(10))})
    write_part("test_batch", {"data": rows[50:], "labels": list(range(10))})
    write_part("batches.meta", {"label_names": [f"class {number}" for number in range(10)]})
    for known in ("train_list", "test_list"):
        ours = [[name, sums[name]] for name, _ in getattr(datasets.CIFAR10, known)]
        monkeypatch.setattr(datasets.CIFAR10, known, ours)
    monkeypatch.setattr(datasets.CIFAR10, "meta", datasets.CIFAR10.meta | {"md5": sums["batches.meta"]})
    return rows


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist(tmp_path: Path, name: str, folder: str) -> None:
    make_mnist(tmp_path, folder)
    data = open_recipe_data(Recipe(data=name), root=tmp_path)
    assert isinstance(data.training, InMemoryImages)
    assert isinstance(data.test, InMemoryImages)
    np.testing.assert_array_equal(data.training.pixels[:, 0].numpy(), GRAY["train"])
    np.testing.assert_array_equal(data.test.pixels[:, 0].numpy(), GRAY["t10k"])
    np.testing.assert_array_equal(data.training.labels.numpy(), LABELS["train"])
    assert (data.size, len(data.classes), data.test_source) == ((1, 28, 28), 10, "the data set's 20 test images")
    assert data.mean == pytest.approx([GRAY["train"].mean() / 255], rel=1e-12)


def test_a_holdout_does_not_use_the_test_images(tmp_path: Path) -> None:
    """As the paper did to choose its schedule, with 5,000 of CIFAR-10's 50,000 training images."""
    make_mnist(tmp_path)
    data = open_recipe_data(Recipe(data="mnist", holdout=10), root=tmp_path)
    assert isinstance(data.test, InMemoryImages)
    assert (len(data.training), len(data.test)) == (40, 10)
    training = {image.tobytes() for image in GRAY["train"]}
    assert all(image.numpy().tobytes() in training for image in data.test.pixels)


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_cifar10(tmp_path, monkeypatch)
    data = open_recipe_data(Recipe(data="cifar10"), root=tmp_path)
    assert isinstance(data.training, InMemoryImages)
    assert data.size == (3, 32, 32)
    np.testing.assert_array_equal(data.training.pixels.numpy(), rows[:50].reshape(50, 3, 32, 32))
    assert torch.equal(data.training.labels, torch.arange(50) % 10)
    assert data.classes[3] == "class 3"


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "mnist", "fashion-mnist"])
def test_a_missing_data_set_gives_one_clear_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"is not downloaded\. Use --download to get \d+ MB into .*no download$"):
        open_recipe_data(Recipe(data=name), root=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("cut", [1000, 2])
def test_a_damaged_data_set_is_reported(tmp_path: Path, cut: int) -> None:
    images = make_mnist(tmp_path) / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"MNIST in .* is damaged"):
        open_recipe_data(Recipe(data="mnist"), root=tmp_path)


def test_a_flipped_bit_in_cifar10_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_cifar10(tmp_path, monkeypatch)
    path = tmp_path / datasets.CIFAR10.base_folder / "data_batch_3"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"is damaged|is not downloaded"):
        open_recipe_data(Recipe(data="cifar10"), root=tmp_path)


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served on this machine, and its address."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_download_reports_its_progress(
    tmp_path: Path, mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """With torchvision's download and checks, from a server on this machine."""
    folder, address = mirror
    resources = []
    for path in sorted(make_mnist(tmp_path / "made").iterdir()):
        packed = folder / f"{path.name}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        resources.append((packed.name, hashlib.md5(packed.read_bytes()).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "mirrors", [address])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(tqdm.tqdm, "monitor_interval", 0)  # else it starts a thread that never ends
    steps = open_data(Recipe(data="mnist"), 28, tmp_path / "data", download=True)
    progress: list[Progress] = []

    def steps_with_progress() -> Generator[None, None, Data]:
        while True:
            try:
                progress.append(next(steps))
            except StopIteration as end:
                data: Data = end.value
                return data
            yield

    assert len(finish(steps_with_progress()).training) == 50
    assert any(step.what.startswith("downloading MNIST, ") for step in progress)


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_a_download_without_a_network_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The proxy is a closed port (conftest.py)."""
    with pytest.raises(DataError, match=r"could not be downloaded \(.+\)\. Digits and .* need no download$"):
        open_recipe_data(Recipe(data=name), root=tmp_path, download=True)
