"""Finds the kind of a file that is dropped or opened: by its name if that is clear, else by its first bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from resnet_studio.files import OPENING
from resnet_studio.inference.images.listing import EXTENSIONS as IMAGE_EXTENSIONS
from resnet_studio.inference.images.listing import is_image
from resnet_studio.inference.weights.file_kinds import OTHER_EXTENSIONS, WEIGHTS_EXTENSIONS
from resnet_studio.networks.own_module import SUFFIX as MODULE_SUFFIX

Kind = Literal["architecture", "weights", "module", "image"]
HEADER_BYTES = 512
"""Bytes that are read to recognize a file."""
SIGNATURES = (
    (0, b"PK\x03\x04"), (0, b"\x80\x02"), (0, b"\x80\x03"), (0, b"\x80\x04"), (0, b"\x80\x05"), (257, b"ustar"),
    (0, b"\x89HDF\r\n\x1a\n"), (0, b"GGUF"), (0, b"\x93NUMPY"), (4, b"TFL3"), (0, b"version https://git-lfs"),
)  # fmt: skip
"""Offset and magic bytes of weights: torch.save's archives and pickles, tar archives of them, other programs' files."""


def _filter(what: str, *extensions: str) -> str:
    return f"{what} ({' '.join(f'*{extension}' for extension in extensions)});;All files (*)"


IMAGES_FILTER = _filter("Images", *sorted(IMAGE_EXTENSIONS))
WEIGHTS_FILTER = _filter("Weights", *WEIGHTS_EXTENSIONS)
ARCHITECTURES_FILTER = _filter("Architectures", ".json")
MODULES_FILTER = _filter("Python", MODULE_SUFFIX)
OPENABLE_FILTER = _filter(
    "Images, weights, architectures, Python", *sorted(IMAGE_EXTENSIONS), *WEIGHTS_EXTENSIONS, ".json", MODULE_SUFFIX
)
"""For file dialogs."""


def kind_by_name(path: str) -> Kind | None:
    """The kind by name; None if the name is not enough."""
    name = os.path.basename(path).lower()
    if name.endswith((*WEIGHTS_EXTENSIONS, *OTHER_EXTENSIONS)):  # the reader of weights says what the others are
        return "weights"
    if name.endswith(".json"):
        return "architecture"
    if name.endswith(MODULE_SUFFIX):
        return "module"
    return "image" if is_image(name) else None


def kind_of(path: str) -> Kind:
    """The kind to open a file as. An unknown file is an image: the engine then says why it can't be read."""
    return kind_by_name(path) or _kind_by_content(_read_header(Path(path)))


def _kind_by_content(data: bytes) -> Kind:
    if any(data.startswith(magic, offset) for offset, magic in SIGNATURES) or _is_safetensors(data):
        return "weights"
    is_json = data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    return "architecture" if is_json else "image"


def _is_safetensors(data: bytes) -> bool:
    """A length in eight bytes, then a JSON object."""
    return data[8:9] == b"{" and int.from_bytes(data[:8], "little") < 100_000_000


def _read_header(path: Path) -> bytes:
    """The first bytes of a regular file; empty if it can't be read, or if reading could block (a pipe, a device)."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with os.fdopen(os.open(path, OPENING), "rb") as file:
            return file.read(HEADER_BYTES)
    except (OSError, ValueError):
        return b""
