"""The image strip: selection, thumbnails, opening images, playing."""

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
from resnet_studio.gui.activations.images.strip import PREFETCHED_ROWS, ImageStrip
from resnet_studio.gui.common.painting import thumbnail, to_qimage
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
def requested(strip: ImageStrip) -> list[tuple[str, ...]]:
    """Records which thumbnails are requested; each is given at once, as by a fast engine."""
    requested: list[tuple[str, ...]] = []

    def answer(references: tuple[str, ...]) -> None:
        requested.append(references)
        for reference in references:
            strip.show_thumbnail(red(reference))

    strip.thumbnailsRequested.connect(answer)
    return requested


def red(name: str) -> Photograph:
    return Photograph(name, np.full((30, 40, 3), (200, 30, 10), np.uint8), "")


def items(strip: ImageStrip) -> QListView:
    return strip.findChild(QListView, "imageStrip")


def text(strip: ImageStrip, row: int) -> str:
    return str(items(strip).model().index(row, 0).data())


def tip(strip: ImageStrip, row: int) -> str:
    return str(items(strip).model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole))


def icon_color(strip: ImageStrip, row: int) -> QColor:
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


def test_arrow_keys_select_images(strip: ImageStrip) -> None:
    emitted: list[str] = []
    strip.imageSelected.connect(emitted.append)
    strip.show_selected("sample:china")
    assert emitted == []
    for key in (Key.Key_Down, Key.Key_Up, Key.Key_Up):
        QTest.keyClick(items(strip), key)
    assert emitted == ["sample:flower", "sample:china", FILE]


def test_a_click_selects(qtbot: QtBot, strip: ImageStrip) -> None:
    where = items(strip).visualRect(items(strip).model().index(2, 0)).center()
    with qtbot.waitSignal(strip.imageSelected) as selected:
        qtbot.mouseClick(items(strip).viewport(), LEFT, pos=where)
    assert selected.args == ["sample:flower"]


def test_a_new_list_keeps_the_selection(strip: ImageStrip) -> None:
    emitted: list[str] = []
    strip.imageSelected.connect(emitted.append)
    strip.show_selected("sample:flower")
    strip.show_images(["/pictures/new.png", FILE, *SAMPLES])
    assert strip.selected() == "sample:flower"
    assert items(strip).currentIndex().row() == 3
    strip.show_images(MANY)
    assert strip.selected() == ""
    assert emitted == []


def test_a_thumbnail_replaces_the_placeholder_and_stays(strip: ImageStrip) -> None:
    tile = icon_color(strip, 1)
    assert tile == QColor(theme.current().rule)
    strip.show_thumbnail(red("sample:china"))
    assert icon_color(strip, 1) == QColor(200, 30, 10)
    assert icon_color(strip, 2) == tile
    strip.show_images(SAMPLES)
    assert icon_color(strip, 0) == QColor(200, 30, 10)


def test_unreadable_images_show_why_and_are_not_requested_again(
    qtbot: QtBot, strip: ImageStrip, requested: list[tuple[str, ...]]
) -> None:
    qtbot.waitUntil(lambda: bool(requested))
    strip.show_thumbnail(UnreadableImage(FILE, "a holiday.jpg is damaged."))
    assert tip(strip, 0) == "a holiday.jpg is damaged."
    assert icon_color(strip, 0) != QColor(200, 30, 10)
    strip.resize(200, 420)
    qtbot.wait(100)
    assert FILE not in [reference for references in requested[1:] for reference in references]
    strip.show_thumbnail(red(FILE))  # it has been repaired and selected
    assert tip(strip, 0) == FILE
    assert icon_color(strip, 0) == QColor(200, 30, 10)


def test_the_class_of_a_data_set_image_is_shown_once_known(strip: ImageStrip) -> None:
    strip.show_images(["data:digits:test:17"])
    assert text(strip, 0) == "digits test 17"
    strip.show_thumbnail(Photograph("data:digits:test:17", np.zeros((8, 8, 3), np.uint8), "", truth="5"))
    assert text(strip, 0) == "digits test 17: 5"


