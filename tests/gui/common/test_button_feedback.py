"""Buttons respond to a click at once, without moving their neighbors, and only as long as the state lasts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from resnet_studio.gui.activations.attribution.occlusion_panel import OcclusionPanel
from resnet_studio.gui.activations.attribution.panel import AttributionPanel
from resnet_studio.gui.activations.maps.controller import MapsExporter
from resnet_studio.gui.activations.maps.view import MapsExportButton
from resnet_studio.gui.common import button_feedback
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.training.degradation.view import VerdictPanel
from resnet_studio.gui.training.runs.curves_panel import CurveTools
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.degradation.verdict import judge

LEFT = Qt.MouseButton.LeftButton


def test_copied_is_shown_at_once_and_moves_nothing(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(button_feedback, "SHOWN_TIME", 200)
    row, copy, neighbor = QWidget(), QPushButton("Copy"), QPushButton("Neighbor")
    qtbot.addWidget(row)
    button_feedback.reserve_width(copy, "Copied")
    layout = QHBoxLayout(row)
    for button in (copy, neighbor):
        layout.addWidget(button)
    row.show()
    geometry = neighbor.geometry()
    for _ in range(2):  # a second click does not make it the usual text
        button_feedback.show_briefly(copy, "Copied")
        assert copy.text() == "Copied"
    QApplication.processEvents()
    assert neighbor.geometry() == geometry
    qtbot.waitUntil(lambda: copy.text() == "Copy")


def test_copying_a_message_or_a_verdict_is_confirmed(qtbot: QtBot) -> None:
    bar, verdict = MessageBar(), VerdictPanel()
    open_verdict = judge(Experiment(), {})
    verdict.show_verdict(open_verdict)
    bar.show_message("It broke.", "line 3")
    for widget, name, copied in (
        (bar, "bannerCopy", "It broke.\n\nline 3"),
        (verdict, "copyVerdict", "\n".join(filter(None, [*open_verdict.sentences, open_verdict.rule]))),
    ):
        qtbot.addWidget(widget)
        widget.show()
        button = widget.findChild(QPushButton, name)
        qtbot.mouseClick(button, LEFT)
        assert button.text() == "Copied"
        assert QApplication.clipboard().text() == copied


def test_compute_shows_that_it_runs_and_requests_once(qtbot: QtBot) -> None:
    panel = AttributionPanel()
    qtbot.addWidget(panel)
    panel.show()
    requests: list[str] = []
    panel.computeRequested.connect(lambda: requests.append(panel.method()))
    panel.computeRequested.connect(lambda: panel.show_running(running=True))
    button = panel.findChild(QPushButton, "whyCompute")
    for _ in range(2):
        qtbot.mouseClick(button, LEFT)
    assert (button.text(), button.isEnabled()) == ("Computing…", False)
    assert len(requests) == 1
    panel.show_running(running=False)
    assert (button.text(), button.isEnabled()) == ("Compute", True)


def test_the_second_of_two_clicks_does_not_cancel(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(button_feedback, "DISABLED_TIME", 300)
    panel = OcclusionPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.occlusionRequested.connect(lambda *_: panel.show_running(running=True))
    button = panel.findChild(QPushButton, "sweepStart")
    with qtbot.assertNotEmitted(panel.cancelRequested):
        for _ in range(2):
            qtbot.mouseClick(button, LEFT)
    assert button.text() == "Cancel"
    qtbot.waitUntil(button.isEnabled)
    with qtbot.waitSignal(panel.cancelRequested):
        qtbot.mouseClick(button, LEFT)


def test_an_export_button_shows_saving_while_it_saves(qtbot: QtBot, tmp_path: Path) -> None:
    button = ExportButton("export", "Export", "Save it", "figure")
    qtbot.addWidget(button)
    button.show()
    during: list[tuple[Path, str, bool]] = []
    button.pathSelected.connect(lambda path: during.append((path, button.text(), button.isEnabled())))
    button.menu().actions()[0].trigger()
    dialog = button.findChild(QFileDialog)
    dialog.selectFile(str(tmp_path / "figure.png"))
    dialog.accept()
    assert during == [(tmp_path / "figure.png", "Saving…", False)]
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)


def test_an_export_in_the_background_shows_saving_until_it_ends(qtbot: QtBot, tmp_path: Path) -> None:
    export, button = MapsExporter(), MapsExportButton()
    qtbot.addWidget(button)
    export.savingChanged.connect(button.show_saving)
    with qtbot.waitSignal(export.failed):
        export.write(tmp_path / "maps.png", None)  # no figure: it ends with an error
        assert (button.text(), button.isEnabled()) == ("Saving…", False)
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)
    export.stop()


def test_saving_curves_is_shown_on_the_button(qtbot: QtBot) -> None:
    tools = CurveTools()
    qtbot.addWidget(tools)
    button = tools.findChild(QWidget, "exportCurves")
    tools.export.show_saving(True)
    assert (button.text(), button.isEnabled()) == ("Saving…", False)
    tools.export.show_saving(False)
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)
