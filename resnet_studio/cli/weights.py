"""The options that name weights, and what to change when weights don't fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from resnet_studio.inference.errors import SuggestedFix
    from resnet_studio.inference.values import WeightsSource
    from resnet_studio.networks.architecture import Architecture

Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="W",
        help="File, published:resnet50:IMAGENET1K_V2, or random:SEED. Default: bundled weights, or random:0.",
    ),
]
Prefix = Annotated[
    str,
    typer.Option(
        "--prefix", metavar="NAME", help="Prefix of the network to load, if the weights file contains several."
    ),
]
NewHead = Annotated[
    bool, typer.Option("--new-head", help="Replace the last layer of a weights file with a random one.")
]

Head = Annotated[
    str, typer.Option("--head", metavar="LAYER", help="The file's layer to use as the head, if it has several: fc.2.")
]


def weights_source(text: str | None, prefix: str, *, head: bool, layer: str = "") -> WeightsSource | None:
    """The weights of the command line; None if it names none. `layer` is the layer to use as the head."""
    from resnet_studio.inference import parsing
    from resnet_studio.inference.values import WeightsFile

    source = parsing.parse_weights(text) if text else None
    if isinstance(source, WeightsFile):
        if layer and not head:
            raise ValueError("--head and --new-head exclude each other: the head is the file's, or a new one")
        return replace(source, prefix=f"{prefix.rstrip('.')}." if prefix else "", head=head, head_layer=layer)
    if prefix or not head or layer:
        raise ValueError("--prefix, --head and --new-head require a weights file, as in --weights net.pth --new-head")
    return source


OTHER_NETWORK = "remove --architecture"


@contextmanager
def suggest_options(
    name: str | None, architecture: Architecture | None = None, other_network: str = OTHER_NETWORK
) -> Iterator[None]:
    """Add the options that load them to the message about weights that don't match.

    `other_network` says how to leave the choice of the network, whose `name` was given, to the weights.
    """
    from resnet_studio.inference.errors import WeightsMismatch

    try:
        yield
    except WeightsMismatch as error:
        ways = [f"{_fix_options(fix, architecture, other_network)} ({fix.title})" for fix in error.fixes]
        if not ways:
            ways = [f"--prefix {prefix.removesuffix('.')}" for prefix in error.prefixes]
        if not ways and name and error.recognized:
            ways = [other_network]
        raise ValueError(f"{error}. To load it: {'; or '.join(ways)}" if ways else str(error)) from None


def _fix_options(fix: SuggestedFix, architecture: Architecture | None, other_network: str) -> str:
    """The command-line options that have the effect of a suggested fix."""
    options = [
        other_network if fix.architecture != architecture else "",
        f"--prefix {fix.weights.prefix.removesuffix('.')}" if fix.weights.prefix else "",
        "" if fix.weights.head else "--new-head",
    ]
    return " and add ".join(filter(None, options)) or "run the same command again"


def read_run_weights() -> None:
    """Let weights of an earlier version find how their run normalized its images."""
    from resnet_studio.inference.weights.provenance import COMPLETERS
    from resnet_studio.training.runs.weights import complete_provenance

    COMPLETERS["run"] = complete_provenance
