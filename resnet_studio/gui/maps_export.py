"""Writing what is exported off the window's thread: a large picture takes a second to be packed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, SignalInstance

from resnet_studio.gui.background import Background, cause
from resnet_studio.inference.sheet import Sheet
from resnet_studio.inference.sheet_files import write


class MapsExport(QObject):
    """Writes one file after another. `stop` waits for what is being written."""

    written = Signal(str)
    """A sentence for the user."""
    refused = Signal(str)
    saving_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._writing = Background(self)

    def write(self, path: Path, sheet: Sheet) -> None:
        """Write a sheet as the kind of file that the path's ending asks for."""
        self.saving_changed.emit(True)
        self._writing.run(
            lambda: write(path, sheet),
            lambda _: self._end(self.written, f"Saved {path.name} in {path.parent}."),
            lambda error: self._end(self.refused, f"{path.name} could not be written: {cause(error)}."),
        )

    def _end(self, told: SignalInstance, sentence: str) -> None:
        self.saving_changed.emit(self._writing.busy)
        told.emit(sentence)

    def stop(self) -> None:
        """End writing; files that are not begun yet are not written."""
        self._writing.stop()
