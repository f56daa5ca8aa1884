"""Writing what is exported off the window's thread: a large picture takes a second to be packed."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QThreadPool, Signal

from resnet_studio.inference.sheet import Sheet
from resnet_studio.inference.sheet_files import write


class MapsExport(QObject):
    """Writes one file after another. `stop` waits for what is being written."""

    written = Signal(str)
    """A sentence for the user."""
    refused = Signal(str)
    _done = Signal(bool, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self, maxThreadCount=1)
        self._done.connect(lambda good, told: (self.written if good else self.refused).emit(told))

    def write(self, path: Path, sheet: Sheet) -> None:
        """Write a sheet as the kind of file that the path's ending asks for."""
        self._pool.start(lambda: self._done.emit(*_written(path, sheet)))

    def stop(self) -> None:
        """End writing; files that are not begun yet are not written."""
        self._pool.clear()
        self._pool.waitForDone()


def _written(path: Path, sheet: Sheet) -> tuple[bool, str]:
    try:
        write(path, sheet)
    except (OSError, ValueError, MemoryError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or "there is not enough memory"
        return False, f"{path.name} could not be written: {reason}."
    return True, f"Saved {path.name} in {path.parent}."
