"""What to train on, and how: the recipe, the data, the learning rate to come and what it will cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.training.setup.data_preview import DataPreview
from resnet_studio.gui.training.setup.estimate import EstimatePanel
from resnet_studio.gui.training.setup.lr_plot import LearningRatePlot
from resnet_studio.gui.training.setup.recipe_form import RecipeForm
from resnet_studio.inference.values import Device
from resnet_studio.training.datasets import DataView, Estimate
from resnet_studio.training.recipe import Recipe, steps_per_epoch
from resnet_studio.training.runs.run_folder import MANIFEST

FORM, STRIP, ESTIMATE = 328, (192, 216), 328
"""Width of the form, least height of the strip under the data in a low and in a high window, greatest width of the
estimate."""
UNREADY = "The data have to be there first"
WRONG = "Correct the fields that are marked first"


class SetupView(QWidget):
    """Shows a recipe and what follows from it. A training can be started once its data have been shown, no field is
    wrong, and nothing stands in its way."""

    recipe_wished = Signal(object)
    start_wished = Signal(str)
    """The run's name, as it was typed or proposed."""
    download_wished = Signal(str)
    """The name of a data set."""
    preset_wished = Signal(str)
    """The preset that was advised."""

    def __init__(self) -> None:
        super().__init__()
        self._recipe = Recipe()
        self._data: DataView | None = None
        self._obstacle = self._starting = self._proposed = ""
        self._devices: dict[str, str] = {}
        self._form, self._preview = RecipeForm(), DataPreview()
        self._rates, self._estimate = LearningRatePlot(), EstimatePanel()
        self._name = named(
            QLineEdit(), "runName", "Name of the run", "What the run is called; empty for the name shown"
        )
        self._name.returnPressed.connect(self._start)
        self._problem = named(QLabel(wordWrap=True), "startProblem", "Why it can't be started")
        self._problem.setProperty("problem", True)
        self._problem.hide()
        self._advice = named(QLabel(wordWrap=True), "advice", "Advice")
        self._advice.setProperty("quiet", True)
        self._preset = named(QPushButton(), "takeAdvice", "Take the advised preset", "Take this network in hand")
        self._preset.clicked.connect(lambda: self.preset_wished.emit(self._preset.property("preset")))
        self.show_advice("", "")
        self._button = named(QPushButton("Start training"), "startTraining", "Start training")
        self._button.setProperty("primary", True)
        self._button.clicked.connect(self._start)
        self._strip = self._make_strip()
        self._lay_out()
        self._form.wished.connect(self._take)
        self._form.standing_changed.connect(self._show_standing)
        self._preview.download_wished.connect(self.download_wished)
        self.setAcceptDrops(True)
        self._show_standing()

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe, and its learning rate over the run."""
        changed, self._recipe = recipe.data != self._recipe.data, recipe
        if changed:
            self._data = None
            self._preview.show_loading(recipe.data)
            self._estimate.show_nothing()
        self._form.show_recipe(recipe)
        self._draw_rates()
        self._show_standing()

    def show_architecture(self, title: str, changes: Sequence[str], depth: int = 0) -> None:
        """What is trained, and what fitting it to the data changes. `depth` decides which recipe suits CIFAR."""
        self._estimate.show_network(title, tuple(changes))
        self._form.show_depth(depth)

    def show_devices(self, devices: Sequence[Device]) -> None:
        """Offer these to train on."""
        self._devices = {device.name: device.label for device in devices}
        self._form.show_devices(devices)

    def show_name(self, name: str) -> None:
        """The name that the run has unless the user types another."""
        self._proposed = name
        self._name.setPlaceholderText(self._starting or name)

    def show_loading(self, data: str, words: str = "", done: float | None = None) -> None:
        """These data are being opened, or fetched (`done` of 1)."""
        self._preview.show_loading(data, words, done)

    def show_data(self, view: DataView) -> None:
        """Show what the training would see; those of another recipe's data come too late."""
        if view.name != self._recipe.data:
            return
        self._data = view
        self._preview.show_data(view)
        self._form.show_here(view.name)
        self._draw_rates()
        self._show_standing()

    def show_data_problem(self, sentence: str, downloadable: bool) -> None:
        """Say why the recipe's data can't be had, and whether a download would help."""
        self._data = None
        self._preview.show_problem(self._recipe.data, sentence, downloadable=downloadable)
        self._draw_rates()
        self._show_standing()

    def show_estimate(self, estimate: Estimate | None) -> None:
        """Show what the run will cost; None while it is being timed."""
        self._estimate.show_estimate(estimate, self._devices.get(self._recipe.device, self._recipe.device))

    def show_obstacle(self, sentence: str) -> None:
        """Say what stands in the way of a start, as a network that can't take such images; empty if nothing does."""
        self._obstacle = sentence
        self._show_standing()

    def show_starting(self, name: str) -> None:
        """Say on the button that a run of this name is starting; another can be started once it has begun."""
        self._starting = name
        if name:
            self._name.clear()
        self.show_name(self._proposed)
        self._show_standing()
        self._button.repaint()

    def show_advice(self, sentence: str, preset: str) -> None:
        """Say what would suit better, with a button that takes it; empty if nothing would."""
        self._advice.setText(sentence)
        self._preset.setText(f"Take {preset}")
        self._preset.setProperty("preset", preset)
        for widget in (self._advice, self._preset):
            widget.setVisible(bool(sentence))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's names)
        """Ctrl+Return starts from wherever the cursor is."""
        if (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self._start()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if _dropped_folder(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self._form.take_data(_dropped_folder(event))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._strip.setMinimumHeight(min(max(STRIP[0], self.height() * 2 // 7), STRIP[1]))

    def _take(self, recipe: Recipe) -> None:
        self.show_recipe(recipe)
        self.recipe_wished.emit(recipe)

    def _per_epoch(self) -> int | None:
        if self._data is None:
            return None
        return steps_per_epoch(sum(self._data.training_counts), self._recipe.batch_size)

    def _draw_rates(self) -> None:
        self._form.show_steps_per_epoch(self._per_epoch())
        self._rates.show_recipe(self._recipe, self._per_epoch())

    def _start(self) -> None:
        self._form.finish()
        if self._button.isEnabled():
            self.start_wished.emit(self._name.text().strip() or self._proposed)

    def _show_standing(self) -> None:
        why = self._obstacle or (WRONG if not self._form.right() else UNREADY if self._data is None else "")
        if self._starting:
            why = f"{self._starting} is starting: loading PyTorch takes some seconds"
        self._button.setText("Starting…" if self._starting else "Start training")
        self._button.setEnabled(not why)
        self._button.setToolTip(why or "Train this network with this recipe (Ctrl+Return)")
        self._problem.setText(self._obstacle)
        self._problem.setVisible(bool(self._obstacle))

    def _make_left(self) -> QWidget:
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._form)
        held = QWidget()
        held.setFixedWidth(FORM)
        column = QVBoxLayout(held)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addWidget(rule())
        below = QVBoxLayout()
        below.setContentsMargins(2 * GRID, GRID + 4, 2 * GRID, GRID + 4)
        below.setSpacing(GRID)
        for widget in (self._advice, self._preset, self._problem, self._name, self._button):
            below.addWidget(widget)
        column.addLayout(below)
        return held

    def _make_strip(self) -> QWidget:
        strip = QWidget()
        row = QHBoxLayout(strip)
        row.setContentsMargins(2 * GRID, GRID + 4, 2 * GRID, GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._rates, 10)
        row.addWidget(self._estimate, 9)
        self._estimate.setMaximumWidth(ESTIMATE)
        self._rates.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)  # it asks for 480 pixels
        return strip

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._preview, 1)
        right.addWidget(rule())
        right.addWidget(self._strip)
        line = QFrame()
        line.setFixedWidth(1)
        line.setProperty("rule", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._make_left())
        row.addWidget(line)
        row.addLayout(right, 1)


def _dropped_folder(event: QDropEvent) -> str:
    """The path of the one folder that is dropped, unless it is a run, which is somebody else's; else nothing."""
    paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    if len(paths) != 1 or not Path(paths[0]).is_dir() or (Path(paths[0]) / MANIFEST).exists():
        return ""
    return paths[0]
