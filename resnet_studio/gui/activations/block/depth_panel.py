"""The depth plot with its legend, the counterpart's weights, and the values of the block under the mouse."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.causes import os_reason
from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.activations.block.depth_plot import DepthPlot, response_lines
from resnet_studio.gui.common.figure_export import ExportButton, write_figure
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.plots.styles import paint_sample, sample_pixmap
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.counterparts import Responses, TrainedWeights
from resnet_studio.networks.presets import title

HEADING = "Layer responses over depth"
TIP = (
    "Standard deviation of F(x), before the addition and ReLU,\n"
    "and of x, to which it is added: He et al. 2015, Section 4.2 and Figure 7"
)
HINT, MEASURING = "click selects the block", "measuring the network and its counterpart …"
RANDOM = "random"
LONGEST_TEXT = "layer8.888 · residual: F(x) 8.88e−8, x 8.88e−8 · plain: F(x) 8.88e−8, x 8.88e−8"
"""The longest text of the line of values."""
MARGIN, ROW_HEIGHT, SAMPLE_WIDTH = 16, 20, 32
"""Pixels in an exported figure: its margin, a row of its legend, a line sample there."""


class DepthPanel(QWidget):
    """Emits which block is to be shown, and the counterpart's weights where there is a choice."""

    blockSelected = Signal(str)
    weightsRequested = Signal(object)
    """A `WeightsSource`, or None for random weights."""

    def __init__(self) -> None:
        super().__init__()
        self._responses: tuple[Responses, ...] = ()
        self._choices: tuple[TrainedWeights, ...] = ()
        self._block = ""
        heading = set_names(QLabel(HEADING), "depthHeading", "", TIP)
        heading.setProperty("heading", True)
        self._weights = ComboBox({}, "twinWeights", "Counterpart's weights", "Weights of the counterpart")
        self._weights.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._weights.setMinimumContentsLength(8)
        self._weights.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._weights.valueSelected.connect(self._on_weights_selected)
        self._export = ExportButton("exportResponses", "Export the responses", "Save the plot or its values", "")
        self._export.pathSelected.connect(self.save)
        self._rows = [_LegendRow(number) for number in range(2)]
        self._plot = DepthPlot()
        self._plot.blockSelected.connect(self.blockSelected)
        self._plot.hovered.connect(self._show_values)
        self._readout = set_names(QLabel(), "responseReadout", "Values of a block")
        self._readout.setProperty("quiet", True)
        self._lay_out(heading)
        self.show_choices((), None)
        self.show_responses(())

    def show_responses(self, responses: Sequence[Responses]) -> None:
        """Draw these networks, the current one first."""
        self._responses = tuple(responses)
        self._plot.show_responses(self._responses)
        self._export.setEnabled(bool(responses))
        if responses:
            self._export.stem = f"responses-{title(responses[0].spec.architecture).split(',')[0]}"
        self._show_legend()
        self._show_values(None)

    def show_block(self, block: str) -> None:
        """Mark the shown block."""
        self._block = block
        self._plot.show_block(block)
        self._show_values(None)

    def show_choices(self, choices: Sequence[TrainedWeights], current: object) -> None:
        """Offer weights for the counterpart; without choices the list is hidden."""
        self._choices = tuple(choices)
        labels = {str(number): choice.title for number, choice in enumerate(choices)} | {RANDOM: "random, untrained"}
        self._weights.set_values(labels)
        selected = [str(number) for number, choice in enumerate(choices) if choice.weights == current]
        self._weights.set_value(selected[0] if selected else RANDOM)
        self._weights.setVisible(bool(choices))

    def save(self, path: Path) -> None:
        """Write the plot, or the values if the path ends in .csv, and show the result in the line of values."""
        try:
            self._write(path)
        except OSError as error:
            self._readout.setText(f"{path.name} could not be written: {os_reason(error)}")
        else:
            self._readout.setText(f"Saved {path.name}.")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_legend()

    def _lay_out(self, heading: QLabel) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(heading)
        head.addStretch(1)
        head.addWidget(self._export)
        self._rows[1].add(self._weights)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(head)
        for row in self._rows:
            column.addWidget(row)
        column.addWidget(self._plot, 1)
        column.addWidget(FixedHeightLabel(self._readout, longest=LONGEST_TEXT))

    def _show_legend(self) -> None:
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(self._responses))
            if number < len(self._responses):
                row.show_responses(self._responses[number])

    def _show_values(self, number: int | None) -> None:
        """Show the values of the block with that index; None shows those of the selected block."""
        blocks = self._responses[0].blocks if self._responses else ()
        if number is None and self._block in blocks:
            number = blocks.index(self._block)
        if number is None:
            self._readout.setText(HINT if blocks else MEASURING)
            return
        values = (
            f"{network_kind(network)}: F(x) {significant(network.residuals[number])}, "
            f"x {significant(network.inputs[number])}"
            for network in self._responses
        )
        self._readout.setText(" · ".join((blocks[number], *values)))

    def _on_weights_selected(self, value: str) -> None:
        self.weightsRequested.emit(None if value == RANDOM else self._choices[int(value)].weights)

    def _write(self, path: Path) -> None:
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(csv_rows(self._responses))
        else:
            below = GRID + len(self._responses) * ROW_HEIGHT
            size = QSize(self._plot.width() + 2 * MARGIN, self._plot.height() + below + 2 * MARGIN)
            write_figure(path, size, HEADING, self._paint)

    def _paint(self, painter: QPainter) -> None:
        size = self._plot.width()
        rect = QRectF(MARGIN, MARGIN, size, self._plot.height())
        item = self._plot.getPlotItem()
        self._plot.scene().render(painter, rect, item.mapRectToScene(item.boundingRect()))
        painter.setFont(theme.text_font(9))
        for number, network in enumerate(self._responses):
            top, lines = round(rect.bottom()) + GRID + number * ROW_HEIGHT, response_lines(network.plain)
            left = MARGIN
            for stroke, text, width in (
                (lines.residual, "F(x)", 32),
                (lines.x, "x", 16),
                (None, legend_text(network), size),
            ):
                if stroke:
                    paint_sample(painter, QRect(left, top, SAMPLE_WIDTH, ROW_HEIGHT), stroke)
                    left += SAMPLE_WIDTH + GRID
                painter.setPen(QColor(theme.current().text))
                painter.drawText(QRect(left, top, width, ROW_HEIGHT), Qt.AlignmentFlag.AlignVCenter, text)
                left += width + GRID


