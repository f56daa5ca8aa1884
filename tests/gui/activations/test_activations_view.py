"""The Activations workspace, given values as the engine gives them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QListWidget,
    QPushButton,
    QSlider,
    QTreeView,
    QWidget,
)
from pytestqt.qtbot import QtBot

from resnet_studio.formatting import percent
from resnet_studio.gui.activations.input.view import InputView
from resnet_studio.gui.activations.view import ActivationsView
from resnet_studio.inference.feature_maps import layer_maps
from resnet_studio.inference.transforms import IDENTITY, ImageTransforms
from resnet_studio.inference.values import (
    SAMPLES,
    ForwardResult,
    ForwardSpec,
    Frame,
    Photograph,
    Prediction,
    Preprocessing,
    RandomWeights,
    WeightsFile,
    WeightsInfo,
)
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset

RESNET = preset("resnet18")
RED, BLUE = (200, 20, 20), (20, 20, 200)
RANDOM = WeightsInfo("random, seed 0", False, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), ("class 0",) * 5)
TRAINED = replace(RANDOM, source="resnet18.pth", trained=True, sha256="ab" * 32, notes=("half precision converted",))
PROBABILITIES = (0.5, 0.25, 0.13, 0.061, 0.0005)


def photograph(colour: tuple[int, int, int] = RED) -> Photograph:
    return Photograph("china", np.full((400, 600, 3), colour, np.uint8), "00")


def look(
    *layers: str, weights: WeightsInfo = RANDOM, image: str = "sample:china", handles: ImageTransforms = IDENTITY,
    architecture: Architecture = RESNET,
) -> ForwardResult:  # fmt: skip
    """Of a 600×400 photograph the network sees the square from x = 100 to x = 500."""
    predictions = tuple(Prediction(f"class {n}", p) for n, p in enumerate(PROBABILITIES))
    maps = tuple(layer_maps(name, np.arange(3 * 16, dtype=np.float32).reshape(3, 4, 4)) for name in layers)
    seen = np.full((224, 224, 3), BLUE, np.uint8)
    source = WeightsFile(Path("/nets", weights.source)) if weights.sha256 else RandomWeights()
    subject = ForwardSpec(image, architecture, source, handles=handles)
    return ForwardResult(subject, "00", Frame(300, 200, 400, 400), seen, weights, maps, 0.081, predictions)


@pytest.fixture
def pages() -> QWidget:
    return QWidget()


@pytest.fixture
def view(qtbot: QtBot, pages: QWidget) -> ActivationsView:
    view = ActivationsView(pages)
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


def test_a_look_shows_predictions_and_where_they_come_from(shown: ActivationsView) -> None:
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


def test_walking_the_layers_asks_for_them(qtbot: QtBot, shown: ActivationsView) -> None:
    wished: list[str] = []
    shown.layer_chosen.connect(wished.append)
    search = shown.findChild(QLineEdit, "findMaps")
    for text in ("layer2.0", "layer4.1"):
        search.setText(text)
        qtbot.keyClick(search, Qt.Key.Key_Return)
    assert wished == ["layer2.0", "layer4.1"]


def test_walking_the_images_asks_for_them(shown: ActivationsView) -> None:
    wished: list[str] = []
    shown.image_chosen.connect(wished.append)
    QTest.keyClick(shown.findChild(QListView, "imageStrip"), Qt.Key.Key_Down)
    assert wished == ["sample:flower"]


def test_crop_waits_for_its_own_photograph(shown: ActivationsView) -> None:
    pictures = shown.findChild(InputView)
    assert not pictures.crop().isEmpty()
    shown.show_chosen("sample:flower", "layer1.0.relu1")
    shown.show_photograph(photograph(BLUE))
    assert pictures.crop().isEmpty()
    shown.show_look(look("layer1.0.relu1", image="sample:flower"))
    assert not pictures.crop().isEmpty()
    shown.show_chosen("sample:digit-0", "layer1.0.relu1")
    shown.show_look(look("layer1.0.relu1", image="sample:digit-0"))
    shown.show_photograph(photograph(RED))
    assert not pictures.crop().isEmpty()


def test_sliders_and_pictures_wish_for_the_same_handles(qtbot: QtBot, shown: ActivationsView) -> None:
    wished: list[tuple[ImageTransforms, bool]] = []
    shown.handles_wished.connect(lambda *one: wished.append(one))
    shown.handles_wished.connect(lambda handles, _: shown.show_handles(handles))
    slider = shown.findChild(QSlider, "brightnessHandle")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert wished[-1][0].brightness > 1
    qtbot.mouseClick(shown.findChild(QCheckBox, "flipHandle"), Qt.MouseButton.LeftButton)
    assert wished[-1][0].flipped
    assert wished[-1][0].brightness > 1
    pictures = shown.findChild(InputView)
    qtbot.keyClick(pictures, Qt.Key.Key_Plus)
    assert wished[-1][0].zoom > 1
    assert wished[-1][0].flipped
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert wished[-1][0].brightness == 1
    qtbot.mouseClick(shown.findChild(QPushButton, "resetHandles"), Qt.MouseButton.LeftButton)
    assert wished[-1] == (IDENTITY, False)
    assert not shown.findChild(QPushButton, "resetHandles").isEnabled()


def test_maps_of_the_former_architecture_are_called_so(shown: ActivationsView) -> None:
    origin = label(shown, "lookOrigin")
    shown.show_layers(preset("resnet34"))
    assert origin.text() == "china · CPU, 0.08 s · of the former architecture"
    shown.show_layers(preset("resnet18"))  # an edit taken back
    assert origin.text() == "china · CPU, 0.08 s"
    shown.show_layers(preset("resnet34"))
    shown.show_look(look("layer1.0.relu1", architecture=preset("resnet34")))
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
    assert weights.args == [WeightsFile(file)]
    with qtbot.waitSignal(view.digits_wished):
        qtbot.mouseClick(view.findChild(QPushButton, "digitsNetwork"), left)


def test_tab_goes_through_every_control(qtbot: QtBot, shown: ActivationsView) -> None:
    shown.activateWindow()
    shown.findChild(QListView, "imageStrip").setFocus()
    passed = []
    for _ in range(14):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget().objectName() or QApplication.focusWidget().accessibleName())
    assert passed == [
        "playImages", "playSpeed", "openImages", "imageSources", "smallFigure", "findMaps", "layerList",
        "weightsSeed", "digitsNetwork", "openWeights", "weightsSources", "inputView", "zoomHandle", "rotationHandle",
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
    for name in ("imageStrip", "layerList", "predictions", "openWeights"):
        widget = shown.findChild(QWidget, name)
        corner = widget.mapTo(shown, QPoint(widget.width(), widget.height()))
        assert corner.x() <= size[0], name
        assert corner.y() <= size[1], name


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.042, "4.2 %"), (0.0996, "10 %"), (0.61, "61 %"), (0.9991, "> 99 %"),
     (1.0, "100 %"), (float("nan"), "–")],
)  # fmt: skip
def test_probabilities_are_never_rounded_to_certainty(share: float, written: str) -> None:
    assert percent(share, 2) == written
