"""The command line: everything that the window can show, for terminals, pipes and scripts.

Slow imports (torch, Qt, rich's tables) happen in the commands that need them.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

import typer

from resnet_studio.analysis.units import FlopUnit
from resnet_studio.causes import DETAILS, describe
from resnet_studio.cli import catalog, compare, experiment, export, figure, identify, maps, measure, runs, sweep, train
from resnet_studio.cli.module import Channels, Module, chosen_architecture
from resnet_studio.cli.terminal import (
    PROGRAM,
    echo,
    echo_json,
    print_error,
    print_grid,
    quiet_libraries,
    run_with_progress,
)
from resnet_studio.cli.usage_errors import explain
from resnet_studio.cores import bound_spinning
from resnet_studio.networks.presets import PRESETS

USAGE_ERROR, INTERNAL_ERROR, INTERRUPTED, PIPE_CLOSED = 2, 70, 130, 141

app = typer.Typer(
    name=PROGRAM,
    help="A desktop workbench for residual networks. Without a command, it opens the window.",
    epilog="ARCH is a preset name or the JSON file of an architecture.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)

Name = Annotated[str | None, typer.Argument(metavar="ARCH", help="Preset name or architecture JSON file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Set a field: shortcut=C, blocks=3,4,6,3, … Repeatable."),
]
ImageSize = Annotated[str | None, typer.Option("--image-size", metavar="N|HxW", help="Same as --set image=…")]
Unit = Annotated[
    FlopUnit, typer.Option(help="flops: FLOPs (MAC); operations: FLOPs (2 × MAC). JSON always has FLOPs (MAC).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only JSON.")]
Theme = Literal["light", "dark", "system"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; user errors are one line on stderr and exit code 2."""
    bound_spinning()
    with quiet_libraries():
        try:
            code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
            )  # so that Python's own flush at exit is silent too
            return PIPE_CLOSED
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except typer.TyperException as error:
            print_error(explain(error))
            return USAGE_ERROR
        except (ValueError, OSError, MemoryError, RuntimeError, ImportError) as error:
            print_error(describe(error))
            return USAGE_ERROR
        except Exception as error:  # a bug in the program: also one line
            print_error(describe(error))
            if os.environ.get(DETAILS):
                traceback.print_exc()
            return INTERNAL_ERROR
    return int(code or 0)


