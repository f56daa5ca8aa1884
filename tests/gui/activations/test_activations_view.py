"""The Activations view, given results as the engine sends them."""

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


def photograph(color: tuple[int, int, int] = RED) -> Photograph:
    return Photograph("china", np.full((400, 600, 3), color, np.uint8), "00")


def result(
    *layers: str, weights: WeightsInfo = RANDOM, image: str = "sample:china", transforms: ImageTransforms = IDENTITY,
    architecture: Architecture = RESNET,
) -> ForwardResult:  # fmt: skip
    """A result of a 600×400 photograph, cropped to the square from x = 100 to x = 500."""
    predictions = tuple(Prediction(f"class {n}", p) for n, p in enumerate(PROBABILITIES))
    maps = tuple(layer_maps(name, np.arange(3 * 16, dtype=np.float32).reshape(3, 4, 4)) for name in layers)
    model_input = np.full((224, 224, 3), BLUE, np.uint8)
    source = WeightsFile(Path("/nets", weights.source)) if weights.sha256 else RandomWeights()
    spec = ForwardSpec(image, architecture, source, transforms=transforms)
    return ForwardResult(spec, "00", Frame(300, 200, 400, 400), model_input, weights, maps, 0.081, predictions)


@pytest.fixture
def tabs() -> QWidget:
    return QWidget()


@pytest.fixture
def view(qtbot: QtBot, tabs: QWidget) -> ActivationsView:
    view = ActivationsView(tabs)
    qtbot.addWidget(view)
    view.resize(1100, 800)
    view.images.show_images(SAMPLES)
    view.show_layers(preset("resnet18"))
    view.show()
    return view


@pytest.fixture
def shown(view: ActivationsView) -> ActivationsView:
    view.show_selection("sample:china", "layer1.0.relu1")
    view.show_photograph(photograph())
    view.show_result(result("layer1.0.relu1", "layer2.0"))
    QApplication.processEvents()
    return view


def label(view: ActivationsView, name: str) -> QLabel:
    return view.findChild(QLabel, name)


def test_a_result_shows_predictions_and_their_origin(shown: ActivationsView) -> None:
    assert label(shown, "lookOrigin").text() == "china · CPU, 0.08 s"
    predictions = shown.findChild(QListWidget, "predictions")
    texts = [predictions.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(5)]
    assert texts == ["class 0: 50 %", "class 1: 25 %", "class 2: 13 %", "class 3: 6.1 %", "class 4: < 0.1 %"]
    caveat = label(shown, "predictionsDoubt")
    assert caveat.isVisible()
    assert caveat.text() == "random weights, seed 0: untrained, the class names are meaningless"


def test_trained_weights_need_no_caveat_and_their_notes_are_shown(shown: ActivationsView) -> None:
    shown.show_result(result("layer1.0.relu1", weights=TRAINED))
    assert label(shown, "predictionsDoubt").isHidden()
    assert label(shown, "weightsSource").text() == "resnet18.pth"
    assert label(shown, "weightsNotes").text() == "half precision converted"


def test_nan_output_is_reported(shown: ActivationsView) -> None:
    shown.show_result(replace(result("layer1.0.relu1"), predictions=()))
    assert label(shown, "predictionsDoubt").text().startswith("The output is NaN")
    shown.grab()


def test_selecting_layers_emits_them(qtbot: QtBot, shown: ActivationsView) -> None:
    emitted: list[str] = []
    shown.layers.layerSelected.connect(emitted.append)
    search = shown.findChild(QLineEdit, "findMaps")
    for text in ("layer2.0", "layer4.1"):
        search.setText(text)
        qtbot.keyClick(search, Qt.Key.Key_Return)
    assert emitted == ["layer2.0", "layer4.1"]


def test_selecting_images_emits_them(shown: ActivationsView) -> None:
    emitted: list[str] = []
    shown.images.imageSelected.connect(emitted.append)
    QTest.keyClick(shown.findChild(QListView, "imageStrip"), Qt.Key.Key_Down)
    assert emitted == ["sample:flower"]


def test_the_crop_waits_for_its_own_photograph(shown: ActivationsView) -> None:
    pictures = shown.findChild(InputView)
    assert not pictures.picture_geometry.crop.isEmpty()
    shown.show_selection("sample:flower", "layer1.0.relu1")
    shown.show_photograph(photograph(BLUE))
    assert pictures.picture_geometry.crop.isEmpty()
    shown.show_result(result("layer1.0.relu1", image="sample:flower"))
    assert not pictures.picture_geometry.crop.isEmpty()
    shown.show_selection("sample:digit-0", "layer1.0.relu1")
    shown.show_result(result("layer1.0.relu1", image="sample:digit-0"))
    shown.show_photograph(photograph(RED))
    assert not pictures.picture_geometry.crop.isEmpty()


