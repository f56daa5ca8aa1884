"""From a weights file that nobody vouches for to its tensors: checked first, and nothing in it ever run."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from resnet_studio.files import Refusal, read_file, shown
from resnet_studio.inference.errors import WeightsError, listed
from resnet_studio.inference.origin import Origin, of_file
from resnet_studio.inference.pickles import contents

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch.save begin: since 1.6 a zip, before that a pickle of torch's magic number."""
FOLDER = 0x10
"""The attribute by which torch takes a zip's record for a folder: it reads nothing, and leaves the tensor as it was."""
LEGACY_PICKLES = 5
"""Magic number, protocol, system, the state_dict, names of the storages; their raw values follow."""
NESTED = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

ORDINARY = re.compile(
    r"torch\.(\w+Storage|u?int\d+|b?float\w+|complex\d+|bool|Size|device)"
    r"|torch\._utils\._rebuild_(tensor|tensor_v2|parameter)"
    r"|collections\.(OrderedDict|Counter)|(__builtin__|builtins)\.set|_codecs\.encode"
)
"""What a state_dict's pickle, and a training's beside it, may import."""
OTHER_TENSORS = re.compile(r"torch\.(_utils\._rebuild_|_tensor\.|storage\.|serialization\._get_layout)")
"""What pickles of sparse, quantised, empty or subclassed tensors import."""
NOT_WEIGHTS = "is not a weights file. Choose a state_dict saved as .pth, .pt or .safetensors"
INCOMPLETE = "is incomplete or damaged. Copy or download it again"
STATE_DICT = "Save only its state_dict: torch.save(model.state_dict(), 'weights.pth')"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file's tensors by name, as they were saved."""

    tensors: dict[str, Tensor]
    sha256: str
    notes: tuple[str, ...]
    """How the weights were found: "found under 'state_dict'"."""
    origin: Origin | None = None
    """What the file says of itself, where this program has written it."""


def read(path: Path, most: int) -> Checkpoint:
    """Read a `.pth`, `.pt` or `.safetensors` file of at most `most` bytes, whatever its name ends in.

    Raises `WeightsError`. Tensors keep their types and are on the CPU; their values are not looked at.
    """
    try:
        data = read_file(path, most)
        tensors, notes = _state_dict(_reader(data)(data))
        for name, tensor in tensors.items():
            _check_tensor(name, tensor)
        origin = of_file(data) if data[8:9] == b"{" else None
    except Refusal as refusal:
        raise WeightsError(shown(path), str(refusal)) from None
    return Checkpoint(tensors, hashlib.sha256(data).hexdigest(), tuple(notes), origin)


def _reader(data: bytes) -> Callable[[bytes], object]:
    if data.startswith(ZIP):
        return _from_zip
    if data.startswith(LEGACY):
        return _from_legacy
    if data[8:9] == b"{":
        return _from_safetensors
    return _from_nothing


def _from_nothing(data: bytes) -> object:
    """Refuse what torch.save didn't write; a bare pickle that would run code is told from mere rubbish."""
    if data.startswith(b"\x80"):
        _check_pickle(data, NOT_WEIGHTS)
    raise Refusal(NOT_WEIGHTS)


def _from_zip(data: bytes) -> object:
    try:
        archive = ZipFile(BytesIO(data))
    except Exception:  # its directory can be broken in many ways
        raise Refusal(INCOMPLETE) from None
    with archive:
        _check_pickle(_checked_pickle(archive, len(data)), NOT_WEIGHTS)
    return _loaded(data, NOT_WEIGHTS)


