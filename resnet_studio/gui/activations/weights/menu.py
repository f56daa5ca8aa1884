"""All the weights that a network can have, by where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import PublishedWeights
from resnet_studio.inference.weights.published import ENTRIES
from resnet_studio.networks.presets import title
from resnet_studio.plain import plain
from resnet_studio.training.runs.weights import RunWeights

LONGEST, LONGEST_PATH = 40, 4096
"""Letters of an entry; the path is in its tip."""


class WeightsMenu(QMenu):
    """Emits what is chosen. It asks what there is whenever it opens, and shows it as soon as that is known."""

    weights_wished = Signal(object)
    random_wished = Signal()
    digits_wished = Signal()
    file_wished = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        named(self, "weightsMenu", "Weights")
        self._random = self.addAction("Random weights", self.random_wished.emit)
        self._published = self._add_menu("Published by torchvision", "publishedMenu")
        self._runs = self._add_menu("From a run", "runWeightsMenu")
        self.addAction("The trained digits network", self.digits_wished.emit)
        self.addSeparator()
        self.addAction("File…", self.file_wished.emit)
        self.show_published({})
        self._say("Looking for runs…")

    def show_seed(self, seed: int) -> None:
        """Say which random weights are on offer."""
        self._random.setText(f"Random weights, seed {seed}")

    def show_published(self, fitting: Mapping[PublishedWeights, str]) -> None:
        """Offer the published weights that fit, with what is to be said of them; of the others, say what they fit."""
        self._published.clear()
        for entry in ENTRIES:
            told = fitting.get(entry.weights, f"for {entry.preset}")
            label = f"{entry.weights.model}, {entry.weights.name}\t{told}"
            action = self._published.addAction(label, partial(self.weights_wished.emit, entry.weights))
            action.setEnabled(entry.weights in fitting)
            action.setToolTip(f"{entry.file}, {entry.megabytes} MB, made for {entry.preset}")

    def show_runs(self, found: Sequence[RunWeights]) -> None:
        """Offer these checkpoints."""
        self._runs.clear()
        if not found:
            self._say("No run has kept a checkpoint yet. Start one under Training")
        for one in found:
            what = title(one.architecture) if one.architecture else "damaged"
            label = f"{_short(one.run)}, step {one.step:,}\t{_short(what)}"
            action = self._runs.addAction(label, partial(self.weights_wished.emit, one.weights))
            action.setToolTip(tooltip(plain(str(one.weights.path), LONGEST_PATH)))
            action.setEnabled(one.architecture is not None)

    def _add_menu(self, label: str, name: str) -> QMenu:
        menu = named(self.addMenu(label), name, label)
        menu.setToolTipsVisible(True)
        return menu

    def _say(self, sentence: str) -> None:
        self._runs.clear()
        self._runs.addAction(sentence).setEnabled(False)


def _short(text: str) -> str:
    """An ampersand would be a shortcut, a tab a column."""
    text = plain(text, LONGEST)
    return text.replace("&", "&&").replace("\t", " ")
