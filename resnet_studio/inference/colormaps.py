"""The colormaps by name. A new one is a name here and, unless it is computed, its file in pyqtgraph."""

from __future__ import annotations

from typing import Literal, get_args

Colormap = Literal["viridis", "magma", "grey", "diverging"]
COLORMAPS: tuple[Colormap, ...] = get_args(Colormap)
"""In the order in which they are listed. "diverging" always has zero in the middle."""
COLORMAP_FILES: dict[Colormap, str] = {"viridis": "viridis", "magma": "magma", "diverging": "CET-D1A"}
"""Names of pyqtgraph's colormap files; "grey" is computed."""
