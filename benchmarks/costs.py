"""What timing a network's layers adds to a pass, and how much of the pass the layers explain."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.measure import Line, ratio, spread
from resnet_studio.analysis.compute.measuring import Passes
from resnet_studio.analysis.compute.timing import Budget, Contention, repeat_steps
from resnet_studio.analysis.measurement import MeasurementSpec, Mode
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

NETWORKS = ("resnet20-cifar", "resnet18", "resnet50", "resnet152", "mobilenet_v2")
MODES: tuple[Mode, ...] = ("forward", "forward+backward")
BUDGET = Budget(warm_up=2.0, seconds=8.0, least=15, longest=60.0)


def measure() -> Iterator[Line]:
    """Passes whose layers are timed against whole passes of the same network, in turns; one image."""
    for mode in MODES:
        for name in NETWORKS:
            passes = Passes(MeasurementSpec(preset(name), mode=mode))
            contention = Contention()
            seconds = finish(repeat_steps(passes.tasks, BUDGET))
            whole, timed = seconds
            layers = passes.measurement(seconds, contention).layers_sum
            yield ratio(f"{name}, {mode}, every layer timed", timed, whole, 1.05, "the whole pass")
            yield Line(
                f"{name}, {mode}, the whole ≤ 1.15 × the sum of its layers",
                f"{spread(whole)}, sum {1e3 * layers:.1f} ms", median(whole) / layers, 1.15,
            )  # fmt: skip
