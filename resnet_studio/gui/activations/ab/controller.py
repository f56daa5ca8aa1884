"""What is put beside the subject in hand, and the looks at both that belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from resnet_studio.causes import sentence
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.ab import (
    ABPair,
    SideBOverrides,
    apply_overrides,
    from_values,
    maps_in,
    overrides_between,
    to_values,
)
from resnet_studio.inference.errors import Remedy, WeightsMismatch
from resnet_studio.inference.values import ForwardResult, ForwardSpec, PublishedWeights, image_title
from resnet_studio.inference.weights.published import cached
from resnet_studio.networks.layer_matching import counterpart
from resnet_studio.networks.parsing import read_architecture
from resnet_studio.networks.presets import title

LANE = "beside"


class ABController(QObject):
    """Looks at the second side after each look at the first, so that what is shown together belongs together.

    While a hand moves, one look at the second side is under way at a time, and the newest of the first side is next.
    What the second side is refused for is told here alone: the first keeps its weights.
    """

    beside_changed = Signal(object, object)
    """A `Beside`, and the first side's `Subject`."""
    paired = Signal(object)
    """A `Pair`; of one look twice where the sides do not differ."""
    awaited = Signal(object)
    """A `Pair` of the first side's look alone: the second side's is under way."""
    refused = Signal(str, object)
    """Why there is no second side, and what can be done about it: words, each with the `Beside` that does it."""

    def __init__(self, studio: AppController, work: EngineClient) -> None:
        super().__init__()
        self._studio, self._work = studio, work
        self._beside = _at_hand(from_values(studio.session.kept.beside))
        self._in_front = False
        self._waiting: ForwardResult | None = None
        """The first side's newest look, while an older one's second side is under way."""
        self._asked: tuple[ForwardResult, str, tuple[object, ...]] | None = None
        """Of what is under way: the first side's look, its layer, and the question."""
        self._answered: tuple[ForwardResult, tuple[object, ...], ForwardResult] | None = None
        """The first side's look, the question that came after it, and its answer."""
        self._refused = False
        studio.subject.subject_changed.connect(lambda _: self.tell())
        studio.subject.looked.connect(self._take_first)
        work.answered.connect(self._take_answer)
        work.failed.connect(self._take_failure)
        work.idle.connect(lambda took: self._forget() if took is None else None)

    def tell(self) -> None:
        """Tell what the second side is now."""
        self.beside_changed.emit(self._beside, self._studio.subject.subject)

    def enter(self, in_front: bool) -> None:
        """The page comes to the screen, or leaves it: only what is on the screen is asked for."""
        self._in_front = in_front
        if in_front and self._studio.subject.look:
            self._take_first(self._studio.subject.look)

    def choose(self, beside: SideBOverrides) -> None:
        """Put that beside the first side from now on."""
        self._keep(beside)
        self.tell()
        self.enter(self._in_front)

    def open_architecture(self, path: str) -> None:
        """Take the second side's network from a JSON file."""
        try:
            self.choose(replace(self._beside, architecture=read_architecture(Path(path))))
        except ValueError as error:
            self.refused.emit(str(error), ())

    def swap(self) -> None:
        """Take the second side in hand, and put the first beside it."""
        first = self._studio.subject.subject
        other = apply_overrides(first, self._beside)
        self._take_in_hand(first, other, overrides_between(other, first))

    def take_in_hand(self) -> None:
        """Take the second side in hand; beside it is nothing then."""
        first = self._studio.subject.subject
        self._take_in_hand(first, apply_overrides(first, self._beside), SideBOverrides())

    def _take_in_hand(self, first: ForwardSpec, other: ForwardSpec, beside: SideBOverrides) -> None:
        studio = self._studio
        layer = counterpart(first.architecture, other.architecture, studio.subject.layer)
        self._keep(beside)
        if other.image != first.image:
            studio.images.choose(other.image)
            if first.handles != studio.subject.subject.handles:  # both sides have them
                studio.subject.turn(first.handles)
        studio.session.take(other.architecture)
        if other.weights != studio.subject.subject.weights:
            studio.weights.take(other.weights)
        if layer and layer != studio.subject.layer:
            studio.subject.choose_layer(layer)
        self.choose(beside)

    def _keep(self, beside: SideBOverrides) -> None:
        self._beside = beside
        self._studio.session.kept.beside = to_values(beside)
        self._refused = False

    def _take_first(self, look: ForwardResult) -> None:
        """The first side has been looked at; a look at what is no longer in hand, or not yet at its layer, is none."""
        subject = self._studio.subject
        stale = replace(look.subject, handles=subject.subject.handles) != subject.subject
        if not self._in_front or stale or not maps_in(look, subject.layer):
            return
        if look.brief and (self._asked or self._refused):
            self._waiting = look
        else:
            self._look_beside(look)

    def _look_beside(self, look: ForwardResult) -> None:
        layer = self._studio.subject.layer
        other = apply_overrides(look.subject, self._beside)
        found = counterpart(look.subject.architecture, other.architecture, layer)
        question = other, ((found,) if found else ())
        self._waiting = self._asked = None
        if other == look.subject:
            self.paired.emit(ABPair(look, look, layer))
        elif self._answered and self._answered[0] is look and self._answered[1] == question:
            self.paired.emit(ABPair(look, self._answered[2], layer))
        else:
            self._asked = look, layer, question
            label = f"{image_title(other.image)} through {title(other.architecture)}, side B"
            self.awaited.emit(ABPair(look, look, layer))
            self._work.ask(LANE, "look", *question, look.brief, label=label)

    def _take_answer(self, lane: str, look: object) -> None:
        if lane != LANE or self._asked is None or not isinstance(look, ForwardResult):
            return
        first, layer, question = self._asked
        self._asked, self._answered, self._refused = None, (first, question, look), False
        self.paired.emit(ABPair(first, look, layer))
        if self._waiting and self._in_front:
            self._look_beside(self._waiting)

    def _take_failure(self, lane: str, error: Exception) -> None:
        """A refused side is looked at again when the hand rests, or when another is chosen."""
        if lane != LANE:
            return
        asked, self._asked, self._refused = self._asked, None, True
        if asked:
            self.awaited.emit(ABPair(asked[0], asked[0], asked[1]))
        remedies = error.remedies if isinstance(error, WeightsMismatch) else ()
        offers = tuple((remedy.what, self._with(remedy)) for remedy in remedies)
        self.refused.emit(sentence(error), offers)

    def _with(self, remedy: Remedy) -> SideBOverrides:
        """What is beside the first side after that."""
        other = self._studio.session.architecture != remedy.architecture
        return replace(self._beside, architecture=remedy.architecture if other else None, weights=remedy.weights)

    def _forget(self) -> None:
        """Everything that ran was cancelled."""
        self._asked = self._waiting = self._answered = None


def _at_hand(beside: SideBOverrides) -> SideBOverrides:
    """Without weights that would have to be fetched: a start downloads nothing."""
    weights = beside.weights
    missing = isinstance(weights, PublishedWeights) and not cached(weights).exists()
    return replace(beside, weights=None) if missing else beside
