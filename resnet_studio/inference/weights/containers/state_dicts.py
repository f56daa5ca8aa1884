"""Finding a network's weights among everything in a file, by what is there rather than by names of keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeAlias

from resnet_studio.files import FileRefusedError
from resnet_studio.formatting import join_names
from resnet_studio.inference.weights.containers.pickle_imports import STATE_DICT
from resnet_studio.inference.weights.containers.plain_values import is_short
from resnet_studio.inference.weights.containers.stored import StoredTensor, UnreadableTensor
from resnet_studio.inference.weights.containers.torch_files import NOT_WEIGHTS, QUANTIZED, Container
from resnet_studio.inference.weights.containers.torch_values import Tensor, is_module, items, mapping

Keys: TypeAlias = tuple[str, ...]
"""The keys that lead to a dictionary inside of others."""
Dictionaries: TypeAlias = dict[Keys, dict[str, Tensor]]

MAX_DEPTH, MAX_NAME = 100, 300
"""Of nested dictionaries; characters of a key, and of all keys that lead to a dictionary."""
MAX_ENTRIES = 2_000_000
"""In all dictionaries together; a small file can have many dictionaries that share large parts."""
OPTIMIZER = {"state", "param_groups"}
"""The keys of every optimizer's state_dict."""
WEIGHTS = ("weight", "kernel")
ROLES = (*WEIGHTS, "bias", "gamma", "beta", "running_mean", "running_var", "moving_mean", "moving_variance")
"""Last parts of the names of a layer's tensors."""
BATCH_COUNTER = "num_batches_tracked"
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
"""What DataParallel, torch.compile and FSDP put into names, at any depth."""
BUFFERS = {
    "queue": "a queue of MoCo's",
    "queue_ptr": "a queue of MoCo's",
    "n_averaged": "a count of averaged models",
    "num_updates": "a count of averaged models",
    "initted": "a count of averaged models",
    "total_ops": "a profiler's count",
    "total_params": "a profiler's count",
}
"""Tensors that training code and profilers leave among the weights, by the last part of their names."""
AVERAGED = re.compile(r"(^|_)(ema|swa|polyak|shadow|averaged?)(_|$|\d)|^average")
MOMENTUM = re.compile(r"encoder_k|momentum|target_")


@dataclass(frozen=True, slots=True)
class IgnoredEntry:
    """Something in a file that is no weight of a network."""

    name: str
    reason: str
    """"a queue of MoCo's", "optimizer state"."""


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """The weights in a file."""

    path: Keys
    """The keys that lead to them."""
    tensors: dict[str, StoredTensor]
    """By their names below `path`, without what wrappers put into names."""
    ignored: tuple[IgnoredEntry, ...]
    wrappers: tuple[str, ...]
    """Those that were in the names."""
    whole_module: bool
    """Whether they are those of a pickled module rather than of a state_dict."""


def find_weights(container: Container) -> FoundWeights:
    """The weights in a file; `FileRefusedError` if there are none, or some that can't be read.

    Where several dictionaries hold weights, their keys are the beginning of the names.
    """
    dictionaries, ignored = _dictionaries(container)
    holders = _holders(dictionaries, _is_weight) or _holders(dictionaries, _is_matrix)
    if not holders:
        raise FileRefusedError(_no_weights(container, ignored))
    path, whole_module = _up_to_module(container.value, _shared(holders))
    named = _named(dictionaries, path)
    _check_readable(named)
    outside = [
        IgnoredEntry(name, "beside the weights")
        for keys, tensors in dictionaries.items()
        if keys[: len(path)] != path
        for name in ([".".join(keys)] if keys else tensors)
    ]
    tensors, buffers = _without_buffers(named)
    names, wrappers = _unwrapped(tensors)
    for name, tensor in tensors.items():
        tensor.check(name)
    ordered = sorted(zip(names, tensors.values(), strict=True), key=lambda entry: bool(role(entry[0])))
    return FoundWeights(path, dict(ordered), (*ignored, *outside, *buffers), wrappers, whole_module)


def role(name: str) -> str:
    """What a name says of the network it belongs to: "EMA", "momentum copy", or nothing."""
    parts = name.lower().split(".")
    if any(AVERAGED.search(part) for part in parts):
        return "EMA"
    return "momentum copy" if any(MOMENTUM.search(part) for part in parts) else ""


