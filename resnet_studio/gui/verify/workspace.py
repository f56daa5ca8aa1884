"""The Verify workspace: the published values, each with the measured one."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.verify.controller import VerifyController


class VerifyWorkspace(Workspace):
    """Verifies when it is first opened, as that takes the engine a while."""

    title = "Verify"

    def __init__(self, app: AppController, parent: QObject | None = None) -> None:
        super().__init__(app, parent)
        self.controller = VerifyController(app.engine)

    def command_line(self) -> tuple[str, ...]:
        return ("verify",)

    def make(self) -> QWidget:
        from resnet_studio.gui.verify.view import VerifyView

        view, session, controller = VerifyView(), self.app.session, self.controller
        self.app.planChanged.connect(view.set_current_architecture)
        view.architectureSelected.connect(session.set_architecture)
        view.saveRequested.connect(self.app.exports.write)
        view.columnsRequested.connect(controller.verify_with)
        controller.resultsChanged.connect(view.show_results)
        view.set_current_architecture(session.architecture)
        return view

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        if current:
            self.controller.start()

    def rerun(self) -> None:
        self.controller.restart()
