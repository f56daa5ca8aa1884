"""The responses over depth with their legend, the twin's weights, and what is under the mouse."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from resnet_studio.gui import theme
from resnet_studio.gui.theme import GRID
from resnet_studio.gui.widgets.choice import Choice
from resnet_studio.gui.widgets.depth_plot import DepthPlot, strokes
from resnet_studio.gui.widgets.elided import Elided
from resnet_studio.gui.widgets.export_button import ExportButton
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.picture_file import write_picture
from resnet_studio.gui.widgets.readout import Readout
from resnet_studio.gui.widgets.significant import significant
from resnet_studio.gui.widgets.twin_strokes import TwinStroke, paint_sample, sample
from resnet_studio.inference.twins import Responses, TrainedWeights
from resnet_studio.networks.presets import title

HEADING = "Layer responses over depth"
TIP = (
    "Standard deviation of F(x), after its last batch norm and before addition and ReLU,\n"
    "and of the x that it is added to: He et al. 2015, Section 4.2 and Figure 7"
)
HINT = "a click goes to that block"
RANDOM = "random"
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
        self._of = named(QLabel("twin's weights"), "twinWeightsLabel")
        self._of.setProperty("quiet", True)
        self._weights = Choice({}, "twinWeights", "The twin's weights", "Which weights the other network has")
        self._weights.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._weights.setMaximumWidth(28 * GRID)
        self._weights.chosen.connect(self._wish)
        self._export = ExportButton("exportResponses", "Export the responses", "Save the plot, or the values", "")
        self._export.path_chosen.connect(self.save)
        self._lines = [(QLabel(), named(Elided(), f"response{number}", "Line of the plot")) for number in range(4)]
        self._plot = DepthPlot()
        self._plot.block_chosen.connect(self.block_chosen)
        self._plot.hovered.connect(self._read)
        self._readout = named(Elided(), "responseReadout", "Values of a block")
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
        for widget in (self._of, self._weights):
            widget.setVisible(bool(choices))

    def save(self, path: Path) -> None:
        """Write the plot or the values, as the path's ending asks for, and say so."""
        try:
            self._write(path)
        except OSError as error:
            self._readout.say(f"{path.name} could not be written: {error.strerror or error}")
        else:
            self._readout.say(f"{path.name} is written.")

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802  (Qt's name)
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._show_legend()

    def _lay_out(self, heading: QLabel) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(heading)
        head.addStretch(1)
        for widget in (self._of, self._weights, self._export):
            head.addWidget(widget)
        legend = QGridLayout()
        legend.setHorizontalSpacing(GRID)
        legend.setVerticalSpacing(0)
        for number, (picture, said) in enumerate(self._lines):
            legend.addWidget(picture, number // 2, 2 * (number % 2))
            legend.addWidget(said, number // 2, 2 * (number % 2) + 1)
        legend.setColumnStretch(1, 3)
        legend.setColumnStretch(3, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addLayout(head)
        column.addLayout(legend)
        column.addWidget(self._plot, 1)
        column.addWidget(Readout(self._readout))

    def _show_legend(self) -> None:
        drawn = legend(self._responses)
        for number, (picture, said) in enumerate(self._lines):
            picture.setVisible(number < len(drawn))
            said.setVisible(number < len(drawn))
            if number < len(drawn):
                picture.setPixmap(sample(drawn[number][0]))
                said.say(drawn[number][1])

    def _read(self, number: int | None) -> None:
        """What a block's points are: of the one under the mouse, else of the one that is looked at."""
        blocks = self._responses[0].blocks if self._responses else ()
        if number is None and self._block in blocks:
            number = blocks.index(self._block)
        if number is None:
            self._readout.say(HINT if blocks else "")
            return
        told = (
            f"{family(one)}: F(x) {significant(one.residuals[number])}, x {significant(one.inputs[number])}"
            for one in self._responses
        )
        self._readout.say(" · ".join((blocks[number], *told)))

    def _wish(self, chosen: str) -> None:
        self.weights_wished.emit(None if chosen == RANDOM else self._choices[int(chosen)].weights)

    def _write(self, path: Path) -> None:
        if path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows(self._responses))
        else:
            lines = len(legend(self._responses))
            size = QSize(self._plot.width() + 2 * EDGE, self._plot.height() + lines * ROW + 2 * EDGE + GRID)
            write_picture(path, size, HEADING, self._paint)

    def _paint(self, painter: QPainter) -> None:
        place = QRectF(EDGE, EDGE, self._plot.width(), self._plot.height())
        item = self._plot.getPlotItem()
        self._plot.scene().render(painter, place, item.mapRectToScene(item.boundingRect()))
        painter.setFont(theme.text_font(9))
        for number, (stroke, said) in enumerate(legend(self._responses)):
            line = QRect(EDGE, round(place.bottom()) + GRID + number * ROW, self._plot.width(), ROW)
            paint_sample(painter, QRect(line.left(), line.top(), STROKE, ROW), stroke)
            painter.setPen(QColor(theme.current().text))
            painter.drawText(line.adjusted(STROKE + GRID, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, said)


def family(one: Responses) -> str:
    return "plain" if one.plain else "residual"


def legend(responses: Sequence[Responses]) -> list[tuple[TwinStroke, str]]:
    """The stroke of each line and what it is, with the weights that it was measured with."""
    lines: list[tuple[TwinStroke, str]] = []
    for one in responses:
        look, doubt = strokes(one.plain), "" if one.trained else ", untrained"
        lines.append((look.residual, f"F(x) {title(one.subject.architecture).split(',')[0]}, {one.source}{doubt}"))
        lines.append((look.x, f"x {family(one)}"))
    return lines


def rows(responses: Sequence[Responses]) -> list[list[object]]:
    """A table: the blocks, and two columns a network."""
    names = [f"{what}, {title(one.subject.architecture)}, {one.source}" for one in responses for what in ("F(x)", "x")]
    columns = [values for one in responses for values in (one.residuals, one.inputs)]
    blocks = responses[0].blocks if responses else ()
    return [["block", *names], *([block, *values] for block, *values in zip(blocks, *columns, strict=True))]
