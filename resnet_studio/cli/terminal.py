"""Printing: with rich on a terminal, plain and complete in a pipe; progress and complaints on stderr."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TypeVar

from resnet_studio.plain import in_json, plain, printable
from resnet_studio.progress import Progress, finish

if TYPE_CHECKING:
    from resnet_studio.analysis.grids import Grid

Result = TypeVar("Result")
PROGRAM = "resnet-studio"
LONGEST_CELL = 1000
"""Characters of a table's cell."""
GAP = 2
"""Characters between the columns of a table."""


def say(text: str = "") -> None:
    """Print a line. What a name in it holds beside letters and signs does nothing to a terminal."""
    sys.stdout.write(f"{printable(text)}\n")


def say_json(value: Any) -> None:
    """Print JSON, and make sure that it is: a NaN raises `ValueError`."""
    sys.stdout.write(in_json(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n")


def show(grid: Grid) -> None:
    """Print a table: fitted to the terminal as far as no number is cut, or in a pipe as wide as it needs to be."""
    grid = replace(grid, rows=tuple(tuple(plain(cell, LONGEST_CELL) for cell in row) for row in grid.rows))
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
    console.width = max(console.width, _total(widths))  # a terminal wraps what rich would cut off
    console.print(table)


def column_widths(grid: Grid, room: int) -> list[int]:
    """Widths that fit into `room` characters, the widest columns narrowed first; no word and no number is broken.

    Where even that is too wide, the sum is larger than `room`.
    """
    columns = list(zip(grid.header, *grid.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [_narrowest(column, whole=index in grid.right) for index, column in enumerate(columns)]
    while _total(widths) > room and widths != least:
        loose = [index for index, width in enumerate(widths) if width > least[index]]
        widths[max(loose, key=widths.__getitem__)] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _narrowest(column: Sequence[str], *, whole: bool) -> int:
    """The longest of a column's words, or of its cells where they are numbers. A header may break at a hyphen."""
    header, *cells = column
    words = cells if whole else [word for cell in cells for word in re.findall(r"^\s*\S+|\S+", cell)]
    return max(map(len, [*header.replace("-", "- ").split(), *words]), default=0)


def complain(message: str) -> None:
    """Say on one line of stderr what went wrong; lines that begin with two spaces, as a tree's do, stay lines."""
    first, *more = re.split(r"\n(?=  )", message)
    lines = [f"{PROGRAM}: {' '.join(first.split())}", *(line.rstrip() for line in more)]
    sys.stderr.write(printable("\n".join(lines)) + "\n")


def follow(steps: Generator[Any, None, Result], begins: str = "starting torch") -> Result:
    """Run a computation to its result; its progress is shown where stderr is a terminal, and nowhere else."""
    if not sys.stderr.isatty():
        return finish(steps)
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True, markup=False, emoji=False).status(Text(begins)) as status:

        def watched() -> Generator[None, None, Result]:
            while True:
                try:
                    step = next(steps)
                except StopIteration as end:
                    result: Result = end.value
                    return result
                if isinstance(step, Progress):
                    status.update(Text(f"{plain(step.what)} ({step.done + 1} of {step.of})"))
                yield

        return finish(watched())


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what libraries warn of among themselves off the user's terminal, and make any text printable."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logging.disable(before)
