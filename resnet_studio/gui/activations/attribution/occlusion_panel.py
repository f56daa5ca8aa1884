"""The occlusion test: the class's probability with a gray square at each position, and where another class wins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.formatting import about_percent, counted
from resnet_studio.gui.activations.attribution.overlay import OverlayView, StrengthSlider
from resnet_studio.gui.activations.attribution.panel import HEIGHT, UNTRAINED, duration_text, lay_out_panel
from resnet_studio.gui.common.button_feedback import disable_briefly
from resnet_studio.gui.common.color_bar import ColorBar
from resnet_studio.gui.common.helpers import empty_label, set_names, set_style_property
from resnet_studio.gui.common.inputs import commit_when_complete
from resnet_studio.gui.common.labels import FixedHeightLabel, escape_html, labeled, tooltip
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.attribution import (
    NOT_COMPUTED,
    OccludedPosition,
    OcclusionMap,
    cell_edges,
    default_patch,
    describe_changes,
    heatmap,
    occlusion_style,
    patch_starts,
    without_occluder,
)
from resnet_studio.inference.values import ForwardSpec

EMPTY = "Click Start to slide a gray patch over the image and see where covering it changes the class."
HINT = "hover to read a position · click to place the occluder there"
MAX_FLIPS, MAX_LOWEST = 200, 10
POSITION_ROLE = Qt.ItemDataRole.UserRole


class OcclusionPanel(QWidget):
    """Emits the square to slide over the input, and the occluder that the user selects."""

    occlusionRequested = Signal(int, int)
    """Side and stride of the square in pixels of the input."""
    cancelRequested = Signal()
    occluderRequested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._size: tuple[int, int] | None = None
        """Height and width of the input; None while both fields change."""
        self._running = False
        self._spec: ForwardSpec | None = None
        self._occlusion: OcclusionMap | None = None
        self._edges = (np.zeros(0, np.intp), np.zeros(0, np.intp))
        """Of the cells, from the top and from the left."""
        self._patch = set_names(
            QSpinBox(suffix=" px"), "sweepPatch", "Patch", "Patch size in pixels of the network input"
        )
        tip = "Distance between patch positions in pixels"
        self._stride = set_names(QSpinBox(suffix=" px"), "sweepStride", "Stride", tip)
        self._count = set_names(QLabel(), "sweepCount", "Positions")
        self._start = set_names(QPushButton("Start"), "sweepStart", "Start", "Slide the patch over the image")
        self._start.setProperty("primary", True)
        for field in (self._patch, self._stride):
            field.setMinimum(1)
            commit_when_complete(field)
        self._empty = empty_label("sweepEmpty", EMPTY)
        self._title = set_names(QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText), "sweepTitle", "What is shown")
        self._map = OverlayView("sweepMap", "Class probability with the patch at each position")
        self._list = set_names(QListWidget(), "sweepFlips", "Where another class wins")
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._heading = set_names(QLabel(wordWrap=True), "sweepHeading", "How often another class wins")
        self._strength, self._bar = StrengthSlider("sweepStrength"), ColorBar()
        self._readout = set_names(QLabel(HINT, wordWrap=True), "sweepReadout", "Position under the cursor")
        self._readout.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._notes = set_names(QLabel(wordWrap=True), "sweepNotes", "Warnings")
        self._notes.setProperty("warning", True)
        for label in (self._count, self._readout):
            label.setProperty("quiet", True)
        self._lay_out()
        self._connect()

    def set_spec(self, spec: ForwardSpec) -> None:
        """Set the current spec, from which the size of the input follows and whether the map is outdated."""
        self._spec = spec
        size = spec.architecture.image_size
        if size != self._size:
            self._size = None
            for field, value in zip((self._patch, self._stride), default_patch(size), strict=True):
                field.setRange(1, min(size))
                field.setValue(value)
            self._size = size
            self._count_positions()
        self._show_caveats()

    def show_occlusion(self, occlusion: OcclusionMap) -> None:
        """Show an occlusion map, complete or as far as it is computed."""
        (height, width), patch = occlusion.model_input.shape[:2], occlusion.patch
        self._occlusion = occlusion
        self._edges = cell_edges(occlusion.tops, patch, height), cell_edges(occlusion.lefts, patch, width)
        style, (heights, widths) = occlusion_style(occlusion), map(np.diff, self._edges)

        def expand(cells: NDArray[Any]) -> NDArray[Any]:
            return np.repeat(np.repeat(cells, heights, 0), widths, 1)

        known = occlusion.top_classes != NOT_COMPUTED
        self._pages.setCurrentIndex(0)
        self._map.show_images(occlusion.model_input, expand(heatmap(occlusion.probabilities, style)), expand(known))
        self._map.show_marks(tuple(self._cell_rect(flip.row, flip.column) for flip in occlusion.flips))
        self._bar.set_range(style.colours, style.limits)
        self._title.setText(_title_text(occlusion))
        self._show_flips(occlusion)
        self._show_caveats()

    def show_running(self, *, running: bool) -> None:
        """Make the button start or cancel the computation."""
        self._running = running
        self._start.setText("Cancel" if running else "Start")
        set_names(self._start, "sweepStart", self._start.text(), "Stop here" if running else "Slide the patch over it")
        set_style_property(self._start, primary=not running)

    def _lay_out(self) -> None:
        tools = FlowLayout()
        for text, field in (("patch", self._patch), ("stride", self._stride)):
            tools.addWidget(labeled(text, field))
        self._start.setMinimumWidth(self._start.fontMetrics().horizontalAdvance("Cancel") + 5 * GRID)
        for widget in (self._count, self._start):
            widget.setMinimumHeight(HEIGHT)
            tools.addWidget(widget)
        left, right, halves = QVBoxLayout(), QVBoxLayout(), QHBoxLayout()
        for layout in (left, right):
            layout.setSpacing(GRID)
            halves.addLayout(layout, 1)
        halves.setSpacing(2 * GRID)
        left.addWidget(self._map, 1)
        left.addWidget(self._strength)
        left.addWidget(self._bar)
        left.addWidget(FixedHeightLabel(self._readout, 3))
        left.addStretch()
        right.addWidget(self._heading)
        right.addWidget(self._list, 1)
        shown = QVBoxLayout()
        shown.addWidget(self._title)
        shown.addWidget(self._notes)
        shown.addLayout(halves, 1)
        self._notes.hide()
        self._pages = lay_out_panel(self, tools, shown, self._empty)

    def _connect(self) -> None:
        self._start.clicked.connect(self._on_start_clicked)
        for field in (self._patch, self._stride):
            field.valueChanged.connect(self._count_positions)
        self._strength.strengthChanged.connect(self._map.set_strength)
        self._map.set_strength(self._strength.strength())
        self._map.hovered.connect(self._on_hovered)
        self._map.clicked.connect(self._on_clicked)
        self._list.currentItemChanged.connect(
            lambda item, _: self._show_position(item.data(POSITION_ROLE) if item else None)
        )
        self._list.itemActivated.connect(lambda item: self._request_occluder(*item.data(POSITION_ROLE)))

    def _on_start_clicked(self) -> None:
        if self._running:
            self.cancelRequested.emit()
        else:
            self.occlusionRequested.emit(self._patch.value(), self._stride.value())
            disable_briefly(self._start)

    def _count_positions(self) -> None:
        if self._size:
            patch, stride = self._patch.value(), self._stride.value()
            count = math.prod(len(patch_starts(side, patch, stride)) for side in self._size)
            self._count.setText(counted(count, "position"))

    def _show_flips(self, occlusion: OcclusionMap) -> None:
        flips = occlusion.flips
        positions = f"{occlusion.computed:,} positions" + (
            "" if occlusion.computed == occlusion.positions else " so far"
        )
        if flips:
            self._heading.setText(f"Another class wins at {len(flips):,} of {positions}:")
        else:
            self._heading.setText(f"No other class wins at any of {positions}. Lowest:")
        self._list.clear()
        for flip in flips[:MAX_FLIPS] or occlusion.by_probability[:MAX_LOWEST]:
            wins = f"{flip.label} wins" if flips else about_percent(flip.probability)
            item = QListWidgetItem(f"{wins} at {self._origin_text(flip)}", self._list)
            item.setToolTip(tooltip(self._position_text(flip)))
            item.setData(POSITION_ROLE, (flip.row, flip.column))

    def _position_at(self, pixel: tuple[int, int]) -> tuple[int, int] | None:
        """The position whose cell contains a pixel, None if it is not computed yet."""
        row, column = (
            int(np.searchsorted(edges, value, "right")) - 1 for edges, value in zip(self._edges, pixel, strict=True)
        )
        assert self._occlusion is not None
        return (row, column) if self._occlusion.top_classes[row, column] != NOT_COMPUTED else None

    def _on_hovered(self, pixel: tuple[int, int] | None) -> None:
        self._show_position(self._position_at(pixel) if pixel and self._occlusion else None)

    def _show_position(self, position: tuple[int, int] | None) -> None:
        if position is None or self._occlusion is None:
            self._readout.setText(HINT)
            self._map.show_frame(None)
            return
        row, column = position
        self._readout.setText(self._position_text(self._occlusion.at(row, column)))
        top, left, patch = self._occlusion.tops[row], self._occlusion.lefts[column], self._occlusion.patch
        self._map.show_frame(QRect(left, top, patch, patch))

    def _position_text(self, flip: OccludedPosition) -> str:
        assert self._occlusion is not None
        occlusion = self._occlusion
        wins = f"{flip.label} wins" if flip.top_class != occlusion.top_class else "the same class wins"
        return f"patch at {self._origin_text(flip)}: {occlusion.label} at {about_percent(flip.probability)}, {wins}"

    def _origin_text(self, flip: OccludedPosition) -> str:
        """The first row and column that the square covers."""
        assert self._occlusion is not None
        return f"row {self._occlusion.tops[flip.row]}, column {self._occlusion.lefts[flip.column]}"

    def _on_clicked(self, row: int, column: int) -> None:
        position = self._position_at((row, column)) if self._occlusion else None
        if position:
            self._request_occluder(*position)

    def _request_occluder(self, row: int, column: int) -> None:
        assert self._occlusion is not None
        self.occluderRequested.emit(self._occlusion.occluder(row, column))

    def _cell_rect(self, row: int, column: int) -> QRect:
        top, bottom = self._edges[0][row : row + 2].tolist()
        left, right = self._edges[1][column : column + 2].tolist()
        return QRect(left, top, right - left, bottom - top)

    def _show_caveats(self) -> None:
        if self._occlusion is None:
            return
        changes = describe_changes(self._occlusion.spec, without_occluder(self._spec)) if self._spec else ""
        caveats = [f"This result is {changes}. Start again."] if changes else []
        if not self._occlusion.weights.trained:
            caveats.append(f"{UNTRAINED[:1].upper()}{UNTRAINED[1:]}.")
        self._notes.setText(" ".join(caveats))
        self._notes.setVisible(bool(caveats))


def _title_text(occlusion: OcclusionMap) -> str:
    """A title such as "**3**: > 99 % without the patch, lowest 79 % · 49 of 49 positions · 0.4 s"."""
    parts = [
        f"<b>{escape_html(occlusion.label)}</b>: {about_percent(occlusion.probability)} without the patch".replace(
            "< 0", "&lt; 0"
        )
    ]
    if occlusion.computed:
        parts[0] += f", lowest {about_percent(float(np.nanmin(occlusion.probabilities)))}".replace("< 0", "&lt; 0")
    if occlusion.computed < occlusion.positions:
        parts.append(f"{occlusion.computed:,} of {occlusion.positions:,} positions")
    parts.append(duration_text(occlusion.seconds))
    return " · ".join(parts)
