"""Tabs whose contents are created when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.plots.downsampling import IdleScheduler
from resnet_studio.gui.plots.importing import finish_import, import_steps


class LazyTabWidget(QTabWidget):
    """Creates a tab's content when the tab is first opened, or earlier by `prepare` while the window is idle."""

    entered = Signal(int)
    """A tab has become the current one; its content exists."""
    tabCreated = Signal()
    """A tab's content has been created, or that of a tab inside of one."""
    prepared = Signal()
    """All tabs have been created."""

    def __init__(
        self, factories: Sequence[tuple[str, Callable[[], QWidget]]], name: str = "workspaces",
        accessible_name: str = "Workspaces", shortcut_prefix: str = "Ctrl+", top_margin: int = 0,
    ) -> None:  # fmt: skip
        """`factories` has each tab's title and what creates its content; `shortcut_prefix` goes before its number.

        `top_margin` is the space in pixels between the tab bar and the content.
        """
        super().__init__()
        set_names(self, name, accessible_name).setDocumentMode(True)
        self._factories = {number: create for number, (_, create) in enumerate(factories)}
        self._unplaced: dict[int, QWidget] = {}
        """Created and not yet added to their pages, where they are styled, which takes as long again."""
        self._pages: list[QVBoxLayout] = []
        for number, (title, _) in enumerate(factories):
            page = QWidget()
            self._pages.append(QVBoxLayout(page))
            self._pages[number].setContentsMargins(0, top_margin, 0, 0)
            self.addTab(page, title)
            self.setTabToolTip(number, f"{title} ({shortcut_prefix}{number + 1})")
        self._scheduler = IdleScheduler(self)
        self.currentChanged.connect(self._on_current_changed)

    def create_tab(self, number: int) -> None:
        """Create a tab's content, unless it exists."""
        if number in self._factories:
            finish_import()
            self._unplaced[number] = self._factories.pop(number)()
        if number in self._unplaced:
            self._pages[number].addWidget(self._unplaced.pop(number))
            self._tell_created()

    def _tell_created(self) -> None:
        widget: QWidget | None = self
        while widget is not None:
            if isinstance(widget, LazyTabWidget):
                widget.tabCreated.emit()
            widget = widget.parentWidget()

    def set_initial_tab(self, number: int) -> None:
        """Make this tab the current one; its content is created when the tabs are shown, or by `prepare` before."""
        with QSignalBlocker(self):
            self.setCurrentIndex(number)

    def prepare(self) -> None:
        """Begin to create the tabs that nobody has opened yet, one at a time between the window's events."""
        self._scheduler.start(self, self._create_all())

    def stop(self) -> None:
        """Create no more tabs, as the window is closing, and delete widgets that have no parent yet."""
        self._scheduler.stop()
        finish_import()
        for tabs in (self, *self.findChildren(LazyTabWidget)):
            for widget in tabs._unplaced.values():
                widget.deleteLater()
            tabs._unplaced.clear()

    def _create_all(self) -> Iterator[None]:
        """Import pyqtgraph first, which takes longer than opening the window, then create every tab."""
        yield from import_steps()
        for number in range(self.count()):
            yield from self._create_steps(number)
        for tabs in self.findChildren(LazyTabWidget):
            yield from tabs._create_steps(tabs.currentIndex())
        self.prepared.emit()

    def _create_steps(self, number: int) -> Iterator[None]:
        if number in self._factories:  # not opened meanwhile
            self._unplaced[number] = self._factories.pop(number)()
            yield
        self.create_tab(number)
        yield

    def showEvent(self, event: QShowEvent) -> None:
        """Create the current tab before it is shown."""
        self.create_tab(self.currentIndex())
        super().showEvent(event)

    def _on_current_changed(self, number: int) -> None:
        self.create_tab(number)
        self.entered.emit(number)
