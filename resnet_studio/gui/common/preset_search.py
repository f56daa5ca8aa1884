"""A combo box that finds presets by any part of their name."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit

from resnet_studio.networks.presets import PRESETS


def preset_search(placeholder: str) -> QComboBox:
    """A combo box of all presets; `textActivated` has the name selected from the list or from the completer."""
    search = QComboBox(editable=True)
    search.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    search.addItems(list(PRESETS))
    search.setMaxVisibleItems(30)
    search.setCurrentIndex(-1)
    cast("QLineEdit", search.lineEdit()).setPlaceholderText(
        placeholder
    )  # the combo box's own placeholder is for boxes that are not editable
    completer = QCompleter(list(PRESETS), search)
    completer.setFilterMode(Qt.MatchFlag.MatchContains)
    completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    search.setCompleter(completer)
    return search
