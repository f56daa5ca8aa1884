"""Snapshots on disk: the activations of probe images at one training step, one compressed `.npz` each.

Needs no torch. The arrays of a file, all uint8:

facts        JSON, as bytes: step, names of the layers, their shapes, the most probable classes and the true ones
images       N × height × width × 3
layer-0 …    N mosaics of that layer, in the order of the names
filters      the first convolution's kernels
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resnet_studio.atomic import write_file
from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.inference.feature_maps import NAN
from resnet_studio.plain import plain
from resnet_studio.training.datasets import Snapshot

VERSION = 1
MAX_BYTES = 64_000_000
"""Limit for the pixels of one file."""


class SnapshotError(ValueError):
    """A snapshot can't be read. The message names the file and says why, in one line."""


def save(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot atomically (`OSError`). All images have one size, as they come from one batch."""
    facts = {
        "version": VERSION, "step": snapshot.step, "layers": list(snapshot.layers), "shapes": snapshot.shapes,
        "top": snapshot.top, "truth": snapshot.truth,
    }  # fmt: skip
    pixels = {
        "images": np.stack(snapshot.images),
        **{f"layer-{number}": np.stack(mosaics) for number, mosaics in enumerate(snapshot.layers.values())},
        "filters": snapshot.filters,
    }
    if (size := sum(values.nbytes for values in pixels.values())) > MAX_BYTES:
        raise ValueError(f"a snapshot of {size / 1e6:,.0f} MB exceeds the limit of {MAX_BYTES / 1e6:,.0f} MB")
    data = io.BytesIO()
    text = json.dumps(facts, ensure_ascii=False).encode()
    np.savez_compressed(data, facts=np.frombuffer(text, np.uint8), **pixels)  # type: ignore[arg-type]
    write_file(path, data.getvalue())


def load(path: Path) -> Snapshot:
    """Read a snapshot; `SnapshotError` if it is damaged, too large or of a newer version."""
    try:
        return _parse(_arrays(read_file(path, MAX_BYTES)))
    except FileRefusedError as refusal:
        raise SnapshotError(f"{display_name(path)} {refusal}") from None
    except SnapshotError as error:
        raise SnapshotError(f"{display_name(path)} {error}") from None
    except Exception as error:  # zip, numpy and JSON raise a dozen kinds of errors on damaged bytes
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SnapshotError(f"{display_name(path)} is damaged ({reason})") from None


def snapshot_maps(snapshot: Snapshot, layer: str, image: int) -> NDArray[np.float32]:
    """The maps of a layer for one image, channels × height × width, cut out of their mosaic.

    The values are indices into a color map. Drawn with the layer's range again they give the same pixels. NaN stays
    NaN.
    """
    channels, height, width = snapshot.shapes[layer]
    mosaic = np.pad(snapshot.layers[layer][image], ((0, 1), (0, 1)))
    rows, columns = mosaic.shape[0] // (height + 1), mosaic.shape[1] // (width + 1)
    cells = mosaic.reshape(rows, height + 1, columns, width + 1).swapaxes(1, 2).reshape(-1, height + 1, width + 1)
    values = cells[:channels, :height, :width].astype(np.float32)
    values[values == NAN] = np.nan
    return values


def _arrays(data: bytes) -> dict[str, NDArray[np.uint8]]:
    """The arrays of a file. Nothing is unpacked if their total size is over the limit."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        size = sum(member.file_size for member in packed.infolist())
    if size > MAX_BYTES + 1_000_000:  # facts and numpy's headers
        raise SnapshotError(f"has {size / 1e6:,.0f} MB; the limit is {MAX_BYTES / 1e6:,.0f} MB")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    for name, values in found.items():
        if values.dtype != np.uint8:
            raise ValueError(f"{name} is {values.dtype}, not uint8")
    return found


def _parse(arrays: dict[str, NDArray[np.uint8]]) -> Snapshot:
    facts: dict[str, Any] = json.loads(arrays["facts"].tobytes())
    if facts["version"] > VERSION:
        raise SnapshotError("was written by a newer version of this program")
    shapes: dict[str, tuple[int, int, int]] = {name: _parse_shape(shape) for name, shape in facts["shapes"].items()}
    snapshot = Snapshot(
        step=int(facts["step"]),
        images=tuple(arrays["images"]),
        layers={name: tuple(arrays[f"layer-{number}"]) for number, name in enumerate(facts["layers"])},
        shapes=shapes,
        top=tuple(tuple((plain(str(label)), float(share)) for label, share in classes) for classes in facts["top"]),
        truth=tuple(plain(str(label)) for label in facts["truth"]),
        filters=arrays["filters"],
    )
    _check(snapshot)
    return snapshot


def _parse_shape(values: list[int]) -> tuple[int, int, int]:
    channels, height, width = (int(value) for value in values)
    if min(channels, height, width) < 1:
        raise ValueError(f"a layer of {channels}×{height}×{width}")
    return channels, height, width


def _check(snapshot: Snapshot) -> None:
    """Check what drawing relies on: one entry per image everywhere, and mosaics that match their layer's shape."""
    count = len(snapshot.images)
    if not count or count != len(snapshot.truth) or count != len(snapshot.top):
        raise ValueError(f"{count} images, {len(snapshot.truth)} true classes, {len(snapshot.top)} predictions")
    if snapshot.images[0].shape[2:] != (3,) or snapshot.filters.shape[2:] != (3,):
        raise ValueError("images that are not RGB")
    for name, mosaics in snapshot.layers.items():
        channels, height, width = snapshot.shapes[name]
        if len(mosaics) != count:
            raise ValueError(f"{name}: {len(mosaics)} mosaics for {count} images")
        if mosaics[0].ndim != 2 or not _is_mosaic_of(mosaics[0].shape, channels, height, width):
            raise ValueError(f"{name}: a mosaic of {mosaics[0].shape} is too small for {channels}×{height}×{width}")


def _is_mosaic_of(shape: tuple[int, ...], channels: int, height: int, width: int) -> bool:
    """Whether a mosaic consists of whole cells, one pixel apart, and has one for each channel."""
    rows, extra_rows = divmod(shape[0] + 1, height + 1)
    columns, extra_columns = divmod(shape[1] + 1, width + 1)
    return extra_rows == extra_columns == 0 and rows * columns >= channels
