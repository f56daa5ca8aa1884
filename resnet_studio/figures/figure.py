"""A figure of networks from their architectures alone, in any of its forms. Needs neither torch nor Qt."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from resnet_studio.figures.block import block_steps
from resnet_studio.figures.coloring import Coloring
from resnet_studio.figures.columns import columns_steps
from resnet_studio.figures.drawing import Drawing
from resnet_studio.figures.horizontal import horizontal_steps
from resnet_studio.figures.options import FigureOptions
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import finish

FORMS = {"columns": columns_steps, "horizontal": horizontal_steps, "block": block_steps}
USUAL = FigureOptions()


def figure_steps(
    architectures: Sequence[Architecture], options: FigureOptions = USUAL, coloring: Coloring | None = None
) -> Generator[None, None, Drawing]:
    """The drawing, with a yield now and then.

    `ValueError` for a block that a network lacks, a network without blocks where one is to be drawn, and more boxes
    than a figure may have.
    """
    if not architectures:
        raise ValueError("a figure needs at least one network")
    return (yield from FORMS[options.form](architectures, options, coloring))


def make_figure(
    architectures: Sequence[Architecture], options: FigureOptions = USUAL, coloring: Coloring | None = None
) -> Drawing:
    """The drawing; errors as those of `figure_steps`."""
    return finish(figure_steps(architectures, options, coloring))