def test_of_ten_thousand_images_only_visible_ones_are_requested(
    qtbot: QtBot, strip: ImageStrip, requested: list[tuple[str, ...]]
) -> None:
    strip.show_images(MANY)
    qtbot.waitUntil(lambda: bool(requested))
    assert set(requested[0]) == set(MANY[: len(on_screen(strip)) + PREFETCHED_ROWS])
    strip.show_selected(MANY[0])
    QTest.keyClick(items(strip), Key.Key_End)
    assert strip.selected() == MANY[-1]
    assert 9_999 in on_screen(strip)
    qtbot.waitUntil(lambda: len(requested) > 1)
    assert set(requested[1]) == set(MANY[on_screen(strip).start - PREFETCHED_ROWS :])
    for _ in range(500):  # through 1,500 rows at once: rows scrolled past are not requested
        wheel(strip, -1)
    qtbot.waitUntil(lambda: len(requested) > 2)
    qtbot.waitUntil(lambda: MANY[on_screen(strip).start] in requested[-1])
    limit = len(on_screen(strip)) + 2 * PREFETCHED_ROWS + 1
    assert all(len(references) <= limit for references in requested)
    assert sum(map(len, requested)) < 1_000


def test_requests_for_rows_no_longer_visible_are_replaced(qtbot: QtBot, strip: ImageStrip) -> None:
    requested: list[tuple[str, ...]] = []
    strip.thumbnailsRequested.connect(requested.append)
    strip.show_images(MANY)
    qtbot.waitUntil(lambda: bool(requested))
    strip.show_selected(MANY[5_000])
    qtbot.waitUntil(lambda: MANY[5_000] in requested[-1])
    assert not set(requested[0]) & set(requested[-1])


def test_nothing_is_requested_while_the_strip_is_hidden(qtbot: QtBot, strip: ImageStrip) -> None:
    strip.hide()
    requested: list[tuple[str, ...]] = []
    strip.thumbnailsRequested.connect(requested.append)
    strip.show_images(MANY)
    qtbot.wait(100)
    assert requested == []
    strip.show()
    qtbot.waitUntil(lambda: bool(requested))


def test_home_end_page_keys_and_letters_select(strip: ImageStrip) -> None:
    strip.show_images(MANY)
    strip.show_selected(MANY[0])
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
    assert strip.selected() == MANY[4_200]
    assert 4_200 in on_screen(strip)


def test_the_selected_image_stays_visible_when_the_strip_shrinks(strip: ImageStrip) -> None:
    strip.show_images(MANY)
    strip.show_selected(MANY[on_screen(strip)[-1] - 1])
    strip.resize(200, 260)
    QApplication.processEvents()
    assert items(strip).currentIndex().row() in on_screen(strip)


def test_the_count_and_unlisted_and_skipped_images_are_shown(strip: ImageStrip) -> None:
    count = strip.findChild(QLabel, "imageCount")
    strip.show_images(MANY)
    assert count.text() == "10,000 images"
    strip.show_selected(MANY[16])
    assert count.text() == "17 of 10,000"
    strip.show_unlisted(15_312)
    assert count.text() == "17 of the first 10,000"
    assert "15,312 more not listed" in count.toolTip()
    strip.show_skipped(("frame-00017.png is damaged.",))
    skipped = strip.findChild(QLabel, "skippedCount")
    assert skipped.isVisible()
    assert skipped.text() == "1 skipped"
    assert "frame-00017.png is damaged." in skipped.toolTip()


def test_space_and_button_play_and_the_speed_is_emitted(qtbot: QtBot, strip: ImageStrip) -> None:
    with qtbot.waitSignal(strip.player.playToggled):
        QTest.keyClick(items(strip), Key.Key_Space)
    button = strip.findChild(QPushButton, "playImages")
    with qtbot.waitSignal(strip.player.playToggled):
        qtbot.mouseClick(button, LEFT)
    strip.player.show_playing(True)
    assert button.accessibleName() == "Pause images"
    with qtbot.waitSignal(strip.player.rateRequested) as rate:
        QTest.keyClick(strip.findChild(QComboBox, "playSpeed"), Key.Key_End)
    assert rate.args == [0.0]
    strip.show_images([FILE])
    assert not button.isEnabled()


