"""What a file of weights is: its identity card, made from names, shapes and what the file says of itself. No torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from resnet_studio.files import display_name
from resnet_studio.formatting import counted, join_names
from resnet_studio.inference.weights.architecture_inference import (
    infer_architecture,
    nearest_architecture,
    state_shapes,
    without_batch_counters,
)
from resnet_studio.inference.weights.metadata import WeightsMetadata, find_metadata, stored_metadata
from resnet_studio.inference.weights.normalizations import IMAGENET, NORMALIZATIONS
from resnet_studio.inference.weights.published import entry_by_hash
from resnet_studio.inference.weights.reader import read_contents
from resnet_studio.inference.weights.recognition import FoundNetwork, Shapes, find_networks, with_head
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual, differing, to_json
from resnet_studio.networks.image_size import image_text
from resnet_studio.networks.plan import blocks
from resnet_studio.networks.presets import PRESETS, field_text, preset, title
from resnet_studio.plain import plain

if TYPE_CHECKING:
    from resnet_studio.inference.weights.contents import CheckpointContents

Answers: TypeAlias = Mapping[str, Any]
"""Answers to what the file doesn't tell, by the fields of `Alternative`."""
NO_ANSWERS: Answers = {}
MAX_FILE_BYTES = 20_000_000_000
CLASSES_WITHOUT_HEAD = 1000
DATA_FIELDS = ("image", "channels", "classes")
"""Fields that say little about the kind of network."""
NAMED_DEPTH = re.compile(
    r"(?:^|[^a-z])(?P<kind>(?:pre_?act_?|pre|se|wide_?|i)?_?res_?ne(?:x?t|st)(?:v2)?|wrn|rn|r(?=[-_]?\d))[-_]?(?P<depth>\d{1,4})(?!\d)",
    re.IGNORECASE,
)
"""A network's depth in the name of a file: "resnet110", "wrn-28-10", "R-50"."""
MOST_LAYERS = 1300


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another answer to what the file doesn't tell."""

    title: str
    field: str
    """The field of the architecture that it is about, or "normalization", or "head"."""
    value: Any
    """The field's value, the name of a normalization, or the name of the file's layer."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """Something that the file doesn't tell, the answer that is assumed, and the others."""

    what: str
    """"Shortcut"."""
    taken: str
    """"A (zero-padding)"."""
    reason: str
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """What a file of weights is, with what was assumed, and the reasons to doubt it."""

    name: str
    """The file's."""
    container: str
    """"PyTorch zip", "safetensors, 3 shards"."""
    size: int
    """Bytes."""
    sha256: str
    precision: str
    dialect: str
    """Whose names the tensors have: "timm"; "" if nobody's that are known."""
    key: str
    """The dialect's key on the command line."""
    prefix: str
    """What stands before the tensors' names."""
    architecture: Architecture | None
    """None if no network of this program has exactly these tensors."""
    preset: str
    """The preset nearest to it; "" if there is none."""
    differences: tuple[str, ...]
    """In what it differs from the preset: "classes 10"."""
    parameters: int
    head: str
    """The classification layer's name in the file; "" if it has none."""
    classes: int
    """0 without a head."""
    metadata: WeightsMetadata
    """Labels and preprocessing, as the file or the user says."""
    normalization: str
    """The name of the assumed one in `NORMALIZATIONS`, if neither says it; else ""."""
    assumptions: tuple[Assumption, ...]
    ignored: tuple[str, ...]
    """What was passed over, in sentences."""
    doubts: tuple[str, ...]
    networks: tuple[str, ...] = ()
    """The prefixes of the networks in the file, if there are several."""

    @property
    def is_variant(self) -> bool:
        """Whether it differs from the nearest preset in more than its data: image size, channels, and classes."""
        if self.architecture is None or not self.preset:
            return False
        return not set(differing(PRESETS[self.preset], self.architecture)) <= set(DATA_FIELDS)

    @property
    def network(self) -> str:
        """The network in a few words."""
        return title(self.architecture) if self.architecture else "not recognized"

    def to_json(self) -> dict[str, Any]:
        """The card as JSON values."""
        return {
            "file": self.name, "container": self.container, "bytes": self.size, "sha256": self.sha256,
            "precision": self.precision, "dialect": self.key or None, "prefix": self.prefix,
            "network": self.network if self.architecture else None,
            "architecture": to_json(self.architecture) if self.architecture else None,
            "preset": self.preset or None, "differences": list(self.differences), "parameters": self.parameters,
            "head": self.head or None, "classes": self.classes, "labels": list(self.metadata.labels),
            "mean": list(self.metadata.mean), "std": list(self.metadata.std), "metadata_source": self.metadata.source,
            "assumptions": [
                {"what": one.what, "taken": one.taken, "reason": one.reason,
                 "alternatives": [{"field": other.field, "value": other.value} for other in one.alternatives]}
                for one in self.assumptions
            ],
            "ignored": list(self.ignored), "doubts": list(self.doubts), "networks": list(self.networks),
        }  # fmt: skip


