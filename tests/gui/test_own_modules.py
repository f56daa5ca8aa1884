"""A user's own network in the window: nothing runs before the user agrees, and never from a session or a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QLabel, QLineEdit, QMenu, QPushButton, QTreeView
from pytestqt.qtbot import QtBot

from opened_windows import Opened
from own_modules import CHAIN, RESIDUAL, leaving_a_trace, write
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.module_dialog import ModuleDialog
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.session_file import restore, save, to_text
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks.own_module import ModuleSource, OwnModule
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS, COMPARE, LAYERS, TRAINING

SMALL = preset("resnet20-cifar")


def drop(window: MainWindow, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(300, 300), Qt.DropAction.CopyAction, data, left, none))


def dialog_of(qtbot: QtBot, window: MainWindow) -> ModuleDialog:
    qtbot.waitUntil(lambda: window.findChild(ModuleDialog) is not None)
    return window.findChild(ModuleDialog)


def run(qtbot: QtBot, dialog: ModuleDialog, image: str = "32") -> None:
    """Type the image's size and agree."""
    line = dialog.findChild(QLineEdit, "moduleImage")
    line.selectAll()
    qtbot.keyClicks(line, image)
    qtbot.mouseClick(dialog.findChild(QPushButton, "runModule"), Qt.MouseButton.LeftButton)


