"""The choice of what to train on: data sets known by name, with what they take to download, or a folder."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.training.datasets import SOURCES, data_title, is_folder

FOLDER = "folder…"


class DataPicker(ComboBox):
    """Emits `data_wished` with a name or a folder's path."""

    data_wished = Signal(str)

    def __init__(self) -> None:
        super().__init__({}, "data", "Data", "What to train on; a folder of class folders can be dropped here, too")
        self._data = ""
        self._here: set[str] = set()
        self.chosen.connect(self._take)

    def show_data(self, data: str) -> None:
        """Show these data as chosen."""
        self._data = data
        names = {name: self._title(name) for name in SOURCES}
        if is_folder(data):
            names[data] = data_title(data)
        self.show_values(names | {FOLDER: "Folder of class folders…"}, {data: data})
        self.show_value(data)

    def show_here(self, data: str) -> None:
        """That data set needs no download any more."""
        self._here.add(data)
        self.show_data(self._data)

    def ask_for_folder(self, take: Callable[[str], None]) -> None:
        """Let the user choose a folder; `take` gets its path."""
        dialog = named(QFileDialog(self, "Folder of class folders"), "dataFolderDialog", "Folder of class folders")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(take)
        dialog.open()

    def _title(self, name: str) -> str:
        source = SOURCES[name]
        comes_along = name in self._here or not source.megabytes
        return source.title if comes_along else f"{source.title} · {source.megabytes} MB"

    def _take(self, data: str) -> None:
        self.show_value(self._data)
        if data == FOLDER:
            self.ask_for_folder(self.data_wished.emit)
        elif data != self._data:
            self.data_wished.emit(data)
