"""The named architectures: those of the papers, of torchvision, of timm, of the article, and the baselines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from resnet_studio.formatting import counted, dimensions
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import DEPTHS, Architecture, Baseline, Residual, differing, family
from resnet_studio.networks.families.basic import Basic
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBasic, PreActivationBottleneck
from resnet_studio.networks.own_module import OwnModule

PAPER = {depth: Residual(family(block)(), blocks) for depth, (block, blocks) in DEPTHS["imagenet"].items()}
"""The ImageNet networks of He et al. 2015."""
LIBRARY = {
    18: PAPER[18],
    26: Residual(Bottleneck("3x3"), (2, 2, 2, 2)),
    34: PAPER[34],
    **{depth: replace(PAPER[depth], block=Bottleneck("3x3")) for depth in (50, 101, 152)},
    200: Residual(Bottleneck("3x3"), (3, 24, 36, 3)),
}
"""Those of torchvision and timm, whose bottlenecks halve the size with the 3×3."""
CIFAR = Residual(Basic(), width=16, stem="cifar", image=32, classes=10)
"""What the networks for CIFAR-10 have in common."""


def _imagenet() -> dict[str, dict[str, Architecture]]:
    preact = PAPER[50].with_values({"variant": "preact"})
    v2 = {f"resnetv2_{depth}": LIBRARY[depth].with_values({"variant": "v2"}) for depth in (50, 101, 152)}
    se = {f"seresnet{depth}": replace(LIBRARY[depth], se=16) for depth in (18, 34, 50, 101, 152)}
    deep = {depth: replace(value, stem="deep", shortcut="D") for depth, value in LIBRARY.items()}
    return {
        "ResNet": {f"resnet{depth}": value for depth, value in PAPER.items()},
        "ResNet v1.5": {f"resnet{depth}-v1.5": LIBRARY[depth] for depth in (50, 101, 152)},
        "Plain": {f"plain{depth}": replace(PAPER[depth], shortcut="none") for depth in (18, 34)},
        "Pre-activation": {"preresnet50": preact, **v2},
        "Wide ResNet": {f"wide_resnet{depth}_2": _wider(depth, 1, 128) for depth in (50, 101)},
        "ResNeXt": {
            "resnext50_32x4d": _wider(50, 32, 4),
            "resnext101_32x8d": _wider(101, 32, 8),
            "resnext101_64x4d": _wider(101, 64, 4),
        },
        "SE-ResNet": {**se, "seresnext50_32x4d": replace(_wider(50, 32, 4), se=16)},
        "ResNet-D": {  # timm's own image sizes
            f"resnet{depth}d": replace(value, image=224 if depth <= 50 else 256) for depth, value in deep.items()
        },
    }


def _wider(depth: int, groups: int, width_per_group: int) -> Residual:
    return replace(LIBRARY[depth], block=Bottleneck("3x3", groups, width_per_group))


def _cifar() -> dict[str, Architecture]:
    paper = {depth: replace(CIFAR, blocks=blocks, shortcut="A") for depth, (_, blocks) in DEPTHS["cifar"].items()}
    pre_activation = paper[110].with_values({"variant": "preact"})
    wide = {
        f"wrn-{6 * n + 4}-{k}": replace(CIFAR, block=PreActivationBasic(widen=k), blocks=(n, n, n))
        for n, k in ((6, 4), (2, 8), (4, 10))
    }
    resnext = {
        f"resnext29-{groups}x64d": replace(CIFAR, block=Bottleneck("3x3", groups), blocks=(3, 3, 3), width=64)
        for groups in (8, 16)
    }
    return {
        **{f"resnet{depth}-cifar": value for depth, value in paper.items()},
        **{f"plain{depth}-cifar": replace(paper[depth], shortcut="none") for depth in (20, 32, 44, 56)},
        "preresnet110-cifar": pre_activation,
        "preresnet164-cifar": replace(pre_activation, block=PreActivationBottleneck(), shortcut="B"),
        **wide,
        **resnext,
        "seresnet110-cifar": replace(paper[110], se=16),
    }


def _digits() -> dict[str, Architecture]:
    """Networks for scikit-learn's digits, whose weights come with the program."""
    digits = replace(CIFAR, blocks=(3, 3, 3), shortcut="A", channels=1, image=8)
    return {"resnet20-digits": digits, "plain20-digits": replace(digits, shortcut="none")}


