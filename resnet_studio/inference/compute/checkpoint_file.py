"""Reads the tensors of an untrusted weights file: checked first, and without running anything in it."""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from dataclasses import dataclass
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from typing import TypeAlias
from zipfile import ZipFile

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from resnet_studio.files import FileRefusedError, display_name, read_file
from resnet_studio.formatting import join_names
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.weights import file_kinds
from resnet_studio.inference.weights.architecture_inference import ANCHORS
from resnet_studio.inference.weights.pickle_scan import MAX_DEPTH, PickleContents, scan_pickle, without_unknown_imports
from resnet_studio.inference.weights.provenance import TrainingProvenance, read_provenance

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of torch.save's files: a zip since 1.6, before that a pickle of torch's magic number."""
FOLDER = 0x10
"""The attribute that makes torch treat a zip's record as a folder: it reads nothing and leaves the tensor unset."""
LEGACY_PICKLES, LEGACY_STATE_DICT = 5, 3
"""Magic number, protocol, system, the state_dict, names of the storages; their raw values follow."""
Keys: TypeAlias = tuple[str, ...]
"""The keys that lead to a dictionary inside of others."""
CONTAINERS = (dict, list, tuple)
STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model")
"""Usual keys of the network's tensors in a training's checkpoint, in order of preference."""
PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile add to every name."""

ALLOWED_IMPORTS = re.compile(
    r"torch\.(\w+Storage|u?int\d+|b?float\w+|complex\d+|bool|Size|device)"
    r"|torch\._utils\._rebuild_(tensor|tensor_v2|parameter)"
    r"|collections\.(OrderedDict|Counter)|(__builtin__|builtins)\.set|_codecs\.encode"
)
"""Imports allowed in the pickle of a checkpoint."""
UNSUPPORTED_TENSORS = re.compile(r"torch\.(_utils\._rebuild_|_tensor\.|storage\.|serialization\._get_layout)")
"""Imports of sparse, quantized, empty or subclassed tensors."""
MODULE_PREFIX = "torch.nn.modules."
DANGEROUS_IMPORTS = re.compile(
    r"(os|posix|nt|sys|io|subprocess|shutil|socket|importlib|runpy|pty|ctypes|_?pickle|dill|cloudpickle|marshal|code"
    r"|types(?=\.(Function|Code|Lambda|Module|Method)Type)|webbrowser|multiprocessing|threading|asyncio|urllib|http|requests|tempfile|signal|gc|inspect|pdb|timeit"
    r"|(__builtin__|builtins)(?=\.[a-z_]+$)(?!\.(list|dict|tuple|frozenset|int|float|str|bytes|bytearray|complex|bool"
    r"|slice|range|object|type|unicode|long)$)|torch\.(hub|load|jit|serialization|package))(\..*)?"
)
"""Imports that no checkpoint needs: they act on the machine, or run what they are given."""
VALUE_CONSTRUCTORS = re.compile(
    r"(__builtin__|builtins|collections|datetime|decimal|fractions|uuid|enum|pathlib|easydict|omegaconf)\..*"
    r"|numpy\.(_?core\.(multiarray|numeric)\.(scalar|_reconstruct|_frombuffer)|dtype|ndarray|bool_?|str_|[a-z]+\d+)"
    r"|numpy\.random\._pickle\.__\w+_ctor|copy_?reg\._reconstructor|functools\.partial|operator\.(item|attr)getter"
    r"|re\._compile"
)
"""Functions that only construct values."""
HEADER_FAULTS = {
    "unknown variant": "has an unknown data type",
    "JSON": "can't be read",
    "offset for tensor `": "has tensors that overlap or leave gaps",
    "not fully covered": "doesn't match the file's size",
    "overflow": "has a tensor too large for any file",
    "invalid shape": "has a tensor whose shape doesn't match its data",
}
"""Parts of safetensors' error messages about a header, and our words for them."""
NOT_WEIGHTS = "is not a weights file. Choose a state_dict saved as .pth, .pt or .safetensors"
INCOMPLETE = "is incomplete or damaged. Copy or download it again"
STATE_DICT = "Save only its state_dict: torch.save(model.state_dict(), 'weights.pth')"

