"""What the window saves of feature maps: the same pixels, to the last bit, as the command line and the screen."""

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
from resnet_studio.gui.app_controller import ACTIVATIONS
from resnet_studio.gui.common.mosaic import MosaicView
from resnet_studio.gui.main_window import MainWindow
from resnet_studio.gui.session import SessionState
from resnet_studio.inference.feature_maps import mosaic
from resnet_studio.inference.transforms import changed, from_words
from resnet_studio.networks.architecture import to_json
from resnet_studio.networks.presets import preset

PATIENCE = 120_000  # milliseconds for torch to be imported on a busy machine
TINY = replace(preset("resnet20-cifar"), blocks=(1, 1), width=8)
LAYER = "layer2.0.add"
HANDS = ("zoom=2", "rotation=30", "brightness=1.2", "noise=0.1", "flipped", "occluder=0.5,0.5,0.25")


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[MainWindow]:
    """A window that looks at the sample photograph, turned by hand, through a tiny network."""
    hands = changed(from_words(HANDS))
    window = MainWindow(SessionState(architecture=to_json(TINY), workspace=ACTIVATIONS, layer=LAYER, handles=hands))
    qtbot.addWidget(window)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    with qtbot.waitSignal(window.studio.subject.looked, timeout=PATIENCE):
        window.start_engine()
    yield window
    window.close()


@pytest.fixture
def headless(tmp_path: Path) -> Callable[..., Path]:
    """Runs `maps` on the same, and returns the file."""
    architecture = tmp_path / "tiny.json"
    architecture.write_text(json.dumps(to_json(TINY)))

    def run(*options: str, ending: str = "png") -> Path:
        output = tmp_path / f"headless.{ending}"
        hands = [word for hand in HANDS for word in ("--handle", hand)]
        given = ("sample:china", "--architecture", str(architecture), "--layer", LAYER, "--output", str(output))
        assert main(["maps", *given, *hands, *options]) == 0
        return output

    return run


def save(qtbot: QtBot, window: MainWindow, path: Path, *menu: str) -> Path:
    """Save by the button's menu and the dialog, as a user does; a file that is there would be asked about."""
    path.unlink(missing_ok=True)
    button = window.findChild(QToolButton, "exportMaps")
    button.menu().aboutToShow.emit()
    action(button.menu(), *menu).trigger()
    dialog = button.findChild(QFileDialog, "exportDialog")
    dialog.selectFile(str(path))
    with qtbot.waitSignal(window.activations.export.written, timeout=PATIENCE):
        dialog.accept()
    assert path.name in window.banner.text
    return path


def action(menu: QMenu, first: str, *rest: str) -> QAction:
    (found,) = (one for one in menu.actions() if one.text() == first)
    return action(found.menu(), *rest) if rest else found


def draw(qtbot: QtBot, window: MainWindow, contrast: str, colours: str, sort: str, limits: str) -> None:
    """Set how the maps are drawn, by the controls that the page has for it."""
    (button,) = (one for one in window.findChildren(QToolButton) if one.accessibleName() == f"Contrast: {contrast}")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    window.findChild(QComboBox, "colourMap").setCurrentText(colours)
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


def stamp(path: Path) -> object:
    with Image.open(path) as image:
        return json.loads(image.info[KEY])


def on_screen(window: MainWindow) -> pg.ImageItem:
    """The mosaic that the page paints."""
    view = window.findChild(MapsView).findChild(MosaicView).findChild(QGraphicsView)
    (item,) = (one for one in view.items() if isinstance(one, pg.ImageItem))
    return item


DRAWINGS = [
    ("per channel", "viridis", "index", ""),
    ("per layer", "magma", "variance", ""),
    ("fixed", "diverging", "index", "-2.5,2.5"),
    ("fixed", "viridis", "mean", "-0.5,1.75"),
    ("per channel", "grey", "maximum", ""),
]


def words(contrast: str, colours: str, sort: str, limits: str) -> tuple[str, ...]:
    """The same as options of the command line."""
    return ("--contrast", limits or contrast.removeprefix("per "), "--colormap", colours, "--sort", sort)


