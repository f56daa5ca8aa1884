"""faults.md row 43 in the window: one malicious name in every view that shows names from files."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtGui import Qt as RichTextQt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from nasty import NASTY, NASTY_SHOWN, TEXT, TEXT_SHOWN, control_characters
from resnet_studio.gui.activations.ab.predictions import PairedPredictions
from resnet_studio.gui.activations.attribution.class_picker import ClassPicker
from resnet_studio.gui.activations.images.strip import ImageStrip
from resnet_studio.gui.activations.weights.menu import WeightsMenu
from resnet_studio.gui.activations.weights.row import WeightsRow
from resnet_studio.gui.common import labels
from resnet_studio.gui.common.labels import ElidedLabel, escape_html, tooltip
from resnet_studio.gui.common.message_bar import MessageBar, NoticeLine
from resnet_studio.gui.common.predictions import PredictionBars
from resnet_studio.gui.common.status_bar import StatusBar
from resnet_studio.gui.training.degradation.view import DegradationView
from resnet_studio.gui.training.experiment_state import ExperimentState
from resnet_studio.gui.training.run_picker import RunPicker
from resnet_studio.gui.training.run_state import RunState, cost_from_events
from resnet_studio.gui.training.runs.view import RunsView
from resnet_studio.gui.training.setup.data_preview import DataPreview
from resnet_studio.gui.training.snapshots.view import SnapshotsView
from resnet_studio.inference.values import Photograph, Prediction, Preprocessing, WeightsFile, WeightsInfo
from resnet_studio.networks.presets import preset
from resnet_studio.progress import Progress
from resnet_studio.training.degradation.experiment import Experiment
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.events import Noted, Working
from resnet_studio.training.runs.labels import Label
from resnet_studio.training.runs.reader import RunReader
from resnet_studio.training.runs.weights import RunWeights
from training_values import data_view, probe
from written_runs import WrittenRun

ROLES = {"text": Qt.ItemDataRole.DisplayRole, "tooltip": Qt.ItemDataRole.ToolTipRole}
FIVE = tuple(Prediction(f"{number}{TEXT}", 0.2) for number in range(5))
INFO = WeightsInfo(
    TEXT, True, Preprocessing(224, 224, (0.5,) * 3, (0.2,) * 3), (TEXT,), notes=(TEXT,), sha256="ab" * 32
)  # fmt: skip


def malicious_run(folder: Path) -> RunState:
    """A run with malicious names, after the window has read all of it."""
    written = WrittenRun(folder / NASTY, created=1.0).create().begin().train(11)
    written.emit(Noted(0.0, TEXT), Working(0.0, TEXT))
    written.end("failed", TEXT)
    run = RunState(written.folder, run_folder.read_manifest(written.folder), label=Label(TEXT))
    events = tuple(RunReader(written.folder).new_events())
    run.add_events(events, cost_from_events(events))
    run.loaded = True
    return run


def show_runs(folder: Path) -> QWidget:
    view, run = RunsView(), malicious_run(folder)
    view.show_runs([run])
    view.show_run(run)
    view.show_message(TEXT)
    view.show_problem(TEXT)
    return view


def show_probe(_folder: Path) -> QWidget:
    view, snapshot = SnapshotsView(), probe(0)
    top = tuple(tuple((TEXT, share) for _, share in five) for five in snapshot.top)
    layers = {f"{TEXT}{number}": maps for number, maps in enumerate(snapshot.layers.values())}
    shapes = dict(zip(layers, snapshot.shapes.values(), strict=True))
    view.show_run(TEXT, [0])
    view.show_probe(replace(snapshot, truth=(TEXT,) * 3, top=top, layers=layers, shapes=shapes))
    return view


def show_data(_folder: Path) -> QWidget:
    view = DataPreview()
    view.show_data(replace(data_view(), name=f"/data/{NASTY}", classes=(TEXT,) * 10, test_of=TEXT, notes=(TEXT,)))
    return view


def show_images(_folder: Path) -> QWidget:
    view = ImageStrip()
    view.show_images([f"/images/{NASTY}/{NASTY}.png", "/images/b.png"])
    view.show_thumbnail(Photograph(f"/images/{NASTY}/{NASTY}.png", np.zeros((8, 8, 3), np.uint8), "00"))
    view.show_skipped([TEXT])
    view.show_skipped_files(2, TEXT)
    return view


def show_weights(_folder: Path) -> QWidget:
    view = WeightsRow()
    view.show_weights(INFO, WeightsFile(Path("/nets") / NASTY))
    return view


def show_weights_menu(_folder: Path) -> QWidget:
    menu = WeightsMenu(None)
    path = Path("/runs") / NASTY / "checkpoints" / "step-0000011" / "weights.safetensors"
    menu.show_runs([RunWeights(WeightsFile(path), TEXT, 11, TEXT, preset("resnet18"))])
    return menu


def show_messages(_folder: Path) -> QWidget:
    parent = QWidget()
    bar, notice, line, picker, status = MessageBar(), NoticeLine(), ElidedLabel(TEXT), RunPicker(), StatusBar()
    bar.show_message(TEXT, TEXT)
    notice.show_message(TEXT)
    line.set_text(TEXT, TEXT, TEXT)
    picker.show_runs({Path("/runs") / NASTY: TEXT}, None)
    status.show_progress(Progress(0, 2, TEXT))
    for widget in (bar, notice, line, picker, status):
        widget.setParent(parent)
    return parent


def show_predictions(_folder: Path) -> QWidget:
    parent = QWidget()
    one, two = PredictionBars(), PairedPredictions()
    one.set_predictions(FIVE, FIVE[0].label)
    two.show_predictions(FIVE, FIVE)
    for widget in (one, two, ClassPicker()):
        widget.setParent(parent)
    return parent


def show_experiments(folder: Path) -> QWidget:
    view = DegradationView()
    view.show_damaged([TEXT])
    view.show_experiments([ExperimentState(folder / NASTY, Experiment())])
    view.show_message(TEXT)
    view.show_problem(TEXT)
    view.show_data(f"/data/{NASTY}")
    return view


SHOWING: dict[str, Callable[[Path], QWidget]] = {
    "runs": show_runs, "probe": show_probe, "data": show_data, "images": show_images, "weights": show_weights,
    "weights menu": show_weights_menu, "messages": show_messages, "predictions": show_predictions,
    "experiments": show_experiments,
}  # fmt: skip


SENTENCES = (show_messages, show_experiments, show_runs, show_images)
"""Views with intended line breaks; the names in their sentences are sanitized."""


def of_model(model: QAbstractItemModel, above: QModelIndex) -> Iterator[tuple[str, str]]:
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(above)
    for row in range(model.rowCount(above)):
        for column in range(columns):
            index = model.index(row, column, above)
            for kind, role in ROLES.items():
                yield kind, str(index.data(role) or "")
        yield from of_model(model, model.index(row, 0, above))


def texts(root: QWidget) -> Iterator[tuple[str, str]]:
    """All texts of widgets, models and menus, with the kind "tooltip" if Qt might take them for HTML."""
    for widget in [root, *root.findChildren(QWidget)]:
        yield "tooltip", widget.toolTip()
        yield "text", widget.accessibleName()
        yield "text", widget.accessibleDescription()
        if isinstance(widget, QLabel):
            yield "text" if widget.textFormat() == Qt.TextFormat.PlainText else "tooltip", widget.text()
        if isinstance(widget, QAbstractButton):
            yield "text", widget.text()
        if isinstance(widget, QPlainTextEdit):
            yield "text", widget.toPlainText()
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            yield from of_model(widget.model(), QModelIndex())
        if isinstance(widget, QComboBox):
            yield from of_model(widget.model(), QModelIndex())
    for action in root.findChildren(QAction):
        yield "text", action.text()
        yield "tooltip", action.toolTip()


@pytest.mark.parametrize("show", SHOWING.values(), ids=SHOWING)
def test_a_malicious_name_is_shown_as_plain_text_everywhere(
    qtbot: QtBot, tmp_path: Path, show: Callable[[Path], QWidget]
) -> None:
    widget = show(tmp_path)
    qtbot.addWidget(widget)
    widget.resize(1400, 900)
    if not isinstance(widget, QMenu):
        widget.show()
    QApplication.processEvents()
    found = [(kind, text) for kind, text in texts(widget) if "img src" in text or "src=" in text]
    assert found, "the name is shown somewhere"
    assert any(kind == "tooltip" for kind, _ in found)
    for kind, text in found:
        assert control_characters(text) == [], text
        assert show in SENTENCES or "\nok" not in text, "a line break would forge a line"
        assert kind == "text" or not RichTextQt.mightBeRichText(text) or "<img" not in text, text


def test_an_ampersand_in_a_menu_is_escaped(qtbot: QtBot, tmp_path: Path) -> None:
    menu = show_weights_menu(tmp_path)
    qtbot.addWidget(menu)
    (run,) = [action.text() for action in menu.findChildren(QAction) if "step 11" in action.text()]
    assert "&&=1" in run


@pytest.mark.parametrize("text", [NASTY, TEXT, "<b>x</b>", "a < b", "one\ntwo", "", "a &amp; b", "<", "<!-- x"])
def test_a_tooltip_shows_text_literally(qtbot: QtBot, text: str) -> None:
    label = QLabel(tooltip(text))
    qtbot.addWidget(label)
    plain = QLabel(textFormat=Qt.TextFormat.PlainText)
    qtbot.addWidget(plain)
    shown = {NASTY: NASTY_SHOWN.replace("␊", "\n"), TEXT: TEXT_SHOWN.replace("␊", "\n")}.get(text, text)
    plain.setText(shown)
    if RichTextQt.mightBeRichText(label.text()):
        from PySide6.QtGui import QTextDocument

        document = QTextDocument()
        document.setHtml(label.text())
        assert document.toPlainText() == shown
    else:
        assert label.text() == shown


def test_a_name_is_escaped_in_html() -> None:
    assert escape_html("<b>&\x1b") == "&lt;b&gt;&amp;␛"


def test_labels_with_html_are_created_as_rich_text() -> None:
    """`set_names` makes labels plain text, so that markup in others would be shown literally."""
    of_labels = Path(inspect.getfile(labels))
    texts = {path: path.read_text() for path in of_labels.parents[1].rglob("*.py") if path != of_labels}
    with_html = [path for path, text in texts.items() if "<b>{" in text or "layer_heading(" in text]
    files = [path for path in with_html if "QLabel(" in texts[path]]
    assert len(files) > 5
    assert [path for path in files if "TextFormat.RichText" not in texts[path]] == []
