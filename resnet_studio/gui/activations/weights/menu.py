"""The menu of all available weights, by their source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from resnet_studio.analysis.network_sets import FAMILIES, family_of
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.labels import tooltip
from resnet_studio.inference.values import PublishedWeights, WeightsFile
from resnet_studio.inference.weights.published import ENTRIES, PublishedEntry
from resnet_studio.networks.presets import preset, title
from resnet_studio.plain import plain
from resnet_studio.training.runs.weights import RunWeights

MAX_LABEL_LENGTH, MAX_PATH_LENGTH = 40, 4096
"""Characters of a menu entry, and of the path in its tooltip."""


class WeightsMenu(QMenu):
    """Emits which weights are selected. Its contents are set whenever it opens, as soon as they are known."""

    weightsRequested = Signal(object)
    publishedRequested = Signal(object)
    """A `PublishedEntry`, with the network that it is for."""
    randomRequested = Signal()
    digitsRequested = Signal()
    fileRequested = Signal()
    aboutRequested = Signal(object)
    """What the file of the weights in use is, by its `WeightsFile`."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_names(self, "weightsMenu", "Weights")
        self._random = self.addAction("Random weights", self.randomRequested.emit)
        self._published = self._add_menu("torchvision weights", "publishedMenu")
        self._runs = self._add_menu("From a run", "runWeightsMenu")
        self.addAction("Trained digits network", self.digitsRequested.emit)
        self.addSeparator()
        self.addAction("File…", self.fileRequested.emit)
        self._about = self.addAction("About these weights…", lambda: self.aboutRequested.emit(self._file))
        self.show_about(None)
        self.show_published({})
        self._show_placeholder("Looking for runs…")

    def show_about(self, file: WeightsFile | None) -> None:
        """Offer to tell what this file is; None for weights that are in no file of the user's."""
        self._file = file
        self._about.setEnabled(file is not None)

    def show_seed(self, seed: int) -> None:
        """Show the seed of the random weights that are offered."""
        self._random.setText(f"Random weights, seed {seed}")

    def show_published(self, fitting: Mapping[PublishedWeights, str]) -> None:
        """List the published weights: first those that fit the current network, with a note; then all, by families."""
        menu = self._published
        menu.clear()
        for entry in (one for one in ENTRIES if one.weights in fitting):
            label = _published_label(entry, fitting[entry.weights])
            action = menu.addAction(label, partial(self.weightsRequested.emit, entry.weights))
            action.setToolTip(f"{entry.file}, {entry.megabytes} MB, for {entry.preset}")
        if not fitting:
            menu.addAction("None for this network").setEnabled(False)
        menu.addSeparator()
        for family, entries in published_by_family().items():
            self._add_family(menu.addMenu(family), entries)

    def show_runs(self, found: Sequence[RunWeights]) -> None:
        """List these checkpoints."""
        self._runs.clear()
        if not found:
            self._show_placeholder("No run has a checkpoint yet. Start a run in Training")
        for checkpoint in found:
            what = title(checkpoint.architecture) if checkpoint.architecture else "damaged"
            label = f"{_menu_text(checkpoint.run)}, step {checkpoint.step:,}\t{_menu_text(what)}"
            action = self._runs.addAction(label, partial(self.weightsRequested.emit, checkpoint.weights))
            action.setToolTip(tooltip(plain(str(checkpoint.weights.path), MAX_PATH_LENGTH)))
            action.setEnabled(checkpoint.architecture is not None)

    def _add_family(self, menu: QMenu, entries: Sequence[PublishedEntry]) -> None:
        """List the weights of a family of networks, each with its network."""
        menu.setToolTipsVisible(True)
        for entry in entries:
            label = _published_label(entry, f"{entry.megabytes} MB")
            action = menu.addAction(label, partial(self.publishedRequested.emit, entry))
            action.setToolTip(f"Switch to {entry.preset} and load {entry.file}")

    def _add_menu(self, label: str, name: str) -> QMenu:
        menu = set_names(self.addMenu(label), name, label)
        menu.setToolTipsVisible(True)
        return menu

    def _show_placeholder(self, sentence: str) -> None:
        self._runs.clear()
        self._runs.addAction(sentence).setEnabled(False)


@cache
def published_by_family() -> Mapping[str, tuple[PublishedEntry, ...]]:
    """The published weights by the family of their network."""
    found: dict[str, tuple[PublishedEntry, ...]] = dict.fromkeys(FAMILIES, ())
    for entry in ENTRIES:
        found[family_of(preset(entry.preset))] += (entry,)
    return {family: entries for family, entries in found.items() if entries}


def _published_label(entry: PublishedEntry, note: str) -> str:
    return f"{entry.weights.model}, {entry.weights.name}\t{note}"


def _menu_text(text: str) -> str:
    """Shorten a text for a menu, where an ampersand would mark a mnemonic and a tab a column."""
    text = plain(text, MAX_LABEL_LENGTH)
    return text.replace("&", "&&").replace("\t", " ")