WHOLE_MODULE = f"is a whole pickled module, which runs code when opened, so it was not loaded. {STATE_DICT}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file's tensors by name, as they were saved."""

    tensors: dict[str, Tensor]
    sha256: str
    notes: tuple[str, ...]
    """How the weights were found: "found under 'state_dict'"."""
    provenance: TrainingProvenance | None = None
    """The provenance in the file, if this program wrote it."""
    newer_format: bool = False
    """Whether the provenance is in a format that only a newer version of this program can read."""


def read(path: Path, max_bytes: int) -> Checkpoint:
    """Read a `.pth`, `.pt`, `.ckpt` or `.safetensors` file of at most `max_bytes` bytes, whatever its name ends in.

    Raises `WeightsError`. Tensors keep their types and are on the CPU; their values are not checked. Everything else in
    the file is skipped: of a pickle, only what makes plain tensors is imported or called.
    """
    try:
        data = read_file(path, max_bytes)
        loaded, skipped = _load(data, path.name)
        tensors, notes = _state_dict(loaded, skipped)
        for name, tensor in tensors.items():
            _check_tensor(name, tensor)
        provenance, newer_format = read_provenance(data) if _is_safetensors(data) else (None, False)
    except FileRefusedError as refusal:
        raise WeightsError(display_name(path), str(refusal)) from None
    return Checkpoint(tensors, hashlib.sha256(data).hexdigest(), tuple(notes), provenance, newer_format)


def check_real(name: str, tensor: Tensor) -> None:
    """Raise `FileRefusedError` for a network's tensor that is not made of real numbers."""
    if not tensor.is_floating_point() and not name.endswith("num_batches_tracked"):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise FileRefusedError(f"has {kind} values in {name}; weights must be floating point. Save them as float32")


def _load(data: bytes, name: str) -> tuple[object, list[str]]:
    """The content of the file, and the names of the skipped objects in it."""
    if data.startswith(ZIP):
        return _from_zip(data)
    if data.startswith(LEGACY):
        return _from_legacy(data)
    if _is_safetensors(data):
        return _from_safetensors(data), []
    if data.startswith(b"\x80"):
        _check_imports(_scan(data, NOT_WEIGHTS, 1))
        raise FileRefusedError("is not a weights file but a plain Python pickle. Save the weights with torch.save")
    if known := file_kinds.describe_file(data, name):
        raise FileRefusedError(f"is not a weights file but {known}")
    raise FileRefusedError(NOT_WEIGHTS)


def _is_safetensors(data: bytes) -> bool:
    """Whether it begins with the length of a JSON header."""
    return data[7:9] == b"\0{"


def _from_zip(data: bytes) -> tuple[object, list[str]]:
    try:
        archive = ZipFile(BytesIO(data))
    except Exception:  # a broken directory raises all kinds of errors
        raise FileRefusedError(INCOMPLETE) from None
    with archive:
        name = _pickle_in(archive, len(data))
        pickle = archive.read(name)
        (checked,) = _check_pickle(pickle, NOT_WEIGHTS)
        foreign = _foreign_imports(checked)
        if foreign:
            data = _with_pickle(archive, name, _without_foreign_objects(pickle, NOT_WEIGHTS))
    return _torch_load(data, NOT_WEIGHTS, foreign), foreign


def _pickle_in(archive: ZipFile, size: int) -> str:
    """Name of the archive's pickle, after checking that no record inflates and every checksum is right."""
    records = archive.infolist()
    names = [record.filename for record in records]
    pickle = names[0].split("/")[0] + "/data.pkl" if names else ""
    if pickle not in names or any(name.endswith("/constants.pkl") for name in names):
        raise FileRefusedError(f"is not a weights file but {file_kinds.describe_archive(names)}")
    if sum(record.file_size for record in records) > size or len({name.lower() for name in names}) < len(names):
        raise FileRefusedError("is not a weights file: its records are larger than the file itself")
    if any(record.external_attr & FOLDER and record.file_size for record in records):
        raise FileRefusedError(INCOMPLETE)
    try:
        if archive.testzip() is None:
            return pickle
    except Exception:  # a broken record header raises all kinds of errors
        raise FileRefusedError(INCOMPLETE) from None
    raise FileRefusedError("is damaged, or was saved without checksums. Copy or download it again")


