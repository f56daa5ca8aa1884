"""The tabs on the right of the window, each made when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib import import_module

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from resnet_studio.gui.widgets.named import named

HEAVY = "pyqtgraph"
"""The library that one workspace draws with; to import it takes longer than to open the window."""


class Workspaces(QTabWidget):
    """Makes a workspace when its tab is first opened, or in `prepare` while nobody waits for it."""

    entered = Signal(int)
    """A workspace has come to the front; it is made by then."""
    made = Signal()

    def __init__(
        self, makers: Sequence[tuple[str, Callable[[], QWidget]]], name: str = "workspaces", spoken: str = "Workspaces",
        keys: str = "Ctrl+", above: int = 0,
    ) -> None:  # fmt: skip
        """`makers` has a tab's title and what makes its workspace, from left to right; `keys` go before its number.

        `above` is the room in pixels between the tabs and a workspace.
        """
        super().__init__()
        named(self, name, spoken).setDocumentMode(True)
        self._missing = {number: make for number, (_, make) in enumerate(makers)}
        self._pages: list[QVBoxLayout] = []
        for number, (title, _) in enumerate(makers):
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[number].setContentsMargins(0, above, 0, 0)
            self.addTab(page, title)
            self.setTabToolTip(number, f"{title} ({keys}{number + 1})")
        self._importing = threading.Thread(target=import_module, args=(HEAVY,), daemon=True)
        self._next = QTimer(self, interval=20)
        self._next.timeout.connect(self._make_next)
        self.currentChanged.connect(self._enter)

    def make(self, number: int) -> None:
        """Make a workspace, unless it is there."""
        if number in self._missing:
            self._pages[number].addWidget(self._missing.pop(number)())
            self.made.emit()

    def prepare(self) -> None:
        """Begin to make the workspaces that nobody has opened yet, one at a time between the window's events."""
        self._importing.start()
        self._next.start()

    def stop(self) -> None:
        """Make nothing any more; the window is closing."""
        self._next.stop()
        if self._importing.is_alive():
            self._importing.join()

    def _make_next(self) -> None:
        if not self._missing:
            self._next.stop()
        elif not self._importing.is_alive():
            self.make(next(iter(self._missing)))

    def _enter(self, number: int) -> None:
        self.make(number)
        self.entered.emit(number)