@app.callback()
def root(
    context: typer.Context,
    theme: Annotated[Theme | None, typer.Option(help="Window theme.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    context.obj = theme
    if version:
        import resnet_studio

        echo(f"{PROGRAM} {resnet_studio.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _open_window([], theme)


@app.command(name="open")
def open_paths(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Images, weights, architectures, directories.")],
    theme: Annotated[Theme | None, typer.Option(help="Window theme.")] = None,
) -> None:
    """Open files in the window."""
    _open_window(paths, theme or context.obj)


@app.command()
def presets(as_json: AsJson = False) -> None:
    """List the architecture presets: what they cost, and the published figures."""
    if as_json:
        from resnet_studio.analysis.preset_figures import preset_json

        echo_json({name: preset_json(name) for name in PRESETS})
        return
    from resnet_studio.analysis.grids import preset_grid

    print_grid(preset_grid(PRESETS))


@app.command()
def table(
    name: Name = None,
    module: Module = None,
    settings: Settings = None,
    image_size: ImageSize = None,
    channels: Channels = None,
    unit: Unit = "flops",
    form: Annotated[Literal["text", "json", "csv", "markdown", "latex", "html"], typer.Option("--format")] = "text",
    summary: Annotated[bool, typer.Option("--summary", help="Print torchinfo's summary instead.")] = False,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer, as in CSV and JSON.")] = False,
) -> None:
    """Print the layer table of an architecture."""
    architecture = chosen_architecture(name, module, settings, image_size, channels)
    from resnet_studio.analysis import text
    from resnet_studio.analysis.compute import counting
    from resnet_studio.analysis.grids import layer_grid

    if summary:
        echo(counting.summary(architecture))
        return
    layer_table = run_with_progress(counting.layer_table_steps(architecture))
    if form == "json":
        echo_json(layer_table.to_json())
    elif form != "text":
        sys.stdout.write(text.table(layer_table, form, unit, layers=layers))
    else:
        print_grid(layer_grid(layer_table, unit, layers=layers))
        echo("\n".join(["", *text.notes(layer_table, unit)]))


@app.command()
def verify(
    as_json: AsJson = False,
    all_baselines: Annotated[
        bool, typer.Option("--all-baselines", help="Verify torchvision's values of its other networks. Takes minutes.")
    ] = False,
) -> None:
    """Verify values from papers, libraries and the article. Exit code 1 if one from the paper doesn't match."""
    if all_baselines:
        _verify_baselines(as_json=as_json)
    from resnet_studio.analysis.article import ARTICLE, ARTICLE_SLIPS
    from resnet_studio.analysis.compute.verification import paper_holds, verify_steps
    from resnet_studio.analysis.grids import verification_grids

    results = run_with_progress(verify_steps())
    all_hold = paper_holds(results)
    if as_json:
        echo_json([result.to_json() for result in results])
        raise typer.Exit(0 if all_hold else 1)
    for source, grid in verification_grids(results):
        echo(source)
        print_grid(grid)
        echo()
    echo(f"Other statements in {ARTICLE}, with corrections:")
    for slip in ARTICLE_SLIPS:
        echo(f"  ✗ {slip.says}\n    {slip.true} ({slip.source})")
    verdict = "All values from the paper match" if all_hold else "Not all values from the paper match"
    echo(f"\n{verdict} for the paper's own networks.")
    raise typer.Exit(0 if all_hold else 1)


def _verify_baselines(*, as_json: bool) -> NoReturn:
    """Verify torchvision's metadata of every baseline. Exit code 1 if a value doesn't match."""
    from resnet_studio.analysis.compute.verification import verify_baselines_steps
    from resnet_studio.analysis.grids import verification_grids

    started = time.perf_counter()
    results = run_with_progress(verify_baselines_steps())
    if as_json:
        echo_json([result.to_json() for result in results])
    for source, grid in () if as_json else verification_grids(results):
        echo(source)
        print_grid(grid)
        matching = sum(result.holds for result in results)
        echo(f"\n{matching} of {len(results)} values match; measured in {time.perf_counter() - started:.0f} s")
    raise typer.Exit(0 if all(result.holds for result in results) else 1)


compare.register(app)
catalog.register(app)
identify.register(app)
maps.register(app)
export.register(app)
figure.register(app)
measure.register(app)
train.register(app)
experiment.register(app)
runs.register(app)
sweep.register(app)


@app.command()
def doctor(
    device: Annotated[
        str | None, typer.Option("--device", metavar="NAME", help="Test a device: cpu, cuda:0, …")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Test a device in a minute.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check this installation, or test a device. Exit code 1 if a test of the device fails."""
    if device is not None:
        from resnet_studio.cli.selftest import run_selftest

        raise typer.Exit(0 if run_selftest(device, quick=quick, as_json=as_json) else 1)
    if quick:
        raise ValueError("--quick is for testing a device, as in `doctor --device cuda:0 --quick`")
    from resnet_studio.cli.doctor import report

    if as_json:
        echo_json(dict(report()))
        return
    for name, found in report():
        echo(f"{name + ':':<20}{found}")


def _open_window(paths: Sequence[str], theme: Theme | None) -> None:
    from resnet_studio.cli.doctor import check_display

    problem = check_display()
    if problem:
        raise OSError(problem)
    gc.disable()  # until the window is open: collections take a tenth of its start
    from resnet_studio.gui.app import run

    raise typer.Exit(run(paths, theme))