def _with_pickle(archive: ZipFile, name: str, pickle: bytes) -> bytes:
    """The same archive with its pickle replaced."""
    file = BytesIO()
    with ZipFile(file, "w") as written:
        for record in archive.infolist():
            written.writestr(record.filename, pickle if record.filename == name else archive.read(record))
    return file.getvalue()


def _from_legacy(data: bytes) -> tuple[object, list[str]]:
    checked = _check_pickle(data, INCOMPLETE, LEGACY_PICKLES)
    foreign = _foreign_imports(checked[LEGACY_STATE_DICT])
    if foreign:
        start, end = checked[LEGACY_STATE_DICT - 1].end, checked[LEGACY_STATE_DICT].end
        data = data[:start] + _without_foreign_objects(data[start:end], INCOMPLETE) + data[end:]
    return _torch_load(data, INCOMPLETE, foreign), foreign


def _check_pickle(data: bytes, message: str, count: int = 1) -> list[PickleContents]:
    """Scan pickles without executing them; refuse those that would run code or hold tensors that are not plain."""
    found = _scan(data, message, count)
    _check_imports(found)
    if max(part.protocol for part in found) > 2:
        raise FileRefusedError(f"uses a pickle protocol that torch can't load safely. {STATE_DICT}")
    return found


def _scan(data: bytes, message: str, count: int) -> list[PickleContents]:
    stream = BytesIO(data)
    try:
        return [scan_pickle(stream) for _ in range(count)]
    except Exception:  # a broken pickle raises all kinds of errors
        raise FileRefusedError(message) from None


def _check_imports(found: list[PickleContents]) -> None:
    foreign = sorted({name for part in found for name in _foreign_imports(part)})
    calls = {name for part in found for name in part.calls}
    dangerous = [
        name for name in foreign if DANGEROUS_IMPORTS.fullmatch(name) or (name in calls and not _is_constructor(name))
    ]
    unsupported = [name for name in foreign if UNSUPPORTED_TENSORS.match(name)]
    if _has_module(foreign) and (dangerous or unsupported):
        raise FileRefusedError(WHOLE_MODULE)
    if unsupported:
        raise FileRefusedError(
            f"contains unsupported tensors ({join_names(unsupported)}), so it was not loaded. {STATE_DICT}"
        )
    if dangerous:
        raise FileRefusedError(
            f"would run code when opened ({join_names(dangerous)}), so it was not loaded. {STATE_DICT}"
        )


def _foreign_imports(part: PickleContents) -> list[str]:
    return sorted(name for name in part.imports if not ALLOWED_IMPORTS.fullmatch(name))


def _is_constructor(name: str) -> bool:
    """Whether calling it constructs a value, judging by its name, rather than doing something."""
    return name.rpartition(".")[2].lstrip("_")[:1].isupper() or bool(VALUE_CONSTRUCTORS.fullmatch(name))


def _without_foreign_objects(pickle: bytes, message: str) -> bytes:
    """The pickle without objects other than tensors and plain values; the result is checked again like any other."""
    harmless = without_unknown_imports(pickle, ALLOWED_IMPORTS.fullmatch)
    if any(_foreign_imports(part) for part in _check_pickle(harmless, message)):
        raise FileRefusedError(message)
    return harmless


