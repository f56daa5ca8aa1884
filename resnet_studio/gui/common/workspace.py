"""What the main window knows of a workspace: one tab with everything that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QMenu, QWidget

if TYPE_CHECKING:
    from resnet_studio.gui.app_controller import AppController
    from resnet_studio.gui.lazy_tabs import LazyTabWidget


class Workspace(QObject):
    """One tab of the window. It makes its widget, connects its parts, and asks the engine only while it is current.

    The window makes every workspace as it starts, and its widget when the tab is first opened or the window is idle;
    so a subclass imports its view in `make`.
    """

    title: ClassVar[str]
    """Of its tab, and of its menu if it has one."""
    pages: ClassVar[tuple[str, ...]] = ()
    """Titles of the tabs inside it, each with an entry in its menu."""
    page_shortcut: ClassVar[str] = ""
    """The modifiers that open a page together with its number: "Alt+"."""

    currentRequested = Signal()
    """It has something to show, and asks to become the current workspace."""

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.app = app
        self.tabs: LazyTabWidget | None = None
        """The tabs inside it, once its widget is made; None for a workspace without pages."""
        self.is_current = False

    def make(self) -> QWidget:
        """Make and connect the workspace's widget. Called once."""
        raise NotImplementedError

    def set_current(self, current: bool) -> None:
        """Called when the workspace, whose widget exists by then, becomes the current one or is left."""
        self.is_current = current

    def rerun(self) -> None:
        """Compute again what the workspace shows."""

    def start_search(self) -> bool:
        """Focus the search of what is visible; returns whether there is one."""
        return False

    def command_line(self) -> tuple[str, ...]:
        """What makes on the command line what the workspace shows: the arguments of `resnet-studio`.

        `ValueError` with a sentence if there is no such command now.
        """
        raise NotImplementedError

    def open_page(self, number: int) -> None:
        """Become the current workspace, and show one of its pages."""
        self.currentRequested.emit()
        if self.tabs:
            self.tabs.setCurrentIndex(number)

    def add_actions(self, menu: QMenu) -> None:
        """Add what the workspace's menu has below its pages."""

    def close(self) -> None:
        """Stop all activity, as the window closes. The widget may never have been made."""
