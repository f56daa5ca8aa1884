"""The weights that come with the program: a network that it trained itself. Needs no torch."""

from __future__ import annotations

from resnet_studio.inference.values import WeightsFile
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.resources import resource

DIGITS, A_DIGIT = "resnet20-digits", "sample:digit-3"
"""The preset whose weights come with the program (`resources/trained`), and an image for it."""


def shipped_weights(architecture: Architecture) -> WeightsFile | None:
    """The program's own weights for that very architecture; None for any other."""
    return WeightsFile(resource(f"trained/{DIGITS}.safetensors")) if architecture == preset(DIGITS) else None
