"""What can be done about weights that are of another network. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from resnet_studio.inference.errors import Remedy
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.architecture_inference import (
    FoundNetwork,
    Shapes,
    fits,
    networks_in,
    recognise,
    with_head,
)
from resnet_studio.inference.weights.published import by_hash
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset, title

IMAGENET_CLASSES = 1000
LONGEST_TITLE = 32
"""Letters of a network's title on a button."""


def made_for(shapes: Shapes, sha256: str, architecture: Architecture | None) -> Architecture | None:
    """The network that a file was made for: that of the published file it is, or the one that its shapes tell.

    What no shape tells is as in `architecture`. A file without a head is taken for one of as many classes as that.
    """
    known = by_hash(sha256)
    if known:
        return preset(known.preset)
    found = networks_in(shapes)
    return network_of(found[0], shapes, architecture) if len(found) == 1 else None


def network_of(found: FoundNetwork, shapes: Shapes, like: Architecture | None) -> Architecture | None:
    """The network that some of a file's tensors make up."""
    own = found.shapes(shapes)
    return recognise(own if found.head else with_head(own, like.classes if like else IMAGENET_CLASSES), like)


def remedies(
    architecture: Architecture, file: WeightsFile, shapes: Shapes, made_for: Architecture | None
) -> tuple[Remedy, ...]:
    """What makes a file's tensors fit: the network that they were made for, or another head, for each network in it."""
    found = networks_in(shapes)
    offers = [list(_for_one(architecture, file, shapes, one, len(found) > 1, made_for)) for one in found]
    # Of several networks the likeliest of each comes first, as there is room for a few offers only.
    return tuple(offer for offers_at in zip_longest(*offers) for offer in offers_at if offer)


def _for_one(
    architecture: Architecture, file: WeightsFile, shapes: Shapes, found: FoundNetwork, several: bool,
    made_for: Architecture | None,
) -> Iterator[Remedy]:  # fmt: skip
    own, head = found.shapes(shapes), plan(architecture)[-1].name
    whole = replace(file, head=True, prefix=found.prefix if several else "")
    place = found.prefix.removesuffix(".")
    under = f", under {place}" if several else ""
    if fits(own, architecture):
        yield Remedy(f"Use what is under {place}" if several else "Load it as it is", whole, architecture)
        return
    other = network_of(found, shapes, architecture) if several or not made_for else made_for
    if other and other != architecture:
        yield Remedy(f"{_switching(other)}{under}", whole, other)
    if fits(own, architecture, head=head):
        what = f"Use what is under {place} without its head" if several else "Load all but the head"
        yield Remedy(what, replace(whole, head=False), architecture)


def _switching(architecture: Architecture) -> str:
    name = title(architecture)
    return f"Switch to {name if len(name) <= LONGEST_TITLE else name.partition(',')[0]}"
