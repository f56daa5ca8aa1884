"""The Figure workspace in its window, driven with mouse and keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QPushButton, QToolButton, QTreeView
from pytestqt.qtbot import QtBot

from fake_engine import FakeEngine
from figure_window import FigureWindow
from resnet_studio.analysis.measurement import Measurement, Timing, cpu_name, library_versions
from resnet_studio.figures.palette import DARK, LIGHT, PRINT
from resnet_studio.gui.common.search_field import SearchField
from resnet_studio.gui.figure.network_tabs import NetworkTabs
from resnet_studio.networks.presets import preset
from workspace_numbers import ACTIVATIONS, FIGURE, LAYERS

Open = Callable[..., FigureWindow]
LEFT, CONTROL, ALT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
MAIN_PATH = 33 + 2
"""Boxes of ResNet-34's main path with weights or an average: 33 convolutions, average pool and fc; and a max pool."""


VGG_LARGEST = 25_088 * 4096 + 4096
"""Parameters of VGG-19's first linear layer."""


def test_the_first_picture_is_that_of_the_article(open_figure: Open) -> None:
    figure = open_figure()
    assert figure.headings() == ["VGG-19", "34-layer plain", "34-layer residual"]
    assert [len(figure.boxes(column)) for column in range(3)] == [16 + 5 + 3, MAIN_PATH + 1, MAIN_PATH + 1]
    arcs = list(figure.canvas.index.drawing.arcs)
    assert len(arcs) == 3 + 4 + 6 + 3
    assert sum(arc.dotted for arc in arcs) == 3


