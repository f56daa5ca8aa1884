"""Tables of any view, copied and saved as text with a stamp."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from resnet_studio.analysis.comparison import compare
from resnet_studio.analysis.grids import Grid
from resnet_studio.analysis.table import plan_table
from resnet_studio.export.tables import SUFFIXES, TableFormat, table_text
from resnet_studio.gui.common.table_export import TableExportButton, model_grid, model_text
from resnet_studio.gui.compare.view import CompareView
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.gui.verify.view import VerifyView
from resnet_studio.networks.presets import preset

GRID = Grid(("name", "value"), (("a|b", "1"), ("  <i>", "=2+3")), frozenset({1}))
NOTES = ("of <nobody>", "made with 50 %")


def tree_model() -> QStandardItemModel:
    model = QStandardItemModel()
    model.setHorizontalHeaderLabels(["part", "count"])
    parent = QStandardItem("conv2_x")
    parent.appendRow([QStandardItem("layer1.0"), QStandardItem("2")])
    model.appendRow([parent, QStandardItem("5")])
    return model


def trigger(menu: QMenu, *path: str) -> None:
    (action,) = (action for action in menu.actions() if action.text() == path[0])
    trigger(action.menu(), *path[1:]) if len(path) > 1 else action.trigger()


def without_comments(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(line for line in text.splitlines(True) if not line.startswith("#")))))


def test_rows_of_a_tree_are_indented() -> None:
    grid = model_grid(tree_model())
    assert grid.header == ("part", "count")
    assert grid.rows == (("conv2_x", "5"), ("  layer1.0", "2"))


@pytest.mark.parametrize("how", SUFFIXES)
def test_every_format_has_all_cells_and_notes_and_no_foreign_markup(how: TableFormat) -> None:
    text = table_text(GRID, how, "<title>", NOTES)
    assert "made with 50" in text
    assert "value" in text
    if how == "html":
        assert "<i>" not in text
        assert "of &lt;nobody&gt;" in text
    if how == "csv":
        assert without_comments(text)[0] == ["name", "value"]
        assert not any(line.startswith("=") for line in without_comments(text)[2])  # no spreadsheet runs it


def test_a_table_is_copied_and_saved(qtbot: QtBot, tmp_path: Path) -> None:
    model = tree_model()
    button = TableExportButton("export", "Export", "table", {"Parts": lambda how: model_text(model, "Parts", how)})
    qtbot.addWidget(button)
    button.saveRequested.connect(lambda path, write: write(path))
    button.show()
    trigger(button.menu(), "Copy as CSV")
    copied = QGuiApplication.clipboard().text()
    assert without_comments(copied) == [["part", "count"], ["conv2_x", "5"], ["layer1.0", "2"]]
    assert "made with resnet-studio" in copied
    trigger(button.menu(), "Save as Markdown…")
    (dialog,) = button.findChildren(QFileDialog)
    dialog.selectFile(str(tmp_path / "parts.md"))
    dialog.accept()
    assert "| conv2_x | 5 |" in (tmp_path / "parts.md").read_text()


def test_an_empty_table_says_so_and_leaves_the_clipboard(qtbot: QtBot) -> None:
    model = QStandardItemModel()
    button = TableExportButton("export", "Export", "table", {"Parts": lambda how: model_text(model, "Parts", how)})
    qtbot.addWidget(button)
    QGuiApplication.clipboard().setText("before")
    trigger(button.menu(), "Copy as CSV")
    assert (button.text(), QGuiApplication.clipboard().text()) == ("No rows", "before")


def test_the_layer_table_has_its_provenance_in_each_format(qtbot: QtBot) -> None:
    view = LayersView()
    qtbot.addWidget(view)
    view.show_table(plan_table(preset("resnet50")))
    menu = view.findChild(TableExportButton, "copyTable").menu()
    for name in ("CSV", "Markdown", "LaTeX", "HTML"):
        trigger(menu, f"Copy as {name}")
        assert "resnet-studio export resnet50" in QGuiApplication.clipboard().text()
    trigger(menu, "Copy as JSON")
    copied = json.loads(QGuiApplication.clipboard().text())
    assert copied["totals"]["parameters"] == 25_557_032
    assert "resnet-studio" in copied["stamp"]["versions"]


def test_both_tables_of_verify_can_be_copied(qtbot: QtBot) -> None:
    view = VerifyView()
    qtbot.addWidget(view)
    menu = view.findChild(TableExportButton, "exportVerify").menu()
    trigger(menu, "Published figures", "Copy as CSV")
    rows = without_comments(QGuiApplication.clipboard().text())
    assert any("He et al. 2015" in cell for row in rows for cell in row)
    trigger(menu, "The paper's Table 1", "Copy as CSV")
    assert any("11.3 G" in cell for row in without_comments(QGuiApplication.clipboard().text()) for cell in row)


def test_the_comparison_has_its_sentence_and_its_networks(qtbot: QtBot) -> None:
    view = CompareView()
    qtbot.addWidget(view)
    view.show_comparison(compare([plan_table(preset("resnet34")), plan_table(preset("plain34"))]))
    menu = view.findChild(TableExportButton, "exportCompare").menu()
    for name in ("CSV", "Markdown", "LaTeX", "HTML"):
        trigger(menu, f"Copy as {name}")
        copied = QGuiApplication.clipboard().text()
        assert "plain34 has no shortcuts" in copied
        assert "resnet-studio export resnet34" in copied