@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 3000, 3), (3000, 2, 3), (4000, 5000, 3)])
def test_thumbnails_are_cropped_to_the_center_at_any_size(qtbot: QtBot, shape: tuple[int, int, int]) -> None:
    pixels = np.zeros(shape, np.uint8)
    pixels[shape[0] // 2, shape[1] // 2] = 255
    image = to_qimage(pixels, 128)
    assert max(image.width(), image.height()) < 2 * 128
    assert thumbnail(image, 32, 2.0).size() == QSize(64, 64)


def test_opened_files_are_emitted(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    file = tmp_path / "flowers #2.png"
    file.touch()
    qtbot.mouseClick(strip.findChild(QPushButton, "openImages"), LEFT)
    dialog = strip.findChild(QFileDialog, "openImagesDialog")
    dialog.selectFile(str(file))
    with qtbot.waitSignal(strip.sources.filesRequested) as emitted:
        dialog.accept()
    assert emitted.args == [[str(file)]]


def menu(qtbot: QtBot, strip: ImageStrip) -> QMenu:
    """The menu of sources, opened as by a user."""
    opened = strip.findChild(QToolButton, "imageSources").menu()
    opened.popup(strip.mapToGlobal(QPoint(0, 0)))
    qtbot.addWidget(opened)
    return opened


def pick(opened: QMenu, *titles: str) -> None:
    for title in titles:
        action = next(reference for reference in opened.actions() if reference.text().startswith(title))
        if action.menu():
            opened = action.menu()
        else:
            action.trigger()


def test_the_menu_lists_every_source(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    sources = strip.sources
    sources.show_recent((str(tmp_path / "a & b"), "data:digits"))
    sources.show_data({"digits": "Digits (scikit-learn)", "mnist": "MNIST"})
    opened = menu(qtbot, strip)
    for titles, requested_signal, arguments in (
        (("Recent", "a && b"), sources.recentRequested, [str(tmp_path / "a & b")]),
        (("Recent", "Digits"), sources.recentRequested, ["data:digits"]),
        (("Data sets", "MNIST"), sources.dataRequested, ["mnist"]),
        (("Sample images",), sources.samplesRequested, []),
        (("Paste",), sources.pasteRequested, []),
    ):
        with qtbot.waitSignal(requested_signal) as emitted:
            pick(opened, *titles)
        assert emitted.args == arguments
    opened.close()


def test_a_folder_is_emitted_as_its_path(qtbot: QtBot, strip: ImageStrip, tmp_path: Path) -> None:
    opened = menu(qtbot, strip)
    pick(opened, "Folder")
    opened.close()
    dialog = strip.findChild(QFileDialog, "openImagesDialog")
    dialog.selectFile(str(tmp_path))
    with qtbot.waitSignal(strip.sources.filesRequested) as emitted:
        dialog.accept()
    assert emitted.args == [[str(tmp_path)]]


def test_a_space_in_a_typed_name_does_not_play(strip: ImageStrip) -> None:
    toggled: list[None] = []
    strip.player.playToggled.connect(lambda: toggled.append(None))
    strip.show_selected(FILE)
    QTest.keyClicks(items(strip), "digit 7")
    assert strip.selected() == "sample:digit-7"
    assert toggled == []


def test_skipped_files_are_counted_below_the_list(qtbot: QtBot) -> None:
    strip = ImageStrip()
    qtbot.addWidget(strip)
    strip.show_images(["a.png", "b.png"])
    strip.show_skipped_files(3, "2 hidden files or folders (._a.png, ._b.png), 1 .heic file (c.heic)")
    strip.show()
    others = strip.findChild(QLabel, "otherFiles")
    assert others is not None
    assert (others.isVisible(), others.text()) == (True, "3 other files ignored")
    assert "1 .heic file (c.heic)" in others.toolTip()
    strip.show_skipped_files(0, "")
    assert not others.isVisible()