def _checked_pickle(archive: ZipFile, size: int) -> bytes:
    """The archive's pickle, once nothing in it would inflate and every record's checksum holds."""
    records = archive.infolist()
    names = [record.filename for record in records]
    if sum(record.file_size for record in records) > size or len({name.lower() for name in names}) < len(names):
        raise Refusal("is not a weights file: its records are larger than the file itself")
    if any(name.endswith("/constants.pkl") for name in names):
        raise Refusal(f"is a TorchScript program, which runs code when opened, so it is refused. {STATE_DICT}")
    pickle = names[0].split("/")[0] + "/data.pkl" if names else ""
    if pickle not in names:
        raise Refusal(NOT_WEIGHTS)
    if any(record.external_attr & FOLDER and record.file_size for record in records):
        raise Refusal(INCOMPLETE)
    try:
        if archive.testzip() is None:
            return archive.read(pickle)
    except Exception:  # a record's header can be broken in many ways
        raise Refusal(INCOMPLETE) from None
    raise Refusal("is damaged, or was saved without checksums. Copy or download it again")


def _from_legacy(data: bytes) -> object:
    _check_pickle(data, INCOMPLETE, LEGACY_PICKLES)
    return _loaded(data, INCOMPLETE)


def _check_pickle(data: bytes, otherwise: str, count: int = 1) -> None:
    """Refuse pickles that would import anything but plain tensors' parts, before anything reads them in earnest."""
    stream = BytesIO(data)
    try:
        found = [contents(stream) for _ in range(count)]
    except Exception:  # what a broken pickle raises is anyone's guess
        raise Refusal(otherwise) from None
    strange = sorted(name for part in found for name in part.imports if not ORDINARY.fullmatch(name))
    if any(name.startswith("torch.nn.modules.") for name in strange):
        raise Refusal(f"is a whole pickled module, which runs code when opened, so it is refused. {STATE_DICT}")
    if strange and all(OTHER_TENSORS.match(name) for name in strange):
        raise Refusal(f"holds other tensors than plain ones ({listed(strange)}), so it is refused. {STATE_DICT}")
    if strange:
        raise Refusal(f"would run code when opened ({listed(strange)}), so it is refused. {STATE_DICT}")
    if max(part.protocol for part in found) > 2:
        raise Refusal(f"uses a newer pickle protocol than torch reads safely. {STATE_DICT}")


def _loaded(data: bytes, otherwise: str) -> object:
    """What torch makes of the file with its restricted unpickler; it is never asked to do without."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        raise Refusal(otherwise) from None


def _from_safetensors(data: bytes) -> object:
    header = int.from_bytes(data[:8], "little")
    if 8 + header > len(data):
        raise Refusal(f"is incomplete or damaged: its header should have {header:,} bytes. Copy or download it again")
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise Refusal(f"is incomplete or damaged ({_reason(error)}). Copy or download it again") from None
    except Exception:  # a type that torch doesn't have, a shape that it refuses
        raise Refusal(NOT_WEIGHTS) from None


def _reason(error: SafetensorError) -> str:
    return str(error).removeprefix("Error while deserializing header: ")[:100]


def _state_dict(loaded: Any) -> tuple[dict[str, Tensor], list[str]]:
    """The named tensors in what was loaded, and what had to be done to find them."""
    notes = []
    for key in NESTED:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
            notes.append(f"found under '{key}'")
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(name, str) for name in loaded):
        raise Refusal(f"holds no state_dict. {STATE_DICT}")
    for name, value in loaded.items():
        if not isinstance(value, Tensor):
            raise Refusal(f"holds no state_dict: {name} is no tensor but of type {type(value).__name__}. {STATE_DICT}")
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in loaded):
            loaded = {name.removeprefix(prefix): tensor for name, tensor in loaded.items()}
            notes.append(f"'{prefix}' removed from the names")
    return dict(loaded), notes


def _check_tensor(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is not plain, is not made of real numbers, or claims more values than the file has."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise Refusal(f"holds no values for {name}, or only sparse ones. Save dense tensors")
    if math.prod(tensor.shape) * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise Refusal(f"is not a weights file: {name} claims more values than the file holds")
    if not tensor.is_floating_point() and not name.endswith("num_batches_tracked"):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise Refusal(f"holds {kind} numbers in {name}; weights are real numbers. Save them as float32")
