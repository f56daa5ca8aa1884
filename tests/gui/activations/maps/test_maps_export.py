"""Feature maps exported from the window: bit-identical to the command line and the screen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pytest
from numpy.typing import NDArray
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGraphicsView,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
)
from pytestqt.qtbot import QtBot

from resnet_studio.cli.main import main
from resnet_studio.export.provenance import KEY
from resnet_studio.gui.activations.maps.view import MapsView
from resnet_studio.gui.activations.workspace import ActivationsWorkspace
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.feature_maps import mosaic
from resnet_studio.inference.transforms import parse_transforms
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS

TINY = replace(preset("resnet20-cifar"), blocks=(1, 1), width=8)
LAYER = "layer2.0.add"
TRANSFORMS = ("zoom=2", "rotation=30", "brightness=1.2", "noise=0.1", "flipped", "occluder=0.5,0.5,0.25")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A window with the sample photograph, transformed, in a tiny network."""
    transforms = parse_transforms(TRANSFORMS)
    window = MainWindow(SessionState(architecture=TINY, workspace=ACTIVATIONS, layer=LAYER, handles=transforms))
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    with qtbot.waitSignal(window.controller.activations.forwardFinished):
        window.start_engine()
    yield window
    window.close()


@pytest.fixture
def headless(tmp_path: Path) -> Callable[..., Path]:
    """Runs the command `maps` on the same input, and returns the file."""
    architecture = tmp_path / "tiny.json"
    architecture.write_text(json.dumps(to_json(TINY)))

    def run(*options: str, ending: str = "png") -> Path:
        output = tmp_path / f"headless.{ending}"
        transforms = [word for transform in TRANSFORMS for word in ("--handle", transform)]
        given = ("sample:china", "--architecture", str(architecture), "--layer", LAYER, "--output", str(output))
        assert main(["maps", *given, *transforms, *options]) == 0
        return output

    return run


def save(qtbot: QtBot, window: MainWindow, path: Path, *menu: str) -> Path:
    """Save by the button's menu and the dialog, as a user does; an existing file would open a question."""
    path.unlink(missing_ok=True)
    button = window.findChild(QToolButton, "exportMaps")
    button.menu().aboutToShow.emit()
    action(button.menu(), *menu).trigger()
    dialog = button.findChild(QFileDialog, "exportDialog")
    dialog.selectFile(str(path))
    with qtbot.waitSignal(window.findChild(ActivationsWorkspace).factory.export.message):
        dialog.accept()
    assert path.name in window.message_bar.text
    return path


def action(menu: QMenu, first: str, *rest: str) -> QAction:
    (found,) = (candidate for candidate in menu.actions() if candidate.text() == first)
    return action(found.menu(), *rest) if rest else found


def draw(qtbot: QtBot, window: MainWindow, contrast: str, colors: str, sort: str, limits: str) -> None:
    """Set how the maps are drawn, by the controls of the tab."""
    (button,) = (
        candidate
        for candidate in window.findChildren(QToolButton)
        if candidate.accessibleName() == f"Contrast: {contrast}"
    )
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    window.findChild(QComboBox, "colourMap").setCurrentText(colors)
    order = window.findChild(QComboBox, "channelOrder")
    order.setCurrentIndex(order.findData(sort))
    order.activated.emit(order.currentIndex())
    if limits:
        low, high = window.findChild(QLineEdit, "lowLimit"), window.findChild(QLineEdit, "highLimit")
        for field, text in zip((low, high), limits.split(","), strict=True):
            field.setFocus()
            field.selectAll()
            qtbot.keyClicks(field, text)
            qtbot.keyClick(field, Qt.Key.Key_Return)


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.asarray(image)


def provenance(path: Path) -> object:
    with Image.open(path) as image:
        return json.loads(image.info[KEY])


def on_screen(window: MainWindow) -> pg.ImageItem:
    """The mosaic that the tab paints."""
    view = window.findChild(MapsView).findChild(MosaicView).findChild(QGraphicsView)
    (item,) = (candidate for candidate in view.items() if isinstance(candidate, pg.ImageItem))
    return item


STYLES = [
    ("per channel", "viridis", "index", ""),
    ("per layer", "magma", "variance", ""),
    ("fixed", "diverging", "index", "-2.5,2.5"),
    ("fixed", "viridis", "mean", "-0.5,1.75"),
    ("per channel", "grey", "maximum", ""),
]


def options(contrast: str, colors: str, sort: str, limits: str) -> tuple[str, ...]:
    """The same style as options of the command line."""
    return ("--contrast", limits or contrast.removeprefix("per "), "--colormap", colors, "--sort", sort)


