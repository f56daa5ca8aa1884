"""Single images of data sets by reference, compared with scikit-learn, torchvision's files and folders made here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from resnet_studio.inference.images import references
from resnet_studio.inference.images.loader import ImageError
from resnet_studio.inference.values import image_title
from resnet_studio.progress import finish
from resnet_studio.training import dataset_images
from resnet_studio.training.compute.open_dataset import open_data
from resnet_studio.training.dataset_images import DataImages, count_images_steps, open_reference
from resnet_studio.training.datasets import DataError
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.runs.run_folder import data_folder


@pytest.fixture(autouse=True)
def fresh_cache() -> Iterator[None]:
    """Clear the cache of open data sets before and after each test."""
    dataset_images._open_splits.clear()
    yield
    dataset_images._open_splits.clear()


def count_images(data: str) -> DataImages:
    return finish(count_images_steps(data, data_folder()))


def make_folders(root: Path, *splits: str, each: int = 3) -> Path:
    """Class folders `cat` and `dog`; every image has its own gray level."""
    gray = 0
    for split in splits or ("",):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(each):
                gray += 10
                Image.new("RGB", (12 + number, 9), (gray,) * 3).save(root / split / name / f"{number}.png")
    return root


@pytest.mark.parametrize("split", ["test", "training"])
def test_digits_equal_those_of_a_training_and_have_their_classes(split: str) -> None:
    data = finish(open_data(Recipe(data="digits"), 8, data_folder()))
    images = getattr(data, split)
    for index in (0, 17, len(images) - 1):
        photograph = open_reference(f"data:digits:{split}:{index}")
        for channel in range(3):
            np.testing.assert_array_equal(photograph.pixels[..., channel], images.pixels[index, 0].numpy())
        assert photograph.truth == str(int(images.labels[index]))
        assert photograph.title == f"digits {split} {index}: {photograph.truth}"
        assert photograph.notes == ("8×8 values of 0 … 16 scaled to 0 … 255",)


def test_every_digit_is_listed_once() -> None:
    found = count_images("digits")
    theirs = np.rint(load_digits().images * 255 / 16).astype(np.uint8)
    assert (found.counts, sum(found.counts)) == ((360, 1437), len(theirs))
    ours = [open_reference(reference).pixels[..., 0].tobytes() for reference in found.references(10_000)]
    assert sorted(ours) == sorted(image.tobytes() for image in theirs)


def test_references_start_with_test_images_and_stop_at_the_limit() -> None:
    found = DataImages("cifar10", (10_000, 50_000))
    assert found.references(3) == [f"data:cifar10:test:{index}" for index in range(3)]
    listed = found.references(10_002)
    assert listed[9_998:] == [f"data:cifar10:{rest}" for rest in ("test:9998", "test:9999", "training:0", "training:1")]


def test_folder_images_keep_their_own_size(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "a: folder", "train", "val")
    found = count_images(str(root))
    assert found.counts == (6, 6)
    for reference in found.references(100):
        photograph = open_reference(reference)
        split, index = reference.rsplit(":", 2)[1:]
        folder = root / {"test": "val", "training": "train"}[split] / ("cat", "dog")[int(index) // 3]
        np.testing.assert_array_equal(photograph.pixels, Image.open(folder / f"{int(index) % 3}.png"))
        assert (photograph.name, photograph.truth) == (reference, folder.name)
        assert image_title(reference) == f"a: folder {split} {index}"


def test_a_folder_without_test_images_has_the_same_holdout_as_a_training(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "pets", each=5)
    data = finish(open_data(Recipe(data=str(root)), 9, data_folder()))
    assert count_images(str(root)).counts == (len(data.test), len(data.training)) == (2, 8)
    ours = [int(open_reference(f"data:{root}:test:{index}").pixels[0, 0, 0]) for index in range(2)]
    assert ours == data.test.pixels[:, 0, 0, 0].tolist()


def test_a_damaged_image_of_a_folder_is_named_and_the_others_open(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "pets", "train", "test")
    broken = root / "test" / "cat" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    assert count_images(str(root)).counts == (6, 6)
    with pytest.raises(ImageError, match=r"1\.png"):
        open_reference(f"data:{root}:test:1")
    assert open_reference(f"data:{root}:test:2").truth == "cat"


def test_a_folder_is_listed_anew_when_it_is_opened_again(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "pets", "train", "test")
    assert count_images(str(root)).counts == (6, 6)
    Image.new("RGB", (8, 8)).save(root / "test" / "dog" / "9.png")
    assert count_images(str(root)).counts == (7, 6)
    assert open_reference(f"data:{root}:test:6").pixels.max() == 0


def test_grayscale_torchvision_images_have_three_channels(mnist: Path) -> None:
    photograph = open_reference("data:mnist:test:1")
    assert photograph.pixels.shape == (28, 28, 3)
    assert set(np.unique(photograph.pixels)) == {101}
    assert (photograph.truth, photograph.notes) == ("1 - one", ())


@pytest.fixture
def mnist() -> Path:
    """MNIST's four files, 20 training and 10 test images; image n is filled with 100 + n, its class is n mod 10."""
    raw = data_folder() / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 20), ("t10k", 10)):
        labels = np.arange(count, dtype=np.uint8)
        pixels = np.repeat(labels + 100, 28 * 28)
        head = (0x0803).to_bytes(4) + b"".join(n.to_bytes(4) for n in (count, 28, 28))
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + pixels.tobytes())
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(
            (0x0801).to_bytes(4) + count.to_bytes(4) + (labels % 10).tobytes()
        )
    return raw


def test_a_missing_data_set_raises_a_data_error() -> None:
    with pytest.raises(DataError, match="CIFAR-10 is not downloaded"):
        open_reference("data:cifar10:test:0")
    with pytest.raises(DataError, match="directory not found"):
        count_images("/no/such/folder")


@pytest.mark.parametrize(
    "reference",
    ["data:", "data:digits", "data:digits:17", "data:digits:test:", "data:digits:test:-1", "data:digits:test:1.5",
     "data:digits:validation:1", "data::test:1", "data:digits:test:²", "data:digits:test:360"],
)  # fmt: skip
def test_invalid_references_raise_a_data_error(reference: str) -> None:
    with pytest.raises(DataError, match=r"is not a valid image reference|has 360 test images, numbered from 0"):
        open_reference(reference)


def test_an_opener_can_be_added_to_the_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(references.OPENERS, dataset_images.PREFIX, open_reference)
    assert references.open_reference("data:digits:test:17").truth == open_reference("data:digits:test:17").truth


def test_importing_the_module_loads_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys, resnet_studio.training.dataset_images; "
        "print([name for name in ('torch', 'torchvision', 'sklearn') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_command_line_draws_maps_of_an_image_of_a_data_set(tmp_path: Path) -> None:
    output = tmp_path / "maps.png"
    options = ["--architecture", "resnet20-digits", "--output", str(output)]
    command = [sys.executable, "-m", "resnet_studio", "maps", "data:digits:test:17", *options]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert output.read_bytes().startswith(b"\x89PNG")


def test_images_by_reference_are_split_as_a_training_splits_them(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "tumour", "Training", "Testing")
    (root / "Testing" / "cat" / "._0.png").write_text("of macOS")
    assert count_images(str(root)).counts == (6, 6)
    assert [open_reference(f"data:{root}:test:{index}").truth for index in range(6)] == ["cat"] * 3 + ["dog"] * 3
