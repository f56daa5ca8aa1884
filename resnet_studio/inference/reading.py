"""What the words of a command line stand for: weights, layers, how maps are drawn, files of images. Needs no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

from resnet_studio.inference.maps import Colours, Contrast, Drawing, Sort
from resnet_studio.inference.values import PublishedWeights, RandomWeights, WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.plan import plan

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""Of the files in a folder that are taken for images."""
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
    known = list(
        dict.fromkeys(name for layer in plan(architecture) if layer.called for name in (layer.name, layer.block))
    )
    found: list[str] = []
    for pattern in patterns:
        matching = (
            [name for name in known if name and fnmatchcase(name, pattern)] if PATTERN & set(pattern) else [pattern]
        )
        if not matching:
            raise ValueError(f"no layer matches {pattern!r}; there are {', '.join(known[:5])}, …")
        found += matching
    return tuple(dict.fromkeys(found))


def drawing_named(contrast: str, colours: str, sort: str) -> Drawing:
    """How maps are drawn; a contrast is "channel", "layer" or two values, as in "-1,1".

    Colours that diverge around zero reach as far on both sides of it.
    """
    looks = cast(Colours, colours), cast(Sort, sort)
    if contrast in ("channel", "layer"):
        return Drawing(cast(Contrast, contrast), looks[0], None, looks[1])
    try:
        low, high = map(float, contrast.split(","))
    except ValueError:
        raise ValueError(f"contrast: channel, layer, or two values as in 0,2.5, not {contrast!r}") from None
    if not low < high:
        raise ValueError(f"contrast: the first value must be the smaller one, got {contrast}")
    if colours == "diverging":
        high = max(abs(low), abs(high))
        low = -high
    return Drawing("fixed", looks[0], (low, high), looks[1])


def images_named(names: Iterable[str]) -> tuple[str, ...]:
    """The images that are named, those of a folder by name."""
    found: list[str] = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            inside = sorted(str(file) for file in path.iterdir() if file.suffix.lower() in ENDINGS)
            if not inside:
                raise ValueError(
                    f"{path.name}: there is no image in this folder. They end in {', '.join(sorted(ENDINGS))}"
                )
            found += inside
        else:
            found.append(name)
    return tuple(found)


def stems(names: Sequence[str]) -> tuple[str, ...]:
    """What the files made of images are called: the image's name without its ending, unless two would be the same."""
    parts = [Path(name.replace(":", "-", 1) if name.startswith("sample:") else name) for name in names]
    short = Counter(part.stem for part in parts)
    full = Counter(part.name for part in parts)
    return tuple(
        part.stem if short[part.stem] == 1 else part.name if full[part.name] == 1 else f"{number}-{part.name}"
        for number, part in enumerate(parts, start=1)
    )
