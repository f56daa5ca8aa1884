"""What the window asks of the engine, and the engine's answers as signals with a meaning each."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from resnet_studio.analysis.table import LayerTable
from resnet_studio.gui.engine_link import EngineLink
from resnet_studio.inference.values import Subject, image_title
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress
from resnet_studio.training.recipe import Recipe
from resnet_studio.training.sources import data_title

MOST_TABLES = 100
"""Tables that are remembered; the engine counts an older one again from what it has traced."""


class Work(QObject):
    """One method a question, one signal an answer. Of several questions of one kind only the newest is answered."""

    table_counted = Signal(object)
    summary_made = Signal(str)
    verified = Signal(object)
    """The rows verified so far."""
    photograph_opened = Signal(object)
    thumbnail_made = Signal(object)
    """A `Photograph` of a few pixels."""
    looked = Signal(object)
    devices_found = Signal(object)
    data_opening = Signal(object)
    """`Progress` of that alone."""
    data_viewed = Signal(object)
    """A `DataView`."""
    estimated = Signal(object)
    """An `Estimate`."""
    progressed = Signal(object)
    idle = Signal(object)
    """Nothing is running any more: seconds that the last answer took, or None after a cancel."""
    failed = Signal(str, object)
    """The kind of question and the exception that answered it."""
    told = Signal(str, object)
    """Lane, and what a job has yielded beside its progress."""
    answered = Signal(str, object)
    """Lane and answer of any question."""

    def __init__(self, link: EngineLink) -> None:
        super().__init__()
        self._link = link
        self._running: dict[str, float] = {}
        self._tables: dict[Architecture, LayerTable] = {}
        self._results: list[Any] = []
        self._answers: dict[str, Callable[[Any], None]] = {
            "table": self._keep_table,
            "summary": self.summary_made.emit,
            "verify": self._tell_verified,
            "photograph": self.photograph_opened.emit,
            "thumbnails": lambda _: None,
            "look": self.looked.emit,
            "devices": self.devices_found.emit,
            "data": self.data_viewed.emit,
            "estimate": self.estimated.emit,
        }
        link.part.connect(self._part)
        link.answer.connect(self._answer)
        link.error.connect(self._error)
        link.state_changed.connect(self._forget_parts)

    def known_table(self, architecture: Architecture) -> LayerTable | None:
        """fvcore's table of that architecture, if it has been asked for before."""
        return self._tables.get(architecture)

    def count(self, architecture: Architecture) -> None:
        """Ask for fvcore's table of the architecture in hand."""
        self.ask("table", "table", architecture, label=f"the layer table of {title(architecture)}")

    def count_compared(self, architecture: Architecture) -> None:
        """Ask for the table of a network that is compared; each has a lane of its own."""
        if architecture not in self._tables:
            label = f"the layer table of {title(architecture)}"
            self.ask(f"table {title(architecture)}", "table", architecture, label=label)

    def sum_up(self, architecture: Architecture) -> None:
        """Ask for torchinfo's summary."""
        self.ask("summary", "summary", architecture, label=f"torchinfo's summary of {title(architecture)}")

    def verify(self, extra: tuple[Architecture, ...]) -> None:
        """Ask for every published figure, and for those of the extra architectures."""
        self._results = []
        self.ask("verify", "verify", extra, label="the verification")

    def open_photograph(self, reference: str) -> None:
        """Ask for an image's pixels."""
        self.ask("photograph", "photograph", reference, label=f"opening {image_title(reference)}")

    def make_thumbnails(self, references: tuple[str, ...]) -> None:
        """Ask for small copies of images. Nobody waits for them, so they are not said to be running."""
        self._link.ask("thumbnails", "thumbnails", references, label="thumbnails")

    def look(self, subject: Subject, layers: tuple[str, ...], brief: int | None = None) -> None:
        """Ask for what the network makes of an image; one of many while a hand moves has a `brief` lane's number."""
        label = f"{image_title(subject.image)} through {title(subject.architecture)}"
        lane = "look" if brief is None else f"look {brief}"
        self.ask(lane, "look", subject, layers, brief is not None, label=label)

    def find_devices(self) -> None:
        """Ask where networks can run."""
        self.ask("devices", "devices", label="looking for devices")

    def view_data(self, recipe: Recipe, image: int, download: bool) -> None:
        """Ask for what a training would see; a data set is fetched only where `download` says so."""
        self.ask("data", "data view", recipe, image, download, label=f"opening {data_title(recipe.data)}")

    def estimate(self, recipe: Recipe, architecture: Architecture, training_images: int) -> None:
        """Ask what a training of a fitted architecture would cost."""
        label = f"timing a step of {title(architecture)}"
        self.ask("estimate", "estimate", recipe, architecture, training_images, label=label)

    def cancel(self) -> None:
        """End everything that is running."""
        for lane in list(self._running):
            self._link.cancel(lane)
        self._running.clear()
        self.idle.emit(None)

    def drop(self, lane: str) -> None:
        """End what runs in that lane alone."""
        self._link.cancel(lane)
        if self._running.pop(lane, None) is not None and not self._running:
            self.idle.emit(None)

    def ask(self, lane: str, job: str, *arguments: object, label: str) -> None:
        """Ask for a job; `answered`, `told` and `failed` speak of its lane."""
        self._running[lane] = time.perf_counter()
        self._link.ask(lane, job, *arguments, label=label)

    def _forget_parts(self, state: str) -> None:
        """A new engine tells the parts of what it is asked again from the first."""
        if state == "starting":
            self._results = []

    def _part(self, lane: str, _number: int, value: object) -> None:
        if lane == "thumbnails":
            if not isinstance(value, Progress):
                self.thumbnail_made.emit(value)
        elif isinstance(value, Progress):
            self.progressed.emit(value)
            if lane == "data":
                self.data_opening.emit(value)
        elif lane == "verify":
            self._results.append(value)
            self.verified.emit(tuple(self._results))
        else:
            self.told.emit(lane, value)

    def _answer(self, lane: str, _number: int, value: object) -> None:
        known = self._answers.get(lane.split(" ")[0])
        if known:
            known(value)
        self.answered.emit(lane, value)
        self._end(lane)

    def _error(self, lane: str, _number: int, error: BaseException) -> None:
        kind = lane.split(" ")[0]
        self.failed.emit("table of another" if kind == "table" != lane else kind, error)
        self._end(lane)

    def _end(self, lane: str) -> None:
        if lane in self._running:
            took = time.perf_counter() - self._running.pop(lane)
            if not self._running:
                self.idle.emit(took)

    def _keep_table(self, table: LayerTable) -> None:
        self._tables[table.architecture] = table
        if len(self._tables) > MOST_TABLES:
            del self._tables[next(iter(self._tables))]
        self.table_counted.emit(table)

    def _tell_verified(self, results: object) -> None:
        self.verified.emit(results)
