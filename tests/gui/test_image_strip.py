"""The images at hand: walking them, their thumbnails, opening more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QListWidget, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.widgets.image_strip import ImageStrip
from resnet_studio.gui.widgets.pictures import as_image, thumbnail
from resnet_studio.inference.values import SAMPLES, image_title

FILE = "/pictures/a holiday.jpg"


@pytest.fixture
def strip(qtbot: QtBot) -> ImageStrip:
    strip = ImageStrip()
    qtbot.addWidget(strip)
    strip.resize(200, 400)
    strip.show_images([FILE, *SAMPLES])
    strip.show()
    return strip


def items(strip: ImageStrip) -> QListWidget:
    return strip.findChild(QListWidget, "imageStrip")


def icon_colour(strip: ImageStrip, row: int) -> QColor:
    return items(strip).item(row).icon().pixmap(QSize(32, 32)).toImage().pixelColor(16, 16)


def test_names_and_full_paths(strip: ImageStrip) -> None:
    texts = [items(strip).item(row).text() for row in range(items(strip).count())]
    assert texts[:4] == ["a holiday.jpg", "china", "flower", "digit 0"]
    assert items(strip).item(0).toolTip() == FILE
    assert image_title("sample:digit-7") == "digit 7"


def test_arrow_keys_walk_the_images(strip: ImageStrip) -> None:
    seen: list[str] = []
    strip.image_chosen.connect(seen.append)
    strip.show_chosen("sample:china")
    assert seen == []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        QTest.keyClick(items(strip), key)
    assert seen == ["sample:flower", "sample:china", FILE]


def test_a_new_list_keeps_the_chosen_one(strip: ImageStrip) -> None:
    seen: list[str] = []
    strip.image_chosen.connect(seen.append)
    strip.show_chosen("sample:flower")
    strip.show_images(["/pictures/new.png", FILE, *SAMPLES])
    assert strip.chosen() == "sample:flower"
    assert seen == []


def test_thumbnail_takes_the_place_of_the_tile_and_stays(strip: ImageStrip) -> None:
    tile = icon_colour(strip, 1)
    strip.show_thumbnail("sample:china", np.full((427, 640, 3), (200, 30, 10), np.uint8))
    assert icon_colour(strip, 1) == QColor(200, 30, 10)
    assert icon_colour(strip, 2) == tile
    strip.show_images(SAMPLES)
    assert icon_colour(strip, 0) == QColor(200, 30, 10)


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 3000, 3), (3000, 2, 3), (4000, 5000, 3)])
def test_thumbnails_are_the_middle_whatever_the_size(qtbot: QtBot, shape: tuple[int, int, int]) -> None:
    pixels = np.zeros(shape, np.uint8)
    pixels[shape[0] // 2, shape[1] // 2] = 255
    image = as_image(pixels, 128)
    assert max(image.width(), image.height()) < 2 * 128
    assert thumbnail(image, 32, 2.0).size() == QSize(64, 64)


def test_opened_files_are_told(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    file = tmp_path / "flowers #2.png"
    file.touch()
    qtbot.mouseClick(strip.findChild(QPushButton, "openImages"), Qt.MouseButton.LeftButton)
    dialog = strip.findChild(QFileDialog, "openImagesDialog")
    dialog.selectFile(str(file))
    with qtbot.waitSignal(strip.files_wished) as wished:
        dialog.accept()
    assert wished.args == [[str(file)]]
