"""Measurements of a device that keeps to a law, so that its times are known for every network."""

from __future__ import annotations

import math
from collections.abc import Callable

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, Timing, cpu_name, library_versions
from resnet_studio.analysis.predicted_time import PROBES
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.layers import Layer
from resnet_studio.networks.plan import called_layers

Law = Callable[[Layer], float]
CALL, OVERHEAD = 5e-6, 2e-6
"""Seconds of a call, and of the network's own Python for each layer."""


def roofline(layer: Layer) -> float:
    """10¹¹ multiply-adds and 2·10¹⁰ bytes a second."""
    moved = 4 * math.prod(layer.input) + layer.activation_bytes
    return CALL + layer.macs / 1e11 + (moved + 4 * layer.parameters) / 2e10


def true_seconds(architecture: Architecture, law: Law = roofline) -> float:
    """What a network takes by the law."""
    layers = called_layers(architecture)
    return math.fsum(map(law, layers)) + OVERHEAD * len(layers)


def timed(architecture: Architecture, law: Law = roofline, threads: int = 1) -> Measurement:
    """The measurement of a network by the law, on this machine's CPU."""
    whole = true_seconds(architecture, law)
    return Measurement(
        MeasurementSpec(architecture),
        Timing(whole, 0.9 * whole, 1.1 * whole, 9),
        {layer.name: law(layer) for layer in called_layers(architecture)},
        cpu_name(), threads, library_versions(), 1.0,
    )  # fmt: skip


def probes(law: Law = roofline, threads: int = 1) -> list[Measurement]:
    """The measurements from which times are predicted."""
    return [timed(probe, law, threads) for probe in PROBES]
