"""What a file that is dropped or opened is taken for: by its name where that says it, else by how it begins."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from resnet_studio.files import OPENING
from resnet_studio.inference.images import file_kinds
from resnet_studio.inference.images.listing import is_image

Kind = Literal["architecture", "weights", "image"]
BEGINNING = 512
"""Bytes by which a file is known."""
LOADABLE = (".pth", ".pt", ".ckpt", ".pth.tar", ".pt.tar", ".ckpt.tar", ".bin", ".safetensors")
"""What names of PyTorch's weights end in."""
OTHERS = (".t7", ".pkl", ".pickle", ".h5", ".hdf5", ".keras", ".tflite", ".gguf", ".npz", ".npy", ".pt2", ".engine")
"""What other programs' weights end in, besides what `file_kinds` names: whoever reads weights says what they are."""
WEIGHTS = (*LOADABLE, *OTHERS, *file_kinds.ENDINGS)
WEIGHTS_FILTER = f"Weights ({' '.join(f'*{ending}' for ending in LOADABLE)});;All files (*)"
"""For file dialogs."""
BEGINNINGS = (
    (0, b"PK\x03\x04"), (0, b"\x80\x02"), (0, b"\x80\x03"), (0, b"\x80\x04"), (0, b"\x80\x05"), (257, b"ustar"),
    (0, b"\x89HDF\r\n\x1a\n"), (0, b"GGUF"), (0, b"\x93NUMPY"), (4, b"TFL3"), (0, b"version https://git-lfs"),
)  # fmt: skip
"""Where and how weights begin: torch.save's archives and pickles, tar archives of them, and other programs' files."""


def kind_by_name(path: str) -> Kind | None:
    """What the name says; None where it says nothing."""
    name = os.path.basename(path).lower()
    if name.endswith(".json"):
        return "architecture"
    if name.endswith(WEIGHTS):
        return "weights"
    return "image" if is_image(name) else None


def kind_of(path: str) -> Kind:
    """What a file is to be opened as. One that nobody knows is an image: the engine says why it is none."""
    return kind_by_name(path) or _kind_by_content(_beginning(Path(path)))


def _kind_by_content(data: bytes) -> Kind:
    if any(data.startswith(beginning, place) for place, beginning in BEGINNINGS) or _is_safetensors(data):
        return "weights"
    is_json = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return "architecture" if is_json else "image"


def _is_safetensors(data: bytes) -> bool:
    """A length, in eight bytes, and then a JSON object."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 100_000_000


def _beginning(path: Path) -> bytes:
    """The first bytes of a regular file; none of what can't be read, or would make the reader wait."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with os.fdopen(os.open(path, OPENING), "rb") as file:
            return file.read(BEGINNING)
    except (OSError, ValueError):
        return b""
