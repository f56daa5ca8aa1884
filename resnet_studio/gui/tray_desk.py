"""Which channels are pinned: kept from start to start, and wished for in every look."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from resnet_studio.gui.session import Session
from resnet_studio.gui.subject_desk import SubjectDesk
from resnet_studio.gui.widgets.pin_view import Pin

MOST = 24
FULL = f"The tray holds {MOST} pins. Take one out to pin another."


class TrayDesk(QObject):
    """The pins in their order; layers that the network in hand lacks are among them."""

    pins_changed = Signal(object)
    refused = Signal(str)
    """Why a channel is not pinned."""

    def __init__(self, session: Session, subject: SubjectDesk) -> None:
        super().__init__()
        self._kept, self._subject = session.kept, subject
        self.pins = _read(session.kept.pins)
        self._wish()

    def toggle(self, layer: str, channel: int) -> None:
        """Pin a channel behind the others; one that is pinned is taken out."""
        pin = Pin(layer, channel)
        if pin in self.pins:
            self.unpin(pin)
        elif len(self.pins) >= MOST:
            self.refused.emit(FULL)
        elif layer:
            self._take((*self.pins, pin))

    def unpin(self, pin: Pin) -> None:
        """Take a pin out."""
        self._take(tuple(one for one in self.pins if one != pin))

    def move(self, pin: Pin, to: int) -> None:
        """Give a pin another place."""
        others = [one for one in self.pins if one != pin]
        self._take((*others[:to], pin, *others[to:]))

    def _take(self, pins: tuple[Pin, ...]) -> None:
        self.pins = pins
        self._kept.pins = [list(pin) for pin in pins]
        self.pins_changed.emit(pins)
        self._wish()

    def _wish(self) -> None:
        self._subject.wish("tray", tuple(dict.fromkeys(pin.layer for pin in self.pins)))


def _read(kept: object) -> tuple[Pin, ...]:
    """The pins of a session; what is none of them is left out."""
    pins = [
        Pin(*one)
        for one in (kept if isinstance(kept, list) else [])
        if isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and type(one[1]) is int and one[1] >= 0
    ]
    return tuple(dict.fromkeys(pins))[:MOST]
