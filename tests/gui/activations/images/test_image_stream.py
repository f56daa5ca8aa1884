"""Images in the real window with a real engine: thumbnails, data sets, damaged files, and the list as a stream."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QListView, QListWidget, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.images.list import REFERENCE_ROLE
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS

Key, Role = Qt.Key, Qt.ItemDataRole
Open = Callable[..., MainWindow]


def frame(number: int) -> Image.Image:
    """An image with some detail, different for each number."""
    y, x = np.mgrid[:48, :64]
    waves = [np.sin((x + number) / 7 + phase) * np.cos(y / 5 - phase) for phase in range(3)]
    return Image.fromarray(np.rint(127 + 100 * np.stack(waves, axis=2)).astype(np.uint8))


def header(width: int, height: int) -> bytes:
    """The IHDR chunk of an 8-bit RGB PNG, with its checksum."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return content + struct.pack(">I", zlib.crc32(content))


@pytest.fixture
def open_window(qtbot: QtBot) -> Iterator[Open]:
    """Opens windows on the Activations workspace with a small network, and closes them with their engines."""
    windows: list[MainWindow] = []

    def open_(**state: object) -> MainWindow:
        small = preset("resnet20-digits")
        window = MainWindow(SessionState(architecture=small, workspace=ACTIVATIONS, **state))  # type: ignore[arg-type]
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        window.start_engine()
        return window

    yield open_
    for window in windows:
        window.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight frames of which three can't be opened, and a file that is no image."""
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(8):
        frame(number).save(frames / f"frame-{number}.png")
    whole = (frames / "frame-2.png").read_bytes()
    (frames / "frame-2.png").write_bytes(whole[: len(whole) // 2])
    (frames / "frame-3.png").write_bytes(b"<html>")
    (frames / "frame-5.png").write_bytes(whole.replace(header(64, 48), header(60_000, 60_000)))
    (frames / "notes.txt").write_text("notes")
    return frames


def strip(window: MainWindow) -> QListView:
    return window.findChild(QListView, "imageStrip")


def data(window: MainWindow, row: int, role: Role = Role.DisplayRole) -> object:
    return strip(window).model().index(row, 0).data(role)


def count(window: MainWindow) -> str:
    return window.findChild(QLabel, "imageCount").text()


def record_results(window: MainWindow) -> list[str]:
    """The file names of the images of all results from now on."""
    names: list[str] = []

    def record(result: ForwardResult) -> None:
        if not names or names[-1] != Path(result.spec.image).name:
            names.append(Path(result.spec.image).name)

    window.controller.activations.forwardFinished.connect(record)
    return names


def playing(window: MainWindow) -> bool:
    return window.findChild(QPushButton, "playImages").accessibleName() == "Pause images"


def set_speed(window: MainWindow, rate: str) -> None:
    speed = window.findChild(QComboBox, "playSpeed")
    speed.setCurrentIndex(speed.findData(rate))
    speed.activated.emit(speed.currentIndex())


def test_a_folder_plays_in_a_loop_and_skips_damaged_images(qtbot: QtBot, open_window: Open, folder: Path) -> None:
    window = open_window()
    window.controller.open_paths([str(folder)])
    qtbot.waitUntil(lambda: count(window) == "1 of 8")
    images = record_results(window)
    qtbot.waitUntil(lambda: "frame-0.png" in images)
    set_speed(window, "0")
    strip(window).setFocus()
    QTest.keyClick(strip(window), Key.Key_Space)
    assert playing(window)
    qtbot.waitUntil(lambda: len(images) >= 11)
    QTest.keyClick(strip(window), Key.Key_Space)
    assert not playing(window)
    whole = [f"frame-{number}.png" for number in (0, 1, 4, 6, 7)]
    assert images[:11] == [*whole, *whole, "frame-0.png"]
    assert window.message_bar.isHidden()
    assert count(window).endswith("of 8")
    assert window.findChild(QLabel, "skippedCount").text() == "3 skipped"
    reasons = window.findChild(QLabel, "skippedCount").toolTip()
    for name in ("frame-2.png", "frame-3.png", "frame-5.png"):
        assert name in reasons


def test_a_stream_waits_for_each_result(qtbot: QtBot, open_window: Open, folder: Path) -> None:
    """The engine is stopped between two frames: nothing is requested ahead, and playing resumes with the engine."""
    window = open_window()
    window.controller.open_paths([str(folder)])
    images = record_results(window)
    qtbot.waitUntil(lambda: "frame-0.png" in images)
    set_speed(window, "0")
    selected: list[str] = []
    window.controller.images.selectionChanged.connect(selected.append)
    os.kill(window.engine.pid, signal.SIGSTOP)
    qtbot.mouseClick(window.findChild(QPushButton, "playImages"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(selected))
    qtbot.wait(300)
    assert [Path(path).name for path in selected] == ["frame-1.png"]
    os.kill(window.engine.pid, signal.SIGCONT)
    qtbot.waitUntil(lambda: len(selected) > 4)
    qtbot.mouseClick(window.findChild(QPushButton, "playImages"), Qt.MouseButton.LeftButton)


def test_a_stream_of_damaged_images_stops_and_is_reported(qtbot: QtBot, open_window: Open, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"<html>")
    window = open_window()
    window.controller.open_paths([str(tmp_path)])
    qtbot.waitUntil(lambda: count(window) == "1 of 3")
    set_speed(window, "0")
    with qtbot.waitSignal(window.controller.player.failed):
        QTest.keyClick(strip(window), Key.Key_Space)
    qtbot.waitUntil(lambda: window.engine.state == "ready")  # photograph and forward pass of the last image both fail
    assert window.message_bar.text.startswith("None of these images can be opened.")
    assert not playing(window)


def test_the_speed_shown_is_that_of_the_stream(qtbot: QtBot, open_window: Open) -> None:
    window = open_window()
    speed = window.findChild(QComboBox, "playSpeed")
    assert window.controller.player.rate == float(speed.currentData()) == 2
    QTest.keyClick(speed, Key.Key_Up)
    assert window.controller.player.rate == float(speed.currentData()) == 1


def test_escape_stops_a_stream(qtbot: QtBot, open_window: Open, folder: Path) -> None:
    window = open_window()
    window.controller.open_paths([str(folder)])
    images = record_results(window)
    qtbot.waitUntil(lambda: bool(images))
    QTest.keyClick(strip(window), Key.Key_Space)
    QTest.keyClick(window, Key.Key_Escape)
    assert not playing(window)


def test_thumbnails_are_shown_or_the_reason_why_not(qtbot: QtBot, open_window: Open, folder: Path) -> None:
    """Faults 13, 15, 16 and 17 in one folder: each is reported, nothing blocks, the intact ones get thumbnails."""
    os.mkfifo(folder / "frame-8.png")
    (folder / "frame-9.png").symlink_to(folder / "frame-9.png")
    (folder / "frame-10.png").symlink_to(folder / "gone")
    frame(11).save(folder / "frame-11.png", "JPEG")  # the content decides the format
    window = open_window()
    window.resize(1440, 1200)
    window.controller.open_paths([str(folder)])
    reasons = {
        2: "frame-2.png is damaged", 3: "frame-3.png is a web page", 5: "frame-5.png has far too many pixels",
        8: "frame-8.png is a pipe", 9: "frame-9.png is a link that points back", 10: "frame-10.png is a broken link",
    }  # fmt: skip
    qtbot.waitUntil(lambda: strip(window).model().rowCount() == 12)
    for row in range(12):
        strip(window).scrollTo(strip(window).model().index(row, 0))
        tip = reasons.get(row)
        if tip:
            qtbot.waitUntil(lambda row=row, tip=tip: tip in str(data(window, row, Role.ToolTipRole)))
        else:
            qtbot.waitUntil(lambda row=row: color_count(window, row) > 2)
    assert window.message_bar.isHidden()


def color_count(window: MainWindow, row: int) -> int:
    """How many colors a row's thumbnail has: a placeholder has one or two."""
    image = data(window, row, Role.DecorationRole).pixmap(32, 32).toImage()  # type: ignore[attr-defined]
    return len({image.pixel(x, y) for x in range(0, 32, 4) for y in range(0, 32, 4)})


def test_a_damaged_selected_image_is_reported(qtbot: QtBot, open_window: Open, folder: Path) -> None:
    window = open_window()
    window.controller.open_paths([str(folder)])
    images = record_results(window)
    qtbot.waitUntil(lambda: "frame-0.png" in images)
    with qtbot.waitSignal(window.controller.errorOccurred):
        window.controller.images.select(str(folder / "frame-3.png"))
    assert "frame-3.png is a web page" in window.message_bar.text
    assert "frame-3.png is a web page" in str(data(window, 3, Role.ToolTipRole))


def test_images_of_a_data_set_are_listed_with_their_class(qtbot: QtBot, open_window: Open) -> None:
    window = open_window()
    window.controller.open_digits_example()
    window.findChild(ActivationsWorkspace).view.images.sources.dataRequested.emit("digits")
    qtbot.waitUntil(lambda: count(window) == "1 of 1,797")
    QTest.keyClicks(strip(window), "digits test 17")
    assert data(window, 17, REFERENCE_ROLE) == window.controller.images.selected == "data:digits:test:17"
    qtbot.waitUntil(lambda: data(window, 17) == "digits test 17: 5")
    shown = window.findChild(QListWidget, "predictions")
    qtbot.waitUntil(lambda: shown.count() > 0 and shown.item(0).toolTip().endswith("correct class"))
    assert shown.item(0).text() == "5"
    assert window.findChild(QLabel, "lookOrigin").text().startswith("digits test 17: 5 · CPU")
    assert window.session_state().recent == ["data:digits"]


def test_a_missing_data_set_changes_nothing(qtbot: QtBot, open_window: Open) -> None:
    window = open_window()
    with qtbot.waitSignal(window.controller.errorOccurred):
        window.findChild(ActivationsWorkspace).view.images.sources.dataRequested.emit("cifar10")
    assert window.message_bar.text.startswith("CIFAR-10 is not downloaded.")
    assert data(window, 0) == "china"


def test_a_copied_image_is_pasted_with_the_keys(qtbot: QtBot, open_window: Open) -> None:
    window = open_window()
    picture = QImage(40, 40, QImage.Format.Format_RGB32)
    picture.fill(QColor(10, 200, 30))
    QGuiApplication.clipboard().setImage(picture)
    strip(window).setFocus()
    with qtbot.waitSignal(
        window.controller.activations.forwardFinished,
        check_params_cb=lambda result: "pasted" in result.spec.image,
    ):
        QTest.keyClick(strip(window), Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert str(data(window, 0)).startswith("pasted-")
    assert window.session_state().image == data(window, 0, REFERENCE_ROLE)
    QGuiApplication.clipboard().clear()
