"""How fast the layer table is computed: from nothing, after an edit, and from the plan alone."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import torch
import torchinfo
from fvcore.nn import FlopCountAnalysis
from torchvision import models

from benchmarks.measure import Line, in_turns, ratio, spread
from resnet_studio.analysis.compute import counting
from resnet_studio.analysis.compute.counting import layer_table
from resnet_studio.analysis.table import plan_table
from resnet_studio.networks.plan import clear_plans
from resnet_studio.networks.presets import preset

ROUNDS = 7


def measure() -> Iterator[Line]:
    """Everything a user of the libraries runs for a table of ResNet-152, compared with ours."""
    seconds = in_turns(
        {
            "libraries": libraries_table,
            "whole": lambda: layer_table(preset("resnet152")),
            "edit": lambda: layer_table(preset("resnet152")),
            "other block": lambda: layer_table(preset("resnet50")),
            "plan": lambda: plan_table(preset("resnet1202-cifar")).totals.parameters,
        },
        ROUNDS,
        before={
            "whole": clear_caches,
            "edit": lambda: clear_caches(keep="resnet101"),
            "other block": lambda: clear_caches(keep="resnet34"),
            "plan": clear_caches,
        },
    )
    peer = "torchvision + torchinfo.summary + FlopCountAnalysis.by_module"
    yield ratio("ResNet-152's full table", seconds["whole"], seconds["libraries"], 0.25, peer)
    yield ratio(
        "ResNet-152's table after changing the depth from 101", seconds["edit"], seconds["libraries"], 0.05, peer
    )
    yield ratio(
        "ResNet-50's table after ResNet-34, all blocks new", seconds["other block"], seconds["libraries"], 0.25, peer
    )
    value = 1e3 * median(seconds["plan"])
    yield Line("ResNet-1202's table from the plan ≤ 50 ms", spread(seconds["plan"]), value, 50)


def libraries_table() -> None:
    network = models.resnet152(weights=None).eval()
    torchinfo.summary(network, (1, 3, 224, 224), verbose=0)
    flops = FlopCountAnalysis(network, torch.zeros(1, 3, 224, 224))
    flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_module()


def clear_caches(keep: str = "") -> None:
    """Clear all caches, then fill them with the table of one preset if it is named."""
    clear_plans()
    plan_table.cache_clear()
    counting._traced.cache_clear()
    if keep:
        layer_table(preset(keep))
