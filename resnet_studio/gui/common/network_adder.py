"""A search field whose presets are added to a list of networks."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.networks.presets import matching, preset

TIP = "Add a preset: type part of its name, or open the list"
NARROWEST = 144


class NetworkAdder(QWidget):
    """Emits the preset that was selected from the list, or the first whose name contains what was typed."""

    architectureSelected = Signal(object)
    failed = Signal(str)
    """What was typed is the name of no preset."""

    def __init__(self, object_name: str) -> None:
        super().__init__()
        self._search = set_names(preset_search("Add a network"), object_name, "Add a network", TIP)
        self._search.setMinimumWidth(NARROWEST)
        self._search.textActivated.connect(lambda name: self.architectureSelected.emit(preset(name)))
        # the completer writes the name into the line after this signal, so clear it later
        self._search.textActivated.connect(self._search.clearEditText, Qt.ConnectionType.QueuedConnection)
        cast("QLineEdit", self._search.lineEdit()).returnPressed.connect(self._on_name_entered)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._search)

    def _on_name_entered(self) -> None:
        """On Return after what isn't in the list."""
        name = self._search.currentText().strip()
        if not name or self._search.findText(name) >= 0:
            return
        try:
            found = preset(next(iter(matching(name)), name))
        except ValueError as error:
            self.failed.emit(str(error))
            return
        self._search.clearEditText()
        self.architectureSelected.emit(found)
