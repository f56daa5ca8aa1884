"""The weights in use, and the controls to select others."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.activations.weights.caveats import WeightsCaveats, as_one_line
from resnet_studio.gui.activations.weights.menu import WeightsMenu
from resnet_studio.gui.common.file_dialogs import open_dialog
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import commit_when_complete
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.gui.opened_files import WEIGHTS_FILTER
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.values import RandomWeights, WeightsFile, WeightsInfo, WeightsSource
from resnet_studio.inference.weights.published import PublishedEntry
from resnet_studio.networks.presets import preset
from resnet_studio.plain import plain

RANDOM_TEXT = "random, seed"
"""The text in front of the seed field."""


class WeightsRow(QWidget):
    """Emits `weightsRequested` with a `WeightsSource`."""

    weightsRequested = Signal(object)
    digitsRequested = Signal()
    """The bundled network trained on digits, with its weights."""
    architectureRequested = Signal(object)
    """The architecture that the weights were probably made for."""
    menuAboutToShow = Signal()
    """The menu is about to open; the available weights may be set now."""
    aboutRequested = Signal(object)
    """What a file of weights is, by its `WeightsFile`: after it was opened, or from the menu."""

    def __init__(self) -> None:
        super().__init__()
        self._source, self._seed = set_names(_MiddleElidedLabel(RANDOM_TEXT), "weightsSource", "Weights"), SeedField()
        self._state = set_names(QLabel(), "weightsState", "Whether the weights are trained")
        self._state.setProperty("quiet", True)
        self._notes = set_names(QLabel(wordWrap=True), "weightsNotes", "Notes on the weights")
        self._notes.setProperty("quiet", True)
        self._notes.hide()
        self._caveats = WeightsCaveats()
        self.menu = WeightsMenu(self)
        self.menu.show_seed(0)
        self._lay_out()
        self._connect()

    def show_weights(self, weights: WeightsInfo, source: WeightsSource) -> None:
        """Show the weights' source, whether they are trained, notes and caveats."""
        random = isinstance(source, RandomWeights)
        if isinstance(source, RandomWeights):
            self._seed.show_seed(source.seed)
            self.menu.show_seed(self._seed.value())
        else:
            self._seed.clear_request()
        self._source.set_text(RANDOM_TEXT if random else plain(weights.source))
        self._seed.setVisible(random)
        self.menu.show_about(source if isinstance(source, WeightsFile) else None)
        details = plain(weights.source) + (f"\nSHA-256 {weights.sha256}" if weights.sha256 else "")
        self._source.setToolTip(tooltip(details))
        headless = bool(weights.sha256) and not weights.trained
        self._state.setText("trained" if weights.trained else "partly trained" if headless else "untrained")
        self._notes.setText(as_one_line(tuple(note for note in weights.notes if note not in weights.caveats)))
        self._notes.setVisible(bool(self._notes.text()))
        self._caveats.show_weights(weights)

    def minimumSizeHint(self) -> QSize:
        """Allow for the narrow layout, with the buttons below the text."""
        widest = max(self._info_row.minimumSize().width(), self._button_row.minimumSize().width())
        return QSize(widest, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fits = self._info_row.minimumSize().width() + GRID + self._button_row.minimumSize().width() <= self.width()
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.LeftToRight if fits else direction.TopToBottom)

    def _request_published(self, entry: PublishedEntry) -> None:
        """Request published weights and the network that they are for."""
        self.architectureRequested.emit(preset(entry.preset))
        self.weightsRequested.emit(entry.weights)

    def _lay_out(self) -> None:
        caption = QLabel("Weights")
        caption.setProperty("quiet", True)
        tip = "Use the included ResNet-20, trained on handwritten digits"
        self._digits = set_names(QPushButton("Digits network"), "digitsNetwork", "Trained digits network", tip)
        tip = "A checkpoint of a residual network: .pth, .ckpt, .safetensors, …, whoever named its tensors"
        self._open = set_names(QPushButton("Open file…"), "openWeights", "Open weights", tip)
        tip = "Random weights, torchvision weights, run checkpoints"
        self._more = set_names(QToolButton(), "weightsSources", "More weight sources", tip)
        self._more.setText("▾")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(self.menu)
        self._open.setProperty("segment", "first")
        self._more.setProperty("segment", "last")
        self._info_row, self._button_row = QHBoxLayout(), QHBoxLayout()
        for widget, stretch in ((caption, 0), (self._source, 1000), (self._seed, 0), (self._state, 0)):
            self._info_row.addWidget(widget, stretch)
        self._info_row.addStretch(1)
        opening = QHBoxLayout()
        opening.setSpacing(0)
        opening.addWidget(self._open)
        opening.addWidget(self._more)
        self._button_row.addWidget(self._digits)
        self._button_row.addLayout(opening)
        self._button_row.addStretch(1)
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for layout in (self._info_row, self._button_row, row):
            layout.setSpacing(GRID)
        row.addLayout(self._info_row, 1)
        row.addLayout(self._button_row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(row)
        column.addWidget(self._notes)
        column.addWidget(self._caveats)

    def _connect(self) -> None:
        self._digits.clicked.connect(self.digitsRequested)
        self._open.clicked.connect(self._open_file_dialog)
        self._caveats.architectureRequested.connect(self.architectureRequested)
        self.menu.aboutToShow.connect(self.menuAboutToShow)
        self.menu.weightsRequested.connect(self.weightsRequested)
        self.menu.publishedRequested.connect(self._request_published)
        self.menu.digitsRequested.connect(self.digitsRequested)
        self.menu.fileRequested.connect(self._open_file_dialog)
        self.menu.aboutRequested.connect(self.aboutRequested)
        self.menu.randomRequested.connect(lambda: self._seed.request(self._seed.value()))
        self._seed.seedRequested.connect(self._on_seed_requested)

    def _on_seed_requested(self, seed: int) -> None:
        self.menu.show_seed(seed)
        self.weightsRequested.emit(RandomWeights(seed))

    def _open_file_dialog(self) -> None:
        dialog = open_dialog(self, "openWeightsDialog", "Open weights", WEIGHTS_FILTER)
        dialog.fileSelected.connect(lambda path: self._open_file(WeightsFile(Path(path))))

    def _open_file(self, source: WeightsFile) -> None:
        self.weightsRequested.emit(source)
        self.aboutRequested.emit(source)


class _MiddleElidedLabel(QLabel):
    """Elides a long name in its middle, as beginning and end tell files apart."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(8 * GRID)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._text = text
        self.setMaximumWidth(max(8 * GRID, self.fontMetrics().horizontalAdvance(text) + 2))
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._text, mode, self.contentsRect().width()))


MAX_SEED, FIELD_WIDTH = 999_999, 9 * GRID


class SeedField(QSpinBox):
    """Emits the seed that the user enters. A late result of an earlier seed doesn't overwrite the field."""

    seedRequested = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        tip = "Seed of the random weights"
        set_names(self, "weightsSeed", "Seed of the random weights", tip)
        set_names(self.lineEdit(), self.lineEdit().objectName(), self.accessibleName(), tip)
        self.setRange(0, MAX_SEED)
        commit_when_complete(self)
        self.setFixedWidth(FIELD_WIDTH)
        self._requested: int | None = None
        self.valueChanged.connect(self.request)

    def request(self, seed: int) -> None:
        """Request that seed."""
        self._requested = seed
        self.seedRequested.emit(seed)

    def show_seed(self, seed: int) -> None:
        """Show the seed in use, unless the user has requested another or is typing."""
        if self._requested not in (None, seed) or self.lineEdit().isModified():
            return
        self._requested = None
        if self.value() != seed:
            self.blockSignals(True)
            self.setValue(seed)
            self.blockSignals(False)

    def clear_request(self) -> None:
        """Forget the requested seed, as other weights are in use."""
        self._requested = None
