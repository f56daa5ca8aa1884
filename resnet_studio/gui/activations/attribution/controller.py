"""What the engine is asked about a class: which parts speak for it, and what a grey square does to it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.attribution import METHODS, Attribution, Sweep
from resnet_studio.inference.transforms import Occluder
from resnet_studio.inference.values import ForwardResult, ForwardSpec, image_title

WHY, SWEEP = "attribution", "sweep"
"""Lanes, and the jobs' names."""


class AttributionController(QObject):
    """Asks only what it is told to; while it follows, again for every image that comes to rest."""

    explained = Signal(object)
    """An `Attribution`."""
    swept = Signal(object)
    """A `Sweep`, whole or as far as it is."""
    running_changed = Signal(bool, bool)
    """Whether an attribution and whether a sweep is under way."""

    def __init__(self, subject: ActivationsController, work: EngineClient) -> None:
        super().__init__()
        self._subject, self._work = subject, work
        self._in_front = self._follows = False
        self._question: tuple[str, str, int | None] | None = None
        self._asked: tuple[object, ...] = ()
        self._running: set[str] = set()
        subject.looked.connect(self._take_look)
        work.answered.connect(self._take_answer)
        work.told.connect(self._take_part)
        work.failed.connect(lambda kind, _: self._end(kind))
        work.idle.connect(lambda took: self._end(WHY, SWEEP) if took is None else None)

    def enter(self, in_front: bool) -> None:
        """The page comes to the screen, or leaves it."""
        self._in_front = in_front
        if in_front and self._follows:
            self._ask_again()

    def explain(self, method: str, layer: str, target: int | None) -> None:
        """Ask which parts of what is looked at speak for a class."""
        self._question = method, layer, target
        subject = self._subject.subject
        if WHY not in self._running or (subject, *self._question) != self._asked:
            self._ask(subject)

    def choose(self, method: str, layer: str, target: int | None) -> None:
        """This is what will be asked; at once while it follows."""
        self._question = method, layer, target
        if self._follows:
            self._ask_again()

    def follow(self, follows: bool) -> None:
        """Ask again whenever an image or a hand comes to rest."""
        self._follows = follows
        if follows:
            self._ask_again()

    def sweep(self, patch: int, stride: int, target: int | None) -> None:
        """Slide a grey square over what is looked at."""
        subject = self._subject.subject
        self._begin(SWEEP)
        label = f"covering {image_title(subject.image)}"
        self._work.ask(SWEEP, SWEEP, subject, patch, stride, target, label=label)

    def cancel(self) -> None:
        """End the sweep; what it has found stays."""
        self._work.drop(SWEEP)
        self._end(SWEEP)

    def cover(self, occluder: Occluder) -> None:
        """Put the occluder's handle there."""
        self._subject.turn(replace(self._subject.subject.handles, occluder=occluder))

    def _take_look(self, look: ForwardResult) -> None:
        if self._follows and not look.brief:
            self._ask_again()

    def _ask_again(self) -> None:
        """Ask if what is looked at, or the question, is another than the last."""
        subject = self._subject.subject
        if self._in_front and self._question and (subject, *self._question) != self._asked:
            self._ask(subject)

    def _ask(self, subject: ForwardSpec) -> None:
        assert self._question is not None
        self._asked = subject, *self._question
        self._begin(WHY)
        method, *_ = self._question
        label = f"{METHODS[method].title} of {image_title(subject.image)}"
        self._work.ask(WHY, WHY, subject, *self._question, label=label)

    def _take_answer(self, lane: str, value: object) -> None:
        if lane == WHY and isinstance(value, Attribution):
            self.explained.emit(value)
        self._take_part(lane, value)
        self._end(lane)

    def _take_part(self, lane: str, value: object) -> None:
        if lane == SWEEP and isinstance(value, Sweep):
            self.swept.emit(value)

    def _begin(self, lane: str) -> None:
        self._running.add(lane)
        self._tell_running()

    def _end(self, *lanes: str) -> None:
        if self._running & set(lanes):
            self._running -= set(lanes)
            self._tell_running()

    def _tell_running(self) -> None:
        self.running_changed.emit(WHY in self._running, SWEEP in self._running)
