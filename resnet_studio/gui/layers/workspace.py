"""The Layers workspace: the layer table of the current architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.networks.arguments import network_arguments
from resnet_studio.networks.plan import channels_by_name
from resnet_studio.networks.presets import title

if TYPE_CHECKING:
    from resnet_studio.gui.layers.view import LayersView


class LayersWorkspace(Workspace):
    """Shows the current table, and requests torchinfo's summary. The selected layer is that of the other workspaces."""

    title = "Layers"
    view: LayersView
    _to_select = ""
    """The layer that was selected in another workspace since this one was left."""

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        app.activations.layerSelected.connect(self._on_layer_selected)

    def make(self) -> QWidget:
        from resnet_studio.gui.layers.view import LayersView

        app = self.app
        self.view = view = LayersView()
        app.tableChanged.connect(view.show_table)
        app.countFailed.connect(view.show_not_counted)
        view.summaryRequested.connect(self._request_summary)
        view.layerSelected.connect(self._select_layer)
        view.flopUnitSelected.connect(app.session.set_flop_unit)
        app.session.flopUnitChanged.connect(view.set_flop_unit)
        view.saveRequested.connect(app.exports.write)
        view.hiddenColumnsChanged.connect(lambda hidden: app.session.update(hidden_columns=hidden))
        view.set_flop_unit(app.session.state.flop_unit)
        view.set_hidden_columns(app.session.state.hidden_columns)
        view.show_table(app.table)
        view.show_not_counted(app.count_error)
        self._connect_measurements()
        return view

    def _connect_measurements(self) -> None:
        app, measurements = self.app, self.app.measurements
        self.view.measurementRequested.connect(lambda: measurements.request(app.session.architecture))
        measurements.measuringChanged.connect(self.view.show_measuring)
        measurements.measured.connect(self._show_measurement)
        measurements.changed.connect(self._show_measurement)
        app.tableChanged.connect(self._show_measurement)
        self.view.show_measuring(measurements.measuring)
        self._show_measurement()

    def _show_measurement(self) -> None:
        self.view.show_measurement(self.app.measurements.find(self.app.session.architecture))

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        if current and self._to_select:
            self.view.select_layer(self._to_select)
            self._to_select = ""

    def start_search(self) -> bool:
        self.view.start_search()
        return True

    def command_line(self) -> tuple[str, ...]:
        return (*self.view.command_line(), *network_arguments(self.app.session.architecture))

    def _select_layer(self, name: str) -> None:
        """Select a layer or block in every workspace; stages and the total are rows of this one only."""
        activations = self.app.activations
        if name != activations.layer and name in channels_by_name(self.app.session.architecture):
            activations.set_layer(name)

    def _on_layer_selected(self, name: str) -> None:
        if not self.is_current:
            self._to_select = name

    def _request_summary(self) -> None:
        architecture = self.app.session.architecture
        self.app.engine.request(
            "summary", architecture, label=f"summarizing {title(architecture)}",
            on_result=self.view.show_summary, on_error=self._on_summary_error,
        )  # fmt: skip

    def _on_summary_error(self, error: Exception) -> bool:
        self.view.show_summary("Canceled" if isinstance(error, CanceledError) else message_of(error))
        return True
