"""Which block is looked at, and what is measured over the depth of its network and the twin."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.counterparts import TrainedWeights, has_choice, plain_counterpart, with_twin
from resnet_studio.inference.values import ForwardSpec, RandomWeights, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.block_tensors import BlockTensors, all_blocks, block_around
from resnet_studio.networks.presets import title

LANE, AT_HAND, WHO = "responses", "twins", "block"
REST = 200
"""Milliseconds for which a subject stays before it is measured: a played folder goes by faster."""


class BlockController(QObject):
    """Asks only while its page is on the screen, and only for what it has not asked yet."""

    block_changed = Signal(object, object)
    """The architecture and the `BlockPaths` of the block that is looked at; None where there are no blocks."""
    measured = Signal(object)
    """A tuple of `Responses`: of the subject, and of its twin if there is one."""
    choices_changed = Signal(object, object)
    """The `TrainedWeights` that the twin can have beside random ones, and the weights that it has."""

    def __init__(self, subject: ActivationsController, work: EngineClient) -> None:
        super().__init__()
        self._subject, self._work = subject, work
        self._in_front = False
        self._unanswered = False
        self._told: tuple[Architecture, BlockTensors | None] | None = None
        self._asked: tuple[ForwardSpec, ...] = ()
        self._looked_for: tuple[Architecture, WeightsSource] | None = None
        """The twin and the weights looked at, for which weights at hand were looked for."""
        self._choices: tuple[TrainedWeights, ...] | None = None
        self._chosen: WeightsSource | None = None
        self._rest = QTimer(self, singleShot=True, interval=REST)
        self._rest.timeout.connect(self._ask)
        subject.chosen_changed.connect(lambda *_: self._follow())
        subject.subject_changed.connect(lambda _: self._follow())
        work.answered.connect(self._take_answer)
        work.failed.connect(lambda kind, _: self._give_up() if kind in (LANE, AT_HAND) else None)
        work.idle.connect(lambda seconds: self._give_up() if seconds is None else None)

    @property
    def paths(self) -> BlockTensors | None:
        """The tensors of the block that holds the chosen layer."""
        architecture = self._subject.subject.architecture
        return all_blocks(architecture).get(block_around(architecture, self._subject.layer))

    def enter(self, in_front: bool) -> None:
        """The page comes to the screen, or leaves it."""
        self._in_front = in_front
        self._rest.stop()
        if self._unanswered:
            self._asked, self._looked_for, self._unanswered = (), None, False
        self._follow()

    def tell(self) -> None:
        """Tell what is looked at, to who has just come."""
        self._told = None
        self._follow()

    def choose(self, block: str) -> None:
        """Look at a block: at what it gives. One of a former network that this one lacks is let be."""
        paths = all_blocks(self._subject.subject.architecture).get(block)
        if paths is not None:
            self._subject.choose_layer(paths.output)

    def choose_weights(self, weights: WeightsSource | None) -> None:
        """Measure the twin with these weights; None for random ones."""
        self._chosen = weights or RandomWeights()
        self._tell_choices()
        self._ask()

    def _follow(self) -> None:
        architecture, paths = self._subject.subject.architecture, self.paths
        if self._told != (architecture, paths):
            self._told = architecture, paths
            self.block_changed.emit(architecture, paths)
        self._subject.wish(WHO, paths.names if paths and self._in_front else ())
        if self._in_front and paths:
            self._rest.start()

    def _ask(self) -> None:
        """Ask for the responses, and before that which weights the twin can have where that is not given."""
        if not self._in_front or self.paths is None:
            return
        subject = self._subject.subject
        twin = plain_counterpart(subject.architecture)
        if twin is None or not has_choice(subject):
            self._looked_for, self._choices, self._chosen = None, None, None
            self._tell_choices()
        elif self._looked_for != (twin, subject.weights):
            self._looked_for, self._choices, self._chosen = (twin, subject.weights), None, None
            self._work.ask(AT_HAND, "weights at hand", twin, label=f"looking for weights of {title(twin)}")
            return
        elif self._choices is None:
            return  # they are being looked for
        question = with_twin(subject, self._chosen)
        if question != self._asked:
            self._asked = question
            self._work.ask(LANE, "responses", question, label=f"measuring {title(subject.architecture)}'s blocks")

    def _take_answer(self, lane: str, value: object) -> None:
        if lane == LANE:
            self.measured.emit(value)
        elif lane == AT_HAND and isinstance(value, tuple):
            self._choices = value
            self._chosen = value[0].weights if value else RandomWeights()
            self._tell_choices()
            self._ask()

    def _tell_choices(self) -> None:
        self.choices_changed.emit(self._choices or (), self._chosen)

    def _give_up(self) -> None:
        """What was asked has no answer: it is asked again when the page is next entered, not at once."""
        self._unanswered = True
