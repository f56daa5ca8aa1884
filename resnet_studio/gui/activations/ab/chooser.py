"""What the second side has that the first has not: its network, its weights, its image."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QLabel, QLineEdit, QPushButton, QSizePolicy, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.preset_search import preset_search
from resnet_studio.gui.opened_files import WEIGHTS_FILTER
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.ab import SideBOverrides, apply_overrides, from_values, to_values, twin
from resnet_studio.inference.values import (
    ForwardSpec,
    PublishedWeights,
    RandomWeights,
    WeightsFile,
    WeightsSource,
    image_title,
)
from resnet_studio.inference.weights.bundled import shipped_weights
from resnet_studio.inference.weights.published import published_for
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset, title
from resnet_studio.training.runs import run_folder
from resnet_studio.training.runs.weights import RunWeights

AS_A, OPEN_JSON, OPEN_FILE, OPEN_RUN = "", "open json", "open file", "open run"
NETWORK_AS_A = "network: A"
SEEDS, MOST_IMAGES = 4, 300
BROAD = 45 * GRID
"""Width from which on the three choices stand side by side."""
CHECKPOINTS = "A run's weights (weights.safetensors *.safetensors);;All files (*)"
ARCHITECTURES = "Architectures (*.json);;All files (*)"


class SideBChooser(QWidget):
    """Emits `beside_wished` with a `Beside`, or `architecture_wished` with the path of a JSON file."""

    beside_wished = Signal(object)
    architecture_wished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._beside, self._first = SideBOverrides(), ForwardSpec("", preset("resnet50"))
        self._images: tuple[str, ...] = ()
        self._runs: tuple[RunWeights, ...] = ()
        self._network = preset_search("network: A")
        named(self._network, "besideNetwork", "B's network", "The network of B: as A, a preset by any part of its name")
        self._network.insertItem(0, NETWORK_AS_A)
        self._network.insertItem(1, "Open JSON…")
        self._network.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._weights = ComboBox({}, "besideWeights", "B's weights", "The weights of B: as A, or others that may fit")
        self._image = ComboBox({}, "besideImage", "B's image", "The image of B: as A, or another of those at hand")
        self._twin = _link("besideTwin", "Give B the same network with or without its shortcuts")
        self._seed = _link("besideSeed", "Give B random weights of another seed", "another seed")
        self._next = _link("besideNext", "Give B the image after A's", "next image")
        self._lay_out()
        self._connect()

    def show_beside(self, beside: SideBOverrides, first: ForwardSpec) -> None:
        """Show what the second side is."""
        self._beside, self._first = beside, first
        named_so = title(beside.architecture) if beside.architecture else NETWORK_AS_A
        self._network.setCurrentIndex(self._network.findText(named_so))
        network = cast("QLineEdit", self._network.lineEdit())
        network.setText(named_so)
        network.setCursorPosition(0)
        found = twin(first.architecture)
        self._twin.setEnabled(found is not None)
        self._twin.setText("residual twin" if found and found.shortcut != "none" else "plain twin")
        self._show_weights()
        self._show_image()

    def show_images(self, images: Sequence[str]) -> None:
        """Offer these images, or the first of very many."""
        self._images = tuple(images)
        self._image.clear()
        self._next.setEnabled(len(self._images) > 1)
        self._show_image()

    def show_runs(self, found: Sequence[RunWeights]) -> None:
        """Offer these checkpoints where they fit."""
        self._runs = tuple(found)
        self._show_weights()

    def _show_weights(self) -> None:
        self._weights.show_values(self._weights_on_offer(apply_overrides(self._first, self._beside).architecture))
        self._weights.show_value(_key(self._beside.weights))

    def _show_image(self) -> None:
        chosen = self._beside.image or AS_A
        if self._image.findData(chosen) < 0:
            offered = dict.fromkeys((*self._images[:MOST_IMAGES], *filter(None, [chosen])))
            self._image.show_values({AS_A: "image: A", **{image: image_title(image) for image in offered}})
        self._image.show_value(chosen)

    def _weights_on_offer(self, architecture: Architecture) -> dict[str, str]:
        sources: list[WeightsSource] = [RandomWeights(seed) for seed in range(SEEDS)]
        if shipped := shipped_weights(architecture):
            sources.insert(0, shipped)
        sources += published_for(architecture)
        if self._beside.weights:
            sources.insert(0, self._beside.weights)
        trained = {_key(one.weights): f"{one.run}, step {one.step:,}" for one in self._runs
                   if one.architecture == architecture}  # fmt: skip
        return {
            AS_A: "weights: A", **{_key(source): called(source) for source in sources}, **trained,
            OPEN_FILE: "Open a file…", OPEN_RUN: "Checkpoint of a run…",
        }  # fmt: skip

    def _lay_out(self) -> None:
        self._grid = grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(0)
        letter = QLabel("B")
        letter.setProperty("heading", True)
        grid.addWidget(letter, 0, 0)
        self._parts = (self._network, self._twin), (self._weights, self._seed), (self._image, self._next)
        self._place(beside=True)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        super().resizeEvent(event)
        self._place(beside=self.width() >= BROAD)

    def _place(self, *, beside: bool) -> None:
        """Each choice over its short cut, or where it is narrow before it."""
        if self._grid.property("beside") == beside:
            return
        self._grid.setProperty("beside", beside)
        for number, (box, link) in enumerate(self._parts):
            column = number + 1 if beside else 1
            self._grid.addWidget(box, 0 if beside else number, column)
            self._grid.addWidget(link, *((1, column) if beside else (number, 2)), Qt.AlignmentFlag.AlignLeft)
            self._grid.setColumnStretch(number + 1, 12 - number if beside or number == 0 else 0)

    def _connect(self) -> None:
        self._network.textActivated.connect(self._take_network)
        line = cast("QLineEdit", self._network.lineEdit())
        line.returnPressed.connect(lambda: self._take_network(NETWORK_AS_A) if not line.text().strip() else None)
        self._weights.chosen.connect(self._take_weights)
        self._image.chosen.connect(lambda image: self._wish(image=image or None))
        self._twin.clicked.connect(lambda: self._wish(architecture=twin(self._first.architecture)))
        self._seed.clicked.connect(self._take_seed)
        self._next.clicked.connect(self._take_next)

    def _take_network(self, name: str) -> None:
        if name == NETWORK_AS_A:
            self._wish(architecture=None)
        elif name == "Open JSON…":
            self.show_beside(self._beside, self._first)
            self._ask_for_file("Open an architecture for B", ARCHITECTURES, self.architecture_wished.emit)
        else:
            self._wish(architecture=preset(name))

    def _take_weights(self, key: str) -> None:
        self._weights.show_value(_key(self._beside.weights))
        if key == OPEN_FILE:
            self._ask_for_file("Open weights for B", WEIGHTS_FILTER, self._take_file)
        elif key == OPEN_RUN:
            self._ask_for_file("A checkpoint for B", CHECKPOINTS, self._take_file, run_folder.runs_folder())
        else:
            self._wish(weights=from_values({"weights": json.loads(key)}).weights if key else None)

    def _take_file(self, path: str) -> None:
        self._wish(weights=WeightsFile(Path(path)))

    def _take_seed(self) -> None:
        """One that neither side has."""
        now = apply_overrides(self._first, self._beside).weights
        self._wish(weights=RandomWeights(now.seed + 1 if isinstance(now, RandomWeights) else 0))

    def _take_next(self) -> None:
        """The one after that of the second side, and never the first's."""
        now = self._beside.image or self._first.image
        others = [*self._images, *self._images]
        after = others[others.index(now) + 1 :] if now in others else others
        self._wish(image=next((image for image in after if image != self._first.image), None))

    def _wish(self, **changes: object) -> None:
        self.beside_wished.emit(replace(self._beside, **changes))  # type: ignore[arg-type]

    def _ask_for_file(self, told: str, kinds: str, take: Callable[[str], None], folder: Path | None = None) -> None:
        dialog = named(QFileDialog(self, told, str(folder or ""), kinds), "besideDialog", told)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(take)
        dialog.open()


def called(weights: WeightsSource) -> str:
    """What weights are called in a list."""
    if isinstance(weights, RandomWeights):
        return f"random, seed {weights.seed}"
    if isinstance(weights, PublishedWeights):
        return f"torchvision's {weights.model}, {weights.name}"
    path = weights.path
    if path.parent.parent.name == run_folder.CHECKPOINTS:
        return f"{path.parent.name} of {path.parent.parent.parent.name}"
    return path.name if weights.head else f"{path.name} without its head"


def _key(weights: WeightsSource | None) -> str:
    """Weights as a value of a `Choice`."""
    return json.dumps(to_values(SideBOverrides(weights=weights))["weights"]) if weights else AS_A


def _link(name: str, tip: str, text: str = "plain twin") -> QPushButton:
    button = named(QPushButton(text), name, tip, tip)
    button.setFlat(True)
    button.setProperty("flat", True)
    return button
