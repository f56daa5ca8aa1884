"""Whoever looks with a run's saved weights sees what the run has measured, image by image.

For every way to normalize, every kind of data, and files that earlier versions have written.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from resnet_studio.inference.compute.forward import forward_steps
from resnet_studio.inference.compute.transforms import preprocess
from resnet_studio.inference.compute.weights import load
from resnet_studio.inference.images import references
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.values import ForwardSpec, WeightsFile
from resnet_studio.inference.weights.provenance import COMPLETERS, TrainingProvenance, to_metadata
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.modules.network import build
from resnet_studio.progress import finish
from resnet_studio.training import dataset_images, snapshots
from resnet_studio.training.compute import folders
from resnet_studio.training.compute.data import Data
from resnet_studio.training.datasets import DataError, fitted
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs import weights as earlier
from resnet_studio.training.runs.events import Measured, Probed
from small import SHORT, TINY, class_folders, make_run, only, opened, train

QUICK = replace(SHORT, length=1, batch_size=16, lr=0.02)
NORMALIZED = ("channel", "pixel")
LOOKS = 40
"""Images that are looked at whole; of all others of a set the input is compared, bit for bit."""


@pytest.fixture(autouse=True)
def as_in_the_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(references.OPENERS, dataset_images.PREFIX, dataset_images.open_reference)
    monkeypatch.setitem(COMPLETERS, "run", earlier.completed)
    yield
    dataset_images._opened.clear()


def grey_folders(root: Path) -> Path:
    """Grey files of sizes that training has to cut, with a black border that the mean image has to know of."""
    for label, name in enumerate("abc"):
        (root / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(100 * label + number).integers(0, 256, (21 + number, 34 - label), np.uint8)
            pixels[:5] = 0
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def rgb_folders(root: Path) -> Path:
    return class_folders(root, {"cat": 14, "dog": 12, "newt": 11})


def split_folders(root: Path) -> Path:
    """With test images of their own, in JPEG."""
    for split, count in (("train", 12), ("val", 5)):
        for label, name in enumerate(("left", "right")):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.random.default_rng(number + 50 * label).integers(0, 256, (40, 55, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.jpg", quality=95)
    return root


def write_cifar(root: Path) -> None:
    """CIFAR-10's own format, with a few images: five files of training images, one of test images, the names."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for seed, name in enumerate([*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]):
        generator = np.random.default_rng(seed)
        labels = list(range(10)) * 2
        pixels = generator.integers(0, 256, (20, 3, 32, 32), np.uint8)
        pixels[:, :, :8] //= 8  # so that the mean of each pixel is far from that of its channel
        (folder / name).write_bytes(pickle.dumps({"data": pixels.reshape(20, -1), "labels": labels}))
    names = [f"thing {number}" for number in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data sets with a CIFAR-10 of 120 images, whose checksums are not those that torchvision knows."""
    import torchvision.datasets.cifar as of_torchvision

    root = tmp_path / "data"
    write_cifar(root)
    monkeypatch.setattr(of_torchvision, "check_integrity", lambda path, md5=None: Path(path).exists())
    for module in (dataset_images, earlier):
        monkeypatch.setattr(module, "data_folder", lambda: root)
    return root


def trained(folder: Path, recipe: Recipe, image: int = 8) -> tuple[Path, Architecture, Data]:
    """A run to its end: its newest weights, its network as fitted to the data, its data."""
    data = opened(recipe, image, folder.parent / "data")
    channels, side, _ = data.size
    architecture, _ = fitted(replace(TINY, image=image, channels=3), channels, side, len(data.classes))
    make_run(folder, recipe, replace(TINY, image=image, channels=3))
    assert train(folder) == "finished"
    return newest(folder), architecture, data


def newest(folder: Path) -> Path:
    return sorted((folder / run_folder.CHECKPOINTS).glob("step-*"))[-1] / "weights.safetensors"


def measured_error(folder: Path) -> float:
    return [event.error for event in only(Measured, folder) if event.split == "test"][-1]


def by_the_run(weights: Path, architecture: Architecture, data: Data) -> torch.Tensor:
    """Probabilities of every test image as the run computes them: its own batches and its own normalization."""
    network = build(architecture, 0)
    network.load_state_dict(safetensors.torch.load(weights.read_bytes()))
    batches = data.test.batches([(None, torch.arange(len(data.test)))], "none")
    with torch.no_grad():
        return torch.cat([network.eval()(data.normalise(pixels)).softmax(1) for pixels, _ in batches])


def looked_at(weights: Path, architecture: Architecture, data: str, count: int) -> torch.Tensor:
    """The same probabilities by the weights' own path: each image opened by its reference, one look at it."""
    rows = torch.zeros(count, architecture.classes)
    for index in range(count):
        subject = ForwardSpec(f"data:{data}:test:{index}", architecture, WeightsFile(weights))
        found = finish(forward_steps(subject, ())).predictions
        assert found
        assert len(found) == min(5, architecture.classes)
        for prediction in found:
            rows[index, prediction.number] = prediction.probability
    return rows


def assert_equal(folder: Path, weights: Path, architecture: Architecture, data: Data, name: str) -> None:
    """Image by image, and all together the error that the run has told."""
    run = by_the_run(weights, architecture, data)
    assert float((run.argmax(1) != data.test.labels).double().mean()) == pytest.approx(measured_error(folder))
    look = looked_at(weights, architecture, name, min(LOOKS, len(run)))
    assert torch.equal(look.argmax(1), run[: len(look)].argmax(1))
    assert (look - run[: len(look)])[look > 0].abs().max() < 1e-6
    _, info = load(architecture, WeightsFile(weights))
    for index in range(len(run)):
        [(pixels, _)] = data.test.batches([(None, torch.tensor([index]))], "none")
        image = open_reference(f"data:{name}:test:{index}")
        assert torch.equal(preprocess(image, info.preprocessing, architecture.channels), data.normalise(pixels))


@pytest.mark.parametrize("normalise", NORMALIZED)
@pytest.mark.parametrize(
    "changes",
    [
        {"length": 2, "batch_size": 128},
        {"augmentation": "shift", "precision": "bf16"},
        {"optimizer": "adamw", "lr": 0.003},
    ],
    ids=["plain", "bf16", "adamw"],
)
def test_digits(tmp_path: Path, normalise: str, changes: dict[str, object]) -> None:
    recipe = replace(QUICK, normalise=normalise, **changes)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe)
    assert_equal(tmp_path / "run", weights, architecture, data, "digits")


