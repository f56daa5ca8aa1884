"""The list of images at hand and where its images come from; what needs an engine is in test_image_stream.py."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.images.controller import MOST_IMAGES, ImageController
from resnet_studio.gui.activations.images.sources import MOST_AT_ONCE, MOST_RECENT, ImageSources
from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.images.loader import open_image
from resnet_studio.inference.values import SAMPLES


class Hands:
    """A desk with its sources, and what they tell; the engine is never started, so questions wait."""

    def __init__(self, kept: SessionState) -> None:
        self.kept = kept
        self.work = EngineClient(EngineConnection())
        self.desk = ImageController(kept, self.work)
        self.sources = ImageSources(kept, self.desk, self.work)
        self.listed: list[list[str]] = []
        self.chosen: list[str] = []
        self.problems: list[str] = []
        self.more: list[int] = []
        self.desk.images_changed.connect(self.listed.append)
        self.desk.chosen_changed.connect(self.chosen.append)
        self.sources.problem.connect(self.problems.append)
        self.sources.more_changed.connect(self.more.append)


@pytest.fixture
def hands(qtbot: QtBot) -> Iterator[Hands]:
    hands = Hands(SessionState())
    yield hands
    hands.sources.stop()


def folder_of(path: Path, count: int) -> list[str]:
    """A folder of that many names of one file."""
    path.mkdir()
    first = path / "image-0.png"
    Image.new("RGB", (4, 4)).save(first)
    for number in range(1, count):
        os.link(first, path / f"image-{number}.png")
    return [str(path / f"image-{number}.png") for number in range(count)]


def test_the_samples_are_there_from_the_first(hands: Hands) -> None:
    assert hands.desk.images() == list(SAMPLES)
    assert hands.desk.chosen == "sample:china"


def test_single_images_come_before_those_at_hand(hands: Hands) -> None:
    """Whether they exist the engine says: nothing here waits for a disk."""
    hands.sources.open_paths(["/pictures/a.png", "/pictures/b.JPG"])
    assert hands.listed == [["/pictures/a.png", "/pictures/b.JPG", *SAMPLES]]
    assert hands.chosen == ["/pictures/a.png"]
    hands.sources.open_paths(["/pictures/b.JPG"])
    assert hands.desk.images()[:2] == ["/pictures/b.JPG", "/pictures/a.png"]


def test_a_folder_takes_the_place_of_the_list(qtbot: QtBot, hands: Hands, tmp_path: Path) -> None:
    files = folder_of(tmp_path / "many", 12)
    with qtbot.waitSignal(hands.sources.opened):
        hands.sources.open_paths([str(tmp_path / "many")])
    assert hands.listed == [files]
    assert hands.chosen == files[:1]
    assert hands.more == [0]
    hands.sources.open_samples()
    assert hands.desk.images() == [*SAMPLES, *files]


def test_of_more_images_than_are_listed_the_rest_is_told(qtbot: QtBot, hands: Hands, tmp_path: Path) -> None:
    files = folder_of(tmp_path / "many", MOST_IMAGES + 7)
    with qtbot.waitSignal(hands.sources.opened, timeout=20_000):
        hands.sources.open_paths([str(tmp_path / "many")])
    assert hands.desk.images() == files[:MOST_IMAGES]
    assert hands.more == [7]


def test_stepping_goes_round(hands: Hands) -> None:
    hands.desk.take(["/a.png", "/b.png", "/c.png"])
    hands.desk.choose("/b.png")
    hands.chosen.clear()
    for _ in range(4):
        hands.desk.step()
    assert hands.chosen == ["/c.png", "/a.png", "/b.png", "/c.png"]


def test_an_image_from_elsewhere_is_listed_when_it_is_chosen(hands: Hands) -> None:
    hands.desk.take(["/a.png"])
    hands.desk.choose("sample:digit-3")
    assert hands.desk.images() == ["sample:digit-3", "/a.png"]


def test_a_session_of_other_values_is_mended(qtbot: QtBot) -> None:
    hands = Hands(SessionState(images=[1, "/a.png", None], recent=[["x"], "/a.png"]))  # type: ignore[list-item]
    assert hands.desk.images() == ["/a.png"]
    assert hands.sources.recent == ("/a.png",)


def test_recent_ones_are_the_newest_of_each_opening(qtbot: QtBot, hands: Hands, tmp_path: Path) -> None:
    told: list[tuple[str, ...]] = []
    hands.sources.recent_changed.connect(told.append)
    hands.sources.open_paths([f"/{number}.png" for number in range(100)])
    assert hands.sources.recent == tuple(f"/{number}.png" for number in range(MOST_AT_ONCE))
    for number in range(MOST_RECENT):
        hands.sources.open_paths([f"/later-{number}.png"])
    hands.sources.open_paths(["/later-3.png"])
    assert hands.kept.recent[0] == "/later-3.png"
    assert len(hands.kept.recent) == MOST_RECENT
    assert told[-1] == tuple(hands.kept.recent)


def test_a_recent_folder_is_opened_again_and_a_gone_one_says_so(qtbot: QtBot, hands: Hands, tmp_path: Path) -> None:
    files = folder_of(tmp_path / "many", 3)
    hands.kept.recent = [str(tmp_path / "gone"), str(tmp_path / "many")]
    with qtbot.waitSignal(hands.sources.opened):
        hands.sources.open_recent(str(tmp_path / "many"))
    assert hands.listed == [files]
    with qtbot.waitSignal(hands.sources.problem):
        hands.sources.open_recent(str(tmp_path / "gone"))
    assert hands.problems == ["gone is no longer there."]
    assert hands.sources.recent == (str(tmp_path / "many"),)
    assert hands.desk.images() == files


def test_a_folder_without_images_leaves_the_list(qtbot: QtBot, hands: Hands, tmp_path: Path) -> None:
    with qtbot.waitSignal(hands.sources.problem):
        hands.sources.open_paths([str(tmp_path)])
    assert hands.problems[0].startswith(f"There is no image in {tmp_path.name}.")
    assert hands.listed == []


def test_pasted_pixels_become_a_file_of_the_user(qtbot: QtBot, hands: Hands) -> None:
    picture = QImage(30, 20, QImage.Format.Format_RGB32)
    picture.fill(QColor(200, 30, 10))
    clipboard = QMimeData()
    clipboard.setImageData(picture)
    for _ in range(2):
        with qtbot.waitSignal(hands.sources.opened):
            hands.sources.paste(clipboard)
    first, second = (Path(path) for path in hands.chosen)
    assert first != second
    for file in (first, second):
        assert file.parent == Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)) / "pasted"
        assert re.fullmatch(r"pasted-\d{4}-\d\d-\d\d-\d{6}(-2)?\.png", file.name)
        opened = open_image(file)
        assert opened.size == (30, 20)
        assert (opened.pixels == (200, 30, 10)).all()
    assert sorted(first.parent.iterdir()) == sorted((first, second))


def test_pasted_files_are_opened_where_they_are(hands: Hands) -> None:
    clipboard = QMimeData()
    clipboard.setUrls([QUrl.fromLocalFile("/pictures/a #1.png"), QUrl("https://example.org/b.png")])
    hands.sources.paste(clipboard)
    assert hands.chosen == ["/pictures/a #1.png"]


def test_a_clipboard_without_images_says_what_to_do(hands: Hands) -> None:
    clipboard = QMimeData()
    clipboard.setText("words")
    hands.sources.paste(clipboard)
    assert hands.problems == ["There is no image in the clipboard. Copy a picture, or image files, and paste again."]


def test_a_picture_that_cannot_be_kept_says_why(qtbot: QtBot, hands: Hands) -> None:
    Path(platformdirs.user_data_dir("resnet-studio", appauthor=False)).write_text("a file is in the folder's place")
    clipboard = QMimeData()
    clipboard.setImageData(QImage(3, 3, QImage.Format.Format_RGB32))
    with qtbot.waitSignal(hands.sources.problem):
        hands.sources.paste(clipboard)
    assert re.fullmatch(
        r"The pasted picture can't be kept in .*pasted: (a part of the path is a file|there is a file).*\.",
        hands.problems[0],
    )
    assert hands.listed == []


def test_data_sets_on_offer_are_those_known_and_the_recipes_own_folder(hands: Hands) -> None:
    assert list(hands.sources.data_sets()) == ["digits", "mnist", "fashion-mnist", "cifar10", "cifar100"]
    hands.kept.recipe = hands.kept.recipe | {"data": "/sets/birds"}
    assert hands.sources.data_sets()["/sets/birds"] == "birds (Training)"
