"""The command `identify`: what a file of weights is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.terminal import echo, echo_json, print_grid
from resnet_studio.formatting import DASH, counted

if TYPE_CHECKING:
    from resnet_studio.inference.weights.assumptions import Alternative
    from resnet_studio.inference.weights.identity import IdentityCard
    from resnet_studio.inference.weights.metadata import WeightsMetadata

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of weights, of whatever kind.")]
Prefix = Annotated[str, typer.Option("--prefix", metavar="NAME", help="Prefix of the network, if it has several.")]
Head = Annotated[str, typer.Option("--head", metavar="LAYER", help="The layer to use as the head: fc.2, …")]
Labels = Annotated[
    Path | None, typer.Option("--labels", metavar="FILE", help="Keep these class names: one a line, or a JSON list.")
]
Mean = Annotated[str, typer.Option("--mean", metavar="R,G,B", help="Keep this mean of the images, 0 … 1.")]
Std = Annotated[str, typer.Option("--std", metavar="R,G,B", help="Keep this standard deviation of the images.")]
ImageSize = Annotated[str, typer.Option("--image-size", metavar="N", help="Keep this size of the images.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(identify)


def identify(
    file: File, prefix: Prefix = "", head: Head = "", labels: Labels = None, mean: Mean = "", std: Std = "",
    image_size: ImageSize = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Identify a file of weights: its network, whose names it has, and what it leaves open.

    Class names and preprocessing that you give are kept for this file, and used wherever it is loaded.
    """
    from resnet_studio.inference.weights.identity import identify as identify_file
    from resnet_studio.inference.weights.metadata import store_metadata, stored_metadata

    given = _given(labels, mean, std, image_size)
    place = f"{prefix.rstrip('.')}." if prefix else ""
    card = identify_file(file, place, {"head": head} if head else {})
    if given.known:
        _check(given, card)
        store_metadata(card.sha256, replace(given.over(stored_metadata(card.sha256)), source=""))
        card = identify_file(file, place, {"head": head} if head else {})
    if as_json:
        echo_json(card.to_json())
    else:
        _print(card)


def _given(labels: Path | None, mean: str, std: str, image_size: str) -> WeightsMetadata:
    """What the options say of the weights."""
    from resnet_studio.inference.weights.metadata import WeightsMetadata, read_labels
    from resnet_studio.networks.image_size import read_image_size

    if bool(mean) != bool(std):
        raise ValueError("--mean and --std must be used together")
    return WeightsMetadata(
        read_labels(labels) if labels else (),
        _numbers("--mean", mean),
        _numbers("--std", std),
        read_image_size(image_size) if image_size else 0,
    )


def option(alternative: Alternative) -> str:
    """The option that has the effect of another answer."""
    match alternative.field:
        case "head":
            return f"--head {alternative.value}"
        case "prefix":
            return f"--prefix {alternative.value.removesuffix('.')}"
        case "normalization":
            return "--mean R,G,B --std R,G,B"
    return f"--set {alternative.field}={alternative.value}"


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(map(float, text.split(","))) if text else ()
    except ValueError:
        raise ValueError(f"{option} must be numbers, one a channel, as in 0.485,0.456,0.406; got {text!r}") from None


def _check(given: WeightsMetadata, card: IdentityCard) -> None:
    """`ValueError` if what is given can't belong to the network."""
    if not card.architecture:
        raise ValueError(f"{card.name} is not a network of this program, so nothing can be kept with it")
    if given.labels and len(given.labels) != card.architecture.classes:
        raise ValueError(
            f"--labels has {len(given.labels):,} names, {card.name} has {card.architecture.classes:,} classes"
        )
    for option, values in (("--mean", given.mean), ("--std", given.std)):
        if values and len(values) != card.architecture.channels:
            channels = counted(card.architecture.channels, "channel")
            raise ValueError(f"{option} has {len(values)} values, {card.name} takes {channels}")
    if any(value <= 0 for value in given.std):
        raise ValueError("--std must be greater than 0")


def _print(card: IdentityCard) -> None:
    from resnet_studio.analysis.grids import Grid
    from resnet_studio.inference.weights.identity_text import card_rows

    print_grid(Grid((card.name, ""), tuple(card_rows(card)), frozenset()))
    for sentence in card.doubts:
        echo(f"! {sentence}")
    if card.assumptions:
        echo()
        assumed = tuple(
            (one.what, one.taken, one.reason, " or ".join(dict.fromkeys(map(option, one.alternatives))) or DASH)
            for one in card.assumptions
        )
        print_grid(Grid(("assumed", "taken", "why", "otherwise"), assumed, frozenset()))
    for sentence in card.ignored:
        echo(sentence)