def identify(path: Path, prefix: str = "", answers: Answers = NO_ANSWERS) -> IdentityCard:
    """The card of a file, or of one of the networks in it, whose tensors' values are not read.

    Raises `WeightsError` for a file that has no weights.
    """
    return identity_card(read_contents(path, MAX_FILE_BYTES), path, prefix, answers)


def identity_card(
    contents: CheckpointContents, path: Path, prefix: str = "", answers: Answers = NO_ANSWERS
) -> IdentityCard:  # fmt: skip
    """The card of a file's contents, or of one network in it; `answers` are to what the file doesn't tell."""
    shapes = contents.shapes
    networks = find_networks(shapes, prefix, answers.get("head", ""))
    found, sha256 = networks[0], contents.sha256
    metadata = _metadata(contents, path)
    architecture = _architecture(contents, found, metadata, answers)
    nearest, differences = _nearest_preset(architecture) if architecture else ("", ())
    has_source = contents.provenance is not None or entry_by_hash(sha256) is not None
    own = found.shapes(shapes)
    normalization = "" if metadata.mean or has_source else _usual_normalization(found, own)
    assumptions = (
        [] if has_source or not architecture else [*_assumptions(architecture, found, metadata, normalization)]
    )
    places = tuple(one.prefix for one in networks) if len(networks) > 1 else ()
    return IdentityCard(
        name=display_name(path),
        container=contents.container,
        size=contents.size,
        sha256=sha256,
        precision=contents.precision,
        dialect=found.dialect.title if found.dialect else "torchvision" if architecture else "",
        key=found.dialect.key if found.dialect else "torchvision" if architecture else "",
        prefix=found.prefix,
        architecture=architecture,
        preset=nearest,
        differences=differences,
        parameters=sum(math.prod(shape) for name, shape in own.items() if name.endswith((".weight", ".bias"))),
        head=found.head,
        classes=architecture.classes if architecture and found.head else 0,
        metadata=metadata,
        normalization=normalization,
        assumptions=tuple(assumptions),
        ignored=(*contents.notes, *_passed_over(found, networks)),
        doubts=tuple(_doubts(contents, path, found, architecture, metadata, places)),
        networks=places,
    )


def _metadata(contents: CheckpointContents, path: Path) -> WeightsMetadata:
    """Classes and preprocessing: of the run that the weights come from, or as the user or the file says."""
    if run := contents.provenance:
        return WeightsMetadata(run.classes, run.mean, run.deviation, run.architecture.image, source=run.run)
    return stored_metadata(contents.sha256).over(find_metadata(contents, path))


def _usual_normalization(found: FoundNetwork, shapes: Shapes) -> str:
    """The name of the normalization that is assumed; "" if the network doesn't take colors."""
    names = ("conv1.weight", "conv1.0.weight", "features.0.weight")
    first = next((shapes[name] for name in names if name in shapes), ())
    return found.usual.get("normalization", IMAGENET) if first[1:2] == (3,) else ""


