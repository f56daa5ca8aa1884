"""Finding images at opened paths, with real files of every kind."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest
from PIL import Image

from resnet_studio.gui.activations.images.files import FoundFiles, find_files, save_pasted
from resnet_studio.inference.images.listing import list_images, natural_key
from resnet_studio.training.runs import run_folder


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), (9, 9, 9)).save(path, "PNG")
    return path


def test_ten_thousand_names_are_sorted_by_number(tmp_path: Path) -> None:
    folder, first = tmp_path / "frames", image(tmp_path / "first.png")
    folder.mkdir()
    numbers = list(range(10_000))
    random.Random(0).shuffle(numbers)
    for number in numbers:
        os.link(first, folder / f"frame-{number}.png")
    found = find_files([str(folder)])
    assert found == FoundFiles(tuple(str(folder / f"frame-{number}.png") for number in range(10_000)), str(folder))


def test_names_are_sorted_naturally() -> None:
    names = ["b1.png", "a10.png", "A9.png", "a.png", "10.png", "9.png", "a9b2.png", "a9b11.png"]
    assert sorted(names, key=natural_key) == [
        "9.png", "10.png", "a.png", "A9.png", "a9b2.png", "a9b11.png", "a10.png", "b1.png"
    ]  # fmt: skip


def test_files_are_selected_by_name_and_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for its writer."""
    image(tmp_path / "fine.PNG")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.jpg").write_text("text")
    (tmp_path / "notes.txt").write_text("notes")
    for name in ("a #1 100%.png", "höhe 猫.webp", "x" * 246 + ".png"):
        image(tmp_path / name)
    found = {Path(path).name for path in list_images(tmp_path).images}
    assert found == {
        "fine.PNG", "pipe.png", "gone.png", "loop.png", "text.jpg", "a #1 100%.png", "höhe 猫.webp", "x" * 246 + ".png"
    }  # fmt: skip


def test_files_and_folders_keep_their_order(tmp_path: Path) -> None:
    single, folder = image(tmp_path / "no ending"), image(tmp_path / "many" / "1.png").parent
    found = find_files([str(single), str(folder)])
    assert found == FoundFiles((str(single), str(folder / "1.png")))


def test_paths_without_images_are_reported_and_the_rest_is_found(tmp_path: Path) -> None:
    folder = image(tmp_path / "many" / "1.png").parent
    (tmp_path / "empty").mkdir()
    missing = str(tmp_path / "gone.png")
    found = find_files([missing, str(tmp_path / "empty"), str(folder)])
    assert found.images == (str(folder / "1.png"),)
    assert found.gone == (missing,)
    assert found.problems[0] == "gone.png no longer exists."
    assert found.problems[1].startswith("There are no images in empty. Supported extensions: .apng, .avif")


def test_skipped_files_of_a_folder_are_counted_and_named(tmp_path: Path) -> None:
    folder = image(tmp_path / "holiday" / "1.png").parent
    for name in ("._1.png", ".DS_Store", "2.heic"):
        (folder / name).write_text("x")
    found = find_files([str(folder)])
    assert found.images == (str(folder / "1.png"),)
    assert (found.others, found.others_summary) == (
        3,
        "2 hidden files or folders (.DS_Store, ._1.png), 1 .heic file (2.heic)",
    )


def test_a_folder_of_class_folders_names_the_folders_to_open(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        image(tmp_path / "animals" / name / "1.png")
    assert find_files([str(tmp_path / "animals")]).problems == (
        "There are no images in animals, but folders (cat, dog). Open one of these folders.",
    )


def test_an_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked").mkdir()

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)  # the tests may run as root, who can read everything
    (problem,) = find_files([str(tmp_path / "locked")]).problems
    assert problem.startswith("locked can't be read: permission denied. ")


def test_run_folders_are_recognized(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "first"
    run.mkdir(parents=True)
    (run / run_folder.MANIFEST).write_text("{}")
    image(tmp_path / "runs" / "picture.png")
    assert find_files([str(tmp_path / "runs")]) == FoundFiles(runs=tmp_path / "runs")
    assert find_files([str(run)]) == FoundFiles(runs=run)


def test_pasted_images_never_overwrite_another(tmp_path: Path) -> None:
    names = [save_pasted(tmp_path / "pasted", bytes([number]), "2024-05-06-070809").name for number in range(3)]
    assert names == [f"pasted-2024-05-06-070809{more}.png" for more in ("", "-2", "-3")]
    assert [(tmp_path / "pasted" / name).read_bytes() for name in names] == [b"\0", b"\1", b"\2"]
    assert all(re.fullmatch(r"pasted-[\d-]+\.png", path.name) for path in (tmp_path / "pasted").iterdir())
