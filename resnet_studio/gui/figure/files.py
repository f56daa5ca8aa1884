"""Writes drawings of networks in any format, by the file's suffix."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtGui import QGuiApplication

from resnet_studio.atomic import write_file
from resnet_studio.export.network_figure import TEXT_SUFFIXES, figure_text
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.figures.drawing import Drawing
from resnet_studio.figures.palette import Palette
from resnet_studio.gui.figure.painting import pdf_bytes, png_bytes

SUFFIXES = (".svg", ".pdf", ".png", ".tex")


def write_drawing(path: Path, drawing: Drawing, palette: Palette, provenance: NetworkProvenance) -> None:
    """Write the file completely, or not at all: an existing one then stays.

    Raises `OSError` if it can't be written, and `ValueError` for other suffixes and what a format can't hold.
    """
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        data = figure_text(suffix, drawing, palette, provenance).encode()
    elif suffix == ".pdf":
        data = pdf_bytes(drawing, palette, provenance)
    elif suffix == ".png":
        data = png_bytes(drawing, palette, provenance)
    else:
        raise ValueError(f"{path}: the file name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    write_file(path, data)


def start_painting() -> QGuiApplication | None:
    """Make it possible to paint without a window; what is returned must be kept as long. None if it is already."""
    if QGuiApplication.instance() is not None:
        return None
    if sys.platform.startswith("linux"):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    return QGuiApplication(sys.argv[:1])
