"""What is known of the chosen layer's channels over more than one image."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.controller import ActivationsController
from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.inference.channel_statistics import ChannelStatistics, LayerStatistics, merged, statistics
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, ForwardSpec
from resnet_studio.networks.presets import title

LANE = "survey"


class StatisticsController(QObject):
    """Adds up what has been looked at since the network or its weights changed, and has all images looked at.

    An image counts once, with the same handles; what goes by while a hand moves does not count.
    """

    seen_changed = Signal(object)
    """`ChannelStatistics` of the chosen layer over the images seen so far, or None."""
    surveyed = Signal(object)
    """The `Survey` that belongs to what is looked at, or None."""
    running_changed = Signal(int)
    """How many images are being looked at; none where no survey runs."""

    def __init__(self, subject: ActivationsController, images: ImageController, work: EngineClient) -> None:
        super().__init__()
        self._subject, self._images, self._work = subject, images, work
        self._network: tuple[object, ...] = ()
        self._seen: dict[str, ChannelStatistics] = {}
        self._counted: set[tuple[str, str, ImageTransforms]] = set()
        self._asked: tuple[ForwardSpec, str] | None = None
        self._survey: tuple[ForwardSpec, str, LayerStatistics] | None = None
        self._running = 0
        subject.looked.connect(self._take_look)
        subject.chosen_changed.connect(lambda *_: self.tell())
        subject.subject_changed.connect(lambda _: self._tell_survey())
        work.answered.connect(self._take_answer)
        work.failed.connect(lambda kind, _: self._end() if kind == LANE else None)
        work.idle.connect(lambda took: self._end() if took is None else None)

    def tell(self) -> None:
        """Tell what is known of the chosen layer."""
        self.seen_changed.emit(self._seen.get(self._subject.layer))
        self._tell_survey()

    def look_at_all(self) -> None:
        """Have every image at hand looked at, for the chosen layer alone."""
        images = tuple(self._images.images())
        subject, layer = self._subject.subject, self._subject.layer
        self._asked = _without_image(subject), layer
        self._run(len(images))
        label = f"{len(images):,} images through {title(subject.architecture)}"
        self._work.ask(LANE, "survey", subject, images, layer, label=label)

    def _take_look(self, look: ForwardResult) -> None:
        """Count the chosen layer's channels in."""
        subject = look.subject
        network = subject.architecture, subject.weights, look.weights.sha256, subject.device
        if network != self._network:
            self._network = network
            self._seen.clear()
            self._counted.clear()
        maps = next((maps for maps in look.layers if maps.name == self._subject.layer), None)
        if maps is None or look.brief:
            return
        once = maps.name, look.image_sha256, subject.handles
        if once not in self._counted:
            self._counted.add(once)
            before, one = self._seen.get(maps.name), statistics(maps.values)
            self._seen[maps.name] = merged(before, one) if before else one
        self.seen_changed.emit(self._seen[maps.name])

    def _take_answer(self, lane: str, answer: object) -> None:
        if lane == LANE and isinstance(answer, LayerStatistics) and self._asked:
            self._survey = (*self._asked, answer)
            self._end()
            self._tell_survey()

    def _tell_survey(self) -> None:
        now = _without_image(self._subject.subject), self._subject.layer
        known = self._survey is not None and self._survey[:2] == now
        self.surveyed.emit(self._survey[2] if self._survey and known else None)

    def _end(self) -> None:
        self._asked = None
        self._run(0)

    def _run(self, images: int) -> None:
        if images != self._running:
            self._running = images
            self.running_changed.emit(images)


def _without_image(subject: ForwardSpec) -> ForwardSpec:
    return replace(subject, image="")
