"""What timing a network's layers adds to a pass, and how much of the pass the layers explain."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import Line
from resnet_studio.analysis.compute.measuring import Passes
from resnet_studio.analysis.compute.timing import Budget, Contention, repeat_steps
from resnet_studio.analysis.measurement import MeasurementSpec, Mode, Timing
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

NETWORKS = ("resnet20-cifar", "resnet18", "resnet50", "resnet152", "mobilenet_v2")
MODES: tuple[Mode, ...] = ("forward", "forward+backward")
BUDGET = Budget(warm_up=2.0, seconds=8.0, least=15, longest=60.0)


def measure() -> Iterator[Line]:
    """Passes whose layers are timed against whole passes of the same network, in turns; one image."""
    for mode in MODES:
        for name in NETWORKS:
            passes, contention = Passes(MeasurementSpec(preset(name), mode=mode)), Contention()
            found = passes.measurement(finish(repeat_steps(passes.tasks, BUDGET)), contention)
            assert found.timed is not None
            claim, whole = f"{name}, {mode}", f"the whole pass {spread(found.whole)}"
            added, explained = found.timed.median / found.whole.median, found.whole.median / found.layers_sum
            timed = f"{added:.3f} ×, {spread(found.timed)}"
            yield Line(f"{claim}, every layer timed ≤ 1.05 ×", timed, added, 1.05, whole)
            total = f"{explained:.3f} ×, {1e3 * found.layers_sum:.1f} ms"
            yield Line(f"{claim}, the whole ≤ 1.15 × the sum of its layers", total, explained, 1.15, whole)


def spread(timing: Timing) -> str:
    """Median with the 5th and the 95th percentile."""
    low, middle, high = (1e3 * seconds for seconds in (timing.low, timing.median, timing.high))
    return f"{middle:.1f} ms ({low:.1f} … {high:.1f}, n = {timing.samples})"
