"""Which parts of the input speak for a class: what to ask, the answer over the input and alone, and its doubt."""

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

from resnet_studio.formatting import percent, significant
from resnet_studio.gui.activations.attribution.overlay import OverlayView, StrengthSlider
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import FixedHeightLabel, in_html
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import (
    METHODS,
    Attribution,
    changed_since,
    drawing,
    heat,
    layers_on_offer,
    usual_layer,
)
from resnet_studio.inference.values import ForwardSpec
from resnet_studio.networks.architecture import Architecture

WHICH = "Take the last block: after it the network no longer knows where things are, before it less of what they are."
LAYER_TIP = f"The layer at which Grad-CAM explains. {WHICH}"
FOLLOW_TIP = "Compute again whenever another image is chosen, or a hand on it comes to rest"
EMPTY = f"Compute shows which parts of the image speak for the class.\n{WHICH}"
METHOD_WIDTH, LAYER_WIDTH, HEIGHT = 24 * GRID, 17 * GRID, 28
UNTRAINED = "untrained weights: this explains a random network"
NOTHING = "Nothing at this layer speaks for the class: after Grad-CAM's ReLU every value is 0."


class AttributionPanel(QWidget):
    """Emits `compute_wished`, and `question_changed` where another method or layer is chosen."""

    compute_wished = Signal()
    question_changed = Signal()
    follow_wished = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._architecture: Architecture | None = None
        self._subject: ForwardSpec | None = None
        self._found: Attribution | None = None
        methods = {name: method.title for name, method in METHODS.items()}
        self._method = ComboBox(methods, "whyMethod", "Method", "How the class is traced back to what the network saw")
        self._method.show_values(methods, {name: f"Each value: {method.what}" for name, method in METHODS.items()})
        self._layer = ComboBox({"": "last block"}, "whyLayer", "Layer", LAYER_TIP)
        self._layer.setMaxVisibleItems(20)
        self._follow = named(QCheckBox("Follow"), "whyFollow", "Follow", FOLLOW_TIP)
        self._compute = named(QPushButton("Compute"), "whyCompute", "Compute", "Explain the class with this method")
        self._compute.setProperty("primary", True)
        self._empty = empty_state("whyEmpty", EMPTY)
        self._title = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "whyTitle", "What is shown")
        self._over = OverlayView("whyOverlay", "Attribution over the network's input")
        self._alone = OverlayView("whyAlone", "Attribution alone")
        self._strength, self._bar = StrengthSlider("whyStrength"), ColorBar()
        self._readout = named(QLabel(), "whyReadout", "Value under the mouse")
        self._notes = named(QLabel(wordWrap=True), "whyNotes", "What to think of it")
        self._hint = named(QLabel(WHICH, wordWrap=True), "whyHint", "Which layer")
        for label in (self._readout, self._hint):
            label.setProperty("quiet", True)
        self._notes.setProperty("warning", True)
        self._lay_out()
        self._connect()

    def method(self) -> str:
        return self._method.value()

    def layer(self) -> str:
        """Empty for the last block, and for methods without a layer."""
        return self._layer.value() if METHODS[self.method()].layered else ""

    def show_subject(self, subject: ForwardSpec) -> None:
        """This is what is looked at: its layers are offered, and a result of another is said to be one."""
        self._subject = subject
        if subject.architecture != self._architecture:
            self._architecture = subject.architecture
            usual = usual_layer(subject.architecture)
            self._layer.show_values({"": f"last ({usual})", **layers_on_offer(subject.architecture)})
            if self._layer.currentIndex() < 0:
                self._layer.show_value("")
            self._show_hint()
        self._show_doubt()

    def show_attribution(self, found: Attribution) -> None:
        """Show an answer."""
        self._found = found
        method, how = METHODS[found.method], drawing(found)
        self._title.setText(_titled(found))
        self._title.setToolTip(f"Each value: {method.what}")
        self._pages.setCurrentIndex(0)
        self._over.show_pictures(found.seen, heat(found.at_input, how))
        self._alone.show_pictures(None, heat(found.values, how))
        low, high = how.limits or (0.0, 1.0)
        self._bar.show_range(how.colours, (low, high))
        self._show_doubt()
        self._read(None)

    def show_running(self, *, running: bool) -> None:
        """Say that an answer is on its way; the same question can't be asked again meanwhile."""
        self._compute.setText("Computing…" if running else "Compute")
        self._compute.setEnabled(not running and self._method.isEnabled())

    def show_missing(self, sentence: str) -> None:
        """Say what is to be installed; nothing can be asked until then."""
        for widget in (self._method, self._layer, self._follow, self._compute):
            widget.setEnabled(not sentence)
        if sentence:
            self._empty.setText(sentence)
            self._empty.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        tools = FlowLayout()
        for choice, width in ((self._method, METHOD_WIDTH), (self._layer, LAYER_WIDTH)):
            choice.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            choice.setFixedWidth(width)
            tools.addWidget(choice)
        self._follow.setMinimumHeight(HEIGHT)
        tools.addWidget(self._follow)
        self._compute.setMinimumWidth(self._compute.fontMetrics().horizontalAdvance("Computing…") + 4 * GRID)
        tools.addWidget(self._compute)
        pictures = QGridLayout()
        pictures.setHorizontalSpacing(2 * GRID)
        pictures.setVerticalSpacing(GRID)
        for number, (view, tool) in enumerate(((self._over, self._strength), (self._alone, self._bar))):
            pictures.addWidget(view, 0, number)
            pictures.addWidget(tool, 1, number)
            pictures.setColumnStretch(number, 1)
        pictures.setRowStretch(0, 1)
        shown = QVBoxLayout()
        shown.addWidget(self._title)
        shown.addLayout(pictures, 1)
        shown.addWidget(FixedHeightLabel(self._readout))
        shown.addWidget(self._notes)
        shown.addWidget(self._hint)
        shown.addStretch()
        self._notes.hide()
        self._pages = below(self, tools, shown, self._empty)
        self._bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        self._compute.clicked.connect(self.compute_wished)
        self._follow.toggled.connect(self.follow_wished)
        self._method.chosen.connect(lambda _: self._take_choice())
        self._layer.chosen.connect(lambda _: self._take_choice())
        self._strength.moved.connect(self._over.show_strength)
        self._over.show_strength(self._strength.share())
        self._over.hovered.connect(lambda pixel: self._read(pixel, large=True))
        self._alone.hovered.connect(self._read)

    def _take_choice(self) -> None:
        self.show_running(running=False)  # this is another question
        self._show_hint()
        self.question_changed.emit()

    def _show_hint(self) -> None:
        """Say which layer to take, to who has taken another."""
        self._layer.setEnabled(METHODS[self.method()].layered)
        usual = usual_layer(self._architecture) if self._architecture else ""
        self._hint.setVisible(self.layer() not in ("", usual))

    def _read(self, pixel: tuple[int, int] | None, *, large: bool = False) -> None:
        """Say the value at a row and a column, of the input or of the layer."""
        if self._found is None:
            return
        if pixel is None:
            self._readout.setText(f"each value: {METHODS[self._found.method].what}")
            self._readout.setToolTip("")
            return
        value = float((self._found.at_input if large else self._found.values)[pixel])
        self._readout.setText(f"row {pixel[0]}, column {pixel[1]}: {significant(value)}")
        self._readout.setToolTip(repr(value))

    def _show_doubt(self) -> None:
        found, doubts = self._found, []
        if found is None:
            return
        since = changed_since(found.subject, self._subject) if self._subject else ""
        if since:
            doubts.append(f"This is {since}: compute it again.")
        if not found.weights.trained:
            doubts.append(f"{UNTRAINED[:1].upper()}{UNTRAINED[1:]}.")
        if not found.values.any():
            doubts.append(NOTHING)
        self._notes.setText(" ".join(doubts))
        self._notes.setVisible(bool(doubts))


