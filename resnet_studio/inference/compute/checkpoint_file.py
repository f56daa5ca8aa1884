"""From a weights file that nobody vouches for to its tensors: checked first, and nothing in it ever run."""

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

from resnet_studio.files import Refusal, read_file, shown
from resnet_studio.formatting import listed
from resnet_studio.inference.errors import WeightsError
from resnet_studio.inference.images import file_kinds
from resnet_studio.inference.weights.architecture_inference import ANCHORS
from resnet_studio.inference.weights.pickle_scan import DEEPEST, PickleContents, contents, without_strangers
from resnet_studio.inference.weights.provenance import TrainingProvenance, of_file

ZIP, LEGACY = b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch.save begin: since 1.6 a zip, before that a pickle of torch's magic number."""
FOLDER = 0x10
"""The attribute by which torch takes a zip's record for a folder: it reads nothing, and leaves the tensor as it was."""
LEGACY_PICKLES, LEGACY_STATE_DICT = 5, 3
"""Magic number, protocol, system, the state_dict, names of the storages; their raw values follow."""
Keys: TypeAlias = tuple[str, ...]
"""The keys that lead to a dictionary inside of others."""
CONTAINERS = (dict, list, tuple)
USUAL = ("state_dict", "model_state_dict", "model")
"""Where trainings keep the network's tensors, the first choice of several places."""
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
MODULES = "torch.nn.modules."
ACTING = re.compile(
    r"(os|posix|nt|sys|io|subprocess|shutil|socket|importlib|runpy|pty|ctypes|_?pickle|dill|cloudpickle|marshal|code"
    r"|types(?=\.(Function|Code|Lambda|Module|Method)Type)|webbrowser|multiprocessing|threading|asyncio|urllib|http|requests|tempfile|signal|gc|inspect|pdb|timeit"
    r"|(__builtin__|builtins)(?=\.[a-z_]+$)(?!\.(list|dict|tuple|frozenset|int|float|str|bytes|bytearray|complex|bool"
    r"|slice|range|object|type|unicode|long)$)|torch\.(hub|load|jit|serialization|package))(\..*)?"
)
"""What has no business in a checkpoint: what acts on the machine, or runs what it is given."""
VALUES = re.compile(
    r"(__builtin__|builtins|collections|datetime|decimal|fractions|uuid|enum|pathlib|easydict|omegaconf)\..*"
    r"|numpy\.(_?core\.(multiarray|numeric)\.(scalar|_reconstruct|_frombuffer)|dtype|ndarray|bool_?|str_|[a-z]+\d+)"
    r"|numpy\.random\._pickle\.__\w+_ctor|copy_?reg\._reconstructor|functools\.partial|operator\.(item|attr)getter"
    r"|re\._compile"
)
"""What makes mere values though its name is a function's."""
HEADER_FAULTS = {
    "unknown variant": "names a type of numbers that is unknown",
    "JSON": "can't be read",
    "offset for tensor `": "has tensors that overlap or leave gaps",
    "not fully covered": "does not fit the file's size",
    "overflow": "has a tensor too large for any file",
    "invalid shape": "has a tensor whose shape does not fit its place",
}
"""What safetensors says of a header, and the same in our words."""
NOT_WEIGHTS = "is not a weights file. Choose a state_dict saved as .pth, .pt or .safetensors"
INCOMPLETE = "is incomplete or damaged. Copy or download it again"
STATE_DICT = "Save only its state_dict: torch.save(model.state_dict(), 'weights.pth')"

WHOLE_MODULE = f"is a whole pickled module, which runs code when opened, so it is refused. {STATE_DICT}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file's tensors by name, as they were saved."""

    tensors: dict[str, Tensor]
    sha256: str
    notes: tuple[str, ...]
    """How the weights were found: "found under 'state_dict'"."""
    origin: TrainingProvenance | None = None
    """What the file says of itself, where this program has written it."""
    unread: bool = False
    """Whether it says that in a way that only a newer version of this program understands."""


def read(path: Path, most: int) -> Checkpoint:
    """Read a `.pth`, `.pt`, `.ckpt` or `.safetensors` file of at most `most` bytes, whatever its name ends in.

    Raises `WeightsError`. Tensors keep their types and are on the CPU; their values are not looked at. What else is in
    the file is passed over: of a pickle nothing is imported or called but what makes plain tensors.
    """
    try:
        data = read_file(path, most)
        loaded, passed_over = _load(data, path.name)
        tensors, notes = _state_dict(loaded, passed_over)
        for name, tensor in tensors.items():
            _check_tensor(name, tensor)
        origin, unread = of_file(data) if _is_safetensors(data) else (None, False)
    except Refusal as refusal:
        raise WeightsError(shown(path), str(refusal)) from None
    return Checkpoint(tensors, hashlib.sha256(data).hexdigest(), tuple(notes), origin, unread)


def check_real(name: str, tensor: Tensor) -> None:
    """Refuse a network's tensor that is not made of real numbers, as a `Refusal`."""
    if not tensor.is_floating_point() and not name.endswith("num_batches_tracked"):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise Refusal(f"holds {kind} numbers in {name}; weights are real numbers. Save them as float32")


