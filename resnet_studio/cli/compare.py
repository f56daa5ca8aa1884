"""The command `compare`: networks side by side, and what each differs in from the first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.cli.module import Channels, Modules, check_module_options, open_module
from resnet_studio.cli.parsing import resolve_architecture
from resnet_studio.cli.terminal import echo, echo_json, print_grid
from resnet_studio.cli.train import AsJson, Runs

if TYPE_CHECKING:
    from resnet_studio.analysis.comparison import Comparison

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="ARCH", help="Two or more presets or JSON files; the first is the reference."),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Set a field of every network.")
]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Unit = Annotated[FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC), in tables.")]
Sort = Annotated[Literal["stage", "difference"], typer.Option("--sort", help="difference: what differs most first.")]
EqualRows = Annotated[bool, typer.Option("--all", help="List rows that are equal in all networks, too.")]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="Whose measured times are shown.")]
Form = Annotated[
    Literal["text", "json", "csv", "markdown", "latex", "html"],
    typer.Option("--format", help="csv has every row with exact numbers."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(compare)


def compare(
    names: Names = None,
    modules: Modules = None,
    settings: Settings = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    sort: Sort = "stage",
    equal_rows: EqualRows = False,
    unit: Unit = "flops",
    device: Device = "cpu",
    runs_folder: Runs = None,
    form: Form = "text",
    as_json: AsJson = False,
) -> None:
    """Compare networks side by side, and say what each differs in from the first and what that costs.

    Times are those that `measure` has found on this machine, errors those of published papers and of your own runs.
    """
    if len((*(names or ()), *(modules or ()))) < 2:
        raise ValueError("compare needs at least two architectures, as in `compare resnet50 plain34`")
    check_module_options(modules or (), settings, channels)
    architectures = [resolve_architecture(name, settings, image_size) for name in names or ()]
    architectures += [open_module(module, image_size, channels) for module in modules or ()]
    from resnet_studio.analysis import comparison_text
    from resnet_studio.analysis.comparison import compare as compared
    from resnet_studio.analysis.table import plan_table
    from resnet_studio.cli.known_results import known_results

    results = known_results(architectures, device, runs_folder)
    comparison = compared([plan_table(architecture) for architecture in architectures], results)
    if as_json or form == "json":
        echo_json(comparison_text.comparison_json(comparison))
    elif form == "text":
        _print(comparison, unit, sort, equal_rows=equal_rows)
    else:
        sys.stdout.write(comparison_text.comparison_text(comparison, form, unit, sort, equal_rows=equal_rows))


def _print(comparison: Comparison, unit: FlopUnit, sort: Literal["stage", "difference"], *, equal_rows: bool) -> None:
    from resnet_studio.analysis.comparison_text import comparison_grid, fold_line, sentence_lines

    echo("\n".join((*sentence_lines(comparison, unit), "")))
    print_grid(comparison_grid(comparison, unit, sort, equal_rows=equal_rows))
    folded = "" if equal_rows else fold_line(comparison)
    if folded:
        echo(f"\n{folded}: --all lists them, too")
