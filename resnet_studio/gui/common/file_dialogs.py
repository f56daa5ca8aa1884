"""File dialogs that do not block the window and delete themselves when they are closed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from resnet_studio.gui.common.helpers import set_names

ONE_FILE = QFileDialog.FileMode.ExistingFile


def open_dialog(
    parent: QWidget, object_name: str, title: str, filters: str = "", mode: QFileDialog.FileMode = ONE_FILE,
    folder: str = "",
) -> QFileDialog:  # fmt: skip
    """Show a dialog to select what exists; connect its `fileSelected` or `filesSelected`."""
    dialog = set_names(QFileDialog(parent, title, folder, filters), object_name, title)
    dialog.setFileMode(mode)
    return _show(dialog)


def save_dialog(parent: QWidget, title: str, file_name: str, filters: str) -> QFileDialog:
    """Show a dialog to select where to save; `file_name` is suggested, and its suffix is added to a name without one.

    Connect its `fileSelected`.
    """
    dialog = set_names(QFileDialog(parent, title, "", filters), "exportDialog", title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(file_name).suffix)
    dialog.selectFile(file_name)
    return _show(dialog)


def _show(dialog: QFileDialog) -> QFileDialog:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
