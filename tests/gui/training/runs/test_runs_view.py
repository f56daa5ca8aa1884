"""The Runs tab, with mouse and keys: selecting, checking, renaming, deleting, zooming, exporting."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMenu, QPushButton, QSlider, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from failing_disk import failing
from resnet_studio.export.provenance import made_with
from resnet_studio.gui import theme
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.plots.curve_plot import CurvePlot
from resnet_studio.gui.training.run_commands import RunCommands
from resnet_studio.gui.training.run_monitor import RunMonitor
from resnet_studio.gui.training.runs.controller import connect_runs
from resnet_studio.gui.training.runs.model import RunColumn
from resnet_studio.gui.training.runs.table import RunTable
from resnet_studio.gui.training.runs.view import EMPTY, RunsView
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Saved
from written_runs import WrittenRun, finished_run


class Page:
    """The Runs tab connected to a monitor of a folder, with actions of a user."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.view = RunsView()
        qtbot.addWidget(self.view)
        self.monitor = RunMonitor()
        connect_runs(self.view, self.monitor, RunCommands(self.monitor))
        self.view.resize(1152, 800)
        self.view.show()
        self.table = self.find(RunTable, "runTable")
        self.loss, self.error = self.find(CurvePlot, "lossPlot"), self.find(CurvePlot, "errorPlot")

    def open(self, *names: str) -> None:
        """Follow the folder until these runs are read and drawn."""
        self.monitor.set_folder(self.folder)
        self.qtbot.waitUntil(lambda: {run.folder.name for run in self.monitor.runs()} == set(names))
        self.qtbot.waitUntil(lambda: all(run.loaded for run in self.monitor.runs()))
        self.settle()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: self.view.panel.up_to_date)

    def find(self, kind: type, name: str):
        found = self.view.findChild(kind, name)
        assert found is not None, name
        return found

    def names(self) -> list[str]:
        model = self.table.model()
        return [model.index(row, RunColumn.NAME).data() for row in range(model.rowCount())]

    def place(self, name: str, column: RunColumn = RunColumn.ARCHITECTURE) -> QPoint:
        index = self.table.model().index(self.names().index(name), column)
        return self.table.visualRect(index).center()

    def click(self, name: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.qtbot.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, modifier, self.place(name))

    def tick(self, name: str) -> None:
        """Click on a run's check box."""
        cell = self.table.visualRect(self.table.model().index(self.names().index(name), RunColumn.NAME))
        place = QPoint(cell.left() + 16, cell.center().y())
        self.qtbot.mouseClick(self.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        self.settle()

    def press(self, name: str) -> None:
        button = self.find(QToolButton, name)
        assert button.isEnabled(), name
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def choose(self, segmented: str, value: str) -> None:
        button = self.find(SegmentedControl, segmented).button(value)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle()

    def drag(self, plot: CurvePlot, first: QPoint, last: QPoint) -> None:
        """Drag a rectangle over a plot."""
        port = plot.viewport()
        left = Qt.MouseButton.LeftButton
        self.qtbot.mousePress(port, left, pos=first)
        for step in range(1, 5):
            place = QPointF(first + (last - first) * step / 4)
            event = QMouseEvent(
                QEvent.Type.MouseMove, place, port.mapToGlobal(place), left, left, Qt.KeyboardModifier.NoModifier
            )
            QApplication.sendEvent(port, event)
        self.qtbot.mouseRelease(port, left, pos=last)
        self.settle()

    def hover(self, plot: CurvePlot, x: float) -> None:
        """Move the mouse over a plot to x."""
        (_, _), (low, high) = plot.box.viewRange()
        place = plot.mapFromScene(plot.box.mapViewToScene(QPointF(x, (low + high) / 2)))
        self.qtbot.mouseMove(plot.viewport(), place)
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), plot.viewport().mapToGlobal(QPointF(place)),
            Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(plot.viewport(), event)

    def legend(self) -> list[tuple[str, str, str]]:
        model = self.find(QWidget, "runLegend").model()
        return [tuple(model.index(row, column).data() for column in range(3)) for row in range(model.rowCount())]


@pytest.fixture
def page(qtbot: QtBot, tmp_path: Path) -> Iterator[Page]:
    theme.apply(QApplication.instance(), "light")
    made = Page(qtbot, tmp_path / "runs")
    yield made
    made.monitor.stop()


