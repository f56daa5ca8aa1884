"""Folders of class folders made by the tests: what is read, how it is split, and every kind of damage."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.networks.image_size import ImageSize, height_width
from resnet_studio.training.compute import folders
from resnet_studio.training.compute.data import Data, InMemoryImages
from resnet_studio.training.compute.folders import StreamedImages
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Augmentation, Recipe
from resnet_studio.training.runs.events import Ended, Noted, Prepared
from small import (
    TINY,
    after_step,
    events_of,
    make_class_folders,
    make_run,
    noise_image,
    open_recipe_data,
    read_curves,
    train,
)

CLASSES = {"cats": 20, "dogs": 15}
RGB = replace(TINY, channels=3)


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_class_folders(tmp_path_factory.mktemp("data") / "animals", CLASSES)


@pytest.fixture
def copied(animals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(animals, tmp_path / "animals"))


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 0)


def recipe_for(folder: Path, **changes: object) -> Recipe:
    values = {"length": 2, "batch_size": 8, "lr": 0.05, **changes}
    return Recipe(data=str(folder), **values)  # type: ignore[arg-type]


def training_images(data: Data) -> list[tuple[bytes, int]]:
    """All training images with their classes, in order."""
    order = [(None, places) for places in torch.split(torch.arange(len(data.training)), 5)]
    return [
        (pixels.numpy().tobytes(), int(label))
        for batch, labels in data.training.batches(order, "none")
        for pixels, label in zip(batch, labels, strict=True)
    ]


def test_a_folder_without_a_split_always_gets_the_same_one(animals: Path) -> None:
    data, again = open_recipe_data(recipe_for(animals)), open_recipe_data(recipe_for(animals, seed=5))
    assert data.classes == ("cats", "dogs")
    assert data.size == (3, 8, 8)
    assert np.bincount(data.training.labels).tolist() == [16, 12]
    assert np.bincount(data.test.labels).tolist() == [4, 3]
    assert training_images(data) == training_images(again)


def test_a_folder_with_its_own_split_keeps_it(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "train", {"a": 6, "b": 7})
    make_class_folders(tmp_path / "val", {"a": 2, "b": 3})
    data = open_recipe_data(recipe_for(tmp_path))
    assert np.bincount(data.training.labels).tolist() == [6, 7]
    assert np.bincount(data.test.labels).tolist() == [2, 3]
    assert data.test_source == "the data set's 5 test images"


def test_training_and_test_images_must_be_of_the_same_classes(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "train", {"a": 2, "b": 2})
    make_class_folders(tmp_path / "test", {"a": 2, "c": 2})
    with pytest.raises(DataError, match="have different classes"):
        open_recipe_data(recipe_for(tmp_path))


@pytest.mark.parametrize(("image", "lost"), [(8, 10), ((8, 12), 5), ((12, 6), 15)])
def test_images_of_any_size_are_center_cropped(tmp_path: Path, image: ImageSize, lost: int) -> None:
    """A red image that is twice as wide as high loses blue columns left and right."""
    make_class_folders(tmp_path, {"a": 3, "b": 5})
    pixels = np.full((20, 40, 3), (255, 0, 0), np.uint8)
    pixels[:, :lost] = pixels[:, 40 - lost :] = (0, 0, 255)
    for path in tmp_path.rglob("*.png"):
        Image.fromarray(pixels).save(path)
    data = open_recipe_data(recipe_for(tmp_path), image)
    assert isinstance(data.training, InMemoryImages)
    assert data.size == (3, *height_width(image))
    inner = data.training.pixels[:, :, :, 1:-1]
    assert torch.equal(inner, torch.tensor([255, 0, 0], dtype=torch.uint8)[None, :, None, None].expand_as(inner))


def test_images_in_memory_and_streamed_are_the_same(animals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = open_recipe_data(recipe_for(animals))
    size = sum(CLASSES.values()) * 3 * 8 * 8
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", size)
    assert isinstance(open_recipe_data(recipe_for(animals)).training, InMemoryImages)
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", size - 1)
    streamed = open_recipe_data(recipe_for(animals))
    assert isinstance(streamed.training, StreamedImages)
    assert isinstance(streamed.test, StreamedImages)
    assert held.training.storage != streamed.training.storage
    assert training_images(held) == training_images(streamed)
    assert torch.equal(held.test.labels, streamed.test.labels)
    assert (held.mean, held.std) == (streamed.mean, streamed.std)
    assert streamed.notes == ("mean and std computed from 28 of the training images",)


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize(("name", "most"), [("resized-crop", 4 / 3), ("scale-crop", 1.0)])
@pytest.mark.parametrize("image", [32, (32, 48), (48, 24)])
def test_random_crops_distort_images_no_more_than_torchvisions(
    tmp_path: Path, name: Augmentation, most: float, image: ImageSize
) -> None:
    """Red is the column and green the row, so that the colors tell how much of the image is in a pixel of the crop."""
    columns, rows = np.meshgrid(np.arange(256), np.arange(256))
    make_class_folders(tmp_path, {"a": 8, "b": 8})
    for path in tmp_path.rglob("*.png"):
        Image.fromarray(np.stack([columns, rows, 0 * rows], axis=2).astype(np.uint8)).save(path)
    training = open_recipe_data(recipe_for(tmp_path), image).training
    with torch.random.fork_rng(devices=[]):
        [(pixels, _)] = training.batches([(7, torch.arange(12))], name)
    assert pixels.shape[1:] == training.size
    values, (height, width) = pixels.float(), height_width(image)
    across = (values[:, 0, :, -1] - values[:, 0, :, 0]).abs().mean(1) / (width - 1)
    down = (values[:, 1, -1] - values[:, 1, 0]).mean(1) / (height - 1)
    distortion = across / down
    assert distortion.max() <= 1.1 * most
    assert distortion.min() >= 1 / (1.1 * most)


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("name", ["crop-flip", "resized-crop", "scale-crop"])
def test_streamed_images_are_augmented_by_their_seed(animals: Path, name: Augmentation) -> None:
    training = open_recipe_data(recipe_for(animals)).training
    places = torch.tensor([3, 20, 7])

    def made(seed: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]):
            [(pixels, labels)] = training.batches([(seed, places)], name)
        assert torch.equal(labels, training.labels[places])
        return pixels

    assert made(1).shape == (3, 3, 8, 8)
    assert torch.equal(made(1), made(1))
    assert not torch.equal(made(1), made(2))


@pytest.mark.usefixtures("streaming")
def test_the_papers_augmentation_is_the_same_in_memory_and_streamed(
    animals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    streamed = open_recipe_data(recipe_for(animals)).training
    monkeypatch.undo()
    held = open_recipe_data(recipe_for(animals)).training
    with torch.random.fork_rng(devices=[]):
        [(one, _)] = streamed.batches([(3, torch.arange(9))], "crop-flip")
        [(other, _)] = held.batches([(3, torch.arange(9))], "crop-flip")
    assert torch.equal(one, other)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"directory not found: .*cfar10\..*digits, mnist, fashion-mnist, cifar10, cifar100"
    ):
        open_recipe_data(recipe_for(tmp_path / "cfar10"))


def test_an_empty_class_folder_is_named(copied: Path) -> None:
    (copied / "e.g. birds").mkdir()
    with pytest.raises(DataError, match=r"animals: no images in class folder e\.g\. birds; add some"):
        open_recipe_data(recipe_for(copied))


def test_a_folder_without_class_folders_is_refused(tmp_path: Path) -> None:
    noise_image(0).save(tmp_path / "cat.png")
    with pytest.raises(DataError, match="it has no folders in it; each class needs one"):
        open_recipe_data(recipe_for(tmp_path))


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a is the only class in one; training needs at least two classes"):
        open_recipe_data(recipe_for(make_class_folders(tmp_path / "one", {"a": 1})))


def test_the_only_image_of_a_class_is_trained_on_and_reported_as_untested(tmp_path: Path) -> None:
    data = open_recipe_data(recipe_for(make_class_folders(tmp_path / "odd", {"a": 40, "b": 1, "c": 2})))
    assert np.bincount(data.training.labels, minlength=3)[1] == 1
    assert np.bincount(data.test.labels, minlength=3)[1] == 0
    assert data.test_source == "9 images held out, with a fixed seed; b, c have too few for a test image"
    even = open_recipe_data(recipe_for(make_class_folders(tmp_path / "even", {"a": 40, "b": 10})))
    assert even.test_source == "10 images held out, stratified by class, with a fixed seed"


def test_a_holdout_that_takes_a_whole_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"would have no training images: 11 of 12 are held out\. Hold out fewer"):
        open_recipe_data(recipe_for(make_class_folders(tmp_path / "few", {"a": 6, "b": 6}), holdout=11))


@pytest.mark.parametrize("held", [True, False])
def test_a_class_of_which_no_image_can_be_read_is_named(
    held: bool, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `damaged=skip` the training would otherwise have a class without images."""
    monkeypatch.setattr(folders, "MAX_IN_MEMORY", 10**9 if held else 0)
    for number in range(3):
        (copied / "owls").mkdir(exist_ok=True)
        (copied / "owls" / f"{number}.jpg").write_text("no image")
    with pytest.raises(DataError, match=r"none of the images of owls can be read\. Copy them again"):
        open_recipe_data(recipe_for(copied, damaged="skip"))


