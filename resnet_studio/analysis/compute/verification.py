"""Measuring what papers and documentation print."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from resnet_studio.analysis.baseline_figures import baseline_figures
from resnet_studio.analysis.compute.counting import layer_table
from resnet_studio.analysis.published import (  # fmt: skip
    PublishedFigure,
    VerifiedFigure,
    holds,
    network,
    paper_figure,
    published,
)
from resnet_studio.analysis.quantities import flops_beyond
from resnet_studio.analysis.reasons import reason
from resnet_studio.analysis.table import LayerTable
from resnet_studio.networks import baselines
from resnet_studio.networks.architecture import Architecture
from resnet_studio.progress import Progress, finish


def verify(extra: tuple[Architecture, ...] = ()) -> tuple[VerifiedFigure, ...]:
    """Every published figure with its measured value; `extra` architectures against the paper's of their depth."""
    return finish(verify_steps(extra))


def verify_steps(
    extra: tuple[Architecture, ...] = (),
) -> Generator[Progress | VerifiedFigure, None, tuple[VerifiedFigure, ...]]:
    """`verify`, with its progress before and its result after each figure."""
    return (yield from measure_steps(_wanted(extra)))


def verify_baselines_steps() -> Generator[Progress | VerifiedFigure, None, tuple[VerifiedFigure, ...]]:
    """Every figure of torchvision's metadata of the baselines with its measured value."""
    figures = baseline_figures(baselines.NAMES)
    return (yield from measure_steps([(figure, network(figure.subject)) for figure in figures]))


def measure_steps(
    wanted: Sequence[tuple[PublishedFigure, Architecture]],
) -> Generator[Progress | VerifiedFigure, None, tuple[VerifiedFigure, ...]]:
    """These figures with the values measured for these networks."""
    results: list[VerifiedFigure] = []
    for number, (figure, architecture) in enumerate(wanted):
        yield Progress(number, len(wanted), f"measuring {figure.name}")
        results.append(_verified(figure, architecture))
        yield results[-1]
    return tuple(results)


def paper_holds(results: Iterable[VerifiedFigure]) -> bool:
    """Whether every number that the paper prints holds with the paper's own networks."""
    return all(result.holds for result in results if result.figure.of_paper)


def _wanted(extra: tuple[Architecture, ...]) -> list[tuple[PublishedFigure, Architecture]]:
    wanted = [(figure, network(figure.subject)) for figure in published()]
    for architecture in extra:
        figure = paper_figure(architecture)
        if figure and all(known != architecture for _, known in wanted):
            wanted.append((figure, architecture))
    return wanted


def _verified(figure: PublishedFigure, architecture: Architecture) -> VerifiedFigure:
    table = layer_table(architecture)
    measured = _measured(figure, table)
    return VerifiedFigure(
        figure, architecture, measured, holds(figure, measured), reason(figure, architecture, measured, table)
    )


def _measured(figure: PublishedFigure, table: LayerTable) -> int:
    if figure.quantity == "parameters":
        return table.checks.torchinfo if table.checks else table.totals.parameters
    if figure.quantity == "activations":
        return figure.counting.sum(row.layer for row in table.rows)
    beyond = (row.macs_all or flops_beyond(row.layer) for row in table.rows if row.kind in figure.beyond)
    return table.totals.macs + sum(beyond)
