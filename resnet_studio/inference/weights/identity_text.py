"""An identity card in words, for a terminal and for the window. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_studio.formatting import DASH, join_names, memory, short
from resnet_studio.inference.weights.identity import IdentityCard
from resnet_studio.networks.image_size import image_text

LABELS_SHOWN = 5
IMAGENET_CLASSES = 1000


def card_rows(card: IdentityCard) -> Iterator[tuple[str, str]]:
    """What is known of the file, as names and values."""
    yield "network", card.network
    if card.preset and card.is_variant:
        yield "nearest preset", f"{card.preset}, with {', '.join(card.differences)}"
    yield "parameters", f"{card.parameters:,} ({short(card.parameters)})"
    yield "names", f"{card.dialect or 'unknown'}" + (f", under {card.prefix.removesuffix('.')}" if card.prefix else "")
    yield (
        "head",
        f"{card.head}, {card.classes:,} {'class' if card.classes == 1 else 'classes'}" if card.head else "none",
    )
    yield "classes", _labels_text(card)
    yield "images", _images_text(card)
    yield "file", f"{card.container}, {card.precision}, {memory(card.size)}"
    yield "SHA-256", card.sha256


def _labels_text(card: IdentityCard) -> str:
    labels = card.metadata.labels
    if not labels and not card.head:
        return DASH
    if labels:
        return f"{join_names(labels, LABELS_SHOWN)} ({card.metadata.source})"
    return "ImageNet's are assumed" if card.classes == IMAGENET_CLASSES else "not named in the file"


def _images_text(card: IdentityCard) -> str:
    found = card.metadata
    size = image_text(found.crop or card.architecture.image) if card.architecture else DASH
    if found.mean:
        values = (", ".join(f"{value:.4g}" for value in numbers) for numbers in (found.mean, found.std))
        return f"{size}, mean {next(values)}, std {next(values)} ({found.source})"
    return f"{size}, {card.normalization} normalization" if card.normalization else size


def card_text(card: IdentityCard) -> str:
    """The whole card as text."""
    lines = [card.name, *(f"{name}: {value}" for name, value in card_rows(card)), *(f"! {one}" for one in card.doubts)]
    lines += [f"assumed: {one.what.lower()} {one.taken} ({one.reason})" for one in card.assumptions]
    return "\n".join([*lines, *card.ignored])
