"""Which weights the network runs with, and how to take others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.activations.weights.menu import WeightsMenu
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import take_when_whole
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.opened_files import WEIGHTS_FILTER
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import RandomWeights, WeightsFile, WeightsInfo, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.plain import plain

RANDOM = "random, seed"
"""What stands before the field of the seed."""

LONGEST_NOTE = 1000
"""Characters of a note."""


class WeightsRow(QWidget):
    """Emits `weights_wished` with a source of weights."""

    weights_wished = Signal(object)
    digits_wished = Signal()
    """The network that the program has trained itself, with its weights."""
    architecture_requested = Signal(object)
    """The network that the weights were likelier made for."""
    opens = Signal()
    """The menu is about to show which weights there are."""

    def __init__(self) -> None:
        super().__init__()
        self._source, self._seed = named(_Name(RANDOM), "weightsSource", "Weights"), SeedField()
        self._state = named(QLabel(), "weightsState", "Whether the weights are trained")
        self._state.setProperty("quiet", True)
        self._notes = self._line("weightsNotes", "Notes on the weights", "quiet")
        self._doubts = self._line("weightsDoubts", "Doubts about the weights", "warning")
        tip = "Weights from most code, torchvision's among it, are for bottlenecks that halve the size in the 3×3"
        self._move_stride = named(QPushButton("Move the stride to the 3×3"), "moveStride", "Move the stride", tip)
        self._move_stride.hide()
        self._likelier: Architecture | None = None
        self.menu = WeightsMenu(self)
        self.menu.show_seed(0)
        self._lay_out()
        self._connect()

    def show_weights(self, weights: WeightsInfo, source: WeightsSource) -> None:
        """Show where the weights come from and what is to be known about them."""
        random = isinstance(source, RandomWeights)
        if isinstance(source, RandomWeights):
            self._seed.show_seed(source.seed)
            self.menu.show_seed(self._seed.value())
        else:
            self._seed.let_go()
        self._source.say(RANDOM if random else plain(weights.source))
        self._seed.setVisible(random)
        told = plain(weights.source) + (f"\nSHA-256 {weights.sha256}" if weights.sha256 else "")
        self._source.setToolTip(tooltip(told))
        headless = bool(weights.sha256) and not weights.trained
        self._state.setText("trained" if weights.trained else "not all trained" if headless else "untrained")
        _say(self._notes, [note for note in weights.notes if note not in weights.doubts])
        _say(self._doubts, weights.doubts)
        self._likelier = weights.likelier
        self._move_stride.setVisible(weights.likelier is not None)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's names)
        """Where there is no room beside one another, the buttons are below what is told."""
        widest = max(self._told.minimumSize().width(), self._asked.minimumSize().width())
        return QSize(widest, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        beside = self._told.minimumSize().width() + GRID + self._asked.minimumSize().width() <= self.width()
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.LeftToRight if beside else direction.TopToBottom)

    def _line(self, name: str, spoken: str, tone: str) -> QLabel:
        label = named(QLabel(wordWrap=True), name, spoken)
        label.setProperty(tone, True)
        label.hide()
        return label

    def _lay_out(self) -> None:
        caption = QLabel("Weights")
        caption.setProperty("quiet", True)
        tip = "Take ResNet-20 in hand as this program trained it on handwritten digits"
        self._digits = named(QPushButton("Digits network"), "digitsNetwork", "The trained digits network", tip)
        tip = "A .pth or .safetensors file with a state_dict whose names are torchvision's"
        self._open = named(QPushButton("Open file…"), "openWeights", "Open weights", tip)
        tip = "Random weights, published ones, checkpoints of runs"
        self._more = named(QToolButton(), "weightsSources", "More sources of weights", tip)
        self._more.setText("▾")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(self.menu)
        self._open.setProperty("segment", "first")
        self._more.setProperty("segment", "last")
        self._told, self._asked = QHBoxLayout(), QHBoxLayout()
        for widget, stretch in ((caption, 0), (self._source, 1000), (self._seed, 0), (self._state, 0)):
            self._told.addWidget(widget, stretch)
        self._told.addStretch(1)
        opening = QHBoxLayout()
        opening.setSpacing(0)
        opening.addWidget(self._open)
        opening.addWidget(self._more)
        self._asked.addWidget(self._digits)
        self._asked.addLayout(opening)
        self._asked.addStretch(1)
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for layout in (self._told, self._asked, row):
            layout.setSpacing(GRID)
        row.addLayout(self._told, 1)
        row.addLayout(self._asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row)
        column.addWidget(self._notes)
        column.addWidget(self._doubts)
        column.addWidget(self._move_stride, alignment=Qt.AlignmentFlag.AlignLeft)

    def _connect(self) -> None:
        self._digits.clicked.connect(self.digits_wished)
        self._open.clicked.connect(self._ask_for_file)
        self._move_stride.clicked.connect(lambda: self.architecture_requested.emit(self._likelier))
        self.menu.aboutToShow.connect(self.opens)
        self.menu.weights_wished.connect(self.weights_wished)
        self.menu.digits_wished.connect(self.digits_wished)
        self.menu.file_wished.connect(self._ask_for_file)
        self.menu.random_wished.connect(lambda: self._seed.wish(self._seed.value()))
        self._seed.seed_wished.connect(self._take_seed)

    def _take_seed(self, seed: int) -> None:
        self.menu.show_seed(seed)
        self.weights_wished.emit(RandomWeights(seed))

    def _ask_for_file(self) -> None:
        dialog = named(QFileDialog(self, "Open weights", "", WEIGHTS_FILTER), "openWeightsDialog", "Open weights")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.weights_wished.emit(WeightsFile(Path(path))))
        dialog.open()


class _Name(QLabel):
    """Where there is no room a long name loses its middle: its beginning and its ending tell files apart."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(8 * GRID)
        self.say(text)

    def say(self, text: str) -> None:
        self._whole = text
        self.setMaximumWidth(max(8 * GRID, self.fontMetrics().horizontalAdvance(text) + 2))
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._whole, mode, self.contentsRect().width()))


def _say(label: QLabel, sentences: Sequence[str]) -> None:
    label.setText(" · ".join(plain(sentence, LONGEST_NOTE) for sentence in sentences))
    label.setVisible(bool(sentences))


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
