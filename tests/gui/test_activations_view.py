"""The Activations workspace, given values as the engine gives them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QTreeView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.gui import theme
from resnet_studio.gui.views.activations import NO_IMAGE, ActivationsView
from resnet_studio.gui.widgets.input_view import InputView
from resnet_studio.gui.widgets.predictions import percent
from resnet_studio.inference.maps import layer_maps
from resnet_studio.inference.values import (
    SAMPLES,
    Look,
    Photograph,
    Prediction,
    Preprocessing,
    WeightsInfo,
)
from resnet_studio.networks.presets import preset

RED, BLUE = (200, 20, 20), (20, 20, 200)
RANDOM = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",) * 5)
TRAINED = replace(RANDOM, source="resnet18.pth", trained=True, sha256="ab" * 32, notes=("half precision converted",))
PROBABILITIES = (0.5, 0.25, 0.13, 0.061, 0.0005)


def photograph(colour: tuple[int, int, int] = RED) -> Photograph:
    return Photograph("china", np.full((400, 600, 3), colour, np.uint8), "00")


def look(*layers: str, weights: WeightsInfo = RANDOM) -> Look:
    """Of a 600×400 photograph the network sees the square from x = 100 to x = 500."""
    predictions = tuple(Prediction(f"class {n}", p) for n, p in enumerate(PROBABILITIES))
    maps = tuple(layer_maps(name, np.arange(3 * 16, dtype=np.float32).reshape(3, 4, 4)) for name in layers)
    seen = np.full((224, 224, 3), BLUE, np.uint8)
    return Look(predictions, seen, (100, 0, 400, 400), weights, "cpu", maps, 0.081)


@pytest.fixture
def view(qtbot: QtBot) -> ActivationsView:
    view = ActivationsView()
    qtbot.addWidget(view)
    view.resize(1100, 800)
    view.show_images(SAMPLES)
    view.show_layers(preset("resnet18"))
    view.show()
    return view


@pytest.fixture
def shown(view: ActivationsView) -> ActivationsView:
    view.show_chosen("sample:china", "layer1.0.relu1")
    view.show_photograph(photograph())
    view.show_look(look("layer1.0.relu1", "layer2.0"))
    QApplication.processEvents()
    return view


def label(view: ActivationsView, name: str) -> QLabel:
    return view.findChild(QLabel, name)


def heading(view: ActivationsView) -> str:
    return label(view, "mapsHeading").text()


def test_empty_states_say_what_to_do_next(view: ActivationsView) -> None:
    empty = label(view, "activationsEmpty")
    assert empty.isVisible()
    assert empty.text() == NO_IMAGE
    view.show_chosen("sample:china", "layer1.0.relu1")
    assert empty.text() == "china is on its way through the network …"
    view.show_problem("holiday.jpg is not an image. Choose another one.")
    assert empty.text() == "holiday.jpg is not an image. Choose another one."
    view.show_look(look())
    assert empty.text() == "Choose a layer on the left to see its feature maps."


def test_a_look_shows_maps_predictions_and_where_they_come_from(shown: ActivationsView) -> None:
    assert heading(shown) == "<b>layer1.0.relu1</b> · 3 channels, 4×4"
    # the values are 0 … 47: mean 47 / 2, deviation √((48² − 1) / 12), one zero in 48
    assert label(shown, "mapsNumbers").text() == "mean 23.5 · deviation 13.9 · 2 % zeros"
    assert label(shown, "channelTitle").text() == "channel 0"
    assert label(shown, "lookOrigin").text() == "china · CPU, 0.08 s"
    predictions = shown.findChild(QListWidget, "predictions")
    said = [predictions.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(5)]
    assert said == ["class 0: 50 %", "class 1: 25 %", "class 2: 13 %", "class 3: 6.1 %", "class 4: < 0.1 %"]
    doubt = label(shown, "predictionsDoubt")
    assert doubt.isVisible()
    assert doubt.text() == "random weights, seed 0: untrained, the names mean nothing"


def test_trained_weights_leave_no_doubt_and_their_notes_are_told(shown: ActivationsView) -> None:
    shown.show_look(look("layer1.0.relu1", weights=TRAINED))
    assert label(shown, "predictionsDoubt").isHidden()
    assert label(shown, "weightsSource").text() == "resnet18.pth"
    assert label(shown, "weightsNotes").text() == "half precision converted"


def test_output_that_is_no_number_is_said(shown: ActivationsView) -> None:
    shown.show_look(replace(look("layer1.0.relu1"), predictions=()))
    assert label(shown, "predictionsDoubt").text().startswith("The network's output is not a number")
    shown.grab()


def test_choosing_a_layer_shows_what_is_there_and_asks_for_the_rest(qtbot: QtBot, shown: ActivationsView) -> None:
    wished: list[str] = []
    shown.layer_chosen.connect(wished.append)
    search = shown.findChild(QLineEdit, "findMaps")
    for text in ("layer2.0", "layer4.1"):
        search.setText(text)
        qtbot.keyClick(search, Qt.Key.Key_Return)
    assert wished == ["layer2.0", "layer4.1"]
    assert heading(shown).startswith("<b>layer2.0</b>")
    shown.show_look(look("layer4.1"))
    assert heading(shown).startswith("<b>layer4.1</b>")


def test_walking_the_images_asks_for_them(shown: ActivationsView) -> None:
    wished: list[str] = []
    shown.image_chosen.connect(wished.append)
    QTest.keyClick(shown.findChild(QListWidget, "imageStrip"), Qt.Key.Key_Down)
    assert wished == ["sample:flower"]


def test_crop_is_drawn_on_the_photograph(shown: ActivationsView) -> None:
    pictures = shown.findChild(InputView)
    crop, whole = pictures.crop_box(), pictures.boxes()[0]
    assert crop.left() == pytest.approx(whole.width() / 6)
    assert crop.width() == pytest.approx(crop.height()) == pytest.approx(whole.height())
    image = pictures.grab().toImage()
    inside, outside = image.pixelColor(crop.center().toPoint()), image.pixelColor(int(crop.left() / 2), 10)
    assert inside == QColor(*RED)
    assert outside.red() < 0.6 * RED[0]
    assert image.pixelColor(pictures.boxes()[1].center().toPoint()) == QColor(*BLUE)


def test_crop_waits_for_its_own_photograph(shown: ActivationsView) -> None:
    pictures = shown.findChild(InputView)
    shown.show_chosen("sample:flower", "layer1.0.relu1")
    shown.show_photograph(photograph(BLUE))
    assert pictures.crop_box().isNull()
    shown.show_look(look("layer1.0.relu1"))
    assert not pictures.crop_box().isNull()
    shown.show_chosen("sample:digit-0", "layer1.0.relu1")
    shown.show_look(look("layer1.0.relu1"))
    shown.show_photograph(photograph(RED))
    assert not pictures.crop_box().isNull()


def test_problem_leaves_the_last_good_maps(shown: ActivationsView) -> None:
    shown.show_chosen("sample:flower", "layer1.0.relu1")
    shown.show_problem("flower.jpg is damaged.")
    assert label(shown, "activationsProblem").text() == "flower.jpg is damaged."
    assert label(shown, "mapsHeading").isVisible()
    assert label(shown, "lookOrigin").text().startswith("china")
    shown.show_look(look("layer1.0.relu1"))
    assert label(shown, "activationsProblem").isHidden()


def test_maps_of_the_former_architecture_are_called_so(shown: ActivationsView) -> None:
    origin = label(shown, "lookOrigin")
    shown.show_layers(preset("resnet34"))
    assert origin.text() == "china · CPU, 0.08 s · of the former architecture"
    shown.show_layers(preset("resnet18"))  # an edit taken back
    assert origin.text() == "china · CPU, 0.08 s"
    shown.show_layers(preset("resnet34"))
    shown.show_look(look("layer1.0.relu1"))
    assert "former" not in origin.text()


def test_dropped_files_and_opened_weights_are_wished(qtbot: QtBot, view: ActivationsView, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/pictures/a #1.jpg"), QUrl("https://example.org/b.jpg")])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with qtbot.waitSignal(view.files_wished) as wished:
        view.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, none))
    assert wished.args == [["/pictures/a #1.jpg"]]
    file = tmp_path / "net.pth"
    file.touch()
    qtbot.mouseClick(view.findChild(QPushButton, "openWeights"), left)
    dialog = view.findChild(QFileDialog, "openWeightsDialog")
    dialog.selectFile(str(file))
    with qtbot.waitSignal(view.weights_wished) as weights:
        dialog.accept()
    assert weights.args == [str(file)]
    with qtbot.waitSignal(view.weights_wished) as weights:
        qtbot.mouseClick(view.findChild(QPushButton, "randomWeights"), left)
    assert weights.args == [""]
    with qtbot.waitSignal(view.digits_wished):
        qtbot.mouseClick(view.findChild(QPushButton, "digitsNetwork"), left)


def test_tab_goes_through_every_control(qtbot: QtBot, shown: ActivationsView) -> None:
    shown.activateWindow()
    shown.findChild(QListWidget, "imageStrip").setFocus()
    passed = []
    for _ in range(9):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget().objectName() or QApplication.focusWidget().accessibleName())
    assert passed == [
        "openImages", "findMaps", "layerList", "Contrast: per channel", "colourMap", "featureMaps", "randomWeights",
        "digitsNetwork", "openWeights",
    ]  # fmt: skip


def test_every_control_says_what_it_is(shown: ActivationsView) -> None:
    controls = [*shown.findChildren(QAbstractButton), *shown.findChildren(QLineEdit), *shown.findChildren(QTreeView)]
    assert len(controls) >= 8
    assert not [control for control in controls if not (control.toolTip() and control.accessibleName())]


@pytest.mark.parametrize("size", [(780, 600), (1120, 800)])
def test_nothing_is_wider_than_the_window(qtbot: QtBot, shown: ActivationsView, size: tuple[int, int]) -> None:
    shown.resize(*size)
    QApplication.processEvents()
    assert (shown.width(), shown.height()) == size
    for name in ("imageStrip", "layerList", "featureMaps", "predictions", "channelHistogram", "openWeights"):
        widget = shown.findChild(QWidget, name)
        corner = widget.mapTo(shown, QPoint(widget.width(), widget.height()))
        assert corner.x() <= size[0], name
        assert corner.y() <= size[1], name


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[Callable[[theme.ThemeName], None]]:
    font, style = qapp.font(), qapp.style().name()
    yield lambda name: theme.apply(qapp, name)
    theme.apply(qapp, "light")
    qapp.setStyleSheet("")
    qapp.setPalette(QPalette())
    qapp.setFont(font)
    qapp.setStyle(style)


def test_maps_follow_the_theme(dressed: Callable[[theme.ThemeName], None], shown: ActivationsView) -> None:
    maps = shown.findChild(QWidget, "featureMaps")
    for name, palette in (("dark", theme.DARK), ("light", theme.LIGHT)):
        dressed(name)
        QApplication.processEvents()
        corner = maps.grab().toImage().pixelColor(maps.width() - 2, maps.height() - 2)
        assert corner == QColor(palette.window)


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.042, "4.2 %"), (0.0996, "10 %"), (0.61, "61 %"), (0.9991, "> 99 %"),
     (1.0, "100 %"), (float("nan"), "–")],
)  # fmt: skip
def test_probabilities_are_never_rounded_to_certainty(share: float, written: str) -> None:
    assert percent(share) == written
