"""The Maps tab, with mouse and keys, on probes whose values encode their step and channel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QPushButton, QSlider, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.training.snapshots.view import SnapshotsView
from resnet_studio.inference.feature_maps import GAP_COLOR, LOWEST, MapStyle, lookup_table, mosaic
from resnet_studio.training.datasets import Snapshot
from themed import themed
from training_values import probe

STEPS = (0, 1, 2, 4, 8, 11, 22)


@pytest.fixture
def view(qtbot: QtBot) -> SnapshotsView:
    view = SnapshotsView()
    qtbot.addWidget(view)
    view.resize(1120, 720)
    view.show()
    return view


def requests_of(view: SnapshotsView) -> list[int]:
    """The steps that the view requests from now on; each is shown at once."""
    requests: list[int] = []
    view.stepRequested.connect(requests.append)
    view.stepRequested.connect(lambda step: view.show_probe(probe(step)))
    return requests


@pytest.fixture
def run(view: SnapshotsView) -> SnapshotsView:
    requests_of(view)
    view.show_run("resnet20-1", STEPS)
    return view


def slider(view: SnapshotsView) -> QSlider:
    return view.findChild(QSlider, "trainingTime")


def button(view: SnapshotsView, name: str) -> QPushButton:
    return view.findChild(QPushButton, name)


def words(view: SnapshotsView, name: str) -> str:
    label = view.findChild(QLabel, name)
    return label.text() if label.isVisible() else ""


def channel_color(view: SnapshotsView, channel: int) -> tuple[int, int, int]:
    """The middle of a channel's map as it is painted."""
    QApplication.processEvents()
    panel = view.findChild(MosaicView)
    item, geometry = panel._image, panel._geometry
    x, y = geometry.corner(channel)
    scene = item.mapToScene(x + geometry.width / 2 + 0.5, y + geometry.height / 2 + 0.5)
    color = panel._view.viewport().grab().toImage().pixelColor(panel._view.mapFromScene(scene))
    return color.red(), color.green(), color.blue()


def test_without_a_run_a_hint_is_shown(view: SnapshotsView) -> None:
    assert words(view, "formingEmpty").startswith("Select a run")
    view.show_run("old", ())
    assert words(view, "formingEmpty").startswith("old has no saved feature maps")
    assert not slider(view).isVisible()


def test_a_run_is_opened_at_its_latest_snapshot(view: SnapshotsView) -> None:
    requests = requests_of(view)
    view.show_run("resnet20-1", STEPS)
    assert requests == [22]
    assert words(view, "trainingStep") == "step 22 of 22"
    assert words(view, "formingHeading") == "<b>relu</b> · 16 channels, 8×8"
    assert button(view, "followLive").isChecked()


def test_a_message_is_shown_until_the_first_snapshot_is_read(view: SnapshotsView) -> None:
    view.show_run("resnet20-1", STEPS)
    assert words(view, "formingEmpty") == "Loading step 22…"
    view.show_problem(22, "step-0000022.npz is damaged")
    assert words(view, "formingEmpty") == "step-0000022.npz is damaged"


def test_arrow_keys_step_through_the_training(qtbot: QtBot, run: SnapshotsView) -> None:
    requests = requests_of(run)
    slider(run).setFocus()
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
        qtbot.keyClick(slider(run), key)
    assert requests == [11, 8, 11, 0, 22]
    assert words(run, "trainingStep") == "step 22 of 22"


