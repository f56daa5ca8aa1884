"""The stages of a traced network: those of a residual network for a chain, else the modules that it consists of."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.networks.traced_row import TracedRow

CHAIN = {"conv", "batch norm", "relu", "max pool", "average pool", "linear", "dropout"}
PART = 0.8
"""A module with more than this part of all rows is not a row of the table, but its children are."""


def with_stages(rows: list[TracedRow], *, of_one: bool) -> list[TracedRow]:
    """The rows with their stages: those of a residual network for a chain, else the modules that it consists of."""
    chain = {row.kind for row in rows} <= CHAIN and all(row.inputs in ((), (-1,)) for row in rows)
    stages = chain_stages(rows, of_one=of_one) if chain else part_stages([row.name for row in rows])
    return [row._replace(stage=stage) for stage, row in zip(stages, rows, strict=True)]


def chain_stages(rows: Sequence[TracedRow], *, of_one: bool) -> list[str]:
    """The stage of every row. A max pool opens one, as in a residual network, and the last one the classifier's.

    With `of_one` a stage has one convolution, else as many as there are up to the next pool.
    """
    last = max(number for number, row in enumerate(rows) if row.kind == "conv")
    stages: list[str] = []
    opened, convolutions = 1, 0
    for number, row in enumerate(rows):
        if row.kind == "max pool" or (row.kind == "conv" and of_one and convolutions):
            opened, convolutions = opened + 1, 0
        convolutions += row.kind == "conv"
        is_head = number > last and (row.kind not in ("batch norm", "relu") or stages[-1] == "fc")
        stages.append("fc" if is_head else "conv1" if opened == 1 else f"conv{opened}_x")
    return stages


def part_stages(names: Sequence[str]) -> list[str]:
    """The part of the network that each row is in: its children, and the children of one that is most of it."""
    opened = ""
    while True:
        inside = [name for name in names if name.startswith(opened)]
        counts: dict[str, int] = {}
        for name in inside:
            child = opened + name.removeprefix(opened).partition(".")[0]
            counts[child] = counts.get(child, 0) + (name != child)
        largest = max(counts, key=lambda child: counts[child])
        if counts[largest] <= PART * len(names):
            break
        opened = f"{largest}."
    return [_part(name, opened) for name in names]


def _part(name: str, opened: str) -> str:
    """The shortest beginning of a name that is not the beginning of what is opened."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        beginning = ".".join(parts[:count])
        if not opened.startswith(f"{beginning}."):
            return beginning
    return name
