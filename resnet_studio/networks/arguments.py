"""An architecture as an argument of the command line: a preset's name, and the fields in which it differs.

"resnet50 image=64 shortcut=C" is ResNet-50 with two other fields; in a shell it stands in quotes.
"""

from __future__ import annotations

from resnet_studio.networks.architecture import Architecture, differing
from resnet_studio.networks.own_module import OwnModule
from resnet_studio.networks.presets import PRESETS

PROGRAM = "resnet-studio"


def network_arguments(architecture: Architecture) -> tuple[str, ...]:
    """The arguments that name a network: one, or the options of a network of a Python file."""
    if isinstance(architecture, OwnModule):
        return module_options(architecture)
    return (network_argument(architecture),)


def network_argument(architecture: Architecture) -> str:
    """The nearest preset's name, and what to set, each after a space. `ValueError` for a network of a Python file."""
    name, settings = nearest(architecture)
    return " ".join((name, *settings))


def network_options(architecture: Architecture) -> str:
    """The same with options: "resnet50 --set image=64"."""
    name, settings = nearest(architecture)
    return " ".join((name, *(f"--set {setting}" for setting in settings)))


def nearest(architecture: Architecture) -> tuple[str, tuple[str, ...]]:
    """The preset with the fewest other fields, and those fields as the option --set takes them."""
    if isinstance(architecture, OwnModule):
        raise ValueError(f"{architecture.name} is a network of a Python file, which no preset is like")
    alike = {name: value for name, value in PRESETS.items() if type(value) is type(architecture)}
    changes = {name: _changes(value, architecture) for name, value in alike.items()}
    name = min(changes, key=lambda name: len(changes[name]))
    return name, changes[name]


def split_argument(text: str) -> tuple[str, tuple[str, ...]]:
    """The name and the settings of an argument: "resnet50 image=64" → "resnet50", ("image=64",)."""
    words = text.split()
    first = next((number for number, word in enumerate(words) if "=" in word), len(words))
    return (" ".join(words[:first]), tuple(words[first:])) if 0 < first < len(words) else (text, ())


def module_options(network: OwnModule) -> tuple[str, ...]:
    """The options that name a network of a Python file."""
    source = network.source
    size = () if (source.height, source.width) == (224, 224) else ("--image-size", f"{source.height}x{source.width}")
    channels = () if source.channels == 3 else ("--channels", str(source.channels))
    return ("--module", f"{source.path}:{source.function}", *size, *channels)


def _changes(preset: Architecture, architecture: Architecture) -> tuple[str, ...]:
    """The fields to set on a preset."""
    values = architecture.values()
    return tuple(f"{name}={_text(name, values[name])}" for name in differing(preset, architecture) if name in values)


def _text(field: str, value: object) -> str:
    """A value as `--set` reads it: 3,4,6,3 blocks, an image of 224x320."""
    return ("x" if field == "image" else ",").join(map(str, value)) if isinstance(value, tuple) else str(value)
