"""Recognizing torchvision's other networks by all of their tensors' names and shapes at once. Needs no torch.

`resources/fingerprints.tsv` has a line for each, which `python -m resnet_studio.inference.compute.fingerprints` writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from resnet_studio.inference.errors import Shape
from resnet_studio.resources import resource

FILE = "fingerprints.tsv"
BATCH_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What identifies the weights of a network."""

    name: str
    """torchvision's, of the function that builds it."""
    first: str
    """The name of its first tensor."""
    heads: tuple[str, ...]
    """The layers that have an output for each class; the last one is the network's own."""
    digest: str
    """`digest` of the other tensors."""


@dataclass(frozen=True, slots=True)
class RecognizedBaseline:
    """A network of torchvision's among the tensors of a file."""

    name: str
    head: str
    classes: int


def digest(shapes: Mapping[str, Shape], heads: Collection[str]) -> str:
    """The first digits of the SHA-256 of all names and shapes but those of the heads and of counters of batches."""
    kept = [
        f"{name} {tuple(shape)}"
        for name, shape in shapes.items()
        if name.rpartition(".")[0] not in heads and not name.endswith(BATCH_COUNTER)
    ]
    return hashlib.sha256("\n".join(sorted(kept)).encode()).hexdigest()[:16]


def recognize(shapes: Mapping[str, Shape]) -> RecognizedBaseline | None:
    """The network whose tensors these are; None if they are none of torchvision's."""
    for known in fingerprints():
        weight = shapes.get(f"{known.heads[-1]}.weight", ())
        if known.first in shapes and weight and digest(shapes, known.heads) == known.digest:
            return RecognizedBaseline(known.name, known.heads[-1], weight[0])
    return None


def prefixes(names: Collection[str]) -> Iterator[str]:
    """Where networks may begin: what is before the first tensor of one."""
    firsts = {f".{known.first}" for known in fingerprints()}
    endings = tuple(firsts)
    for name in names:
        if f".{name}".endswith(endings):
            yield from {name[: len(name) + 1 - len(first)] for first in firsts if f".{name}".endswith(first)}


@cache
def fingerprints() -> tuple[Fingerprint, ...]:
    """Those of all baselines."""
    lines = resource(FILE).read_text(encoding="utf-8").splitlines()
    return tuple(_fingerprint(*line.split("\t")) for line in lines)


def _fingerprint(name: str, first: str, heads: str, digits: str) -> Fingerprint:
    return Fingerprint(name, first, tuple(heads.split(",")), digits)
