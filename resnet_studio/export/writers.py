"""Writing a figure as an image, a page, values or statistics, by the file's ending. Needs no torch.

A file is written completely or not at all (`OSError`), and contains its provenance.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_studio.atomic import write_file
from resnet_studio.export.figure import STATISTICS, MapFigure, figure_image, png_bytes, statistics_table
from resnet_studio.export.provenance import Provenance
from resnet_studio.export.svg import svg_bytes
from resnet_studio.inference.values import LayerMaps


def check_writable(path: Path, layers: int = 1) -> None:
    """Raise `ValueError` for a name that `write` has no format for."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"{path}: the name must end in one of {', '.join(WRITERS)}")
    if path.suffix.lower() == ".npy" and layers > 1:
        raise ValueError(f"{path}: a .npy file holds one layer, not {layers}. Use .npz")


def write(path: Path, figure: MapFigure) -> None:
    """Write the file in the format of its ending. `ValueError` for other endings, `OSError` if writing fails."""
    check_writable(path, len(figure.layers))
    WRITERS[path.suffix.lower()](path, figure)


def write_png(path: Path, figure: MapFigure) -> None:
    """The images of all layers, pixel by pixel."""
    write_file(path, png_bytes(figure_image(figure), figure.provenance))


def write_svg(path: Path, figure: MapFigure) -> None:
    """A page with a title, statistics, an image and a color bar for each layer, and a caption."""
    write_file(path, svg_bytes(figure))


def write_npz(path: Path, figure: MapFigure) -> None:
    """Each layer under its name: float32, channels × height × width; under "stamp" the provenance as JSON."""
    arrays: dict[str, Any] = {layer.name: _values(layer, figure.provenance) for layer in figure.layers}
    data = io.BytesIO()
    np.savez_compressed(data, **arrays, stamp=np.array(json.dumps(figure.provenance.to_json())))
    write_file(path, data.getvalue())


def write_npy(path: Path, figure: MapFigure) -> None:
    """One layer's values alone; the provenance goes into `NAME.npy.json` next to it."""
    data = io.BytesIO()
    np.save(data, _values(figure.layers[0], figure.provenance))
    write_file(path, data.getvalue())
    write_file(path.with_name(f"{path.name}.json"), json.dumps(figure.provenance.to_json(), indent=1).encode())


def write_csv(path: Path, figure: MapFigure) -> None:
    """One line per channel, below the provenance in lines that begin with #."""
    text = io.StringIO()
    for line in (*figure.provenance.caption(), json.dumps(figure.provenance.to_json())):
        text.write(f"# {line}\n")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("layer", "channel", *STATISTICS))
    for layer in figure.layers:
        for channel, row in enumerate(statistics_table(layer).tolist()):
            if figure.provenance.channel in (None, channel):
                table.writerow((layer.name, channel, *row))
    write_file(path, text.getvalue().encode())


WRITERS: dict[str, Callable[[Path, MapFigure], None]] = {
    ".png": write_png, ".svg": write_svg, ".npz": write_npz, ".npy": write_npy, ".csv": write_csv,
}  # fmt: skip
"""By file ending."""


def _values(layer: LayerMaps, provenance: Provenance) -> NDArray[np.float32]:
    return layer.values if provenance.channel is None else layer.values[provenance.channel]
