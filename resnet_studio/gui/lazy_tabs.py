"""The tabs on the right of the window, each made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.plots.importing import import_steps


class LazyTabWidget(QTabWidget):
    """Makes a workspace when its tab is first opened, or in `prepare` while nobody waits for it."""

    entered = Signal(int)
    """A workspace has come to the front; it is made by then."""
    made = Signal()
    prepared = Signal()
    """All workspaces are there."""

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
        self._apart: dict[int, QWidget] = {}
        """Made and not yet in their places, where they get their style, which takes as long again."""
        self._pages: list[QVBoxLayout] = []
        for number, (title, _) in enumerate(makers):
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[number].setContentsMargins(0, above, 0, 0)
            self.addTab(page, title)
            self.setTabToolTip(number, f"{title} ({keys}{number + 1})")
        self._slices = IdleScheduler(self)
        self.currentChanged.connect(self._enter)

    def make(self, number: int) -> None:
        """Make a workspace, unless it is there."""
        if number in self._missing:
            self._apart[number] = self._missing.pop(number)()
        if number in self._apart:
            self._pages[number].addWidget(self._apart.pop(number))
            self.made.emit()

    def start_with(self, number: int) -> None:
        """Have this tab in front; its workspace is made when the tabs come to the screen, or in `prepare` before."""
        with QSignalBlocker(self):
            self.setCurrentIndex(number)

    def prepare(self) -> None:
        """Begin to make the workspaces that nobody has opened yet, one at a time between the window's events."""
        self._slices.start(self, self._make_all())

    def stop(self) -> None:
        """Make nothing any more; the window is closing. What has no place yet has nobody else to take it away."""
        self._slices.stop()
        for tabs in (self, *self.findChildren(LazyTabWidget)):
            for widget in tabs._apart.values():
                widget.deleteLater()
            tabs._apart.clear()

    def _make_all(self) -> Iterator[None]:
        """What the workspaces draw with is imported first, as that takes longer than to open the window."""
        yield from import_steps()
        for number in range(self.count()):
            yield from self._make_steps(number)
        for tabs in self.findChildren(LazyTabWidget):
            yield from tabs._make_steps(tabs.currentIndex())
        self.prepared.emit()

    def _make_steps(self, number: int) -> Iterator[None]:
        if number in self._missing:  # nobody has opened it meanwhile
            self._apart[number] = self._missing.pop(number)()
            yield
        self.make(number)
        yield

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's name)
        """What comes to the screen is made by then."""
        self.make(self.currentIndex())
        super().showEvent(event)

    def _enter(self, number: int) -> None:
        self.make(number)
        self.entered.emit(number)
