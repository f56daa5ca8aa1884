"""A combo box for picking one run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.theme import GRID
from resnet_studio.plain import plain


class RunPicker(QWidget):
    """Shows the current run and emits `runSelected` with the folder of another."""

    runSelected = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._runs = set_names(QComboBox(), "probeRun", "Run", "Run whose feature maps are shown; newest first")
        self._runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._runs.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._runs.activated.connect(lambda row: self.runSelected.emit(self._runs.itemData(row)))
        caption = QLabel("Run")
        caption.setProperty("quiet", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, 2 * GRID, 0)
        row.setSpacing(GRID)
        row.addWidget(caption)
        row.addWidget(self._runs)
        row.addStretch(1)
        self.hide()

    def show_runs(self, names: Mapping[Path, str], selected: Path | None) -> None:
        """Offer these runs; hidden if there are none."""
        if [self._runs.itemData(row) for row in range(self._runs.count())] != list(names):
            self._runs.clear()
            for folder in names:
                self._runs.addItem("", folder)
        for row, (folder, name) in enumerate(names.items()):
            self._runs.setItemText(row, plain(name))
            if folder == selected:
                self._runs.setCurrentIndex(row)
        self.setVisible(bool(names))
