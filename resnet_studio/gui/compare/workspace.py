"""The Compare workspace: networks side by side."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.compare.controller import CompareController


class CompareWorkspace(Workspace):
    """Compares the networks that the session holds."""

    title = "Compare"

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        self.controller = CompareController(app)

    def make(self) -> QWidget:
        from resnet_studio.gui.compare.view import CompareView

        view, session, controller = CompareView(), self.app.session, self.controller
        self.app.planChanged.connect(view.set_current_architecture)
        view.architectureSelected.connect(session.set_architecture)
        view.comparisonRequested.connect(controller.compare_with)
        controller.comparisonChanged.connect(view.show_comparison)
        view.set_current_architecture(session.architecture)
        view.show_comparison(controller.comparison())
        return view

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        self.controller.set_active(current)

    def rerun(self) -> None:
        self.controller.refresh()
