"""The choice of the data set: a named one, with its download size, or a folder."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog

from resnet_studio.gui.common.file_dialogs import open_dialog
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.training.datasets import DATASETS, data_title, is_folder

FOLDER = "folder…"


class DataPicker(ComboBox):
    """Emits `dataRequested` with a data set's name or a folder's path."""

    dataRequested = Signal(str)

    def __init__(self) -> None:
        super().__init__({}, "data", "Data", "Data set to train on; you can also drop a folder of class folders here")
        self._data = ""
        self._downloaded: set[str] = set()
        self.valueSelected.connect(self._on_value_selected)

    def show_data(self, data: str) -> None:
        """Show this data set as the current one."""
        self._data = data
        names = {name: self._title(name) for name in DATASETS}
        if is_folder(data):
            names[data] = data_title(data)
        self.set_values(names | {FOLDER: "Folder of class folders…"}, {data: data})
        self.set_value(data)

    def mark_downloaded(self, data: str) -> None:
        """Show that data set without a download size."""
        self._downloaded.add(data)
        self.show_data(self._data)

    def ask_for_folder(self, on_selected: Callable[[str], None]) -> None:
        """Let the user select a folder; `on_selected` is called with its path."""
        mode = QFileDialog.FileMode.Directory
        dialog = open_dialog(self, "dataFolderDialog", "Folder of class folders", mode=mode)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(on_selected)

    def _title(self, name: str) -> str:
        source = DATASETS[name]
        is_available = name in self._downloaded or not source.download_megabytes
        return source.title if is_available else f"{source.title} · {source.download_megabytes} MB"

    def _on_value_selected(self, data: str) -> None:
        self.set_value(self._data)
        if data == FOLDER:
            self.ask_for_folder(self.dataRequested.emit)
        elif data != self._data:
            self.dataRequested.emit(data)