def time_taken(seconds: float) -> str:
    """ "4 ms", "1.25 s"."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def empty_state(name: str, text: str) -> QLabel:
    """What to do next, where there is no answer yet."""
    label = named(QLabel(text, wordWrap=True), name, "What to do next")
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setProperty("quiet", True)
    return label


def below(panel: QWidget, tools: QLayout, shown: QLayout, empty: QLabel) -> QStackedWidget:
    """Lay a panel out: tools, and under them an answer or what to do to get one, which is there at first."""
    answer, pages = QWidget(), QStackedWidget()
    shown.setContentsMargins(0, 0, 0, 0)
    shown.setSpacing(GRID)
    answer.setLayout(shown)
    pages.addWidget(answer)
    pages.addWidget(empty)
    pages.setCurrentWidget(empty)
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(GRID)
    column.addLayout(tools)
    column.addWidget(pages, 1)
    return pages


def _titled(found: Attribution) -> str:
    """ "Grad-CAM at layer4.1, 7×7 · for 3 (> 99 %) · 0.12 s"."""
    where = f" at {found.layer}" if found.layer else ""
    height, width = found.values.shape
    parts = [f"<b>{METHODS[found.method].title}</b>{where}, {height}×{width}"]
    parts.append(in_html(f"for {found.label} ({percent(found.probability, 2)})"))
    parts.append(time_taken(found.seconds))
    if found.delta is not None:
        parts.append(f"sum is off by {significant(abs(found.delta))}")
    return " · ".join(parts)
