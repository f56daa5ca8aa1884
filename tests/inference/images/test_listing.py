"""The one list of endings: what Pillow writes opens under each of them, and what is passed over is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from crafted import encoded, scene
from resnet_studio.inference.images.listing import ENDINGS, images_in, is_hidden, is_image, passed_over
from resnet_studio.inference.images.loader import FORMATS, open_image


def test_the_endings_are_pillows_of_the_formats_that_open() -> None:
    """And floating-point netpbm, which Pillow opens without a name for it."""
    Image.init()
    pillows = {ending for ending, name in Image.EXTENSION.items() if name in {*FORMATS, "MPO"}}
    assert {*pillows, ".pfm"} == ENDINGS


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_opens_under_its_usual_ending(kind: str, tmp_path: Path) -> None:
    ending = {"JPEG": ".jpeg", "TIFF": ".tif"}.get(kind, f".{kind.lower()}")
    path = tmp_path / f"photo{ending.upper()}"
    path.write_bytes(encoded(Image.fromarray(scene()), kind))
    assert is_image(path.name)
    assert open_image(Path(images_in(tmp_path).images[0])).size == (64, 48)


@pytest.mark.parametrize(
    "name", [".cat.jpg", "._cat.jpg", "__MACOSX", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"]
)
def test_what_systems_leave_behind_is_hidden(name: str) -> None:
    assert is_hidden(name)
    assert not is_hidden(f"a{name}")


def test_a_folder_tells_its_images_and_what_else_is_in_it(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.png", "._frame9.png", "Thumbs.db", "a.heic", "b.HEIC", "notes.txt", "README"):
        (tmp_path / name).write_text("x")
    (tmp_path / "more").mkdir()
    found = images_in(tmp_path)
    assert [os.path.basename(path) for path in found.images] == ["frame9.png", "frame10.png"]
    assert found.folders == ("more",)
    assert found.others == 6
    assert found.passed_over == (
        "2 hidden files or folders (._frame9.png, Thumbs.db), 2 .heic files (a.heic, b.HEIC), "
        "1 file without an ending (README), 1 .txt file (notes.txt)"
    )


def test_a_folder_without_images_says_what_it_has_instead(tmp_path: Path) -> None:
    assert images_in(tmp_path).why_none("it").startswith("there is no image in it. Images end in .apng, .avif, .avifs")
    (tmp_path / "a.dcm").write_text("x")
    assert images_in(tmp_path).why_none("it").startswith("there is no image in it, but 1 .dcm file (a.dcm). Images end")
    for name in ("cat", "dog", "eel", "fox"):
        (tmp_path / name).mkdir()
    beside = "1 .dcm file (a.dcm) and folders (cat, dog, eel and 1 more)"
    assert images_in(tmp_path).why_none("it") == f"there is no image in it, but {beside}. Open one of these folders"


def test_many_kinds_of_files_are_summed_up() -> None:
    names = [
        f"{number}.{ending}"
        for ending, count in (("a", 4), ("b", 3), ("c", 2), ("d", 1), ("e", 1))
        for number in range(count)
    ]
    assert passed_over((), names) == (
        "4 .a files (0.a, 1.a, 2.a, …), 3 .b files (0.b, 1.b, 2.b), 2 .c files (0.c, 1.c), 2 other files"
    )
