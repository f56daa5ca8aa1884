"""The command `catalog`: what networks cost and achieve, in a table, and which of them no other beats."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from resnet_studio.analysis.network_sets import NetworkSet
from resnet_studio.analysis.quantity_keys import QuantityKey
from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli.parsing import check_output, resolve_architecture
from resnet_studio.cli.terminal import echo, echo_json, print_grid
from resnet_studio.cli.train import AsJson, Runs
from resnet_studio.formatting import counted

if TYPE_CHECKING:
    from resnet_studio.analysis.network_quantities import NetworkFigures
    from resnet_studio.analysis.results import NetworkResults
    from resnet_studio.analysis.scatter import Scatter
    from resnet_studio.networks.architecture import Architecture

PICTURES = (".svg", ".pdf", ".png")
TextFormat = Literal["text", "csv", "markdown", "latex", "html"]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="ARCH", help="Presets or JSON files instead of a set of networks.")
]
Networks = Annotated[NetworkSet, typer.Option("--networks", help="The set of networks.")]
X = Annotated[QuantityKey | None, typer.Option("--x", help="List only this quantity and that of --y, and the front.")]
Y = Annotated[QuantityKey | None, typer.Option("--y", help="The other quantity.")]
Front = Annotated[bool, typer.Option("--front", help="List only networks that no other beats in both.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Whose measured times are listed.")]
Unit = Annotated[FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC), in tables.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Draw --x and --y as a scatter plot: .svg, .pdf or .png."),
]
Form = Annotated[TextFormat, typer.Option("--format", help="csv has exact numbers.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(catalog)


def catalog(
    names: Names = None,
    networks: Networks = "all",
    x: X = None,
    y: Y = None,
    front: Front = False,
    device: Device = "cpu",
    runs_folder: Runs = None,
    unit: Unit = "flops",
    output: Output = None,
    form: Form = "text",
    as_json: AsJson = False,
) -> None:
    """List what networks cost and achieve, or two quantities of them and the Pareto front.

    Times are those that `measure` has found on this machine, errors those of published papers and of your own runs.
    """
    from resnet_studio.analysis.network_quantities import NetworkFigures, quantities
    from resnet_studio.analysis.network_sets import SET_TITLES, networks_of
    from resnet_studio.analysis.scatter import front_only, scatter
    from resnet_studio.cli.known_results import known_results

    if (x is None) != (y is None):
        raise ValueError("--x and --y belong together, as in --x macs --y seconds")
    if output is not None and x is None:
        raise ValueError("--output draws two quantities, as in --x macs --y published_error --output plot.svg")
    if front and x is None:
        raise ValueError("--front needs two quantities, as in --x macs --y published_error --front")
    architectures = [resolve_architecture(name) for name in names] if names else networks_of(networks)
    results = known_results(architectures, device, runs_folder)
    figures = [NetworkFigures(one, result.seconds, result.lowest_error) for one, result in results.items()]
    if x is None or y is None:
        _print_catalog(figures, unit, form, as_json=as_json)
        return
    known = quantities("flops" if as_json else unit)
    found = scatter(figures, known[x], known[y])
    if front and not found.has_front:
        raise ValueError(f"--front: neither more nor less {_without_direction(found)} is better, so there is no front")
    shown = front_only(found) if front else found
    if output is not None:
        _draw(output, shown, "Networks" if names else SET_TITLES[networks], results, as_json=as_json)
        return
    _print_scatter(shown, form, as_json=as_json)
    if found.missing_text and form == "text" and not as_json:
        echo(f"\n{found.missing_text}")


def _draw(
    path: Path, found: Scatter, source: str, results: Mapping[Architecture, NetworkResults], *, as_json: bool
) -> None:  # fmt: skip
    """Draw the scatter plot, and say so."""
    from resnet_studio.analysis.scatter import conditions
    from resnet_studio.cli.doctor import check_display

    if not found.points:
        raise ValueError(f"there is nothing to draw: {found.missing_text}")
    suffix = path.suffix.lower()
    check_output(path, suffix if suffix in PICTURES else f"{', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    if problem := check_display({"QT_QPA_PLATFORM": "offscreen"}):
        raise OSError(problem)
    from resnet_studio.gui.compare.scatter.picture import draw_picture

    measurements = (known.time for known in results.values() if known.time) if found.has_times else ()
    draw_picture(path, found, source, conditions(measurements))
    if as_json:
        echo_json({"file": str(path), "bytes": path.stat().st_size, **found.to_json()})
    else:
        echo(f"{path}: {counted(len(found.points), 'network')}, {len(found.front)} on the front")


def _print_catalog(figures: Sequence[NetworkFigures], unit: FlopUnit, form: TextFormat, *, as_json: bool) -> None:
    from resnet_studio.analysis.network_quantities import quantities
    from resnet_studio.analysis.scatter import catalog_csv, catalog_grid, catalog_json
    from resnet_studio.analysis.text import grid_text

    columns = tuple(quantities(unit).values())
    if as_json:
        echo_json(catalog_json(figures))
    elif form == "csv":
        sys.stdout.write(catalog_csv(figures, columns))
    elif form == "text":
        print_grid(catalog_grid(figures, columns))
    else:
        sys.stdout.write(grid_text(catalog_grid(figures, columns), form))


def _print_scatter(found: Scatter, form: TextFormat, *, as_json: bool) -> None:
    from resnet_studio.analysis.scatter import scatter_csv, scatter_grid
    from resnet_studio.analysis.text import grid_text

    if as_json:
        echo_json(found.to_json())
    elif form == "csv":
        sys.stdout.write(scatter_csv(found))
    elif form == "text":
        print_grid(scatter_grid(found))
    else:
        sys.stdout.write(grid_text(scatter_grid(found), form))


def _without_direction(found: Scatter) -> str:
    """The first quantity of which neither more nor less is better."""
    quantity = next(one for one in (found.x, found.y) if one.lower_is_better is None)
    return quantity.title.lower()
