"""The attribution panel: method and layer, the attribution over the input and alone, and its caveats."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.formatting import about_percent, significant
from resnet_studio.gui.activations.attribution.overlay import OverlayView, StrengthSlider
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import empty_label, set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import FixedHeightLabel, escape_html
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import (
    METHODS,
    Attribution,
    attribution_style,
    default_layer,
    describe_changes,
    heatmap,
    layer_titles,
)
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Architecture

LAST_BLOCK_TIP = "Use the last block: later layers have no positions, earlier ones less class information."
LAYER_TIP = f"The layer that Grad-CAM explains. {LAST_BLOCK_TIP}"
FOLLOW_TIP = "Recompute when another image is selected or an edit ends"
EMPTY = f"Click Compute to see which parts of the image are evidence for the class.\n{LAST_BLOCK_TIP}"
MEANING = "each value: {}"
LONGEST_READOUT = max((MEANING.format(method.meaning) for method in METHODS.values()), key=len)
METHOD_WIDTH, LAYER_WIDTH, HEIGHT = 24 * GRID, 17 * GRID, 28
UNTRAINED = "untrained weights: this explains a random network"
ALL_ZERO = "No evidence for the class at this layer: after Grad-CAM's ReLU, all values are 0."


class AttributionPanel(QWidget):
    """Emits `computeRequested`, and `requestChanged` when another method or layer is selected."""

    computeRequested = Signal()
    requestChanged = Signal()
    followToggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._architecture: Architecture | None = None
        self._spec: ForwardSpec | None = None
        self._attribution: Attribution | None = None
        methods = {name: method.title for name, method in METHODS.items()}
        self._method = ComboBox(methods, "whyMethod", "Method", "How the class is attributed to the network input")
        self._method.set_values(methods, {name: f"Each value: {method.meaning}" for name, method in METHODS.items()})
        self._layer = ComboBox({"": "last block"}, "whyLayer", "Layer", LAYER_TIP)
        self._layer.setMaxVisibleItems(20)
        self._follow = set_names(QCheckBox("Auto-update"), "whyFollow", "Auto-update", FOLLOW_TIP)
        self._compute = set_names(QPushButton("Compute"), "whyCompute", "Compute", "Compute the attribution map")
        self._compute.setProperty("primary", True)
        self._empty = empty_label("whyEmpty", EMPTY)
        self._title = set_names(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "whyTitle", "What is shown")
        self._overlay = OverlayView("whyOverlay", "Attribution map over the network input")
        self._heatmap = OverlayView("whyAlone", "Attribution map")
        self._strength, self._bar = StrengthSlider("whyStrength"), ColorBar()
        self._readout = set_names(QLabel(), "whyReadout", "Value under the cursor")
        self._notes = set_names(QLabel(wordWrap=True), "whyNotes", "Warnings")
        self._hint = set_names(QLabel(LAST_BLOCK_TIP, wordWrap=True), "whyHint", "Recommended layer")
        for label in (self._readout, self._hint):
            label.setProperty("quiet", True)
        self._notes.setProperty("warning", True)
        self._lay_out()
        self._connect()

    def method(self) -> str:
        return self._method.value()

    def layer(self) -> str:
        """The selected layer; empty for the last block, and for methods without a layer."""
        return self._layer.value() if METHODS[self.method()].has_layer else ""

    def set_spec(self, spec: ForwardSpec) -> None:
        """Offer the layers of the current network, and mark an attribution that is of another spec."""
        self._spec = spec
        if spec.architecture != self._architecture:
            self._architecture = spec.architecture
            default = default_layer(spec.architecture)
            self._layer.set_values({"": f"last ({default})", **layer_titles(spec.architecture)})
            if self._layer.currentIndex() < 0:
                self._layer.set_value("")
            self._show_hint()
        self._show_caveats()

    def show_attribution(self, attribution: Attribution) -> None:
        """Show an attribution."""
        self._attribution = attribution
        method, style = METHODS[attribution.method], attribution_style(attribution)
        self._title.setText(_title_text(attribution))
        self._title.setToolTip(f"Each value: {method.meaning}")
        self._pages.setCurrentIndex(0)
        self._overlay.show_images(attribution.model_input, heatmap(attribution.at_input, style))
        self._heatmap.show_images(None, heatmap(attribution.values, style))
        low, high = style.limits or (0.0, 1.0)
        self._bar.set_range(style.colours, (low, high))
        self._show_caveats()
        self._show_value(None)

    def show_running(self, *, running: bool) -> None:
        """Show that an attribution is being computed; meanwhile the button is disabled."""
        self._compute.setText("Computing…" if running else "Compute")
        self._compute.setEnabled(not running and self._method.isEnabled())

    def show_missing(self, sentence: str) -> None:
        """Show what must be installed, and disable the controls; an empty sentence enables them."""
        for widget in (self._method, self._layer, self._follow, self._compute):
            widget.setEnabled(not sentence)
        if sentence:
            self._empty.setText(sentence)
            self._empty.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        tools = FlowLayout()
        for combo_box, width in ((self._method, METHOD_WIDTH), (self._layer, LAYER_WIDTH)):
            combo_box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            combo_box.setFixedWidth(width)
            tools.addWidget(combo_box)
        self._follow.setMinimumHeight(HEIGHT)
        tools.addWidget(self._follow)
        self._compute.setMinimumWidth(self._compute.fontMetrics().horizontalAdvance("Computing…") + 4 * GRID)
        tools.addWidget(self._compute)
        images = QGridLayout()
        images.setHorizontalSpacing(2 * GRID)
        images.setVerticalSpacing(GRID)
        for number, (view, tool) in enumerate(((self._overlay, self._strength), (self._heatmap, self._bar))):
            images.addWidget(view, 0, number)
            images.addWidget(tool, 1, number)
            images.setColumnStretch(number, 1)
        images.setRowStretch(0, 1)
        result_layout = QVBoxLayout()
        result_layout.addWidget(self._title)
        result_layout.addLayout(images, 1)
        result_layout.addWidget(FixedHeightLabel(self._readout, longest=LONGEST_READOUT))
        result_layout.addWidget(self._notes)
        result_layout.addWidget(self._hint)
        result_layout.addStretch()
        self._notes.hide()
        self._pages = lay_out_panel(self, tools, result_layout, self._empty)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        self._compute.clicked.connect(self.computeRequested)
        self._follow.toggled.connect(self.followToggled)
        self._method.valueSelected.connect(lambda _: self._on_choice_changed())
        self._layer.valueSelected.connect(lambda _: self._on_choice_changed())
        self._strength.strengthChanged.connect(self._overlay.set_strength)
        self._overlay.set_strength(self._strength.strength())
        self._overlay.hovered.connect(lambda pixel: self._show_value(pixel, of_input=True))
        self._heatmap.hovered.connect(self._show_value)

    def _on_choice_changed(self) -> None:
        self.show_running(running=False)  # the running one is of another request
        self._show_hint()
        self.requestChanged.emit()

    def _show_hint(self) -> None:
        """Show which layer is recommended if another one is selected."""
        self._layer.setEnabled(METHODS[self.method()].has_layer)
        default = default_layer(self._architecture) if self._architecture else ""
        self._hint.setVisible(self.layer() not in ("", default))

    def _show_value(self, pixel: tuple[int, int] | None, *, of_input: bool = False) -> None:
        """Show the value at a row and column of the input or of the layer."""
        if self._attribution is None:
            return
        if pixel is None:
            self._readout.setText(MEANING.format(METHODS[self._attribution.method].meaning))
            self._readout.setToolTip("")
            return
        value = float((self._attribution.at_input if of_input else self._attribution.values)[pixel])
        self._readout.setText(f"row {pixel[0]}, column {pixel[1]}: {significant(value)}")
        self._readout.setToolTip(repr(value))

    def _show_caveats(self) -> None:
        attribution, caveats = self._attribution, []
        if attribution is None:
            return
        changes = describe_changes(attribution.spec, self._spec) if self._spec else ""
        if changes:
            caveats.append(f"This result is {changes}. Compute it again.")
        if not attribution.weights.trained:
            caveats.append(f"{UNTRAINED[:1].upper()}{UNTRAINED[1:]}.")
        if not attribution.values.any():
            caveats.append(ALL_ZERO)
        self._notes.setText(" ".join(caveats))
        self._notes.setVisible(bool(caveats))


def duration_text(seconds: float) -> str:
    """A duration such as "4 ms" or "1.25 s"."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def lay_out_panel(panel: QWidget, tools: QLayout, result_layout: QLayout, empty: QLabel) -> QStackedWidget:
    """Lay a panel out: tools, and under them a stack of the result and the label `empty`, which is shown first."""
    result, pages = QWidget(), QStackedWidget()
    result_layout.setContentsMargins(0, 0, 0, 0)
    result_layout.setSpacing(GRID)
    result.setLayout(result_layout)
    pages.addWidget(result)
    pages.addWidget(empty)
    pages.setCurrentWidget(empty)
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(GRID)
    column.addLayout(tools)
    column.addWidget(pages, 1)
    return pages


def _title_text(attribution: Attribution) -> str:
    """A title such as "Grad-CAM at layer4.1, 7×7 · for 3 (> 99 %) · 0.12 s"."""
    where = f" at {attribution.layer}" if attribution.layer else ""
    height, width = attribution.values.shape
    parts = [f"<b>{METHODS[attribution.method].title}</b>{where}, {height}×{width}"]
    parts.append(escape_html(f"for {attribution.label} ({about_percent(attribution.probability)})"))
    parts.append(duration_text(attribution.seconds))
    if attribution.delta is not None:
        parts.append(f"convergence delta {significant(abs(attribution.delta))}")
    return " · ".join(parts)
