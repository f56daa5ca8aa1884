"""What buttons say to a click: at once, without moving what is beside them, and no longer than it is true."""

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


def test_copied_is_said_at_once_and_moves_nothing(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(button_feedback, "SHOWN", 200)
    row, copy, beside = QWidget(), QPushButton("Copy"), QPushButton("Beside")
    qtbot.addWidget(row)
    button_feedback.make_room(copy, "Copied")
    layout = QHBoxLayout(row)
    for button in (copy, beside):
        layout.addWidget(button)
    row.show()
    place = beside.geometry()
    for _ in range(2):  # a second click while it is still said does not make that its usual text
        button_feedback.answer(copy, "Copied")
        assert copy.text() == "Copied"
    QApplication.processEvents()
    assert beside.geometry() == place
    qtbot.waitUntil(lambda: copy.text() == "Copy")


def test_the_banner_and_the_verdict_say_that_they_were_copied(qtbot: QtBot) -> None:
    banner, verdict = MessageBar(), VerdictPanel()
    open_verdict = judge(Experiment(), {})
    verdict.show_verdict(open_verdict)
    banner.tell("It broke.", "line 3")
    for widget, name, copied in (
        (banner, "bannerCopy", "It broke.\n\nline 3"),
        (verdict, "copyVerdict", "\n".join(filter(None, [*open_verdict.sentences, open_verdict.rule]))),
    ):
        qtbot.addWidget(widget)
        widget.show()
        button = widget.findChild(QPushButton, name)
        qtbot.mouseClick(button, LEFT)
        assert button.text() == "Copied"
        assert QApplication.clipboard().text() == copied


def test_compute_is_seen_and_asks_once_for_a_question(qtbot: QtBot) -> None:
    panel = AttributionPanel()
    qtbot.addWidget(panel)
    panel.show()
    asked: list[str] = []
    panel.compute_wished.connect(lambda: asked.append(panel.method()))
    panel.compute_wished.connect(lambda: panel.show_running(running=True))
    button = panel.findChild(QPushButton, "whyCompute")
    for _ in range(2):
        qtbot.mouseClick(button, LEFT)
    assert (button.text(), button.isEnabled()) == ("Computing…", False)
    assert len(asked) == 1
    panel.show_running(running=False)
    assert (button.text(), button.isEnabled()) == ("Compute", True)


def test_the_second_of_two_clicks_takes_nothing_back(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(button_feedback, "HELD", 300)
    panel = OcclusionPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.sweep_wished.connect(lambda *_: panel.show_running(running=True))
    button = panel.findChild(QPushButton, "sweepStart")
    with qtbot.assertNotEmitted(panel.cancel_wished):
        for _ in range(2):
            qtbot.mouseClick(button, LEFT)
    assert button.text() == "Cancel"
    qtbot.waitUntil(button.isEnabled)
    with qtbot.waitSignal(panel.cancel_wished):
        qtbot.mouseClick(button, LEFT)


def test_an_export_says_that_it_is_saving_while_it_does(qtbot: QtBot, tmp_path: Path) -> None:
    button = ExportButton("export", "Export", "Save it", "figure")
    qtbot.addWidget(button)
    button.show()
    during: list[tuple[Path, str, bool]] = []
    button.path_chosen.connect(lambda path: during.append((path, button.text(), button.isEnabled())))
    button.menu().actions()[0].trigger()
    dialog = button.findChild(QFileDialog)
    dialog.selectFile(str(tmp_path / "figure.png"))
    dialog.accept()
    assert during == [(tmp_path / "figure.png", "Saving…", False)]
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)


def test_an_export_in_the_background_is_seen_until_it_is_over(qtbot: QtBot, tmp_path: Path) -> None:
    export, button = MapsExporter(), MapsExportButton()
    qtbot.addWidget(button)
    export.saving_changed.connect(button.show_saving)
    with qtbot.waitSignal(export.refused):
        export.write(tmp_path / "maps.png", None)  # no sheet: whatever it raises, it ends
        assert (button.text(), button.isEnabled()) == ("Saving…", False)
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)
    export.stop()


def test_curves_that_are_saved_are_seen_to_be(qtbot: QtBot) -> None:
    tools = CurveTools()
    qtbot.addWidget(tools)
    button = tools.findChild(QWidget, "exportCurves")
    tools.show_saving(True)
    assert (button.text(), button.isEnabled()) == ("Saving…", False)
    tools.show_saving(False)
    assert (button.text(), button.isEnabled()) == ("Export ▾", True)
