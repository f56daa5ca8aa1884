"""The networks of a figure as tabs, which can be selected, moved, and removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QSizePolicy, QTabBar, QToolButton

from resnet_studio.gui.common.helpers import set_names

TIP = "Drag it, or press Alt and an arrow key, to move it; Delete removes it; double-click to use it"
FOLLOWS = "The current network; it follows every edit"
STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class NetworkTab(NamedTuple):
    """What a tab says."""

    title: str
    follows: bool
    """Whether it is the current network, whatever that is."""


class NetworkTabs(QTabBar):
    """Emits requests with the numbers of networks; the first is the leftmost."""

    networkSelected = Signal(int)
    """A tab was made the current one."""
    networkActivated = Signal(int)
    """A tab was double-clicked, or Enter was pressed on it."""
    removeRequested = Signal(int)
    orderRequested = Signal(list, int)
    """The numbers of all networks in their new order, and which of them is selected then."""

    def __init__(self) -> None:
        super().__init__()
        set_names(self, "figureNetworks", "Networks of the figure")
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._pressed = False
        """Whether a tab may be being dragged: until the mouse is released, nothing is emitted or shown."""
        self.currentChanged.connect(self._on_current_changed)
        self.tabBarDoubleClicked.connect(self.networkActivated)

    def show_networks(self, tabs: Sequence[NetworkTab], current: int) -> None:
        """Show these networks, and which of them is selected."""
        if self._pressed:
            return
        with QSignalBlocker(self):
            while self.count() > len(tabs):
                self.removeTab(self.count() - 1)
            for number, tab in enumerate(tabs):
                self._show_tab(number, tab, removable=len(tabs) > 1)
            self.setCurrentIndex(current)

    def _show_tab(self, number: int, tab: NetworkTab, *, removable: bool) -> None:
        if number == self.count():
            self.addTab("")
            self.setTabButton(number, QTabBar.ButtonPosition.RightSide, self._make_cross())
        self.setTabText(number, tab.title.replace("&", "&&"))
        self.setTabData(number, number)
        self.setTabToolTip(number, "\n".join(filter(None, (FOLLOWS if tab.follows else "", TIP))))
        cross = self.tabButton(number, QTabBar.ButtonPosition.RightSide)
        tip = f"Remove {tab.title} from the figure" if removable else "A figure has at least one network"
        set_names(cross, "removeNetwork", f"Remove {tab.title}", tip).setEnabled(removable)

    def _make_cross(self) -> QToolButton:
        cross = set_names(QToolButton(self), "removeNetwork")
        cross.setText("×")
        cross.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Delete does the same
        cross.clicked.connect(lambda: self._remove(self._number_of(cross)))
        return cross

    def _number_of(self, cross: QToolButton) -> int:
        side = QTabBar.ButtonPosition.RightSide
        return next(number for number in range(self.count()) if self.tabButton(number, side) is cross)

    def _remove(self, number: int) -> None:
        if self.count() > 1:
            self.removeRequested.emit(number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, number = Qt.Key(event.key()), self.currentIndex()
        if key == Qt.Key.Key_Delete:
            self._remove(number)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.networkActivated.emit(number)
        elif key in STEPS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self._move(number, number + STEPS[key])
        else:
            super().keyPressEvent(event)

    def _move(self, number: int, to: int) -> None:
        if 0 <= to < self.count():
            order = list(range(self.count()))
            order.insert(to, order.pop(number))
            self.orderRequested.emit(order, to)

    def _on_current_changed(self, number: int) -> None:
        if not self._pressed:
            self.networkSelected.emit(number)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.button() == Qt.MouseButton.LeftButton
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Select the tab that was clicked and, after it was dragged, request the order that the tabs have now."""
        super().mouseReleaseEvent(event)
        if not self._pressed:
            return
        self._pressed = False
        order = [int(self.tabData(number)) for number in range(self.count())]
        if order != sorted(order):
            self.orderRequested.emit(order, self.currentIndex())
        else:
            self.networkSelected.emit(self.currentIndex())
