"""The list of images and its sources; tests with an engine are in test_image_stream.py."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.images.controller import MAX_IMAGES, ImageController
from resnet_studio.gui.activations.images.sources import MAX_RECENT, MAX_RECENT_AT_ONCE, ImageSources
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session, SessionState
from resnet_studio.gui.session_file import decode
from resnet_studio.inference.images.loader import open_image
from resnet_studio.inference.values import SAMPLES


class ImagesHarness:
    """A controller with its sources, recording their signals; the engine is never started, so requests stay queued."""

    def __init__(self, state: SessionState) -> None:
        self.session = Session(state)
        self.engine = EngineClient()
        self.images = ImageController(self.session, self.engine)
        self.sources = ImageSources(self.session, self.images, self.engine)
        self.lists: list[list[str]] = []
        self.selected: list[str] = []
        self.messages: list[str] = []
        self.unlisted: list[int] = []
        self.images.imagesChanged.connect(self.lists.append)
        self.images.selectionChanged.connect(self.selected.append)
        self.sources.failed.connect(self.messages.append)
        self.sources.unlistedChanged.connect(self.unlisted.append)


@pytest.fixture
def harness(qtbot: QtBot) -> Iterator[ImagesHarness]:
    harness = ImagesHarness(SessionState())
    yield harness
    harness.sources.stop()


def folder_of(path: Path, count: int) -> list[str]:
    """A folder with `count` hard links to one file."""
    path.mkdir()
    first = path / "image-0.png"
    Image.new("RGB", (4, 4)).save(first)
    for number in range(1, count):
        os.link(first, path / f"image-{number}.png")
    return [str(path / f"image-{number}.png") for number in range(count)]


def test_the_samples_are_listed_at_first(harness: ImagesHarness) -> None:
    assert harness.images.images() == list(SAMPLES)
    assert harness.images.selected == "sample:china"


def test_single_images_are_prepended(harness: ImagesHarness) -> None:
    """The engine checks whether they exist: nothing here waits for a disk."""
    harness.sources.open_paths(["/pictures/a.png", "/pictures/b.JPG"])
    assert harness.lists == [["/pictures/a.png", "/pictures/b.JPG", *SAMPLES]]
    assert harness.selected == ["/pictures/a.png"]
    harness.sources.open_paths(["/pictures/b.JPG"])
    assert harness.images.images()[:2] == ["/pictures/b.JPG", "/pictures/a.png"]


def test_a_folder_replaces_the_list(qtbot: QtBot, harness: ImagesHarness, tmp_path: Path) -> None:
    files = folder_of(tmp_path / "many", 12)
    with qtbot.waitSignal(harness.sources.imagesOpened):
        harness.sources.open_paths([str(tmp_path / "many")])
    assert harness.lists == [files]
    assert harness.selected == files[:1]
    assert harness.unlisted == [0]
    harness.sources.open_samples()
    assert harness.images.images() == [*SAMPLES, *files]


def test_the_number_of_unlisted_images_is_emitted(qtbot: QtBot, harness: ImagesHarness, tmp_path: Path) -> None:
    files = folder_of(tmp_path / "many", MAX_IMAGES + 7)
    with qtbot.waitSignal(harness.sources.imagesOpened):
        harness.sources.open_paths([str(tmp_path / "many")])
    assert harness.images.images() == files[:MAX_IMAGES]
    assert harness.unlisted == [7]


def test_stepping_wraps_around(harness: ImagesHarness) -> None:
    harness.images.set_images(["/a.png", "/b.png", "/c.png"])
    harness.images.select("/b.png")
    harness.selected.clear()
    for _ in range(4):
        harness.images.select_next()
    assert harness.selected == ["/c.png", "/a.png", "/b.png", "/c.png"]


def test_an_unlisted_image_is_listed_when_it_is_selected(harness: ImagesHarness) -> None:
    harness.images.set_images(["/a.png"])
    harness.images.select("sample:digit-3")
    assert harness.images.images() == ["sample:digit-3", "/a.png"]


def test_invalid_values_of_a_session_are_dropped(qtbot: QtBot) -> None:
    harness = ImagesHarness(decode({"images": [1, "/a.png", None], "recent": [["x"], "/a.png"]})[0])
    assert harness.images.images() == ["/a.png"]
    assert harness.sources.recent == ("/a.png",)


def test_recent_entries_are_the_newest_of_each_opening(qtbot: QtBot, harness: ImagesHarness, tmp_path: Path) -> None:
    emitted: list[tuple[str, ...]] = []
    harness.sources.recentChanged.connect(emitted.append)
    harness.sources.open_paths([f"/{number}.png" for number in range(100)])
    assert harness.sources.recent == tuple(f"/{number}.png" for number in range(MAX_RECENT_AT_ONCE))
    for number in range(MAX_RECENT):
        harness.sources.open_paths([f"/later-{number}.png"])
    harness.sources.open_paths(["/later-3.png"])
    assert harness.session.state.recent[0] == "/later-3.png"
    assert len(harness.session.state.recent) == MAX_RECENT
    assert emitted[-1] == tuple(harness.session.state.recent)


def test_a_recent_folder_is_opened_again_and_a_missing_one_is_reported(
    qtbot: QtBot, harness: ImagesHarness, tmp_path: Path
) -> None:
    files = folder_of(tmp_path / "many", 3)
    harness.session.update(recent=[str(tmp_path / "gone"), str(tmp_path / "many")])
    with qtbot.waitSignal(harness.sources.imagesOpened):
        harness.sources.open_recent(str(tmp_path / "many"))
    assert harness.lists == [files]
    with qtbot.waitSignal(harness.sources.failed):
        harness.sources.open_recent(str(tmp_path / "gone"))
    assert harness.messages == ["gone no longer exists."]
    assert harness.sources.recent == (str(tmp_path / "many"),)
    assert harness.images.images() == files


def test_a_folder_without_images_leaves_the_list_unchanged(
    qtbot: QtBot, harness: ImagesHarness, tmp_path: Path
) -> None:
    with qtbot.waitSignal(harness.sources.failed):
        harness.sources.open_paths([str(tmp_path)])
    assert harness.messages[0].startswith(f"There are no images in {tmp_path.name}.")
    assert harness.lists == []


def test_pasted_pixels_are_saved_as_a_file(qtbot: QtBot, harness: ImagesHarness) -> None:
    picture = QImage(30, 20, QImage.Format.Format_RGB32)
    picture.fill(QColor(200, 30, 10))
    clipboard = QMimeData()
    clipboard.setImageData(picture)
    for _ in range(2):
        with qtbot.waitSignal(harness.sources.imagesOpened):
            harness.sources.paste(clipboard)
    first, second = (Path(path) for path in harness.selected)
    assert first != second
    for file in (first, second):
        assert file.parent == Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "pasted"
        assert re.fullmatch(r"pasted-\d{4}-\d\d-\d\d-\d{6}(-2)?\.png", file.name)
        opened = open_image(file)
        assert opened.size == (30, 20)
        assert (opened.pixels == (200, 30, 10)).all()
    assert sorted(first.parent.iterdir()) == sorted((first, second))


def test_pasted_files_are_opened_where_they_are(harness: ImagesHarness) -> None:
    clipboard = QMimeData()
    clipboard.setUrls([QUrl.fromLocalFile("/pictures/a #1.png"), QUrl("https://example.org/b.png")])
    harness.sources.paste(clipboard)
    assert harness.selected == ["/pictures/a #1.png"]


def test_a_clipboard_without_images_is_reported(harness: ImagesHarness) -> None:
    clipboard = QMimeData()
    clipboard.setText("words")
    harness.sources.paste(clipboard)
    assert harness.messages == ["No image on the clipboard. Copy an image or image files and paste again."]


def test_a_pasted_image_that_cannot_be_saved_is_reported(qtbot: QtBot, harness: ImagesHarness) -> None:
    Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)).write_text("a file is in the folder's place")
    clipboard = QMimeData()
    clipboard.setImageData(QImage(3, 3, QImage.Format.Format_RGB32))
    with qtbot.waitSignal(harness.sources.failed):
        harness.sources.paste(clipboard)
    assert re.fullmatch(
        r"The pasted image can't be saved in .*pasted: (part of the path is a file|a file or directory).*\.",
        harness.messages[0],
    )
    assert harness.lists == []


def test_the_data_sets_are_the_known_ones_and_the_recipes_folder(harness: ImagesHarness) -> None:
    assert list(harness.sources.data_sets()) == ["digits", "mnist", "fashion-mnist", "cifar10", "cifar100"]
    harness.session.update(recipe=replace(harness.session.state.recipe, data="/sets/birds"))
    assert harness.sources.data_sets()["/sets/birds"] == "birds (Training)"
