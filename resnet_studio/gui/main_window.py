"""The main window: lays out the views and connects them with the controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

import resnet_studio
from resnet_studio.causes import IN_A_WINDOW, describe
from resnet_studio.engine.process import JOBS
from resnet_studio.gui import menus, theme
from resnet_studio.gui.activations.weights.controller import Offer
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, ACTIVATIONS, LAYERS, TRAINING, AppController
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.architecture.summary import ArchitectureSummary
from resnet_studio.gui.common.helpers import separator, set_names
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.common.status_bar import StatusBar
from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.opened_files import OPENABLE_FILTER
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.workspace import TABS, TrainingWorkspace
from resnet_studio.inference.transforms import IDENTITY

PANEL_WIDTHS, WIDE_WINDOW = (256, 304), 1280
"""Widths of the architecture panel in a narrow and in a wide window, and the width from which the window is wide."""
MIN_SIZE = QSize(1008, 640)
"""Everything is readable at this size, which is reduced only for a smaller screen."""
ENGINE_BACK = "The engine has restarted and resumed pending requests."
WORKSPACES = ("Layers", "Verify", "Activations", "Compare", "Training")


if TYPE_CHECKING:
    from resnet_studio.gui.activations.workspace import ActivationsWorkspace


class MainWindow(QMainWindow):
    """One window with one current architecture."""

    layers: LayersView

    def __init__(self, state: SessionState, jobs: str = JOBS, runs: Path | None = None) -> None:
        """`jobs` is the engine's table of jobs, `runs` the folder of runs if not the default one."""
        super().__init__()
        self.setWindowTitle("ResNet Studio")
        self.setAcceptDrops(True)
        self.connection = EngineConnection(jobs)
        self._start_failure = ""
        """The message shown when no engine could be started."""
        self.engine = EngineClient(self.connection)
        self.controller = AppController(state, self.engine)
        self.message_bar = MessageBar()
        self.panel, self.summary, self.status_bar = ArchitecturePanel(), ArchitectureSummary(), StatusBar()
        self.activations: ActivationsWorkspace | None = None
        self.training = TrainingWorkspace(self.controller, self.engine, runs)
        self.controller.weights.runs = self.training.folder
        factories = (
            self._make_layers, self._make_verify, self._make_activations, self._make_compare, self.training.make
        )  # fmt: skip
        self.workspaces = LazyTabWidget(tuple(zip(WORKSPACES, factories, strict=True)))
        self._lay_out()
        self._make_menus()
        self._connect()
        available = self.screen().availableSize() - QSize(2, 40)  # leaves space for the title bar
        self.resize(QSize(1440, 900).boundedTo(available))
        self.setMinimumSize(MIN_SIZE.boundedTo(available))
        self.restoreGeometry(QByteArray.fromBase64(state.geometry.encode()))
        self.controller.start()
        self.workspaces.tabCreated.connect(self._fix_tab_order)
        self.workspaces.create_tab(state.workspace)
        self.workspaces.setCurrentIndex(state.workspace)
        self.workspaces.entered.connect(self.controller.enter)
        self.workspaces.entered.connect(self.training.enter)

    def start_engine(self) -> None:
        """Start the engine process. Until it answers, the plan's values are shown."""
        self.connection.start()
        self.engine.request_devices()
        self.workspaces.prepare()

    def session_state(self) -> SessionState:
        """The session to restore at the next start."""
        state = self.controller.session.state
        state.geometry = self.saveGeometry().toBase64().toStdString()
        images, image = self.controller.images.images_to_save()
        return state if images == state.images and image == state.image else replace(state, images=images, image=image)

    def show_notice(self, sentence: str, offers: Sequence[Offer] = ()) -> None:
        """Show a message about the session, with the actions that it offers."""
        self.controller.set_offers(offers)
        self.message_bar.show_message(sentence, offers=[label for label, _ in offers], tone="warning")

    def report(self, error: BaseException, details: str) -> None:
        """Show an error of the program itself; Copy gives the details that a bug report needs."""
        sentence = describe(error, IN_A_WINDOW)
        self.message_bar.show_message(f"{sentence[:1].upper()}{sentence[1:]}. You can keep working.", details)

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

    def _make_menus(self) -> None:
        session = self.controller.session
        menus.add_menu(self, "&File", (
            ("Open…", "Ctrl+O", self._open), ("", "", self._open), ("Quit", "Ctrl+Q", self.close)
        ))  # fmt: skip
        edit = menus.add_menu(self, "&Edit", (
            ("Undo", "Ctrl+Z", session.undo), ("Redo", "Ctrl+Shift+Z or Ctrl+Y", session.redo),
            ("", "", self._find), ("Find layer", "Ctrl+F", self._find),
            ("Search presets", "Ctrl+P", self.panel.search),
        ))  # fmt: skip
        session.historyChanged.connect(lambda undo, _redo: edit["Undo"].setEnabled(undo))
        session.historyChanged.connect(lambda _undo, redo: edit["Redo"].setEnabled(redo))
        session.historyChanged.emit(False, False)
        view = menus.add_menu(self, "&View", (
            *((name, f"Ctrl+{number + 1}", lambda number=number: self.workspaces.setCurrentIndex(number))
              for number, name in enumerate(WORKSPACES)),
            ("", "", self._find), ("Run again", "F5", self._run_again), ("Cancel", "Esc", self.controller.cancel),
            ("", "", self._find),
        ))  # fmt: skip
        themes = cast("QWidget", view["Cancel"].parent())
        menus.add_radio_group(themes, ("system", "light", "dark"), session.state.theme, self._set_theme)  # type: ignore[arg-type]
        menus.add_menu(self, "&Activations", (
            *((name, f"Ctrl+Alt+{number + 1}", lambda number=number: self._show_activations(number))
              for number, name in enumerate(ACTIVATION_PAGES)),
            ("", "", self._find),
            ("Reset image", "Ctrl+Alt+0", lambda: self.controller.activations.set_transforms(IDENTITY)),
        ))  # fmt: skip
        training = menus.add_menu(self, "&Training", (
            *((name, f"Alt+{number + 1}", lambda number=number: self._show_training(number))
              for number, name in enumerate(TABS)),
            ("", "", self._find), ("Stop runs when the window closes", "", self._toggle_stop_runs),
        ))  # fmt: skip
        training["Stop runs when the window closes"].setCheckable(True)
        training["Stop runs when the window closes"].setChecked(session.state.stop_runs)
        menus.add_menu(self, "&Help", (("Shortcuts", "? or F1", self._show_shortcuts), ("About", "", self._show_about)))

    def _make_layers(self) -> QWidget:
        self.layers = view = LayersView()
        self.controller.tableChanged.connect(view.show_table)
        view.summaryRequested.connect(lambda: self.engine.request_summary(self.controller.session.architecture))
        self.engine.summaryReady.connect(view.show_summary)
        self.controller.summaryFailed.connect(view.show_summary)
        self.controller.countFailed.connect(view.show_not_counted)
        view.show_table(self.controller.table)
        view.show_not_counted(self.controller.count_error)
        return view

    def _make_verify(self) -> QWidget:
        from resnet_studio.gui.verify.view import VerifyView

        view, session = VerifyView(), self.controller.session
        self.controller.architectureChanged.connect(view.set_current_architecture)
        view.architectureSelected.connect(session.set_architecture)
        view.columnsRequested.connect(self.controller.verify_with)
        self.engine.verified.connect(view.show_results)
        view.set_current_architecture(session.architecture)
        return view

    def _make_activations(self) -> QWidget:
        from resnet_studio.gui.activations.workspace import ActivationsWorkspace

        self.activations = ActivationsWorkspace(self.controller, self.engine)
        self.activations.export.message.connect(lambda text: self.message_bar.show_message(text, tone="news"))
        return self.activations.make()

    def _make_compare(self) -> QWidget:
        from resnet_studio.gui.compare.view import CompareView

        view, session = CompareView(), self.controller.session
        self.controller.architectureChanged.connect(view.set_current_architecture)
        view.architectureSelected.connect(session.set_architecture)
        view.comparisonRequested.connect(self.controller.compare_with)
        self.controller.comparisonChanged.connect(view.show_comparison)
        view.set_current_architecture(session.architecture)
        view.show_comparison(self.controller.comparison())
        return view

    def _connect(self) -> None:
        controller, engine, status_bar, connection = self.controller, self.engine, self.status_bar, self.connection
        self.panel.architectureRequested.connect(controller.session.set_architecture)
        controller.architectureEdited.connect(self.panel.show_architecture)
        self.panel.show_architecture(controller.session.architecture)
        controller.tableChanged.connect(self.summary.show_table)
        controller.paperComparisonChanged.connect(
            lambda text, good: self.summary.show_paper_comparison(text, good=good)
        )
        controller.errorOccurred.connect(self.message_bar.show_message)
        controller.errorResolved.connect(self.message_bar.clear_message)
        self.message_bar.offerSelected.connect(controller.accept_offer)
        controller.workspaceRequested.connect(self.workspaces.setCurrentIndex)
        controller.runsOpened.connect(self.training.open_run)
        self.training.errorOccurred.connect(self.message_bar.show_message)
        status_bar.deviceSelected.connect(controller.activations.set_device)
        status_bar.cancelRequested.connect(controller.cancel)
        engine.progressChanged.connect(status_bar.show_progress)
        engine.idle.connect(status_bar.show_idle)
        engine.devicesFound.connect(lambda found: status_bar.set_devices(found, controller.session.state.device))
        status_bar.set_engine_state("starting")
        connection.stateChanged.connect(status_bar.set_engine_state)
        connection.died.connect(self.message_bar.show_message)
        connection.failed.connect(self.message_bar.show_message)
        connection.failed.connect(self._on_engine_failed)
        connection.stateChanged.connect(self._on_engine_state_changed)
        connection.restarted.connect(lambda: self.message_bar.show_message(ENGINE_BACK, tone="news"))

    def _on_engine_failed(self, sentence: str) -> None:
        self._start_failure = sentence

    def _on_engine_state_changed(self, state: str) -> None:
        """Clear the start failure as soon as an engine works."""
        if state in ("ready", "busy") and self._start_failure:
            self.message_bar.clear_message(self._start_failure)
            self._start_failure = ""

    def _run_again(self) -> None:
        self.connection.start()  # if no engine could be started, this tries again
        self.controller.rerun()

    def _open(self) -> None:
        title = "Open images, weights, or an architecture"
        paths, _ = QFileDialog.getOpenFileNames(self, title, "", OPENABLE_FILTER)
        self.controller.open_paths(paths)

    def _find(self) -> None:
        if self.workspaces.currentIndex() == ACTIVATIONS:
            assert self.activations is not None  # its workspace is visible
            self.activations.start_search()
            return
        if self.workspaces.currentIndex() == TRAINING and self.training.start_search():
            return
        self.workspaces.setCurrentIndex(LAYERS)
        self.layers.start_search()

    def _show_activations(self, page: int) -> None:
        self.workspaces.setCurrentIndex(ACTIVATIONS)
        assert self.activations is not None
        self.activations.show_tab(page)

    def _show_training(self, page: int) -> None:
        self.workspaces.setCurrentIndex(TRAINING)
        self.training.show_tab(page)

    def _toggle_stop_runs(self) -> None:
        state = self.controller.session.state
        state.stop_runs = not state.stop_runs

    def _set_theme(self, name: str) -> None:
        self.controller.session.state.theme = name
        theme.apply(cast("QApplication", QApplication.instance()), name)  # type: ignore[arg-type]

    def _show_shortcuts(self) -> None:
        QMessageBox(QMessageBox.Icon.NoIcon, "Shortcuts", menus.shortcuts_html(self), parent=self).open()

    def _show_about(self) -> None:
        text = (
            f"<b>ResNet Studio {resnet_studio.__version__}</b><p>A workbench for residual networks "
            "(He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, arXiv 1512.03385).<p>"
            "FLOPs are multiply-adds, as counted by fvcore."
        )
        QMessageBox(QMessageBox.Icon.NoIcon, "About ResNet Studio", text, parent=self).open()

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
        if self.activations:
            self.activations.close()
        self.training.close()
        self.connection.close()
        super().closeEvent(event)
