"""The named architectures: the paper's, torchvision's, the article's, pre-activation networks, and the baselines."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches

from resnet_studio.formatting import counted, dimensions
from resnet_studio.networks.architecture import DEPTHS, Architecture, Baseline, Residual, differing, family
from resnet_studio.networks.families.bottleneck import Bottleneck
from resnet_studio.networks.families.preactivation import PreActivationBottleneck


def _presets() -> dict[str, Architecture]:
    named: dict[str, Architecture] = {}
    imagenet = {depth: Residual(family(block)(), blocks) for depth, (block, blocks) in DEPTHS["imagenet"].items()}
    cifar = {
        depth: Residual(family(block)(), blocks, shortcut="A", width=16, stem="cifar", image=32, classes=10)
        for depth, (block, blocks) in DEPTHS["cifar"].items()
    }
    named |= {f"resnet{depth}": value for depth, value in imagenet.items()}
    named |= {f"resnet{depth}-v1.5": replace(imagenet[depth], block=Bottleneck("3x3")) for depth in (50, 101, 152)}
    named |= {f"plain{depth}": replace(imagenet[depth], shortcut="none") for depth in (18, 34)}
    named |= {f"resnet{depth}-cifar": value for depth, value in cifar.items()}
    named |= {f"plain{depth}-cifar": replace(cifar[depth], shortcut="none") for depth in (20, 32, 44, 56)}
    digits = replace(cifar[20], channels=1, image=8)  # weights come with the program, for it and its plain counterpart
    named |= {"resnet20-digits": digits, "plain20-digits": replace(digits, shortcut="none")}
    named |= {"vgg19": Baseline("vgg19"), "alexnet": Baseline("alexnet")}
    named |= {f"article{depth}": value.with_values({"variant": "article"}) for depth, value in imagenet.items()}
    named["preresnet50"] = imagenet[50].with_values({"variant": "preact"})
    named["preresnet110-cifar"] = cifar[110].with_values({"variant": "preact"})
    named["preresnet164-cifar"] = replace(cifar[110], block=PreActivationBottleneck(), shortcut="B")
    return named


PRESETS: dict[str, Architecture] = _presets()
_NAMES = {value: name for name, value in PRESETS.items()}


def preset(name: str) -> Architecture:
    """The architecture of that name; `ValueError` with the nearest names if there is none."""
    if name in PRESETS:
        return PRESETS[name]
    near = get_close_matches(name.lower(), PRESETS, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "run `resnet-studio presets` to list them"
    raise ValueError(f"unknown preset {name!r}: {hint}")


def preset_name(architecture: Architecture) -> str | None:
    """The preset that this very value is, if it is one."""
    return _NAMES.get(architecture)


def title(architecture: Architecture) -> str:
    """What to call the architecture in a few words.

    A preset has its name, also at another image size or number of classes (then these are said); any other
    residual network is described by its depth and what it differs in.
    """
    exact = preset_name(architecture)
    if exact:
        return exact
    for name, value in PRESETS.items():
        if type(value) is type(architecture) and _refitted(value, architecture) == architecture:
            return name + _other_data(value, architecture)
    assert isinstance(architecture, Residual)  # a baseline is always a preset at some size
    return _description(architecture)


def _refitted(architecture: Architecture, other: Architecture) -> Architecture:
    """The architecture for the other's data."""
    channels = {} if isinstance(architecture, Baseline) else {"channels": other.channels}
    return architecture.with_values({**channels, "image": other.image, "classes": other.classes})


def _other_data(usual: Architecture, architecture: Architecture) -> str:
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
    parts += [_field_text(field, architecture.values()[field]) for field in differing(usual, architecture)]
    return ", ".join(parts)


def _field_text(field: str, value: object) -> str:
    value = dimensions(value) if isinstance(value, tuple) else value
    return f"{field.replace('_', ' ')} {value}".replace("3x3", "3×3").replace("1x1", "1×1")
