"""The controls above the figure: its networks, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSizePolicy, QStackedWidget, QWidget

from resnet_studio.figures.coloring import TITLES
from resnet_studio.figures.options import FORM_TITLES
from resnet_studio.gui.common.button_feedback import show_briefly
from resnet_studio.gui.common.figure_export import ExportButton
from resnet_studio.gui.common.helpers import set_names
from resnet_studio.gui.common.inputs import ComboBox, SegmentedControl
from resnet_studio.gui.common.labels import labeled
from resnet_studio.gui.common.layouts import FlowLayout
from resnet_studio.gui.common.network_adder import NetworkAdder
from resnet_studio.gui.common.search_field import SearchField
from resnet_studio.gui.figure.block_choices import BlockChoice
from resnet_studio.gui.figure.network_tabs import NetworkTabs
from resnet_studio.gui.theme import GRID

ADD_CURRENT = "Add the current network; it follows every edit"
FORMS = {str(form): title for form, title in FORM_TITLES.items()}
COLORS = {str(key): title for key, title in TITLES.items()}
FORM_TIPS = {
    "columns": "From top to bottom, aligned by the size of the maps, as in the paper's Figure 3",
    "horizontal": "From left to right: height is the size of the maps, width the number of channels",
    "block": "The inside of one block, as in the paper's Figures 2 and 5",
}
REPEATED = {"auto": "Fold if many", "folded": "Fold", "all": "Show all"}
REPEATED_TIP = "Equal blocks in a row: drawn once with their number, or each"
COLOR_TIP = "What the boxes are colored by"
PALETTES = {"theme": "Theme", "print": "Print"}
PALETTE_TIPS = {"theme": "In the colors of the window", "print": "In colors for white paper, also in exported files"}
FILE_TYPES = {
    "svg": ("Vector image (SVG)", "Vector image (*.svg)"),
    "pdf": ("Page (PDF)", "PDF (*.pdf)"),
    "png": ("Image (PNG)", "Image (*.png)"),
    "tex": ("LaTeX source (TikZ)", "LaTeX source (*.tex)"),
}


class FigureExportButton(ExportButton):
    """Also requests that the figure be copied."""

    copyRequested = Signal()

    def _fill(self, menu: QMenu) -> None:
        for ending, (label, kind) in FILE_TYPES.items():
            menu.addAction(label, partial(self._open_dialog, ending, kind, self.pathSelected.emit))
        menu.addSeparator()
        menu.addAction("Copy as image", self.copyRequested.emit)


class NetworkTools(QWidget):
    """The networks as tabs, and what adds others."""

    def __init__(self) -> None:
        super().__init__()
        self.tabs = NetworkTabs()
        self.adder = NetworkAdder("figureAdd")
        self.add_current = set_names(QPushButton("Add current"), "figureAddCurrent", "", ADD_CURRENT)
        tip = "VGG-19, the 34-layer plain network, and the 34-layer residual network in three columns"
        self.article = set_names(QPushButton("As in the article"), "figureArticle", "", tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.tabs, 1)
        for widget in (self.adder, self.add_current, self.article):
            row.addWidget(widget)

    def show_current_missing(self, *, missing: bool) -> None:
        """Offer to add the current network, unless it is there."""
        self.add_current.setEnabled(missing)
        self.add_current.setToolTip(ADD_CURRENT if missing else "The current network is in the figure")


class DrawingTools(QWidget):
    """Form, folding, colors, search, and export."""

    pathSelected = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.form = SegmentedControl(FORMS, "figureForm", "Form", FORM_TIPS, stretches=False)
        self.repeated = ComboBox(REPEATED, "figureRepeated", "Repeated blocks", REPEATED_TIP)
        self.block = ComboBox({}, "figureBlock", "Block", "The block that is drawn from inside")
        self._choice = QStackedWidget()
        _fix_width(self.repeated, 18 * GRID)
        self._choice.addWidget(labeled("Repeats", self.repeated))
        _fix_width(self.block, 26 * GRID)
        self._choice.addWidget(self.block)
        self.color = ComboBox(COLORS, "figureColor", "Color by", COLOR_TIP)
        _fix_width(self.color, 17 * GRID)
        self.palette_choice = SegmentedControl(PALETTES, "figurePalette", "Colors", PALETTE_TIPS, stretches=False)
        self.search = SearchField("figureSearch", "Find layer", "Part of a layer's name, or of what its box says")
        self.search.setFixedWidth(22 * GRID)
        self.export = FigureExportButton(
            "figureExport", "Export the figure", "Save the figure as SVG, PDF, PNG, or TikZ, or copy it", "figure"
        )
        self.export.pathSelected.connect(self.pathSelected)
        flow = FlowLayout()
        self.setLayout(flow)
        color = labeled("Color", self.color)
        for widget in (self.form, self._choice, color, self.palette_choice, self.search, self.export):
            flow.addWidget(widget)

    def show_choices(self, form: str, repeated: str, color: str) -> None:
        """Show what is chosen; where a block is drawn from inside, it is chosen in place of folding."""
        self.form.set_value(form)
        self.repeated.set_value(repeated)
        inside = form == "block"
        self._choice.setCurrentIndex(1 if inside else 0)
        self.color.set_values({"kind": "Kind of layer"} if inside else COLORS)
        self.color.set_value("kind" if inside else color)
        self.color.setEnabled(not inside)
        self.color.set_tip("The inside of a block is colored by kinds of layers" if inside else COLOR_TIP)

    def show_blocks(self, blocks: Sequence[BlockChoice], current: str) -> None:
        """Offer the blocks of the selected network."""
        self.block.set_values({block.name: block.label for block in blocks})
        self.block.set_value(current)
        self.block.setEnabled(bool(blocks))

    def show_copied(self) -> None:
        show_briefly(self.export, "Copied")


def _fix_width(field: QWidget, width: int) -> None:
    field.setFixedWidth(width)
    field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
