"""The weights that come with the program, of networks that it trained itself. Needs no torch."""

from __future__ import annotations

from resnet_studio.inference.values import WeightsFile, WeightsSource
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import preset
from resnet_studio.resources import resource

DIGITS, PLAIN_DIGITS, DIGIT_SAMPLE = "resnet20-digits", "plain20-digits", "sample:digit-3"
"""The presets whose weights come with the program (`resources/trained`), and an image for them."""
BUNDLED = (DIGITS, PLAIN_DIGITS)


def bundled_weights(architecture: Architecture) -> WeightsFile | None:
    """The bundled weights for exactly this architecture; None if there are none."""
    return next((_weights(name) for name in BUNDLED if preset(name) == architecture), None)


def is_bundled(weights: WeightsSource) -> bool:
    """Whether weights come with the program, for any architecture."""
    return any(weights == _weights(name) for name in BUNDLED)


def _weights(name: str) -> WeightsFile:
    return WeightsFile(resource(f"trained/{name}.safetensors"))