@pytest.fixture
def three(page: Page) -> Page:
    """Three finished runs: a residual network, its plain counterpart, and a deeper one that is worse."""
    for age, (name, architecture, scale) in enumerate(
        [("residual", "resnet20-cifar", 1.0), ("plain", "plain20-cifar", 1.5), ("deep", "resnet32-cifar", 2.0)]
    ):
        finished_run(page.folder / name, architecture, scale, created=1e9 + age)
    page.open("residual", "plain", "deep")
    return page


def colors(plot: CurvePlot) -> set[str]:
    """The colors in a plot, without blended edges."""
    image = plot.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1) & 0xFFFFFF
    values, counts = np.unique(pixels, return_counts=True)
    return {f"#{value:06x}" for value, count in zip(values, counts, strict=True) if count >= 4}


def test_an_empty_folder_shows_a_hint(page: Page) -> None:
    assert page.find(QLabel, "runsEmpty").isVisible()
    assert page.find(QLabel, "runsEmpty").text() == EMPTY
    finished_run(page.folder / "first")
    page.open("first")
    assert not page.find(QLabel, "runsEmpty").isVisible()
    assert page.table.isVisible()


def test_every_run_is_drawn_in_its_color_and_unchecking_hides_it(three: Page) -> None:
    assert three.names() == ["deep", "plain", "residual"]
    blue, vermillion, green = "#0072b2", "#d55e00", "#009e73"
    assert {blue, vermillion, green} <= colors(three.loss)
    assert not [menu for menu in three.view.findChildren(QMenu) if menu.isVisible()]
    three.tick("plain")
    assert {blue, green} <= colors(three.error)
    assert vermillion not in colors(three.loss)
    assert [row[0] for row in three.legend()] == ["residual", "deep"]
    three.tick("plain")
    assert vermillion in colors(three.loss)


def test_space_hides_all_selected_runs(three: Page) -> None:
    three.click("deep")
    three.click("plain", Qt.KeyboardModifier.ControlModifier)
    three.qtbot.keyClick(three.table, Qt.Key.Key_Space)
    three.settle()
    assert [row[0] for row in three.legend()] == ["residual"]
    three.qtbot.keyClick(three.table, Qt.Key.Key_Space)
    assert len(three.legend()) == 3


