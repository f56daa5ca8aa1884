"""The whole window with a real engine, driven with mouse and keys."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
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

from resnet_studio.gui.app_controller import ACTIVATIONS, COMPARE, LAYERS, VERIFY
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layer_model import LayerColumn
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.workspace import PAGES
from resnet_studio.inference.values import ForwardResult
from resnet_studio.networks import memory
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.modules.network import build
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine


@pytest.fixture
def opened(qtbot: QtBot) -> Iterator[Callable[[SessionState], MainWindow]]:
    """Opens windows, and closes them with their engines at the end."""
    windows: list[MainWindow] = []

    def open_window(kept: SessionState) -> MainWindow:
        window = MainWindow(kept)
        qtbot.addWidget(window)
        windows.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)  # without a focus no shortcut works
        window.start_engine()
        return window

    yield open_window
    for window in windows:
        window.close()


def cifar(**changes: object) -> SessionState:
    """A session with a small network in hand, so that tests are quick."""
    return SessionState(architecture=to_json(preset("resnet20-cifar")), **changes)  # type: ignore[arg-type]


def total(window: MainWindow, column: LayerColumn) -> str:
    model = window.layers.findChild(QTreeView, "layerTable").model()
    return str(model.find("total").siblingAtColumn(column).data())


def test_table_is_there_before_the_engine_and_fvcores_after_it(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState())
    assert total(window, LayerColumn.PARAMETERS) == "25,557,032"
    assert total(window, LayerColumn.FLOPS) == "3.86 G"
    doubt = window.findChild(QLabel, "uncounted")
    assert "closed form" in doubt.text()
    qtbot.waitUntil(lambda: "agree ✓" in doubt.text(), timeout=PATIENCE)
    assert "add ×16" in doubt.text()
    assert "max_pool2d ×1" in doubt.text()
    assert "3.88 G" in doubt.text()


def test_depth_34_and_shortcut_none_is_the_papers_plain_network(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState())
    depth = window.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Up)
    qtbot.mouseClick(window.findChild(SegmentedControl, "shortcut").button("none"), Qt.MouseButton.LeftButton)
    assert window.studio.session.architecture == preset("plain34")
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text(), timeout=PATIENCE)
    assert "paper 3.6 G ✓" in [label.text() for label in window.headline.findChildren(QLabel)]
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.studio.session.architecture == preset("resnet34")


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
    window = opened(SessionState(architecture=to_json(preset("resnet1202-cifar"))))
    assert total(window, LayerColumn.PARAMETERS) == "19,421,274"
    qtbot.waitUntil(lambda: "agree ✓" in window.findChild(QLabel, "uncounted").text(), timeout=PATIENCE)
    assert "add ×600" in window.findChild(QLabel, "uncounted").text()


def test_network_too_large_for_memory_is_warned_of_before_and_refused_in_words(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: 2**30)  # the window's estimate, as on a small machine
    window = opened(SessionState())
    warning = window.findChild(QLabel, "memoryWarning")
    assert not warning.isVisible()
    window.studio.session.take(replace(preset("resnet152"), width=256))
    assert "this machine has 1.1 GB" in warning.text()
    assert warning.isVisible()
    with qtbot.waitSignal(window.studio.count_refused, timeout=PATIENCE):
        window.studio.session.take(replace(preset("resnet152"), width=2048, image=4096))
    uncounted = window.findChild(QLabel, "uncounted")
    assert "GB to be counted" in uncounted.text()
    assert "counting" not in uncounted.text()
    assert not window.banner.isVisible()  # it is said where the count would be, and once
    window.studio.session.take(preset("resnet18"))
    assert "GB" not in uncounted.text()
    qtbot.waitUntil(lambda: window.link.state == "ready", timeout=PATIENCE)


def test_dropped_photograph_shows_its_maps(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = tmp_path / "a photograph #1 ü.png"
    Image.fromarray(pixels).save(file)
    window = opened(cifar())
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE) as looked:
        drop(window, file)
    look: ForwardResult = looked.args[0]
    assert window.findChild(QTabWidget, "workspaces").currentIndex() == ACTIVATIONS
    assert look.seen.shape == (32, 32, 3)
    assert look.layers[0].values.shape == (16, 32, 32)  # the first ReLU of a CIFAR network
    assert not look.weights.trained
    assert len(look.predictions) == 5


def test_file_that_is_no_image_is_said_and_the_rest_stays(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_text("not an image")
    window = opened(cifar())
    with qtbot.waitSignal(window.studio.look_refused, timeout=PATIENCE):
        drop(window, file)
    assert "holiday.jpg" in window.banner.text
    assert window.link.state != "failed"


def test_engine_killed_with_an_image_in_work_comes_back_and_answers(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(cifar())
    with qtbot.waitSignal(window.link.ready, timeout=PATIENCE):
        pass
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE), qtbot.waitSignal(window.link.died, timeout=PATIENCE):
        window.findChild(QTabWidget, "workspaces").setCurrentIndex(ACTIVATIONS)
        os.kill(window.link.pid, signal.SIGKILL)
    assert "engine" in window.banner.text  # the news may have gone by itself on a busy machine
    assert window.link.state in ("ready", "busy")


def test_verify_fills_the_papers_row(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=VERIFY))
    seen: list[tuple[object, ...]] = []
    window.work.verified.connect(seen.append)
    qtbot.waitUntil(lambda: bool(seen) and window.link.state == "ready", timeout=PATIENCE)
    paper = {row.figure.subject: row.holds for row in seen[-1] if row.figure.of_paper and row.figure.quantity == "macs"}
    assert all(paper[f"resnet{depth}"] for depth in (18, 34, 50, 101, 152))


def test_compare_follows_the_hand(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=COMPARE))
    seen: list[object] = []
    window.studio.comparison_changed.connect(seen.append)
    depth = window.findChild(QComboBox, "depth")
    depth.setFocus()
    qtbot.keyClick(depth, Qt.Key.Key_Down)
    assert seen[-1].architectures == (preset("resnet101"), preset("plain34"))  # type: ignore[attr-defined]
    assert not window.findChild(QPushButton, "addInHand").isEnabled()  # the first is still the one in hand


@pytest.mark.parametrize("workspace", [LAYERS, VERIFY, ACTIVATIONS, COMPARE])
def test_tab_goes_through_fields_workspace_and_status_line(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], workspace: int
) -> None:
    window = opened(SessionState(workspace=workspace))
    window.panel.search()
    seen = [window.focusWidget()]
    while not (len(seen) > 1 and seen[-1] is seen[0]):
        qtbot.keyClick(seen[-1], Qt.Key.Key_Tab)
        seen.append(window.focusWidget())
    parts = [window.panel, window.workspaces, window.status]
    places = [next(at for at, part in enumerate(parts) if part.isAncestorOf(one)) for one in seen[:-1]]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2}


def test_files_are_found_again_from_another_folder(
    opened: Callable[[SessionState], MainWindow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "grey.png")
    monkeypatch.chdir(tmp_path)
    window = opened(cifar())
    window.studio.open_paths(["grey.png", "weights.pth"])
    assert window.kept().image == str(tmp_path / "grey.png")
    assert window.kept().weights == str(tmp_path / "weights.pth")


def test_undo_works_where_the_cursor_stands_in_a_field(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState())
    undo = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    window.panel.search()
    search = window.findChild(QComboBox, "presetSearch")
    qtbot.keyClicks(search, "plain18")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    search.completer().popup().hide()
    assert window.studio.session.architecture == preset("plain18")
    qtbot.keyClick(search, *undo)
    assert window.studio.session.architecture == preset("resnet50")
    assert search.currentText() == "resnet50"
    image = window.findChild(QLineEdit, "image")
    image.setFocus()
    image.selectAll()
    qtbot.keyClicks(image, "192")
    qtbot.keyClick(image, Qt.Key.Key_Return)
    assert window.studio.session.architecture == replace(preset("resnet50"), image=192)
    qtbot.keyClick(image, *undo)
    assert window.studio.session.architecture == preset("resnet50")
    assert image.text() == "224"


def test_closing_while_the_engine_works_leaves_nothing(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow]
) -> None:
    window = opened(SessionState(architecture=to_json(preset("resnet152")), workspace=ACTIVATIONS))
    with qtbot.waitSignal(window.link.started, timeout=PATIENCE):
        pass
    pid = window.link.pid
    window.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_every_control_says_what_it_is(opened: Callable[[SessionState], MainWindow]) -> None:
    window = with_all_workspaces(opened(cifar()))
    controls = [
        widget
        for kind in (QAbstractButton, QLineEdit, QComboBox)
        for widget in window.findChildren(kind)
        if not isinstance(widget.parent(), QComboBox | QLineEdit | QTabBar)  # parts that Qt makes itself, as those
        and not widget.objectName().startswith("qt_")
        and not isinstance(widget.window(), QMenu)  # pyqtgraph's, which the plots don't open
    ]
    mute = [widget for widget in controls if not (widget.toolTip() and (widget.accessibleName() or _text(widget)))]
    assert not [(type(widget).__name__, widget.objectName(), _text(widget)) for widget in mute]
    assert len(controls) > 30


def test_names_that_scripts_rely_on(opened: Callable[[SessionState], MainWindow]) -> None:
    window = with_all_workspaces(opened(cifar()))
    names = (
        "presetSearch depth block architectureForm workspaces layerTable unitSwitch imageStrip predictions layerList "
        "featureMaps deviceChoice engineState compareTable verifyTable banner runTable lossPlot errorPlot startTraining"
    )
    assert not [name for name in names.split() if window.findChild(QWidget, name) is None]


def test_workspaces_have_their_keys(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(cifar())
    tabs = window.findChild(QTabWidget, "workspaces")
    for number, key in ((COMPARE, Qt.Key.Key_4), (VERIFY, Qt.Key.Key_2), (LAYERS, Qt.Key.Key_1)):
        qtbot.keyClick(window, key, Qt.KeyboardModifier.ControlModifier)
        assert tabs.currentIndex() == number


def with_all_workspaces(window: MainWindow) -> MainWindow:
    for number in range(window.workspaces.count()):
        window.workspaces.make(number)
    for number in range(len(PAGES)):
        window.training.pages.make(number)
    return window


def drop(window: MainWindow, *files: Path) -> None:
    """Drop files on the window as the desktop does."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    position = QPointF(QPoint(600, 400))
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(position, Qt.DropAction.CopyAction, data, left, none))


