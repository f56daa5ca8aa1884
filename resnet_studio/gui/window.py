"""The window: where the views are laid out, and the only place where they are connected."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

import resnet_studio
from resnet_studio.engine.process import JOBS
from resnet_studio.gui import menus, theme
from resnet_studio.gui.engine_link import EngineLink
from resnet_studio.gui.session import Kept
from resnet_studio.gui.studio import ACTIVATIONS, COMPARE, IMAGE_ENDINGS, LAYERS, VERIFY, WEIGHT_ENDINGS, Studio
from resnet_studio.gui.views.activations import ActivationsView
from resnet_studio.gui.views.architecture_panel import ArchitecturePanel
from resnet_studio.gui.views.compare import CompareView
from resnet_studio.gui.views.layers import LayersView
from resnet_studio.gui.views.verify import VerifyView
from resnet_studio.gui.widgets.banner import Banner
from resnet_studio.gui.widgets.headline import Headline
from resnet_studio.gui.widgets.named import named
from resnet_studio.gui.widgets.rule import rule
from resnet_studio.gui.widgets.status_line import StatusLine
from resnet_studio.gui.work import Work
from resnet_studio.networks.architecture import Architecture

PANEL_WIDTH = 304
WORKSPACES = {LAYERS: "Layers", VERIFY: "Verify", ACTIVATIONS: "Activations", COMPARE: "Compare"}


class StudioWindow(QMainWindow):
    """One window, one architecture in hand."""

    def __init__(self, kept: Kept, jobs: str = JOBS) -> None:
        super().__init__()
        self.setWindowTitle("ResNet Studio")
        self.setAcceptDrops(True)
        self.link = EngineLink(jobs)
        self.work = Work(self.link)
        self.studio = Studio(kept, self.work)
        self.banner = Banner()
        self.panel, self.headline, self.status = ArchitecturePanel(), Headline(), StatusLine()
        self.layers, self.verify = LayersView(), VerifyView()
        self.activations, self.compare = ActivationsView(), CompareView()
        self.workspaces = self._make_workspaces()
        self._lay_out()
        self._make_menus()
        self._connect_architecture()
        self._connect_activations()
        self._connect_engine()
        room = self.screen().availableSize() - QSize(2, 40)  # the desktop's own title bar takes its part
        self.resize(QSize(1440, 900).boundedTo(room))
        self.setMinimumSize(880, 560)
        self.restoreGeometry(QByteArray.fromBase64(kept.geometry.encode()))
        self.workspaces.setCurrentIndex(min(kept.workspace, len(WORKSPACES) - 1))
        self.studio.begin()

    def start_engine(self) -> None:
        """Start the process that owns torch. Until it answers, the plan's values are shown."""
        self.link.start()
        self.work.find_devices()

    def kept(self) -> Kept:
        """What the next start is to find again."""
        kept = self.studio.session.kept
        kept.geometry = self.saveGeometry().toBase64().toStdString()
        return kept

    def report(self, error: BaseException, details: str) -> None:
        """Show a fault of the program itself, with what a bug report needs under Copy."""
        self.banner.tell(f"Something in the window failed: {error or type(error).__name__}. It goes on.", details)

    def _make_workspaces(self) -> QTabWidget:
        tabs = named(QTabWidget(documentMode=True), "workspaces", "Workspaces")
        for number, view in {
            LAYERS: self.layers, VERIFY: self.verify, ACTIVATIONS: self.activations, COMPARE: self.compare
        }.items():  # fmt: skip
            tabs.addTab(view, WORKSPACES[number])
            tabs.setTabToolTip(number, f"{WORKSPACES[number]} (Ctrl+{number + 1})")
        tabs.currentChanged.connect(self.studio.enter)
        return tabs

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
        fields.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        fields.setWidget(self.panel)
        side = named(QWidget(), "sidePanel")
        side.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        side.setFixedWidth(PANEL_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(fields, 1)
        column.addWidget(rule())
        column.addWidget(self.headline)
        return side

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
              for number, name in WORKSPACES.items()),
            ("", "", self._find), ("Run again", "F5", self._run_again), ("Cancel", "Esc", self.studio.cancel),
            ("", "", self._find),
        ))  # fmt: skip
        themes = cast("QWidget", view["Cancel"].parent())
        menus.add_choice(themes, ("system", "light", "dark"), session.kept.theme, self._take_theme)  # type: ignore[arg-type]
        menus.fill(self, "&Help", (("Shortcuts", "?", self._show_shortcuts), ("About", "", self._show_about)))

    def _connect_architecture(self) -> None:
        studio, session = self.studio, self.studio.session
        for view in (self.panel, self.verify, self.compare):
            wish = self.panel.wished if view is self.panel else view.architecture_chosen  # type: ignore[union-attr]
            wish.connect(session.take)
        studio.table_changed.connect(lambda table: self._show_architecture(table.architecture))
        studio.table_changed.connect(self.layers.show_table)
        studio.table_changed.connect(self.headline.show_table)
        studio.standing_changed.connect(lambda text, good: self.headline.show_standing(text, good=good))
        self.layers.summary_wished.connect(lambda: self.work.sum_up(session.architecture))
        self.work.summary_made.connect(self.layers.show_summary)
        self.verify.columns_wished.connect(studio.verify_with)
        self.work.verified.connect(self.verify.show_results)
        self.compare.compared_wished.connect(studio.compare_with)
        studio.comparison_changed.connect(self.compare.show_comparison)

    def _connect_activations(self) -> None:
        studio, view = self.studio, self.activations
        view.image_chosen.connect(studio.choose_image)
        view.layer_chosen.connect(studio.choose_layer)
        view.files_wished.connect(studio.open_paths)
        view.weights_wished.connect(studio.choose_weights)
        studio.images_changed.connect(view.show_images)
        studio.chosen_changed.connect(view.show_chosen)
        studio.look_refused.connect(view.show_problem)
        self.work.photograph_opened.connect(view.show_photograph)
        self.work.thumbnail_made.connect(view.show_thumbnail)
        self.work.looked.connect(view.show_look)

    def _connect_engine(self) -> None:
        studio, work, status = self.studio, self.work, self.status
        status.show_engine("starting")
        status.device_chosen.connect(studio.choose_device)
        status.cancel_wished.connect(studio.cancel)
        work.progressed.connect(status.show_progress)
        work.idle.connect(status.show_idle)
        work.devices_found.connect(lambda found: status.show_devices(found, studio.session.kept.device))
        self.link.state_changed.connect(status.show_engine)
        self.link.died.connect(self.banner.tell)
        self.link.failed.connect(self.banner.tell)
        self.link.restarted.connect(
            lambda: self.banner.tell("The engine is back, and goes on with what was asked.", tone="warning")
        )
        studio.problem.connect(self.banner.tell)
        self.banner.offer_taken.connect(studio.accept_offer)
        studio.workspace_wished.connect(self.workspaces.setCurrentIndex)

    def _show_architecture(self, architecture: Architecture) -> None:
        self.panel.show_architecture(architecture)
        for view in (self.verify, self.compare):
            view.show_in_hand(architecture)
        self.activations.show_layers(architecture)

    def _run_again(self) -> None:
        self.link.start()  # where no engine could be started, this tries once more
        self.studio.repeat()

    def _open(self) -> None:
        endings = " ".join(f"*{ending}" for ending in sorted(IMAGE_ENDINGS | WEIGHT_ENDINGS | {".json"}))
        kinds = f"Images, weights, architectures ({endings});;All files (*)"
        paths, _ = QFileDialog.getOpenFileNames(self, "Open images, weights or an architecture", "", kinds)
        self.studio.open_paths(paths)

    def _find(self) -> None:
        if self.workspaces.currentIndex() == ACTIVATIONS:
            self.activations.start_search()
            return
        self.workspaces.setCurrentIndex(LAYERS)
        self.layers.start_search()

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

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self.link.close()
        super().closeEvent(event)
