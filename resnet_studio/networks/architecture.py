"""What a network is, as one frozen value from which everything else follows.

There are two kinds: `Residual`, the networks of He et al. 2015 and everything between them, and `Baseline`,
the networks that residual ones are measured against. Both make the same kind of plan (`networks/plan.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias, get_args

from resnet_studio.causes import FieldError
from resnet_studio.files import json_fault

BlockKind = Literal["basic", "bottleneck"]
StrideOn = Literal["1x1", "3x3"]
Shortcut = Literal["A", "B", "C", "none"]
Stem = Literal["imagenet", "cifar"]
Variant = Literal["paper", "article"]
BaselineName = Literal["vgg19", "alexnet"]

EXPANSION: dict[BlockKind, int] = {"basic": 1, "bottleneck": 4}
CONVOLUTIONS: dict[BlockKind, int] = {"basic": 2, "bottleneck": 3}
CHOICES: dict[str, tuple[str, ...]] = {
    "block": get_args(BlockKind),
    "stride_on": get_args(StrideOn),
    "shortcut": get_args(Shortcut),
    "stem": get_args(Stem),
    "variant": get_args(Variant),
    "name": get_args(BaselineName),
}
LIMITS = {"width": 2048, "channels": 1024, "image": 4096, "classes": 1_000_000}
MOST_STAGES, MOST_BLOCKS = 6, 1000
SMALLEST_IMAGE: dict[BaselineName, int] = {"vgg19": 32, "alexnet": 63}
"""Side below which one of the baseline's pools would have an output of size 0."""


class ArchitectureError(FieldError):
    """A field has a value that no network can have."""


@dataclass(frozen=True, slots=True)
class Residual:
    """A residual network before any weight exists, or its plain counterpart (`shortcut="none"`).

    Equal values describe equal networks, so the value is also the key under which tables and captures
    are kept. To change one, `dataclasses.replace` it: validation runs again and raises `ArchitectureError`.
    """

    block: BlockKind = "bottleneck"
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    """How many blocks each of conv2_x, conv3_x, … holds; the width doubles from one to the next."""
    stride_on: StrideOn = "1x1"
    """Which convolution of a bottleneck halves the size: the first 1×1 (the paper) or the 3×3 (torchvision)."""
    shortcut: Shortcut = "B"
    """Zero-padding (A), projection where the shape changes (B), projection everywhere (C), or a plain network."""
    width: int = 64
    """Channels of conv1 and of the 3×3 convolutions of conv2_x."""
    stem: Stem = "imagenet"
    """7×7/2 convolution and 3×3/2 max pool, or the single 3×3/1 convolution of the paper's CIFAR networks."""
    channels: int = 3
    image: int = 224
    classes: int = 1000
    variant: Variant = "paper"
    """Whose code the blocks follow: He et al. 2015, or Gamulin's article of 2020 with its slips."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "blocks", _integers(self.blocks))
        _check(self)
        if self.variant == "article":
            if self.shortcut != "B":
                raise ArchitectureError("shortcut", "must be B for the article's blocks (projections)")
            if self.stride_on != "3x3":
                raise ArchitectureError("stride_on", "must be 3x3 for the article's blocks")

    @property
    def depth(self) -> int:
        """Weighted layers on the main path, as the paper counts: conv1, the blocks' convolutions, fc."""
        return 2 + CONVOLUTIONS[self.block] * sum(self.blocks)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A network without shortcuts that the field compares against, as torchvision builds it."""

    name: BaselineName = "vgg19"
    image: int = 224
    classes: int = 1000

    def __post_init__(self) -> None:
        _check(self)
        smallest = SMALLEST_IMAGE[self.name]
        if self.image < smallest:
            raise ArchitectureError("image", f"{self.name} needs at least {smallest}, got {self.image}")

    @property
    def channels(self) -> int:
        return 3

    @property
    def depth(self) -> int:
        return {"vgg19": 19, "alexnet": 8}[self.name]


Architecture: TypeAlias = Residual | Baseline

DEPTHS: dict[Stem, dict[int, tuple[BlockKind, tuple[int, ...]]]] = {
    "imagenet": {
        18: ("basic", (2, 2, 2, 2)),
        34: ("basic", (3, 4, 6, 3)),
        50: ("bottleneck", (3, 4, 6, 3)),
        101: ("bottleneck", (3, 4, 23, 3)),
        152: ("bottleneck", (3, 8, 36, 3)),
    },
    "cifar": {6 * n + 2: ("basic", (n, n, n)) for n in (3, 5, 7, 9, 18, 200)},
}
"""The depths of the paper's Table 1 (ImageNet) and Table 6 (CIFAR), with the blocks that make them."""