def _dictionaries(container: Container) -> tuple[Dictionaries, list[IgnoredEntry]]:
    """Every dictionary with tensors, by the keys that lead to it, and optimizers' states."""
    found: Dictionaries = {}
    ignored: list[IgnoredEntry] = []
    waiting: list[tuple[Keys, Any]] = [((), container.value)]
    visited: set[int] = set()  # a pickle can hold a list that holds itself
    entries = 0
    while waiting:
        keys, value = waiting.pop()
        if id(value) in visited or len(keys) > MAX_DEPTH or sum(map(len, keys)) > MAX_NAME:
            continue
        visited.add(id(value))
        children = list(_children(value))
        entries += len(children)
        if entries > MAX_ENTRIES:
            raise FileRefusedError(NOT_WEIGHTS)
        if {name for name, _ in children} >= OPTIMIZER:
            ignored.append(IgnoredEntry(".".join(keys[:1]) or "the file", "optimizer state"))
            continue
        tensors = {name: tensor for name, child in children if (tensor := container.tensors.tensor(child))}
        if tensors:
            found[keys] = tensors
        waiting += [((*keys, name), child) for name, child in reversed(children) if name not in tensors]
    return found, list(dict.fromkeys(ignored))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a dictionary, a module or a list, by their names or positions."""
    entries = mapping(value)
    if entries is not None:
        names = ((str(name), child) for name, child in entries.items() if is_short(name))
        yield from ((name, child) for name, child in names if len(name) <= MAX_NAME)
    elif (values := items(value)) is not None:
        yield from ((str(number), child) for number, child in enumerate(values))


def _holders(dictionaries: Dictionaries, is_weight: Callable[[str, Tensor], bool]) -> list[Keys]:
    """The keys of those dictionaries that hold weights."""
    return [keys for keys, tensors in dictionaries.items() if any(is_weight(*entry) for entry in tensors.items())]


def _is_weight(name: str, tensor: Tensor) -> bool:
    """Whether it is a layer's weights, also by Keras's name for them: "conv1_conv/kernel:0"."""
    last = re.split(r"[./]", name.removesuffix(":0"))[-1]
    return last in WEIGHTS and (isinstance(tensor, UnreadableTensor) or len(tensor.shape) > 1)


def _is_matrix(name: str, tensor: Tensor) -> bool:
    """Whether it may be the weights of a convolution or a linear layer: these have at least two dimensions."""
    return isinstance(tensor, StoredTensor) and tensor.floating and len(tensor.shape) > 1


def _shared(paths: Iterable[Keys]) -> Keys:
    """The keys that all paths begin with."""
    shared, *others = paths
    for path in others:
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(shared, path, strict=False))
        shared = tuple(key for key, _ in pairs)
    return shared


def _named(dictionaries: Dictionaries, path: Keys) -> dict[str, Tensor]:
    """All tensors below a path; `FileRefusedError` if two have the same name."""
    below = [(keys[len(path) :], tensors) for keys, tensors in dictionaries.items() if keys[: len(path)] == path]
    entries = [(".".join((*keys, name)), tensor) for keys, tensors in below for name, tensor in tensors.items()]
    named = dict(entries)
    if len(named) < len(entries):
        twice, _ = Counter(name for name, _ in entries).most_common(1)[0]
        raise FileRefusedError(f"has two tensors of the name {twice}. {STATE_DICT}")
    return named


def _check_readable(named: Mapping[str, Tensor]) -> None:
    kinds = {tensor.kind for tensor in named.values() if isinstance(tensor, UnreadableTensor)}
    if any("qtensor" in kind or "QInt" in kind or "QUInt" in kind for kind in kinds):
        raise FileRefusedError(QUANTIZED)
    if kinds:
        raise FileRefusedError(
            f"contains unsupported tensors ({join_names(sorted(kinds))}), so it was not loaded. {STATE_DICT}"
        )


def _without_buffers(named: Mapping[str, Tensor]) -> tuple[dict[str, StoredTensor], list[IgnoredEntry]]:
    """The tensors that may be weights, and the others."""
    tensors: dict[str, StoredTensor] = {}
    ignored = []
    for name, tensor in named.items():
        assert isinstance(tensor, StoredTensor)
        reason = _buffer(name.rpartition(".")[2], tensor)
        if reason:
            ignored.append(IgnoredEntry(name, reason))
        else:
            tensors[name] = tensor
    return tensors, ignored


def _buffer(last: str, tensor: StoredTensor) -> str:
    """What a tensor is, by the last part of its name and its type, if it is no weight."""
    if last in ROLES or last == BATCH_COUNTER:
        return ""
    return BUFFERS.get(last, "" if tensor.floating else f"{tensor.dtype} values")


def _unwrapped(tensors: Mapping[str, StoredTensor]) -> tuple[list[str], tuple[str, ...]]:
    """The names without wrappers, unless two would become the same; and the wrappers that were in them."""
    parts = [name.split(".") for name in tensors]
    names = [".".join([part for part in name if part not in WRAPPERS]) for name in parts]
    found = tuple(wrapper for wrapper in WRAPPERS if any(wrapper in name for name in parts))
    return (names, found) if len(set(names)) == len(names) and all(names) else (list(tensors), ())


def _up_to_module(value: Any, path: Keys) -> tuple[Keys, bool]:
    """The part of a path that leads to the first module on it, and whether there is one."""
    for count, key in enumerate((*path, "")):
        if is_module(value):
            return path[:count], True
        value = dict(_children(value)).get(key)
    return path, False


def _no_weights(container: Container, ignored: Iterable[IgnoredEntry]) -> str:
    if any(entry.reason == "optimizer state" for entry in ignored):
        return f"has only an optimizer's state, no weights. {STATE_DICT}"
    if container.kind == "plain pickle":
        return "is not a weights file but a plain Python pickle. Save the weights with torch.save"
    others = f", only {join_names(container.passed_over)}" if container.passed_over else ""
    return f"contains no state_dict{others}. {STATE_DICT}"
