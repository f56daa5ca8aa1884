"""How long it takes to table every quantity of all presets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from statistics import median

from torchvision import models

from benchmarks.measure import Line, in_turns, ratio, spread
from resnet_studio.analysis.layer_sums import totals
from resnet_studio.analysis.network_quantities import QUANTITIES, NetworkFigures
from resnet_studio.analysis.scatter import catalog_grid
from resnet_studio.networks.baselines import NAMES
from resnet_studio.networks.modules.baseline import ParametersOnMeta
from resnet_studio.networks.plan import clear_plans
from resnet_studio.networks.presets import PRESETS

LIMIT = 5.0
"""Seconds for the catalog, warm."""
COMMAND = (sys.executable, "-m", "resnet_studio", "catalog", "--json")


def measure() -> Iterator[Line]:
    figures = [NetworkFigures(architecture) for architecture in PRESETS.values()]
    table = partial(catalog_grid, figures, tuple(QUANTITIES.values()))
    command = partial(subprocess.run, COMMAND, check=True, capture_output=True)
    seconds = in_turns({"table": table, "command": command, "plans": _by_plans, "modules": _by_modules}, rounds=3)
    size = f"{len(figures)} networks and {len(QUANTITIES)} quantities"
    warm, whole = seconds["table"], seconds["command"]
    yield Line(f"the catalog of {size}, warm, ≤ {LIMIT:.0f} s", spread(warm), median(warm), LIMIT)
    yield Line(f"`catalog --json` from its start to its end ≤ {LIMIT:.0f} s", spread(whole, 1.0), median(whole), LIMIT)
    claim = f"parameters and FLOPs of torchvision's {len(NAMES)} networks, from new plans"
    yield ratio(claim, seconds["plans"], seconds["modules"], 1.0, "building them without weights, parameters only")


def _by_plans() -> int:
    clear_plans()
    return sum(totals(PRESETS[name]).parameters for name in NAMES)


def _by_modules() -> int:
    with ParametersOnMeta():
        networks = (models.get_model(name) for name in NAMES)
        return sum(weight.numel() for network in networks for weight in network.parameters())