@pytest.mark.parametrize("normalise", NORMALIZED)
@pytest.mark.parametrize("streamed", [False, True], ids=["held", "streamed"])
@pytest.mark.parametrize("make", [grey_folders, rgb_folders, split_folders])
def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make, streamed: bool, normalise: str) -> None:
    if streamed:
        monkeypatch.setattr(folders, "MOST_HELD", 0)
    folder = make(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise=normalise, batch_size=8)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe, image=16)
    assert_equal(tmp_path / "run", weights, architecture, data, str(folder))


@pytest.mark.parametrize("normalise", NORMALIZED)
@pytest.mark.parametrize("augmentation", ["none", "crop-flip"])
def test_a_set_in_cifars_format(cifar: Path, tmp_path: Path, normalise: str, augmentation: str) -> None:
    recipe = replace(QUICK, data="cifar10", normalise=normalise, augmentation=augmentation)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe, image=32)
    assert_equal(tmp_path / "run", weights, architecture, data, "cifar10")


def test_every_moment_of_a_resumed_run(tmp_path: Path) -> None:
    """Also the initial weights, and those of a run that was stopped."""
    recipe = replace(QUICK, normalise="pixel", length=2, batch_size=128)
    folder = tmp_path / "run"
    weights, architecture, data = trained(folder, recipe)
    for place in (folder / run_folder.CHECKPOINTS).glob("step-*"):
        weights = place / "weights.safetensors"
        run, look = by_the_run(weights, architecture, data), looked_at(weights, architecture, "digits", 20)
        assert (look - run[:20])[look > 0].abs().max() < 1e-6


