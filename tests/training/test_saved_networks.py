"""A forward pass with a run's saved weights gives the predictions that the run has measured, image by image.

For every normalization, every kind of data, and files that earlier versions have written.
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
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width
from resnet_studio.networks.modules.network import build
from resnet_studio.progress import finish
from resnet_studio.training import dataset_images, snapshots
from resnet_studio.training.compute import folders
from resnet_studio.training.compute.data import Data
from resnet_studio.training.datasets import DataError, fit_architecture
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs import weights as earlier
from resnet_studio.training.runs.events import Measured, Probed
from small import SHORT, TINY, events_of, make_class_folders, make_run, open_recipe_data, train

QUICK = replace(SHORT, length=1, batch_size=16, lr=0.02)
NORMALIZED = ("channel", "pixel")
FORWARDS = 40
"""Images that are run through the network. For all others only the input is compared, bit for bit."""


@pytest.fixture(autouse=True)
def registered_openers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(references.OPENERS, dataset_images.PREFIX, dataset_images.open_reference)
    monkeypatch.setitem(COMPLETERS, "run", earlier.complete_provenance)
    yield
    dataset_images._open_splits.clear()


def gray_folders(root: Path) -> Path:
    """Grayscale files that training has to crop, with a black border that shows in the mean image."""
    for label, name in enumerate("abc"):
        (root / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(100 * label + number).integers(0, 256, (21 + number, 34 - label), np.uint8)
            pixels[:5] = 0
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


def rgb_folders(root: Path) -> Path:
    return make_class_folders(root, {"cat": 14, "dog": 12, "newt": 11})


def split_folders(root: Path) -> Path:
    """JPEG files with their own test images."""
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
    """A folder of data sets with a CIFAR-10 of 120 images, whose checksums torchvision doesn't know."""
    import torchvision.datasets.cifar as of_torchvision

    root = tmp_path / "data"
    write_cifar(root)
    monkeypatch.setattr(of_torchvision, "check_integrity", lambda path, md5=None: Path(path).exists())
    for module in (dataset_images, earlier):
        monkeypatch.setattr(module, "data_folder", lambda: root)
    return root


def trained(folder: Path, recipe: Recipe, image: ImageSize = 8) -> tuple[Path, Architecture, Data]:
    """Train a run to its end. Returns its newest weights, the fitted architecture and the data."""
    data = open_recipe_data(recipe, image, folder.parent / "data")
    channels, *sides = data.size
    fitted = replace(TINY, image=image, channels=3), channels, as_image_size(sides), len(data.classes)
    architecture, _ = fit_architecture(*fitted)
    make_run(folder, recipe, replace(TINY, image=image, channels=3))
    assert train(folder) == "finished"
    return newest(folder), architecture, data


def newest(folder: Path) -> Path:
    return sorted((folder / run_folder.CHECKPOINTS).glob("step-*"))[-1] / "weights.safetensors"


def measured_error(folder: Path) -> float:
    return [event.error for event in events_of(Measured, folder) if event.split == "test"][-1]


def probabilities_in_run(weights: Path, architecture: Architecture, data: Data) -> torch.Tensor:
    """Probabilities of every test image as the run computes them, with its batches and normalization."""
    network = build(architecture, 0)
    network.load_state_dict(safetensors.torch.load(weights.read_bytes()))
    batches = data.test.batches([(None, torch.arange(len(data.test)))], "none")
    with torch.no_grad():
        return torch.cat([network.eval()(data.normalize(pixels)).softmax(1) for pixels, _ in batches])


def probabilities_by_forward(weights: Path, architecture: Architecture, data: str, count: int) -> torch.Tensor:
    """The same probabilities by inference: each image opened by its reference, with one forward pass each."""
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
    """Compare the two image by image, and their error with the one that the run has measured."""
    run = probabilities_in_run(weights, architecture, data)
    assert float((run.argmax(1) != data.test.labels).double().mean()) == pytest.approx(measured_error(folder))
    forward = probabilities_by_forward(weights, architecture, name, min(FORWARDS, len(run)))
    assert torch.equal(forward.argmax(1), run[: len(forward)].argmax(1))
    assert (forward - run[: len(forward)])[forward > 0].abs().max() < 1e-6
    _, info = load(architecture, WeightsFile(weights))
    for index in range(len(run)):
        [(pixels, _)] = data.test.batches([(None, torch.tensor([index]))], "none")
        image = open_reference(f"data:{name}:test:{index}")
        assert torch.equal(preprocess(image, info.preprocessing, architecture.channels), data.normalize(pixels))


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
@pytest.mark.parametrize("make", [gray_folders, rgb_folders, split_folders])
def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make, streamed: bool, normalise: str) -> None:
    if streamed:
        monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    folder = make(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise=normalise, batch_size=8)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe, image=16)
    assert_equal(tmp_path / "run", weights, architecture, data, str(folder))


@pytest.mark.parametrize("normalise", NORMALIZED)
@pytest.mark.parametrize(
    ("streamed", "augmentation"),
    [(False, "none"), (False, "resized-crop"), (False, "shift"), (True, "resized-crop"), (True, "scale-crop")],
)
@pytest.mark.parametrize("image", [(12, 20), (20, 8)])
def test_images_that_are_not_square(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: ImageSize, streamed: bool, augmentation: str, normalise: str
) -> None:
    if streamed:
        monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)
    folder = rgb_folders(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise=normalise, augmentation=augmentation, batch_size=8)
    weights, architecture, data = trained(tmp_path / "run", recipe, image)
    assert (architecture.image, data.size) == (image, (3, *height_width(image)))
    assert_equal(tmp_path / "run", weights, architecture, data, str(folder))
    last = [event for event in events_of(Probed, tmp_path / "run") if isinstance(event, Probed)][-1]
    probe = snapshots.load(tmp_path / "run" / last.file)
    assert probe.images[0].shape == (*height_width(image), 3)
    assert next(iter(probe.shapes.values()))[1:] == height_width(image)  # the stem of CIFAR networks keeps the size


