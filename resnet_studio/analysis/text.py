"""Tables as text: aligned for a pipe, as Markdown, LaTeX, HTML, and CSV. Needs no torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from html import escape as escape_html
from typing import Literal

from resnet_studio.analysis.grids import Grid, layer_grid
from resnet_studio.analysis.reasons import between
from resnet_studio.analysis.table import LayerRow, LayerTable
from resnet_studio.analysis.units import FlopUnit, exact, in_unit, memory, short
from resnet_studio.formatting import dimensions

GridFormat = Literal["text", "markdown", "latex", "html"]
TextFormat = GridFormat | Literal["csv"]
LATEX = str.maketrans({
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "…": r"\dots{}", "–": "--",
    "×": r"$\times$", "÷": r"$\div$", "·": r"$\cdot$", "−": "$-$",
    **{sign: f"$^{number}$" for number, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
})  # fmt: skip
"""What stands for the characters that have a meaning in LaTeX, or no glyph in its fonts."""


def table(table: LayerTable, how: TextFormat, unit: FlopUnit = "flops", *, layers: bool = False) -> str:
    """A layer table in the requested format. CSV has every layer and exact numbers, the others blocks unless asked."""
    if how == "csv":
        return layers_csv(table, unit)
    return grid_text(layer_grid(table, unit, layers=layers), how)


def grid_text(grid: Grid, how: GridFormat) -> str:
    """A table of strings in the requested format."""
    writers: dict[GridFormat, Callable[[Grid], str]] = {
        "text": plain, "markdown": markdown, "latex": latex, "html": html,
    }  # fmt: skip
    return writers[how](grid)


def plain(grid: Grid) -> str:
    """Columns aligned by spaces, as wide as they need to be, so that nothing is cut."""
    rows = [grid.header, *grid.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows, start=-1):
        cells = (
            cell.rjust(width) if index in grid.right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
        if number == -1 or number in grid.rules:
            lines.append("  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n"


def markdown(grid: Grid) -> str:
    """A table in GitHub's markdown."""
    marks = ["---:" if index in grid.right else "---" for index in range(len(grid.header))]
    rows = [grid.header, marks, *grid.rows]
    return "".join(f"| {' | '.join(cell.strip().replace('|', '&#124;') for cell in row)} |\n" for row in rows)


def latex(grid: Grid) -> str:
    """A `tabular` with the rules of the package booktabs."""
    columns = "".join("r" if index in grid.right else "l" for index in range(len(grid.header)))
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", _latex_row(grid.header), r"\midrule"]
    for number, row in enumerate(grid.rows):
        lines += [_latex_row(row), *([r"\midrule"] if number in grid.rules else [])]
    return "\n".join((*lines, r"\bottomrule", r"\end{tabular}")) + "\n"


def latex_text(text: str) -> str:
    """Text as LaTeX's source; spaces at its beginning, which indent a row, are a quad."""
    return (r"\quad " if text.startswith(" ") else "") + text.strip().translate(LATEX)


def _latex_row(cells: tuple[str, ...]) -> str:
    return rf"{' & '.join(map(latex_text, cells))} \\"


def html(grid: Grid) -> str:
    """A `table`; a row that is part of the one above it is indented."""
    head, body = _html_row(grid, grid.header, "th"), (_html_row(grid, row, "td") for row in grid.rows)
    return "\n".join(("<table>", "<thead>", head, "</thead>", "<tbody>", *body, "</tbody>", "</table>")) + "\n"


def _html_row(grid: Grid, cells: tuple[str, ...], tag: str) -> str:
    found = []
    for index, cell in enumerate(cells):
        style = "text-align: right" if index in grid.right else "padding-left: 2em" if cell.startswith(" ") else ""
        attribute = f' style="{style}"' if style else ""
        found.append(f"<{tag}{attribute}>{escape_html(cell.strip())}</{tag}>")
    return f"<tr>{''.join(found)}</tr>"


def layers_csv(table: LayerTable, unit: FlopUnit = "flops") -> str:
    """A row for every layer with exact numbers; FLOPs are `macs`, or `operations` in that unit."""
    label = "macs" if unit == "flops" else "operations"
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow((
        "name", "stage", "block", "kind", "kernel", "stride", "padding", "channels", "height", "width",
        "parameters", label, f"{label}_all", "activation_bytes",
    ))  # fmt: skip
    writer.writerows(_csv_row(row, unit) for row in table.rows)
    return lines.getvalue()


def _csv_row(row: LayerRow, unit: FlopUnit) -> tuple[str | int, ...]:
    layer = row.layer
    whole = "" if row.macs_all is None else in_unit(row.macs_all, unit)
    return (
        layer.name, layer.stage, layer.block, layer.kind, layer.kernel, layer.stride, layer.padding, *layer.output,
        layer.parameters, in_unit(row.macs, unit), whole, layer.activation_bytes,
    )  # fmt: skip


def notes(table: LayerTable, unit: FlopUnit = "flops") -> list[str]:
    """The lines under a layer table: what is not in it, and whether the counters agree."""
    found = [f"weights {memory(4 * table.totals.parameters)} in float32, input {dimensions(table.input)}"]
    beyond = between(table, unit)
    if beyond:
        found.append(beyond)
    if table.products:
        found.append(f"of the FLOPs, {short(in_unit(table.products, unit))} are attention's matrix products")
    if table.uncounted:
        operations = (f"{name.removeprefix('aten::')} ×{times}" for name, times in table.uncounted.items())
        found.append(f"not counted: {', '.join(operations)}")
    if table.checks:
        checks = table.checks
        counts = f"fvcore {exact(checks.fvcore)}, torch {exact(checks.torch)}, analytic {exact(checks.plan)}"
        parameters = f"torchinfo {exact(checks.torchinfo)}, analytic {exact(checks.plan_parameters)}"
        verdict = "agree" if checks.agree else "DISAGREE"
        found.append(f"counts {verdict}: multiply-adds {counts}; parameters {parameters}")
    return found
