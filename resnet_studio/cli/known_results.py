"""What is known on this machine of the networks of a command line: measured times and memory, and the user's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from resnet_studio.analysis.measurement import MeasurementSpec, cpu_name
from resnet_studio.analysis.measurement_cache import MeasurementCache
from resnet_studio.analysis.memory_cache import MemoryCache
from resnet_studio.analysis.result_rows import memory_specs
from resnet_studio.analysis.results import NetworkResults
from resnet_studio.networks.architecture import Architecture
from resnet_studio.training.runs.best_runs import best_runs
from resnet_studio.training.runs.run_folder import runs_folder as usual_folder


def known_results(
    architectures: Sequence[Architecture], device: str, runs_folder: Path | None
) -> Mapping[Architecture, NetworkResults]:
    """What was measured on the device, and the best runs; of each network, in this order."""
    runs = best_runs(runs_folder or usual_folder())
    name, times, memory = _product(device), MeasurementCache(), MemoryCache()

    def of(network: Architecture) -> NetworkResults:
        inference, training = (memory.find(spec, name) for spec in memory_specs(network, device))
        time = times.find(MeasurementSpec(network, device), name)
        return NetworkResults(time, inference, training, runs.get(network, ()))

    return {network: of(network) for network in architectures}


def _product(device: str) -> str:
    """The name of a device's product."""
    if device == "cpu":
        return cpu_name()
    from resnet_studio.analysis.compute.measuring import device_name

    return device_name(device)
