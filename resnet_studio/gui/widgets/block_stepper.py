"""One block of a network, and the one before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.choice import Choice
from resnet_studio.gui.widgets.named import named


class BlockStepper(QWidget):
    """The arrow keys walk the blocks, as do the arrows beside the block's name; the name opens a list of all."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        named(self, "blockStepper", "Block")
        self._blocks: tuple[str, ...] = ()
        self._back = self._arrow("◀", "blockBefore", "The block before (←)", -1)
        self._on = self._arrow("▶", "blockAfter", "The block after (→)", 1)
        self._list = _Blocks({}, "blockChoice", "Block", "The block that is looked at; ← and → walk the blocks")
        self._list.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._list.setMinimumWidth(14 * GRID)  # of the longest name, layer6.999
        self._list.chosen.connect(self.chosen)
        self._list.stepped.connect(self._step)
        self.setFocusProxy(self._list)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID // 2)
        for widget in (self._back, self._list, self._on):
            row.addWidget(widget)

    def show_blocks(self, blocks: Sequence[str], block: str) -> None:
        """Offer these blocks, in order, and show one as chosen."""
        if self._blocks != tuple(blocks):
            self._blocks = tuple(blocks)
            self._list.show_values({name: name for name in blocks})
        self._list.show_value(block)
        self._back.setEnabled(block in self._blocks[1:])
        self._on.setEnabled(block in self._blocks[:-1])

    def _arrow(self, text: str, name: str, tip: str, step: int) -> QToolButton:
        button = named(QToolButton(), name, tip.partition(" (")[0], tip)
        button.setText(text)
        button.setAutoRaise(True)
        button.setFixedWidth(4 * GRID)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the name beside it has the keys
        button.clicked.connect(lambda: self._step(step))
        return button

    def _step(self, step: int) -> None:
        number = self._blocks.index(self._list.value()) + step
        if 0 <= number < len(self._blocks):
            self.chosen.emit(self._blocks[number])


class _Blocks(Choice):
    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or event.modifiers() & Qt.KeyboardModifier.AltModifier:  # which opens the list
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)
