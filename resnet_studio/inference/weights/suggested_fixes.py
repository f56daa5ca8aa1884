"""Suggested fixes for weights of another network. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

from resnet_studio.inference.errors import SuggestedFix
from resnet_studio.inference.values import WeightsFile
from resnet_studio.inference.weights.architecture_inference import fits, infer_architecture
from resnet_studio.inference.weights.containers.state_dicts import role
from resnet_studio.inference.weights.published import entry_by_hash
from resnet_studio.inference.weights.recognition import FoundNetwork, Shapes, find_networks, with_head
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import head_layer
from resnet_studio.networks.presets import preset, title

IMAGENET_CLASSES = 1000
MAX_TITLE_LENGTH = 32
"""Characters of a network's title on a button."""


def original_architecture(shapes: Shapes, sha256: str, architecture: Architecture | None) -> Architecture | None:
    """The network that a file was made for: by its hash if it is a published file, or else inferred from the shapes.

    What the shapes don't show is taken from `architecture`, as is the number of classes of a file without a head.
    """
    known = entry_by_hash(sha256)
    if known:
        return preset(known.preset)
    found = find_networks(shapes)
    return found_architecture(found[0], shapes, architecture) if len(found) == 1 else None


def found_architecture(found: FoundNetwork, shapes: Shapes, like: Architecture | None) -> Architecture | None:
    """The architecture of a network found in a file."""
    own = found.shapes(shapes)
    if found.stranger(shapes):
        return None
    own = own if found.head else with_head(own, like.classes if like else IMAGENET_CLASSES)
    return infer_architecture(own, like, found.usual)


def suggested_fixes(
    architecture: Architecture, file: WeightsFile, shapes: Shapes, original: Architecture | None
) -> tuple[SuggestedFix, ...]:
    """Ways to make a file's tensors fit, for each network in it: its architecture, or loading all but the head."""
    found = find_networks(shapes)
    fixes = [list(_fixes_for(architecture, file, shapes, network, len(found) > 1, original)) for network in found]
    # The best fix of each network comes first, as only the first few are shown.
    return tuple(fix for rank in zip_longest(*fixes) for fix in rank if fix)


def _fixes_for(
    architecture: Architecture, file: WeightsFile, shapes: Shapes, found: FoundNetwork, several: bool,
    original: Architecture | None,
) -> Iterator[SuggestedFix]:  # fmt: skip
    own, head = found.shapes(shapes), head_layer(architecture).name
    whole = replace(file, head=True, prefix=found.prefix if several else "")
    copy = role(found.prefix)
    location = found.prefix.removesuffix(".") + (f" ({copy})" if copy else "")
    under = f", under {location}" if several else ""
    if fits(own, architecture):
        yield SuggestedFix(f"Load {location}" if several else "Load as is", whole, architecture)
        return
    other = found_architecture(found, shapes, architecture) if several or not original else original
    if other and other != architecture:
        yield SuggestedFix(f"{_switch_title(other)}{under}", whole, other)
    if fits(own, architecture, head=head):
        label = f"Load {location} without its head" if several else "Load all but the head"
        yield SuggestedFix(label, replace(whole, head=False), architecture)


def _switch_title(architecture: Architecture) -> str:
    name = title(architecture)
    return f"Switch to {name if len(name) <= MAX_TITLE_LENGTH else name.partition(',')[0]}"
