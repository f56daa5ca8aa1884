"""The window: where the views are laid out, and the only place where they are connected."""

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
from resnet_studio.causes import IN_A_WINDOW, cause
from resnet_studio.engine.process import JOBS
from resnet_studio.gui import menus, theme
from resnet_studio.gui.activations.weights.controller import Offer
from resnet_studio.gui.app_controller import ACTIVATION_PAGES, ACTIVATIONS, LAYERS, TRAINING, AppController
from resnet_studio.gui.architecture.panel import ArchitecturePanel
from resnet_studio.gui.architecture.summary import ArchitectureSummary
from resnet_studio.gui.common.helpers import named, rule
from resnet_studio.gui.common.message_bar import MessageBar
from resnet_studio.gui.common.status_bar import StatusBar
from resnet_studio.gui.engine_client import EngineClient, EngineConnection
from resnet_studio.gui.layers.view import LayersView
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.gui.opened_files import LOADABLE
from resnet_studio.gui.session import SessionState
from resnet_studio.gui.training.workspace import PAGES, TrainingWorkspace
from resnet_studio.inference.images import listing
from resnet_studio.inference.transforms import IDENTITY

PANEL_WIDTHS, ROOMY = (256, 304), 1280
"""Pixels of the architecture's panel in a narrow and in a wide window, and from which width on it is wide."""
SMALLEST = QSize(1008, 640)
"""In which everything can be read, if the screen is not smaller still."""
ENGINE_BACK = "The engine is back, and goes on with what was asked."
WORKSPACES = ("Layers", "Verify", "Activations", "Compare", "Training")


if TYPE_CHECKING:
    from resnet_studio.gui.activations.workspace import ActivationsWorkspace


