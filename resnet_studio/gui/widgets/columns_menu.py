"""The menu that presets are ticked in, to be columns of a table."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QWidget

from resnet_studio.networks.presets import PRESETS

FAMILIES = {
    "the paper's": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "torchvision's v1.5": ("resnet50-v1.5", "resnet101-v1.5", "resnet152-v1.5"),
    "plain": ("plain18", "plain34"),
    "the article's": ("article18", "article34", "article50", "article101", "article152"),
    "for CIFAR and digits": tuple(name for name in PRESETS if name.endswith(("-cifar", "-digits"))),
    "baselines": ("vgg19", "alexnet"),
}


class ColumnsMenu(QMenu):
    """Emits `ticked` with the names of all that are ticked, in the order of `PRESETS`, after every change."""

    ticked = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: dict[str, QAction] = {}
        for family, names in FAMILIES.items():
            menu = StayingMenu(family, self)
            self.addMenu(menu)
            for name in names:
                action = menu.addAction(name)
                action.setCheckable(True)
                action.triggered.connect(self._tell)  # by the user, not by `tick`
                self._presets[name] = action
            menu.addSeparator()
            menu.addAction("All of them", partial(self._tick_all, names, wanted=True))
            menu.addAction("None of them", partial(self._tick_all, names, wanted=False))

    def names(self) -> tuple[str, ...]:
        """What is ticked."""
        return tuple(name for name in PRESETS if self._presets[name].isChecked())

    def tick(self, names: Collection[str]) -> None:
        """Tick these and no others."""
        for name, action in self._presets.items():
            action.setChecked(name in names)
        self._tell()

    def _tick_all(self, names: Collection[str], *, wanted: bool) -> None:
        rest = [name for name in self.names() if name not in names]
        self.tick([*rest, *(names if wanted else ())])

    def _tell(self) -> None:
        self.ticked.emit(self.names())


class StayingMenu(QMenu):
    """A menu that stays open while its entries are ticked, as several are wanted more often than one."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's names)
        if not self._trigger(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        chosen = self.activeAction() if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) else None
        if not self._trigger(chosen):
            super().keyPressEvent(event)

    def _trigger(self, action: QAction | None) -> bool:
        if action is None or action.isSeparator():
            return False
        action.trigger()
        return True