def test_a_channel_that_never_changes_is_divided_by_one(tmp_path: Path) -> None:
    """Its deviation is 0, which made the whole file be taken for another program's."""
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            pixels[..., 1] = 70
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    recipe = replace(QUICK, data=str(tmp_path / "images"), batch_size=8)
    weights, architecture, data = trained(tmp_path / "run", recipe)
    assert load(architecture, WeightsFile(weights))[1].labels == ("a", "b")
    assert_equal(tmp_path / "run", weights, architecture, data, recipe.data)


@pytest.mark.parametrize("normalise", NORMALIZED)
def test_snapshots_show_the_probabilities_that_maps_shows(tmp_path: Path, normalise: str) -> None:
    recipe = replace(QUICK, normalise=normalise)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe)
    last = [event for event in only(Probed, tmp_path / "run") if isinstance(event, Probed)][-1]
    probe = snapshots.load(tmp_path / "run" / last.file)
    for truth, top in zip(probe.truth, probe.top, strict=True):
        index = int((data.test.labels == data.classes.index(truth)).nonzero()[0, 0])
        look = finish(forward_steps(ForwardSpec(f"data:digits:test:{index}", architecture, WeightsFile(weights)), ()))
        assert look.predictions
        shown = {one.label: one.probability for one in look.predictions}
        assert shown == pytest.approx(dict(top), abs=1e-6)


def made_older(weights: Path, data: Data) -> None:
    """As the first version saved it: mean and deviation of the channels, whatever was subtracted."""
    from resnet_studio.inference.weights.provenance import of_file

    origin = of_file(weights.read_bytes())[0]
    assert isinstance(origin, TrainingProvenance)
    older = replace(origin, mean=data.mean, deviation=data.deviation, mean_image=b"", version=1)
    tensors = safetensors.torch.load(weights.read_bytes())
    weights.write_bytes(safetensors.torch.save(tensors, to_metadata(older, safetensors.torch.save(tensors))))


@pytest.mark.parametrize("normalise", NORMALIZED)
def test_an_earlier_versions_weights_are_right_in_their_runs_folder(tmp_path: Path, normalise: str) -> None:
    weights, architecture, data = trained(tmp_path / "run", replace(QUICK, normalise=normalise))  # type: ignore[arg-type]
    made_older(weights, data)
    assert load(architecture, WeightsFile(weights))[1].doubts == ()
    assert_equal(tmp_path / "run", weights, architecture, data, "digits")


def test_an_earlier_versions_weights_of_a_folder_are_right_while_the_folder_is_there(tmp_path: Path) -> None:
    folder = rgb_folders(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise="pixel", batch_size=8)
    weights, architecture, data = trained(tmp_path / "run", recipe, image=16)
    made_older(weights, data)
    assert_equal(tmp_path / "run", weights, architecture, data, str(folder))
    for image in folder.rglob("*.png"):
        Image.new("RGB", (16, 16), "white").save(image)
    again = weights.with_name("again.safetensors")
    again.write_bytes(weights.read_bytes())
    assert "have changed since" in load(architecture, WeightsFile(again))[1].doubts[0]
    folder.rename(tmp_path / "elsewhere")
    assert "its data are not here" in load(architecture, WeightsFile(again))[1].doubts[0]


def test_an_earlier_versions_weights_away_from_their_run_are_doubted(tmp_path: Path) -> None:
    weights, architecture, data = trained(tmp_path / "run", replace(QUICK, normalise="pixel"))
    made_older(weights, data)
    moved = tmp_path / "mine.safetensors"
    moved.write_bytes(weights.read_bytes())
    assert "did not say how the images were normalized" in load(architecture, WeightsFile(moved))[1].doubts[0]


def test_a_mean_image_that_is_too_large_to_be_kept_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rgb_folders(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise="pixel", batch_size=8)
    monkeypatch.setattr("resnet_studio.training.compute.data.LARGEST_MEAN_IMAGE", 4 * 3 * 16**2)
    opened(recipe, 16)
    with pytest.raises(DataError, match=r"up to 16 pixels a side, not 17\. Choose normalise=channel"):
        opened(recipe, 17)
    opened(replace(recipe, normalise="channel"), 17)