def test_a_double_click_renames_in_place(three: Page) -> None:
    place = three.place("plain", RunColumn.NAME)
    three.qtbot.mouseClick(three.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    three.qtbot.mouseDClick(three.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    rename(three, "no shortcuts")
    three.qtbot.waitUntil(lambda: "no shortcuts" in three.names())
    assert [row[0] for row in three.legend()] == ["residual", "no shortcuts", "deep"]


def test_f2_and_the_button_rename_too(three: Page) -> None:
    three.click("deep")
    three.qtbot.keyClick(three.table, Qt.Key.Key_F2)
    rename(three, "deeper")
    three.qtbot.waitUntil(lambda: "deeper" in three.names())
    three.press("renameRun")
    rename(three, "")
    three.qtbot.waitUntil(lambda: "deep" in three.names())


def rename(page: Page, name: str) -> None:
    """Type into the open editor."""
    editor = page.table.viewport().findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    page.qtbot.keyClick(editor, Qt.Key.Key_Delete)
    page.qtbot.keyClicks(editor, name)
    page.qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_a_click_on_a_heading_sorts(three: Page) -> None:
    header = three.table.horizontalHeader()
    place = QPoint(header.sectionViewportPosition(RunColumn.BEST) + 20, header.height() // 2)
    three.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert three.names() == ["residual", "plain", "deep"]
    three.qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert three.names() == ["deep", "plain", "residual"]


def test_typed_words_filter_the_runs(three: Page) -> None:
    three.view.start_search()
    three.qtbot.keyClicks(three.find(QLineEdit, "runFilter"), "finished plain")
    assert three.names() == ["plain"]


def test_deleting_and_undoing(three: Page) -> None:
    three.click("deep")
    three.click("residual", Qt.KeyboardModifier.ShiftModifier)
    three.qtbot.keyClick(three.table, Qt.Key.Key_Delete)
    assert three.find(QLabel, "runsEmpty").isVisible()
    assert not any(three.folder.iterdir())


def test_undo_restores_a_deleted_run_with_its_color(three: Page) -> None:
    three.click("plain")
    three.press("deleteRun")
    assert three.names() == ["deep", "residual"]
    assert three.find(QLabel, "newsText").text() == "plain is in the trash."
    three.qtbot.mouseClick(three.find(QPushButton, "newsUndo"), Qt.MouseButton.LeftButton)
    three.qtbot.waitUntil(lambda: three.names() == ["deep", "plain", "residual"])
    three.qtbot.waitUntil(lambda: "#d55e00" in colors(three.loss))


def test_a_live_run_has_stop_and_pause_and_is_not_deleted(page: Page) -> None:
    written = WrittenRun(page.folder / "live").create().begin().train(33)
    page.open("live")
    page.click("live")
    assert page.find(QLabel, "runProgress").text() == "live\nstep 33 of 110, 0:03 elapsed, 0:08 left"
    page.press("deleteRun")
    assert "stop it before deleting" in page.find(QLabel, "newsText").text()
    page.press("pauseRun")
    assert (written.folder / run_folder.PAUSE).exists()
    written.pause()
    page.qtbot.waitUntil(lambda: page.find(QToolButton, "continueRun").isVisible())
    page.press("continueRun")
    assert not (written.folder / run_folder.PAUSE).exists()
    page.press("stopRun")
    assert (written.folder / run_folder.STOP).exists()


def test_a_run_that_was_stopped_can_be_resumed(page: Page) -> None:
    WrittenRun(page.folder / "half").create().begin().train(55).end("stopped")
    page.open("half")
    page.click("half")
    assert not page.find(QToolButton, "stopRun").isVisible()
    with page.qtbot.waitSignal(page.view.resumeRequested) as signal:
        page.press("resumeRun")
    assert signal.args == [(page.folder / "half",)]


def test_the_menu_acts_on_the_selected_runs(three: Page) -> None:
    three.click("deep")
    three.table.customContextMenuRequested.emit(three.place("deep"))
    menu = three.table.menu
    assert menu.isVisible()
    words = [action.text() for action in menu.actions() if action.text() and action.isVisible()]
    assert words == [
        "Rename", "Color", "Show", "Hide", "Show only these", "Show all runs", "Stop", "Pause", "Continue", "Resume",
        "Open folder", "Delete",
    ]  # fmt: skip
    for word, drawn in (("Show only these", ["deep"]), ("Show all runs", ["residual", "plain", "deep"])):
        next(action for action in menu.actions() if action.text() == word).trigger()
        assert [row[0] for row in three.legend()] == drawn
    menu.close()


def test_a_color_of_the_palette(three: Page) -> None:
    three.click("deep")
    palette = three.find(QMenu, "runColours")
    palette.aboutToShow.emit()
    next(action for action in palette.actions() if action.text() == "purple").trigger()
    three.qtbot.waitUntil(lambda: "#cc79a7" in colors(three.loss))


def test_a_rectangle_zooms_both_plots_and_a_double_click_shows_all(three: Page) -> None:
    everything, height = three.loss.x_range(), three.loss.y_range()
    assert everything == (0, 110)
    three.drag(three.loss, QPoint(120, 100), QPoint(240, 180))
    low, high = three.loss.x_range()
    assert 0 < low < high < 110
    for plot in (three.error, three.find(CurvePlot, "ratePlot"), three.find(CurvePlot, "speedPlot")):
        assert plot.x_range() == pytest.approx((low, high))
    assert three.loss.y_range() != height
    port = three.error.viewport()
    for act in (three.qtbot.mouseClick, three.qtbot.mouseDClick, three.qtbot.mouseRelease):
        act(port, Qt.MouseButton.LeftButton, pos=port.rect().center())
    three.settle()
    assert (three.loss.x_range(), three.loss.y_range()) == (everything, height)


def test_a_zoomed_plot_stays_while_the_run_grows(page: Page) -> None:
    written = WrittenRun(page.folder / "live").create().begin().train(33)
    page.open("live")
    page.loss.setFocus()
    page.qtbot.keyClick(page.loss, Qt.Key.Key_Plus)
    page.settle()
    zoomed = page.loss.x_range()
    written.train(44)
    page.qtbot.waitUntil(lambda: page.monitor.runs()[0].curves.steps == 77)
    page.settle()
    assert page.loss.x_range() == zoomed
    page.qtbot.keyClick(page.loss, Qt.Key.Key_0)
    page.settle()
    assert page.loss.x_range() == (0, 77)


def test_the_wheel_and_the_arrows_move_the_view(three: Page) -> None:
    port = three.loss.viewport()
    center = QPointF(port.rect().center())
    QApplication.sendEvent(port, QWheelEvent(
        center, port.mapToGlobal(center), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    ))  # fmt: skip
    low, high = three.loss.x_range()
    assert 0 < high - low < 110
    three.qtbot.keyClick(three.loss, Qt.Key.Key_Right)
    assert three.loss.x_range() == pytest.approx((low + 0.1 * (high - low), high + 0.1 * (high - low)))
    three.qtbot.mouseClick(three.find(QPushButton, "showAll"), Qt.MouseButton.LeftButton)
    three.settle()
    assert three.loss.x_range() == (0, 110)


def test_the_crosshair_shows_every_runs_value(three: Page) -> None:
    three.hover(three.error, 22.5)
    assert three.find(QLabel, "legendHeading").text() == "error, % at step 22"
    model = three.find(QWidget, "runLegend").model()
    measured = [WrittenRun(three.folder / "x", scale=scale).error(22) * 120 for scale in (1.0, 1.5, 2.0)]
    assert [model.value(model.index(row, 2)) for row in range(3)] == pytest.approx(measured)
    QApplication.sendEvent(three.error.viewport(), QEvent(QEvent.Type.Leave))
    assert three.find(QLabel, "legendHeading").text() == "error, %, latest"


def test_axes_follow_the_choice(three: Page) -> None:
    three.choose("xAxis", "epoch")
    assert three.loss.x_range() == (0, 10)
    three.choose("xAxis", "seconds")
    assert three.loss.x_range() == pytest.approx((0, 11))
    three.choose("yAxis", "log")
    low, high = three.loss.y_range()
    every = [WrittenRun(three.folder / "x", scale=scale).loss(step) for scale in (1, 1.5, 2) for step in range(1, 111)]
    assert low < np.log10(min(every)) < np.log10(max(every)) < high < low + 3
    assert "#0072b2" in colors(three.loss)


def test_smoothing_keeps_the_raw_steps_visible(three: Page) -> None:
    slider = three.find(QSlider, "smoothing")
    slider.setFocus()
    noisy = three.legend()[0][1]
    three.qtbot.keyClick(slider, Qt.Key.Key_Home)
    three.settle()
    exact = three.legend()[0][1]
    assert exact != noisy
    assert exact == f"{WrittenRun(three.folder / 'x').loss(110):#.3g}"
    three.qtbot.keyClick(slider, Qt.Key.Key_End)
    three.settle()
    assert float(three.legend()[0][1]) > float(exact)


def test_a_failed_run_keeps_its_curve_and_is_marked(page: Page) -> None:
    WrittenRun(page.folder / "broken").create().begin().train(33).fail()
    page.open("broken")
    assert page.table.model().index(0, RunColumn.STATE).data() == "failed at 33 %"
    assert "#0072b2" in colors(page.loss)
    assert page.loss.y_range()[1] < 10
    model = page.find(QWidget, "runLegend").model()
    red = model.index(0, 0).data(Qt.ItemDataRole.ForegroundRole)
    assert red == QColor(theme.LIGHT.bad)


def test_a_click_in_the_legend_selects_the_run(three: Page) -> None:
    legend = three.find(QWidget, "runLegend")
    place = legend.visualRect(legend.model().index(1, 0)).center()
    with three.qtbot.waitSignal(three.view.runsSelected, check_params_cb=bool):
        three.qtbot.mouseClick(legend.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [run.name for run in three.table.selected_runs()] == ["plain"]


def test_exports_have_legend_labels_and_units(three: Page, tmp_path: Path) -> None:
    for ending in ("png", "svg"):
        three.view.panel.save(tmp_path / f"curves.{ending}")
        assert three.find(QLabel, "newsText").text() == f"Saved curves.{ending}."
    image = QImage(str(tmp_path / "curves.png"))
    assert image.width() > 2 * three.loss.width()
    texts = " ".join(Xml.parse(tmp_path / "curves.svg").getroot().itertext())
    for word in ("Loss", "Error (%)", "Learning rate", "Images per second", "step", "residual", "plain", "deep"):
        assert word in texts
    assert "made with resnet-studio" in texts
    drawing = (tmp_path / "curves.svg").read_text()
    assert {"#0072b2", "#d55e00", "#009e73"} <= {word.lower() for word in drawing.split('"')}
    assert "<image" not in drawing
    three.view.panel.save(tmp_path / "curves.csv")
    three.qtbot.waitUntil((tmp_path / "curves.csv").exists)
    with (tmp_path / "curves.csv").open(newline="", encoding="utf-8") as file:
        names = {row["run"] for row in csv.DictReader(file)}
    assert names == {"residual", "plain", "deep"}


def test_a_failed_export_is_reported(three: Page, tmp_path: Path) -> None:
    three.view.panel.save(tmp_path / "no" / "curves.png")
    assert "could not be written" in three.find(QLabel, "newsText").text()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_failed_export_leaves_the_previous_file(three: Page, tmp_path: Path, ending: str) -> None:
    picture = tmp_path / f"curves.{ending}"
    picture.write_bytes(b"of before")
    made_with()  # as by earlier exports, so that only what is written meets the failing disk
    with failing(3, lasting=True):
        three.view.panel.save(picture)
    assert "could not be written" in three.find(QLabel, "newsText").text()
    assert picture.read_bytes() == b"of before"


def test_both_themes_are_followed(three: Page) -> None:
    theme.apply(QApplication.instance(), "dark")
    three.settle()
    assert theme.DARK.window in colors(three.loss)
    assert theme.LIGHT.window not in colors(three.loss)


def test_fifty_runs_are_drawn_and_hidden_at_once(page: Page) -> None:
    names = [f"run-{number}" for number in range(50)]
    for number, name in enumerate(names):
        finished_run(page.folder / name, scale=1 + number / 25, created=1e9 + number)
    page.open(*names)
    assert len(page.legend()) == 50
    page.click("run-49")
    page.qtbot.keyClick(page.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(page.table.selected_runs()) == 50
    page.qtbot.keyClick(page.table, Qt.Key.Key_Space)
    assert page.legend() == []


def test_an_export_has_the_latest_settings(three: Page, tmp_path: Path) -> None:
    three.qtbot.mouseClick(three.find(SegmentedControl, "xAxis").button("epoch"), Qt.MouseButton.LeftButton)
    three.qtbot.mouseClick(three.find(SegmentedControl, "yAxis").button("log"), Qt.MouseButton.LeftButton)
    three.view.panel.save(tmp_path / "curves.svg")
    texts = [text.strip() for text in Xml.parse(tmp_path / "curves.svg").getroot().itertext()]
    assert "epoch" in texts
    assert "110" not in texts
    low, high = three.loss.y_range()
    assert high - low < 4


def test_a_run_that_grew_while_hidden_is_drawn_when_shown_again(page: Page) -> None:
    written = WrittenRun(page.folder / "live").create().begin().train(33)
    page.open("live")
    page.view.hide()
    written.train(44)
    page.qtbot.waitUntil(lambda: page.monitor.runs()[0].curves.steps == 77)
    assert page.view.panel.up_to_date
    assert page.loss.x_range() == (0, 33)
    page.view.show()
    page.settle()
    assert page.loss.x_range() == (0, 77)


def test_tab_goes_from_the_filter_over_the_buttons_to_the_table_and_the_plots(three: Page) -> None:
    three.click("deep")
    three.view.start_search()
    names: list[str] = []
    for _ in range(20):
        names.append(QApplication.focusWidget().objectName())
        three.qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    wanted = ["runFilter", "renameRun", "colourRun", "deleteRun", "runTable", "smoothing", "showAll", "exportCurves"]
    assert [name for name in names if name in wanted][: len(wanted)] == wanted
    assert {"lossPlot", "errorPlot"} <= set(names)


def test_a_stop_is_shown_at_once_and_stop_now_is_offered(page: Page) -> None:
    written = WrittenRun(page.folder / "live", seconds_per_step=40.0).create().begin().train(22)
    written.emit(Saved(0.0, 15, "step-0000015", best=False))
    page.open("live")
    page.click("live")
    stop, now = (page.find(QToolButton, name) for name in ("stopRun", "stopRunNow"))
    assert not now.isVisible()
    place = stop.rect().center()
    page.press("stopRun")
    assert re.fullmatch(r"Stopping… (39|40) s", stop.text())
    assert not stop.isEnabled()
    assert (page.folder / "live" / run_folder.STOP).exists()
    page.qtbot.mouseClick(stop, Qt.MouseButton.LeftButton, pos=place)
    assert not now.isVisible()  # so that a double-click on Stop cannot hit it
    page.qtbot.waitUntil(now.isVisible)
    assert now.text() == f"Stop now (loses {22 - 15} steps)"
    state = page.table.model().index(0, RunColumn.STATE)
    page.qtbot.waitUntil(lambda: re.fullmatch(r"stopping… 3\d s", state.data()) is not None)
    page.press("stopRunNow")
    assert (now.text(), now.isEnabled(), now.isVisible()) == ("Stopping now…", False, True)
    assert (page.folder / "live" / run_folder.STOP_NOW).exists()
    written.end("stopped")
    page.qtbot.waitUntil(page.find(QToolButton, "resumeRun").isVisible)
    assert not now.isVisible()
    assert stop.text() == "Stop"


def test_the_loss_of_stop_now_is_counted_from_the_latest_checkpoint(page: Page) -> None:
    never = WrittenRun(page.folder / "never", created=1.0).create().begin().train(1)
    just = WrittenRun(page.folder / "just").create().begin().train(11)
    just.emit(Saved(0.0, 11, "step-0000011", best=False))
    for written in (never, just):
        run_folder.make_request(written.folder, run_folder.STOP)  # by another window
    page.open("never", "just")
    now = page.find(QToolButton, "stopRunNow")
    for name, loss in (("never", "loses 1 step"), ("just", "loses this step")):
        page.click(name)
        page.qtbot.waitUntil(lambda loss=loss: now.isVisible() and now.text() == f"Stop now ({loss})")
    page.qtbot.keyClick(page.table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert now.text() == "Stop now (loses 1 step)"


def test_pausing_and_continuing_are_shown_at_once(page: Page) -> None:
    written = WrittenRun(page.folder / "live").create().begin().train(11)
    page.open("live")
    page.click("live")
    pause, continue_button = (page.find(QToolButton, name) for name in ("pauseRun", "continueRun"))
    page.press("pauseRun")
    assert (pause.text(), pause.isEnabled(), pause.isVisible()) == ("Pausing…", False, True)
    written.pause()
    page.qtbot.waitUntil(lambda: continue_button.isVisible() and continue_button.isEnabled())
    page.press("continueRun")
    assert (continue_button.text(), continue_button.isEnabled(), continue_button.isVisible()) == (
        "Continuing…",
        False,
        True,
    )
    written.train(1)
    page.qtbot.waitUntil(lambda: pause.isVisible() and pause.isEnabled())
    assert pause.text() == "Pause"


def test_a_second_click_on_delete_deletes_no_other_run(three: Page) -> None:
    three.click("plain")
    delete = three.find(QToolButton, "deleteRun")
    for _ in range(2):
        three.qtbot.mouseClick(delete, Qt.MouseButton.LeftButton)
    assert three.names() == ["deep", "residual"]
    assert three.table.selected_runs() == ()


def test_deleting_the_only_run_can_be_undone(page: Page) -> None:
    finished_run(page.folder / "only")
    page.open("only")
    page.click("only")
    page.press("deleteRun")
    page.qtbot.waitUntil(lambda: page.names() == [])
    undo = page.find(QPushButton, "newsUndo")
    assert undo.isVisible()
    page.qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    page.qtbot.waitUntil(lambda: page.names() == ["only"])


def test_another_message_keeps_the_undo_button(three: Page) -> None:
    three.click("plain")
    three.press("deleteRun")
    three.view.show_message("Saved curves.csv.")
    undo = three.find(QPushButton, "newsUndo")
    assert undo.isVisible()
    three.qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    three.qtbot.waitUntil(lambda: "plain" in three.names())
    assert not undo.isVisible()


def test_a_damaged_run_is_listed_and_can_be_deleted_but_not_resumed(page: Page) -> None:
    finished_run(page.folder / "good", created=2e9)
    bad = WrittenRun(page.folder / "bad").create().begin().train(11).end("stopped").folder
    (bad / run_folder.MANIFEST).write_text('{"name": "bad", "archi')
    page.open("good", "bad")
    page.click("bad")
    state = page.table.model().index(1, RunColumn.STATE)
    assert state.data() == "damaged"
    assert state.data(Qt.ItemDataRole.ToolTipRole) == "bad: run.json is damaged (unexpected end of file)"
    assert not page.find(QToolButton, "resumeRun").isEnabled()
    page.press("deleteRun")
    page.qtbot.waitUntil(lambda: page.names() == ["good"])
