"""The Attribution tab: attribution of a class to the image, and the occlusion test."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from resnet_studio.gui.activations.attribution.class_picker import ClassPicker
from resnet_studio.gui.activations.attribution.occlusion_panel import OcclusionPanel
from resnet_studio.gui.activations.attribution.panel import AttributionPanel
from resnet_studio.gui.common.inputs import SegmentedControl
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.tab_view import TabView
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import Attribution, OcclusionMap
from resnet_studio.inference.values import ForwardResult, ForwardSpec

PARTS = {"why": "Attribution", "flip": "Occlusion test"}
TIPS = {
    "why": "Grad-CAM and similar methods: which parts of the image are evidence for the class",
    "flip": "Slide a gray patch over the image: where does covering it change the class?",
}


class AttributionView(TabView):
    """Emits what to compute: an attribution, or an occlusion map; and the occluder that the user selects."""

    attributionRequested = Signal(str, str, object)
    requestChanged = Signal(str, str, object)
    """Method, layer (empty for the last block) and class (None for the most probable)."""
    followToggled = Signal(bool)
    occlusionRequested = Signal(int, int, object)
    """Side and stride of the square, and the class."""

    def __init__(self) -> None:
        super().__init__()
        self._part = SegmentedControl(PARTS, "whyPart", "Attribution", TIPS, stretches=False)
        self._class = ClassPicker()
        self.attribution, self.occlusion = AttributionPanel(), OcclusionPanel()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.attribution)
        self._pages.addWidget(self.occlusion)
        self._lay_out()
        self._connect()
        self._part.set_value("why")

    def set_spec(self, spec: ForwardSpec) -> None:
        """Set the current spec."""
        self.attribution.set_spec(spec)
        self.occlusion.set_spec(spec)

    def show_result(self, result: ForwardResult) -> None:
        """Offer the result's classes."""
        if not result.preview:
            self._class.show_result(result)

    def show_attribution(self, attribution: Attribution) -> None:
        """Show an attribution."""
        self.attribution.show_attribution(attribution)

    def show_occlusion(self, occlusion: OcclusionMap) -> None:
        """Show an occlusion map, complete or as far as it is computed."""
        self.occlusion.show_occlusion(occlusion)

    def show_running(self, attribution: bool, occlusion: bool) -> None:
        """Show what is being computed."""
        self.attribution.show_running(running=attribution)
        self.occlusion.show_running(running=occlusion)

    def show_missing(self, sentence: str) -> None:
        """Show what must be installed for attributions; the occlusion test needs nothing."""
        self.attribution.show_missing(sentence)

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
        self._part.valueSelected.connect(lambda part: self._pages.setCurrentIndex(list(PARTS).index(part)))
        self._class.classSelected.connect(lambda _: self.requestChanged.emit(*self._request()))
        self.attribution.requestChanged.connect(lambda: self.requestChanged.emit(*self._request()))
        self.attribution.computeRequested.connect(lambda: self.attributionRequested.emit(*self._request()))
        self.attribution.followToggled.connect(self._on_follow_toggled)
        self.occlusion.occlusionRequested.connect(
            lambda patch, stride: self.occlusionRequested.emit(patch, stride, self._class.target())
        )

    def _on_follow_toggled(self, following: bool) -> None:
        self.requestChanged.emit(*self._request())
        self.followToggled.emit(following)

    def _request(self) -> tuple[str, str, int | None]:
        return self.attribution.method(), self.attribution.layer(), self._class.target()