def test_the_mouse_moves_the_slider(qtbot: QtBot, run: SnapshotsView) -> None:
    requests = requests_of(run)
    bar = slider(run)
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(4, bar.height() // 2))
    assert requests
    assert requests[-1] < 22
    assert not button(run, "followLive").isChecked()


def test_live_follows_the_latest_snapshot(qtbot: QtBot, run: SnapshotsView) -> None:
    requests = requests_of(run)
    run.show_run("resnet20-1", (*STEPS, 33))
    assert requests == [33]
    qtbot.keyClick(slider(run), Qt.Key.Key_Home)
    run.show_run("resnet20-1", (*STEPS, 33, 44))
    assert requests == [33, 0], "who looks back is left there"
    assert words(run, "trainingStep") == "step 0 of 44"
    qtbot.mouseClick(button(run, "followLive"), Qt.MouseButton.LeftButton)
    assert requests == [33, 0, 44]
    run.show_run("resnet20-1", (*STEPS, 33, 44, 55))
    assert requests == [33, 0, 44, 55]


def test_a_run_resumed_at_an_earlier_step(run: SnapshotsView, qtbot: QtBot) -> None:
    qtbot.keyClick(slider(run), Qt.Key.Key_Left)
    requests = requests_of(run)
    run.show_run("resnet20-1", (0, 1, 2))
    assert requests == [2], "the step that was shown is gone"


def test_another_run_is_opened_at_its_latest_snapshot(run: SnapshotsView) -> None:
    slider(run).setValue(0)
    requests = requests_of(run)
    run.show_run("resnet56-1", (0, 7))
    assert requests == [7]
    run.show_run("resnet56-1", (0, 7))
    assert requests == [7], "the same again is nothing new"


def test_it_plays_to_the_end(qtbot: QtBot, run: SnapshotsView) -> None:
    requests = requests_of(run)
    qtbot.mouseClick(button(run, "playTraining"), Qt.MouseButton.LeftButton)
    assert requests == [0], "from the end it begins again"
    assert button(run, "playTraining").text() != "▶"
    qtbot.waitUntil(lambda: button(run, "playTraining").text() == "▶")
    assert requests == list(STEPS)


def test_playing_waits_for_snapshots_that_are_not_read_yet(qtbot: QtBot, view: SnapshotsView) -> None:
    requests: list[int] = []
    view.stepRequested.connect(requests.append)
    view.show_run("resnet20-1", STEPS)
    view.show_probe(probe(22))
    slider(view).setFocus()
    qtbot.keyClick(slider(view), Qt.Key.Key_Space)
    qtbot.wait(600)  # two of its ticks
    assert requests == [22, 0]
    view.show_probe(probe(0))
    qtbot.waitUntil(lambda: requests == [22, 0, 1])
    view.show_problem(1, "step-0000001.npz is damaged")
    assert words(view, "formingProblem") == "step-0000001.npz is damaged"
    qtbot.waitUntil(lambda: requests == [22, 0, 1, 2])
    qtbot.keyClick(slider(view), Qt.Key.Key_Space)
    assert button(view, "playTraining").text() == "▶"
    view.show_probe(probe(2))
    assert words(view, "formingProblem") == ""


def test_hiding_the_view_pauses(qtbot: QtBot, run: SnapshotsView) -> None:
    button(run, "playTraining").click()
    run.hide()
    assert button(run, "playTraining").text() == "▶"


def test_maps_are_painted_in_the_selected_colormap(qtbot: QtBot, run: SnapshotsView) -> None:
    """Channel c of "relu" holds c of 0 … 15 all over, spread over the color map."""
    colors = run.findChild(ComboBox, "formingColours")
    for name in ("viridis", "magma", "grey"):
        colors.setFocus()
        while colors.currentData() != name:
            qtbot.keyClick(colors, Qt.Key.Key_Down)
        for channel in (0, 5, 15):
            index = LOWEST + round(channel / 15 * (255 - LOWEST))
            assert channel_color(run, channel) == pytest.approx(tuple(lookup_table(name)[index].tolist()), abs=1)


def test_nan_is_painted_as_nan(run: SnapshotsView) -> None:
    maps = np.arange(16, dtype=np.float32)[:, None, None].repeat(8, 1).repeat(8, 2)
    maps[3] = math.nan
    broken = probe(22)
    run.show_probe(replace(broken, layers=broken.layers | {"relu": (mosaic(maps, MapStyle("layer"))[0],) * 3}))
    assert channel_color(run, 3) == (0, 255, 255)
    assert channel_color(run, 4) != GAP_COLOR


def test_layers_are_selected_with_the_keys(qtbot: QtBot, run: SnapshotsView) -> None:
    layers = run.findChild(QListWidget, "probeLayers")
    assert [layers.item(row).text() for row in range(layers.count())] == ["relu", "layer1.2"]
    layers.setFocus()
    qtbot.keyClick(layers, Qt.Key.Key_Down)
    assert words(run, "formingHeading") == "<b>layer1.2</b> · 4 channels, 4×4"
    qtbot.keyClick(slider(run), Qt.Key.Key_Home)
    assert words(run, "formingHeading").startswith("<b>layer1.2</b>"), "another step, the same layer"


def test_images_are_selected_with_their_predictions(qtbot: QtBot, run: SnapshotsView) -> None:
    images, predictions = run.findChild(QListWidget, "probeImages"), run.findChild(PredictionBars)
    assert [images.item(row).text() for row in range(images.count())] == ["class 0", "class 1", "class 2"]
    images.setFocus()
    qtbot.keyClick(images, Qt.Key.Key_Down)
    texts = [predictions.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(predictions.count())]
    assert texts[0] == "class 1: 50 %, correct class"
    assert texts[1] == "class 2: 20 %"
    assert words(run, "probeTruth") == "Correct: class 1"
    picture = run.findChild(QWidget, "probeImage").grab().toImage()
    assert picture.pixelColor(10, 10).red() == 120  # 60 for each image


def show_top(view: SnapshotsView, top: tuple[tuple[str, float], ...]) -> Snapshot:
    shown = replace(probe(22), top=(top,) * 3)
    view.show_probe(shown)
    return shown


def test_the_predicted_class_is_shown(run: SnapshotsView) -> None:
    show_top(run, (("class 3", 0.6), ("class 0", 0.4)))
    assert words(run, "probeTruth") == "Predicted: class 3; true class: class 0"
    show_top(run, ())
    assert words(run, "probeTruth") == "The output is NaN; true class: class 0"


def test_fewer_images_and_other_layers_are_handled(qtbot: QtBot, run: SnapshotsView) -> None:
    run.findChild(QListWidget, "probeImages").setCurrentRow(2)
    run.findChild(QListWidget, "probeLayers").setCurrentRow(1)
    other = probe(22, images=1)
    shapes = {"relu": other.shapes["relu"]}
    run.show_probe(replace(other, shapes=shapes, layers={"relu": other.layers["relu"]}))
    assert words(run, "formingHeading").startswith("<b>relu</b>")
    assert run.findChild(QListWidget, "probeImages").currentRow() == 0


def test_every_control_has_a_name_and_small_windows_are_enough(run: SnapshotsView) -> None:
    for name in ("trainingTime", "playTraining", "followLive", "probeImages", "probeLayers", "formingColours"):
        control = run.findChild(QWidget, name)
        assert control.accessibleName()
        assert control.toolTip()
    run.resize(796, 560)
    assert (run.width(), run.height()) == (796, 560)


@pytest.mark.parametrize(("name", "colors"), [("dark", theme.DARK), ("light", theme.LIGHT)])
def test_both_themes(run: SnapshotsView, name: theme.ThemeName, colors: theme.Theme) -> None:
    with themed(name):
        run.resize(796, 560)
        assert (run.width(), run.height()) == (796, 560)
        assert run.grab().toImage().pixelColor(2, 558).name() == colors.window