_BY_GROUP: dict[str, dict[str, Architecture]] = {
    **_imagenet(),
    "CIFAR": _cifar(),
    "Digits": _digits(),
    "Article": {f"article{depth}": value.with_values({"variant": "article"}) for depth, value in PAPER.items()},
    "Baselines": {name: Baseline(name) for name in baselines.NAMES},
}
GROUPS: Mapping[str, tuple[str, ...]] = {group: tuple(named) for group, named in _BY_GROUP.items()}
"""The presets' names under the headings of a list."""
PRESETS: dict[str, Architecture] = {name: value for named in _BY_GROUP.values() for name, value in named.items()}
_NAMES = {value: name for name, value in PRESETS.items()}
DATA = {"channels", "image", "classes"}
"""The fields that fit a network to its data."""


def preset(name: str) -> Architecture:
    """The architecture of that name, in whatever way it is written: "ResNet-50", "wrn28_10", "wide resnet 50-2".

    `ValueError` with the nearest names if there is none.
    """
    if name in PRESETS:
        return PRESETS[name]
    if found := _KEYS.get(search_key(name)):
        return PRESETS[found]
    near = [_KEYS[key] for key in get_close_matches(search_key(name), _KEYS, n=3)]
    hint = f"did you mean {' or '.join(near)}?" if near else "run `resnet-studio presets` to list them"
    raise ValueError(f"unknown preset {name!r}: {hint}")


def search_key(text: str) -> str:
    """Part of a name as it is searched for: without case and separators, and each network called in only one way."""
    points = re.sub(r"(\d)[._](\d+[mg]f)", r"\1p\2", text.lower())  # 1.6 GF are not 16
    letters = re.sub("[^a-z0-9]", "", points.replace("×", "x"))
    return letters.replace("wideresnet", "wrn").replace("preactresnet", "preresnet")


_KEYS = {search_key(name): name for name in PRESETS}


def matching(text: str) -> tuple[str, ...]:
    """The presets whose names contain the text, in whatever way it is written; first those that begin with it."""
    key = search_key(text)
    found = [known for known in _KEYS if key in known]
    return tuple(_KEYS[known] for known in sorted(found, key=lambda known: (known != key, not known.startswith(key))))


def preset_name(architecture: Architecture) -> str | None:
    """The preset that this very value is, if it is one."""
    return _NAMES.get(architecture)


def title(architecture: Architecture) -> str:
    """What to call the architecture in a few words.

    A preset has its name, also at another image size or number of classes (then these are said); any other
    residual network is described by its depth and what it differs in.
    """
    if isinstance(architecture, OwnModule):
        return architecture.name
    exact = preset_name(architecture)
    if exact:
        return exact
    if (name := _DESIGNS.get(_design(architecture))) is not None:
        return name + other_data(PRESETS[name], architecture)
    assert isinstance(architecture, Residual)  # a baseline is always a preset at some size
    return _description(architecture)


def _design(architecture: Architecture) -> tuple[tuple[str, object], ...]:
    """What the architecture is, whatever its data."""
    return tuple((field, value) for field, value in architecture.values().items() if field not in DATA)


_DESIGNS = {_design(value): name for name, value in reversed(PRESETS.items())}
"""The first preset of each design."""


def other_data(usual: Architecture, architecture: Architecture) -> str:
    """What is to be said behind a preset's name, where only the data are others."""
    image = "" if usual.image == architecture.image else f" at {dimensions(architecture.image_size)}"
    others = [
        counted(architecture.channels, "channel") if usual.channels != architecture.channels else "",
        f"{architecture.classes:,} classes" if usual.classes != architecture.classes else "",
    ]
    return image + "".join(f", {other}" for other in others if other)


def _description(architecture: Residual) -> str:
    """Its depth and blocks, and the fields in which it differs from the usual network of such blocks."""
    block = architecture.block
    network = "plain" if architecture.shortcut == "none" else block.network
    parts = [f"{network}{architecture.depth}", block.label, "·".join(map(str, architecture.blocks))]
    if architecture.shortcut not in ("B", "none"):
        parts.append(f"shortcut {architecture.shortcut}")
    usual = Residual(type(block)(), architecture.blocks, architecture.shortcut)
    parts += [field_text(field, architecture.values()[field]) for field in differing(usual, architecture)]
    return ", ".join(parts)


def field_text(field: str, value: object) -> str:
    """A field's value in words: "stride on 3×3", "image 224×320"."""
    value = dimensions(value) if isinstance(value, tuple) else value
    return f"{field.replace('_', ' ')} {value}".replace("3x3", "3×3").replace("1x1", "1×1")
