"""Any table of the program as CSV, Markdown, LaTeX or HTML, with the lines that say where it comes from. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Literal

from resnet_studio.analysis import text
from resnet_studio.analysis.grids import Grid
from resnet_studio.plain import csv_cell, plain

TableFormat = Literal["csv", "markdown", "latex", "html"]
SUFFIXES: dict[TableFormat, str] = {"csv": "csv", "markdown": "md", "latex": "tex", "html": "html"}
HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font-family: sans-serif }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
td, th {{ padding: 0.2em 0.8em; text-align: left; border-bottom: 1px solid #ddd }}
</style>
</head>
<body>
{table}{notes}
</body>
</html>
"""


def table_text(grid: Grid, how: TableFormat, title: str, notes: Sequence[str]) -> str:
    """A table with its notes, as the text of a file: comments in CSV and LaTeX, lines below it in the others."""
    return with_notes(grid_csv(grid) if how == "csv" else text.grid_text(grid, how), how, title, notes)


def with_notes(table: str, how: TableFormat, title: str, notes: Sequence[str]) -> str:
    """The text of a table with lines that say what is not in it and where it comes from."""
    lines = [plain(note) for note in notes]
    match how:
        case "csv":
            return "".join(f"# {line}\n" for line in lines) + table
        case "latex":
            return "".join(f"% {line}\n" for line in (r"\usepackage{booktabs}", *lines)) + table
        case "markdown":
            return table + "".join(f"\n{line}  " for line in lines) + "\n"
    paragraphs = "\n".join(f"<p>{escape(line)}</p>" for line in lines)
    return HTML.format(title=escape(plain(title)), table=table, notes=paragraphs)


def grid_csv(grid: Grid) -> str:
    """The cells as they are shown, without the spaces that indent a row."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(grid.header)
    writer.writerows([csv_cell(cell.strip()) for cell in row] for row in grid.rows)
    return lines.getvalue()
