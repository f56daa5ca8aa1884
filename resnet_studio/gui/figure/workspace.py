"""The Figure workspace: networks drawn as in papers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QWidget

from resnet_studio.gui.common.workspace import Workspace
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title

if TYPE_CHECKING:
    from resnet_studio.gui.figure.controller import FigureController, Part, ShownFigure
    from resnet_studio.gui.figure.network_tabs import NetworkTab
    from resnet_studio.gui.figure.view import FigureView


class FigureWorkspace(Workspace):
    """Connects the figure with its controls, and with the layer that is selected in the other workspaces."""

    title = "Figure"
    view: FigureView
    controller: FigureController
    _made = False
    _hovered: Part | None = None

    def make(self) -> QWidget:
        from resnet_studio.gui.figure.controller import FigureController
        from resnet_studio.gui.figure.view import FigureView

        self.controller, self.view = FigureController(self.app), FigureView()
        self._made = True
        self._connect_networks()
        self._connect_choices()
        self._connect_figure()
        return self.view

    def set_current(self, current: bool) -> None:
        super().set_current(current)
        self.controller.set_active(current)

    def rerun(self) -> None:
        self.controller.refresh()

    def start_search(self) -> bool:
        self.view.start_search()
        return True

    def command_line(self) -> tuple[str, ...]:
        return self.controller.command_line()

    def close(self) -> None:
        if self._made:
            self.controller.stop()

    def _connect_networks(self) -> None:
        controller, tools = self.controller, self.view.networks
        tools.tabs.networkSelected.connect(controller.select_network)
        tools.tabs.networkActivated.connect(controller.use)
        tools.tabs.removeRequested.connect(controller.remove)
        tools.tabs.orderRequested.connect(controller.reorder)
        tools.adder.architectureSelected.connect(self._add)
        tools.adder.failed.connect(self._show_problem)
        tools.add_current.clicked.connect(lambda: self._add(None))
        tools.article.clicked.connect(self._show_article)
        controller.networksChanged.connect(self._show_networks)

    def _connect_choices(self) -> None:
        controller, tools, state = self.controller, self.view.tools, self.app.session.state
        tools.form.valueSelected.connect(self._choose_form)
        tools.repeated.valueSelected.connect(lambda repeated: controller.choose(figure_repeated=repeated))
        tools.color.valueSelected.connect(lambda color: controller.choose(figure_color=color))
        tools.block.valueSelected.connect(controller.choose_block)
        tools.palette_choice.valueSelected.connect(self._choose_palette)
        tools.palette_choice.set_value(state.figure_palette)
        self.view.show_palette(state.figure_palette)
        self._show_choices()

    def _connect_figure(self) -> None:
        controller, view = self.controller, self.view
        controller.figureChanged.connect(self._show_figure)
        controller.refused.connect(view.show_refusal)
        controller.selectionChanged.connect(self._show_selected)
        controller.noteChanged.connect(view.note.show_note)
        controller.currentMissed.connect(lambda text: view.note.show_briefly(text, "Add it"))
        view.note.accepted.connect(controller.accept_note)
        view.canvas.partSelected.connect(controller.select)
        view.canvas.partActivated.connect(controller.activate)
        view.canvas.hovered.connect(self._on_hovered)
        view.matchSelected.connect(controller.select)
        self.app.session.flopUnitChanged.connect(view.info.set_unit)
        view.info.set_unit(self.app.session.state.flop_unit)
        view.tools.pathSelected.connect(self._export)
        view.tools.export.copyRequested.connect(self._copy)

    def _add(self, network: Architecture | None) -> None:
        if problem := self.controller.add(network):
            self._show_problem(problem)

    def _show_problem(self, problem: str) -> None:
        self.view.note.show_briefly(problem)

    def _show_article(self) -> None:
        self.controller.show_article()
        self._show_choices()

    def _show_networks(self, tabs: list[NetworkTab], selected: int) -> None:
        networks, controller = self.view.networks, self.controller
        networks.tabs.show_networks(tabs, selected)
        missing = None not in controller.networks
        networks.show_current_missing(missing=missing)
        if not missing:
            self.view.note.end_passing()
        self.view.tools.show_blocks(controller.blocks(), controller.block())

    def _show_choices(self) -> None:
        state = self.app.session.state
        self.view.tools.show_choices(state.figure_form, state.figure_repeated, state.figure_color)

    def _choose_form(self, form: str) -> None:
        self.controller.choose(figure_form=form)
        self._show_choices()

    def _choose_palette(self, name: str) -> None:
        self.app.session.update(figure_palette=name)
        self.view.show_palette(name)

    def _show_figure(self, figure: ShownFigure) -> None:
        from resnet_studio.export.formats import networks_stem

        self._hovered = None
        self.view.show_figure(figure)
        self.view.tools.export.stem = networks_stem(figure.architectures, "figure")

    def _show_selected(self, numbers: list[int]) -> None:
        self.view.canvas.show_selected(numbers)
        self._show_facts()

    def _on_hovered(self, box: Part | None) -> None:
        self._hovered = box
        self._show_facts()

    def _show_facts(self) -> None:
        """Show the facts of the box under the mouse, else those of the selected layer."""
        controller, shown = self.controller, self.controller.shown
        selected = controller.selected_boxes()
        box = self._hovered or (shown.index.part(selected[0]) if shown and selected else None)
        several = shown is not None and len(shown.architectures) > 1
        network = title(shown.architectures[box.column]) if shown and box and several else ""
        self.view.info.show_facts(controller.facts(box) if box else None, network)

    def _export(self, path: Path) -> None:
        from resnet_studio.gui.figure.files import write_drawing

        if shown := self.controller.shown:
            palette, provenance = self.view.palette_of_figure(), self.controller.provenance()
            self.app.exports.write(path, lambda file: write_drawing(file, shown.index.drawing, palette, provenance))

    def _copy(self) -> None:
        """Copy the figure as an image."""
        from resnet_studio.gui.figure.painting import png_bytes

        if shown := self.controller.shown:
            pixels = png_bytes(shown.index.drawing, self.view.palette_of_figure(), self.controller.provenance())
            QGuiApplication.clipboard().setImage(QImage.fromData(pixels))
            self.view.tools.show_copied()
