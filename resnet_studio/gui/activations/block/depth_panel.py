"""The responses over depth with their legend, the twin's weights, and what is under the mouse."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.causes import why
from resnet_studio.formatting import significant
from resnet_studio.gui import theme
from resnet_studio.gui.activations.block.depth_plot import DepthPlot, strokes
from resnet_studio.gui.common.figure_export import ExportButton, write_picture
from resnet_studio.gui.common.helpers import named
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import ElidedLabel, FixedHeightLabel
from resnet_studio.gui.plots.styles import paint_sample, sample
from resnet_studio.gui.theme import GRID
from resnet_studio.inference.counterparts import Responses, TrainedWeights
from resnet_studio.networks.presets import title

HEADING = "Layer responses over depth"
TIP = (
    "Standard deviation of F(x), after its last batch norm and before addition and ReLU,\n"
    "and of the x that it is added to: He et al. 2015, Section 4.2 and Figure 7"
)
HINT, MEASURING = "a click goes to that block", "the network and its twin are measured …"
RANDOM = "random"
LONGEST = "layer8.888 · residual: F(x) 8.88e−8, x 8.88e−8 · plain: F(x) 8.88e−8, x 8.88e−8"
"""What the line of values may have to hold."""
EDGE, ROW, STROKE = 16, 20, 32
"""Pixels of an exported picture: around it, of a line of its legend, of a stroke there."""


class DepthPanel(QWidget):
    """Emits which block is to be looked at, and the twin's weights where there is a choice."""

    block_chosen = Signal(str)
    weights_wished = Signal(object)
    """A `WeightsSource`, or None for random ones."""

    def __init__(self) -> None:
        super().__init__()
        self._responses: tuple[Responses, ...] = ()
        self._choices: tuple[TrainedWeights, ...] = ()
        self._block = ""
        heading = named(QLabel(HEADING), "depthHeading", "", TIP)
        heading.setProperty("heading", True)
        self._weights = ComboBox({}, "twinWeights", "The twin's weights", "Which weights the other network has")
        self._weights.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._weights.setMinimumContentsLength(8)
        self._weights.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._weights.chosen.connect(self._wish)
        self._export = ExportButton("exportResponses", "Export the responses", "Save the plot, or the values", "")
        self._export.path_chosen.connect(self.save)
        self._rows = [_Row(number) for number in range(2)]
        self._plot = DepthPlot()
        self._plot.block_chosen.connect(self.block_chosen)
        self._plot.hovered.connect(self._read)
        self._readout = named(QLabel(), "responseReadout", "Values of a block")
        self._readout.setProperty("quiet", True)
        self._lay_out(heading)
        self.show_choices((), None)
        self.show_responses(())

    def show_responses(self, responses: Sequence[Responses]) -> None:
        """Draw these networks, the one that is looked at first."""
        self._responses = tuple(responses)
        self._plot.show_responses(self._responses)
        self._export.setEnabled(bool(responses))
        if responses:
            self._export.stem = f"responses-{title(responses[0].subject.architecture).split(',')[0]}"
        self._show_legend()
        self._read(None)

    def show_block(self, block: str) -> None:
        """Mark the block that is looked at."""
        self._block = block
        self._plot.show_block(block)
        self._read(None)

    def show_choices(self, choices: Sequence[TrainedWeights], chosen: object) -> None:
        """Offer weights for the twin; nothing is asked where there are none."""
        self._choices = tuple(choices)
        labels = {str(number): one.title for number, one in enumerate(choices)} | {RANDOM: "random, untrained"}
        self._weights.show_values(labels)
        held = [str(number) for number, one in enumerate(choices) if one.weights == chosen]
        self._weights.show_value(held[0] if held else RANDOM)
        self._weights.setVisible(bool(choices))

    def save(self, path: Path) -> None:
        """Write the plot or the values, as the path's ending asks for, and say so."""
        try:
            self._write(path)
        except OSError as error:
            self._readout.setText(f"{path.name} could not be written: {why(error)}")
        else:
            self._readout.setText(f"{path.name} is written.")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
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
        column.addWidget(FixedHeightLabel(self._readout, longest=LONGEST))

    def _show_legend(self) -> None:
        for number, row in enumerate(self._rows):
            row.setVisible(number < len(self._responses))
            if number < len(self._responses):
                row.show_responses(self._responses[number])

    def _read(self, number: int | None) -> None:
        """What a block's points are: of the one under the mouse, else of the one that is looked at."""
        blocks = self._responses[0].blocks if self._responses else ()
        if number is None and self._block in blocks:
            number = blocks.index(self._block)
        if number is None:
            self._readout.setText(HINT if blocks else MEASURING)
            return
        told = (
            f"{family(one)}: F(x) {significant(one.residuals[number])}, x {significant(one.inputs[number])}"
            for one in self._responses
        )
        self._readout.setText(" · ".join((blocks[number], *told)))

    def _wish(self, chosen: str) -> None:
        self.weights_wished.emit(None if chosen == RANDOM else self._choices[int(chosen)].weights)

    def _write(self, path: Path) -> None:
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows(self._responses))
        else:
            below = GRID + len(self._responses) * ROW
            size = QSize(self._plot.width() + 2 * EDGE, self._plot.height() + below + 2 * EDGE)
            write_picture(path, size, HEADING, self._paint)

    def _paint(self, painter: QPainter) -> None:
        size = self._plot.width()
        place = QRectF(EDGE, EDGE, size, self._plot.height())
        item = self._plot.getPlotItem()
        self._plot.scene().render(painter, place, item.mapRectToScene(item.boundingRect()))
        painter.setFont(theme.text_font(9))
        for number, one in enumerate(self._responses):
            top, look = round(place.bottom()) + GRID + number * ROW, strokes(one.plain)
            left = EDGE
            for stroke, said, wide in ((look.residual, "F(x)", 32), (look.x, "x", 16), (None, whose(one), size)):
                if stroke:
                    paint_sample(painter, QRect(left, top, STROKE, ROW), stroke)
                    left += STROKE + GRID
                painter.setPen(QColor(theme.current().text))
                painter.drawText(QRect(left, top, wide, ROW), Qt.AlignmentFlag.AlignVCenter, said)
                left += wide + GRID


