"""A button that asks what of the feature maps is to be saved, and where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton

from resnet_studio.gui.widgets.answers import make_room
from resnet_studio.gui.widgets.named import named

SCALES = (1, 2, 4)
FILTERS = {
    "png": "Picture (*.png)", "svg": "Page (*.svg)", "npz": "NumPy values (*.npz)", "npy": "NumPy values (*.npy)",
    "csv": "Table (*.csv)",
}  # fmt: skip
TIP = "Save the maps as they are drawn now, their values or their statistics; each file says where it comes from"


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What is to be written; the path's ending tells the kind of file."""

    path: Path
    alone: bool
    """Only the channel that is shown large."""
    scale: int
    """Pixels along each value."""


class MapsExportButton(QToolButton):
    """Emits an `ExportWish`. `stem` is what the file is called unless the user says otherwise."""

    wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        named(self, "exportMaps", "Export the maps", TIP)
        self.stem, self._channel = "maps", 0
        self.setText("Export ▾")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        self._pictures(menu.addMenu("All channels as a picture (PNG)"), alone=False)
        self._alone = menu.addMenu("")
        self._pictures(self._alone, alone=True)
        menu.addAction("Page with scale and caption (SVG)", partial(self._ask, "svg"))
        menu.addSeparator()
        menu.addAction("Values (NPZ)", partial(self._ask, "npz"))
        menu.addAction("Values alone (NPY)", partial(self._ask, "npy"))
        menu.addAction("Statistics of each channel (CSV)", partial(self._ask, "csv"))
        menu.aboutToShow.connect(self._name_channel)
        self.setMenu(menu)
        self._name_channel()
        make_room(self, "Saving…")

    def show_saving(self, saving: bool) -> None:
        """Say that a file is being written; the next one can be asked for afterwards."""
        self.setText("Saving…" if saving else "Export ▾")
        self.setEnabled(not saving)

    def show_channel(self, number: int) -> None:
        """Offer this channel alone."""
        self._channel = number

    def _name_channel(self) -> None:
        self._alone.setTitle(f"Channel {self._channel} as a picture (PNG)")

    def _pictures(self, menu: QMenu, *, alone: bool) -> None:
        for scale in SCALES:
            text = "as it is" if scale == 1 else f"{scale} times as large"
            menu.addAction(text, partial(self._ask, "png", alone, scale))

    def _ask(self, ending: str, alone: bool = False, scale: int = 1) -> None:
        dialog = named(QFileDialog(self, self.accessibleName()), "exportDialog", self.accessibleName())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(FILTERS[ending])
        dialog.setDefaultSuffix(ending)
        channel = f"-channel-{self._channel}" if alone else ""
        dialog.selectFile(f"{self.stem}{channel}.{ending}")
        dialog.fileSelected.connect(lambda path: self.wished.emit(ExportWish(Path(path), alone, scale)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
