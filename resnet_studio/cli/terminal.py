"""Output: with rich on a terminal, plain and untruncated in a pipe; progress and errors go to stderr."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TypeVar

from resnet_studio.networks.arguments import PROGRAM as PROGRAM
from resnet_studio.plain import escape_in_json, plain, printable
from resnet_studio.progress import Progress, finish

if TYPE_CHECKING:
    from resnet_studio.analysis.grids import Grid

Result = TypeVar("Result")
MAX_CELL_LENGTH = 1000
"""Characters of a table cell."""
COLUMN_GAP = 2
"""Characters between the columns of a table."""


def echo(text: str = "") -> None:
    """Print a line. Control characters in names are escaped, so they can't affect the terminal."""
    sys.stdout.write(f"{printable(text)}\n")


def echo_json(value: Any) -> None:
    """Print strict JSON: a NaN raises `ValueError`."""
    sys.stdout.write(escape_in_json(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n")


def print_grid(grid: Grid) -> None:
    """Print a table: fitted to the terminal without cutting a number, or in a pipe as wide as it needs to be."""
    grid = replace(grid, rows=tuple(tuple(plain(cell, MAX_CELL_LENGTH) for cell in row) for row in grid.rows))
    if not sys.stdout.isatty():
        from resnet_studio.analysis.text import plain as as_text

        sys.stdout.write(as_text(grid))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, emoji=False)
    widths = column_widths(grid, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for index, name in enumerate(grid.header):
        table.add_column(name, justify="right" if index in grid.right else "left", width=widths[index], overflow="fold")
    for index, row in enumerate(grid.rows):
        table.add_row(*row, end_section=index in grid.rules)
    console.width = max(console.width, _total_width(widths))  # a terminal wraps what rich would cut off
    console.print(table)


def column_widths(grid: Grid, total_width: int) -> list[int]:
    """Widths that fit into `total_width` characters, with no word or number broken; the widest columns shrink first.

    If that is impossible, the sum is larger than `total_width`.
    """
    columns = list(zip(grid.header, *grid.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    minimum = [_min_width(column, whole=index in grid.right) for index, column in enumerate(columns)]
    while _total_width(widths) > total_width and widths != minimum:
        shrinkable = [index for index, width in enumerate(widths) if width > minimum[index]]
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    return widths


def _total_width(widths: Sequence[int]) -> int:
    return sum(widths) + COLUMN_GAP * (len(widths) - 1)


def _min_width(column: Sequence[str], *, whole: bool) -> int:
    """The longest word in a column, or the longest cell for numbers (`whole`). A header may break at a hyphen."""
    header, *cells = column
    words = cells if whole else [word for cell in cells for word in re.findall(r"^\s*\S+|\S+", cell)]
    return max(map(len, [*header.replace("-", "- ").split(), *words]), default=0)


def print_error(message: str) -> None:
    """Print an error as one line on stderr; lines that start with two spaces, as in a tree, are kept."""
    first, *more = re.split(r"\n(?=  )", message)
    lines = [f"{PROGRAM}: {' '.join(first.split())}", *(line.rstrip() for line in more)]
    sys.stderr.write(printable("\n".join(lines)) + "\n")


def run_with_progress(steps: Generator[Any, None, Result], initial_text: str = "loading PyTorch") -> Result:
    """Run a computation and return its result, with a progress display if stderr is a terminal.

    What the code of a network of one's own prints meanwhile goes to stderr, as stdout is for the result.
    """
    with redirect_stdout(sys.stderr):
        return _finish_with_progress(steps, initial_text)


def _finish_with_progress(steps: Generator[Any, None, Result], initial_text: str) -> Result:
    if not sys.stderr.isatty():
        return finish(steps)
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True, markup=False, emoji=False).status(Text(initial_text)) as status:

        def show(step: object) -> None:
            if isinstance(step, Progress):
                status.update(Text(f"{plain(step.what)} ({step.done + 1} of {step.of})"))

        return finish(steps, show)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Suppress warnings and log records of libraries, and make any text printable."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(previous)