def _text(widget: QWidget) -> str:
    return widget.text() if isinstance(widget, QAbstractButton) else ""


OFFERS = QRegularExpression("^bannerOffer")


def test_weights_of_another_head_are_a_table_and_an_offer(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "seven.pth"
    torch.save(build(replace(preset("resnet20-cifar"), classes=7)).state_dict(), file)
    window = opened(cifar(workspace=ACTIVATIONS))
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE):
        pass
    with qtbot.waitSignal(window.studio.problem, timeout=PATIENCE):
        drop(window, file)
    assert "made for 7 classes, this network has 10" in window.banner.text
    assert "In use: random weights" in window.banner.text
    details = window.banner.findChild(QPlainTextEdit, "bannerDetails").toPlainText()
    assert [line.split() for line in details.splitlines()[1:]] == [
        ["fc.weight", "7×64", "10×64"],
        ["fc.bias", "7", "10"],
    ]
    buttons = window.banner.findChildren(QPushButton, OFFERS)
    offers = {button.text(): button for button in buttons if button.isVisible()}
    assert list(offers) == ["Switch to resnet20-cifar, 7 classes", "Load all but the head"]
    loaded: list[ForwardResult] = []
    window.work.looked.connect(loaded.append)
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE, check_params_cb=lambda look: look.weights.sha256 != ""):
        qtbot.mouseClick(offers["Load all but the head"], Qt.MouseButton.LeftButton)
    assert loaded[-1].weights.source == "seven.pth"
    assert not loaded[-1].weights.trained
    assert any("fc is random" in note for note in loaded[-1].weights.notes)