def test_skipped_files_are_noted(copied: Path) -> None:
    (copied / "cats" / "._003.png").write_text("of macOS")
    assert open_recipe_data(recipe_for(copied)).notes == ("skipped: 1 hidden file or folder (._003.png)",)


@pytest.mark.parametrize("ending", ["GIF", "PPM", "AVIF"])
def test_class_folders_of_any_format_that_opens_are_trained_on(ending: str, copied: Path) -> None:
    for path in copied.rglob("*.png"):
        Image.open(path).save(path.with_suffix(f".{ending}"), ending)
        path.unlink()
    data = open_recipe_data(recipe_for(copied))
    assert len(data.training) + len(data.test) == 35


def truncate(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])


def test_a_damaged_image_is_named(copied: Path) -> None:
    truncate(copied, "cats/003.png")
    with pytest.raises(DataError, match=r"can't read an image of the data set: 003\.png"):
        open_recipe_data(recipe_for(copied))


def test_damaged_images_are_skipped_and_counted(copied: Path) -> None:
    truncate(copied, "cats/003.png", "dogs/001.png")
    data = open_recipe_data(recipe_for(copied, damaged="skip"))
    assert len(data.training) + len(data.test) == 33
    assert len(data.notes) == 1
    assert "2 images were skipped" in data.notes[0]
    assert "003.png" in data.notes[0]