def test_sliders_and_pictures_change_the_same_transforms(qtbot: QtBot, shown: ActivationsView) -> None:
    emitted: list[tuple[ImageTransforms, bool]] = []
    for part in (shown.transforms, shown.input):
        part.transformsRequested.connect(lambda *arguments: emitted.append(arguments))
        part.transformsRequested.connect(lambda transforms, _: shown.show_transforms(transforms))
    slider = shown.findChild(QSlider, "brightnessHandle")
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert emitted[-1][0].brightness > 1
    qtbot.mouseClick(shown.findChild(QCheckBox, "flipHandle"), Qt.MouseButton.LeftButton)
    assert emitted[-1][0].flipped
    assert emitted[-1][0].brightness > 1
    pictures = shown.findChild(InputView)
    qtbot.keyClick(pictures, Qt.Key.Key_Plus)
    assert emitted[-1][0].zoom > 1
    assert emitted[-1][0].flipped
    qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert emitted[-1][0].brightness == 1
    qtbot.mouseClick(shown.findChild(QPushButton, "resetHandles"), Qt.MouseButton.LeftButton)
    assert emitted[-1] == (IDENTITY, False)
    assert not shown.findChild(QPushButton, "resetHandles").isEnabled()


def test_maps_of_the_previous_architecture_are_marked(shown: ActivationsView) -> None:
    origin = label(shown, "lookOrigin")
    shown.show_layers(preset("resnet34"))
    assert origin.text() == "china · CPU, 0.08 s · from the previous architecture"
    shown.show_layers(preset("resnet18"))  # an edit taken back
    assert origin.text() == "china · CPU, 0.08 s"
    shown.show_layers(preset("resnet34"))
    shown.show_result(result("layer1.0.relu1", architecture=preset("resnet34")))
    assert "former" not in origin.text()


def test_dropped_files_and_opened_weights_are_emitted(qtbot: QtBot, view: ActivationsView, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile("/pictures/a #1.jpg"), QUrl("https://example.org/b.jpg")])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with qtbot.waitSignal(view.filesDropped) as emitted:
        view.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, none))
    assert emitted.args == [["/pictures/a #1.jpg"]]
    file = tmp_path / "net.pth"
    file.touch()
    qtbot.mouseClick(view.findChild(QPushButton, "openWeights"), left)
    dialog = view.findChild(QFileDialog, "openWeightsDialog")
    dialog.selectFile(str(file))
    with qtbot.waitSignal(view.weights.weightsRequested) as weights:
        dialog.accept()
    assert weights.args == [WeightsFile(file)]
    with qtbot.waitSignal(view.weights.digitsRequested):
        qtbot.mouseClick(view.findChild(QPushButton, "digitsNetwork"), left)


def test_tab_goes_through_every_control(qtbot: QtBot, shown: ActivationsView) -> None:
    shown.activateWindow()
    shown.findChild(QListView, "imageStrip").setFocus()
    visited = []
    for _ in range(14):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        visited.append(QApplication.focusWidget().objectName() or QApplication.focusWidget().accessibleName())
    assert visited == [
        "playImages", "playSpeed", "openImages", "imageSources", "smallFigure", "findMaps", "layerList",
        "weightsSeed", "digitsNetwork", "openWeights", "weightsSources", "inputView", "zoomHandle", "rotationHandle",
    ]  # fmt: skip


def test_every_control_has_a_tooltip_and_an_accessible_name(shown: ActivationsView) -> None:
    controls = [*shown.findChildren(QAbstractButton), *shown.findChildren(QLineEdit), *shown.findChildren(QTreeView)]
    assert len(controls) >= 8
    assert not [control for control in controls if not (control.toolTip() and control.accessibleName())]


@pytest.mark.parametrize("size", [(780, 600), (1120, 800)])
def test_nothing_exceeds_the_window(qtbot: QtBot, shown: ActivationsView, size: tuple[int, int]) -> None:
    shown.resize(*size)
    QApplication.processEvents()
    assert (shown.width(), shown.height()) == size
    for name in ("imageStrip", "layerList", "predictions", "openWeights"):
        widget = shown.findChild(QWidget, name)
        corner = widget.mapTo(shown, QPoint(widget.width(), widget.height()))
        assert corner.x() <= size[0], name
        assert corner.y() <= size[1], name


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.042, "4.2 %"), (0.0996, "10 %"), (0.61, "61 %"), (0.9991, "> 99 %"),
     (1.0, "100 %"), (float("nan"), "–")],
)  # fmt: skip
def test_probabilities_are_never_rounded_to_certainty(probability: float, expected: str) -> None:
    assert percent(probability, 2) == expected