class MainWindow(QMainWindow):
    """One window, one architecture in hand."""

    layers: LayersView

    def __init__(self, kept: SessionState, jobs: str = JOBS, runs: Path | None = None) -> None:
        """`jobs` names what the engine can do, `runs` the folder of runs if it is not the user's own."""
        super().__init__()
        self.setWindowTitle("ResNet Studio")
        self.setAcceptDrops(True)
        self.link = EngineConnection(jobs)
        self._no_engine = ""
        """What was told when no engine could be started."""
        self.work = EngineClient(self.link)
        self.studio = AppController(kept, self.work)
        self.banner = MessageBar()
        self.panel, self.headline, self.status = ArchitecturePanel(), ArchitectureSummary(), StatusBar()
        self.activations: ActivationsWorkspace | None = None
        self.training = TrainingWorkspace(self.studio, self.work, runs)
        self.studio.weights.runs = self.training.folder
        makers = (
            self._make_layers, self._make_verify, self._make_activations, self._make_compare, self.training.make
        )  # fmt: skip
        self.workspaces = LazyTabWidget(tuple(zip(WORKSPACES, makers, strict=True)))
        self._lay_out()
        self._make_menus()
        self._connect()
        room = self.screen().availableSize() - QSize(2, 40)  # the desktop's own title bar takes its part
        self.resize(QSize(1440, 900).boundedTo(room))
        self.setMinimumSize(SMALLEST.boundedTo(room))
        self.restoreGeometry(QByteArray.fromBase64(kept.geometry.encode()))
        self.studio.begin()
        self.workspaces.made.connect(self._end_tab_order)
        self.workspaces.make(kept.workspace)
        self.workspaces.setCurrentIndex(kept.workspace)
        self.workspaces.entered.connect(self.studio.enter)
        self.workspaces.entered.connect(self.training.enter)

    def start_engine(self) -> None:
        """Start the process that owns torch. Until it answers, the plan's values are shown."""
        self.link.start()
        self.work.find_devices()
        self.workspaces.prepare()

    def kept(self) -> SessionState:
        """What the next start is to find again."""
        kept = self.studio.session.kept
        kept.geometry = self.saveGeometry().toBase64().toStdString()
        images, image = self.studio.images.to_remember()
        return kept if images == kept.images and image == kept.image else replace(kept, images=images, image=image)

    def show_notice(self, sentence: str, offers: Sequence[Offer] = ()) -> None:
        """Say what there is to know of the session, and what can be done about it."""
        self.studio.take_offers(offers)
        self.banner.tell(sentence, offers=[what for what, _ in offers], tone="warning")

    def report(self, error: BaseException, details: str) -> None:
        """Show a fault of the program itself, with what a bug report needs under Copy."""
        sentence = cause(error, IN_A_WINDOW)
        self.banner.tell(f"{sentence[:1].upper()}{sentence[1:]}. The window goes on.", details)

    def _lay_out(self) -> None:
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self._make_side())
        middle.addWidget(self.workspaces, 1)
        whole = QWidget()
        stack = QVBoxLayout(whole)
        stack.setContentsMargins(0, 0, 0, 0)
        stack.setSpacing(0)
        stack.addWidget(self.banner)
        stack.addLayout(middle, 1)
        stack.addWidget(self.status)
        self.setCentralWidget(whole)

    def _make_side(self) -> QWidget:
        """The architecture's fields, which scroll where the window is low, over what they amount to."""
        fields = QScrollArea(widgetResizable=True)
        fields.setFrameShape(QFrame.Shape.NoFrame)
        fields.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        fields.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        fields.setWidget(self.panel)
        side = named(QWidget(), "sidePanel")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._side = side
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(fields, 1)
        column.addWidget(rule())
        column.addWidget(self.headline)
        return side

    def _end_tab_order(self) -> None:
        """Tab goes through the workspaces, which are made one by one, before it comes to the status line."""
        last = cast("QWidget", self.previousInFocusChain())
        while self.status.isAncestorOf(last) or not last.focusPolicy() & Qt.FocusPolicy.TabFocus:
            last = cast("QWidget", last.previousInFocusChain())
        for control in self.status.controls:
            QWidget.setTabOrder(last, control)
            last = control

    def _make_menus(self) -> None:
        session = self.studio.session
        menus.fill(self, "&File", (
            ("Open…", "Ctrl+O", self._open), ("", "", self._open), ("Quit", "Ctrl+Q", self.close)
        ))  # fmt: skip
        edit = menus.fill(self, "&Edit", (
            ("Undo", "Ctrl+Z", session.undo), ("Redo", "Ctrl+Shift+Z or Ctrl+Y", session.redo),
            ("", "", self._find), ("Find a layer", "Ctrl+F", self._find),
            ("Search presets", "Ctrl+P", self.panel.search),
        ))  # fmt: skip
        session.history_changed.connect(lambda undo, _redo: edit["Undo"].setEnabled(undo))
        session.history_changed.connect(lambda _undo, redo: edit["Redo"].setEnabled(redo))
        session.history_changed.emit(False, False)
        view = menus.fill(self, "&View", (
            *((name, f"Ctrl+{number + 1}", lambda number=number: self.workspaces.setCurrentIndex(number))
              for number, name in enumerate(WORKSPACES)),
            ("", "", self._find), ("Run again", "F5", self._run_again), ("Cancel", "Esc", self.studio.cancel),
            ("", "", self._find),
        ))  # fmt: skip
        themes = cast("QWidget", view["Cancel"].parent())
        menus.add_choice(themes, ("system", "light", "dark"), session.kept.theme, self._take_theme)  # type: ignore[arg-type]
        menus.fill(self, "&Activations", (
            *((name, f"Ctrl+Alt+{number + 1}", lambda number=number: self._show_activations(number))
              for number, name in enumerate(ACTIVATION_PAGES)),
            ("", "", self._find), ("Image as it was", "Ctrl+Alt+0", lambda: self.studio.subject.turn(IDENTITY)),
        ))  # fmt: skip
        training = menus.fill(self, "&Training", (
            *((name, f"Alt+{number + 1}", lambda number=number: self._show_training(number))
              for number, name in enumerate(PAGES)),
            ("", "", self._find), ("Stop runs when the window closes", "", self._take_stopping),
        ))  # fmt: skip
        training["Stop runs when the window closes"].setCheckable(True)
        training["Stop runs when the window closes"].setChecked(session.kept.stop_runs)
        menus.fill(self, "&Help", (("Shortcuts", "? or F1", self._show_shortcuts), ("About", "", self._show_about)))

    def _make_layers(self) -> QWidget:
        self.layers = view = LayersView()
        self.studio.table_changed.connect(view.show_table)
        view.summary_wished.connect(lambda: self.work.sum_up(self.studio.session.architecture))
        self.work.summary_made.connect(view.show_summary)
        self.studio.summary_refused.connect(view.show_summary)
        self.studio.count_refused.connect(view.show_refusal)
        view.show_table(self.studio.table)
        view.show_refusal(self.studio.count_refusal)
        return view

    def _make_verify(self) -> QWidget:
        from resnet_studio.gui.verify.view import VerifyView

        view, session = VerifyView(), self.studio.session
        self.studio.architecture_changed.connect(view.show_in_hand)
        view.architecture_chosen.connect(session.take)
        view.columns_wished.connect(self.studio.verify_with)
        self.work.verified.connect(view.show_results)
        view.show_in_hand(session.architecture)
        return view

    def _make_activations(self) -> QWidget:
        from resnet_studio.gui.activations.workspace import ActivationsWorkspace

        self.activations = ActivationsWorkspace(self.studio, self.work)
        self.activations.export.written.connect(lambda told: self.banner.tell(told, tone="news"))
        return self.activations.make()

    def _make_compare(self) -> QWidget:
        from resnet_studio.gui.compare.view import CompareView

        view, session = CompareView(), self.studio.session
        self.studio.architecture_changed.connect(view.show_in_hand)
        view.architecture_chosen.connect(session.take)
        view.compared_wished.connect(self.studio.compare_with)
        self.studio.comparison_changed.connect(view.show_comparison)
        view.show_in_hand(session.architecture)
        view.show_comparison(self.studio.comparison())
        return view

    def _connect(self) -> None:
        studio, work, status, link = self.studio, self.work, self.status, self.link
        self.panel.wished.connect(studio.session.take)
        studio.edited.connect(self.panel.show_architecture)
        self.panel.show_architecture(studio.session.architecture)
        studio.table_changed.connect(self.headline.show_table)
        studio.standing_changed.connect(lambda text, good: self.headline.show_standing(text, good=good))
        studio.problem.connect(self.banner.tell)
        studio.problem_over.connect(self.banner.withdraw)
        self.banner.offer_taken.connect(studio.accept_offer)
        studio.workspace_wished.connect(self.workspaces.setCurrentIndex)
        studio.runs_dropped.connect(self.training.open_run)
        self.training.problem.connect(self.banner.tell)
        status.device_chosen.connect(studio.subject.choose_device)
        status.cancel_wished.connect(studio.cancel)
        work.progressed.connect(status.show_progress)
        work.idle.connect(status.show_idle)
        work.devices_found.connect(lambda found: status.show_devices(found, studio.session.kept.device))
        status.show_engine("starting")
        link.state_changed.connect(status.show_engine)
        link.died.connect(self.banner.tell)
        link.failed.connect(self.banner.tell)
        link.failed.connect(self._note_failure)
        link.state_changed.connect(self._take_engine_state)
        link.restarted.connect(lambda: self.banner.tell(ENGINE_BACK, tone="news"))

    def _note_failure(self, sentence: str) -> None:
        self._no_engine = sentence

    def _take_engine_state(self, state: str) -> None:
        """That no engine starts is over as soon as one works."""
        if state in ("ready", "busy") and self._no_engine:
            self.banner.withdraw(self._no_engine)
            self._no_engine = ""

    def _run_again(self) -> None:
        self.link.start()  # where no engine could be started, this tries once more
        self.studio.repeat()

    def _open(self) -> None:
        endings = " ".join(f"*{ending}" for ending in (*sorted(listing.ENDINGS), *LOADABLE, ".json"))
        kinds = f"Images, weights, architectures ({endings});;All files (*)"
        paths, _ = QFileDialog.getOpenFileNames(self, "Open images, weights or an architecture", "", kinds)
        self.studio.open_paths(paths)

    def _find(self) -> None:
        if self.workspaces.currentIndex() == ACTIVATIONS:
            assert self.activations is not None  # its workspace is in front
            self.activations.start_search()
            return
        if self.workspaces.currentIndex() == TRAINING and self.training.start_search():
            return
        self.workspaces.setCurrentIndex(LAYERS)
        self.layers.start_search()

    def _show_activations(self, page: int) -> None:
        self.workspaces.setCurrentIndex(ACTIVATIONS)
        assert self.activations is not None
        self.activations.show_page(page)

    def _show_training(self, page: int) -> None:
        self.workspaces.setCurrentIndex(TRAINING)
        self.training.show_page(page)

    def _take_stopping(self) -> None:
        kept = self.studio.session.kept
        kept.stop_runs = not kept.stop_runs

    def _take_theme(self, name: str) -> None:
        self.studio.session.kept.theme = name
        theme.apply(cast("QApplication", QApplication.instance()), name)  # type: ignore[arg-type]

    def _show_shortcuts(self) -> None:
        QMessageBox(QMessageBox.Icon.NoIcon, "Shortcuts", menus.shortcuts(self), parent=self).open()

    def _show_about(self) -> None:
        text = (
            f"<b>ResNet Studio {resnet_studio.__version__}</b><p>A workbench for residual networks "
            "(He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, arXiv 1512.03385).<p>"
            "FLOPs are multiply-adds as fvcore counts them."
        )
        QMessageBox(QMessageBox.Icon.NoIcon, "About ResNet Studio", text, parent=self).open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  (Qt's names)
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        self.studio.open_paths([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._side.setFixedWidth(PANEL_WIDTHS[self.width() >= ROOMY])

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if focused := self.focusWidget():
            focused.clearFocus()  # a field that is being typed in is taken when it is left
        self.workspaces.stop()
        self.studio.close()
        if self.activations:
            self.activations.close()
        self.training.close()
        self.link.close()
        super().closeEvent(event)
