"""File ▸ Open architecture, Save architecture as, and Export, as a user does them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import preset
from small import TINY


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    window = MainWindow(SessionState(architecture=TINY, compared=[None, preset("resnet20-digits")]))
    qtbot.addWidget(window)
    window.show()
    window.start_engine()
    yield window
    window.close()


def action(menu: QMenu, first: str, *rest: str) -> QAction:
    (found,) = (candidate for candidate in menu.actions() if candidate.text() == first)
    return action(found.menu(), *rest) if rest else found


def trigger(window: MainWindow, *path: str) -> QFileDialog:
    """Choose an entry of the File menu, and return its dialog."""
    action(window.menuBar().actions()[0].menu(), *path).trigger()
    (dialog,) = window.findChildren(QFileDialog)
    return dialog


def choose(qtbot: QtBot, window: MainWindow, dialog: QFileDialog, path: Path) -> None:
    dialog.selectFile(str(path))
    dialog.accept()
    qtbot.waitUntil(lambda: not window.findChildren(QFileDialog))


def wait_for_message(qtbot: QtBot, window: MainWindow, words: str) -> None:
    qtbot.waitUntil(lambda: window.message_bar.isVisible() and words in window.message_bar.text)


ENTRIES = {
    "net.py": ("Export", "Python source…"),
    "net.pt2": ("Export", "PyTorch exported program…"),
    "net.safetensors": ("Export", "Weights named as in", "timm…"),
    "net.csv": ("Export", "Layer table", "CSV…"),
    "table.html": ("Export", "Layer table", "HTML…"),
    "net.svg": ("Export", "Figure of the current network", "SVG…"),
    "table.tex": ("Export", "Table 1 of the compared networks (LaTeX)…"),
    "net.json": ("Save architecture as…",),
}


def test_every_format_is_in_the_menu_and_written_by_the_engine(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    for name, entry in ENTRIES.items():
        choose(qtbot, window, trigger(window, *entry), tmp_path / name)
        wait_for_message(qtbot, window, f"Saved {name} in {tmp_path}.")
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(ENTRIES)
    namespace: dict = {}
    exec((tmp_path / "net.py").read_text(), namespace)
    with torch.device("meta"):
        assert sum(p.numel() for p in namespace["ResNet"]().parameters()) < 10_000
    assert read_architecture(tmp_path / "net.json") == TINY
    assert "resnet20-digits" in (tmp_path / "table.tex").read_text()


def test_untrained_weights_are_called_that(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    choose(qtbot, window, trigger(window, "Export", "Weights named as in", "torchvision…"), tmp_path / "net.pth")
    wait_for_message(qtbot, window, "Untrained weights: random, seed 0.")


def test_an_architecture_is_opened_and_undone(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    choose(qtbot, window, trigger(window, "Save architecture as…"), path)
    wait_for_message(qtbot, window, "Saved net.json")
    window.controller.session.set_architecture(preset("resnet20-digits"))
    choose(qtbot, window, trigger(window, "Open architecture…"), path)
    assert window.controller.session.architecture == TINY
    window.controller.session.undo()
    assert window.controller.session.architecture == preset("resnet20-digits")


def test_the_suggested_name_is_the_networks(window: MainWindow) -> None:
    window.controller.session.set_architecture(preset("resnet20-digits"))
    dialog = trigger(window, "Export", "ONNX model…")
    assert [Path(file).name for file in dialog.selectedFiles()] == ["resnet20-digits.onnx"]
    dialog.reject()


def test_a_file_that_cannot_be_written_is_reported_until_the_next_export(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    exports = window.controller.exports
    exports.export(exports.request("python"), tmp_path / "nowhere" / "net.py")
    wait_for_message(qtbot, window, "net.py could not be exported")
    assert "not found" in window.message_bar.text
    exports.export(exports.request("python"), tmp_path / "net.py")
    wait_for_message(qtbot, window, "Saved net.py")


def test_a_name_of_another_kind_is_refused(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    exports = window.controller.exports
    exports.export(exports.request("weights"), tmp_path / "net.txt")
    wait_for_message(qtbot, window, "the file name must end in .safetensors or .pth.")
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_names_in_a_dialect_is_reported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    window.controller.session.set_architecture(preset("article18"))
    exports = window.controller.exports
    exports.export(exports.request("weights", "keras"), tmp_path / "net.pth")
    wait_for_message(qtbot, window, "Keras has no names for")


def test_a_canceled_export_is_called_that(qtbot: QtBot, tmp_path: Path) -> None:
    engine = FakeEngine()
    controller = AppController(SessionState(architecture=TINY), engine)
    with qtbot.waitSignal(controller.news) as said:
        controller.exports.export(controller.exports.request("onnx"), tmp_path / "net.onnx")
        engine.cancel_all()
    assert said.args == ["Canceled: net.onnx was not written."]
    controller.close()
