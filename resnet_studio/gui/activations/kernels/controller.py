"""Whose weights are on the screen: those of the chosen layer, or of the one that it follows."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import sentence
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.kernels import Kernels, weighted
from resnet_studio.networks.presets import title

LANE = "kernels"


class KernelsController(QObject):
    """Asks for a layer's weights while its page is on the screen, and only for others than those that are there."""

    wished = Signal(str, str)
    """The chosen layer, and the one whose weights are on their way."""
    kernels_changed = Signal(object)
    refused = Signal(str)

    def __init__(self, subject: ActivationsController, work: EngineClient) -> None:
        super().__init__()
        self._subject, self._work = subject, work
        self._in_front = False
        self._asked: tuple[object, ...] = ()
        subject.subject_changed.connect(lambda _: self._ask())
        subject.chosen_changed.connect(lambda *_: self._ask())
        work.answered.connect(self._take)
        work.failed.connect(self._refuse)
        work.idle.connect(lambda took: self._forget() if took is None else None)

    def enter(self, in_front: bool) -> None:
        """The page comes to the front, or leaves it."""
        self._in_front = in_front
        self._ask()

    def _ask(self) -> None:
        if not self._in_front:
            return
        subject = self._subject.subject
        layer = weighted(subject.architecture, self._subject.layer)
        if not layer:
            return
        self.wished.emit(self._subject.layer, layer)
        question = subject.architecture, subject.weights, layer
        if question != self._asked:
            self._asked = question
            self._work.ask(LANE, "kernels", *question, label=f"the weights of {layer} in {title(subject.architecture)}")

    def _take(self, lane: str, answer: object) -> None:
        if lane == LANE and isinstance(answer, Kernels):
            self.kernels_changed.emit(answer)

    def _refuse(self, kind: str, error: Exception) -> None:
        if kind == LANE:
            self._forget()
            self.refused.emit(sentence(error))

    def _forget(self) -> None:
        """After a cancel or an error the same may be asked again."""
        self._asked = ()
