"""The Figure workspace: networks drawn as in papers, from their architectures alone."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from resnet_studio.figures.palette import PALETTES, Palette
from resnet_studio.gui import theme
from resnet_studio.gui.common.helpers import empty_label, separator
from resnet_studio.gui.figure.canvas import FigureCanvas
from resnet_studio.gui.figure.controller import ShownFigure
from resnet_studio.gui.figure.layer_info import LayerInfo
from resnet_studio.gui.figure.overlays import FigureNote, ZoomBar
from resnet_studio.gui.figure.tools import DrawingTools, NetworkTools
from resnet_studio.gui.theme import GRID


class FigureView(QWidget):
    """Shows a drawing, searches it, and has the controls that choose another one."""

    matchSelected = Signal(object)
    """A search has stepped to this `Box`."""

    def __init__(self) -> None:
        super().__init__()
        self.networks, self.tools = NetworkTools(), DrawingTools()
        self.canvas, self.info = FigureCanvas(), LayerInfo()
        self.note, self._zoom = FigureNote(self.canvas), ZoomBar()
        self._empty = empty_label("figureEmpty")
        self._pages = QStackedWidget()
        self._pages.addWidget(self._with_zoom())
        self._pages.addWidget(self._empty)
        self._matches: list[int] = []
        self._match = 0
        """Which of the matches is shown, from 1; 0 for none."""
        self._palette = "theme"
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        for widget, stretch in (
            (self.networks, 0), (self.tools, 0), (separator(), 0), (self._pages, 1), (separator(), 0), (self.info, 0),
        ):  # fmt: skip
            layout.addWidget(widget, stretch)
        self._connect()

    def show_figure(self, figure: ShownFigure) -> None:
        """Show a drawing."""
        self._pages.setCurrentIndex(0)
        self.canvas.show_drawing(figure.index, "initial" if figure.fresh else None)
        self._search(self.tools.search.text())

    def show_refusal(self, reason: str) -> None:
        """Show why there is no drawing."""
        self._empty.setText(f"{reason[:1].upper()}{reason[1:]}.")
        self._pages.setCurrentIndex(1)

    def show_palette(self, name: str) -> None:
        """Show the figure in the colors of the window ("theme") or in those of paper ("print")."""
        self._palette = name
        self.canvas.show_palette(self.palette_of_figure(), on_paper=name == "print")

    def palette_of_figure(self) -> Palette:
        """The colors in which the figure is shown and exported."""
        dark = theme.current() is theme.DARK
        return PALETTES["print" if self._palette == "print" else "dark" if dark else "light"]

    def start_search(self) -> None:
        self.tools.search.start()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.show_palette(self._palette)

    def _with_zoom(self) -> QWidget:
        """The canvas, with the zoom beside it, where it covers nothing."""
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.canvas, 1)
        row.addWidget(self._zoom)
        return widget

    def _connect(self) -> None:
        tools, canvas = self.tools, self.canvas
        self._zoom.fitRequested.connect(canvas.fit)
        self._zoom.fullRequested.connect(lambda: canvas.set_zoom(1.0))
        self._zoom.zoomRequested.connect(canvas.zoom_by)
        canvas.zoomChanged.connect(self._zoom.show_zoom)
        tools.search.searched.connect(self._search)
        tools.search.stepRequested.connect(self._step)

    def _search(self, text: str) -> None:
        """Find the boxes of a text, and show the first."""
        before = self._matches[self._match - 1] if self._match else -1
        self._matches = self.canvas.index.matching(text)
        self._match = self._matches.index(before) + 1 if before in self._matches else 0
        self.canvas.show_matches(frozenset(self._matches))
        if self._matches and not self._match:
            self._match = 1
            self.canvas.reveal(self._matches[0])
        self._show_match()

    def _step(self, by: int) -> None:
        if not self._matches:
            return
        self._match = (self._match - 1 + by) % len(self._matches) + 1
        self.canvas.reveal(self._matches[self._match - 1])
        self._show_match()
        self.matchSelected.emit(self.canvas.index.box(self._matches[self._match - 1]))

    def _show_match(self) -> None:
        self.tools.search.show_matches(self._match, len(self._matches))
        self.canvas.show_current_match(self._matches[self._match - 1] if self._match else None)
