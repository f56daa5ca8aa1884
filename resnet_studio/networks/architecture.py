"""What a network is, as one frozen value from which everything else follows.

There are three kinds: `Residual`, the networks of He et al. 2015 and everything between them, `Baseline`, the
networks that residual ones are measured against, and `OwnModule`, what a file of the user's returned. All have the same
kind of plan (`networks/plan.py`). What a residual network's blocks consist of, and what can be chosen about them, is
their family's (`networks/families`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, get_args

from resnet_studio.causes import FieldError
from resnet_studio.files import json_fault
from resnet_studio.networks import baselines
from resnet_studio.networks.families import FAMILIES
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.family import Family, Shortcut
from resnet_studio.networks.image_size import ImageSize, as_image_size, height_width, read_image_size
from resnet_studio.networks.layers import Shape
from resnet_studio.networks.own_module import OwnModule

Stem = Literal["imagenet", "cifar", "deep", "deep-tiered"]
MOST_STAGES, MOST_BLOCKS = 6, 1000
MOST_CHANNELS = 8192
"""Of conv2_x's convolutions, however they are widened: what bottlenecks have at the greatest width."""

CHOICES: dict[str, tuple[str, ...]] = {
    "block": tuple(dict.fromkeys(family.block for family in FAMILIES)),
    **{name: values for family in reversed(FAMILIES) for name, values in family.choices().items()},
    "shortcut": get_args(Shortcut),
    "stem": get_args(Stem),
    "variant": tuple(dict.fromkeys(family.variant for family in FAMILIES)),
    "name": baselines.NAMES,
}
"""The values of the fields that have a few; what the blocks in question exclude is refused."""
LIMITS: dict[str, tuple[int, int]] = {
    **{name: bounds for family in reversed(FAMILIES) for name, bounds in family.ranges().items()},
    "width": (1, 2048), "channels": (1, 1024), "image": (1, 4096), "classes": (1, 1_000_000), "se": (0, 256),
    "dilated": (0, MOST_STAGES - 1),
}  # fmt: skip
"""The smallest and the largest value of the fields that are numbers."""
LATER: dict[str, Any] = {
    **{name: family.own_fields()[name] for family in reversed(FAMILIES) for name in family.ranges()},
    "se": 0, "dilated": 0,
}  # fmt: skip
"""Fields that neither He et al. 2015 nor version 0.1 have, and the value with which a network is as it was then: JSON
has only others."""
STAMP = "stamp"
"""A key of a file's JSON that is no field: which versions wrote it."""
OF_EVERY_BLOCK = {"stride_on": "1x1"}
"""What JSON has for every block since version 0.1, whether or not its kind has such a choice."""
OWN_CODE = (
    "this is a network of somebody's own code, which runs only if you open its file: File ▸ Open Python module…, or "
    "--module FILE.py:FUNCTION"
)
WANTED = {"blocks": "integers such as 3,4,6,3", "image": "an integer, or height and width as in 224x320"}
"""What a field takes that is more than an integer."""


class ArchitectureError(FieldError):
    """A field has a value that no network can have."""