class _Row(QWidget):
    """The two lines of a network, and whose they are."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._samples = QLabel(), QLabel()
        self._whose = named(ElidedLabel(), f"response{number}", "Network and its weights")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        for picture, said in zip(self._samples, ("F(x)", "x"), strict=True):
            self._row.addWidget(picture)
            self._row.addWidget(QLabel(said))
        self._row.addWidget(self._whose, 3)

    def add(self, widget: QWidget) -> None:
        """Put a widget behind the text."""
        self._row.addWidget(widget, 2)

    def show_responses(self, one: Responses) -> None:
        look = strokes(one.plain)
        for picture, stroke in zip(self._samples, (look.residual, look.x), strict=True):
            picture.setPixmap(sample(stroke))
        short = title(one.subject.architecture).split(",")[0], one.source.removeprefix("random, ")
        self._whose.say(whose(one), "", ", ".join(short))


def family(one: Responses) -> str:
    return "plain" if one.plain else "residual"


def whose(one: Responses) -> str:
    """The network and the weights that it was measured with: "plain34, random, seed 0, untrained"."""
    doubt = "" if one.trained else ", untrained"
    return f"{title(one.subject.architecture).split(',')[0]}, {one.source}{doubt}"


def rows(responses: Sequence[Responses]) -> list[list[object]]:
    """A table: the blocks, and two columns a network."""
    names = [f"{what}, {title(one.subject.architecture)}, {one.source}" for one in responses for what in ("F(x)", "x")]
    columns = [values for one in responses for values in (one.residuals, one.inputs)]
    blocks = responses[0].blocks if responses else ()
    return [["block", *names], *([block, *values] for block, *values in zip(blocks, *columns, strict=True))]