def test_the_command_line_gives_the_pixels_of_the_window(
    qtbot: QtBot, window: MainWindow, headless: Callable[..., Path], tmp_path: Path
) -> None:
    mosaics = set()
    for style in STYLES:
        draw(qtbot, window, *style)
        exported = save(qtbot, window, tmp_path / "window.png", "All channels (PNG)", "1×")
        from_cli = headless(*options(*style))
        np.testing.assert_array_equal(pixels(exported), pixels(from_cli), str(style))
        assert provenance(exported) == provenance(from_cli)
        mosaics.add(pixels(exported).tobytes())
    assert len(mosaics) == len(STYLES)
    large = save(qtbot, window, tmp_path / "window.png", "All channels (PNG)", "4×")
    np.testing.assert_array_equal(pixels(large), pixels(headless(*options(*STYLES[-1]), "--scale", "4")))


def test_channel_values_page_and_statistics_equal_those_of_the_command_line(
    qtbot: QtBot, window: MainWindow, headless: Callable[..., Path], tmp_path: Path
) -> None:
    window.findChild(MapsView).show_channel(5)
    exported = save(qtbot, window, tmp_path / "window.png", "Channel 5 (PNG)", "2×")
    from_cli = headless("--channel", "5", "--scale", "2")
    np.testing.assert_array_equal(pixels(exported), pixels(from_cli))
    assert provenance(exported) == provenance(from_cli)
    for title, ending in (
        ("Figure with color bar and caption (SVG)", "svg"), ("Values only (NPY)", "npy"), ("Values (NPZ)", "npz"),
        ("Statistics per channel (CSV)", "csv"),
    ):  # fmt: skip
        exported = save(qtbot, window, tmp_path / f"window.{ending}", title)
        from_cli = headless(ending=ending)
        if ending == "npz":  # whose members contain dates
            with np.load(exported) as candidate, np.load(from_cli) as other:
                assert set(candidate) == set(other) == {LAYER, "stamp"}
                assert all(candidate[name].tobytes() == other[name].tobytes() for name in candidate)
        else:
            assert exported.read_bytes() == from_cli.read_bytes()


def test_the_screen_shows_the_mosaic_that_is_saved(qtbot: QtBot, window: MainWindow) -> None:
    view = window.findChild(MapsView)
    for style in STYLES:
        draw(qtbot, window, *style)
        figure = view.figure()
        assert figure is not None
        indices = on_screen(window).image
        values = figure.layers[0].values
        columns = (indices.shape[1] + 1) // (values.shape[2] + 1)
        expected, _ = mosaic(values, figure.provenance.style, columns)
        np.testing.assert_array_equal(indices, expected, str(style))


def test_a_difference_names_its_reference(qtbot: QtBot, window: MainWindow, headless: Callable[..., Path],
                                          tmp_path: Path) -> None:  # fmt: skip
    window.findChild(QCheckBox, "keepHandles").click()  # `headless` uses the same transforms
    with qtbot.waitSignal(window.controller.activations.forwardFinished):
        window.controller.images.select("sample:flower")
    draw(qtbot, window, "per channel", "viridis", "difference", "")  # which shows the button
    qtbot.mouseClick(window.findChild(QPushButton, "setReference"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(
        window.controller.activations.forwardFinished,
        check_params_cb=lambda result: result.spec.image == "sample:china",
    ):
        window.controller.images.select("sample:china")
    draw(qtbot, window, "per channel", "viridis", "difference", "")
    exported = save(qtbot, window, tmp_path / "window.png", "All channels (PNG)", "1×")
    from_cli = headless("--sort", "difference", "--reference", "sample:flower")
    np.testing.assert_array_equal(pixels(exported), pixels(from_cli))
    assert provenance(exported) == provenance(from_cli)
    assert "flower" in json.dumps(provenance(exported))


def test_a_file_that_cannot_be_written_is_reported(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    figure = window.findChild(MapsView).figure()
    assert figure is not None
    with qtbot.waitSignal(window.findChild(ActivationsWorkspace).factory.export.failed) as failed:
        window.findChild(ActivationsWorkspace).factory.export.write(tmp_path / "none" / "a.png", figure)
    assert failed.args == ["a.png could not be written: file or directory not found. Check the path."]
    assert window.message_bar.text == failed.args[0]


def test_without_maps_nothing_is_saved(qtbot: QtBot) -> None:
    view = MapsView()
    qtbot.addWidget(view)
    assert view.figure() is None
