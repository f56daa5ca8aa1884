"""Tracing torchvision's networks into the files that the plans of baselines are made from.

`python -m resnet_studio.networks.modules.trace resources/plans` writes them again, as after a new baseline's name was
added to `networks/baselines.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torchvision import models

from resnet_studio.networks.baselines import NAMES

OF_ONE = ("alexnet",)
"""Networks in which every convolution is a stage of its own."""


def trace(name: str) -> list[dict[str, Any]]:
    """The layers of a network of torchvision in the order of their calls, as `baselines.traced` reads them."""
    with torch.device("meta"):
        network = getattr(models, name)(weights=None)
    rows: list[dict[str, Any]] = []
    makers: dict[fx.Node, str] = {}
    for node in fx.symbolic_trace(network).graph.nodes:
        before = [makers[one] for one in node.all_input_nodes if one in makers]
        if node.op == "call_module":
            flatten = {"flatten": True} if any(one.target is torch.flatten for one in node.all_input_nodes) else {}
            rows.append(
                {"name": node.target, **_describe(network.get_submodule(node.target)), **flatten, "inputs": before}
            )
            makers[node] = node.target
        elif node.target is torch.flatten:
            makers[node] = before[0]
        elif node.op not in ("placeholder", "output"):
            raise NotImplementedError(f"{name} calls {node.target}, which no plan has a layer for")
    return [{"stage": stage, **row} for stage, row in zip(_stages(rows, of_one=name in OF_ONE), rows, strict=True)]


def _describe(module: nn.Module) -> dict[str, Any]:
    match module:
        case nn.Conv2d():
            return {"kind": "conv", "channels": module.out_channels, **_window(module)}
        case nn.MaxPool2d():
            return {"kind": "max pool", **_window(module)}
        case nn.AdaptiveAvgPool2d():
            return {"kind": "average pool", "side": _side(module.output_size)}
        case nn.Linear():
            return {"kind": "linear", "channels": module.out_features}
        case nn.ReLU() | nn.Dropout():
            return {"kind": type(module).__name__.lower()}
    raise NotImplementedError(f"no plan has a layer for {module}")


def _window(module: Any) -> dict[str, int]:
    return {"kernel": _side(module.kernel_size), "stride": _side(module.stride), "padding": _side(module.padding)}


def _side(size: Any) -> int:
    """One side of a square, which torch's modules have as a number or as a pair."""
    return int(size[0] if isinstance(size, tuple) else size)


def _stages(rows: list[dict[str, Any]], *, of_one: bool) -> list[str]:
    """The stage of every layer. A max pool opens one, as in a residual network, and the last one the classifier's.

    With `of_one` a stage has one convolution, else as many as there are up to the next pool.
    """
    last = max(number for number, row in enumerate(rows) if row["kind"] == "conv")
    stages: list[str] = []
    opened, convolutions = 1, 0
    for number, row in enumerate(rows):
        if row["kind"] == "max pool" or (row["kind"] == "conv" and of_one and convolutions):
            opened, convolutions = opened + 1, 0
        convolutions += row["kind"] == "conv"
        is_head = number > last and (row["kind"] != "relu" or stages[-1] == "fc")
        stages.append("fc" if is_head else "conv1" if opened == 1 else f"conv{opened}_x")
    return stages


def main(folder: Path) -> None:
    """Write the file of every baseline into a folder."""
    for name in NAMES:
        lines = ",\n".join(json.dumps(row) for row in trace(name))
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