def _architecture(
    contents: CheckpointContents, found: FoundNetwork, metadata: WeightsMetadata, answers: Answers
) -> Architecture | None:  # fmt: skip
    """The network that the tensors were made for; what they don't show is as the file says, or as its source has it."""
    if contents.provenance:
        return contents.provenance.architecture
    if known := entry_by_hash(contents.sha256):
        return preset(known.preset)
    shapes = found.shapes(contents.shapes)
    if found.stranger(contents.shapes):
        return None
    own = shapes if found.head else with_head(shapes, CLASSES_WITHOUT_HEAD)
    architecture = infer_architecture(own, usual={**found.usual, **answers})
    known = {"image": metadata.crop} if metadata.crop else {}
    known |= {"dilated": answers["dilated"]} if "dilated" in answers else {}
    for field, value in known.items() if architecture else ():
        with suppress(ArchitectureError):  # a size that this network can't have
            architecture = architecture.with_values({field: value})
    return architecture


def _nearest_preset(architecture: Architecture) -> tuple[str, tuple[str, ...]]:
    """The preset with the fewest other fields, those of the data counting least, and what differs."""
    alike = {name: value for name, value in PRESETS.items() if type(value) is type(architecture)}

    def distance(name: str) -> tuple[int, int]:
        fields = differing(alike[name], architecture)
        return len([field for field in fields if field not in DATA_FIELDS]), len(fields)

    nearest = min(alike, key=distance)
    values = architecture.values()
    fields = [field for field in differing(alike[nearest], architecture) if field in values]
    return nearest, tuple(field_text(field, _plain_value(values[field])) for field in fields)


def _plain_value(value: object) -> object:
    return "·".join(map(str, value)) if isinstance(value, tuple) else value


def _assumptions(
    architecture: Architecture, found: FoundNetwork, metadata: WeightsMetadata, normalization: str
) -> Iterator[Assumption]:  # fmt: skip
    if isinstance(architecture, Residual):
        yield from _network_assumptions(architecture, found)
    if not metadata.crop:
        yield Assumption(
            "Input size", image_text(architecture.image), "usual for this stem; any other fits the weights"
        )
    if normalization:
        others = tuple(Alternative(name, "normalization", name) for name in NORMALIZATIONS if name != normalization)
        reason = "usual for this source" if normalization != IMAGENET else "usual; the file doesn't say"
        yield Assumption("Normalization", normalization, reason, others)
    if found.offered_head:
        layers = counted(len(found.head_layers), "layer")
        alternative = Alternative(f"Use {found.offered_head}", "head", found.offered_head)
        yield Assumption("Head", "none", f"the file's has {layers} ({join_names(found.head_layers)})", (alternative,))


def _network_assumptions(architecture: Residual, found: FoundNetwork) -> Iterator[Assumption]:
    values = architecture.values()
    places = architecture.block.choices().get("stride_on", ())
    if len(places) > 1 and len(architecture.blocks) > 1:
        taken = values["stride_on"]
        (other,) = (place for place in places if place != taken)
        usual = "stride_on" in found.usual
        yield Assumption(
            "Stride of bottlenecks",
            f"on the {_times(taken)}",
            "usual for this source" if usual else "on the 3×3 in nearly all code since 2017",
            (Alternative(f"On the {_times(other)}", "stride_on", other),),
        )
    changes_shape = any(one.stride > 1 or one.channels_in != one.channels_out for one in blocks(architecture))
    if architecture.shortcut in ("A", "none") and changes_shape:
        yield _shortcut_assumption(architecture, found)
    if len(architecture.blocks) > 2 and architecture.stem != "cifar":
        names = ["none", *(f"last {counted(n, 'stage')}" for n in range(1, len(architecture.blocks) - 1))]
        others = (
            Alternative(name.capitalize(), "dilated", n) for n, name in enumerate(names) if n != architecture.dilated
        )
        taken = names[min(architecture.dilated, len(names) - 1)]
        yield Assumption("Dilation", taken, "none is usual for classification", tuple(others))


