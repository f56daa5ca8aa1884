"""An error is shown once, in one place, and disappears when it is resolved."""

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

from fake_engine import FakeEngine
from resnet_studio.gui import main_window
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.values import SAMPLES
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS

NONE = Qt.KeyboardModifier.NoModifier
LARGEST = replace(preset("resnet152"), width=2048, stem="cifar", image=4096)
"""Its first activation alone takes 137 GB."""


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(SessionState(architecture=preset("resnet20-cifar"), workspace=ACTIVATIONS))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    qtbot.waitUntil(lambda: window.controller.activations.result is not None)
    yield window
    window.close()


def drop(window: MainWindow, *files: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, NONE))


def damaged(folder: Path) -> Path:
    """A truncated PNG."""
    path = folder / "cut-off.png"
    Image.effect_noise((64, 64), 80).save(path)
    path.write_bytes(path.read_bytes()[:900])
    return path


def shown(window: MainWindow, words: str) -> list[str]:
    """The visible labels that contain the words."""
    labels = [label for label in window.findChildren(QLabel) if label.isVisible() and words in label.text()]
    return [label.text() for label in labels]


def wait_for_message(qtbot: QtBot, window: MainWindow, words: str) -> None:
    qtbot.waitUntil(lambda: window.message_bar.isVisible() and words in window.message_bar.text)


def test_a_damaged_image_is_reported_once_until_another_is_selected(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    file = damaged(tmp_path)
    drop(window, file)
    wait_for_message(qtbot, window, "cut-off.png")
    qtbot.waitUntil(lambda: window.engine.state == "ready")
    assert shown(window, "cut-off.png is") == [window.message_bar.text]
    qtbot.keyClick(window.findChild(QListView, "imageStrip"), Qt.Key.Key_Down)
    assert not window.message_bar.isVisible()


def test_a_damaged_image_is_not_saved_in_the_session(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    Image.new("RGB", (8, 8)).save(whole)
    drop(window, whole)
    qtbot.waitUntil(lambda: window.controller.activations.result.spec.image == str(whole))
    drop(window, file := damaged(tmp_path))
    wait_for_message(qtbot, window, "cut-off.png")
    assert window.controller.images.selected == str(file)
    state = window.session_state()
    assert str(file) not in state.images
    assert state.image == str(whole)
    file.write_bytes(whole.read_bytes())  # repaired meanwhile
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.controller.activations.result.spec.image == str(file))
    assert not window.message_bar.isVisible()
    assert window.session_state().image == str(file)


def test_the_error_of_a_missing_file_is_resolved_by_the_next_files(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    drop(window, tmp_path / "gone")
    wait_for_message(qtbot, window, "no longer exists")
    drop(window, damaged(tmp_path))
    wait_for_message(qtbot, window, "cut-off.png")
    window.controller.images.select(SAMPLES[0])
    assert not window.message_bar.isVisible()


def test_a_weights_file_is_opened_as_weights(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    """An empty pickle holds no weights: the error must be that of the weights reader, not of the image reader."""
    images = window.controller.images.images()
    for name in ("last.ckpt", "model_best.pth.tar", "pytorch_model.bin", "checkpoint"):
        file = tmp_path / name
        file.write_bytes(b"\x80\x02}q\x00.")
        drop(window, file)
        wait_for_message(qtbot, window, name)
        assert "image" not in window.message_bar.text
        assert "Still using random weights" in window.message_bar.text
    assert window.controller.images.images() == images
    assert not window.controller.image_sources.recent
    window.controller.session.set_architecture(preset("resnet32-cifar"))
    assert not window.message_bar.isVisible()


def test_a_network_that_is_too_large_is_reported_once_and_in_the_panel(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.controller.forwardFailed):
        window.controller.session.set_architecture(LARGEST)
    assert len(shown(window, " to run;")) == 1
    assert not window.message_bar.isVisible()


@pytest.fixture
def offline(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window whose engine's replies come from the test."""
    monkeypatch.setattr(main_window, "EngineClient", lambda jobs: FakeEngine())
    window = MainWindow(SessionState())
    qtbot.addWidget(window)
    window.show()
    yield window
    window.close()


def test_errors_of_layers_are_shown_on_its_page_only(offline: MainWindow) -> None:
    reason = "resnet50 needs 30 GB to count its FLOPs"
    uncounted = offline.findChild(QLabel, "uncounted")
    assert "counting" in uncounted.text()
    offline.engine.fail("table", MemoryError(reason))
    assert reason in uncounted.text()
    assert "counting" not in uncounted.text()
    assert not offline.message_bar.isVisible()
    offline.controller.session.set_architecture(preset("resnet18"))
    assert reason not in uncounted.text()
    offline.findChild(QPushButton, "torchinfo").click()
    summary = offline.findChild(QPlainTextEdit, "summary")
    assert "Running torchinfo" in summary.toPlainText()
    offline.engine.fail("summary", MemoryError("resnet18 needs 30 GB to run"))
    assert summary.toPlainText().startswith("resnet18 needs 30 GB to run")
    assert not offline.message_bar.isVisible()


def test_only_the_message_of_the_resolved_request_is_cleared(offline: MainWindow) -> None:
    engine = offline.engine
    for lane in ("responses", "occlusion"):
        engine.request(lane)
    engine.fail("responses", ValueError("The weights could not be read"))
    engine.answer("occlusion", object())
    assert offline.message_bar.isVisible()
    engine.request("responses")
    engine.answer("responses", object())
    assert not offline.message_bar.isVisible()
    offline.workspaces.setCurrentIndex(ACTIVATIONS)
    engine.fail("forward", ValueError("old.png is damaged"))
    assert offline.message_bar.text.startswith("old.png is damaged")
    engine.request("responses")
    engine.fail("responses", ValueError("The weights could not be read"))
    offline.controller.images.select(SAMPLES[1])
    assert offline.message_bar.text.startswith("The weights could not be read")
    assert offline.message_bar.isVisible()


def test_a_start_failure_is_cleared_when_an_engine_works(offline: MainWindow) -> None:
    offline.engine.failed.emit("The engine can't start: killed.")
    offline.engine.stateChanged.emit("failed")
    assert offline.message_bar.isVisible()
    offline.engine.stateChanged.emit("ready")
    assert not offline.message_bar.isVisible()
