"""Listing images: files of each format open under their extension, and skipped files are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from crafted import encoded, scene
from resnet_studio.inference.images.listing import EXTENSIONS, describe_skipped, is_hidden, is_image, list_images
from resnet_studio.inference.images.loader import FORMATS, open_image


def test_the_extensions_are_pillows_for_the_supported_formats() -> None:
    """And that of floating-point netpbm, which Pillow opens but does not list."""
    Image.init()
    of_pillow = {extension for extension, name in Image.EXTENSION.items() if name in {*FORMATS, "MPO"}}
    assert {*of_pillow, ".pfm"} == EXTENSIONS


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_opens_under_its_usual_extension(kind: str, tmp_path: Path) -> None:
    extension = {"JPEG": ".jpeg", "TIFF": ".tif"}.get(kind, f".{kind.lower()}")
    path = tmp_path / f"photo{extension.upper()}"
    path.write_bytes(encoded(Image.fromarray(scene()), kind))
    assert is_image(path.name)
    assert open_image(Path(list_images(tmp_path).images[0])).size == (64, 48)


@pytest.mark.parametrize(
    "name", [".cat.jpg", "._cat.jpg", "__MACOSX", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"]
)
def test_system_files_are_hidden(name: str) -> None:
    assert is_hidden(name)
    assert not is_hidden(f"a{name}")


def test_a_folder_lists_its_images_and_what_else_is_in_it(tmp_path: Path) -> None:
    for name in ("frame10.png", "frame9.png", "._frame9.png", "Thumbs.db", "a.heic", "b.HEIC", "notes.txt", "README"):
        (tmp_path / name).write_text("x")
    (tmp_path / "more").mkdir()
    found = list_images(tmp_path)
    assert [os.path.basename(path) for path in found.images] == ["frame9.png", "frame10.png"]
    assert found.folders == ("more",)
    assert found.skipped_count == 6
    assert found.skipped == (
        "2 hidden files or folders (._frame9.png, Thumbs.db), 2 .heic files (a.heic, b.HEIC), "
        "1 file without an extension (README), 1 .txt file (notes.txt)"
    )


def test_the_message_of_a_folder_without_images_says_what_it_has_instead(tmp_path: Path) -> None:
    assert (
        list_images(tmp_path)
        .no_images_message("it")
        .startswith("there are no images in it. Supported extensions: .apng, .avif, .avifs")
    )
    (tmp_path / "a.dcm").write_text("x")
    assert (
        list_images(tmp_path)
        .no_images_message("it")
        .startswith("there are no images in it, but 1 .dcm file (a.dcm). Supported extensions")
    )
    for name in ("cat", "dog", "eel", "fox"):
        (tmp_path / name).mkdir()
    contents = "1 .dcm file (a.dcm) and folders (cat, dog, eel and 1 more)"
    assert (
        list_images(tmp_path).no_images_message("it")
        == f"there are no images in it, but {contents}. Open one of these folders"
    )


def test_many_kinds_of_files_are_summarized() -> None:
    names = [
        f"{number}.{extension}"
        for extension, count in (("a", 4), ("b", 3), ("c", 2), ("d", 1), ("e", 1))
        for number in range(count)
    ]
    assert describe_skipped((), names) == (
        "4 .a files (0.a, 1.a, 2.a, …), 3 .b files (0.b, 1.b, 2.b), 2 .c files (0.c, 1.c), 2 other files"
    )
