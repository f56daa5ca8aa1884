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
from resnet_studio.formatting import join_names
from resnet_studio.inference.weights.architecture_inference import (
    infer_architecture,
    nearest_architecture,
    state_shapes,
    without_batch_counters,
)
from resnet_studio.inference.weights.assumptions import Assumption, assumptions, network_choice, usual_normalization
from resnet_studio.inference.weights.metadata import WeightsMetadata, find_metadata, stored_metadata
from resnet_studio.inference.weights.published import entry_by_hash
from resnet_studio.inference.weights.reader import read_contents
from resnet_studio.inference.weights.recognition import FoundNetwork, Shapes, find_networks, with_head
from resnet_studio.networks.architecture import Architecture, ArchitectureError, Residual, differing, to_json
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
    networks, sha256 = find_networks(shapes), contents.sha256
    found = find_networks(shapes, prefix or networks[0].prefix, answers.get("head", ""))[0]
    metadata = _metadata(contents, path)
    architecture = _architecture(contents, found, metadata, answers)
    nearest, differences = _nearest_preset(architecture) if architecture else ("", ())
    has_source = contents.provenance is not None or entry_by_hash(sha256) is not None
    own = found.shapes(shapes)
    normalization = "" if metadata.mean or has_source else usual_normalization(found, own)
    assumed = [*network_choice(found, networks)]
    if architecture and not has_source:
        assumed += assumptions(architecture, found, metadata, normalization)
    places = tuple(one.prefix for one in networks) if len(networks) > 1 and not prefix else ()
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
        assumptions=tuple(assumed),
        ignored=(*contents.notes, *_passed_over(found, networks)),
        doubts=tuple(_doubts(contents, path, found, architecture, metadata, places)),
        networks=places,
    )


def _metadata(contents: CheckpointContents, path: Path) -> WeightsMetadata:
    """Classes and preprocessing: of the run that the weights come from, or as the user or the file says."""
    if run := contents.provenance:
        return WeightsMetadata(run.classes, run.mean, run.deviation, run.architecture.image, source=run.run)
    return stored_metadata(contents.sha256).over(find_metadata(contents, path))


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
    told = {"dilated": answers.get("dilated"), "image": metadata.crop or None}
    for field, value in told.items():
        if architecture and value is not None:
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
        source, classes = metadata.source or "The file", len(metadata.labels)
        yield f"{source[0].upper()}{source[1:]} names {classes:,} classes, the head has {architecture.classes:,}"


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
