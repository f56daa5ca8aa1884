"""The weights that come with the program: networks that it trained itself. Needs no torch."""

from __future__ import annotations

from resnet_studio.inference.values import WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.resources import resource

DIGITS, PLAIN_DIGITS, A_DIGIT = "resnet20-digits", "plain20-digits", "sample:digit-3"
"""The presets whose weights come with the program (`resources/trained`), and an image for them."""
SHIPPED = (DIGITS, PLAIN_DIGITS)


def shipped_weights(architecture: Architecture) -> WeightsFile | None:
    """The program's own weights for that very architecture; None for any other."""
    return next((_weights(name) for name in SHIPPED if preset(name) == architecture), None)


def is_shipped(weights: WeightsSource) -> bool:
    """Whether weights are some that come with the program, for whatever architecture."""
    return any(weights == _weights(name) for name in SHIPPED)


def _weights(name: str) -> WeightsFile:
    return WeightsFile(resource(f"trained/{name}.safetensors"))
