"""The main window: lays out the views and the workspaces, and connects them with the controller."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QScrollArea, QVBoxLayout, QWidget

from resnet_studio.causes import IN_A_WINDOW, describe
from resnet_studio.engine.process import JOBS
from resnet_studio.gui.activations.weights.controller import Offer
from resnet_studio.gui.app_controller import AppController
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.architecture.summary import ArchitectureSummary
from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.common.status_bar import StatusBar
from resnet_studio.gui.engine_client import EngineClient
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.menus import make_menus
from resnet_studio.gui.module_controller import RESTORED
from resnet_studio.gui.module_dialog import ModuleDialog
from resnet_studio.gui.selftest import open_selftest
from resnet_studio.gui.session import NO_MODULE, SessionState
from resnet_studio.gui.workspaces import WORKSPACES
from resnet_studio.networks.arguments import PROGRAM
from resnet_studio.networks.own_module import ModuleSource

PANEL_WIDTHS, WIDE_WINDOW = (256, 304), 1280
"""Widths of the architecture panel in a narrow and in a wide window, and the width from which the window is wide."""
MIN_SIZE = QSize(1008, 640)
"""Everything is readable at this size, which is reduced only for a smaller screen."""
ENGINE_BACK = "The engine has restarted and resumed pending requests."


class MainWindow(QMainWindow):
    """One window with one current architecture. Its workspaces are its children: `findChild(TrainingWorkspace)`."""

    def __init__(self, state: SessionState, jobs: str = JOBS, runs: Path | None = None) -> None:
        """`jobs` is the engine's table of jobs, `runs` the folder of runs if not the default one."""
        super().__init__()
        self.setWindowTitle("ResNet Studio")
        self.setAcceptDrops(True)
        self.engine = EngineClient(jobs)
        self._start_failure = ""
        """The message shown when no engine could be started."""
        self.controller = AppController(state, self.engine, runs)
        self.message_bar = MessageBar()
        self.panel, self.summary, self.status_bar = ArchitecturePanel(), ArchitectureSummary(), StatusBar()
        self._workspaces = [workspace(self.controller, self) for workspace in WORKSPACES]
        self.workspaces = LazyTabWidget([(workspace.title, workspace.make) for workspace in self._workspaces])
        self._lay_out()
        make_menus(self, self._workspaces)
        self._connect()
        available = self.screen().availableSize() - QSize(2, 40)  # leaves space for the title bar
        self.resize(QSize(1440, 900).boundedTo(available))
        self.setMinimumSize(MIN_SIZE.boundedTo(available))
        self.restoreGeometry(state.geometry)
        self.controller.start()
        self.workspaces.tabCreated.connect(self._fix_tab_order)
        self.workspaces.setCurrentIndex(state.workspace)
        self.workspaces.create_tab(self.workspaces.currentIndex())
        self.workspaces.entered.connect(self._on_workspace_entered)
        self._current = self._workspaces[self.workspaces.currentIndex()]
        self._current.set_current(True)

    def start_engine(self) -> None:
        """Start the engine process. Until it answers, the plan's values are shown."""
        self.engine.start()
        self.controller.request_devices()
        self.workspaces.prepare()

    def session_state(self) -> SessionState:
        """The session to restore at the next start."""
        images, image = self.controller.images.images_to_save()
        geometry = bytes(self.saveGeometry().data())
        return replace(self.controller.session.state, geometry=geometry, images=images, image=image)

    def show_notice(self, sentence: str, offers: Sequence[Offer] = ()) -> None:
        """Show a message about the session, with the actions that it offers."""
        self.controller.set_offers(offers)
        self.message_bar.show_message(sentence, offers=[label for label, _ in offers], tone="warning")

    def report(self, error: BaseException, details: str) -> None:
        """Show an error of the program itself; Copy gives the details that a bug report needs."""
        sentence = describe(error, IN_A_WINDOW)
        self.message_bar.show_message(f"{sentence[:1].upper()}{sentence[1:]}. You can keep working.", details)

    def offer_module(self, sentence: str = "") -> None:
        """Offer to run the Python file again that the last session had open, behind a sentence if there is one.

        Without such a file only the sentence is shown.
        """
        source = self.controller.session.state.module
        if source.path:
            self.controller.session.update(module=NO_MODULE)
            offers = (("Open again…", lambda: self.controller.modules.offer(source)),)
            self.show_notice(" ".join(filter(None, (sentence, RESTORED.format(source.name)))), offers)
        elif sentence:
            self.show_notice(sentence)

    def start_search(self) -> None:
        """Focus the search of the current workspace, or of the first one, the layers, if that has nothing to search."""
        if not self._current.start_search():
            self.workspaces.setCurrentIndex(0)
            self._current.start_search()

    def copy_command_line(self) -> None:
        """Copy the command that makes on the command line what the current workspace shows."""
        try:
            command = shlex.join((PROGRAM, *self._current.command_line()))
        except ValueError as error:
            self.message_bar.show_message(str(error))
            return
        QGuiApplication.clipboard().setText(command)
        self.message_bar.show_message(f"Copied: {command}", tone="news")

    def rerun(self) -> None:
        """Compute again what is on the screen; if no engine could be started, try that again."""
        self.engine.start()
        self._current.rerun()

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._make_side_panel())
        middle.addWidget(self.workspaces, 1)
        central = QWidget()
        stack = QVBoxLayout(central)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        stack.addWidget(self.message_bar)
        stack.addLayout(middle, 1)
        stack.addWidget(self.status_bar)
        self.setCentralWidget(central)

    def _make_side_panel(self) -> QWidget:
        """The architecture's fields, which scroll if the window is low, above the summary."""
        fields = QScrollArea(widgetResizable=True)
        fields.setFrameShape(QFrame.Shape.NoFrame)
        fields.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        fields.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        fields.setWidget(self.panel)
        side = set_names(QWidget(), "sidePanel")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._side_panel = side
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(fields, 1)
        column.addWidget(separator())
        column.addWidget(self.summary)
        return side

    def _fix_tab_order(self) -> None:
        """Put the status bar last in the tab order, after a workspace that was just created."""
        last = cast("QWidget", self.previousInFocusChain())
        while self.status_bar.isAncestorOf(last) or not last.focusPolicy() & Qt.FocusPolicy.TabFocus:
            last = cast("QWidget", last.previousInFocusChain())
        for control in self.status_bar.controls:
            QWidget.setTabOrder(last, control)
            last = control

    def _connect(self) -> None:
        controller, engine, status_bar, message_bar = self.controller, self.engine, self.status_bar, self.message_bar
        self.panel.architectureRequested.connect(controller.session.set_architecture)
        controller.session.architectureChanged.connect(self.panel.show_architecture)
        self.panel.show_architecture(controller.session.architecture)
        controller.tableChanged.connect(self.summary.show_table)
        controller.session.flopUnitChanged.connect(self.summary.set_flop_unit)
        self.summary.set_flop_unit(controller.session.state.flop_unit)
        controller.paperComparisonChanged.connect(
            lambda text, good: self.summary.show_paper_comparison(text, good=good)
        )
        for number, workspace in enumerate(self._workspaces):
            workspace.currentRequested.connect(partial(self.workspaces.setCurrentIndex, number))
        controller.errorOccurred.connect(message_bar.show_message)
        controller.errorResolved.connect(message_bar.clear_message)
        controller.modules.confirmationRequested.connect(self._confirm_module)
        controller.news.connect(lambda sentence: message_bar.show_message(sentence, tone="news"))
        message_bar.offerSelected.connect(controller.accept_offer)
        status_bar.deviceSelected.connect(controller.activations.set_device)
        status_bar.testRequested.connect(lambda device: open_selftest(engine, device, self))
        status_bar.cancelRequested.connect(controller.cancel)
        controller.devicesFound.connect(lambda found: status_bar.set_devices(found, controller.session.state.device))
        engine.progressChanged.connect(status_bar.show_progress)
        engine.idle.connect(status_bar.show_idle)
        status_bar.set_engine_state("starting")
        engine.stateChanged.connect(status_bar.set_engine_state)
        engine.stateChanged.connect(self._on_engine_state_changed)
        engine.died.connect(message_bar.show_message)
        engine.failed.connect(self._on_engine_failed)
        engine.restarted.connect(lambda: message_bar.show_message(ENGINE_BACK, tone="news"))

    def _confirm_module(self, source: ModuleSource, names: Sequence[str]) -> None:
        """Ask before a Python file is run."""
        dialog = ModuleDialog(source, names, self)
        dialog.confirmed.connect(self.controller.modules.open)
        dialog.open()

    def _on_workspace_entered(self, number: int) -> None:
        self._current.set_current(False)
        self._current = self._workspaces[number]
        self.controller.session.update(workspace=number)
        self._current.set_current(True)

    def _on_engine_failed(self, sentence: str) -> None:
        self._start_failure = sentence
        self.message_bar.show_message(sentence)

    def _on_engine_state_changed(self, state: str) -> None:
        """Clear the start failure as soon as an engine works."""
        if state in ("ready", "busy") and self._start_failure:
            self.message_bar.clear_message(self._start_failure)
            self._start_failure = ""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.controller.open_paths([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._side_panel.setFixedWidth(PANEL_WIDTHS[self.width() >= WIDE_WINDOW])

    def closeEvent(self, event: QCloseEvent) -> None:
        if focused := self.focusWidget():
            focused.clearFocus()  # commits a field that is being typed in
        self.workspaces.stop()
        self.controller.close()
        for workspace in self._workspaces:
            workspace.close()
        self.engine.close()
        super().closeEvent(event)
