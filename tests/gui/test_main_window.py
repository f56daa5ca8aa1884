"""The whole window with a real engine, driven with mouse and keys."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRegularExpression, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTabBar,
    QTabWidget,
    QTreeView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.compare.workspace import CompareWorkspace
from resnet_studio.gui.layers.model import LayerColumn
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.workspace import TrainingWorkspace
from resnet_studio.gui.verify.workspace import VerifyWorkspace
from resnet_studio.inference.values import ForwardResult, WeightsFile
from resnet_studio.networks import memory
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS, COMPARE, FIGURE, LAYERS, VERIFY


def cifar(**changes: object) -> SessionState:
    """A session with a small network, so that tests are quick."""
    return SessionState(architecture=preset("resnet20-cifar"), **changes)  # type: ignore[arg-type]


def total(window: MainWindow, column: LayerColumn) -> str:
    model = window.findChild(QTreeView, "layerTable").model()
    return str(model.find("total").siblingAtColumn(column).data())


def test_table_comes_from_the_plan_first_and_then_from_fvcore(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState())
    assert total(window, LayerColumn.PARAMETERS) == "25,557,032"
    assert total(window, LayerColumn.FLOPS) == "3.86 G"
    caveat = window.findChild(QLabel, "uncounted")
    assert "analytic count" in caveat.text()
    qtbot.waitUntil(lambda: "agree ✓" in caveat.text())
    assert "add ×16" in caveat.text()
    assert "max_pool2d ×1" in caveat.text()
    assert "3.88 G" in caveat.text()


def test_depth_34_and_shortcut_none_is_the_papers_plain_network(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState())
    depth = window.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Up)
    qtbot.mouseClick(window.findChild(SegmentedControl, "shortcut").button("none"), Qt.MouseButton.LeftButton)
    assert window.controller.session.architecture == preset("plain34")
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    assert "paper 3.6 G ✓" in [label.text() for label in window.summary.findChildren(QLabel)]
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.controller.session.architecture == preset("resnet34")


def test_invalid_edit_leaves_the_last_valid_table(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState())
    width = window.findChild(QLineEdit, "width")
    width.setFocus()
    width.selectAll()
    qtbot.keyClicks(width, "0")
    qtbot.keyClick(width, Qt.Key.Key_Return)
    assert "from 1 to" in window.findChild(QLabel, "widthProblem").text()
    assert total(window, LayerColumn.PARAMETERS) == "25,557,032"


def test_resnet1202_opens(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(architecture=preset("resnet1202-cifar")))
    assert total(window, LayerColumn.PARAMETERS) == "19,421,274"
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text())
    assert "add ×600" in window.findChild(QLabel, "uncounted").text()


def test_network_too_large_for_memory_gives_a_warning_and_is_refused_with_a_message(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: 2**30)  # the window's estimate, as on a small machine
    window = opened(SessionState())
    warning = window.findChild(QLabel, "memoryWarning")
    assert not warning.isVisible()
    window.controller.session.set_architecture(replace(preset("resnet152"), width=256))
    assert "this machine has 1.1 GB" in warning.text()
    assert warning.isVisible()
    with qtbot.waitSignal(window.controller.countFailed):
        window.controller.session.set_architecture(replace(preset("resnet152"), width=2048, image=4096))
    uncounted = window.findChild(QLabel, "uncounted")
    assert "GB to count its FLOPs" in uncounted.text()
    assert "counting" not in uncounted.text()
    assert not window.message_bar.isVisible()  # shown once, in place of the count
    window.controller.session.set_architecture(preset("resnet18"))
    assert "GB" not in uncounted.text()
    qtbot.waitUntil(lambda: window.engine.state == "ready")


def test_dropped_photograph_shows_its_maps(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = tmp_path / "a photograph #1 ü.png"
    Image.fromarray(pixels).save(file)
    window = opened(cifar())
    with qtbot.waitSignal(window.controller.activations.forwardFinished) as finished:
        drop(window, file)
    result: ForwardResult = finished.args[0]
    assert window.findChild(QTabWidget, "workspaces").currentIndex() == ACTIVATIONS
    assert result.model_input.shape == (32, 32, 3)
    assert result.layers[0].values.shape == (16, 32, 32)  # the first ReLU of a CIFAR network
    assert not result.weights.trained
    assert len(result.predictions) == 5


def test_a_file_that_is_not_an_image_gives_a_message(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_text("not an image")
    window = opened(cifar())
    with qtbot.waitSignal(window.controller.forwardFailed):
        drop(window, file)
    assert "holiday.jpg" in window.message_bar.text
    assert window.engine.state != "failed"


def test_engine_killed_during_a_forward_pass_restarts_and_answers(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(cifar())
    with qtbot.waitSignal(window.engine.ready):
        pass
    with (
        qtbot.waitSignal(window.controller.activations.forwardFinished),
        qtbot.waitSignal(window.engine.died),
    ):
        window.findChild(QTabWidget, "workspaces").setCurrentIndex(ACTIVATIONS)
        os.kill(window.engine.pid, signal.SIGKILL)
    assert "engine" in window.message_bar.text  # the restart message may have timed out on a busy machine
    assert window.engine.state in ("ready", "busy")


def test_verify_fills_the_papers_row(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=VERIFY))
    seen: list[tuple[object, ...]] = []
    window.findChild(VerifyWorkspace).controller.resultsChanged.connect(seen.append)
    qtbot.waitUntil(lambda: bool(seen) and window.engine.state == "ready")
    paper = {row.figure.subject: row.holds for row in seen[-1] if row.figure.of_paper and row.figure.quantity == "macs"}
    assert all(paper[f"resnet{depth}"] for depth in (18, 34, 50, 101, 152))


def test_compare_follows_the_current_architecture(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=COMPARE))
    seen: list[object] = []
    window.findChild(CompareWorkspace).controller.comparisonChanged.connect(seen.append)
    depth = window.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Down)
    assert seen[-1].architectures == (preset("resnet101"), preset("plain34"))  # type: ignore[attr-defined]
    assert not window.findChild(QPushButton, "addInHand").isEnabled()  # the first column is still the current one


@pytest.mark.parametrize("workspace", [LAYERS, VERIFY, ACTIVATIONS, COMPARE, FIGURE])
def test_tab_goes_through_fields_workspace_and_status_bar(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], workspace: int
) -> None:
    window = opened(SessionState(workspace=workspace))
    window.panel.search()
    focused = [window.focusWidget()]
    while not (len(focused) > 1 and focused[-1] is focused[0]):
        qtbot.keyClick(focused[-1], Qt.Key.Key_Tab)
        focused.append(window.focusWidget())
    parts = [window.panel, window.workspaces, window.status_bar]
    order = [next(at for at, part in enumerate(parts) if part.isAncestorOf(widget)) for widget in focused[:-1]]
    assert order == sorted(order)
    assert set(order) == {0, 1, 2}


def test_files_are_saved_with_absolute_paths(
    opened: Callable[[SessionState], MainWindow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "gray.png")
    monkeypatch.chdir(tmp_path)
    window = opened(cifar())
    window.controller.open_paths(["gray.png", "weights.pth"])
    assert window.session_state().image == str(tmp_path / "gray.png")
    assert window.session_state().weights == WeightsFile(tmp_path / "weights.pth")


def test_undo_works_while_a_field_has_the_focus(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState())
    undo = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.panel.search()
    search = window.findChild(QComboBox, "presetSearch")
    qtbot.keyClicks(search, "plain18")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    search.completer().popup().hide()
    assert window.controller.session.architecture == preset("plain18")
    qtbot.keyClick(search, *undo)
    assert window.controller.session.architecture == preset("resnet50")
    assert search.currentText() == "resnet50"
    image = window.findChild(QLineEdit, "image")
    image.setFocus()
    image.selectAll()
    qtbot.keyClicks(image, "192")
    qtbot.keyClick(image, Qt.Key.Key_Return)
    assert window.controller.session.architecture == replace(preset("resnet50"), image=192)
    qtbot.keyClick(image, *undo)
    assert window.controller.session.architecture == preset("resnet50")
    assert image.text() == "224"


def test_closing_while_the_engine_works_leaves_nothing(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState(architecture=preset("resnet152"), workspace=ACTIVATIONS))
    qtbot.waitUntil(lambda: window.engine.state == "busy")
    pid = window.engine.pid
    window.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_every_control_has_a_name_and_a_tooltip(opened: Callable[[SessionState], MainWindow]) -> None:
    window = with_all_workspaces(opened(cifar()))
    controls = [
        widget
        for kind in (QAbstractButton, QLineEdit, QComboBox)
        for widget in window.findChildren(kind)
        if not isinstance(widget.parent(), QComboBox | QLineEdit | QTabBar)  # created by Qt, like the following
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.window(), QMenu)  # pyqtgraph's, which the plots don't open
    ]
    unnamed = [widget for widget in controls if not (widget.toolTip() and (widget.accessibleName() or _text(widget)))]
    assert not [(type(widget).__name__, widget.objectName(), _text(widget)) for widget in unnamed]
    assert len(controls) > 30


def test_object_names_that_scripts_rely_on(opened: Callable[[SessionState], MainWindow]) -> None:
    window = with_all_workspaces(opened(cifar()))
    names = (
        "presetSearch depth block architectureForm workspaces layerTable unitSwitch imageStrip predictions layerList "
        "featureMaps deviceChoice engineState compareTable verifyTable banner runTable lossPlot errorPlot "
        "startTraining figureView"
    )
    assert not [name for name in names.split() if window.findChild(QWidget, name) is None]


def test_workspaces_have_shortcuts(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(cifar())
    tabs = window.findChild(QTabWidget, "workspaces")
    for number, key in ((COMPARE, Qt.Key.Key_4), (VERIFY, Qt.Key.Key_2), (LAYERS, Qt.Key.Key_1)):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert tabs.currentIndex() == number


def with_all_workspaces(window: MainWindow) -> MainWindow:
    for number in range(window.workspaces.count()):
        window.workspaces.create_tab(number)
    for kind in (CompareWorkspace, TrainingWorkspace):
        for number in range(len(kind.pages)):
            window.findChild(kind).tabs.create_tab(number)
    return window


def drop(window: MainWindow, *files: Path) -> None:
    """Drop files on the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    position = QPointF(QPoint(600, 400))
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(position, Qt.DropAction.CopyAction, data, left, none))