def _torch_load(data: bytes, message: str, foreign: list[str]) -> object:
    """Load the file by torch's restricted unpickler, always with `weights_only=True`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # rewriting can't make a module in an old file harmless
        raise FileRefusedError(WHOLE_MODULE if _has_module(foreign) else message) from None


def _has_module(names: list[str]) -> bool:
    return any(name.startswith(MODULE_PREFIX) for name in names)


def _from_safetensors(data: bytes) -> object:
    header = int.from_bytes(data[:8], "little")
    if 8 + header > len(data):
        raise FileRefusedError(
            f"is incomplete or damaged: its header should have {header:,} bytes. Copy or download it again"
        )
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        reason = next((ours for theirs, ours in HEADER_FAULTS.items() if theirs in str(error)), "is invalid")
        raise FileRefusedError(f"is incomplete or damaged: its header {reason}. Copy or download it again") from None
    except Exception:  # a type that torch lacks, a shape that it refuses
        raise FileRefusedError(NOT_WEIGHTS) from None


def _state_dict(loaded: object, skipped: list[str]) -> tuple[dict[str, Tensor], list[str]]:
    """The named tensors in a loaded checkpoint, wherever they are in it, and notes on where they were found."""
    tensor_dicts = _tensor_dicts(loaded)
    chosen = _choose_network_dicts(tensor_dicts)
    if _has_module(skipped) and not any(_is_network(tensor_dicts[path]) for path in chosen):
        raise FileRefusedError(WHOLE_MODULE)
    if not chosen:
        others = f", only {join_names(skipped)}" if skipped else ""
        raise FileRefusedError(f"contains no state_dict{others}. {STATE_DICT}")
    shared = _shared_path(chosen)
    tensors = {
        ".".join((*path[len(shared) :], name)): tensor_dicts[path][name]
        for path in chosen
        for name in tensor_dicts[path]
    }
    notes = [f"found under '{'.'.join(shared)}'"] if shared else []
    unused = [path for path in tensor_dicts if path not in chosen and _is_network(tensor_dicts[path])]
    if unused:
        notes.append(f"the weights under {join_names([repr('.'.join(path)) for path in unused])} are not used")
    for prefix in PREFIXES:
        while all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            notes.append(f"'{prefix}' removed from tensor names")
    if skipped:
        notes.append(f"skipped, not executed: {join_names(skipped)}")
    return tensors, notes


def _tensor_dicts(loaded: object) -> dict[Keys, dict[str, Tensor]]:
    """Every dictionary of named tensors in a loaded checkpoint, by the keys that lead to it."""
    found: dict[Keys, dict[str, Tensor]] = {}
    pending: list[tuple[Keys, object]] = [((), loaded)]
    visited: set[int] = set()  # a pickle can hold a list that holds itself
    while pending:
        path, value = pending.pop()
        if id(value) in visited or len(path) > MAX_DEPTH:
            continue
        visited.add(id(value))
        if isinstance(value, dict):
            named = {name: item for name, item in value.items() if isinstance(name, str) and isinstance(item, Tensor)}
            if named:
                found[path] = named
            pending += [
                ((*path, str(key)), item) for key, item in reversed(value.items()) if isinstance(item, CONTAINERS)
            ]
        elif isinstance(value, list | tuple):
            pending += [((*path, str(index)), item) for index, item in enumerate(value) if isinstance(item, CONTAINERS)]
    return found


def _choose_network_dicts(tensor_dicts: dict[Keys, dict[str, Tensor]]) -> list[Keys]:
    """Keys of the network's tensors: the usual ones if there are several; with a head stored next to the rest."""
    networks = [path for path in tensor_dicts if _is_network(tensor_dicts[path])]
    for key in STATE_DICT_KEYS:
        at_key = [path for path in networks if path[-1:] == (key,)]
        if len(networks) > 1 and len(at_key) == 1:
            return at_key
    if len(networks) == 1:
        (path,) = networks
        headless = path and not any(tensor.ndim == 2 for tensor in tensor_dicts[path].values())
        return [other for other in tensor_dicts if other == path or (headless and other[:-1] == path[:-1])]
    layers = [path for path in tensor_dicts if any(name.endswith("weight") for name in tensor_dicts[path])]
    return networks or sorted(layers, key=lambda path: len(tensor_dicts[path]))[-1:]


def _is_network(tensors: dict[str, Tensor]) -> bool:
    return any(f".{name}".endswith(tuple(f".{anchor}" for anchor in ANCHORS)) for name in tensors)


def _shared_path(paths: list[Keys]) -> Keys:
    """The keys that all paths begin with."""
    shared = paths[0]
    for path in paths[1:]:
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(shared, path, strict=False))
        shared = tuple(key for key, _ in pairs)
    return shared


def _check_tensor(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is not dense, or claims more values than the file has."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise FileRefusedError(f"has no values, or only sparse ones, for {name}. Save dense tensors")
    if math.prod(tensor.shape) * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise FileRefusedError(f"is not a weights file: {name} claims more values than the file contains")
