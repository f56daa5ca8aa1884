"""A button that copies or saves a table as text, and the text of what any item model shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from resnet_studio.analysis.grids import Grid
from resnet_studio.atomic import write_file
from resnet_studio.export.provenance import made_with
from resnet_studio.export.tables import SUFFIXES, TableFormat, table_text
from resnet_studio.gui.common.button_feedback import show_briefly
from resnet_studio.gui.common.figure_export import ExportButton

TextOf = Callable[[str], str]
"""The text of a table in a format; empty if there is no table."""
TITLES = {"csv": "CSV", "json": "JSON", "markdown": "Markdown", "latex": "LaTeX", "html": "HTML"}
EMPTY = "No rows"
"""What the button says for a moment if there is nothing to copy or to save."""
FILE_SUFFIXES: dict[str, str] = {"json": "json"} | {str(how): suffix for how, suffix in SUFFIXES.items()}


class TableExportButton(ExportButton):
    """Copies a table as text, or requests that it be saved. With several tables, each has a menu of its own."""

    saveRequested = Signal(object, object)
    """The path of the file, and a function that writes the file of a path."""

    def __init__(
        self, object_name: str, accessible_name: str, stem: str, tables: Mapping[str, TextOf], *, json: bool = False
    ) -> None:
        """`stem` is the suggested name of the file; `json` offers JSON, too."""
        self._tables = tables
        self._formats = [how for how in TITLES if json or how != "json"]
        super().__init__(object_name, accessible_name, "Copy or save the table", stem)

    def _fill(self, menu: QMenu) -> None:
        for title, text_of in self._tables.items():
            self._fill_table(menu if len(self._tables) == 1 else menu.addMenu(title), text_of)

    def _fill_table(self, menu: QMenu, text_of: TextOf) -> None:
        for how in self._formats:
            menu.addAction(f"Copy as {TITLES[how]}", partial(self._copy, text_of, how))
        menu.addSeparator()
        for how in self._formats:
            suffix = FILE_SUFFIXES[how]
            save = partial(self._save, text_of, how)
            kind = f"{TITLES[how]} (*.{suffix})"
            menu.addAction(f"Save as {TITLES[how]}…", partial(self._open_dialog, suffix, kind, save))

    def _copy(self, text_of: TextOf, how: str) -> None:
        text = text_of(how)
        if text:
            QGuiApplication.clipboard().setText(text)
        show_briefly(self, "Copied" if text else EMPTY)

    def _save(self, text_of: TextOf, how: str, path: Path) -> None:
        if text := text_of(how):
            self.saveRequested.emit(path, lambda to: write_file(to, text.encode()))
        else:
            show_briefly(self, EMPTY)


def model_text(model: QAbstractItemModel, title: str, how: str, *notes: str) -> str:
    """What a model shows, as text with a stamp; empty if it shows nothing."""
    grid = model_grid(model)
    if not grid.rows:
        return ""
    given: TableFormat = how  # type: ignore[assignment]  # one of the formats that the button offers
    return table_text(grid, given, title, (title, *notes, made_with()))


def model_grid(model: QAbstractItemModel) -> Grid:
    """A model's texts. Rows of a tree are indented by their depth; a column is a number's if its heading is right."""
    columns = range(model.columnCount())
    across = Qt.Orientation.Horizontal
    right = {
        column
        for column in columns
        if int(model.headerData(column, across, Qt.ItemDataRole.TextAlignmentRole) or 0) & Qt.AlignmentFlag.AlignRight
    }
    header = tuple(str(model.headerData(column, across) or "") for column in columns)
    return Grid(header, tuple(_rows(model, QModelIndex(), 0)), frozenset(right))


def _rows(model: QAbstractItemModel, parent: QModelIndex, depth: int) -> Iterator[tuple[str, ...]]:
    for row in range(model.rowCount(parent)):
        first = model.index(row, 0, parent)
        texts = [str(first.siblingAtColumn(column).data() or "") for column in range(model.columnCount(parent))]
        yield ("  " * depth + texts[0], *texts[1:])
        yield from _rows(model, first, depth + 1)
