"""The figure of networks as SVG, or as LaTeX for TikZ, with its provenance. Needs neither torch nor Qt.

PDF and PNG are painted by Qt, in `gui/figure/files.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps
from resnet_studio.plain import printable
from resnet_studio.progress import Progress, map_progress

if TYPE_CHECKING:
    from resnet_studio.figures.drawing import Drawing
    from resnet_studio.figures.palette import Palette

TEXT_SUFFIXES = (".svg", ".tex")
"""Of the files that are text and need no Qt."""


def figure_text(suffix: str, drawing: Drawing, palette: Palette, provenance: NetworkProvenance) -> str:
    """The text of an SVG or a LaTeX file; `ValueError` for a drawing that is too large for TeX."""
    from resnet_studio.figures.svg import svg_text
    from resnet_studio.figures.tikz import tikz_text

    if suffix == ".tex":
        return tikz_text(drawing, palette, [printable(line) for line in provenance.caption()])
    return svg_text(drawing, palette, json.dumps(provenance.to_json()))


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: the networks in columns, in the colors for print."""
    from resnet_studio.figures.figure import figure_steps
    from resnet_studio.figures.options import FigureOptions
    from resnet_studio.figures.palette import PRINT

    what = Progress(0, 1, "drawing the figure")
    options = FigureOptions(unit=request.unit)
    drawing = yield from map_progress(figure_steps(request.architectures, options), lambda _: what)
    suffix = ".tex" if request.format == "figure-tikz" else ".svg"
    return Exported(figure_text(suffix, drawing, PRINT, NetworkProvenance(request.architectures)).encode())
