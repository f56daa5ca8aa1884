"""Writing what is exported off the window's thread: a large picture takes a second to be packed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, SignalInstance

from resnet_studio.export.figure import MapFigure
from resnet_studio.export.writers import write
from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.background import BackgroundReader, cause
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.values import ForwardResult, image_title
from resnet_studio.networks.plan import plan


class MapsExporter(QObject):
    """Writes one file after another. `stop` waits for what is being written."""

    written = Signal(str)
    """A sentence for the user."""
    refused = Signal(str)
    saving_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._writing = BackgroundReader(self)

    def write(self, path: Path, sheet: MapFigure) -> None:
        """Write a sheet as the kind of file that the path's ending asks for."""
        self.saving_changed.emit(True)
        self._writing.run(
            lambda: write(path, sheet),
            lambda _: self._end(self.written, f"Saved {path.name} in {path.parent}."),
            lambda error: self._end(self.refused, f"{path.name} could not be written: {cause(error)}."),
        )

    def _end(self, told: SignalInstance, sentence: str) -> None:
        self.saving_changed.emit(self._writing.busy)
        told.emit(sentence)

    def stop(self) -> None:
        """End writing; files that are not begun yet are not written."""
        self._writing.stop()


LANE = "reference"


class ReferenceController(QObject):
    """Keeps a look with the layers that it has, and asks the engine for those that it lacks."""

    reference_changed = Signal(object)
    """A `Look`: another one, or the same with more layers."""

    def __init__(self, subject: ActivationsController, work: EngineClient) -> None:
        super().__init__()
        self._subject, self._work = subject, work
        self._asked: tuple[object, ...] = ()
        self.look: ForwardResult | None = None
        work.answered.connect(self._take)
        work.failed.connect(lambda kind, _: self._forget() if kind == LANE else None)

    def keep(self) -> None:
        """The newest look is the reference from now on."""
        if self._subject.look is not None:
            self.look, self._asked = self._subject.look, ()
            self.reference_changed.emit(self.look)

    def need(self, layer: str) -> None:
        """Ask for that layer of the reference, unless that has been done or its network has none of that name."""
        if self.look is None:
            return
        subject = self.look.subject
        question = subject, layer
        known = {name for one in plan(subject.architecture) if one.called for name in (one.name, one.block)}
        if question != self._asked and layer in known:
            self._asked = question
            label = f"{layer} of the reference {image_title(subject.image)}"
            self._work.ask(LANE, "look", subject, (layer,), False, label=label)

    def _forget(self) -> None:
        """What has failed may be asked again."""
        self._asked = ()

    def _take(self, lane: str, answer: object) -> None:
        if lane == LANE and isinstance(answer, ForwardResult) and self.look and answer.subject == self.look.subject:
            new = {layer.name for layer in answer.layers}
            kept = (layer for layer in self.look.layers if layer.name not in new)
            self.look = replace(self.look, layers=(*kept, *answer.layers))
            self.reference_changed.emit(self.look)