def test_edit_that_the_weights_do_not_fit_goes_on_with_random_ones(
    qtbot: QtBot, opened: Callable[[SessionState], MainWindow], tmp_path: Path
) -> None:
    file = tmp_path / "twenty.pth"
    torch.save(build(preset("resnet20-cifar")).state_dict(), file)
    window = opened(cifar(workspace=ACTIVATIONS, weights=str(file)))
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE) as looked:
        pass
    assert looked.args[0].weights.source == "twenty.pth"
    with qtbot.waitSignal(window.work.looked, timeout=PATIENCE) as looked:
        window.studio.session.take(preset("resnet32-cifar"))
    assert not looked.args[0].weights.trained
    assert "twenty.pth does not fit" in window.banner.text


def test_the_trained_digits_network_is_a_press_away(qtbot: QtBot, opened: Callable[[SessionState], MainWindow]) -> None:
    window = opened(SessionState(workspace=ACTIVATIONS))
    looks: list[ForwardResult] = []
    window.work.looked.connect(looks.append)
    qtbot.mouseClick(window.findChild(QPushButton, "digitsNetwork"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(looks) and looks[-1].weights.trained, timeout=PATIENCE)
    assert window.studio.session.architecture == preset("resnet20-digits")
    assert looks[-1].predictions[0].label == "3"
    assert looks[-1].predictions[0].probability > 0.5
    window.studio.session.undo()
    qtbot.waitUntil(lambda: not looks[-1].weights.trained, timeout=PATIENCE)
    assert window.findChild(QWidget, "banner").isHidden()
