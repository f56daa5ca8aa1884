"""How fast a sweep is tabled from plans alone, and what is known of its times."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.measure import Line, in_turns, ratio, spread
from resnet_studio.analysis import layer_sums
from resnet_studio.analysis.budget import Budget
from resnet_studio.analysis.sweep import Sweep, sweep_steps
from resnet_studio.analysis.sweep_text import read_variations
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.plan import block_runs, clear_plans
from resnet_studio.networks.presets import preset
from resnet_studio.progress import finish

BASE = preset("resnet50")
GRID = Sweep(
    BASE,
    read_variations(
        ("depth=18,34,50,101,152", "width=32..96:16", "image=128,160,192,224,256", "shortcut=A,B,C,D"), BASE
    ),
)
ROUNDS = 5


def measure() -> Iterator[Line]:
    """500 networks, depth × width × image × shortcut, within a budget and with the front; and the layers' table."""
    architectures = [candidate.architecture for candidate in finish(sweep_steps(GRID, Budget())).candidates]
    seconds = in_turns(
        {
            "sweep": lambda: finish(sweep_steps(GRID, Budget(macs=10**9))),
            "tables": lambda: [plan_table(architecture).totals.macs for architecture in architectures],
        },
        ROUNDS,
        before=dict.fromkeys(("sweep", "tables"), clear_caches),
    )
    name = f"A sweep of {len(architectures)} networks with budget and front"
    yield Line(f"{name} ≤ 1 s", spread(seconds["sweep"]), median(seconds["sweep"]), 1.0)
    yield ratio(name, seconds["sweep"], seconds["tables"], 0.25, "the layer table of each")


def clear_caches() -> None:
    """Forget every plan, every table and every sum."""
    clear_plans()
    plan_table.cache_clear()
    block_runs.cache_clear()
    layer_sums._totals._of_block.cache_clear()
