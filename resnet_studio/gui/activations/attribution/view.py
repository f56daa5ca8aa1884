"""The Why page: which parts of the image speak for a class, and what would flip it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.gui.activations.attribution.class_picker import ClassPicker
from resnet_studio.gui.activations.attribution.occlusion_panel import OcclusionPanel
from resnet_studio.gui.activations.attribution.panel import AttributionPanel
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import Attribution, Sweep
from resnet_studio.inference.values import ForwardResult, ForwardSpec

PARTS = {"why": "What speaks for it", "flip": "What would flip it"}
TIPS = {
    "why": "Grad-CAM and its relatives: which parts of the image speak for the class",
    "flip": "Slide a grey square over the image: where does the class depend on what it covers?",
}


class AttributionView(QWidget):
    """Emits what is asked: method, layer and class, or how the square slides, and where the occluder is wished for."""

    entered = Signal(bool)
    """The page is on the screen now, or no longer."""
    explain_wished = Signal(str, str, object)
    question_changed = Signal(str, str, object)
    """Method, layer (empty for the last block) and class (None for the most probable)."""
    follow_wished = Signal(bool)
    sweep_wished = Signal(int, int, object)
    """Side and stride of the square, and the class."""
    cancel_wished = Signal()
    occluder_wished = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._part = SegmentedControl(PARTS, "Why", TIPS)
        self._part.setObjectName("whyPart")
        self._part.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._class = ClassPicker()
        self.attribution, self.sweep = AttributionPanel(), OcclusionPanel()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.attribution)
        self._pages.addWidget(self.sweep)
        self._lay_out()
        self._connect()
        self._part.show_value("why")

    def show_subject(self, subject: ForwardSpec) -> None:
        """This is what is looked at."""
        self.attribution.show_subject(subject)
        self.sweep.show_subject(subject)

    def show_look(self, look: ForwardResult) -> None:
        """Offer the look's classes."""
        if not look.brief:
            self._class.show_look(look)

    def show_attribution(self, found: Attribution) -> None:
        """Show which parts speak for a class."""
        self.attribution.show_attribution(found)

    def show_sweep(self, sweep: Sweep) -> None:
        """Show what the square does, as far as is known."""
        self.sweep.show_sweep(sweep)

    def show_running(self, explains: bool, sweeps: bool) -> None:
        """Say what is under way."""
        self.attribution.show_running(running=explains)
        self.sweep.show_running(running=sweeps)

    def show_missing(self, sentence: str) -> None:
        """Say what is to be installed before anything can be attributed; the sweep needs nothing."""
        self.attribution.show_missing(sentence)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802  (Qt's names)
        super().showEvent(event)
        if not event.spontaneous():
            self.entered.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        if not event.spontaneous():
            self.entered.emit(False)

    def _lay_out(self) -> None:
        head = FlowLayout()
        head.addWidget(self._part)
        head.addWidget(self._class)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(head)
        column.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self._part.chosen.connect(lambda part: self._pages.setCurrentIndex(list(PARTS).index(part)))
        self._class.chosen.connect(lambda _: self.question_changed.emit(*self._question()))
        self.attribution.question_changed.connect(lambda: self.question_changed.emit(*self._question()))
        self.attribution.compute_wished.connect(lambda: self.explain_wished.emit(*self._question()))
        self.attribution.follow_wished.connect(self._take_follow)
        self.sweep.sweep_wished.connect(
            lambda patch, stride: self.sweep_wished.emit(patch, stride, self._class.target())
        )
        self.sweep.cancel_wished.connect(self.cancel_wished)
        self.sweep.occluder_wished.connect(self.occluder_wished)

    def _take_follow(self, follows: bool) -> None:
        self.question_changed.emit(*self._question())
        self.follow_wished.emit(follows)

    def _question(self) -> tuple[str, str, int | None]:
        return self.attribution.method(), self.attribution.layer(), self._class.target()
