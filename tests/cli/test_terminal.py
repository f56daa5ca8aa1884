"""Tables on a terminal of any width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from resnet_studio.analysis.grids import Grid, layer_grid
from resnet_studio.analysis.table import plan_table
from resnet_studio.cli.terminal import column_widths, print_error
from resnet_studio.networks.presets import preset

WORDS = Grid(("name", "what it is"), (("a", "one two three"), ("b", "four")))
NUMBERS = Grid(("of", "multiply-adds"), (("a", "1,234 M"),), right=frozenset({1}))


def test_the_widest_column_shrinks_first_and_no_word_breaks():
    assert column_widths(WORDS, 100) == [4, 13]
    assert column_widths(WORDS, 4 + 2 + 9) == [4, 9]
    assert column_widths(WORDS, 1) == [4, 5]  # "name" and "three"


def test_numbers_are_not_broken_but_headings_may_break_at_hyphens():
    assert column_widths(NUMBERS, 1) == [2, len("multiply-")]


def shown(columns: int) -> str:
    """ResNet-50's layer table on a terminal of that width, from a separate process."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    code = (
        "from resnet_studio.analysis import grids, table; from resnet_studio.networks.presets import preset;"
        "from resnet_studio.cli.terminal import print_grid;"
        "print_grid(grids.layer_grid(table.plan_table(preset('resnet50'))))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, env=kept):
        os.close(theirs)
        read = b"".join(iter(lambda: chunk(ours), b""))
    os.close(ours)
    return re.sub(r"\x1b\[[\d;]*m", "", read.decode())


def chunk(terminal: int) -> bytes:
    """The next chunk of a terminal's output; empty when its last writer has closed it."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_no_width_of_the_terminal_cuts_a_number(columns):
    grid = layer_grid(plan_table(preset("resnet50")))
    text = shown(columns)
    for row in grid.rows:
        assert all(row[index] in text for index in grid.right)
    if columns >= 80:
        assert max(map(len, text.splitlines())) <= columns


def test_an_error_is_one_line_and_a_tree_below_it_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("a library's sentence\nover two lines. Found:\n  data/\n    cat/ (3 images)")
    assert capsys.readouterr().err == (
        "resnet-studio: a library's sentence over two lines. Found:\n  data/\n    cat/ (3 images)\n"
    )
