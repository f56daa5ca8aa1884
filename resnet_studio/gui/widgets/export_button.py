"""A button that asks as which kind of file something is to be saved, and where."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from resnet_studio.gui.widgets.answers import busy, make_room
from resnet_studio.gui.widgets.named import named

KINDS = {
    "png": ("Picture (PNG)", "Picture (*.png)"),
    "svg": ("Drawing (SVG)", "Drawing (*.svg)"),
    "csv": ("Values (CSV)", "Table (*.csv)"),
}


class ExportButton(QToolButton):
    """Emits the path of the file to be written; its ending tells the kind."""

    path_chosen = Signal(object)

    def __init__(self, object_name: str, spoken: str, tip: str, stem: str) -> None:
        """`stem` is what the file is called unless the user says otherwise."""
        super().__init__()
        named(self, object_name, spoken, tip)
        self.stem = stem
        self.setText("Export ▾")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        for ending, (what, _) in KINDS.items():
            menu.addAction(what, partial(self._ask, ending))
        self.setMenu(menu)
        make_room(self, "Saving…")

    def _take(self, path: str) -> None:
        with busy(self, "Saving…"):
            self.path_chosen.emit(Path(path))

    def _ask(self, ending: str) -> None:
        dialog = named(QFileDialog(self, self.accessibleName()), "exportDialog", self.accessibleName())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(KINDS[ending][1])
        dialog.setDefaultSuffix(ending)
        dialog.selectFile(f"{self.stem}.{ending}")
        dialog.fileSelected.connect(self._take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