@pytest.mark.usefixtures("streaming")
def test_a_streamed_run_fails_at_a_damaged_image_and_names_it(copied: Path, tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", recipe_for(copied, length=10), RGB)
    with pytest.raises(DataError, match=r"^can't read an image of the data set: 004\.png"):
        train(folder, after_step(0, lambda: truncate(copied, *(f"{name}/004.png" for name in CLASSES))))
    ended = events_of(Ended, folder)[-1]
    assert isinstance(ended, Ended)
    assert ended.how == "failed"
    assert "004.png" in ended.why


@pytest.mark.usefixtures("streaming")
def test_a_streamed_run_skips_damaged_images_and_counts_each_once(copied: Path, tmp_path: Path) -> None:
    truncate(copied, "cats/003.png", "dogs/001.png", "dogs/002.png")
    folder = make_run(tmp_path / "run", recipe_for(copied, damaged="skip", length=3, measure_training=True), RGB)
    assert train(folder) == "finished"
    curves = read_curves(folder)
    assert {(event.split, event.images) for event in curves.measured} <= {
        (split, count) for split, whole in (("training", 28), ("test", 7)) for count in range(whole - 3, whole + 1)
    }
    assert sum(event.images for event in curves.measured) == 3 * 32
    assert np.isfinite(curves.per_step("loss").y).all()
    assert "3 images were skipped so far" in curves.notes[-1]


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("damaged", ["fail", "skip"])
def test_a_streamed_run_fails_if_its_folder_disappears(copied: Path, tmp_path: Path, damaged: str) -> None:
    folder = make_run(tmp_path / "run", recipe_for(copied, length=100, damaged=damaged), RGB)
    with pytest.raises(DataError, match=r"can't read an image of the data set|could be read"):
        train(folder, after_step(0, lambda: shutil.rmtree(copied)))
    ended = events_of(Ended, folder)[-1]
    assert isinstance(ended, Ended)
    assert ended.how == "failed"
    assert ".png does not exist" in ended.why
    assert read_curves(folder).steps >= 1, "the curve stays"


def test_events_tell_where_images_are_kept_and_which_were_skipped(copied: Path, tmp_path: Path) -> None:
    truncate(copied, "cats/003.png")
    folder = make_run(tmp_path / "run", recipe_for(copied, length=1, damaged="skip"), RGB)
    assert train(folder) == "finished"
    [prepared], [note] = events_of(Prepared, folder), events_of(Noted, folder)
    assert isinstance(prepared, Prepared)
    assert isinstance(note, Noted)
    assert (prepared.held, prepared.changes) == (
        "stored on the device as uint8, augmented in batches",
        ("classes 10 → 2",),
    )
    assert "1 images were skipped" in note.text