@dataclass(frozen=True, slots=True)
class Residual:
    """A residual network before any weight exists, or its plain counterpart (`shortcut="none"`).

    Equal values describe equal networks, so the value is also the key under which tables and captures
    are kept. To change one, `dataclasses.replace` it: validation runs again and raises `ArchitectureError`.
    """

    block: Family = field(default_factory=Bottleneck)
    """The kind of its blocks, with the choices that this kind has: one of `FAMILIES`."""
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    """How many blocks each of conv2_x, conv3_x, … holds; the width doubles from one to the next."""
    shortcut: Shortcut = "B"
    """Zero-padding (A), projection where the shape changes (B), projection everywhere (C), projection of 2×2 averages
    (D, He et al. 2019, Figure 2c), or a plain network."""
    width: int = 64
    """Channels of conv1 and of the 3×3 convolutions of conv2_x."""
    stem: Stem = "imagenet"
    """7×7/2 convolution and 3×3/2 max pool, or the single 3×3/1 convolution of the paper's CIFAR networks, or three 3×3
    convolutions and the pool (He et al. 2019, Figure 2b), of which the first may be narrower (timm's "tiered")."""
    channels: int = 3
    image: ImageSize = 224
    """Side of the square input, or its height and width; two equal sides become one number."""
    classes: int = 1000
    se: int = 0
    """Squeeze-and-excitation (Hu et al. 2018) with this reduction, usually 16; 0 for none."""
    dilated: int = 0
    """How many of the last stages keep their size and dilate their 3×3 convolutions instead, as torchvision's
    `replace_stride_with_dilation`."""

    def __post_init__(self) -> None:
        if type(self.block) not in FAMILIES:
            raise ArchitectureError("block", _one_of(CHOICES["block"], self.block))
        object.__setattr__(self, "blocks", _integers(self.blocks))
        object.__setattr__(self, "image", _image(self.image))
        _check(self)
        _check_block(self)
        if self.dilated >= len(self.blocks):
            most = len(self.blocks) - 1
            raise ArchitectureError("dilated", f"must be at most {most}, as the first stage keeps its size anyway")

    @property
    def claims_paper_values(self) -> bool:
        """Whether it should have the values that He et al. 2015 print for its depth: nothing in it came later."""
        values = self.values()
        later = self.shortcut == "D" or self.stem not in ("imagenet", "cifar")
        return self.block.claims_paper_values and not later and all(
            values.get(name, usual) == usual for name, usual in LATER.items()
        )  # fmt: skip

    @property
    def depth(self) -> int:
        """Weighted layers on the main path, as the paper counts: conv1, which may be a deep stem, the blocks'
        convolutions, fc."""
        return 2 + self.block.convolutions * sum(self.blocks)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input, in pixels."""
        return height_width(self.image)

    @property
    def input_shape(self) -> Shape:
        return self.channels, *self.image_size

    def values(self) -> dict[str, Any]:
        """Every field that can be set and its value, those of the blocks' family among them."""
        own = {name: getattr(self.block, name) for name in self.block.own_fields()}
        common = {field.name: getattr(self, field.name) for field in fields(self)[2:]}
        return {"block": self.block.block, "blocks": self.blocks, **own, **common, "variant": self.block.variant}

    def with_values(self, values: Mapping[str, Any]) -> Residual:
        """The architecture with these values of fields that `values` has.

        Blocks of another kind keep the choices that both kinds have, and take the shortcut that they need.
        `ArchitectureError` names a field that the blocks don't have, or that can't have the value.
        """
        before, values = self.block, dict(values)
        made = family(values.pop("block", before.block), values.pop("variant", before.variant))
        _check_names(values, _field_names(made), made)
        own = {name: getattr(before, name) for name in before.own_fields().keys() & made.own_fields().keys()}
        own = {name: value for name, value in own.items() if value in made.choices().get(name, (value,))}
        own |= {name: values.pop(name) for name in made.own_fields().keys() & values.keys()}
        if self.shortcut not in made.shortcuts:
            values.setdefault("shortcut", made.shortcuts[0])
        return replace(self, block=made(**own), **values)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A network that is no ResNet, to compare with: one of torchvision's, as torchvision builds it."""

    name: str = "vgg19"
    image: ImageSize = None  # type: ignore[assignment]  # for the size of the network's own
    """Side of the square input, or its height and width; two equal sides become one number. By default what
    torchvision's weights are used with."""
    classes: int = 1000

    def __post_init__(self) -> None:
        if self.name not in CHOICES["name"]:
            raise ArchitectureError("name", _unknown_network(self.name))
        image = baselines.info(self.name).image if self.image is None else self.image
        object.__setattr__(self, "image", _image(image))
        _check(self)
        if reason := baselines.refusal(self.name, self.image_size):
            raise ArchitectureError("image", reason)

    @property
    def channels(self) -> int:
        return 3

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input, in pixels."""
        return height_width(self.image)

    @property
    def input_shape(self) -> Shape:
        return self.channels, *self.image_size

    @property
    def depth(self) -> int:
        """Layers with weights."""
        return baselines.depth(self.name)

    def values(self) -> dict[str, Any]:
        """Every field that can be set and its value."""
        return asdict(self)

    def with_values(self, values: Mapping[str, Any]) -> Baseline:
        """The baseline with these values of its fields; `ArchitectureError` names a field that it can't have."""
        _check_names(values, self.values())
        return replace(self, **values)


