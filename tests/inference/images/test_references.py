"""The images that ship with scikit-learn, and paths."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from crafted import encoded, saved, scene
from resnet_studio.inference.errors import ImageError
from resnet_studio.inference.images import references
from resnet_studio.inference.images.references import open_reference
from resnet_studio.inference.values import SAMPLES


@pytest.mark.parametrize("name", ["china", "flower"])
def test_sample_photographs_are_scikit_learns(name: str) -> None:
    photograph = open_reference(f"sample:{name}")
    file = Path(datasets.__file__).parent / "images" / f"{name}.jpg"
    np.testing.assert_array_equal(photograph.pixels, np.asarray(Image.open(file)))
    assert photograph.size == (640, 427)
    assert (photograph.name, photograph.notes) == (f"sample:{name}", ())


def test_digits_are_scaled_from_16_to_255() -> None:
    data = datasets.load_digits()
    for digit in range(10):
        photograph = open_reference(f"sample:digit-{digit}")
        first = data.images[list(data.target).index(digit)]
        assert photograph.pixels.shape == (8, 8, 3)
        for channel in range(3):
            np.testing.assert_array_equal(np.rint(photograph.pixels[..., channel] / 255 * 16), first)
        assert photograph.pixels.max() == round(first.max() * 255 / 16)
        assert photograph.notes == ("8×8 values of 0 … 16 scaled to 0 … 255",)


def test_every_sample_opens_with_the_hash_of_its_pixels() -> None:
    for name in SAMPLES:
        photograph = open_reference(name)
        assert photograph.sha256 == hashlib.sha256(photograph.pixels.tobytes()).hexdigest()


@pytest.mark.parametrize("name", ["sample:", "sample:cat", "sample:digit-10", "sample:digit-", "sample:../china"])
def test_the_error_for_an_unknown_sample_lists_the_known_ones(name: str) -> None:
    with pytest.raises(
        ImageError, match=r"is not a sample image\. Available: sample:china, sample:flower, .*sample:digit-9"
    ):
        open_reference(name)


def test_anything_else_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, encoded(Image.fromarray(scene()), "PNG"), "sample:mine.png")
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(open_reference("./sample:mine.png").pixels, scene())
    with pytest.raises(ImageError, match=r"nothing\.png does not exist"):
        open_reference(str(tmp_path / "nothing.png"))


def test_opening_a_file_imports_neither_scikit_learn_nor_torch() -> None:
    code = (
        "import sys, resnet_studio.inference.images.references; "
        "print([name for name in ('torch', 'torchvision', 'sklearn', 'scipy') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_photograph_is_opened_once_until_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "gray.png"
    Image.new("RGB", (8, 8), (9, 9, 9)).save(file)
    assert not references.is_cached(str(file))
    first = references.open_cached(str(file))
    assert references.is_cached(str(file))
    assert references.open_cached(str(file)) is first
    Image.new("RGB", (8, 8), (200, 9, 9)).save(file)
    os.utime(file, (1, 1))
    assert not references.is_cached(str(file))
    assert references.open_cached(str(file)).pixels[0, 0, 0] == 200