def _shortcut_assumption(architecture: Residual, found: FoundNetwork) -> Assumption:
    both_sides = bool(found.dialect and found.dialect.stream_orders((1, 2)))
    padded = "zero-padding on both sides" if both_sides else "zero-padding"
    names = {"A": f"A ({padded})", "none": "none (plain)"}
    other = "none" if architecture.shortcut == "A" else "A"
    reason = "the file has no projections; shortcuts without weights leave no trace"
    alternative = Alternative(names[other].capitalize(), "shortcut", other)
    return Assumption("Shortcut", names[architecture.shortcut], reason, (alternative,))


def _times(text: str) -> str:
    return text.replace("x", "×")


def _passed_over(found: FoundNetwork, networks: Sequence[FoundNetwork]) -> Iterator[str]:
    """What of the file doesn't belong to the network, in sentences."""
    elsewhere = tuple(one.prefix for one in networks if one.prefix != found.prefix)
    for prefix in elsewhere:
        yield f"not used: the network under {prefix.removesuffix('.')}"
    loose = [name for name in found.others if not elsewhere or not name.startswith(elsewhere)]
    if loose:
        yield f"not used: {join_names(loose)}"


def _doubts(
    contents: CheckpointContents, path: Path, found: FoundNetwork, architecture: Architecture | None,
    metadata: WeightsMetadata, places: Sequence[str],
) -> Iterator[str]:  # fmt: skip
    if places:
        named = " and ".join(place.removesuffix(".") for place in places)
        yield f"The file has {len(places)} networks, under {named}; this is the first"
    if architecture is None:
        yield _unrecognized(found, contents.shapes)
        return
    if isinstance(architecture, Residual) and (depth := contradicted_depth(path.name, architecture)):
        yield f"Named {depth}, but it has {architecture.depth} layers"
    stated = contents.metadata.get("arch") or contents.sidecar.get("architecture")
    if isinstance(stated, str) and isinstance(architecture, Residual) and contradicted_depth(stated, architecture):
        yield f"The file calls it {plain(stated)}, but it has {architecture.depth} layers"
    if found.dialect and found.dialect.caveat:
        yield found.dialect.caveat
    if not found.head:
        yield "The file has no head: its classes are random until it is trained"
    if metadata.labels and found.head and len(metadata.labels) != architecture.classes:
        named, source = len(metadata.labels), metadata.source or "The file"
        yield f"{source[0].upper()}{source[1:]} names {named:,} classes, the head has {architecture.classes:,}"


def _unrecognized(found: FoundNetwork, shapes: Shapes) -> str:
    """Why a network is not one of this program's."""
    if stranger := found.stranger(shapes):
        return f"This is {stranger}"
    own = found.shapes(shapes)
    own = own if found.head else with_head(own, CLASSES_WITHOUT_HEAD)
    near = nearest_architecture(own, found.usual) if found.dialect else None
    if near is None:
        return "Its tensors are not those of a network that this program knows"
    wanted, have = without_batch_counters(state_shapes(near)), without_batch_counters(own)
    lacking, more = [name for name in wanted if name not in have], [name for name in have if name not in wanted]
    other = [name for name, shape in wanted.items() if have.get(name, shape) != shape]
    parts = [
        f"lacks {join_names(lacking)}" if lacking else "",
        f"also has {join_names(more)}" if more else "",
        f"has other shapes in {join_names(other)}" if other else "",
    ]
    differs = ", ".join(filter(None, parts))
    return f"No network here has exactly these tensors. The nearest is {title(near)}: the file {differs}"


def contradicted_depth(name: str, architecture: Residual) -> str:
    """The network that a file's name claims to be, if that has another depth than the architecture; else ""."""
    for found in NAMED_DEPTH.finditer(name):
        named = int(found["depth"])
        if 5 < named <= MOST_LAYERS:
            return "" if named in counted_depths(architecture) else f"{found['kind']}{named}"
    return ""


def counted_depths(architecture: Residual) -> tuple[int, ...]:
    """The depth as the paper counts it, and as Zagoruyko and Komodakis do: without fc, and with the projections."""
    projections = sum(one.shortcut == "projection" for one in blocks(architecture))
    return architecture.depth, architecture.depth - 1 + projections
