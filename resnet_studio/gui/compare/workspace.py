"""The Compare workspace: networks side by side, as points of a plot, and as variants of one architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.gui.lazy_tabs import LazyTabWidget
from resnet_studio.networks.architecture import Architecture

if TYPE_CHECKING:
    from resnet_studio.gui.compare.controller import CompareController
    from resnet_studio.gui.compare.scatter.controller import ScatterController
    from resnet_studio.gui.compare.sweep.controller import SweepController
    from resnet_studio.gui.compare.view import CompareView

TABLE, SCATTER, SWEEP = range(3)


class CompareWorkspace(Workspace):
    """Compares the networks that the session holds. A page computes only while it is visible."""

    title = "Compare"
    pages = ("Table", "Scatter", "Sweep")
    page_shortcut = "Ctrl+Shift+"
    controller: CompareController
    scatter: ScatterController
    _table: CompareView | None = None
    _sweep: SweepController | None = None

    def make(self) -> QWidget:
        from resnet_studio.gui.compare.controller import CompareController
        from resnet_studio.gui.compare.scatter.controller import ScatterController

        self.controller, self.scatter = CompareController(self.app), ScatterController(self.app)
        makers = (self._make_table, self._make_scatter, self._make_sweep)
        self.tabs = LazyTabWidget(
            tuple(zip(self.pages, makers, strict=True)), "comparePages", self.title, self.page_shortcut
        )
        self.tabs.set_initial_tab(self.app.session.state.compare_page)
        self.tabs.entered.connect(self._on_page_entered)
        return self.tabs

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        self._activate_page()

    def rerun(self) -> None:
        self._activate_page()

    def command_line(self) -> tuple[str, ...]:
        page = self.tabs.currentIndex() if self.tabs else TABLE
        if page == SWEEP and self._sweep:
            return self._sweep.command_line()
        if page == SCATTER:
            return self.scatter.command_line()
        options = self._table.options() if self._table else ()
        return (*self.controller.command_line(), *options)

    def close(self) -> None:
        """The widget may never have been made."""
        if self.tabs:
            self.controller.close()
            self.scatter.close()

    def _make_table(self) -> QWidget:
        from resnet_studio.gui.compare.view import CompareView

        view, session, controller = CompareView(), self.app.session, self.controller
        self._table = view
        self.app.planChanged.connect(view.set_current_architecture)
        view.architectureSelected.connect(session.set_architecture)
        view.comparisonRequested.connect(controller.compare_with)
        view.measureRequested.connect(controller.measure)
        view.cancelRequested.connect(controller.cancel)
        view.saveRequested.connect(self.app.exports.write)
        controller.comparisonChanged.connect(view.show_comparison)
        controller.measuringChanged.connect(view.show_measuring)
        session.flopUnitChanged.connect(view.set_unit)
        view.set_unit(session.state.flop_unit)
        view.set_current_architecture(session.architecture)
        view.show_comparison(controller.comparison())
        return view

    def _make_scatter(self) -> QWidget:
        from resnet_studio.gui.compare.scatter.view import ScatterView

        view, controller = ScatterView(), self.scatter
        view.architectureSelected.connect(self.app.session.set_architecture)
        view.sourceRequested.connect(controller.set_source)
        view.quantityRequested.connect(controller.set_quantity)
        view.measureRequested.connect(controller.measure)
        view.cancelRequested.connect(controller.cancel)
        controller.stateChanged.connect(view.show_state)
        controller.measuringChanged.connect(view.show_measuring)
        self._activate_page()  # a window may open with this page
        return view

    def _make_sweep(self) -> QWidget:
        from resnet_studio.gui.compare.sweep.controller import SweepController
        from resnet_studio.gui.compare.sweep.view import SweepView

        view = SweepView()
        self._sweep = SweepController(view, self.app)
        view.scatterRequested.connect(self._show_in_scatter)
        view.saveRequested.connect(self.app.exports.write)
        view.trainingRequested.connect(self.app.trainingRequested)
        self._activate_page()  # a window may open with this page
        return view

    def _show_in_scatter(self, architectures: Sequence[Architecture]) -> None:
        self.scatter.show_sweep(architectures)
        self.open_page(SCATTER)

    def _on_page_entered(self, page: int) -> None:
        self.app.session.update(compare_page=page)
        self._activate_page()

    def _activate_page(self) -> None:
        """Let the visible page compute, and no other."""
        page = self.tabs.currentIndex() if self.tabs and self.is_current else None
        self.controller.set_active(page == TABLE)
        self.scatter.set_active(page == SCATTER)
        if self._sweep:
            self._sweep.set_active(page == SWEEP)
