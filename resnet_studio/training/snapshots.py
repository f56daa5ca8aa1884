"""What probe images looked like inside a network, on the disk: one compressed `.npz` a moment. Needs no torch.

facts        JSON, as bytes: step, names of the layers, their shapes, the most probable classes and the right ones
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
from resnet_studio.files import Refusal, read_file, shown
from resnet_studio.inference.feature_maps import NOT_A_NUMBER
from resnet_studio.plain import plain
from resnet_studio.training.datasets import Probe

VERSION = 1
LARGEST = 64_000_000
"""Bytes of pixels that one file may hold."""


class SnapshotError(ValueError):
    """A file of probe images can't be read. The text names it and says why, in one line."""


def save(path: Path, probe: Probe) -> None:
    """Write a probe; its file is whole or not there (`OSError`). Images have one size, as those of a batch have."""
    facts = {
        "version": VERSION, "step": probe.step, "layers": list(probe.layers), "shapes": probe.shapes,
        "top": probe.top, "truth": probe.truth,
    }  # fmt: skip
    pixels = {
        "images": np.stack(probe.images),
        **{f"layer-{number}": np.stack(mosaics) for number, mosaics in enumerate(probe.layers.values())},
        "filters": probe.filters,
    }
    if (size := sum(values.nbytes for values in pixels.values())) > LARGEST:
        raise ValueError(f"a probe of {size / 1e6:,.0f} MB is more than the {LARGEST / 1e6:,.0f} MB that are kept")
    data = io.BytesIO()
    text = json.dumps(facts, ensure_ascii=False).encode()
    np.savez_compressed(data, facts=np.frombuffer(text, np.uint8), **pixels)  # type: ignore[arg-type]
    write_file(path, data.getvalue())


def load(path: Path) -> Probe:
    """Read a probe back; `ProbeError` if it is damaged, too large or of a newer version."""
    try:
        return _probe(_arrays(read_file(path, LARGEST)))
    except Refusal as refusal:
        raise SnapshotError(f"{shown(path)} {refusal}") from None
    except SnapshotError as error:
        raise SnapshotError(f"{shown(path)} {error}") from None
    except Exception as error:  # zip, numpy and JSON raise a dozen kinds over bytes that are not theirs
        why = str(error).partition("\n")[0] or type(error).__name__
        raise SnapshotError(f"{shown(path)} is damaged ({why})") from None


def maps_of(probe: Probe, layer: str, image: int) -> NDArray[np.float32]:
    """The maps of a layer for one image, channels × height × width, taken out of their mosaic.

    Their values are places in a colour map, which come out as they went in when the layer's range is spread over it
    again; what was not a number is none here.
    """
    channels, height, width = probe.shapes[layer]
    mosaic = np.pad(probe.layers[layer][image], ((0, 1), (0, 1)))
    rows, columns = mosaic.shape[0] // (height + 1), mosaic.shape[1] // (width + 1)
    cells = mosaic.reshape(rows, height + 1, columns, width + 1).swapaxes(1, 2).reshape(-1, height + 1, width + 1)
    values = cells[:channels, :height, :width].astype(np.float32)
    values[values == NOT_A_NUMBER] = np.nan
    return values


def _arrays(data: bytes) -> dict[str, NDArray[np.uint8]]:
    """The arrays in a file's bytes, none of which is unpacked if together they are more than they may be."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        size = sum(part.file_size for part in packed.infolist())
    if size > LARGEST + 1_000_000:  # facts and numpy's headers
        raise SnapshotError(f"holds {size / 1e6:,.0f} MB; up to {LARGEST / 1e6:,.0f} MB are read")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = {name: arrays[name] for name in arrays.files}
    for name, values in found.items():
        if values.dtype != np.uint8:
            raise ValueError(f"{name} holds {values.dtype}, not uint8")
    return found


def _probe(arrays: dict[str, NDArray[np.uint8]]) -> Probe:
    facts: dict[str, Any] = json.loads(arrays["facts"].tobytes())
    if facts["version"] > VERSION:
        raise SnapshotError("was written by a newer version of this program")
    shapes: dict[str, tuple[int, int, int]] = {name: _three(shape) for name, shape in facts["shapes"].items()}
    probe = Probe(
        step=int(facts["step"]),
        images=tuple(arrays["images"]),
        layers={name: tuple(arrays[f"layer-{number}"]) for number, name in enumerate(facts["layers"])},
        shapes=shapes,
        top=tuple(tuple((plain(str(label)), float(share)) for label, share in five) for five in facts["top"]),
        truth=tuple(plain(str(label)) for label in facts["truth"]),
        filters=arrays["filters"],
    )
    _check(probe)
    return probe


def _three(values: list[int]) -> tuple[int, int, int]:
    channels, height, width = (int(value) for value in values)
    if min(channels, height, width) < 1:
        raise ValueError(f"a layer of {channels}×{height}×{width}")
    return channels, height, width


def _check(probe: Probe) -> None:
    """Whoever draws a probe relies on this: everything once for each image, and mosaics of their layer's cells."""
    count = len(probe.images)
    if not count or count != len(probe.truth) or count != len(probe.top):
        raise ValueError(f"{count} images, {len(probe.truth)} right classes, {len(probe.top)} predictions")
    if probe.images[0].shape[2:] != (3,) or probe.filters.shape[2:] != (3,):
        raise ValueError("pictures that are not in colour")
    for name, mosaics in probe.layers.items():
        channels, height, width = probe.shapes[name]
        if len(mosaics) != count:
            raise ValueError(f"{name}: {len(mosaics)} mosaics of {count} images")
        if mosaics[0].ndim != 2 or not _holds(mosaics[0].shape, channels, height, width):
            raise ValueError(f"{name}: a mosaic of {mosaics[0].shape} has no room for {channels}×{height}×{width}")


def _holds(shape: tuple[int, ...], channels: int, height: int, width: int) -> bool:
    """Whether a mosaic has as many whole cells, one pixel apart, as there are channels, and nothing else."""
    rows, over = divmod(shape[0] + 1, height + 1)
    columns, beside = divmod(shape[1] + 1, width + 1)
    return over == beside == 0 and rows * columns >= channels
