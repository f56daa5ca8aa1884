"""The seed of random weights."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSpinBox

from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.whole_edit import take_when_whole

LARGEST_SEED, WIDTH = 999_999, 9 * GRID


class SeedField(QSpinBox):
    """Emits the seed that a hand has chosen. What comes late, of an earlier one, does not take the field back."""

    seed_wished = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        tip = "Another seed, other random weights"
        named(self, "weightsSeed", "Seed of the random weights", tip)
        named(self.lineEdit(), self.lineEdit().objectName(), self.accessibleName(), tip)
        self.setRange(0, LARGEST_SEED)
        take_when_whole(self)
        self.setFixedWidth(WIDTH)
        self._wished: int | None = None
        self.valueChanged.connect(self.wish)

    def wish(self, seed: int) -> None:
        """A hand wants that seed."""
        self._wished = seed
        self.seed_wished.emit(seed)

    def show_seed(self, seed: int) -> None:
        """Show the seed in use, unless a hand has chosen another or is typing."""
        if self._wished not in (None, seed) or self.lineEdit().isModified():
            return
        self._wished = None
        if self.value() != seed:
            self.blockSignals(True)
            self.setValue(seed)
            self.blockSignals(False)

    def let_go(self) -> None:
        """Other weights are in use: nothing is waited for any more."""
        self._wished = None