class _LegendRow(QWidget):
    """A row of the legend: samples of a network's two lines, and the network with its weights."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._samples = QLabel(), QLabel()
        self._description = set_names(ElidedLabel(), f"response{number}", "Network and its weights")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        for picture, text in zip(self._samples, ("F(x)", "x"), strict=True):
            self._row.addWidget(picture)
            self._row.addWidget(QLabel(text))
        self._row.addWidget(self._description, 3)

    def add(self, widget: QWidget) -> None:
        """Append a widget to the row."""
        self._row.addWidget(widget, 2)

    def show_responses(self, network: Responses) -> None:
        lines = response_lines(network.plain)
        for picture, stroke in zip(self._samples, (lines.residual, lines.x), strict=True):
            picture.setPixmap(sample_pixmap(stroke))
        short = title(network.spec.architecture).split(",")[0], network.source.removeprefix("random, ")
        self._description.set_text(legend_text(network), "", ", ".join(short))


def network_kind(network: Responses) -> str:
    return "plain" if network.plain else "residual"


def legend_text(network: Responses) -> str:
    """A network and the weights it was measured with, such as "plain34, random, seed 0, untrained"."""
    suffix = "" if network.trained else ", untrained"
    return f"{title(network.spec.architecture).split(',')[0]}, {network.source}{suffix}"


def csv_rows(responses: Sequence[Responses]) -> list[list[object]]:
    """Header and one row per block, with the columns F(x) and x of each network."""
    names = [
        f"{name}, {title(network.spec.architecture)}, {network.source}"
        for network in responses
        for name in ("F(x)", "x")
    ]
    columns = [values for network in responses for values in (network.residuals, network.inputs)]
    blocks = responses[0].blocks if responses else ()
    return [["block", *names], *([block, *values] for block, *values in zip(blocks, *columns, strict=True))]
