"""The Layers workspace: the layer table of the current architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from resnet_studio.causes import message_of
from resnet_studio.engine.protocol import CanceledError
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.networks.presets import title

if TYPE_CHECKING:
    from resnet_studio.gui.layers.view import LayersView


class LayersWorkspace(Workspace):
    """Shows the current table, and requests torchinfo's summary."""

    title = "Layers"
    view: LayersView

    def make(self) -> QWidget:
        from resnet_studio.gui.layers.view import LayersView

        app = self.app
        self.view = view = LayersView()
        app.tableChanged.connect(view.show_table)
        app.countFailed.connect(view.show_not_counted)
        view.summaryRequested.connect(self._request_summary)
        view.show_table(app.table)
        view.show_not_counted(app.count_error)
        return view

    def start_search(self) -> bool:
        self.view.start_search()
        return True

    def _request_summary(self) -> None:
        architecture = self.app.session.architecture
        self.app.engine.request(
            "summary", architecture, label=f"summarizing {title(architecture)}",
            on_result=self.view.show_summary, on_error=self._on_summary_error,
        )  # fmt: skip

    def _on_summary_error(self, error: Exception) -> bool:
        self.view.show_summary("Canceled" if isinstance(error, CanceledError) else message_of(error))
        return True