def press(qtbot: QtBot, window: MainWindow, key: Qt.Key, *modifier: Qt.KeyboardModifier) -> None:
    """Press a shortcut, for which the window must be the active one again, behind a dialog."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.focusWidget() or window, key, *modifier)


def open_network(qtbot: QtBot, window: MainWindow, path: Path) -> OwnModule:
    drop(window, path)
    run(qtbot, dialog_of(qtbot, window))
    qtbot.waitUntil(lambda: isinstance(window.controller.session.architecture, OwnModule))
    architecture = window.controller.session.architecture
    assert isinstance(architecture, OwnModule)
    return architecture


def test_a_dropped_file_runs_only_once_the_user_agrees(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    path, trace = leaving_a_trace(tmp_path, RESIDUAL)
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    qtbot.waitUntil(lambda: window.engine.state == "ready")
    drop(window, path)
    dialog = dialog_of(qtbot, window)
    warning = dialog.findChild(QLabel, "moduleWarning").text()
    assert warning == "Opening net.py runs its code with your permissions. Open only files that you trust."
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.findChild(ModuleDialog) is None)
    assert not trace.exists()
    assert window.controller.session.architecture == SMALL
    module = open_network(qtbot, window, path)
    assert trace.exists()
    assert module.name == "net.py:Net"
    assert window.findChild(QLineEdit, "image").text() == "32"
    assert not window.findChild(QLineEdit, "image").isEnabled()
    assert window.findChild(QComboBox, "presetSearch").currentText() == "net.py:Net"
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    model = window.findChild(QTreeView, "layerTable").model()
    assert model.find("layer1.0.conv1").isValid()
    press(qtbot, window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.controller.session.architecture == SMALL


def test_its_activations_are_shown_and_what_it_has_not_is_said(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    window = opened(SessionState(architecture=SMALL, workspace=ACTIVATIONS))
    results: list[ForwardResult] = []
    window.controller.activations.forwardFinished.connect(results.append)
    module = open_network(qtbot, window, write(tmp_path, RESIDUAL))
    qtbot.waitUntil(lambda: bool(results) and results[-1].spec.architecture == module)
    assert results[-1].predictions[0].label.startswith("class ")
    workspace = window._workspaces[ACTIVATIONS]
    workspace.open_page(workspace.pages.index("Block"))
    said = "net.py:Net has no blocks. Choose a residual or plain network to see what its blocks add."
    qtbot.waitUntil(lambda: any(label.text() == said for label in window.findChildren(QLabel)))
    window.workspaces.setCurrentIndex(TRAINING)
    window._workspaces[TRAINING].open_page(0)
    said = "the code of net.py:Net is not part of that"
    qtbot.waitUntil(lambda: any(said in label.text() for label in window.findChildren(QLabel)))


def test_the_file_menu_opens_one_with_the_chosen_function(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    path = write(tmp_path, f"{CHAIN}\ndef other():\n    return make()[:1]\n\nBLOCKS = 3\n")
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    (menu,) = (menu for menu in window.findChildren(QMenu) if menu.title() == "&File")
    (action,) = (action for action in menu.actions() if action.text() == "Open Python module…")
    action.trigger()
    (files,) = window.findChildren(QFileDialog)
    files.fileSelected.emit(str(path))
    files.close()
    dialog = dialog_of(qtbot, window)
    functions = dialog.findChild(QComboBox, "moduleFunction")
    assert [functions.itemText(row) for row in range(functions.count())] == ["make", "other"]
    functions.setCurrentText("other")
    run(qtbot, dialog)
    qtbot.waitUntil(lambda: "not logits" in window.message_bar.text or "needs logits" in window.message_bar.text)
    assert window.message_bar.text.startswith("net.py:other returns 1×8×32×32 for one image.")
    assert window.controller.session.architecture == SMALL


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("Image", "32x", "must be an integer, or height and width as in 224×320"),
        ("Image", "0", "must be an integer from 1 to 4,096, got 0"),
        ("Channels", "three", "must be an integer"),
        ("Channels", "2000", "must be an integer from 1 to 1,024, got 2,000"),
    ],
)
def test_images_that_no_network_takes_are_refused_at_their_field(
    qtbot: QtBot, tmp_path: Path, field: str, text: str, said: str
) -> None:
    dialog = ModuleDialog(ModuleSource(str(tmp_path / "net.py"), "make"), ["make"])
    qtbot.addWidget(dialog)
    dialog.show()
    line = dialog.findChild(QLineEdit, f"module{field}")
    line.selectAll()
    qtbot.keyClicks(line, text)
    with qtbot.assertNotEmitted(dialog.confirmed):
        qtbot.mouseClick(dialog.findChild(QPushButton, "runModule"), Qt.MouseButton.LeftButton)
    assert dialog.findChild(QLabel, f"{field.lower()}Problem").text() == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def make(:\n", "net.py, line 1: not valid Python"),
        ("WIDTH = 3\n", "net.py has no function that takes no arguments"),
        ("def make():\n    return 1 / 0\n", "net.py, line 2: ZeroDivisionError: division by zero."),
    ],
)
def test_what_is_wrong_with_a_file_is_a_message(
    qtbot: QtBot, opened: Opened, tmp_path: Path, text: str, said: str
) -> None:
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    drop(window, write(tmp_path, text))
    if dialog := window.findChild(ModuleDialog):
        run(qtbot, dialog)
    qtbot.waitUntil(lambda: said in window.message_bar.text)


def test_code_that_never_ends_is_canceled_and_the_engine_comes_back(
    qtbot: QtBot, opened: Opened, tmp_path: Path
) -> None:
    window = opened(SessionState(architecture=SMALL, workspace=LAYERS))
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    before = window.engine.pid
    path, trace = leaving_a_trace(tmp_path, "def make():\n    while True:\n        pass\n")
    drop(window, path)
    run(qtbot, dialog_of(qtbot, window))
    qtbot.waitUntil(trace.exists)
    press(qtbot, window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: window.engine.pid != before and window.engine.state == "ready")
    assert window.controller.session.architecture == SMALL
    open_network(qtbot, window, write(tmp_path, CHAIN))


def test_a_session_says_what_was_open_and_runs_nothing(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    path, trace = leaving_a_trace(tmp_path)
    window = opened(SessionState(architecture=SMALL, workspace=COMPARE))
    module = open_network(qtbot, window, path)
    window.controller.session.update(compared=[None, module, SMALL], figure_networks=[module])
    save(window.session_state(), tmp_path / "session.json")
    window.close()
    trace.unlink()
    state, message = restore(tmp_path / "session.json")
    assert message == ""
    assert (state.architecture, state.module) == (SMALL, module.source)
    assert (state.compared, state.figure_networks) == ([None, SMALL], [None])
    restored = opened(state)
    restored.offer_module()
    assert restored.message_bar.text == "net.py:make was open in the last session. Its code was not run again."
    qtbot.waitUntil(lambda: restored.engine.state == "ready")
    assert not trace.exists()
    (again,) = (button for button in restored.findChildren(QPushButton) if button.text() == "Open again…")
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    dialog = dialog_of(qtbot, restored)
    assert not trace.exists()
    assert dialog.findChild(QLineEdit, "moduleImage").text() == "32"
    run(qtbot, dialog)
    qtbot.waitUntil(lambda: restored.controller.session.architecture == module)


def test_files_that_tell_of_one_run_nothing(qtbot: QtBot, opened: Opened, tmp_path: Path) -> None:
    """An architecture's file, a session's, and a run's folder: each names the file as if it were a network."""
    path, trace = leaving_a_trace(tmp_path)
    told = {"kind": "module", "file": str(path), "function": "make", "channels": 3, "image": 32, "classes": 5}
    session = json.loads(to_text(SessionState())) | {"architecture": told, "compared": [told]}
    (tmp_path / "session.json").write_text(json.dumps(session))
    state, message = restore(tmp_path / "session.json")
    assert "Could not restore the architecture and the compared networks" in message
    window = opened(state)
    qtbot.waitUntil(lambda: window.engine.state == "ready")
    drop(window, write(tmp_path, json.dumps(told), "net.json"))
    assert "code, which runs only if you open its file" in window.message_bar.text
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"version": 1, "architecture": told}))
    (folder / "net.py").write_text(path.read_text())
    drop(window, folder)
    qtbot.wait(200)
    assert not trace.exists()
