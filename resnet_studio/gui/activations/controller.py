"""What is looked at: image, handles, network, weights, device and layers, and the newest look at them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.activations.images.controller import ImageController
from resnet_studio.gui.activations.weights.controller import WeightsController
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.session import Session
from resnet_studio.inference import transforms as hands
from resnet_studio.inference.transforms import ImageTransforms
from resnet_studio.inference.values import ForwardResult, ForwardSpec
from resnet_studio.networks.plan import called_layers, channels_by_name

LANES = 2


class ActivationsController(QObject):
    """Asks for a look whenever the subject, or what is on the screen of it, is another.

    While a hand moves, brief looks follow one another in two lanes, so that the engine never waits for the window,
    and each is of the newest that the hand has made: every answer is shown. When the hand rests a whole look is taken.
    """

    subject_changed = Signal(object)
    chosen_changed = Signal(str, str)
    """The image and the layer that are looked at."""
    handles_changed = Signal(object)
    looked = Signal(object)

    def __init__(
        self, session: Session, work: EngineClient, images: ImageController, weights: WeightsController
    ) -> None:
        super().__init__()
        self._session, self._work, self._images, self._weights = session, work, images, weights
        self._wished: dict[str, tuple[str, ...]] = {}
        self._in_front = False
        self._handles = hands.from_changed(session.kept.handles)
        self._image = images.chosen
        self._asked: tuple[object, ...] = ()
        self.look: ForwardResult | None = None
        """The newest look, whatever has changed since."""
        self._under_way: set[int] = set()
        """Lanes of brief looks that have no answer yet."""
        self._waits = False
        images.chosen_changed.connect(lambda _: self._take_image())
        weights.weights_changed.connect(lambda _: self._follow())
        work.answered.connect(self._take_answer)
        work.failed.connect(lambda kind, _: self._under_way.clear() if kind == "look" else None)

    @property
    def subject(self) -> ForwardSpec:
        """What is looked at."""
        return ForwardSpec(
            self._images.chosen, self._session.architecture, self._weights.weights, self._session.kept.device,
            self._handles,
        )  # fmt: skip

    @property
    def layer(self) -> str:
        """The layer whose maps are on the screen."""
        return self._session.kept.layer

    def layers(self) -> tuple[str, ...]:
        """All layers that something on the screen shows."""
        known = channels_by_name(self._session.architecture)
        wished = [self.layer, *(name for names in self._wished.values() for name in names)]
        return tuple(dict.fromkeys(name for name in wished if name in known))

    def follow_architecture(self) -> None:
        """The architecture in hand is another; a layer that it lacks gives way to its first ReLU."""
        architecture = self._session.architecture
        if self.layer not in channels_by_name(architecture):
            relus = (layer.name for layer in called_layers(architecture) if layer.kind == "relu")
            self._session.kept.layer = next(relus)
        self._tell_chosen()
        self._follow()

    def choose_layer(self, name: str) -> None:
        """Look at that layer's maps."""
        self._session.kept.layer = name
        self._tell_chosen()
        self._ask()

    def choose_device(self, name: str) -> None:
        """Run on that device from now on."""
        self._session.kept.device = name
        self._follow()

    def wish(self, who: str, layers: tuple[str, ...]) -> None:
        """Somebody on the screen shows these layers, too."""
        if self._wished.get(who, ()) != layers:
            self._wished[who] = layers
            self._ask()

    def turn(self, handles: ImageTransforms, moving: bool = False) -> None:
        """Change the image by hand; `moving` while more is to come."""
        self._set_handles(handles)
        self._waits = moving
        if moving:
            self._ask_briefly()
        else:
            self._follow()

    def keep_handles(self, kept: bool) -> None:
        """Whether what a hand has changed is for the next image, too."""
        self._session.kept.keep_handles = kept

    def let_go(self) -> None:
        """The image is another, or is looked at for another reason: it is as it was, unless its changes are kept."""
        if self._handles != hands.IDENTITY and not self._session.kept.keep_handles:
            self._set_handles(hands.IDENTITY)

    def enter(self, in_front: bool) -> None:
        """The workspace comes to the front, or leaves it: only what is on the screen is asked for."""
        self._in_front = in_front
        if in_front:
            self._images.enter()
            self._ask()

    def repeat(self) -> None:
        """Ask again for what is on the screen."""
        self._asked = ()
        self._under_way.clear()
        self._images.forget()

    def _set_handles(self, handles: ImageTransforms) -> None:
        self._handles = handles
        self._session.kept.handles = hands.changed(handles)
        self.handles_changed.emit(handles)

    def _take_image(self) -> None:
        if self._images.chosen != self._image:
            self._image = self._images.chosen
            self.let_go()
        if self._in_front:
            self._images.enter()
        self._tell_chosen()
        self._follow()

    def _follow(self) -> None:
        self.subject_changed.emit(self.subject)
        self._ask()

    def _ask(self) -> None:
        """Ask for a whole look, unless that has been asked already."""
        question = self.subject, self.layers()
        if self._in_front and question != self._asked:
            self._asked, self._waits = question, False
            self._work.look(*question)

    def _ask_briefly(self) -> None:
        """Ask for what the hand has made, if that is new and a lane is free."""
        lane = next((lane for lane in range(LANES) if lane not in self._under_way), None)
        if lane is not None and self._waits and self._in_front:
            self._asked, self._waits = (), False
            self._under_way.add(lane)
            self._work.look(self.subject, self.layers(), lane)

    def _take_answer(self, lane: str, look: object) -> None:
        if lane.split(" ")[0] == "look" and isinstance(look, ForwardResult):
            self._under_way.discard(int(lane[5:] or -1))
            self._ask_briefly()
            self._weights.keep()
            self.look = look
            self.looked.emit(look)

    def _tell_chosen(self) -> None:
        self.chosen_changed.emit(self._images.chosen, self.layer)