def test_hover_shows_the_row_of_the_layer_table(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    assert "Point at a layer" in figure.text("figureInfoHint")
    viewport = figure.canvas.viewport()
    QTest.mouseMove(viewport, figure.place(figure.box(2, "layer2.0.conv1")))
    qtbot.waitUntil(lambda: figure.text("figureInfoName") == "layer2.0.conv1")
    assert figure.text("figureInfoDetail") == "3×3, 128, /2 · resnet34"
    assert figure.text("figureInfoOutput1") == "128×28×28"
    assert figure.text("figureInfoParameters1") == f"{9 * 64 * 128:,}"
    assert figure.text("figureInfoFlops1") == f"{9 * 64 * 128 * 28 * 28 / 1e6:.1f} M"
    assert figure.text("figureInfoShare1") == f"{100 * 9 * 64 * 128 * 28 * 28 / 3_663_761_408:.2f} %"
    # 7 + 2 · (3 − 1) for the pool, 6 times 4 · (3 − 1) in conv2_x, and 4 · (3 − 1)
    assert figure.text("figureInfoField1") == "67×67"
    assert figure.text("figureInfoTime1") == "–"
    before = figure.canvas.geometry()
    QTest.mouseMove(viewport, QPoint(2, 2))
    qtbot.waitUntil(lambda: figure.text("figureInfoName") != "layer2.0.conv1")
    assert figure.canvas.geometry() == before


def test_flops_follow_the_unit_of_the_window(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.click(figure.box(2, "layer1.0.conv1"))
    assert figure.text("figureInfoFlops1") == "116 M"
    figure.session.set_flop_unit("operations")
    assert figure.text("figureInfoFlops1") == "231 M"


def test_a_click_selects_the_layer_in_every_workspace(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.click(figure.box(2, "layer2.1.conv2"))
    assert figure.selected() == ["layer2.1.conv2"]
    assert figure.session.state.layer == "layer2.1.conv2"
    figure.window.workspaces.setCurrentIndex(LAYERS)
    tree: QTreeView = figure.find(QTreeView, "layerTable")
    assert tree.currentIndex().data() == "conv2"
    assert tree.currentIndex().parent().data() == "layer2.1"
    tree.setCurrentIndex(tree.model().find_layer("layer3.0.conv1"))
    assert figure.session.state.layer == "layer3.0.conv1"
    figure.window.workspaces.setCurrentIndex(FIGURE)
    assert figure.selected() == ["layer3.0.conv1"]


def test_skip_connections_have_a_row_and_are_selected(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(architecture=preset("resnet34"), figure_networks=[None])
    identity, projection = (
        next(arc for arc in figure.canvas.index.drawing.arcs if arc.block == block)
        for block in ("layer1.1", "layer2.0")
    )
    figure.canvas.reveal(figure.canvas.index.drawing.items.index(projection))
    qtbot.mouseClick(figure.canvas.viewport(), LEFT, pos=figure.canvas.mapFromScene(*projection.points[6]))
    assert figure.session.state.layer == "layer2.0.downsample.0"
    assert figure.text("figureInfoDetail") == "1×1, 128, /2"
    assert figure.text("figureInfoParameters1") == f"{64 * 128:,}"
    QTest.mouseMove(figure.canvas.viewport(), figure.canvas.mapFromScene(*identity.points[6]))
    qtbot.waitUntil(lambda: figure.text("figureInfoName") == "layer1.1")
    assert figure.text("figureInfoDetail") == "identity shortcut"
    assert figure.text("figureInfoParameters1") == f"{2 * (9 * 64 * 64 + 2 * 64):,}"


def test_a_layer_that_is_selected_elsewhere_is_marked(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.window.workspaces.setCurrentIndex(ACTIVATIONS)
    figure.app.activations.set_layer("layer4.2")
    figure.window.workspaces.setCurrentIndex(FIGURE)
    assert figure.selected() == ["layer4.2.conv1", "layer4.2.conv2"]


def test_another_network_is_pointed_at_and_used(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()  # ResNet-50
    layer = figure.session.state.layer
    figure.click(figure.box(0, "features.0"))
    assert figure.selected() == ["features.0"]
    assert figure.text("figureInfoParameters1") == f"{9 * 3 * 64 + 64:,}"
    assert (figure.session.architecture, figure.session.state.layer) == (preset("resnet50"), layer)
    place = figure.place(figure.box(1, "layer2.0.conv1"))
    qtbot.mouseDClick(figure.canvas.viewport(), LEFT, pos=place)
    assert figure.session.architecture == preset("plain34")
    assert figure.session.state.layer == "layer2.0.conv1"
    assert figure.selected() == ["layer2.0.conv1"]


def test_arrow_keys_walk_through_the_layers(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.click(figure.box(2, "layer1.0.conv1"))
    for key, layer in (
        (Qt.Key.Key_Down, "layer1.0.conv2"), (Qt.Key.Key_Down, "layer1.1.conv1"), (Qt.Key.Key_Up, "layer1.0.conv2"),
        (Qt.Key.Key_End, "fc"), (Qt.Key.Key_Down, "fc"), (Qt.Key.Key_Home, "conv1"), (Qt.Key.Key_Up, "conv1"),
    ):  # fmt: skip
        qtbot.keyClick(figure.canvas, key)
        assert figure.session.state.layer == layer
        box = figure.canvas.mapFromScene(*figure.box(2, layer).rect.center)
        assert figure.canvas.viewport().rect().contains(box)
    qtbot.keyClick(figure.canvas, Qt.Key.Key_Left)  # the first layer of the plain network, at the same height
    assert figure.canvas.index.box(figure.canvas._marks.selected[0]).column == 1
    assert figure.session.state.layer == "conv1"


def test_search_counts_steps_and_clears(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    qtbot.keyClick(figure.window, Qt.Key.Key_F, CONTROL)
    search: SearchField = figure.find(SearchField, "figureSearch")
    assert search.hasFocus()
    qtbot.keyClicks(search, "conv, 512")
    assert search.accessibleDescription() == "1 of 20"
    for step in range(2, 9):
        qtbot.keyClick(search, Qt.Key.Key_Return)
        assert search.accessibleDescription() == f"{step} of 20"
    assert figure.selected() == [figure.boxes(0)[-5].layer]  # VGG-19's last, before a pool and three linear layers
    qtbot.keyClick(search, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert search.accessibleDescription() == "7 of 20"
    qtbot.keyClicks(search, "7")
    assert search.accessibleDescription() == "no match"
    assert not figure.canvas._marks.matches
    qtbot.keyClick(search, Qt.Key.Key_Escape)
    assert (search.text(), search.accessibleDescription()) == ("", "")


def test_fit_zoom_and_pan(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    canvas, viewport = figure.canvas, figure.canvas.viewport()
    assert canvas.zoom == pytest.approx(1)  # the whole is too small to read
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_0)
    area = canvas.mapFromScene(canvas.sceneRect()).boundingRect()
    assert canvas.maximumViewportSize().height() - 4 <= area.height() <= canvas.maximumViewportSize().height() + 2
    qtbot.keyClick(canvas, Qt.Key.Key_1)
    assert canvas.zoom == pytest.approx(1)
    fixed = QPoint(300, 200)
    under = canvas.mapToScene(fixed)
    wheel = QWheelEvent(
        QPointF(fixed), QPointF(viewport.mapToGlobal(fixed)), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        CONTROL, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewport, wheel)
    assert canvas.zoom > 1.1
    qtbot.mouseClick(figure.find(QToolButton, "zoomIn"), LEFT)
    qtbot.mouseClick(figure.find(QToolButton, "zoomIn"), LEFT)
    assert canvas.zoom > 1.7
    before, layer = canvas.mapToScene(fixed), figure.session.state.layer
    qtbot.mousePress(viewport, LEFT, pos=fixed)
    QTest.mouseMove(viewport, fixed - QPoint(0, 40))
    QTest.mouseMove(viewport, fixed - QPoint(0, 90))
    qtbot.mouseRelease(viewport, LEFT, pos=fixed - QPoint(0, 90))
    moved = canvas.mapToScene(fixed - QPoint(0, 90)) - before
    assert abs(moved.y()) < 2
    assert figure.session.state.layer == layer  # a drag selects nothing
    qtbot.mouseClick(figure.find(QToolButton, "zoomFull"), LEFT)
    assert figure.find(QToolButton, "zoomFull").text() == "100 %"
    assert under is not None


def test_the_point_under_the_mouse_stays_while_zooming(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    canvas = figure.canvas
    canvas.set_zoom(2.0)
    place = figure.place(figure.box(1, "layer2.1.conv1"))
    before = canvas.mapToScene(place)
    canvas.zoom_by(1.5, place)
    after = canvas.mapToScene(place)
    assert abs(after.x() - before.x()) + abs(after.y() - before.y()) < 1.5


def test_repeated_blocks_fold_by_themselves_where_there_are_many(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet50"), figure_networks=[None])
    assert not any(figure.canvas.index.drawing.folded)
    figure.session.set_architecture(preset("resnet152"))
    assert "×35" in {label.text for label in figure.canvas.index.drawing.labels()}
    folded = len(figure.boxes(0))
    figure.select("figureRepeated", "all")
    assert len(figure.boxes(0)) == 3 * 50 + 2 + 2 > folded  # its convolutions, conv1 and max pool, average pool and fc
    figure.session.set_architecture(preset("resnet18"))
    figure.select("figureRepeated", "folded")
    assert "×2" in {label.text for label in figure.canvas.index.drawing.labels()}


def test_forms(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.choose("figureForm", "horizontal")
    assert figure.session.state.figure_form == "horizontal"
    assert not figure.canvas.index.vertical or figure.canvas.index.drawing.width > 300
    figure.choose("figureForm", "block")
    assert figure.headings() == ["34-layer plain", "34-layer residual"]  # VGG-19 has no blocks
    assert [box.lines[0] for box in figure.boxes(1)][:2] == ["3×3 conv, 64", "batch norm"]
    assert not figure.find(QComboBox, "figureColor").isEnabled()
    figure.select("figureBlock", "layer3.0")
    assert "3×3 conv, 256, /2" in {line for box in figure.boxes(1) for line in box.lines}
    figure.choose("figureForm", "columns")
    assert figure.find(QComboBox, "figureColor").isEnabled()


def test_the_block_follows_the_selected_layer(open_figure: Open) -> None:
    figure = open_figure(architecture=preset("resnet34"), figure_networks=[None], figure_form="block")
    figure.app.activations.set_layer("layer4.0.conv2")
    assert figure.selected() == ["layer4.0.conv2"]
    figure.click(figure.box(0, "layer4.0.bn1"))
    assert figure.session.state.layer == "layer4.0.bn1"


def test_a_network_without_blocks_says_so(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(figure_networks=[preset("vgg19"), preset("resnet34")], figure_form="block")
    assert figure.headings() == ["34-layer residual"]
    tabs: NetworkTabs = figure.find(NetworkTabs, "figureNetworks")
    qtbot.mouseClick(tabs, LEFT, pos=tabs.tabRect(0).center())
    empty = figure.text("figureEmpty")
    assert "block" in empty
    assert figure.view._empty.isVisible()
    qtbot.mouseClick(tabs, LEFT, pos=tabs.tabRect(1).center())
    assert not figure.view._empty.isVisible()


@pytest.mark.parametrize("color", ["flops", "parameters", "receptive-field"])
def test_colors_by_a_number(open_figure: Open, color: str) -> None:
    figure = open_figure(architecture=preset("resnet34"))
    figure.select("figureColor", color)
    fills = {box.layer: box.fill for box in figure.boxes(2)}
    assert all(isinstance(fill, float) for fill in fills.values() if fill is not None)
    if color == "parameters":
        assert fills["layer4.2.conv2"] == pytest.approx((9 * 512 * 512 + 2 * 512) / VGG_LARGEST)
    texts = {label.text for label in figure.canvas.index.drawing.labels()}
    assert texts & {"FLOPs (MAC)", "Parameters", "Receptive field (pixels)"}


def test_colors_by_measured_time_are_measured_when_asked(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure(figure_networks=[preset("plain34"), None], architecture=preset("resnet34"))
    figure.select("figureColor", "time")
    engine = cast("FakeEngine", figure.app.engine)
    assert figure.text("figureNoteText") == "Not measured on this device yet: plain34, resnet34"
    assert figure.boxes(1)[0].fill == "conv1"  # by stage, as long as there are no times
    assert "measure" not in engine.pending
    qtbot.mouseClick(figure.find(QPushButton, "figureNoteAction"), LEFT)
    (specs,) = engine.pending["measure"][1:]
    assert [spec.architecture for spec in specs] == [preset("plain34"), preset("resnet34")]
    assert figure.text("figureNoteText") == "Measuring…"
    for spec, conv1 in zip(specs, (0.004, 0.002), strict=True):
        whole = Timing(0.02, 0.01, 0.03, 9)
        times = {"conv1": conv1, "layer1.0.conv1": 0.001}
        engine.part("measure", Measurement(spec, whole, times, cpu_name(), 2, library_versions(), 1.0))
    engine.answer("measure", None)
    assert not figure.view.note.isVisible()
    assert [figure.box(column, "conv1").fill for column in range(2)] == [1.0, 0.5]
    assert figure.box(1, "layer1.0.conv1").fill == 0.25
    assert figure.box(1, "layer4.0.conv1").fill is None  # it was not timed
    figure.click(figure.box(1, "layer1.0.conv1"))
    assert figure.text("figureInfoTime1") == "1.00 ms"


def test_colors_of_paper_and_of_the_window(open_figure: Open) -> None:
    figure = open_figure()
    assert figure.view.palette_of_figure() in (LIGHT, DARK)
    figure.choose("figurePalette", "print")
    assert figure.view.palette_of_figure() is PRINT
    assert figure.session.state.figure_palette == "print"


def test_networks_are_added_removed_and_moved(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    search: QComboBox = figure.find(QComboBox, "figureAdd")
    line = search.lineEdit()
    line.setFocus()
    qtbot.keyClicks(line, "resnet-101")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    line.completer().popup().hide()
    assert figure.session.state.figure_networks[-1] == preset("resnet101")
    qtbot.mouseClick(figure.find(QPushButton, "figureAddCurrent"), LEFT)
    assert figure.session.state.figure_networks[-1] is None
    assert not figure.find(QPushButton, "figureAddCurrent").isEnabled()
    tabs: NetworkTabs = figure.find(NetworkTabs, "figureNetworks")
    assert tabs.tabText(4) == "resnet50 (current)"
    tabs.setFocus()
    qtbot.keyClick(tabs, Qt.Key.Key_Left, ALT)
    assert figure.session.state.figure_networks[3:] == [None, preset("resnet101")]
    qtbot.keyClick(tabs, Qt.Key.Key_Delete)
    assert None not in figure.session.state.figure_networks
    qtbot.mouseClick(tabs.tabButton(0, NetworkTabs.ButtonPosition.RightSide), LEFT)
    assert figure.session.state.figure_networks[0] == preset("plain34")
    qtbot.mouseDClick(tabs, LEFT, pos=tabs.tabRect(0).center())
    assert figure.session.architecture == preset("plain34")
    qtbot.mouseClick(figure.find(QPushButton, "figureArticle"), LEFT)
    assert figure.headings() == ["VGG-19", "34-layer plain", "34-layer residual"]


def test_tabs_are_dragged(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    tabs: NetworkTabs = figure.find(NetworkTabs, "figureNetworks")
    start, end = tabs.tabRect(0).center(), tabs.tabRect(2).center() + QPoint(20, 0)
    qtbot.mousePress(tabs, LEFT, pos=start)
    for share in range(1, 11):
        place = QPointF(start + (end - start) * (share / 10))
        move = QMouseEvent(
            QMouseEvent.Type.MouseMove, place, tabs.mapToGlobal(place), LEFT, LEFT, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(tabs, move)
    qtbot.mouseRelease(tabs, LEFT, pos=end)
    assert figure.session.state.figure_networks == [preset("plain34"), preset("resnet34"), preset("vgg19")]
    assert figure.headings() == ["34-layer plain", "34-layer residual", "VGG-19"]


def test_the_last_network_and_the_ninth_are_refused(open_figure: Open, qtbot: QtBot) -> None:
    names = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34", "vgg19")
    figure = open_figure(figure_networks=[preset(name) for name in names])
    qtbot.mouseClick(figure.find(QPushButton, "figureAddCurrent"), LEFT)
    assert figure.text("figureNoteText") == "A figure has up to 8 networks: remove one first"
    assert len(figure.session.state.figure_networks) == 8
    figure.workspace.controller.show_networks([None])
    tabs: NetworkTabs = figure.find(NetworkTabs, "figureNetworks")
    tabs.setFocus()
    qtbot.keyClick(tabs, Qt.Key.Key_Delete)
    assert figure.session.state.figure_networks == [None]
    assert not tabs.tabButton(0, NetworkTabs.ButtonPosition.RightSide).isEnabled()


def test_the_current_network_follows_edits_and_keeps_the_zoom(open_figure: Open) -> None:
    figure = open_figure(figure_networks=[preset("plain34"), None])
    figure.canvas.set_zoom(1.7)
    figure.session.set_architecture(preset("resnet101"))
    assert figure.headings()[1] == "101-layer residual"
    assert figure.canvas.zoom == pytest.approx(1.7)
    figure.session.set_architecture(replace(preset("resnet101"), width=32))
    assert "1×1 conv, 32" in {line for box in figure.boxes(1) for line in box.lines}
    figure.session.undo()
    assert figure.headings()[1] == "101-layer residual"


def test_an_edit_of_a_network_that_is_not_shown_offers_it(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    assert not figure.view.note.isVisible()
    figure.session.set_architecture(preset("resnet101"))
    assert figure.text("figureNoteText") == "resnet101, the current network, is not in the figure"
    qtbot.mouseClick(figure.find(QPushButton, "figureNoteAction"), LEFT)
    assert figure.session.state.figure_networks[-1] is None
    assert not figure.view.note.isVisible()


def test_nothing_is_drawn_while_another_workspace_is_open(open_figure: Open) -> None:
    figure = open_figure(figure_networks=[None])
    figure.window.workspaces.setCurrentIndex(LAYERS)
    figure.session.set_architecture(preset("resnet18"))
    assert figure.headings() == ["50-layer residual"]
    figure.window.workspaces.setCurrentIndex(FIGURE)
    assert figure.headings() == ["18-layer residual"]


def save(figure: FigureWindow, qtbot: QtBot, title: str, path: Path) -> None:
    """Choose an entry of the Export menu, and a file in its dialog."""
    button: QToolButton = figure.find(QToolButton, "figureExport")
    next(action for action in button.menu().actions() if title in action.text()).trigger()
    dialog: QFileDialog = figure.find(QFileDialog, "exportDialog")
    assert dialog.selectedFiles()[0].endswith(f"vgg19-plain34-resnet34{path.suffix}")
    dialog.fileSelected.emit(str(path))
    dialog.close()
    qtbot.waitUntil(lambda: figure.window.findChild(QFileDialog, "exportDialog") is None)
    assert button.isEnabled()


def test_export_in_four_formats_with_a_stamp(open_figure: Open, qtbot: QtBot, tmp_path: Path) -> None:
    figure = open_figure()
    news: list[str] = []
    figure.app.news.connect(news.append)
    for title, name in (("SVG", "f.svg"), ("PDF", "f.pdf"), ("PNG", "f.png"), ("TikZ", "f.tex")):
        save(figure, qtbot, title, tmp_path / name)
        assert news[-1] == f"Saved {name} in {tmp_path}."
    root = ElementTree.fromstring((tmp_path / "f.svg").read_text())
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert sum("3×3 conv, 512" in text for text in texts) == 8 + 6 + 6
    image = Image.open(tmp_path / "f.png")
    stamp = json.loads(image.text["resnet-studio"])  # type: ignore[attr-defined]
    assert [one["title"] for one in stamp["architectures"]] == ["vgg19", "plain34", "resnet34"]
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")
    assert "tikzpicture" in (tmp_path / "f.tex").read_text()


def test_an_export_that_fails_says_why(open_figure: Open, qtbot: QtBot, tmp_path: Path) -> None:
    figure = open_figure()
    errors: list[str] = []
    figure.app.errorOccurred.connect(lambda text, *_: errors.append(text))
    save(figure, qtbot, "SVG", tmp_path / "missing" / "f.svg")
    assert errors == ["f.svg could not be exported: file or directory not found. Check the path."]


def test_copy_as_image_and_as_command_line(open_figure: Open, qtbot: QtBot) -> None:
    figure = open_figure()
    button: QToolButton = figure.find(QToolButton, "figureExport")
    next(action for action in button.menu().actions() if "Copy" in action.text()).trigger()
    assert button.text() == "Copied"
    image, drawing = QGuiApplication.clipboard().image(), figure.canvas.index.drawing
    assert image.height() / image.width() == pytest.approx(drawing.height / drawing.width, rel=0.01)
    figure.select("figureColor", "flops")
    figure.select("figureRepeated", "folded")
    qtbot.keyClick(figure.window, Qt.Key.Key_C, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert QGuiApplication.clipboard().text() == (
        "resnet-studio figure vgg19 plain34 resnet34 --fold --color-by flops --output vgg19-plain34-resnet34.svg"
    )


def test_a_restart_shows_the_same_figure(open_figure: Open) -> None:
    figure = open_figure()
    figure.choose("figureForm", "horizontal")
    figure.choose("figurePalette", "print")
    figure.select("figureColor", "parameters")
    figure.select("figureRepeated", "folded")
    figure.workspace.controller.add(None)
    state = figure.window.session_state()
    again = open_figure(
        **{name: getattr(state, name) for name in (
            "figure_networks", "figure_form", "figure_repeated", "figure_color", "figure_palette"
        )}
    )  # fmt: skip
    assert again.canvas.index.drawing.items == figure.canvas.index.drawing.items
    assert again.view.palette_of_figure() is PRINT
    assert again.view.tools.form.value() == "horizontal"
    assert again.view.tools.color.value() == "parameters"
