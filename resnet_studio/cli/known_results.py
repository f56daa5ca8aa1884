"""What is known on this machine of the networks of a command line: measured times, and the user's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from resnet_studio.analysis.measurement import Measurement, MeasurementSpec, cpu_name
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.analysis.results import NetworkResults
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training.runs.best_runs import best_runs
from resnet_studio.training.runs.run_folder import runs_folder as usual_folder


def known_results(
    architectures: Sequence[Architecture], device: str, runs_folder: Path | None
) -> Mapping[Architecture, NetworkResults]:
    """What was measured on the device, and the best runs; of each network, in this order."""
    runs = best_runs(runs_folder or usual_folder())
    times = _measured(architectures, device)
    return {network: NetworkResults(times.get(network), runs=runs.get(network, ())) for network in architectures}


def _measured(architectures: Sequence[Architecture], device: str) -> Mapping[Architecture, Measurement]:
    """The newest measurement of each network's forward pass of one image."""
    cache = MeasurementCache()
    if device == "cpu":
        name = cpu_name()
    else:
        from resnet_studio.analysis.compute.measuring import device_name

        name = device_name(device)
    found = {network: cache.find(MeasurementSpec(network, device), name) for network in architectures}
    return {network: measurement for network, measurement in found.items() if measurement}