Architecture: TypeAlias = Residual | Baseline | OwnModule
IMAGENET_DEPTHS: dict[int, tuple[str, tuple[int, ...]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
DEPTHS: dict[Stem, dict[int, tuple[str, tuple[int, ...]]]] = {
    "imagenet": IMAGENET_DEPTHS,
    "cifar": {6 * n + 2: ("basic", (n, n, n)) for n in (3, 5, 7, 9, 18, 200)},
    "deep": IMAGENET_DEPTHS,
    "deep-tiered": IMAGENET_DEPTHS,
}
"""The depths of the paper's Table 1 (ImageNet) and Table 6 (CIFAR), with the blocks that make them."""


def _field_names(*families: type[Family]) -> tuple[str, ...]:
    """The fields of residual networks of these blocks, in the order of a form."""
    own = dict.fromkeys(name for known in families for name in known.own_fields())
    common = (field.name for field in fields(Residual)[2:])
    return "block", "blocks", *own, *common, "variant"


FIELDS = _field_names(*FAMILIES)
"""Every field of residual networks, whatever their blocks."""


def family(block: str, variant: str = "paper") -> type[Family]:
    """The block family of that name; `ArchitectureError` if the variant has no such block."""
    for known in FAMILIES:
        if (known.block, known.variant) == (block, variant):
            return known
    for name, value in (("block", block), ("variant", variant)):
        if value not in CHOICES[name]:
            raise ArchitectureError(name, _one_of(CHOICES[name], value))
    raise ArchitectureError("block", f"the variant {variant} has no {block} blocks")


def differing(one: Architecture, other: Architecture) -> list[str]:
    """Names of the fields in which two architectures differ, those that only one of them has among them."""
    mine, theirs = one.values(), other.values()
    return [name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)]


def with_depth(architecture: Residual, depth: int) -> Residual:
    """The architecture with the paper's block and blocks for that depth; `ArchitectureError` for other depths."""
    known = DEPTHS[architecture.stem]
    if depth not in known:
        raise ArchitectureError("depth", f"must be one of {', '.join(map(str, known))}, got {depth}")
    block, blocks = known[depth]
    return architecture.with_values({"block": block, "blocks": blocks})


def with_text(architecture: Architecture, field: str, text: str) -> Architecture:
    """The architecture with one field read from text, as `--set field=text` and the panel's fields give it."""
    _check_names((field,), FIELDS if isinstance(architecture, Residual) else architecture.values())
    return architecture.with_values({field: read_value(field, text)})


def read_value(field: str, text: str) -> str | int | tuple[int, ...]:
    """A field's value from text; `ArchitectureError` if it is of another kind than the field's."""
    text = text.strip()
    if field in CHOICES:
        return text
    try:
        if field == "image":
            return read_image_size(text)
        return tuple(int(part) for part in text.split(",")) if field == "blocks" else int(text)
    except ValueError:
        raise ArchitectureError(field, f"must be {WANTED.get(field, 'an integer')}, got {text!r}") from None


def to_json(architecture: Architecture) -> dict[str, Any]:
    """The architecture as plain JSON values; `from_json` reads it back to an equal value, but for an `OwnModule`."""
    if isinstance(architecture, OwnModule):
        return architecture.to_json()
    values = architecture.values()
    if isinstance(architecture.image, tuple):
        values["image"] = list(architecture.image)
    if isinstance(architecture, Baseline):
        return {"kind": "baseline", **values}
    values = {name: value for name, value in values.items() if name not in LATER or value != LATER[name]}
    first = {"kind": "residual", "block": values.pop("block"), "blocks": list(values.pop("blocks"))}
    return {**first, **OF_EVERY_BLOCK, **values}


def from_json(values: Mapping[str, Any] | str) -> Architecture:
    """Read an architecture from JSON text or its parsed values; `ArchitectureError` names a wrong field."""
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except (ValueError, RecursionError) as error:  # also a number of 5,000 digits and 100,000 open brackets
            raise ArchitectureError("architecture", f"not valid JSON: {json_fault(error)}") from None
    if not isinstance(values, Mapping):
        raise ArchitectureError("architecture", 'must be a JSON object, such as {"kind": "residual"}')
    kind, values = (
        values.get("kind", "residual"),
        {name: values[name] for name in values if name not in ("kind", STAMP)},
    )
    if kind == "residual":
        return _residual(values)
    if kind == "module":
        raise ArchitectureError("kind", OWN_CODE)
    if kind != "baseline":
        raise ArchitectureError("kind", f"must be one of residual, baseline, got {kind!r}")
    _check_names(values, [field.name for field in fields(Baseline)])
    if "image" in values:
        _image(values["image"])  # null is no size
    return Baseline(**values)


def _residual(values: dict[str, Any]) -> Residual:
    _check_names(values, FIELDS)
    made = family(values.pop("block", Bottleneck.block), values.pop("variant", Bottleneck.variant))
    own = made.own_fields()
    for name in OF_EVERY_BLOCK.keys() & values.keys() - own.keys():
        if (value := values.pop(name)) not in CHOICES[name]:
            raise ArchitectureError(name, _one_of(CHOICES[name], value))
    _check_names(values, _field_names(made), made)
    return Residual(made(**{name: values.pop(name) for name in own if name in values}), **values)


def _check_names(names: Iterable[str], known: Iterable[str], block: type[Family] | None = None) -> None:
    """Raise `ArchitectureError` for a field that is not known, or that these blocks don't have."""
    known = tuple(known)
    for name in names:
        if name in known:
            continue
        if block and name in FIELDS:
            raise ArchitectureError(name, block.excluded.get(name, f"{block.label} blocks have no such choice"))
        raise ArchitectureError(str(name), f"unknown field; must be one of {', '.join(known)}")


def _unknown_network(name: object) -> str:
    near = get_close_matches(str(name), baselines.NAMES)
    hint = f"did you mean {' or '.join(near)}?" if near else "must be a classification network of torchvision"
    return f"unknown network {name!r}: {hint}"


def _one_of(allowed: Iterable[str], value: object, reason: str | None = None) -> str:
    return f"must be one of {', '.join(allowed)}, got {value!r}" + (f". {reason}" if reason else "")


def _check(architecture: Architecture) -> None:
    for name in (one.name for one in fields(architecture)):
        value = getattr(architecture, name)
        if name in CHOICES and name != "block" and value not in CHOICES[name]:
            raise ArchitectureError(name, _one_of(CHOICES[name], value))
        if name in LIMITS and name != "image":
            _check_count(name, value, *LIMITS[name])


def _check_block(architecture: Residual) -> None:
    """Check what the blocks' family allows: its own fields, the shortcut, and that its convolutions have channels."""
    block, width = architecture.block, architecture.width
    for name, bounds in block.ranges().items():
        _check_count(name, getattr(block, name), *bounds)
    own = {name: (getattr(block, name), allowed) for name, allowed in block.choices().items()}
    for name, (value, allowed) in {**own, "shortcut": (architecture.shortcut, block.shortcuts)}.items():
        if value not in allowed:
            raise ArchitectureError(name, _one_of(allowed, value, block.excluded.get(name)))
    if block.inner_width(width) < 1:
        raise ArchitectureError("width_per_group", f"must be at least {-(-64 // width)} where the width is {width}")
    channels = max(block.inner_width(width), block.outer_width(width))
    if channels > MOST_CHANNELS:
        name, most = next(iter(block.ranges())), f"{MOST_CHANNELS:,}"
        raise ArchitectureError(name, f"conv2_x would have {channels:,} channels, and may have {most}")


def _check_count(field: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArchitectureError(field, f"must be an integer, got {value!r}")
    if not least <= value <= most:
        raise ArchitectureError(field, f"must be from {least} to {most:,}, got {value:,}")


def _image(value: object) -> ImageSize:
    """An image size, as one number if both sides are equal: equal networks are equal values."""
    sides = value if isinstance(value, (list, tuple)) else (value, value)
    if len(sides) != 2:
        raise ArchitectureError("image", f"must be {WANTED['image']}, got {value!r}")
    for side in sides:
        _check_count("image", side, *LIMITS["image"])
    return as_image_size(sides)


def _integers(blocks: object) -> tuple[int, ...]:
    if not isinstance(blocks, (list, tuple)) or not 1 <= len(blocks) <= MOST_STAGES:
        raise ArchitectureError("blocks", f"must be 1 to {MOST_STAGES} integers, got {blocks!r}")
    for count in blocks:
        _check_count("blocks", count, 1, MOST_BLOCKS)
    return tuple(blocks)
