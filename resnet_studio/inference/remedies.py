"""What can be done about weights that are of another network. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from resnet_studio.inference.errors import Remedy
from resnet_studio.inference.published import by_hash
from resnet_studio.inference.recognition import Shapes, fits, prefixes, recognise, under
from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan
from resnet_studio.networks.presets import preset, title

LONGEST_TITLE = 32
"""Letters of a network's title on a button."""


def made_for(shapes: Shapes, sha256: str, architecture: Architecture) -> Architecture | None:
    """The network that a file was made for: that of the published file it is, or the one that its shapes tell.

    What no shape tells is as in `architecture`.
    """
    known = by_hash(sha256)
    return preset(known.preset) if known else recognise(shapes, architecture)


def remedies(
    architecture: Architecture, file: WeightsFile, shapes: Shapes, made_for: Architecture | None
) -> Iterator[Remedy]:
    """What makes a file's tensors fit: without the head, in the network they were made for, or those under a prefix."""
    whole, head = replace(file, head=True, prefix=""), plan(architecture)[-1].name
    if fits(shapes, architecture, head=head):
        yield Remedy("Load all but the head", replace(whole, head=False), architecture)
    if made_for and made_for != architecture:
        yield Remedy(_switching(made_for), whole, made_for)
    for prefix in prefixes(shapes):
        inner, part = under(shapes, prefix), replace(whole, prefix=prefix)
        if fits(inner, architecture):
            yield Remedy(f"Use what is under {prefix}", part, architecture)
        elif fits(inner, architecture, head=head):
            yield Remedy(f"Use what is under {prefix} without its head", replace(part, head=False), architecture)
        elif other := recognise(inner, architecture):
            yield Remedy(f"{_switching(other)}, under {prefix}", part, other)


def _switching(architecture: Architecture) -> str:
    name = title(architecture)
    return f"Switch to {name if len(name) <= LONGEST_TITLE else name.partition(',')[0]}"
