"""A combo box that finds presets by any part of their name."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit

from resnet_studio.networks.presets import PRESETS


def preset_search(placeholder: str) -> QComboBox:
    """A combo box of all presets; `textActivated` has the name that was chosen from the list or from what was found."""
    search = QComboBox(editable=True)
    search.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    search.addItems(list(PRESETS))
    search.setMaxVisibleItems(30)
    search.setCurrentIndex(-1)
    cast("QLineEdit", search.lineEdit()).setPlaceholderText(
        placeholder
    )  # the box's own is for those that can't be edited
    completer = QCompleter(list(PRESETS), search)
    completer.setFilterMode(Qt.MatchFlag.MatchContains)
    completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
    search.setCompleter(completer)
    return search
