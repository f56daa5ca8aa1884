"""Writing what is exported: a picture, a page, values or statistics, by the file's ending. Needs no torch.

A file is written whole or not at all (`OSError`), and carries the stamp of where it comes from.
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
from resnet_studio.export.figure import STATISTICS, MapFigure, page, png, statistics
from resnet_studio.export.provenance import Provenance
from resnet_studio.export.svg import svg
from resnet_studio.inference.values import LayerMaps


def check_writable(path: Path, layers: int = 1) -> None:
    """Refuse a name that `write` can't write: `ValueError` says which it can."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"{path}: a name that ends in {', '.join(WRITERS)} is needed")
    if path.suffix.lower() == ".npy" and layers > 1:
        raise ValueError(f"{path}: a .npy file holds one layer, these are {layers}. End the name in .npz")


def write(path: Path, sheet: MapFigure) -> None:
    """Write the kind of file that the path's ending asks for (`ValueError` for others, `OSError` as files give it)."""
    check_writable(path, len(sheet.layers))
    WRITERS[path.suffix.lower()](path, sheet)


def write_png(path: Path, sheet: MapFigure) -> None:
    """The pictures of all layers, pixel by pixel."""
    write_file(path, png(page(sheet), sheet.stamp))


def write_svg(path: Path, sheet: MapFigure) -> None:
    """A page with a title, statistics, a colour bar and a caption around each layer's picture."""
    write_file(path, svg(sheet))


def write_npz(path: Path, sheet: MapFigure) -> None:
    """Each layer under its name: float32, channels × height × width; under "stamp" the stamp as JSON."""
    arrays: dict[str, Any] = {layer.name: _values(layer, sheet.stamp) for layer in sheet.layers}
    data = io.BytesIO()
    np.savez_compressed(data, **arrays, stamp=np.array(json.dumps(sheet.stamp.to_json())))
    write_file(path, data.getvalue())


def write_npy(path: Path, sheet: MapFigure) -> None:
    """One layer's values alone; the stamp goes into `NAME.npy.json` beside it."""
    data = io.BytesIO()
    np.save(data, _values(sheet.layers[0], sheet.stamp))
    write_file(path, data.getvalue())
    write_file(path.with_name(f"{path.name}.json"), json.dumps(sheet.stamp.to_json(), indent=1).encode())


def write_csv(path: Path, sheet: MapFigure) -> None:
    """A line a channel, below the stamp in lines that begin with #."""
    text = io.StringIO()
    for line in (*sheet.stamp.caption(), json.dumps(sheet.stamp.to_json())):
        text.write(f"# {line}\n")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("layer", "channel", *STATISTICS))
    for layer in sheet.layers:
        for channel, row in enumerate(statistics(layer).tolist()):
            if sheet.stamp.channel in (None, channel):
                table.writerow((layer.name, channel, *row))
    write_file(path, text.getvalue().encode())


WRITERS: dict[str, Callable[[Path, MapFigure], None]] = {
    ".png": write_png, ".svg": write_svg, ".npz": write_npz, ".npy": write_npy, ".csv": write_csv,
}  # fmt: skip
"""By a file's ending."""


def _values(layer: LayerMaps, stamp: Provenance) -> NDArray[np.float32]:
    return layer.values if stamp.channel is None else layer.values[stamp.channel]