def _load(data: bytes, name: str) -> tuple[object, list[str]]:
    """What is in the file, and which of the objects in it were passed over."""
    if data.startswith(ZIP):
        return _from_zip(data)
    if data.startswith(LEGACY):
        return _from_legacy(data)
    if _is_safetensors(data):
        return _from_safetensors(data), []
    if data.startswith(b"\x80"):
        _check_imports(_contents(data, NOT_WEIGHTS, 1))
        raise Refusal("is not a weights file but a bare Python pickle, which is not read. Save weights by torch.save")
    if known := file_kinds.kind(data, name):
        raise Refusal(f"is not a weights file but {known}")
    raise Refusal(NOT_WEIGHTS)


def _is_safetensors(data: bytes) -> bool:
    """Whether it begins with the length of a header, which is JSON."""
    return data[7:9] == b"\0{"


def _from_zip(data: bytes) -> tuple[object, list[str]]:
    try:
        archive = ZipFile(BytesIO(data))
    except Exception:  # its directory can be broken in many ways
        raise Refusal(INCOMPLETE) from None
    with archive:
        name = _pickle_in(archive, len(data))
        pickle = archive.read(name)
        (checked,) = _check_pickle(pickle, NOT_WEIGHTS)
        strange = _strangers(checked)
        if strange:
            data = _with_pickle(archive, name, _without_strangers(pickle, NOT_WEIGHTS))
    return _loaded(data, NOT_WEIGHTS, strange), strange


def _pickle_in(archive: ZipFile, size: int) -> str:
    """Name of the archive's pickle, once nothing in it would inflate and every record's checksum holds."""
    records = archive.infolist()
    names = [record.filename for record in records]
    pickle = names[0].split("/")[0] + "/data.pkl" if names else ""
    if pickle not in names or any(name.endswith("/constants.pkl") for name in names):
        raise Refusal(f"is not a weights file but {file_kinds.kind_of_archive(names)}")
    if sum(record.file_size for record in records) > size or len({name.lower() for name in names}) < len(names):
        raise Refusal("is not a weights file: its records are larger than the file itself")
    if any(record.external_attr & FOLDER and record.file_size for record in records):
        raise Refusal(INCOMPLETE)
    try:
        if archive.testzip() is None:
            return pickle
    except Exception:  # a record's header can be broken in many ways
        raise Refusal(INCOMPLETE) from None
    raise Refusal("is damaged, or was saved without checksums. Copy or download it again")


def _with_pickle(archive: ZipFile, name: str, pickle: bytes) -> bytes:
    """The same archive with another pickle in the place of its own."""
    file = BytesIO()
    with ZipFile(file, "w") as written:
        for record in archive.infolist():
            written.writestr(record.filename, pickle if record.filename == name else archive.read(record))
    return file.getvalue()


def _from_legacy(data: bytes) -> tuple[object, list[str]]:
    checked = _check_pickle(data, INCOMPLETE, LEGACY_PICKLES)
    strange = _strangers(checked[LEGACY_STATE_DICT])
    if strange:
        start, end = checked[LEGACY_STATE_DICT - 1].end, checked[LEGACY_STATE_DICT].end
        data = data[:start] + _without_strangers(data[start:end], INCOMPLETE) + data[end:]
    return _loaded(data, INCOMPLETE, strange), strange


def _check_pickle(data: bytes, otherwise: str, count: int = 1) -> list[PickleContents]:
    """Read pickles without doing what they say; refuse those that would run code, and tensors that are not plain."""
    found = _contents(data, otherwise, count)
    _check_imports(found)
    if max(part.protocol for part in found) > 2:
        raise Refusal(f"uses a newer pickle protocol than torch reads safely. {STATE_DICT}")
    return found


def _contents(data: bytes, otherwise: str, count: int) -> list[PickleContents]:
    stream = BytesIO(data)
    try:
        return [contents(stream) for _ in range(count)]
    except Exception:  # what a broken pickle raises is anyone's guess
        raise Refusal(otherwise) from None


def _check_imports(found: list[PickleContents]) -> None:
    strange = sorted({name for part in found for name in _strangers(part)})
    calls = {name for part in found for name in part.calls}
    acting = [name for name in strange if ACTING.fullmatch(name) or (name in calls and not _makes_a_value(name))]
    others = [name for name in strange if OTHER_TENSORS.match(name)]
    if _has_module(strange) and (acting or others):
        raise Refusal(WHOLE_MODULE)
    if others:
        raise Refusal(f"holds other tensors than plain ones ({listed(others)}), so it is refused. {STATE_DICT}")
    if acting:
        raise Refusal(f"would run code when opened ({listed(acting)}), so it is refused. {STATE_DICT}")


def _strangers(part: PickleContents) -> list[str]:
    return sorted(name for name in part.imports if not ORDINARY.fullmatch(name))


def _makes_a_value(name: str) -> bool:
    """Whether calling it makes an object of a class, as its name tells, rather than doing something."""
    return name.rpartition(".")[2].lstrip("_")[:1].isupper() or bool(VALUES.fullmatch(name))