def with_depth(architecture: Residual, depth: int) -> Residual:
    """The architecture with the paper's block and blocks for that depth; `ArchitectureError` for other depths."""
    known = DEPTHS[architecture.stem]
    if depth not in known:
        raise ArchitectureError("depth", f"must be one of {', '.join(map(str, known))}, got {depth}")
    block, blocks = known[depth]
    return replace(architecture, block=block, blocks=blocks)


def with_text(architecture: Architecture, field: str, text: str) -> Architecture:
    """The architecture with one field read from text, as `--set field=text` and the panel's fields give it."""
    names = [f.name for f in fields(architecture)]
    if field not in names:
        raise ArchitectureError(field, f"unknown field; must be one of {', '.join(names)}")
    values: dict[str, Any] = {field: _read(field, text.strip())}
    if values == {"variant": "article"}:
        values |= {"stride_on": "3x3", "shortcut": "B"}  # the article's code knows no others
    return replace(architecture, **values)


def to_json(architecture: Architecture) -> dict[str, Any]:
    """The architecture as plain JSON values; `from_json` reads it back to an equal value."""
    values = asdict(architecture)
    if isinstance(architecture, Residual):
        values["blocks"] = list(architecture.blocks)
    return {"kind": type(architecture).__name__.lower(), **values}


def from_json(values: Mapping[str, Any] | str) -> Architecture:
    """Read an architecture from JSON text or its parsed values; `ArchitectureError` names a wrong field."""
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except (ValueError, RecursionError) as error:  # also a number of 5,000 digits and 100,000 open brackets
            raise ArchitectureError("architecture", f"not valid JSON: {json_fault(error)}") from None
    if not isinstance(values, Mapping):
        raise ArchitectureError("architecture", 'must be a JSON object, such as {"kind": "residual"}')
    kinds: dict[str, type[Residual] | type[Baseline]] = {"residual": Residual, "baseline": Baseline}
    kind = values.get("kind", "residual")
    if not isinstance(kind, str) or kind not in kinds:
        raise ArchitectureError("kind", f"must be one of {', '.join(kinds)}, got {kind!r}")
    known = {f.name for f in fields(kinds[kind])}
    for name in values:
        if name != "kind" and name not in known:
            raise ArchitectureError(str(name), f"unknown field; must be one of {', '.join(sorted(known))}")
    return kinds[kind](**{name: value for name, value in values.items() if name != "kind"})


def _check(architecture: Architecture) -> None:
    for field in fields(architecture):
        value = getattr(architecture, field.name)
        if field.name in CHOICES and value not in CHOICES[field.name]:
            raise ArchitectureError(field.name, f"must be one of {', '.join(CHOICES[field.name])}, got {value!r}")
        if field.name in LIMITS:
            _check_count(field.name, value, LIMITS[field.name])


def _check_count(field: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArchitectureError(field, f"must be an integer, got {value!r}")
    if not 1 <= value <= most:
        raise ArchitectureError(field, f"must be from 1 to {most:,}, got {value:,}")


def _integers(blocks: object) -> tuple[int, ...]:
    if not isinstance(blocks, (list, tuple)) or not 1 <= len(blocks) <= MOST_STAGES:
        raise ArchitectureError("blocks", f"must be 1 to {MOST_STAGES} integers, got {blocks!r}")
    for count in blocks:
        _check_count("blocks", count, MOST_BLOCKS)
    return tuple(blocks)


def _read(field: str, text: str) -> str | int | tuple[int, ...]:
    if field in CHOICES:
        return text
    try:
        return tuple(int(part) for part in text.split(",")) if field == "blocks" else int(text)
    except ValueError:
        wanted = "integers such as 3,4,6,3" if field == "blocks" else "an integer"
        raise ArchitectureError(field, f"must be {wanted}, got {text!r}") from None
