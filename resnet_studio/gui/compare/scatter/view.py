"""The Scatter page of Compare: networks as points, one quantity against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.analysis.network_quantities import NetworkFigures, quantities
from resnet_studio.analysis.scatter import is_wide, scatter_csv
from resnet_studio.atomic import write_file
from resnet_studio.causes import os_reason
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import empty_label, set_names
from resnet_studio.gui.common.inputs import ComboBox
from resnet_studio.gui.common.labels import ElidedLabel, labeled
from resnet_studio.gui.common.layouts import FlowLayout, VerticalScrollArea
from resnet_studio.gui.compare.scatter.details import NetworkDetails
from resnet_studio.gui.compare.scatter.legend import ScatterLegend, legend_entries
from resnet_studio.gui.compare.scatter.picture import write_picture
from resnet_studio.gui.compare.scatter.plot import ScatterPlot
from resnet_studio.gui.compare.scatter.state import SOURCES, SWEEP, SWEEP_TITLE, ScatterState
from resnet_studio.gui.theme import GRID

ARROW = 48
"""Pixels of a box of choices beside its text."""
HINT = "Click a network to use it. Drag a rectangle or turn the wheel to zoom; double-click to reset."
NOTHING = "No {what} is known of these networks. Choose another quantity or other networks."
UNMEASURED = "None of these networks has a measured time yet. Measure them, or choose another quantity."


class ScatterView(QWidget):
    """Shows a scatter plot, and emits requests for other networks, quantities, or measurements."""

    sourceRequested = Signal(str)
    quantityRequested = Signal(str, str)
    """The axis, "x" or "y", and the key of a quantity."""
    architectureSelected = Signal(object)
    measureRequested = Signal()
    cancelRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._state: ScatterState | None = None
        self._chosen_scales: dict[tuple[str, str], bool] = {}
        """Whether an axis is logarithmic, where the user has chosen for its quantity."""
        self._view_key: tuple[object, ...] = ()
        """What the zoom belongs to: networks, quantities, and scales."""
        self._source = ComboBox(SOURCES, "scatterSource", "Networks", "Which networks are plotted")
        self._axes = {axis: _quantity_box(axis) for axis in "yx"}
        self._logs = {axis: _log_box(axis) for axis in "yx"}
        self._export = ExportButton("exportScatter", "Export the scatter plot", "Save the plot, or its values", "")
        self._notice = set_names(ElidedLabel(), "scatterNotice", "What is missing")
        self._notice.setProperty("quiet", True)
        self._measure = set_names(
            QPushButton("Measure"), "measureNetworks", "", "Measure the time of those that have none"
        )
        self._cancel = set_names(
            QPushButton("Cancel"), "cancelMeasuring", "", "Stop measuring; what is measured is kept"
        )
        self.plot, self._details, self._legend = ScatterPlot(), NetworkDetails(), ScatterLegend()
        self._empty = empty_label("scatterEmpty")
        self._pages = QStackedWidget()
        self._measuring = ""
        self._lay_out()
        self._connect()

    def show_state(self, state: ScatterState) -> None:
        """Show networks by two quantities."""
        found = state.found
        self._choose_scales(state)
        self._state = state
        self._source.set_values({**SOURCES, SWEEP: SWEEP_TITLE} if state.has_sweep else SOURCES)
        self._source.set_value(state.source)
        for axis, quantity in (("x", found.x), ("y", found.y)):
            self._axes[axis].set_values(_titles(state))
            self._axes[axis].set_value(quantity.key)
        self._pages.setCurrentIndex(0 if found.points else 1)
        self._empty.setText(_empty_text(state))
        self._export.stem = f"{found.y.key}-{found.x.key}"
        self._export.setEnabled(bool(found.points))
        self._legend.setVisible(bool(found.points))
        self._legend.show_entries(legend_entries(found, has_current=state.current_index is not None))
        self._details.show_figures(state.current, state.unit, current=True)
        self._show_notice()
        self._show_plot()

    def show_measuring(self, text: str) -> None:
        """Show how far measuring is; an empty text says that nothing is being measured."""
        self._measuring = text
        self._show_notice()

    def save(self, path: Path) -> None:
        """Write the picture (PNG, SVG, PDF) or the points (CSV), by the path's suffix, and say so."""
        if self._state is None:
            return
        try:
            self._write(path, self._state)
        except OSError as error:
            self._notice.set_text(f"{path.name} could not be written: {os_reason(error)}")
        else:
            self._notice.set_text(f"Saved {path.name}.")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._legend.update()

    def _lay_out(self) -> None:
        tools = FlowLayout()
        tools.setSpacing(2 * GRID)
        tools.addWidget(labeled("Networks", self._source))
        for axis in "yx":
            chooser = labeled(axis, self._axes[axis])
            cast("QHBoxLayout", chooser.layout()).addWidget(self._logs[axis])
            tools.addWidget(chooser)
        tools.addWidget(self._export)
        notice = QHBoxLayout()
        notice.setSpacing(GRID)
        notice.addWidget(self._measure)
        notice.addWidget(self._cancel)
        notice.addWidget(self._notice, 1)
        for page in (self.plot, self._empty):
            self._pages.addWidget(page)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(self._pages, 1)
        side = VerticalScrollArea(self._details)
        side.setFixedWidth(self._details.minimumWidth() + side.verticalScrollBar().sizeHint().width())
        row.addWidget(side)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addLayout(tools)
        column.addLayout(notice)
        column.addLayout(row, 1)
        column.addWidget(self._legend)
        for box in (self._source, *self._axes.values()):
            widest = max(box.fontMetrics().horizontalAdvance(box.itemText(row)) for row in range(box.count()))
            box.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            box.setFixedWidth(widest + ARROW)
        self._notice.setFixedHeight(self._measure.sizeHint().height())

    def _connect(self) -> None:
        self._source.valueSelected.connect(self.sourceRequested)
        for axis, box in self._axes.items():
            box.valueSelected.connect(lambda key, axis=axis: self.quantityRequested.emit(axis, key))
            self._logs[axis].clicked.connect(lambda checked, axis=axis: self._on_scale_chosen(axis, checked))
        self._export.pathSelected.connect(self.save)
        self._measure.clicked.connect(self.measureRequested)
        self._cancel.clicked.connect(self.cancelRequested)
        self.plot.networkSelected.connect(self._on_network_selected)
        self.plot.hovered.connect(self._on_hovered)

    def _choose_scales(self, state: ScatterState) -> None:
        """An axis is logarithmic where the values range widely, until the user chooses for this quantity."""
        for axis, quantity in (("x", state.found.x), ("y", state.found.y)):
            values = [getattr(point, axis) for point in state.found.points]
            possible = bool(values) and min(values) > 0
            chosen = self._chosen_scales.get((axis, quantity.key), is_wide(values))
            self._logs[axis].setEnabled(possible)
            self._logs[axis].setChecked(possible and chosen)

    def _on_scale_chosen(self, axis: str, logarithmic: bool) -> None:
        if self._state is not None:
            self._chosen_scales[axis, getattr(self._state.found, axis).key] = logarithmic
            self._show_plot()

    def _show_plot(self) -> None:
        assert self._state is not None
        state = self._state
        log_x, log_y = (self._logs[axis].isChecked() for axis in "xy")
        networks = tuple(point.architecture for point in state.found.points)
        key = (networks, state.found.x.key, state.found.y.key, state.unit, log_x, log_y)
        keep = key == self._view_key
        self._view_key = key
        self.plot.show_scatter(state.found, state.current_index, log_x=log_x, log_y=log_y, keep_range=keep)

    def _show_notice(self) -> None:
        if self._state is None:
            return
        offer = self._state.offer
        said = " · ".join(filter(None, (self._state.found.missing_text, self._state.conditions)))
        self._notice.set_text(self._measuring or said or HINT)
        self._measure.setVisible(offer is not None and not self._measuring)
        self._cancel.setVisible(bool(self._measuring))
        if offer is not None:
            self._measure.setText(offer.label)

    def _on_hovered(self, index: int | None) -> None:
        if self._state is not None:
            figures = self._figures(index)
            self._details.show_figures(figures, self._state.unit, current=figures == self._state.current)

    def _figures(self, index: int | None) -> NetworkFigures:
        assert self._state is not None
        return self._state.current if index is None else self._state.found.points[index].figures

    def _on_network_selected(self, index: int) -> None:
        self.architectureSelected.emit(self._figures(index).architecture)

    def _write(self, path: Path, state: ScatterState) -> None:
        if path.suffix.lower() == ".csv":
            write_file(path, scatter_csv(state.found).encode())
            return
        write_picture(path, self.plot, state.found, _source_title(state), state.conditions)


def _quantity_box(axis: str) -> ComboBox:
    titles = {key: quantity.title for key, quantity in quantities().items()}
    where = {"x": "horizontal", "y": "vertical"}[axis]
    return ComboBox(titles, f"scatter{axis.upper()}", f"{where.capitalize()} axis", f"Quantity on the {where} axis")


def _log_box(axis: str) -> QCheckBox:
    where = {"x": "horizontal", "y": "vertical"}[axis]
    return set_names(
        QCheckBox("Log"), f"scatterLog{axis.upper()}", f"Logarithmic {where} axis", f"Logarithmic {where} axis"
    )


def _titles(state: ScatterState) -> Mapping[str, str]:
    return {key: quantity.title for key, quantity in quantities(state.unit).items()}


def _empty_text(state: ScatterState) -> str:
    if state.offer is not None:
        return UNMEASURED
    return NOTHING.format(what=state.found.lacking)


def _source_title(state: ScatterState) -> str:
    return {**SOURCES, SWEEP: SWEEP_TITLE}[state.source]
