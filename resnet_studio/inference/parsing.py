"""Parsing of command line arguments: weights, layers, map styles and image files; and back. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import cast

from resnet_studio.causes import os_reason
from resnet_studio.files import display_name
from resnet_studio.inference.colormaps import Colormap
from resnet_studio.inference.feature_maps import Contrast, MapStyle, Sort
from resnet_studio.inference.images.listing import list_images
from resnet_studio.inference.transforms import transform_texts
from resnet_studio.inference.values import ForwardSpec, PublishedWeights, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.arguments import network_arguments
from resnet_studio.networks.plan import plan

WILDCARDS = frozenset("*?[")


def parse_weights(text: str) -> WeightsSource:
    """ "random:3", "published:resnet50:IMAGENET1K_V2", or a file's path."""
    kind, _, rest = text.partition(":")
    if kind == "random":
        if not rest.isdecimal():
            raise ValueError(f"weights: SEED in random:SEED must be an integer, as in random:3, got {rest!r}")
        return RandomWeights(int(rest))
    if kind == "published":
        model, _, name = rest.partition(":")
        if not (model and name):
            raise ValueError("weights: must have a model and a name, as in published:resnet50:IMAGENET1K_V2")
        return PublishedWeights(model, name)
    return WeightsFile(Path(text))


def weights_arguments(source: WeightsSource) -> tuple[str, ...]:
    """The options that name weights: the inverse of the command line's reading."""
    if isinstance(source, RandomWeights):
        return "--weights", f"random:{source.seed}"
    if isinstance(source, PublishedWeights):
        return "--weights", f"published:{source.model}:{source.name}"
    prefix = ("--prefix", source.prefix.removesuffix(".")) if source.prefix else ()
    head = ("--head", source.head_layer) if source.head_layer else ()
    return ("--weights", str(source.path), *prefix, *head, *(() if source.head else ("--new-head",)))


def style_arguments(style: MapStyle) -> tuple[str, ...]:
    """The options of a style of maps, without those that are the default."""
    contrast = style.contrast if style.limits is None or style.contrast != "fixed" else _range_text(style.limits)
    options = {"--contrast": contrast, "--colormap": style.colours, "--sort": style.sort}
    usual = {"--contrast": "channel", "--colormap": "viridis", "--sort": "index"}
    return tuple(chain.from_iterable(item for item in options.items() if item[1] != usual[item[0]]))


def forward_arguments(spec: ForwardSpec) -> tuple[str, ...]:
    """The options of a forward pass: network, weights, transforms, device."""
    network = network_arguments(spec.architecture)
    transforms = (("--handle", text) for text in transform_texts(spec.transforms))
    return (
        *(network if network[0] == "--module" else ("--architecture", *network)),
        *weights_arguments(spec.weights),
        *chain.from_iterable(transforms),
        *(() if spec.device == "cpu" else ("--device", spec.device)),
    )


def _range_text(limits: tuple[float, float]) -> str:
    return ",".join(map(repr, limits))


def parse_layers(architecture: Architecture, patterns: Sequence[str]) -> tuple[str, ...]:
    """The layers and blocks that match, in the network's order for each pattern; names without wildcards are returned
    unchecked.

    `ValueError` for a pattern that matches none.
    """
    names = (name for layer in plan(architecture) if layer.called for name in (layer.name, layer.block))
    known = list(dict.fromkeys(filter(None, names)))
    found: list[str] = []
    for pattern in patterns:
        matching = [name for name in known if fnmatchcase(name, pattern)] if WILDCARDS & set(pattern) else [pattern]
        if not matching:
            there = f"{', '.join(known[:4])}, …, {known[-1]}"
            raise ValueError(f"no layer matches {pattern!r}. Layers: {there}; `table --layers` lists all")
        found += matching
    return tuple(dict.fromkeys(found))


def parse_map_style(contrast: str, colormap: str, sort: str) -> MapStyle:
    """The style of maps; a contrast is "channel", "layer" or two values, as in "-1,1".

    The limits of a diverging colormap are made symmetric around zero.
    """
    style = cast(Colormap, colormap), cast(Sort, sort)
    if contrast in ("channel", "layer"):
        return MapStyle(cast(Contrast, contrast), style[0], None, style[1])
    try:
        low, high = map(float, contrast.split(","))
    except ValueError:
        raise ValueError(f"contrast: must be channel, layer, or two values such as 0,2.5, got {contrast!r}") from None
    if not low < high:
        raise ValueError(f"contrast: the first value must be less than the second, got {contrast}")
    if colormap == "diverging":
        high = max(abs(low), abs(high))
        low = -high
    return MapStyle("fixed", style[0], (low, high), style[1])


def parse_images(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The named images, with those of folders in natural order, and descriptions of the files skipped in folders."""
    found: list[str] = []
    skipped: list[str] = []
    for name in names:
        path = Path(name)
        if not path.is_dir():
            found.append(name)
            continue
        try:
            listing = list_images(path)
        except OSError as error:
            raise ValueError(f"{display_name(path)} can't be read: {os_reason(error)}") from None
        if not listing.images:
            raise ValueError(listing.no_images_message(display_name(path)))
        found += listing.images
        skipped += [f"skipped in {display_name(path)}: {listing.skipped}"] if listing.skipped else []
    return tuple(found), tuple(skipped)


def output_stems(names: Sequence[str]) -> tuple[str, ...]:
    """Names for the files written for images: the image's name without its extension, made unique where necessary."""
    parts = [Path(name.replace(":", "-", 1) if name.startswith("sample:") else name) for name in names]
    short = Counter(part.stem for part in parts)
    full = Counter(part.name for part in parts)
    return tuple(
        part.stem if short[part.stem] == 1 else part.name if full[part.name] == 1 else f"{number}-{part.name}"
        for number, part in enumerate(parts, start=1)
    )
