"""The paper's Table 1 in LaTeX, with its brackets, for any networks. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from resnet_studio.analysis import table_one
from resnet_studio.analysis.table_one import BlockCell, TableOneNetwork, TableOneRow, stage_groups
from resnet_studio.analysis.text import latex_text
from resnet_studio.export.provenance import NetworkProvenance
from resnet_studio.export.request import Exported, ExportRequest, ExportSteps
from resnet_studio.formatting import THREE_DIGITS
from resnet_studio.networks.architecture import Architecture
from resnet_studio.networks.presets import title
from resnet_studio.progress import Progress

PACKAGE = r"% \usepackage{booktabs}"
MATHEMATICS = re.compile(r"[\d×, C=]+")
"""A line of a block that can be set as a formula, as the paper does."""


def export_steps(request: ExportRequest) -> ExportSteps:
    """The file's bytes: a `tabular` whose columns are the request's architectures."""
    yield Progress(0, 1, "laying out the table")
    lines = (PACKAGE, *(f"% {line}" for line in NetworkProvenance(request.architectures).caption()))
    return Exported("\n".join((*lines, latex(request.architectures))).encode())


def latex(architectures: Sequence[Architecture]) -> str:
    """Layer name, output size, and a column for each architecture; below them its parameters and FLOPs."""
    rows = table_one.rows([TableOneNetwork(architecture) for architecture in architectures])
    stages = [row for row in rows if row.name != table_one.FLOPS]
    lines = [
        rf"\begin{{tabular}}{{ll{'c' * len(architectures)}}}",
        r"\toprule",
        _row("layer name", "output size", *(latex_text(title(architecture)) for architecture in architectures)),
    ]
    for row, before in zip(stages, (None, *stages), strict=False):
        lines += _stage(row, goes_on=before is not None and before.pool and before.name == row.name)
    lines += [r"\midrule", _row("parameters", "", *(_count(one, "parameters") for one in architectures))]
    lines += [_row("FLOPs", "", *(_count(one, "macs") for one in architectures)), r"\bottomrule", r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _stage(row: TableOneRow, *, goes_on: bool) -> Iterator[str]:
    """A stage's row, under a rule; the blocks of conv2_x go on below its max pool, under a shorter one."""
    yield rf"\cmidrule{{3-{2 + len(row.items)}}}" if goes_on else r"\midrule"
    name, size = ("", "") if goes_on else (latex_text(row.name), _formula(row.detail))
    yield _row(name, size, *_cells([item.blocks for item in row.items], pools_only=row.pool))


def _cells(stages: Sequence[BlockCell | None], *, pools_only: bool) -> Iterator[str]:
    """The cells of a stage, or of its max pools alone; equal neighbors without brackets are one, as in the paper."""
    shown = [None if stage is None or (pools_only and stage.size) else stage for stage in stages]
    for (stage, _), run in groupby(enumerate(shown), lambda item: (item[1], item[0] if _has_brackets(item[1]) else -1)):
        count, cell = len(list(run)), _cell(stage) if stage else ""
        yield rf"\multicolumn{{{count}}}{{c}}{{{cell}}}" if count > 1 and cell else " & ".join([cell] * count)


def _has_brackets(stage: BlockCell | None) -> bool:
    return stage is not None and stage.times > 0


def _cell(blocks: BlockCell) -> str:
    lines = [_line(line) for line in blocks.lines]
    if blocks.times:
        stacked = r" \\ ".join(lines)
        text = rf"$\left[\begin{{array}}{{c}} {stacked} \end{{array}}\right] \times {blocks.times}$"
    else:
        text = ", ".join(f"${line}$" for line in lines)
    before = "".join(f"${_line(part)}$, " for part in blocks.pool)
    after = "".join(f" ({_formula(size)})" for size in blocks.below)
    return f"{before}{text}{after}"


def _line(line: str) -> str:
    """A line of a block for mathematics mode; words in it stay upright."""
    if MATHEMATICS.fullmatch(line):
        return line.replace("×", r"\times").replace(", ", r",\ ")
    return rf"\mbox{{{latex_text(line)}}}"


def _formula(size: str) -> str:
    return f"${_line(size)}$"


def _count(architecture: Architecture, what: str) -> str:
    """A number of the whole network in three digits: 1.81 × 10⁹."""
    value = sum(getattr(stage, what) for stage in stage_groups(architecture).values())
    digits = THREE_DIGITS.create_decimal(value)
    power = digits.adjusted()
    mantissa = digits.scaleb(-power).quantize(Decimal("0.01"))
    return rf"${mantissa} \times 10^{{{power}}}$"


def _row(*cells: str) -> str:
    return rf"{' & '.join(cells)} \\"
