"""Selects what side B has instead of side A's: its network, its weights, its image."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.common.file_dialogs import open_dialog
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.opened_files import ARCHITECTURES_FILTER, WEIGHTS_FILTER
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import SideBOverrides, apply_overrides
from resnet_studio.inference.counterparts import plain_counterpart
from resnet_studio.inference.values import (
    ForwardSpec,
    RandomWeights,
    WeightsFile,
    WeightsSource,
    image_title,
    weights_title,
)
from resnet_studio.inference.weights.bundled import bundled_weights
from resnet_studio.inference.weights.published import published_for
from resnet_studio.inference.weights.sources import weights_from_json, weights_to_json
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import matching, preset, title
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.weights import RunWeights

AS_A, OPEN_FILE, OPEN_RUN = "", "open file", "open run"
NETWORK_AS_A = "same network"
SEED_COUNT, MAX_IMAGES = 4, 300
WIDE = 45 * GRID
"""Width from which the three choices are in one row."""
CHECKPOINTS = "Checkpoint weights (weights.safetensors *.safetensors);;All files (*)"


class SideBChooser(QWidget):
    """Emits `overridesRequested` with the new overrides, or `architectureFileSelected` with the path of a JSON file."""

    overridesRequested = Signal(object)
    architectureFileSelected = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._overrides, self._side_a = SideBOverrides(), ForwardSpec("", preset("resnet50"))
        self._images: tuple[str, ...] = ()
        self._runs: tuple[RunWeights, ...] = ()
        self._network = preset_search("same network")
        set_names(self._network, "besideNetwork", "B's network", "B's network: same as A's, or part of a preset's name")
        self._network.insertItem(0, NETWORK_AS_A)
        self._network.insertItem(1, "Open JSON…")
        self._network.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._weights = ComboBox({}, "besideWeights", "B's weights", "B's weights: same as A's, or others that may fit")
        self._image = ComboBox({}, "besideImage", "B's image", "B's image: same as A's, or another one in the list")
        self._counterpart = _link("besideTwin", "Use the same network with or without shortcuts for B")
        self._next_seed = _link("besideSeed", "Use random weights with another seed for B", "new seed")
        self._next_image = _link("besideNext", "Use the image after A's for B", "next image")
        self._lay_out()
        self._connect()

    def show_overrides(self, overrides: SideBOverrides, side_a: ForwardSpec) -> None:
        """Show what side B is."""
        self._overrides, self._side_a = overrides, side_a
        network_title = title(overrides.architecture) if overrides.architecture else NETWORK_AS_A
        self._network.setCurrentIndex(self._network.findText(network_title))
        network = cast("QLineEdit", self._network.lineEdit())
        network.setText(network_title)
        network.setCursorPosition(0)
        counterpart = plain_counterpart(side_a.architecture)
        self._counterpart.setEnabled(counterpart is not None)
        residual = counterpart and counterpart.shortcut != "none"
        self._counterpart.setText("residual network" if residual else "plain network")
        self._show_weights()
        self._show_image()

    def show_images(self, images: Sequence[str]) -> None:
        """Offer these images, of which the list shows the first `MAX_IMAGES`."""
        self._images = tuple(images)
        self._image.clear()
        self._next_image.setEnabled(len(self._images) > 1)
        self._show_image()

    def show_runs(self, runs: Sequence[RunWeights]) -> None:
        """Offer those of these checkpoints that fit side B's network."""
        self._runs = tuple(runs)
        self._show_weights()

    def _show_weights(self) -> None:
        self._weights.set_values(self._available_weights(apply_overrides(self._side_a, self._overrides).architecture))
        self._weights.set_value(_key(self._overrides.weights))

    def _show_image(self) -> None:
        selected = self._overrides.image or AS_A
        if self._image.findData(selected) < 0:
            images = dict.fromkeys((*self._images[:MAX_IMAGES], *filter(None, [selected])))
            self._image.set_values({AS_A: "same image", **{image: image_title(image) for image in images}})
        self._image.set_value(selected)

    def _available_weights(self, architecture: Architecture) -> dict[str, str]:
        sources: list[WeightsSource] = [RandomWeights(seed) for seed in range(SEED_COUNT)]
        if shipped := bundled_weights(architecture):
            sources.insert(0, shipped)
        sources += published_for(architecture)
        if self._overrides.weights:
            sources.insert(0, self._overrides.weights)
        trained = {_key(run.weights): f"{run.run}, step {run.step:,}" for run in self._runs
                   if run.architecture == architecture}  # fmt: skip
        return {
            AS_A: "same weights", **{_key(source): weights_title(source) for source in sources}, **trained,
            OPEN_FILE: "Open file…", OPEN_RUN: "Checkpoint of run…",
        }  # fmt: skip

    def _lay_out(self) -> None:
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        letter = QLabel("B")
        letter.setProperty("heading", True)
        grid.addWidget(letter, 0, 0)
        self._controls = (
            (self._network, self._counterpart),
            (self._weights, self._next_seed),
            (self._image, self._next_image),
        )
        self._arrange(wide=True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(wide=self.width() >= WIDE)

    def _arrange(self, *, wide: bool) -> None:
        """Put each choice above its shortcut button, or in front of it if the window is narrow."""
        if self._grid.property("wide") == wide:
            return
        self._grid.setProperty("wide", wide)
        for number, (box, link) in enumerate(self._controls):
            column = number + 1 if wide else 1
            self._grid.addWidget(box, 0 if wide else number, column)
            self._grid.addWidget(link, *((1, column) if wide else (number, 2)), Qt.AlignmentFlag.AlignLeft)
            self._grid.setColumnStretch(number + 1, 12 - number if wide or number == 0 else 0)

    def _connect(self) -> None:
        self._network.textActivated.connect(self._on_network_selected)
        cast("QLineEdit", self._network.lineEdit()).returnPressed.connect(self._on_name_entered)
        self._weights.valueSelected.connect(self._on_weights_selected)
        self._image.valueSelected.connect(lambda image: self._request(image=image or None))
        self._counterpart.clicked.connect(
            lambda: self._request(architecture=plain_counterpart(self._side_a.architecture))
        )
        self._next_seed.clicked.connect(self._use_next_seed)
        self._next_image.clicked.connect(self._use_next_image)

    def _on_network_selected(self, name: str) -> None:
        if name == NETWORK_AS_A:
            self._request(architecture=None)
        elif name == "Open JSON…":
            self.show_overrides(self._overrides, self._side_a)
            self._open_file_dialog("Open architecture for B", ARCHITECTURES_FILTER, self.architectureFileSelected.emit)
        else:
            self._request(architecture=preset(name))

    def _on_name_entered(self) -> None:
        """On Return after what isn't in the list, select the first preset whose name contains it; nothing is A's."""
        typed = self._network.currentText().strip()
        if not typed:
            self._on_network_selected(NETWORK_AS_A)
        elif self._network.findText(typed) < 0 and (found := matching(typed)):
            self._on_network_selected(found[0])

    def _on_weights_selected(self, key: str) -> None:
        self._weights.set_value(_key(self._overrides.weights))
        if key == OPEN_FILE:
            self._open_file_dialog("Open weights for B", WEIGHTS_FILTER, self._set_weights_file)
        elif key == OPEN_RUN:
            self._open_file_dialog("Checkpoint for B", CHECKPOINTS, self._set_weights_file, run_folder.runs_folder())
        else:
            self._request(weights=weights_from_json(json.loads(key)) if key else None)

    def _set_weights_file(self, path: str) -> None:
        self._request(weights=WeightsFile(Path(path)))

    def _use_next_seed(self) -> None:
        """Request random weights with a seed that neither side has."""
        current = apply_overrides(self._side_a, self._overrides).weights
        self._request(weights=RandomWeights(current.seed + 1 if isinstance(current, RandomWeights) else 0))

    def _use_next_image(self) -> None:
        """Request the image after side B's, skipping side A's."""
        current = self._overrides.image or self._side_a.image
        others = [*self._images, *self._images]
        after = others[others.index(current) + 1 :] if current in others else others
        self._request(image=next((image for image in after if image != self._side_a.image), None))

    def _request(self, **changes: object) -> None:
        self.overridesRequested.emit(replace(self._overrides, **changes))  # type: ignore[arg-type]

    def _open_file_dialog(
        self, title_text: str, filters: str, on_selected: Callable[[str], None], folder: Path | None = None
    ) -> None:
        dialog = open_dialog(self, "besideDialog", title_text, filters, folder=str(folder or ""))
        dialog.fileSelected.connect(on_selected)


def _key(weights: WeightsSource | None) -> str:
    """Weights as a value of a `ComboBox`."""
    return json.dumps(weights_to_json(weights)) if weights else AS_A


def _link(name: str, tip: str, text: str = "plain network") -> QPushButton:
    button = set_names(QPushButton(text), name, tip, tip)
    button.setFlat(True)
    button.setProperty("flat", True)
    return button
