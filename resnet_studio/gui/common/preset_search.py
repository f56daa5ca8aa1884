"""A combo box that finds presets by any part of their name, in whatever way it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (  # fmt: skip
    QAbstractItemView,
    QComboBox,
    QCompleter,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from resnet_studio.networks.presets import GROUPS, PRESETS, search_key

KEY_ROLE, HEADING_ROLE = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2


def preset_search(placeholder: str) -> QComboBox:
    """A combo box of all presets; `textActivated` has the name selected from the list or from the completer."""
    search = PresetBox(editable=True)
    search.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    search.setModel(_grouped(GROUPS, search))
    search.setItemDelegate(HeadingDelegate(search))
    search.setMaxVisibleItems(30)
    search.setCurrentIndex(-1)
    line = cast("QLineEdit", search.lineEdit())
    line.setPlaceholderText(placeholder)  # the combo box's own placeholder is for boxes that are not editable
    completer = PresetCompleter(tuple(PRESETS), search)
    search.setCompleter(completer)
    line.textEdited.connect(lambda _: show_whole_names(cast("QAbstractItemView", completer.popup())))
    return search


class PresetBox(QComboBox):
    """Its list shows whole names, however narrow the box is."""

    def showPopup(self) -> None:
        show_whole_names(self.view())
        super().showPopup()


def show_whole_names(names: QAbstractItemView) -> None:
    """Make a list as wide as its longest name."""
    margins = names.verticalScrollBar().sizeHint().width() + 2 * names.frameWidth()
    names.setMinimumWidth(names.sizeHintForColumn(0) + margins)


class PresetCompleter(QCompleter):
    """Completes parts of a preset's name: "resnet-50", "WRN 28"."""

    def __init__(self, names: Sequence[str], parent: QWidget) -> None:
        super().__init__(_list(names, parent), parent)
        self.setFilterMode(Qt.MatchFlag.MatchContains)
        self.setCompletionRole(KEY_ROLE)

    def splitPath(self, path: str) -> list[str]:
        """What is compared with the keys."""
        return [search_key(path)]

    def pathFromIndex(self, index: QModelIndex | QPersistentModelIndex) -> str:
        return str(index.data())


class HeadingDelegate(QStyledItemDelegate):
    """Shows the headings, too."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        if heading := index.data(HEADING_ROLE):
            option.text = heading
            option.font.setBold(True)


def _list(names: Sequence[str], parent: QWidget) -> QStandardItemModel:
    """The names, each with its key."""
    model = QStandardItemModel(parent)
    for name in names:
        item = QStandardItem(name)
        item.setData(search_key(name), KEY_ROLE)
        model.appendRow(item)
    return model


def _grouped(groups: Mapping[str, Sequence[str]], parent: QWidget) -> QStandardItemModel:
    """The names under headings that can't be selected."""
    model = QStandardItemModel(parent)
    for group, names in groups.items():
        heading = QStandardItem()  # without a text, which one could type
        heading.setData(group, HEADING_ROLE)
        heading.setData(group, Qt.ItemDataRole.AccessibleTextRole)
        heading.setEnabled(False)
        model.appendRow(heading)
        for name in names:
            model.appendRow(QStandardItem(name))
    return model
