"""What a file of weights doesn't tell: what is assumed, why, and the other answers. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from resnet_studio.formatting import counted, join_names
from resnet_studio.inference.weights.containers.state_dicts import role
from resnet_studio.inference.weights.metadata import WeightsMetadata
from resnet_studio.inference.weights.normalizations import IMAGENET, NORMALIZATIONS
from resnet_studio.inference.weights.recognition import FoundNetwork, Shapes
from resnet_studio.networks.architecture import Architecture, Residual
from resnet_studio.networks.image_size import image_text
from resnet_studio.networks.plan import blocks


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


def network_choice(found: FoundNetwork, networks: Sequence[FoundNetwork]) -> Iterator[Assumption]:
    """Which of the networks in a file it is, if there are several."""
    others = tuple(
        Alternative(_place(one.prefix), "prefix", one.prefix) for one in networks if one.prefix != found.prefix
    )
    if others and found.prefix:
        yield Assumption("Network", _place(found.prefix), f"the file has {len(networks)}", others)


def _place(prefix: str) -> str:
    """A network's prefix, and what kind of copy it is: "encoder_k (momentum copy)"."""
    copy = role(prefix)
    return prefix.removesuffix(".") + (f" ({copy})" if copy else "")


def usual_normalization(found: FoundNetwork, shapes: Shapes) -> str:
    """The name of the normalization that is assumed; "" if the network doesn't take colors."""
    names = ("conv1.weight", "conv1.0.weight", "features.0.weight")
    first = next((shapes[name] for name in names if name in shapes), ())
    return found.usual.get("normalization", IMAGENET) if first[1:2] == (3,) else ""


def assumptions(
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