def test_headless_gives_the_pixels_of_the_window(
    qtbot: QtBot, window: MainWindow, headless: Callable[..., Path], tmp_path: Path
) -> None:
    mosaics = set()
    for drawing in DRAWINGS:
        draw(qtbot, window, *drawing)
        mine = save(qtbot, window, tmp_path / "window.png", "All channels as a picture (PNG)", "as it is")
        theirs = headless(*words(*drawing))
        np.testing.assert_array_equal(pixels(mine), pixels(theirs), str(drawing))
        assert stamp(mine) == stamp(theirs)
        mosaics.add(pixels(mine).tobytes())
    assert len(mosaics) == len(DRAWINGS)
    large = save(qtbot, window, tmp_path / "window.png", "All channels as a picture (PNG)", "4 times as large")
    np.testing.assert_array_equal(pixels(large), pixels(headless(*words(*DRAWINGS[-1]), "--scale", "4")))


def test_channel_values_page_and_statistics_are_those_of_the_command_line(
    qtbot: QtBot, window: MainWindow, headless: Callable[..., Path], tmp_path: Path
) -> None:
    window.findChild(MapsView).show_channel(5)
    mine = save(qtbot, window, tmp_path / "window.png", "Channel 5 as a picture (PNG)", "2 times as large")
    theirs = headless("--channel", "5", "--scale", "2")
    np.testing.assert_array_equal(pixels(mine), pixels(theirs))
    assert stamp(mine) == stamp(theirs)
    for what, ending in (
        ("Page with scale and caption (SVG)", "svg"), ("Values alone (NPY)", "npy"), ("Values (NPZ)", "npz"),
        ("Statistics of each channel (CSV)", "csv"),
    ):  # fmt: skip
        mine = save(qtbot, window, tmp_path / f"window.{ending}", what)
        theirs = headless(ending=ending)
        if ending == "npz":  # whose members are dated
            with np.load(mine) as one, np.load(theirs) as other:
                assert set(one) == set(other) == {LAYER, "stamp"}
                assert all(one[name].tobytes() == other[name].tobytes() for name in one)
        else:
            assert mine.read_bytes() == theirs.read_bytes()


def test_the_screen_shows_the_mosaic_that_is_saved(qtbot: QtBot, window: MainWindow) -> None:
    page = window.findChild(MapsView)
    for drawing in DRAWINGS:
        draw(qtbot, window, *drawing)
        sheet = page.sheet()
        assert sheet is not None
        indices = on_screen(window).image
        values = sheet.layers[0].values
        columns = (indices.shape[1] + 1) // (values.shape[2] + 1)
        expected, _ = mosaic(values, sheet.stamp.drawing, columns)
        np.testing.assert_array_equal(indices, expected, str(drawing))


def test_a_difference_names_its_reference(qtbot: QtBot, window: MainWindow, headless: Callable[..., Path],
                                          tmp_path: Path) -> None:  # fmt: skip
    window.findChild(QCheckBox, "keepHandles").click()  # `headless` has them, too
    with qtbot.waitSignal(window.studio.subject.looked, timeout=PATIENCE):
        window.studio.images.choose("sample:flower")
    draw(qtbot, window, "per channel", "viridis", "difference", "")  # which brings the button
    qtbot.mouseClick(window.findChild(QPushButton, "setReference"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(
        window.studio.subject.looked,
        timeout=PATIENCE,
        check_params_cb=lambda look: look.subject.image == "sample:china",
    ):
        window.studio.images.choose("sample:china")
    draw(qtbot, window, "per channel", "viridis", "difference", "")
    mine = save(qtbot, window, tmp_path / "window.png", "All channels as a picture (PNG)", "as it is")
    theirs = headless("--sort", "difference", "--reference", "sample:flower")
    np.testing.assert_array_equal(pixels(mine), pixels(theirs))
    assert stamp(mine) == stamp(theirs)
    assert "flower" in json.dumps(stamp(mine))


def test_a_file_that_cannot_be_written_is_said(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    sheet = window.findChild(MapsView).sheet()
    assert sheet is not None
    with qtbot.waitSignal(window.activations.export.refused, timeout=PATIENCE) as refused:
        window.activations.export.write(tmp_path / "none" / "a.png", sheet)
    assert refused.args == ["a.png could not be written: there is no such file or folder. Check the path."]
    assert window.banner.text == refused.args[0]


def test_without_maps_nothing_is_saved(qtbot: QtBot) -> None:
    view = MapsView()
    qtbot.addWidget(view)
    assert view.sheet() is None
