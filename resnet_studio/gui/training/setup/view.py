"""The New run tab: the recipe, the data, the learning rate schedule and the estimated cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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

from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.tab_view import TabView
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
"""Pixels: width of the form, minimum height of the strip under the data in a low and in a high window, maximum width
of the estimate."""
UNREADY = "Wait for the data set to load"
WRONG = "Correct the marked fields first"


class SetupView(TabView):
    """Shows a recipe, its data and its cost. A run can be started once the data are shown, all fields are valid, and
    there is no obstacle."""

    recipeRequested = Signal(object)
    startRequested = Signal(str)
    """The run's name, typed or default."""
    downloadRequested = Signal(str)
    """The name of a data set."""
    presetRequested = Signal(str)
    """The advised preset."""

    def __init__(self) -> None:
        super().__init__()
        self._recipe = Recipe()
        self._data: DataView | None = None
        self._obstacle = self._starting = self._proposed = ""
        self._devices: dict[str, str] = {}
        self._form, self._preview = RecipeForm(), DataPreview()
        self._lr_plot, self._estimate_panel = LearningRatePlot(), EstimatePanel()
        self._name = set_names(QLineEdit(), "runName", "Run name", "Name of the run; leave empty for the default shown")
        self._name.returnPressed.connect(self._start)
        self._problem = set_names(QLabel(wordWrap=True), "startProblem", "Why training can't start")
        self._problem.setProperty("problem", True)
        self._problem.hide()
        self._advice = set_names(QLabel(wordWrap=True), "advice", "Advice")
        self._advice.setProperty("quiet", True)
        self._preset_button = set_names(
            QPushButton(), "takeAdvice", "Use the suggested preset", "Make this the current network"
        )
        self._preset_button.clicked.connect(lambda: self.presetRequested.emit(self._preset_button.property("preset")))
        self.show_advice("", "")
        self._button = set_names(QPushButton("Start training"), "startTraining", "Start training")
        self._button.setProperty("primary", True)
        self._button.clicked.connect(self._start)
        self._strip = self._make_strip()
        self._lay_out()
        self._form.recipeRequested.connect(self._on_recipe_requested)
        self._form.validityChanged.connect(self._update_start_button)
        self._preview.downloadRequested.connect(self.downloadRequested)
        self._estimate_panel.batchRequested.connect(self._use_batch)
        self.setAcceptDrops(True)
        self._update_start_button()

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe and its learning rate schedule."""
        changed, self._recipe = recipe.data != self._recipe.data, recipe
        if changed:
            self._data = None
            self._preview.show_loading(recipe.data)
            self._estimate_panel.clear()
        self._form.show_recipe(recipe)
        self._draw_learning_rate()
        self._update_start_button()

    def show_architecture(self, title: str, changes: Sequence[str], depth: int = 0) -> None:
        """Show the network and how it is fitted to the data. `depth` decides which recipe suits CIFAR."""
        self._estimate_panel.show_network(title, tuple(changes))
        self._form.show_depth(depth)

    def show_devices(self, devices: Sequence[Device]) -> None:
        """Offer these devices to train on."""
        self._devices = {device.name: device.label for device in devices}
        self._form.show_devices(devices)

    def show_name(self, name: str) -> None:
        """Show the run's default name."""
        self._proposed = name
        self._name.setPlaceholderText(self._starting or name)

    def show_loading(self, data: str, words: str = "", done: float | None = None) -> None:
        """Show that a data set is being opened, or downloaded (`done` of 1)."""
        self._preview.show_loading(data, words, done)

    def show_data(self, view: DataView) -> None:
        """Show the data, unless the recipe has changed to another data set meanwhile."""
        if view.name != self._recipe.data:
            return
        self._data = view
        self._preview.show_data(view)
        self._form.mark_downloaded(view.name)
        self._draw_learning_rate()
        self._update_start_button()

    def show_data_problem(self, sentence: str, downloadable: bool) -> None:
        """Show why the recipe's data can't be opened, and whether they can be downloaded."""
        self._data = None
        self._preview.show_problem(self._recipe.data, sentence, downloadable=downloadable)
        self._draw_learning_rate()
        self._update_start_button()

    def show_estimate(self, estimate: Estimate | None) -> None:
        """Show the cost of the run; None while it is being timed."""
        self._estimate_panel.show_estimate(estimate, self._devices.get(self._recipe.device, self._recipe.device))

    def show_obstacle(self, sentence: str) -> None:
        """Show why the run can't be started, such as a network that can't take these images; empty if it can."""
        self._obstacle = sentence
        self._update_start_button()

    def show_starting(self, name: str) -> None:
        """Show on the button that a run of this name is starting; empty once it has begun."""
        self._starting = name
        if name:
            self._name.clear()
        self.show_name(self._proposed)
        self._update_start_button()
        self._button.repaint()

    def show_advice(self, sentence: str, preset: str) -> None:
        """Show advice, with a button that selects the preset; empty if there is none."""
        self._advice.setText(sentence)
        self._preset_button.setText(f"Use {preset}")
        self._preset_button.setProperty("preset", preset)
        for widget in (self._advice, self._preset_button):
            widget.setVisible(bool(sentence))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Ctrl+Return starts the run, whichever field has focus."""
        if (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self._start()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_folder(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self._form.request_data(_dropped_folder(event))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._strip.setMinimumHeight(min(max(STRIP[0], self.height() * 2 // 7), STRIP[1]))

    def _on_recipe_requested(self, recipe: Recipe) -> None:
        self.show_recipe(recipe)
        self.recipeRequested.emit(recipe)

    def _use_batch(self, size: int) -> None:
        self._on_recipe_requested(replace(self._recipe, batch_size=size))

    def _per_epoch(self) -> int | None:
        if self._data is None:
            return None
        return steps_per_epoch(sum(self._data.training_counts), self._recipe.batch_size)

    def _draw_learning_rate(self) -> None:
        self._form.show_steps_per_epoch(self._per_epoch())
        self._lr_plot.show_recipe(self._recipe, self._per_epoch())

    def _start(self) -> None:
        self._form.commit()
        if self._button.isEnabled():
            self.startRequested.emit(self._name.text().strip() or self._proposed)

    def _update_start_button(self) -> None:
        reason = self._obstacle or (WRONG if not self._form.is_valid() else UNREADY if self._data is None else "")
        if self._starting:
            reason = f"{self._starting} is starting; loading PyTorch takes a few seconds"
        self._button.setText("Starting…" if self._starting else "Start training")
        self._button.setEnabled(not reason)
        self._button.setToolTip(reason or "Train this network with this recipe (Ctrl+Return)")
        self._problem.setText(self._obstacle)
        self._problem.setVisible(bool(self._obstacle))

    def _make_left(self) -> QWidget:
        scroll = QScrollArea(widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self._form)
        container = QWidget()
        container.setFixedWidth(FORM)
        column = QVBoxLayout(container)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(scroll, 1)
        column.addWidget(separator())
        below = QVBoxLayout()
        below.setContentsMargins(2 * GRID, GRID + 4, 2 * GRID, GRID + 4)
        below.setSpacing(GRID)
        for widget in (self._advice, self._preset_button, self._problem, self._name, self._button):
            below.addWidget(widget)
        column.addLayout(below)
        return container

    def _make_strip(self) -> QWidget:
        strip = QWidget()
        row = QHBoxLayout(strip)
        row.setContentsMargins(2 * GRID, GRID + 4, 2 * GRID, GRID)
        row.setSpacing(2 * GRID)
        row.addWidget(self._lr_plot, 10)
        row.addWidget(self._estimate_panel, 9)
        self._estimate_panel.setMaximumWidth(ESTIMATE)
        self._lr_plot.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored
        )  # its size hint is 480 pixels
        return strip

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._preview, 1)
        right.addWidget(separator())
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
    """The path of the one dropped folder, unless it is a run, which the window handles; else an empty string."""
    paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
    if len(paths) != 1 or not Path(paths[0]).is_dir() or (Path(paths[0]) / MANIFEST).exists():
        return ""
    return paths[0]