@pytest.mark.parametrize("normalise", NORMALIZED)
@pytest.mark.parametrize("augmentation", ["none", "crop-flip"])
def test_a_data_set_in_cifars_format(cifar: Path, tmp_path: Path, normalise: str, augmentation: str) -> None:
    recipe = replace(QUICK, data="cifar10", normalise=normalise, augmentation=augmentation)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe, image=32)
    assert_equal(tmp_path / "run", weights, architecture, data, "cifar10")


def test_every_checkpoint_of_a_resumed_run(tmp_path: Path) -> None:
    """Including the initial weights and those of the stopped run."""
    recipe = replace(QUICK, normalise="pixel", length=2, batch_size=128)
    folder = tmp_path / "run"
    weights, architecture, data = trained(folder, recipe)
    for checkpoint in (folder / run_folder.CHECKPOINTS).glob("step-*"):
        weights = checkpoint / "weights.safetensors"
        run, forward = (
            probabilities_in_run(weights, architecture, data),
            probabilities_by_forward(weights, architecture, "digits", 20),
        )
        assert (forward - run[:20])[forward > 0].abs().max() < 1e-6


def test_a_constant_channel_is_divided_by_one(tmp_path: Path) -> None:
    """Its deviation is 0, which once made the whole file count as one of another program."""
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
def test_snapshots_have_the_probabilities_of_a_forward_pass(tmp_path: Path, normalise: str) -> None:
    recipe = replace(QUICK, normalise=normalise)  # type: ignore[arg-type]
    weights, architecture, data = trained(tmp_path / "run", recipe)
    last = [event for event in events_of(Probed, tmp_path / "run") if isinstance(event, Probed)][-1]
    probe = snapshots.load(tmp_path / "run" / last.file)
    for truth, top in zip(probe.truth, probe.top, strict=True):
        index = int((data.test.labels == data.classes.index(truth)).nonzero()[0, 0])
        forward = finish(
            forward_steps(ForwardSpec(f"data:digits:test:{index}", architecture, WeightsFile(weights)), ())
        )
        assert forward.predictions
        shown = {one.label: one.probability for one in forward.predictions}
        assert shown == pytest.approx(dict(top), abs=1e-6)


def make_older(weights: Path, data: Data) -> None:
    """Rewrite weights as the first version saved them: with the channels' mean and deviation, whatever was used."""
    from resnet_studio.inference.weights.provenance import read_provenance

    origin = read_provenance(weights.read_bytes())[0]
    assert isinstance(origin, TrainingProvenance)
    older = replace(origin, mean=data.mean, deviation=data.std, mean_image=b"", version=1)
    tensors = safetensors.torch.load(weights.read_bytes())
    weights.write_bytes(safetensors.torch.save(tensors, to_metadata(older, safetensors.torch.save(tensors))))


@pytest.mark.parametrize("normalise", NORMALIZED)
def test_an_earlier_versions_weights_are_completed_from_their_runs_folder(tmp_path: Path, normalise: str) -> None:
    weights, architecture, data = trained(tmp_path / "run", replace(QUICK, normalise=normalise))  # type: ignore[arg-type]
    make_older(weights, data)
    assert load(architecture, WeightsFile(weights))[1].caveats == ()
    assert_equal(tmp_path / "run", weights, architecture, data, "digits")


def test_an_earlier_versions_weights_are_completed_while_their_folder_exists(tmp_path: Path) -> None:
    folder = rgb_folders(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise="pixel", batch_size=8)
    weights, architecture, data = trained(tmp_path / "run", recipe, image=16)
    make_older(weights, data)
    assert_equal(tmp_path / "run", weights, architecture, data, str(folder))
    for image in folder.rglob("*.png"):
        Image.new("RGB", (16, 16), "white").save(image)
    again = weights.with_name("again.safetensors")
    again.write_bytes(weights.read_bytes())
    assert "has changed since" in load(architecture, WeightsFile(again))[1].caveats[0]
    folder.rename(tmp_path / "elsewhere")
    assert "its data set can't be opened" in load(architecture, WeightsFile(again))[1].caveats[0]


def test_an_earlier_versions_weights_outside_their_run_have_a_caveat(tmp_path: Path) -> None:
    weights, architecture, data = trained(tmp_path / "run", replace(QUICK, normalise="pixel"))
    make_older(weights, data)
    moved = tmp_path / "mine.safetensors"
    moved.write_bytes(weights.read_bytes())
    assert "did not record how images were normalized" in load(architecture, WeightsFile(moved))[1].caveats[0]


def test_a_mean_image_that_is_too_large_to_save_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = rgb_folders(tmp_path / "images")
    recipe = replace(QUICK, data=str(folder), normalise="pixel", batch_size=8)
    monkeypatch.setattr("resnet_studio.training.compute.data.LARGEST_MEAN_IMAGE", 4 * 3 * 16**2)
    open_recipe_data(recipe, 16)
    with pytest.raises(DataError, match=r"up to 16×16, not 17×17\. Use normalise=channel"):
        open_recipe_data(recipe, 17)
    open_recipe_data(replace(recipe, normalise="channel"), 17)
