"""The dialog that asks before a Python file of the user's is run, and for what images its network is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from resnet_studio.causes import FieldError
from resnet_studio.files import display_name
from resnet_studio.gui.common.form import FormRows
from resnet_studio.gui.common.helpers import set_names, vbox
from resnet_studio.gui.theme import GRID
from resnet_studio.networks.image_size import height_width, image_text, read_image_size
from resnet_studio.networks.own_module import WARNING, ModuleSource
from resnet_studio.plain import plain

WIDTH = 440
IMAGE_WANTED = "must be an integer, or height and width as in 224×320"


class ModuleDialog(QDialog):
    """Says that a file will be run, and emits `confirmed` with the function and the images that were chosen."""

    confirmed = Signal(object)
    """The `ModuleSource` to run."""

    def __init__(self, source: ModuleSource, names: Sequence[str], parent: QWidget | None = None) -> None:
        """`names` are those in the file that may make a network."""
        super().__init__(parent)
        self._source = source
        set_names(self, "moduleDialog", "Open Python module")
        self.setWindowTitle("Open Python module")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        file = display_name(Path(source.path))
        warning = set_names(QLabel(WARNING.format(file), wordWrap=True), "moduleWarning", "Warning")
        where = set_names(QLabel(plain(str(Path(source.path).parent)), wordWrap=True), "moduleFolder", "Folder")
        where.setProperty("quiet", True)
        self._function = set_names(QComboBox(), "moduleFunction", "Function", "What makes the network")
        self._function.addItems(names)
        self._function.setCurrentIndex(max(0, self._function.findText(source.function)))
        tip = "Side of the square input in pixels, or its height and width, as in 224×320"
        self._image = set_names(QLineEdit(image_text(source.image)), "moduleImage", "Image", tip)
        tip = "Channels of the image: 3 for color, 1 for grayscale"
        self._channels = set_names(QLineEdit(str(source.channels)), "moduleChannels", "Channels", tip)
        self._rows = FormRows(label_width=72)
        self._rows.add_field("function", "Function", self._function)
        self._rows.add_field("image", "Image", self._image)
        self._rows.add_field("channels", "Channels", self._channels)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(vbox((warning, 0), (where, 0), margin=0))
        layout.addLayout(self._rows)
        layout.addWidget(self._make_buttons())
        self.setMinimumWidth(WIDTH)

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        run = buttons.addButton("Run and open", QDialogButtonBox.ButtonRole.AcceptRole)
        set_names(run, "runModule", "Run and open", "Run the file in the engine's process, and open its network")
        run.setProperty("primary", True)
        buttons.accepted.connect(self._confirm)
        buttons.rejected.connect(self.reject)
        return buttons

    def _confirm(self) -> None:
        """Emit what was chosen, or say at its field what is invalid."""
        for field in self._rows.field_names():
            self._rows.set_error(field, "")
        try:
            height, width = height_width(read_image_size(self._image.text().strip()))
        except ValueError:
            self._rows.set_error("image", IMAGE_WANTED)
            return
        if not self._channels.text().strip().isdecimal():
            self._rows.set_error("channels", "must be an integer")
            return
        sizes = {"height": height, "width": width, "channels": int(self._channels.text())}
        try:
            chosen = replace(self._source, function=self._function.currentText(), **sizes)  # type: ignore[arg-type]
        except FieldError as error:
            self._rows.set_error("channels" if error.field == "channels" else "image", error.reason)
            return
        self.confirmed.emit(chosen)
        self.accept()
