"""What the words of a command line stand for: weights, layers, how maps are drawn, files of images. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

from resnet_studio.causes import why
from resnet_studio.files import shown
from resnet_studio.inference.feature_maps import Colours, Contrast, MapStyle, Sort
from resnet_studio.inference.images.listing import images_in
from resnet_studio.inference.values import PublishedWeights, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan

PATTERN = frozenset("*?[")


def weights_named(text: str) -> WeightsSource:
    """ "random:3", "published:resnet50:IMAGENET1K_V2", or a file's path."""
    kind, _, rest = text.partition(":")
    if kind == "random":
        if not rest.isdecimal():
            raise ValueError(f"weights: random:SEED takes a whole number, as in random:3, not {rest!r}")
        return RandomWeights(int(rest))
    if kind == "published":
        model, _, name = rest.partition(":")
        if not (model and name):
            raise ValueError("weights: a model and a name are needed, as in published:resnet50:IMAGENET1K_V2")
        return PublishedWeights(model, name)
    return WeightsFile(Path(text))


def layers_named(architecture: Architecture, patterns: Sequence[str]) -> tuple[str, ...]:
    """The layers and blocks that match, in the network's order for each pattern; other names go through as they are.

    `ValueError` for a pattern that matches none.
    """
    names = (name for layer in plan(architecture) if layer.called for name in (layer.name, layer.block))
    known = list(dict.fromkeys(filter(None, names)))
    found: list[str] = []
    for pattern in patterns:
        matching = [name for name in known if fnmatchcase(name, pattern)] if PATTERN & set(pattern) else [pattern]
        if not matching:
            there = f"{', '.join(known[:4])} and so on to {known[-1]}"
            raise ValueError(f"no layer matches {pattern!r}: there are {there}; `table --layers` lists them all")
        found += matching
    return tuple(dict.fromkeys(found))


def drawing_named(contrast: str, colours: str, sort: str) -> MapStyle:
    """How maps are drawn; a contrast is "channel", "layer" or two values, as in "-1,1".

    Colours that diverge around zero reach as far on both sides of it.
    """
    looks = cast(Colours, colours), cast(Sort, sort)
    if contrast in ("channel", "layer"):
        return MapStyle(cast(Contrast, contrast), looks[0], None, looks[1])
    try:
        low, high = map(float, contrast.split(","))
    except ValueError:
        raise ValueError(f"contrast: channel, layer, or two values as in 0,2.5, not {contrast!r}") from None
    if not low < high:
        raise ValueError(f"contrast: the first value must be the smaller one, got {contrast}")
    if colours == "diverging":
        high = max(abs(low), abs(high))
        low = -high
    return MapStyle("fixed", looks[0], (low, high), looks[1])


def images_named(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The images that are named, those of a folder as people count, and what of folders was passed over."""
    found: list[str] = []
    others: list[str] = []
    for name in names:
        path = Path(name)
        if not path.is_dir():
            found.append(name)
            continue
        try:
            listing = images_in(path)
        except OSError as error:
            raise ValueError(f"{shown(path)} can't be read: {why(error)}") from None
        if not listing.images:
            raise ValueError(listing.why_none(shown(path)))
        found += listing.images
        others += [f"passed over in {shown(path)}: {listing.passed_over}"] if listing.passed_over else []
    return tuple(found), tuple(others)


def stems(names: Sequence[str]) -> tuple[str, ...]:
    """What the files made of images are called: the image's name without its ending, unless two would be the same."""
    parts = [Path(name.replace(":", "-", 1) if name.startswith("sample:") else name) for name in names]
    short = Counter(part.stem for part in parts)
    full = Counter(part.name for part in parts)
    return tuple(
        part.stem if short[part.stem] == 1 else part.name if full[part.name] == 1 else f"{number}-{part.name}"
        for number, part in enumerate(parts, start=1)
    )