def _text(widget: QWidget) -> str:
    return widget.text() if isinstance(widget, QAbstractButton) else ""


OFFERS = QRegularExpression("^bannerOffer")


def test_weights_of_another_head_give_a_table_and_offers(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "seven.pth"
    torch.save(build(replace(preset("resnet20-cifar"), classes=7)).state_dict(), file)
    window = opened(cifar(workspace=ACTIVATIONS))
    with qtbot.waitSignal(window.controller.activations.forwardFinished):
        pass
    with qtbot.waitSignal(window.controller.errorOccurred):
        drop(window, file)
    assert "made for 7 classes, this network has 10" in window.message_bar.text
    assert "Still using random weights" in window.message_bar.text
    details = window.message_bar.findChild(QPlainTextEdit, "bannerDetails").toPlainText()
    assert [line.split() for line in details.splitlines()[1:]] == [
        ["fc.weight", "7×64", "10×64"],
        ["fc.bias", "7", "10"],
    ]
    buttons = window.message_bar.findChildren(QPushButton, OFFERS)
    offers = {button.text(): button for button in buttons if button.isVisible()}
    others = ["Load all but the head", "About these weights…"]
    assert list(offers) == ["Switch to resnet20-cifar, 7 classes", *others]
    loaded: list[ForwardResult] = []
    window.controller.activations.forwardFinished.connect(loaded.append)
    with qtbot.waitSignal(
        window.controller.activations.forwardFinished, check_params_cb=lambda result: result.weights.sha256 != ""
    ):
        qtbot.mouseClick(offers["Load all but the head"], Qt.MouseButton.LeftButton)
    assert loaded[-1].weights.source == "seven.pth"
    assert not loaded[-1].weights.trained
    assert any("fc is random" in note for note in loaded[-1].weights.notes)


def test_an_edit_that_the_weights_do_not_fit_falls_back_to_random_weights(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "twenty.pth"
    torch.save(build(preset("resnet20-cifar")).state_dict(), file)
    window = opened(cifar(workspace=ACTIVATIONS, weights=WeightsFile(file)))
    with qtbot.waitSignal(window.controller.activations.forwardFinished) as finished:
        pass
    assert finished.args[0].weights.source == "twenty.pth"
    with qtbot.waitSignal(window.controller.activations.forwardFinished) as finished:
        window.controller.session.set_architecture(preset("resnet32-cifar"))
    assert not finished.args[0].weights.trained
    assert "twenty.pth doesn't match this network" in window.message_bar.text


def test_a_button_opens_the_trained_digits_network(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=ACTIVATIONS))
    results: list[ForwardResult] = []
    window.controller.activations.forwardFinished.connect(results.append)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(results) and results[-1].weights.trained)
    assert window.controller.session.architecture == preset("resnet20-digits")
    assert results[-1].predictions[0].label == "3"
    assert results[-1].predictions[0].probability > 0.5
    window.controller.session.undo()
    qtbot.waitUntil(lambda: not results[-1].weights.trained)
    assert window.findChild(QWidget, "banner").isHidden()
