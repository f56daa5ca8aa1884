"""The images at hand: walking them, their thumbnails, opening more, playing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QListView, QMenu, QPushButton, QToolButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.activations.images.strip import AHEAD, ImageStrip
from resnet_studio.gui.common.painting import as_image, thumbnail
from resnet_studio.inference.values import SAMPLES, Photograph, UnreadableImage, image_title

FILE = "/pictures/a holiday.jpg"
MANY = [f"/pictures/frame-{number:05}.png" for number in range(10_000)]
LEFT = Qt.MouseButton.LeftButton
Key = Qt.Key


@pytest.fixture
def strip(qtbot: QtBot) -> ImageStrip:
    strip = ImageStrip()
    qtbot.addWidget(strip)
    strip.resize(200, 400)
    strip.show_images([FILE, *SAMPLES])
    strip.show()
    return strip


@pytest.fixture
def asked(strip: ImageStrip) -> list[tuple[str, ...]]:
    """What thumbnails are asked for; each is given at once, as a quick engine would."""
    asked: list[tuple[str, ...]] = []

    def give(references: tuple[str, ...]) -> None:
        asked.append(references)
        for reference in references:
            strip.show_thumbnail(red(reference))

    strip.thumbnails_wished.connect(give)
    return asked


def red(name: str) -> Photograph:
    return Photograph(name, np.full((30, 40, 3), (200, 30, 10), np.uint8), "")


def items(strip: ImageStrip) -> QListView:
    return strip.findChild(QListView, "imageStrip")


def text(strip: ImageStrip, row: int) -> str:
    return str(items(strip).model().index(row, 0).data())


def tip(strip: ImageStrip, row: int) -> str:
    return str(items(strip).model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole))


def icon_colour(strip: ImageStrip, row: int) -> QColor:
    icon = items(strip).model().index(row, 0).data(Qt.ItemDataRole.DecorationRole)
    return icon.pixmap(QSize(32, 32)).toImage().pixelColor(10, 16)


def on_screen(strip: ImageStrip) -> range:
    shown, middle = items(strip), items(strip).viewport().rect().center().x()
    last = shown.indexAt(QPoint(middle, shown.viewport().height() - 1)).row()
    return range(shown.indexAt(QPoint(middle, 0)).row(), last + 1 if last >= 0 else shown.model().rowCount())


def wheel(strip: ImageStrip, lines: int) -> None:
    at = QPointF(items(strip).viewport().rect().center())
    event = QWheelEvent(
        at, QPointF(items(strip).viewport().mapToGlobal(at.toPoint())), QPoint(), QPoint(0, -40 * lines),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(items(strip).viewport(), event)


def test_names_and_full_paths(strip: ImageStrip) -> None:
    assert [text(strip, row) for row in range(4)] == ["a holiday.jpg", "china", "flower", "digit 0"]
    assert tip(strip, 0) == FILE
    assert image_title("sample:digit-7") == "digit 7"


def test_arrow_keys_walk_the_images(strip: ImageStrip) -> None:
    seen: list[str] = []
    strip.image_chosen.connect(seen.append)
    strip.show_chosen("sample:china")
    assert seen == []
    for key in (Key.Key_Down, Key.Key_Up, Key.Key_Up):
        QTest.keyClick(items(strip), key)
    assert seen == ["sample:flower", "sample:china", FILE]


def test_a_click_chooses(qtbot: QtBot, strip: ImageStrip) -> None:
    where = items(strip).visualRect(items(strip).model().index(2, 0)).center()
    with qtbot.waitSignal(strip.image_chosen) as chosen:
        qtbot.mouseClick(items(strip).viewport(), LEFT, pos=where)
    assert chosen.args == ["sample:flower"]


def test_a_new_list_keeps_the_chosen_one(strip: ImageStrip) -> None:
    seen: list[str] = []
    strip.image_chosen.connect(seen.append)
    strip.show_chosen("sample:flower")
    strip.show_images(["/pictures/new.png", FILE, *SAMPLES])
    assert strip.chosen() == "sample:flower"
    assert items(strip).currentIndex().row() == 3
    strip.show_images(MANY)
    assert strip.chosen() == ""
    assert seen == []


def test_thumbnail_takes_the_place_of_the_tile_and_stays(strip: ImageStrip) -> None:
    tile = icon_colour(strip, 1)
    assert tile == QColor(theme.current().rule)
    strip.show_thumbnail(red("sample:china"))
    assert icon_colour(strip, 1) == QColor(200, 30, 10)
    assert icon_colour(strip, 2) == tile
    strip.show_images(SAMPLES)
    assert icon_colour(strip, 0) == QColor(200, 30, 10)


def test_images_that_cannot_be_opened_say_why_and_are_not_asked_for_again(
    qtbot: QtBot, strip: ImageStrip, asked: list[tuple[str, ...]]
) -> None:
    qtbot.waitUntil(lambda: bool(asked))
    strip.show_thumbnail(UnreadableImage(FILE, "a holiday.jpg is damaged."))
    assert tip(strip, 0) == "a holiday.jpg is damaged."
    assert icon_colour(strip, 0) != QColor(200, 30, 10)
    strip.resize(200, 420)
    qtbot.wait(100)
    assert FILE not in [one for some in asked[1:] for one in some]
    strip.show_thumbnail(red(FILE))  # it has been mended and chosen
    assert tip(strip, 0) == FILE
    assert icon_colour(strip, 0) == QColor(200, 30, 10)


def test_the_class_of_an_image_of_a_data_set_is_shown_once_it_is_known(strip: ImageStrip) -> None:
    strip.show_images(["data:digits:test:17"])
    assert text(strip, 0) == "digits test 17"
    strip.show_thumbnail(Photograph("data:digits:test:17", np.zeros((8, 8, 3), np.uint8), "", truth="5"))
    assert text(strip, 0) == "digits test 17: 5"


def test_of_ten_thousand_images_only_those_on_the_screen_are_asked_for(
    qtbot: QtBot, strip: ImageStrip, asked: list[tuple[str, ...]]
) -> None:
    strip.show_images(MANY)
    qtbot.waitUntil(lambda: bool(asked))
    assert set(asked[0]) == set(MANY[: len(on_screen(strip)) + AHEAD])
    strip.show_chosen(MANY[0])
    QTest.keyClick(items(strip), Key.Key_End)
    assert strip.chosen() == MANY[-1]
    assert 9_999 in on_screen(strip)
    qtbot.waitUntil(lambda: len(asked) > 1)
    assert set(asked[1]) == set(MANY[on_screen(strip).start - AHEAD :])
    for _ in range(500):  # through 1,500 rows at once: what flies past is not asked for
        wheel(strip, -1)
    qtbot.waitUntil(lambda: len(asked) > 2)
    qtbot.waitUntil(lambda: MANY[on_screen(strip).start] in asked[-1])
    screens = len(on_screen(strip)) + 2 * AHEAD + 1
    assert all(len(some) <= screens for some in asked)
    assert sum(map(len, asked)) < 1_000


def test_wishes_no_longer_on_the_screen_are_taken_back(qtbot: QtBot, strip: ImageStrip) -> None:
    asked: list[tuple[str, ...]] = []
    strip.thumbnails_wished.connect(asked.append)
    strip.show_images(MANY)
    qtbot.waitUntil(lambda: bool(asked))
    strip.show_chosen(MANY[5_000])
    qtbot.waitUntil(lambda: MANY[5_000] in asked[-1])
    assert not set(asked[0]) & set(asked[-1])


def test_nothing_is_asked_for_while_the_strip_is_hidden(qtbot: QtBot, strip: ImageStrip) -> None:
    strip.hide()
    asked: list[tuple[str, ...]] = []
    strip.thumbnails_wished.connect(asked.append)
    strip.show_images(MANY)
    qtbot.wait(100)
    assert asked == []
    strip.show()
    qtbot.waitUntil(lambda: bool(asked))


def test_home_end_pages_and_letters_walk(strip: ImageStrip) -> None:
    strip.show_images(MANY)
    strip.show_chosen(MANY[0])
    page = len(on_screen(strip))
    for key, lowest, highest in (
        (Key.Key_PageDown, page - 2, page + 1), (Key.Key_PageUp, 0, 0), (Key.Key_End, 9_999, 9_999),
        (Key.Key_Home, 0, 0),
    ):  # fmt: skip
        QTest.keyClick(items(strip), key)
        row = items(strip).currentIndex().row()
        assert lowest <= row <= highest
        assert row in on_screen(strip)
    QTest.keyClicks(items(strip), "frame-042")
    assert strip.chosen() == MANY[4_200]
    assert 4_200 in on_screen(strip)


def test_the_chosen_image_stays_on_the_screen_when_the_strip_gets_lower(strip: ImageStrip) -> None:
    strip.show_images(MANY)
    strip.show_chosen(MANY[on_screen(strip)[-1] - 1])
    strip.resize(200, 260)
    QApplication.processEvents()
    assert items(strip).currentIndex().row() in on_screen(strip)


def test_place_in_the_list_and_what_is_not_in_it_is_said(strip: ImageStrip) -> None:
    count = strip.findChild(QLabel, "imageCount")
    strip.show_images(MANY)
    assert count.text() == "10,000 images"
    strip.show_chosen(MANY[16])
    assert count.text() == "17 of 10,000"
    strip.show_more(15_312)
    assert count.text() == "17 of the first 10,000"
    assert "15,312 more are not listed" in count.toolTip()
    strip.show_passed_over(("frame-00017.png is damaged.",))
    skipped = strip.findChild(QLabel, "skippedCount")
    assert skipped.isVisible()
    assert skipped.text() == "1 skipped"
    assert "frame-00017.png is damaged." in skipped.toolTip()


def test_space_and_button_play_and_the_speed_is_told(qtbot: QtBot, strip: ImageStrip) -> None:
    with qtbot.waitSignal(strip.player.toggled):
        QTest.keyClick(items(strip), Key.Key_Space)
    button = strip.findChild(QPushButton, "playImages")
    with qtbot.waitSignal(strip.player.toggled):
        qtbot.mouseClick(button, LEFT)
    strip.player.show_playing(True)
    assert button.accessibleName() == "Pause the images"
    with qtbot.waitSignal(strip.player.rate_wished) as rate:
        QTest.keyClick(strip.findChild(QComboBox, "playSpeed"), Key.Key_End)
    assert rate.args == [0.0]
    strip.show_images([FILE])
    assert not button.isEnabled()


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
    qtbot.mouseClick(strip.findChild(QPushButton, "openImages"), LEFT)
    dialog = strip.findChild(QFileDialog, "openImagesDialog")
    dialog.selectFile(str(file))
    with qtbot.waitSignal(strip.sources.files_wished) as wished:
        dialog.accept()
    assert wished.args == [[str(file)]]


def menu(qtbot: QtBot, strip: ImageStrip) -> QMenu:
    """The menu of sources, filled as for a user who opens it."""
    opened = strip.findChild(QToolButton, "imageSources").menu()
    opened.popup(strip.mapToGlobal(QPoint(0, 0)))
    qtbot.addWidget(opened)
    return opened


def pick(opened: QMenu, *titles: str) -> None:
    for title in titles:
        action = next(one for one in opened.actions() if one.text().startswith(title))
        if action.menu():
            opened = action.menu()
        else:
            action.trigger()


def test_the_menu_offers_every_source(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    sources = strip.sources
    sources.show_recent((str(tmp_path / "a & b"), "data:digits"))
    sources.show_data({"digits": "Digits (scikit-learn)", "mnist": "MNIST"})
    opened = menu(qtbot, strip)
    for titles, signal, told in (
        (("Recent", "a && b"), sources.recent_wished, [str(tmp_path / "a & b")]),
        (("Recent", "Digits"), sources.recent_wished, ["data:digits"]),
        (("Images of a data set", "MNIST"), sources.data_wished, ["mnist"]),
        (("Sample photographs",), sources.samples_wished, []),
        (("Paste",), sources.paste_wished, []),
    ):
        with qtbot.waitSignal(signal) as wished:
            pick(opened, *titles)
        assert wished.args == told
    opened.close()


def test_a_folder_is_told_as_its_path(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    opened = menu(qtbot, strip)
    pick(opened, "Folder")
    opened.close()
    dialog = strip.findChild(QFileDialog, "openImagesDialog")
    dialog.selectFile(str(tmp_path))
    with qtbot.waitSignal(strip.sources.files_wished) as wished:
        dialog.accept()
    assert wished.args == [[str(tmp_path)]]


def test_a_space_in_a_typed_name_belongs_to_it(strip: ImageStrip) -> None:
    toggled: list[None] = []
    strip.player.toggled.connect(lambda: toggled.append(None))
    strip.show_chosen(FILE)
    QTest.keyClicks(items(strip), "digit 7")
    assert strip.chosen() == "sample:digit-7"
    assert toggled == []


def test_what_a_folder_has_beside_its_images_is_counted_below_the_list(qtbot: QtBot) -> None:
    strip = ImageStrip()
    qtbot.addWidget(strip)
    strip.show_images(["a.png", "b.png"])
    strip.show_others(3, "2 hidden files or folders (._a.png, ._b.png), 1 .heic file (c.heic)")
    strip.show()
    others = strip.findChild(QLabel, "otherFiles")
    assert others is not None
    assert (others.isVisible(), others.text()) == (True, "3 other files passed over")
    assert "1 .heic file (c.heic)" in others.toolTip()
    strip.show_others(0, "")
    assert not others.isVisible()
