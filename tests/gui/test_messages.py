"""A problem is told once, in one place, and goes when what it speaks of is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel, QListView, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from resnet_studio.gui.app_controller import ACTIVATIONS
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.values import SAMPLES
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine
NONE = Qt.KeyboardModifier.NoModifier
LARGEST = replace(preset("resnet152"), width=2048, stem="cifar", image=4096)
"""Its first activation alone takes 137 GB."""


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(SessionState(architecture=to_json(preset("resnet20-cifar")), workspace=ACTIVATIONS))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    qtbot.waitUntil(lambda: window.studio.subject.look is not None, timeout=PATIENCE)
    yield window
    window.close()


def drop(window: MainWindow, *files: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE))


def damaged(folder: Path) -> Path:
    """A PNG that is cut off."""
    path = folder / "cut-off.png"
    Image.effect_noise((64, 64), 80).save(path)
    path.write_bytes(path.read_bytes()[:900])
    return path


def told(window: MainWindow, words: str) -> list[str]:
    """Everything on the screen that says it."""
    labels = [label for label in window.findChildren(QLabel) if label.isVisible() and words in label.text()]
    return [label.text() for label in labels]


def wait_for_banner(qtbot: QtBot, window: MainWindow, words: str) -> None:
    qtbot.waitUntil(lambda: window.banner.isVisible() and words in window.banner.text, timeout=PATIENCE)


def test_a_damaged_image_is_told_of_once_until_another_is_chosen(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    file = damaged(tmp_path)
    drop(window, file)
    wait_for_banner(qtbot, window, "cut-off.png")
    qtbot.waitUntil(lambda: window.link.state == "ready", timeout=PATIENCE)
    assert told(window, "cut-off.png is") == [window.banner.text]
    qtbot.keyClick(window.findChild(QListView, "imageStrip"), Qt.Key.Key_Down)
    assert not window.banner.isVisible()


def test_a_damaged_image_is_not_there_at_the_next_start(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    Image.new("RGB", (8, 8)).save(whole)
    drop(window, whole)
    qtbot.waitUntil(lambda: window.studio.subject.look.subject.image == str(whole), timeout=PATIENCE)
    drop(window, file := damaged(tmp_path))
    wait_for_banner(qtbot, window, "cut-off.png")
    assert window.studio.images.chosen == str(file)
    kept = window.kept()
    assert str(file) not in kept.images
    assert kept.image == str(whole)
    file.write_bytes(whole.read_bytes())  # mended meanwhile
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.studio.subject.look.subject.image == str(file), timeout=PATIENCE)
    assert not window.banner.isVisible()
    assert window.kept().image == str(file)


def test_what_is_no_longer_there_is_over_with_the_next_files(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    drop(window, tmp_path / "gone")
    wait_for_banner(qtbot, window, "no longer there")
    drop(window, damaged(tmp_path))
    wait_for_banner(qtbot, window, "cut-off.png")
    window.studio.images.choose(SAMPLES[0])
    assert not window.banner.isVisible()


def test_a_weights_file_is_taken_for_one(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    """An empty pickle holds no weights, which the reader of weights says; a reader of images would say otherwise."""
    images = window.studio.images.images()
    for name in ("last.ckpt", "model_best.pth.tar", "pytorch_model.bin", "checkpoint"):
        file = tmp_path / name
        file.write_bytes(b"\x80\x02}q\x00.")
        drop(window, file)
        wait_for_banner(qtbot, window, name)
        assert "image" not in window.banner.text
        assert "In use: random weights" in window.banner.text
    assert window.studio.images.images() == images
    assert not window.studio.sources.recent
    window.studio.session.take(preset("resnet32-cifar"))
    assert not window.banner.isVisible()


def test_a_network_that_is_too_large_is_told_of_once_and_beside_its_fields(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.studio.look_refused, timeout=PATIENCE):
        window.studio.session.take(LARGEST)
    assert len(told(window, " to run;")) == 1
    assert not window.banner.isVisible()


@pytest.fixture
def still(qtbot: QtBot) -> Iterator[MainWindow]:
    """Without an engine: what one answers is told by hand."""
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def test_what_layers_lacks_is_said_there_and_once(still: MainWindow) -> None:
    why = "resnet50 needs 30 GB to be counted"
    uncounted = still.findChild(QLabel, "uncounted")
    assert "counting" in uncounted.text()
    still.work.failed.emit("table", MemoryError(why))
    assert why in uncounted.text()
    assert "counting" not in uncounted.text()
    assert not still.banner.isVisible()
    still.studio.session.take(preset("resnet18"))
    assert why not in uncounted.text()
    still.findChild(QPushButton, "torchinfo").click()
    summary = still.findChild(QPlainTextEdit, "summary")
    assert "summing up" in summary.toPlainText()
    still.work.failed.emit("summary", MemoryError("resnet18 needs 30 GB to run"))
    assert summary.toPlainText().startswith("resnet18 needs 30 GB to run")
    assert not still.banner.isVisible()


def test_a_message_goes_with_what_it_speaks_of_and_no_other_does(still: MainWindow) -> None:
    still.work.failed.emit("kernels", ValueError("The weights could not be read"))
    still.work.answered.emit("statistics", object())
    assert still.banner.isVisible()
    still.work.answered.emit("kernels", object())
    assert not still.banner.isVisible()
    still.work.failed.emit("photograph", ValueError("old.png is damaged"))
    still.work.failed.emit("kernels", ValueError("The weights could not be read"))
    still.studio.images.choose(SAMPLES[1])
    assert still.banner.text.startswith("The weights could not be read")
    assert still.banner.isVisible()


def test_that_no_engine_starts_is_over_when_one_works(still: MainWindow) -> None:
    still.link.failed.emit("The engine does not start: killed.")
    still.link.state_changed.emit("failed")
    assert still.banner.isVisible()
    still.link.state_changed.emit("ready")
    assert not still.banner.isVisible()