def _without_strangers(pickle: bytes, otherwise: str) -> bytes:
    """The pickle with nothing in it that is to be passed over; it is read again, as any other."""
    harmless = without_strangers(pickle, ORDINARY.fullmatch)
    if any(_strangers(part) for part in _check_pickle(harmless, otherwise)):
        raise Refusal(otherwise)
    return harmless


def _loaded(data: bytes, otherwise: str, strange: list[str]) -> object:
    """What torch makes of the file with its restricted unpickler; it is never asked to do without."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:  # a module in an old file is one that no rewriting makes harmless
        raise Refusal(WHOLE_MODULE if _has_module(strange) else otherwise) from None


def _has_module(names: list[str]) -> bool:
    return any(name.startswith(MODULES) for name in names)


def _from_safetensors(data: bytes) -> object:
    header = int.from_bytes(data[:8], "little")
    if 8 + header > len(data):
        raise Refusal(f"is incomplete or damaged: its header should have {header:,} bytes. Copy or download it again")
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        why = next((ours for theirs, ours in HEADER_FAULTS.items() if theirs in str(error)), "is not what it should be")
        raise Refusal(f"is incomplete or damaged: its header {why}. Copy or download it again") from None
    except Exception:  # a type that torch doesn't have, a shape that it refuses
        raise Refusal(NOT_WEIGHTS) from None


def _state_dict(loaded: object, passed_over: list[str]) -> tuple[dict[str, Tensor], list[str]]:
    """The named tensors in what was loaded, wherever they are in it, and what had to be done to find them."""
    places = _places(loaded)
    chosen = _chosen(places)
    if _has_module(passed_over) and not any(_is_network(places[path]) for path in chosen):
        raise Refusal(WHOLE_MODULE)
    if not chosen:
        beside = f", only {listed(passed_over)}, which is not read" if passed_over else ""
        raise Refusal(f"holds no state_dict{beside}. {STATE_DICT}")
    shared = _shared_path(chosen)
    tensors = {".".join((*path[len(shared) :], name)): places[path][name] for path in chosen for name in places[path]}
    notes = [f"found under '{'.'.join(shared)}'"] if shared else []
    unused = [path for path in places if path not in chosen and _is_network(places[path])]
    if unused:
        notes.append(f"the weights under {listed([repr('.'.join(path)) for path in unused])} are not used")
    for prefix in PREFIXES:
        while all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
            notes.append(f"'{prefix}' removed from the names")
    if passed_over:
        notes.append(f"passed over, not run: {listed(passed_over)}")
    return tensors, notes


def _places(loaded: object) -> dict[Keys, dict[str, Tensor]]:
    """Every dictionary with named tensors in what was loaded, by the keys that lead to it."""
    found: dict[Keys, dict[str, Tensor]] = {}
    waiting: list[tuple[Keys, object]] = [((), loaded)]
    seen: set[int] = set()  # a pickle can hold a list that holds itself
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen or len(path) > DEEPEST:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            named = {name: one for name, one in value.items() if isinstance(name, str) and isinstance(one, Tensor)}
            if named:
                found[path] = named
            waiting += [((*path, str(key)), one) for key, one in reversed(value.items()) if isinstance(one, CONTAINERS)]
        elif isinstance(value, list | tuple):
            waiting += [((*path, str(number)), one) for number, one in enumerate(value) if isinstance(one, CONTAINERS)]
    return found


def _chosen(places: dict[Keys, dict[str, Tensor]]) -> list[Keys]:
    """Where the network is: at the usual place of several, with what stands beside it, as a head may."""
    networks = [path for path in places if _is_network(places[path])]
    for usual in USUAL:
        at_the_usual = [path for path in networks if path[-1:] == (usual,)]
        if len(networks) > 1 and len(at_the_usual) == 1:
            return at_the_usual
    if len(networks) == 1:
        (path,) = networks
        headless = path and not any(tensor.ndim == 2 for tensor in places[path].values())
        return [other for other in places if other == path or (headless and other[:-1] == path[:-1])]
    layers = [path for path in places if any(name.endswith("weight") for name in places[path])]
    return networks or sorted(layers, key=lambda path: len(places[path]))[-1:]


def _is_network(tensors: dict[str, Tensor]) -> bool:
    return any(f".{name}".endswith(tuple(f".{anchor}" for anchor in ANCHORS)) for name in tensors)


def _shared_path(paths: list[Keys]) -> Keys:
    """The keys that lead to all of these places."""
    shared = paths[0]
    for path in paths[1:]:
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(shared, path, strict=False))
        shared = tuple(key for key, _ in pairs)
    return shared


def _check_tensor(name: str, tensor: Tensor) -> None:
    """Refuse a tensor that is not plain, or claims more values than the file has."""
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise Refusal(f"holds no values for {name}, or only sparse ones. Save dense tensors")
    if math.prod(tensor.shape) * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise Refusal(f"is not a weights file: {name} claims more values than the file holds")
